import CImageCodecs

/// The metadata of a picture that give its orientation.
struct PictureMetadata {
    /// An EXIF record: a TIFF file, possibly after `Exif\0\0`.
    var exif: [UInt8]?
    /// An XMP packet: XML.
    var xmp: [UInt8]?
    /// An EXIF record as older programs put it into a PNG's text: three lines of preamble, then hexadecimal digits.
    var hexadecimalExif: [UInt8]?

    /// The EXIF orientation, or that of the XMP packet where EXIF has none; upright where neither can be read.
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

    /// Adds a part of an EXIF record; what passes `maximumBytes` is left out.
    mutating func appendExif(_ part: ArraySlice<UInt8>, maximumBytes: Int) {
        // Taken out, so that the record is not copied for each part.
        var record = exif ?? []
        exif = nil
        record += part.prefix(max(maximumBytes - record.count, 0))
        exif = record
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
        var lines = 0
        var digits: [UInt8] = []
        for byte in hexadecimalExif {
            if byte == 0x0A { lines += 1 }
            guard lines >= 3, byte > 0x20 else { continue }
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
        return xmp.withUnsafeBytes { text in
            var start = 0
            while start < text.count, let base = text.baseAddress,
                let hit = pg_find(base + start, text.count - start, key, key.count)
            {
                let end = base.distance(to: hit) + key.count
                let rest = text[end..<min(end + 3, text.count)]
                let digit = rest.starts(with: "=\"".utf8) ? rest.dropFirst(2).first : rest.dropFirst().first
                if rest.starts(with: "=\"".utf8) || rest.first == 0x3E, let digit, (0x30...0x39).contains(digit) {
                    return Int(digit) - 0x30
                }
                start = end
            }
            return nil
        }
    }
}
