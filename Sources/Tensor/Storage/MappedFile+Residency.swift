import Base
import Foundation

extension MappedFile {
    /// Which pages of the file are in the page cache, one byte a page, whose lowest bit counts.
    ///
    /// Nil where the kernel does not say: it shows the pages of a file only to its owner and to whom may write it, and calls all
    /// of them resident to others.
    package func residentPages() -> [UInt8]? {
        let isShown =
            FileSystem.status(of: path).map { $0.st_uid == geteuid() || geteuid() == 0 } ?? false
            || FileSystem.isPermitted(path, W_OK)
        guard isShown else { return nil }
        var pages = [UInt8](repeating: 0, count: (count + Self.pageSize - 1) / Self.pageSize)
        let address = UnsafeMutableRawPointer(mutating: start)
        return mincore(address, count, &pages) == 0 ? pages : nil
    }

    /// Bytes of a page of memory.
    package static var pageSize: Int { max(1, Int(sysconf(Int32(_SC_PAGESIZE)))) }
}
