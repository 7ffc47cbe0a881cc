import Base
import Queue

/// Reads names from a list, whose bytes are kept as they are.
final class NameReader {
    private var lines: LineReader
    private let endsWithNUL: Bool
    private let name: String

    /// - Parameters:
    ///   - endsWithNUL: Whether names end with NUL; else with a line feed, before which a carriage return is dropped.
    /// - Throws: `unreadable`.
    init(_ file: InputFile, endsWithNUL: Bool) throws(QueueError) {
        name = file.name
        self.endsWithNUL = endsWithNUL
        lines = try LineReader(file, separator: endsWithNUL ? 0 : 0x0A)
    }

    /// Returns the next name, nil at the end. Empty ones are passed over.
    ///
    /// - Throws: `unreadable`, also for a name that is longer than any path.
    func next() throws(QueueError) -> String? {
        while let line = try lines.next() {
            guard case .bytes(var bytes) = line, bytes.count <= Self.maximumLength else {
                throw .unreadable(
                    path: name, reason: "name \(lines.number) is longer than a path can be; do names end with NUL (-0)?"
                )
            }
            if !endsWithNUL, bytes.last == 0x0D { bytes = bytes.dropLast() }
            if !bytes.isEmpty { return SystemText.text(bytes) }
        }
        return nil
    }

    /// Addresses are longer than paths.
    private static let maximumLength = 1 << 16
}
