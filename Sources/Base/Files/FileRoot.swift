import CMachine
import Glibc

/// A folder below which files are opened, and nowhere else, whatever symbolic links are put there meanwhile. Links that stay
/// below it are followed. Whether there is something outside cannot be told by what is answered.
package struct FileRoot: Sendable {
    /// A part of a path in bytes: texts that Unicode calls the same name different files.
    private typealias Part = [UInt8]

    private static let maximumLinks = 40

    /// Without symbolic links.
    private let path: String
    private let parts: [Part]
    /// The path as a person gave it, where it is absolute: names below it are those below the root.
    private let givenParts: [Part]?

    /// - Parameter path: May be relative, and lead through symbolic links.
    package init(_ path: String) {
        self.path = FileSystem.resolved(path)
        parts = Self.parts(of: self.path)
        let given = Self.parts(of: path)
        givenParts = path.utf8.first == UInt8(ascii: "/") && !given.contains(Array("..".utf8)) ? given : nil
    }

    /// Opens a file for reading. The descriptor is closed when another program starts.
    ///
    /// - Returns: A negative number where it fails, with EXDEV in errno where the path leads out of the folder.
    package func open(_ path: String, _ flags: Int32) -> Int32 {
        guard let name = name(of: path) else {
            errno = EXDEV
            return -1
        }
        return open(below: name, flags)
    }

    /// Returns the status of a file; nil where there is none, or where the path leads out of the folder.
    package func status(of path: String) -> stat? {
        let descriptor = open(path, pg_open_path)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        return fstat(descriptor, &status) == 0 ? status : nil
    }

    /// Opens what has a name below the folder, whatever links are on the way.
    ///
    /// - Parameter kernel: Opens below a folder as `openat2` does; returns a descriptor, or minus an errno.
    /// - Returns: A negative number where it fails, with EXDEV in errno where the name leads out of the folder.
    package func open(
        below name: String, _ flags: Int32,
        asks kernel: (Int32, UnsafePointer<CChar>?, Int32) -> Int32 = { pg_open_beneath($0, $1, $2) }
    ) -> Int32 {
        let folder = FileSystem.open(path, pg_open_path | O_DIRECTORY)
        guard folder >= 0 else { return -1 }
        var (descriptor, failure) = (Int32(-1), EINVAL)
        withSystemPath(name) { name in
            let answer = kernel(folder, name, flags | O_CLOEXEC)
            // A kernel before 5.6 does not know the call; some sandboxes forbid what they do not know.
            if answer == -ENOSYS || answer == -EPERM {
                descriptor = openVerified(folder, name, flags)
                failure = errno
            } else {
                (descriptor, failure) = (answer, -answer)
            }
        }
        close(folder)
        if descriptor < 0 { errno = failure }
        return descriptor
    }

    /// Finds what has a name, and opens that very thing where it lies below the folder.
    private func openVerified(_ folder: Int32, _ name: UnsafePointer<CChar>, _ flags: Int32) -> Int32 {
        let found = openat(folder, name, pg_open_path | O_CLOEXEC)
        guard found >= 0 else { return -1 }
        defer { close(found) }
        let place = "/proc/self/fd/\(found)"
        guard let target = FileSystem.target(ofLink: place), isBelow(Self.parts(of: target)) else {
            errno = EXDEV
            return -1
        }
        return FileSystem.open(place, flags)
    }

    // MARK: Names

    /// Returns the name below the folder of what a path leads to, without symbolic links; nil where it leads out of it. Outside,
    /// nothing is followed but symbolic links.
    private func name(of path: String) -> String? {
        var given = Self.parts(of: path)
        if let givenParts, given.starts(with: givenParts) { given.replaceSubrange(..<givenParts.count, with: parts) }
        var (pending, place, links) = (Array(given.reversed()), [Part](), 0)
        if path.utf8.first != UInt8(ascii: "/") { place = Self.parts(of: FileSystem.currentFolder) }
        while let part = pending.popLast() {
            guard part != Array("..".utf8) else {
                // From another place, the answer would say whether there is such a folder.
                guard isBelow(place) || parts.starts(with: place) else { return nil }
                _ = place.popLast()
                continue
            }
            place.append(part)
            // The folders above the root are no links.
            guard !parts.starts(with: place), let target = FileSystem.target(ofLink: Self.text(of: place)) else {
                continue
            }
            links += 1
            guard links <= Self.maximumLinks else { return nil }
            place = target.utf8.first == UInt8(ascii: "/") ? [] : place.dropLast()
            pending += Self.parts(of: target).reversed()
        }
        guard isBelow(place) else { return nil }
        return String(Self.text(of: Array(place[parts.count...])).dropFirst())
    }

    private func isBelow(_ place: [Part]) -> Bool { place.count > parts.count && place.starts(with: parts) }

    private static func text(of place: [Part]) -> String {
        String(decoding: place.flatMap { [UInt8(ascii: "/")] + $0 }, as: UTF8.self)
    }

    private static func parts(of path: String) -> [Part] {
        path.utf8.split(separator: UInt8(ascii: "/")).map(Array.init).filter { $0 != [UInt8(ascii: ".")] }
    }
}

extension FileRoot? {
    /// Opens a file for reading, below the folder where there is one.
    package func open(_ path: String, _ flags: Int32) -> Int32 {
        self.map { $0.open(path, flags) } ?? FileSystem.open(path, flags)
    }

    /// Returns the status of a file, below the folder where there is one.
    package func status(of path: String) -> stat? {
        self.map { $0.status(of: path) } ?? FileSystem.status(of: path)
    }
}
