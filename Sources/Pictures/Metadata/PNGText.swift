import CImageCodecs

/// A text chunk: a keyword and its value, decompressed.
struct PNGText {
    let keyword: String
    let value: [UInt8]

    /// Maximum bytes of a decompressed text; Pillow refuses a longer one.
    private static let maximumBytes = 1 << 20
    /// Keywords of texts that can hold an orientation. Others are not read.
    private static let keywords: Set<String> = ["XML:com.adobe.xmp", "xmp", "Raw profile type exif", "exif"]
    /// Maximum bytes of a keyword.
    private static let maximumKeyword = 79

    /// Reads a chunk; nil where it is broken, or of a keyword that is of no use here.
    init?(_ data: ArraySlice<UInt8>, type: String) {
        guard let end = data.prefix(Self.maximumKeyword + 1).firstIndex(of: 0) else { return nil }
        keyword = String(decoding: data[..<end], as: UTF8.self)
        guard Self.keywords.contains(keyword) else { return nil }
        var rest = data[(end + 1)...]
        var compressed = false
        if type == "zTXt" {
            guard rest.popFirst() == 0 else { return nil }
            compressed = true
        } else if type == "iTXt" {
            guard let flag = rest.popFirst(), let method = rest.popFirst(), flag == 0 || method == 0 else { return nil }
            compressed = flag != 0
            // A language and a translated keyword, both ended by a zero.
            for _ in 0..<2 {
                guard let zero = rest.firstIndex(of: 0) else { return nil }
                rest = rest[(zero + 1)...]
            }
        }
        guard compressed else {
            value = Array(rest)
            return
        }
        guard let inflated = PNGText.inflate(rest) else { return nil }
        value = inflated
    }

    private static func inflate(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        var written = -1
        let text = bytes.withUnsafeBufferPointer { compressed in
            [UInt8](unsafeUninitializedCapacity: maximumBytes) { buffer, count in
                written = pg_inflate(compressed.baseAddress, compressed.count, buffer.baseAddress, maximumBytes)
                count = max(written, 0)
            }
        }
        return written < 0 ? nil : text
    }
}
