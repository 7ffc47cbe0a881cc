/// The prefixes of several sequences, one after the other, as rows of one prefill.
struct PackedPrefixes {
    /// Consecutive rows of one kind.
    struct Segment {
        enum Content {
            /// Rows of the picture with this index in the sequence.
            case picture(Int, rows: Range<Int>)
            case text(ArraySlice<Int32>)
        }
        let sequence: Int
        /// As rows of the whole prefill.
        let rows: Range<Int>
        let content: Content
    }

    let sequences: [Sequence]
    /// The rows of each sequence.
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

    /// Returns the position of a row in its own sequence, from 0.
    func position(of row: Int) -> Int {
        // Sequences are few and long: a binary search would save nothing.
        row - (ranges.last { $0.lowerBound <= row }?.lowerBound ?? 0)
    }

    /// Returns the indices of the sequences that have rows in a range, and which rows.
    func overlaps(_ rows: Range<Int>) -> [(sequence: Int, rows: Range<Int>)] {
        ranges.indices.compactMap { index in
            let common = ranges[index].clamped(to: rows)
            return common.isEmpty ? nil : (index, common)
        }
    }

    /// Cuts rows where a picture or the text of a sequence begins.
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
