import Base
import Glibc

extension FileSystem {
    /// Returns whether there is a device or a pipe at `path`, which is written and not replaced.
    static func isStream(_ path: String) -> Bool {
        status(of: path).map { ![S_IFREG, S_IFDIR].contains($0.st_mode & S_IFMT) } ?? false
    }
}
