/// The metadata of a picture that say how it is to be turned.
struct PictureMetadata {
    /// An EXIF record: a TIFF file, possibly behind `Exif\0\0`.
    var exif: [UInt8]?
    /// An XMP packet: XML.
    var xmp: [UInt8]?
    /// An EXIF record as older programs put it into a PNG's text: three lines of preamble, then hexadecimal digits.
    var hexadecimalExif: [UInt8]?

    /// The EXIF orientation, or that of the XMP packet where EXIF says nothing of it; upright where neither can be read.
    var orientation: Orientation {
        var fromExif: Int?
        if let record = exif ?? decodedHexadecimalExif {
            guard let directory = ExifDirectory(record) else { return .upright }
            if directory.hasOrientation {
                return directory.orientation.flatMap(Orientation.init(rawValue:)) ?? .upright
            }
            fromExif = nil
        }
        return (fromExif ?? orientationInXMP).flatMap(Orientation.init(rawValue:)) ?? .upright
    }

    mutating func take(_ text: PNGText) {
        switch text.keyword {
        case "XML:com.adobe.xmp", "xmp": xmp = text.value
        case "Raw profile type exif": hexadecimalExif = text.value
        case "exif": exif = text.value
        default: break
        }
    }

    private var decodedHexadecimalExif: [UInt8]? {
        guard let hexadecimalExif else { return nil }
        let lines = hexadecimalExif.split(separator: 0x0A, omittingEmptySubsequences: false)
        var digits: [UInt8] = []
        for byte in lines.dropFirst(3).joined() where byte > 0x20 {
            guard let digit = Character(UnicodeScalar(byte)).hexDigitValue else { return [] }
            digits.append(UInt8(digit))
        }
        guard digits.count % 2 == 0 else { return [] }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// The digit after `tiff:Orientation="` or `tiff:Orientation>`.
    private var orientationInXMP: Int? {
        guard let xmp else { return nil }
        let key = Array("tiff:Orientation".utf8)
        var start = xmp.startIndex
        while let hit = xmp[start...].firstRange(of: key) {
            var rest = xmp[hit.upperBound...]
            if rest.starts(with: "=\"".utf8) {
                rest = rest.dropFirst(2)
            } else if rest.first == 0x3E {
                rest = rest.dropFirst()
            } else {
                rest = []
            }
            if let digit = rest.first, (0x30...0x39).contains(digit) { return Int(digit) - 0x30 }
            start = hit.upperBound
        }
        return nil
    }
}

/// The first directory of an EXIF record, read for its orientation alone.
///
/// It reads as Pillow does: the first entry of a tag counts, an entry of an unknown type is passed over, and an entry
/// whose data lie outside the record ends the directory.
struct ExifDirectory {
    /// Whether the directory has an entry for the orientation, even one of no use.
    private(set) var hasOrientation = false
    /// The orientation, where its entry holds an integer.
    private(set) var orientation: Int?

    private static let orientationTag = 0x0112
    /// Bytes of one value, by the TIFF type.
    private static let valueBytes = [
        1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8,
    ]

    /// Returns nil where the bytes are no EXIF record.
    init?(_ bytes: [UInt8]) {
        var record = bytes[...]
        for _ in 0..<2 where record.holds("Exif\0\0") { record = record.dropFirst(6) }
        if record.isEmpty { return }
        let prefixes: [[UInt8]] = [
            [0x4D, 0x4D, 0x00, 0x2A], [0x49, 0x49, 0x2A, 0x00], [0x4D, 0x4D, 0x2A, 0x00], [0x49, 0x49, 0x00, 0x2A],
            [0x4D, 0x4D, 0x00, 0x2B],
        ]
        guard prefixes.contains(where: record.starts(with:)) else { return nil }
        let little = record.holds("II")
        guard let start = record.integer(at: 4, bytes: 4, littleEndian: little) else { return nil }
        readEntries(record, at: start, little: little)
    }

    private mutating func readEntries(_ record: ArraySlice<UInt8>, at start: Int, little: Bool) {
        guard let entries = record.integer(at: start, bytes: 2, littleEndian: little) else { return }
        var outOfLineBytes = 0
        for entry in 0..<entries {
            let position = start + 2 + entry * 12
            guard position + 12 <= record.count,
                let tag = record.integer(at: position, bytes: 2, littleEndian: little),
                let type = record.integer(at: position + 2, bytes: 2, littleEndian: little),
                let count = record.integer(at: position + 4, bytes: 4, littleEndian: little)
            else { return }
            guard let unit = ExifDirectory.valueBytes[type] else { continue }
            var valuePosition = position + 8
            if count * unit > 4 {
                outOfLineBytes += count * unit
                if outOfLineBytes > record.count { continue }
                guard let offset = record.integer(at: valuePosition, bytes: 4, littleEndian: little),
                    offset + count * unit <= record.count
                else { return }
                valuePosition = offset
            }
            guard tag == ExifDirectory.orientationTag, count > 0, !hasOrientation else { continue }
            hasOrientation = true
            if [3, 4, 6, 8, 9, 13].contains(type) {
                orientation = record.integer(at: valuePosition, bytes: unit, littleEndian: little)
            }
        }
    }
}
