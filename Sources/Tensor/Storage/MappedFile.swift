import Base
import Foundation

/// A file that is mapped read-only into memory. All ranks of a host that map the same file share its pages.
package final class MappedFile: @unchecked Sendable {
    // @unchecked: the mapping is read-only and lives as long as the object.
    package let path: String
    let start: UnsafeRawPointer
    package let count: Int

    /// The whole file.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

    /// Maps a whole file.
    ///
    /// - Throws: ``ModelError`` with the code `container` where it is no regular file, is empty, or cannot be mapped.
    package init(path: String) throws(ModelError) {
        let descriptor = FileSystem.open(path, O_RDONLY)
        guard descriptor >= 0 else {
            throw ModelError(.container, at: path, "cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw ModelError(.container, at: path, "is not a regular file")
        }
        let count = Int(status.st_size)
        guard count > 0 else { throw ModelError(.container, at: path, "is empty") }
        guard let base = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
            throw ModelError(.container, at: path, "cannot be mapped: \(String(cString: strerror(errno)))")
        }
        self.path = path
        self.start = UnsafeRawPointer(base)
        self.count = count
    }

    /// Reads some bytes into memory and maps their pages at once, which is several times as fast as a page fault for each.
    ///
    /// - Parameter range: bytes of the file, from a multiple of the page size on.
    /// - Returns: `errno` where the bytes cannot be read, which touching them would end the process for; else nil.
    package func populate(_ range: Range<Int>) -> Int32? {
        let address = UnsafeMutableRawPointer(mutating: start + range.lowerBound)
        guard madvise(address, range.count, MADV_POPULATE_READ) != 0 else { return nil }
        // Kernels before 5.14 do not know the advice; there each page is read when it is touched.
        return errno == EINVAL ? nil : errno
    }

    /// Unmaps the pages of some bytes that are not needed any more; they are mapped again when they are touched.
    ///
    /// - Parameter range: bytes of the file, from a multiple of the page size on.
    package func release(_ range: Range<Int>) {
        madvise(UnsafeMutableRawPointer(mutating: start + range.lowerBound), range.count, MADV_DONTNEED)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: start), count)
    }
}
