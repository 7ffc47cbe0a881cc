/// How fields and rows of a text file are separated.
package struct DelimitedFormat: Sendable, Equatable {
    /// How a field holds delimiters and line breaks.
    package enum Quoting: Sendable {
        /// In quotation marks, which are doubled inside (RFC 4180).
        case quotationMarks
        /// As `\t`, `\n`, `\r` and `\\`; a quotation mark is a character like any other.
        case backslashes
        /// Not at all: every delimiter and every line break separates.
        case none
    }

    /// The byte between two fields of a row.
    package var delimiter: UInt8
    package var quoting: Quoting

    package init(delimiter: UInt8, quoting: Quoting) {
        self.delimiter = delimiter
        self.quoting = quoting
    }

    /// Comma-separated values (RFC 4180).
    package static let csv = DelimitedFormat(delimiter: UInt8(ascii: ","), quoting: .quotationMarks)
    /// Tab-separated values as most programs write them: quoted like CSV.
    package static let tsv = DelimitedFormat(delimiter: UInt8(ascii: "\t"), quoting: .quotationMarks)
    /// Tab-separated values as ``DelimitedWriter`` writes them: one line a row, whatever its fields hold.
    package static let escapedTSV = DelimitedFormat(delimiter: UInt8(ascii: "\t"), quoting: .backslashes)
}

/// How much of a delimited file may be in memory.
package struct DelimitedLimits: Sendable {
    /// Size of the largest field, in bytes.
    package var fieldSize = 4 << 20
    /// Size of the largest row, in bytes.
    package var rowSize = 16 << 20
    /// Number of fields of the widest row.
    package var fields = 1 << 14

    package init() {}
}
