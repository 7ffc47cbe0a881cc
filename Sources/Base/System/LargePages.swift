import Glibc

/// Memory that is written once and given back, as the pixels of a picture are: with pages of 4 KiB the kernel's work for each
/// page is a tenth of the time of decoding a large JPEG.
package enum LargePages {
    /// Smaller memory holds few whole large pages.
    private static let minimumBytes = 4 << 20

    /// Asks the kernel for large pages in fresh memory, before it is written. Where it has none nothing changes.
    package static func advise(_ memory: UnsafeMutableRawBufferPointer) {
        guard memory.count >= minimumBytes, let start = memory.baseAddress else { return }
        let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
        let (first, end) = (
            (UInt(bitPattern: start) + page - 1) / page * page, UInt(bitPattern: start) + UInt(memory.count)
        )
        madvise(UnsafeMutableRawPointer(bitPattern: first), Int((end - first) / page * page), MADV_HUGEPAGE)
    }
}
