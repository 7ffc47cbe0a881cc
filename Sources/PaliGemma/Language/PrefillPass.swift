/// Prefixes of several sequences, one after the other, as rows of one prefill.
struct PackedPrefixes {
    /// A run of rows of one kind.
    struct Segment {
        enum Content {
            /// Rows of a picture of the sequence.
            case picture(Int, rows: Range<Int>)
            case text(ArraySlice<Int32>)
        }
        let sequence: Int
        /// Rows of the whole prefill.
        let rows: Range<Int>
        let content: Content
    }

    let sequences: [Sequence]
    /// Rows of each sequence.
    let ranges: [Range<Int>]
    let total: Int
    private let tokensPerPicture: Int

    init(_ sequences: [Sequence], tokensPerPicture: Int) {
        self.sequences = sequences
        self.tokensPerPicture = tokensPerPicture
        var start = 0
        ranges = sequences.map { sequence in
            defer { start += sequence.prefixRows }
            return start..<start + sequence.prefixRows
        }
        total = start
    }

    /// Place of a row in its own sequence, from 0.
    func place(of row: Int) -> Int {
        // Sequences are few and long: a search by halves would save nothing.
        row - (ranges.last { $0.lowerBound <= row }?.lowerBound ?? 0)
    }

    /// The sequences that have rows in a range, and which.
    func overlaps(_ rows: Range<Int>) -> [(sequence: Int, rows: Range<Int>)] {
        ranges.indices.compactMap { index in
            let common = ranges[index].clamped(to: rows)
            return common.isEmpty ? nil : (index, common)
        }
    }

    /// Rows cut where a picture or the text of a sequence begins.
    func segments(in rows: Range<Int>) -> [Segment] {
        overlaps(rows).flatMap { index, own -> [Segment] in
            let (sequence, start) = (sequences[index], ranges[index].lowerBound)
            var segments: [Segment] = []
            for picture in 0..<sequence.pictures {
                let first = start + picture * tokensPerPicture
                let part = (first..<first + tokensPerPicture).clamped(to: own)
                guard !part.isEmpty else { continue }
                let rows = part.lowerBound - first..<part.upperBound - first
                segments.append(Segment(sequence: index, rows: part, content: .picture(picture, rows: rows)))
            }
            let firstText = start + sequence.pictures * tokensPerPicture
            let text = (firstText..<ranges[index].upperBound).clamped(to: own)
            if !text.isEmpty {
                let tokens = sequence.textTokens[text.lowerBound - firstText..<text.upperBound - firstText]
                segments.append(Segment(sequence: index, rows: text, content: .text(tokens)))
            }
            return segments
        }
    }
}

/// Buffers of a prefill, kept for the next one.
final class PrefillBuffers {
    private let rows: Int
    private let own: Int
    private let block: Int
    private let chunk: Int
    let stream: Matrix  // [own, D]
    let normed: Matrix  // [own, D]
    let query: Matrix  // [own, N·H]
    let mixed: Matrix  // [own, N·H]
    let ownKeyValue: Matrix  // [own, 2·K·H], keys before values
    let keyValue: Matrix  // [T, 2·K·H], all ranks' rows
    let gathered: Matrix  // [T, D], block after block
    let hidden: Matrix  // [block, own columns of F]
    // Even and odd blocks: one is on its way while the other is computed.
    let evenPartial: Matrix  // [block, D]
    let oddPartial: Matrix  // [block, D]
    let evenReceived: Matrix  // [ranks · chunk, D]
    let oddReceived: Matrix  // [ranks · chunk, D]

    init(_ rows: PrefillRows, own: Int, ranks: Int, _ configuration: TextConfiguration, _ slice: TextSlice) {
        self.rows = rows.total
        self.own = own
        block = rows.longestBlock
        chunk = Self.longestChunk(rows, own: own)
        let width = configuration.width
        stream = Matrix(rows: own, columns: width)
        normed = Matrix(rows: own, columns: width)
        query = Matrix(rows: own, columns: configuration.queryWidth)
        mixed = Matrix(rows: own, columns: configuration.queryWidth)
        ownKeyValue = Matrix(rows: own, columns: 2 * configuration.keyValueWidth)
        keyValue = Matrix(rows: rows.total, columns: 2 * configuration.keyValueWidth)
        gathered = Matrix(rows: rows.total, columns: width)
        hidden = Matrix(rows: block, columns: slice.mlp.count)
        evenPartial = Matrix(rows: block, columns: width)
        oddPartial = Matrix(rows: block, columns: width)
        evenReceived = Matrix(rows: ranks * chunk, columns: width)
        oddReceived = Matrix(rows: ranks * chunk, columns: width)
    }

    func fits(_ rows: PrefillRows, own: Int, ranks: Int) -> Bool {
        rows.total <= self.rows && own <= self.own && rows.longestBlock <= block
            && Self.longestChunk(rows, own: own) <= chunk
    }

    private static func longestChunk(_ rows: PrefillRows, own: Int) -> Int {
        (own + rows.blocks - 1) / rows.blocks + 1
    }
}

/// One prefill under way: which rows, their buffers, and what is being transferred.
struct PrefillPass {
    let packed: PackedPrefixes
    let rows: PrefillRows
    /// This rank's rows.
    let own: Range<Int>
    let buffers: PrefillBuffers
    var gathers: [(any PendingTransfer)?]
    var sums: [(any PendingTransfer)?]
    /// Sequences whose features did not arrive whole.
    var damaged: Set<Int> = []

    init(packed: PackedPrefixes, rows: PrefillRows, own: Range<Int>, buffers: PrefillBuffers) {
        self.packed = packed
        self.rows = rows
        self.own = own
        self.buffers = buffers
        gathers = Array(repeating: nil, count: rows.blocks)
        sums = Array(repeating: nil, count: rows.blocks)
    }

    /// Views of own rows, named by their place in the whole prefill.
    func x(_ chunk: Range<Int>) -> MatrixView { view(buffers.stream.view, chunk) }
    func normed(_ chunk: Range<Int>) -> MatrixView { view(buffers.normed.view, chunk) }
    func query(_ chunk: Range<Int>) -> MatrixView { view(buffers.query.view, chunk) }
    func mixed(_ chunk: Range<Int>) -> MatrixView { view(buffers.mixed.view, chunk) }
    func ownKeyValue(_ chunk: Range<Int>) -> MatrixView { view(buffers.ownKeyValue.view, chunk) }

    private func view(_ matrix: MatrixView, _ chunk: Range<Int>) -> MatrixView {
        matrix.rows(chunk.lowerBound - own.lowerBound..<chunk.upperBound - own.lowerBound)
    }

    /// All ranks' normed rows of a block.
    func gathered(_ block: Int) -> MatrixView {
        let start = (0..<block).reduce(0) { $0 + (rows.placed($1).last?.upperBound ?? 0) }
        return buffers.gathered.view.rows(start..<start + (rows.placed(block).last?.upperBound ?? 0))
    }

    func partial(_ block: Int) -> MatrixView {
        let view = block % 2 == 0 ? buffers.evenPartial.view : buffers.oddPartial.view
        return view.rows(0..<(rows.placed(block).last?.upperBound ?? 0))
    }

    func received(_ block: Int, ranks: Int, rows: Int) -> MatrixView {
        let view = block % 2 == 0 ? buffers.evenReceived.view : buffers.oddReceived.view
        return view.rows(0..<ranks * rows)
    }
}
