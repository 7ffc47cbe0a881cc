import Base
import CSnappy

/// How pages are compressed. The numbers are those of the format.
enum ParquetCodec: Int {
    case none = 0
    case snappy = 1
    case gzip = 2
    case zstd = 6

    private static let names = ["none", "snappy", "gzip", "LZO", "brotli", "LZ4", "zstd", "LZ4_RAW"]

    /// The name of the codec with a number, for a message.
    static func name(_ number: Int) -> String {
        names.indices.contains(number) ? names[number] : "number \(number)"
    }

    /// Returns the `size` bytes that a part of a page holds.
    ///
    /// - Throws: ``ParquetFault`` where it is damaged or holds another number of bytes.
    func decompressed(_ bytes: ArraySlice<UInt8>, size: Int) throws(ParquetFault) -> [UInt8] {
        guard self != .none else { return Array(bytes) }
        guard size > 0 else { return [] }
        var fault: ParquetFault?
        let content = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            do throws(ParquetFault) {
                try decompress(bytes, into: UnsafeMutableRawBufferPointer(buffer))
                filled = size
            } catch {
                fault = error
            }
        }
        if let fault { throw fault }
        return content
    }

    private func decompress(
        _ bytes: ArraySlice<UInt8>, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ParquetFault) {
        let result: Result<Void, CompressionError>? = bytes.withUnsafeBytes { bytes in
            do throws(CompressionError) {
                switch self {
                case .none: break
                case .gzip: try Gzip.decompress(bytes, into: buffer)
                case .zstd: try Zstd.decompress(bytes, into: buffer)
                case .snappy:
                    guard Self.decompressSnappy(bytes, into: buffer) else { return nil }
                }
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case nil: throw .malformed("the snappy data are damaged or hold another number of bytes than announced")
        case .failure(let error): throw .malformed("\(error)")
        case .success: break
        }
    }

    private static func decompressSnappy(
        _ bytes: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer
    ) -> Bool {
        let input = bytes.bindMemory(to: CChar.self).baseAddress
        var size = 0
        guard snappy_uncompressed_length(input, bytes.count, &size) == SNAPPY_OK, size == buffer.count else {
            return false
        }
        let output = buffer.bindMemory(to: CChar.self).baseAddress
        return snappy_uncompress(input, bytes.count, output, &size) == SNAPPY_OK && size == buffer.count
    }
}
