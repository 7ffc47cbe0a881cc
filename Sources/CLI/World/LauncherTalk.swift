/// Goes through what a world says, and leaves out mpirun's boxes about a rank's exit code: the code is known and is
/// explained in our own words, and where it only says that some jobs failed there is nothing to explain.
package struct LauncherTalk {
    /// The lines of a box that has begun.
    private var box: [String]?

    private static let knownAnyway = ["a non-zero exit code", "exited with non-zero status"]

    package init() {}

    /// The lines to pass on, now that `line` came.
    package mutating func linesToShow(after line: String) -> [String] {
        // The drain that was asked for, which we have spoken of ourselves.
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
        let isKnown = lines.contains { line in Self.knownAnyway.contains { line.contains($0) } }
        return isKnown ? [] : lines
    }

    /// What is left of a box that did not end.
    package mutating func linesAtEnd() -> [String] {
        defer { box = nil }
        return box ?? []
    }
}
