import Base

/// One row of a delimited file.
package struct DelimitedRow: Sendable {
    /// The number of the row, from 1; a header and empty lines are not counted.
    package let number: Int
    /// The number of the line in which the row begins, from 1.
    package let line: Int
    /// The bytes of all fields, one after the other, unquoted.
    let bytes: [UInt8]
    /// The place behind each field's last byte.
    let ends: [Int]
    let name: String

    /// The number of fields.
    package var count: Int { ends.count }

    /// The bytes of a field.
    ///
    /// - Parameter index: from 0, below ``count``.
    package subscript(index: Int) -> ArraySlice<UInt8> {
        bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
    }

    /// Returns a field as text.
    ///
    /// - Throws: ``TableError`` with the codes `missing` where the row has fewer fields, and `not_utf8`.
    package func text(_ index: Int) throws(TableError) -> String {
        guard index >= 0, index < count else {
            throw TableError(
                .missing, at: place, "the row has \(count.counted("field")), but field \(index + 1) is asked for")
        }
        guard let text = String(validating: self[index], as: UTF8.self) else {
            throw TableError(.notUTF8, at: place, "field \(index + 1) is not UTF-8; convert the file to UTF-8")
        }
        return text
    }

    /// Where the row stands, for a message.
    package var place: String { "\(name), row \(number) (line \(line))" }
}
