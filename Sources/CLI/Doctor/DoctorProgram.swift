import Base
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Runs other programs for a check. They die with the thread that runs them, and their output is kept short.
enum DoctorProgram {
    enum Result {
        case ended(ExternalProgram.Outcome, output: String)
        case notStarted(String)
        case timedOut
    }

    private static let maximumOutput = 1 << 16

    /// - Parameter limit: in seconds.
    static func run(
        _ program: ExternalProgram, _ arguments: [String], _ environment: [String: String], limit: Double
    ) -> Result {
        var surroundings = ExternalProgram.Surroundings()
        surroundings.environment = environment
        surroundings.diesWithCaller = true
        var output: [UInt8] = []
        do {
            let outcome = try program.run(arguments, in: surroundings, limit: limit) { bytes in
                if output.count < maximumOutput { output += bytes }
            }
            return .ended(outcome, output: String(decoding: output, as: UTF8.self))
        } catch is ExternalProgram.TimedOut {
            return .timedOut
        } catch {
            return .notStarted("\(error)")
        }
    }

    /// Returns the first line that a program writes; nil where it writes none.
    static func firstLine(
        of program: ExternalProgram, _ arguments: [String], _ environment: [String: String]
    ) -> String? {
        guard case .ended(_, let output) = run(program, arguments, environment, limit: 2) else { return nil }
        return output.split(separator: "\n").first.map(String.init)
    }
}

/// The name of a shared library that a program is linked with, as it stands in its file.
enum SharedLibraryName {
    /// Returns the first text in a file that begins so and goes on with digits; nil where there is none.
    static func find(prefix: String, in path: String) -> String? {
        let descriptor = FileSystem.open(path, O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 4,
            let start = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED
        else { return nil }
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(status.st_size))
        defer { munmap(start, bytes.count) }
        guard bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]), let end = end(of: Array(prefix.utf8), in: bytes) else {
            return nil
        }
        let digits = bytes[end...].prefix { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
        return digits.isEmpty ? nil : prefix + String(decoding: digits, as: UTF8.self)
    }

    /// Returns where the first occurrence of a text ends.
    private static func end(of text: [UInt8], in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let first = text.first, let start = bytes.baseAddress else { return nil }
        var offset = 0
        while let found = memchr(start + offset, Int32(first), bytes.count - offset) {
            offset = UnsafeRawPointer(found) - start
            if bytes[offset...].starts(with: text) { return offset + text.count }
            offset += 1
        }
        return nil
    }
}

/// The first three numbers of a program's version.
struct ProgramVersion: Equatable, CustomStringConvertible {
    let parts: [Int]
    var description: String { parts.map(String.init).joined(separator: ".") }

    /// Finds the first version in a text: "mpirun (Open MPI) 4.1.4", "Open MPI v5.0.0rc12, package …".
    init?(in text: String) {
        for word in text.split(whereSeparator: { " ,()".contains($0) }) {
            let fields = word.drop { $0 == "v" || $0 == "V" }.split(separator: ".", omittingEmptySubsequences: false)
            let numbers = fields.prefix(3).map { Int($0.prefix { $0.isASCII && $0.isNumber }) }
            if numbers.count >= 2, numbers.allSatisfy({ $0 != nil }) {
                parts = numbers.compactMap(\.self)
                return
            }
        }
        return nil
    }
}
