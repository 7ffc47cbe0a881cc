import Base

/// The 512 bytes before each member, of all formats: V7, USTAR, GNU, PAX.
struct TarHeader {
    static let size = 512

    /// Why 512 bytes are no header.
    enum Fault: Error {
        case checksum
        case number(String)
    }

    let name: [UInt8]
    let linkName: [UInt8]
    let size: Int
    let type: UInt8

    /// Reads a header, whose checksum must be right.
    ///
    /// - Throws: ``Fault``.
    init(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
        guard Self.hasRightChecksum(bytes) else { throw .checksum }
        // A directory of V7 has no type of its own: its name ends with a slash.
        let field = Self.text(bytes, 0..<100)
        let isPOSIX = bytes[257..<263].elementsEqual("ustar\0".utf8)
        let prefix = isPOSIX ? Self.text(bytes, 345..<500) : []
        name = prefix.isEmpty ? field : prefix + [UInt8(ascii: "/")] + field
        linkName = Self.text(bytes, 157..<257)
        let letter = bytes[156]
        type = letter == 0 ? (field.last == UInt8(ascii: "/") ? UInt8(ascii: "5") : UInt8(ascii: "0")) : letter
        guard let size = Self.number(bytes[124..<136]) else { throw .number("size") }
        self.size = size
    }

    private static func text(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> [UInt8] {
        Array(bytes[range].prefix { $0 != 0 })
    }

    /// The checksum is the sum of all bytes, those of the checksum itself taken as spaces. Some old programs added
    /// signed bytes.
    private static func hasRightChecksum(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let expected = number(bytes[148..<156]) else { return false }
        var (unsigned, signed) = (0, 0)
        for index in 0..<size {
            let byte = (148..<156).contains(index) ? 0x20 : bytes[index]
            unsigned += Int(byte)
            signed += Int(Int8(bitPattern: byte))
        }
        return expected == unsigned || expected == signed
    }

    /// Returns a number: octal digits between spaces, ended by a space or a zero byte, or base 256 with the first bit
    /// set. Nil for anything else, also for a negative number.
    static func number(_ field: some Collection<UInt8>) -> Int? {
        guard let first = field.first else { return nil }
        if first & 0x80 != 0 {
            guard first & 0x40 == 0 else { return nil }
            var value = Int(first & 0x3F)
            for byte in field.dropFirst() {
                guard value <= Int.max >> 8 else { return nil }
                value = value << 8 | Int(byte)
            }
            return value
        }
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0x20 && $0 != 0 }
        var value = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(digit), value <= Int.max >> 3 else { return nil }
            value = value << 3 | Int(digit - UInt8(ascii: "0"))
        }
        return value
    }
}
