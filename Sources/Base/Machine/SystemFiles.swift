import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// The files in which the kernel describes the machine and this process, below a root: "/", or a folder of a test's
/// that stands for it.
package struct SystemFiles: Sendable {
    /// What is at a path.
    enum Content: Equatable {
        case text(String)
        case absent
        /// There is something that cannot be read.
        case unreadable
    }

    /// Longer files than this are not read to their ends.
    private static let maximumBytes = 4 << 20

    private let root: String

    package init(root: String = "/") { self.root = root == "/" ? "" : root }

    /// The files of this machine, or of the folder that PALIGEMMA_MACHINE_ROOT names in its place.
    package static var current: SystemFiles {
        SystemFiles(root: ProcessEnvironment.variables["PALIGEMMA_MACHINE_ROOT"] ?? "/")
    }

    /// The cores that are switched on; nil where that is not known.
    var onlineCores: CoreSet? { text("/sys/devices/system/cpu/online").flatMap { CoreSet(list: $0) } }

    /// Returns the cores that a process may run on; nil where that is not known.
    ///
    /// The kernel's list also has cores that a virtual machine could be given later, and does not have now.
    ///
    /// - Parameter process: its number, or "self".
    package func allowedCores(ofProcess process: String) -> CoreSet? {
        guard let cores = value(of: "Cpus_allowed_list", in: "/proc/\(process)/status").flatMap({ CoreSet(list: $0) }),
            !cores.isEmpty
        else { return nil }
        let present = onlineCores.map { cores.intersection($0) } ?? cores
        return present.isEmpty ? cores : present
    }

    /// Reads the file at an absolute path.
    func content(_ path: String) -> Content {
        let descriptor = FileSystem.open(root + path, O_RDONLY)
        guard descriptor >= 0 else { return errno == ENOENT || errno == ENOTDIR ? .absent : .unreadable }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while bytes.count < Self.maximumBytes {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { return .unreadable }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return .text(String(decoding: bytes, as: UTF8.self))
    }

    /// Returns the text of the file at an absolute path; nil where there is none that can be read.
    package func text(_ path: String) -> String? {
        guard case .text(let text) = content(path) else { return nil }
        return text
    }

    /// Returns what stands behind a label in a file of lines such as "MemTotal: 16384 kB"; nil where there is none.
    package func value(of label: String, in path: String) -> String? {
        let line = text(path)?.split(separator: "\n").first { $0.hasPrefix(label + ":") }
        return line.map { $0.dropFirst(label.count + 1).trimmingCharacters(in: .whitespaces) }
    }

    /// Returns the names in the folder at an absolute path; none where it cannot be read.
    package func names(in path: String) -> [String] {
        (try? FileSystem.names(in: root + path)) ?? []
    }
}
