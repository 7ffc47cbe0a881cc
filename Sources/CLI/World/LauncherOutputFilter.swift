/// Goes through the lines of a world's output, and leaves out mpirun's boxes about a rank's exit code. The exit
/// code is known and is explained by this program; where it only means that some jobs failed there is nothing to explain.
package struct LauncherOutputFilter {
    /// The lines of a box that has begun.
    private var box: [String]?

    private static let redundantPhrases = ["a non-zero exit code", "exited with non-zero status"]

    package init() {}

    /// Returns the lines to show now that `line` came.
    package mutating func linesToShow(after line: String) -> [String] {
        // The drain that was asked for, which we have reported ourselves.
        if line.hasPrefix("mpirun: Forwarding signal") { return [] }
        let isEdge = line.count > 40 && line.allSatisfy { $0 == "-" }
        guard var lines = box else {
            guard isEdge else { return [line] }
            box = [line]
            return []
        }
        lines.append(line)
        guard isEdge else {
            box = lines
            return []
        }
        box = nil
        let isRedundant = lines.contains { line in Self.redundantPhrases.contains { line.contains($0) } }
        return isRedundant ? [] : lines
    }

    /// Returns what is left of a box that did not end.
    package mutating func linesAtEnd() -> [String] {
        defer { box = nil }
        return box ?? []
    }
}
