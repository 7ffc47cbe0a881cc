import Base
import Foundation

/// Room on the disks.
package enum DiskCheck {
    /// A folder that is written to.
    package struct Place: Sendable, Equatable {
        /// What it is for: "the queue".
        package var use: String
        package var path: String
        /// Bytes; nil where there is no such folder.
        package var freeBytes: Int?
        /// Nil where the file system does not count them.
        package var freeInodes: Int?
        /// Whether a world cannot start without room there.
        package var isVital: Bool

        package init(use: String, path: String, freeBytes: Int?, freeInodes: Int? = nil, isVital: Bool = false) {
            self.use = use
            self.path = path
            self.freeBytes = freeBytes
            self.freeInodes = freeInodes
            self.isVital = isVital
        }
    }

    private static let littleBytes = 1 << 30
    private static let noBytes = 16 << 20
    private static let fewInodes = 1000

    package static func judge(_ places: [Place]) -> Finding {
        .all(places.map(judge))
    }

    private static func judge(_ place: Place) -> Finding {
        guard let bytes = place.freeBytes else {
            return Finding(
                .warn, "\(place.use): there is no folder \(place.path)", "make it, or name another in TMPDIR")
        }
        let text = "\(place.use): \(ByteCount.text(bytes)) free in \(place.path)"
        let inodes = place.freeInodes ?? .max
        if bytes < noBytes || inodes == 0 {
            return Finding(place.isVital ? .fail : .warn, text + (inodes == 0 ? ", no inodes" : ""), "make room there")
        }
        if bytes < littleBytes { return Finding(.warn, text, "make room there, or use another disk") }
        if inodes < fewInodes {
            return Finding(.warn, "\(text), \(inodes) inodes", "remove small files there, or use another disk")
        }
        return Finding(.ok, text)
    }

    /// - Parameter queueFolder: nil where the queue is not a file.
    static func places(queueFolder: String?) -> [Place] {
        func place(_ use: String, _ path: String, isVital: Bool = false) -> Place {
            let room = FileSystemRoom(of: path)
            return Place(
                use: use, path: path, freeBytes: room?.freeBytes, freeInodes: room?.freeInodes, isVital: isVital)
        }
        let queue = queueFolder.map { [place("the queue", $0, isVital: true)] } ?? []
        let temporary = ProcessEnvironment.variables["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        return queue + [place("this folder", FileSystem.currentFolder), place("temporary files", temporary)]
    }
}

/// ffmpeg.
package enum FFmpegCheck {
    /// - Parameter line: the first that `ffmpeg -version` writes; nil where there is no ffmpeg.
    package static func judge(_ line: String?) -> Finding {
        let install = "install ffmpeg 5.1 or later (Debian: ffmpeg)"
        guard let line else { return Finding(.note, "not on PATH; videos fail, pictures do not need it", install) }
        guard let version = ProgramVersion(in: line) else {
            return .notChecked("its version is not known: '\(line.prefix(60))'")
        }
        let isOld = version.parts.lexicographicallyPrecedes([5, 1])
        return isOld ? Finding(.warn, "\(version) is older than 5.1", install) : Finding(.ok, "\(version)")
    }

    static func line() -> String? {
        ExternalProgram(named: "ffmpeg").map { program in
            DoctorProgram.firstLine(of: program, ["-version"], ProcessEnvironment.variables) ?? "nothing"
        }
    }
}
