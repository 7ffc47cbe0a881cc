import CWire

/// The checksum of frames.
enum Checksum {
    /// Returns the CRC-32C (Castagnoli) of bytes. The C file chooses between the processor's instruction and tables.
    static func crc32c(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        pg_crc32c(0, bytes.baseAddress, bytes.count)
    }
}
