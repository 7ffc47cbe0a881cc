/// Splits the name of a member as webdataset does: `d.x/b.c.jpg` is the field `c.jpg` of the sample `d.x/b`.
package struct SampleName: Equatable, Sendable {
    /// The path up to the first dot of its last component.
    package let key: String
    /// What follows that dot, in lower case.
    package let field: String

    /// Returns nil for a name that belongs to no sample: its last component has no dot, or begins with one.
    package init?(_ name: String) {
        let bytes = name.utf8
        var component = bytes.startIndex
        if let slash = bytes.lastIndex(of: UInt8(ascii: "/")) { component = bytes.index(after: slash) }
        guard let dot = bytes[component...].firstIndex(of: UInt8(ascii: ".")) else { return nil }
        if dot == component, !Self.isDirectoryWithoutDot(bytes[..<component]) { return nil }
        key = String(name[..<dot])
        field = name[bytes.index(after: dot)...].lowercased()
    }

    /// Whether a path up to its last slash ends with a component that has no dot. webdataset takes such a directory as
    /// the sample of a file whose name begins with a dot.
    private static func isDirectoryWithoutDot(_ path: Substring.UTF8View) -> Bool {
        guard let slash = path.last, slash == UInt8(ascii: "/") else { return false }
        return !path.dropLast().reversed().prefix { $0 != UInt8(ascii: "/") }.contains(UInt8(ascii: "."))
    }

    /// Whether webdataset passes over a member of this name: its first component begins and ends with two underscores.
    package static func isMetadata(_ name: String) -> Bool {
        let component = name.utf8.prefix { $0 != UInt8(ascii: "/") }
        let underscores = [UInt8(ascii: "_"), UInt8(ascii: "_")]
        return component.count >= 4 && component.starts(with: underscores)
            && component.suffix(2).elementsEqual(underscores)
    }
}
