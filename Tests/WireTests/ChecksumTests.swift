import CWire
import TestSupport
import Testing

@Suite("CRC-32C") struct ChecksumTests {
    /// RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
    static let vectors: [(bytes: [UInt8], crc: UInt32)] = [
        (Array("123456789".utf8), 0xE306_9283),
        ([UInt8](repeating: 0x00, count: 32), 0x8A91_36AA),
        ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        ((0..<32).map { UInt8($0) }, 0x46DD_794E),
        ((0..<32).reversed().map { UInt8($0) }, 0x113F_DB5C),
        ([], 0),
    ]

    @Test("The checksums of published vectors are right") func knownVectorsHold() {
        for vector in Self.vectors {
            #expect(pg_crc32c(0, vector.bytes, vector.bytes.count) == vector.crc)
            #expect(pg_crc32c_table(0, vector.bytes, vector.bytes.count) == vector.crc)
        }
    }

    @Test(
        "The instruction and the tables give the same checksum for any length and alignment",
        .enabled(if: pg_crc32c_has_sse42(), "this processor has no SSE4.2"))
    func instructionAndTablesAgreeOnAnyLengthAndAlignment() {
        var generator = SeededGenerator(seed: 1)
        let bytes = (0..<5000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        bytes.withUnsafeBytes { all in
            for length in Array(0...80) + [255, 1000, 4096, 4900] {
                for offset in 0..<9 {
                    let part = UnsafeRawBufferPointer(rebasing: all[offset..<(offset + length)])
                    #expect(
                        pg_crc32c_sse42(0, part.baseAddress, length) == pg_crc32c_table(0, part.baseAddress, length))
                }
            }
        }
    }

    @Test("A checksum continued over the second part is that of the whole") func aChecksumGoesOnWhereAnotherEnded() {
        let bytes = Array("the same bytes in two parts".utf8)
        for cut in 0...bytes.count {
            let first = pg_crc32c(0, Array(bytes[..<cut]), cut)
            #expect(pg_crc32c(first, Array(bytes[cut...]), bytes.count - cut) == pg_crc32c(0, bytes, bytes.count))
        }
    }
}
