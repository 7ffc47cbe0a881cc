/// Finds fields and rows in bytes that come piece by piece.
struct RowScanner {
    private let format: DelimitedFormat
    private let limits: DelimitedLimits
    /// The row that was scanned last.
    private(set) var row = RowBuilder()
    private var state = State.fieldStart
    /// The number of the line that is scanned, from 1.
    private var line = 1
    /// The byte before the next one: an LF behind a CR ends neither a row nor a line.
    private var previous: UInt8 = 0

    private enum State {
        /// Before the first byte of a field.
        case fieldStart
        /// In a field without quotation marks.
        case plain
        /// Behind a backslash.
        case escape
        /// In quotation marks.
        case quoted
        /// Behind a quotation mark in quotation marks.
        case quote
        /// In a row with a fault, up to its end.
        case fault
    }

    init(_ format: DelimitedFormat, _ limits: DelimitedLimits) {
        self.format = format
        self.limits = limits
    }

    mutating func beginRow() {
        row.begin(line: line)
        state = .fieldStart
    }

    /// Ends the row where there are no more bytes, and returns whether there is one.
    mutating func endOfSource() -> Bool {
        switch state {
        case .fieldStart where row.isEmptyLine: return false
        case .quoted:
            row.fail(.truncated, "the file ends inside a quoted field that begins in line \(row.fieldLine)")
        case .escape: row.fail(.truncated, "the file ends behind a backslash")
        default: break
        }
        row.endField(limits)
        return true
    }

    /// Scans bytes up to the end of the row or of the bytes.
    mutating func scan(_ bytes: UnsafeRawBufferPointer) -> (taken: Int, isComplete: Bool) {
        var index = 0
        // Where a field starts, a CR can only have ended the row before.
        if state == .fieldStart, previous == 0x0D, bytes[0] == 0x0A { index = 1 }
        if index == 1 { previous = 0 }
        while index < bytes.count {
            // Most bytes are text: a run of them is copied at once.
            let run = index
            switch state {
            case .plain, .fieldStart:
                index = endOfText(bytes, from: index)
            case .quoted:
                while index < bytes.count, bytes[index] != 0x22, bytes[index] != 0x0A, bytes[index] != 0x0D {
                    index += 1
                }
            case .fault:
                while index < bytes.count, bytes[index] != 0x0A, bytes[index] != 0x0D { index += 1 }
            case .escape, .quote: break
            }
            if index > run {
                previous = 0
                if state == .fieldStart { state = .plain }
                row.append(UnsafeRawBufferPointer(rebasing: bytes[run..<index]), limits)
            }
            guard index < bytes.count else { break }
            let isComplete = take(bytes[index])
            previous = bytes[index]
            index += 1
            if isComplete { return (index, true) }
        }
        return (index, false)
    }

    /// Returns the place of the next byte that may mean something outside quotation marks.
    private func endOfText(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        let special: UInt8 =
            switch format.quoting {
            case .quotationMarks: state == .fieldStart ? 0x22 : format.delimiter
            case .backslashes: UInt8(ascii: "\\")
            case .none: format.delimiter
            }
        let delimiter = format.delimiter
        var index = start
        // A quotation mark means something only at the start of a field.
        if state == .fieldStart, index < bytes.count, bytes[index] != special, bytes[index] != delimiter,
            bytes[index] != 0x0A, bytes[index] != 0x0D
        {
            index += 1
        } else if state == .fieldStart {
            return index
        }
        let later = format.quoting == .backslashes ? special : delimiter
        while index < bytes.count {
            let byte = bytes[index]
            if byte == delimiter || byte == 0x0A || byte == 0x0D || byte == later { break }
            index += 1
        }
        return index
    }

    /// Takes a byte that may mean something, and returns whether it ends the row.
    private mutating func take(_ byte: UInt8) -> Bool {
        switch (state, byte) {
        case (.quoted, 0x22): state = .quote
        case (.quoted, 0x0A), (.quoted, 0x0D):
            row.append(byte, limits)
            endLine(byte)
        case (.quote, 0x22):
            row.append(byte, limits)
            state = .quoted
        case (.escape, 0x0A), (.escape, 0x0D):
            row.fail(.malformed, "a line ends behind a backslash")
            endLine(byte)
            return true
        case (.escape, _): takeEscaped(byte)
        case (_, 0x0A), (_, 0x0D):
            row.endField(limits)
            endLine(byte)
            return true
        case (.fault, _): break
        case (_, format.delimiter):
            row.endField(limits)
            row.fieldLine = line
            state = .fieldStart
        case (.fieldStart, 0x22) where format.quoting == .quotationMarks:
            row.hasQuotationMarks = true
            state = .quoted
        case (_, UInt8(ascii: "\\")) where format.quoting == .backslashes: state = .escape
        case (.quote, _):
            row.fail(
                .malformed,
                "a quoted field that begins in line \(row.fieldLine) goes on behind its closing quotation mark; "
                    + "quotation marks inside a quoted field are doubled")
            state = .fault
        default:
            row.append(byte, limits)
            state = .plain
        }
        return false
    }

    private mutating func takeEscaped(_ byte: UInt8) {
        state = .plain
        switch byte {
        case UInt8(ascii: "t"): row.append(0x09, limits)
        case UInt8(ascii: "n"): row.append(0x0A, limits)
        case UInt8(ascii: "r"): row.append(0x0D, limits)
        case UInt8(ascii: "\\"): row.append(byte, limits)
        default:
            row.fail(.malformed, "a backslash stands before none of t, n, r and \\")
            state = .fault
        }
    }

    private mutating func endLine(_ byte: UInt8) {
        if byte != 0x0A || previous != 0x0D { line += 1 }
    }
}

/// The row that is being read.
struct RowBuilder {
    private(set) var bytes: [UInt8] = []
    private(set) var ends: [Int] = []
    private(set) var fault: (code: TableError.Code, reason: String)?
    /// The line in which the row begins.
    private(set) var line = 1
    /// The line in which the field begins.
    var fieldLine = 1

    /// Whether a field stands in quotation marks.
    var hasQuotationMarks = false

    /// Whether the row has no byte at all: no delimiter and no quotation mark.
    var isEmptyLine: Bool { bytes.isEmpty && ends.count <= 1 && !hasQuotationMarks && fault == nil }

    mutating func begin(line: Int) {
        bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 20)
        ends.removeAll(keepingCapacity: true)
        fault = nil
        hasQuotationMarks = false
        self.line = line
        fieldLine = line
    }

    mutating func append(_ byte: UInt8, _ limits: DelimitedLimits) {
        if hasRoom(1, limits) { bytes.append(byte) }
    }

    mutating func append(_ run: UnsafeRawBufferPointer, _ limits: DelimitedLimits) {
        if hasRoom(run.count, limits) { bytes.append(contentsOf: run) }
    }

    mutating func endField(_ limits: DelimitedLimits) {
        guard fault == nil else { return }
        ends.append(bytes.count)
        if ends.count > limits.fields { fail(.tooLarge, "the row has more than \(limits.fields) fields") }
    }

    /// Records what is wrong with the row, and drops its content. The first fault counts.
    mutating func fail(_ code: TableError.Code, _ reason: String) {
        guard fault == nil else { return }
        fault = (code, reason)
        bytes = []
        ends = []
    }

    private mutating func hasRoom(_ count: Int, _ limits: DelimitedLimits) -> Bool {
        guard fault == nil else { return false }
        let field = bytes.count - (ends.last ?? 0) + count
        if field <= limits.fieldSize, bytes.count + count <= limits.rowSize { return true }
        let what =
            field > limits.fieldSize
            ? "a field has more than \(limits.fieldSize)" : "the row has more than \(limits.rowSize)"
        fail(.tooLarge, "\(what) bytes; is the closing quotation mark of line \(fieldLine) missing?")
        return false
    }
}
