import CImageCodecs

/// What the chunks of a PNG file say besides the pixels: size, metadata, and whether the file is whole.
struct PNGHeader {
    private(set) var width = 0
    private(set) var height = 0
    private(set) var metadata = PictureMetadata()
    /// Offset of the data of the IDAT chunk inside which the file ends. The rows may be complete all the same: what is
    /// missing can be the checksum of the zlib stream.
    private(set) var cutChunk: Int?
    /// Bytes of a row of samples as they are stored, and whether they become RGB without a second buffer.
    private var sampleBits = 0
    private var isRGB = false

    private var animated = false
    private let lenient: Bool
    /// Bytes of the texts that were decompressed or copied.
    private var textBytes = 0

    /// Maximum bytes of all texts together; Pillow refuses more.
    private static let maximumTextBytes = 64 << 20

    /// Bytes that the decoder takes beside the result.
    ///
    /// - Parameter channels: of the result.
    func decoderBytes(channels: Int) -> Int {
        let (pixels, overflows) = width.multipliedReportingOverflow(by: height)
        // Such a size is refused before this number is used.
        guard !overflows, pixels < 1 << 50 else { return 0 }
        // Gray and palette samples have a buffer of their own, of one byte each or two.
        let samples = isRGB || channels == 4 && sampleBits < 16 ? 0 : pixels * (sampleBits > 8 ? 2 : 1)
        // libpng holds two rows, of up to 8 bytes a pixel.
        return samples + 2 * 8 * width + (1 << 18)
    }

    /// - Parameter lenient: whether wrong checksums of chunks that are not needed are accepted.
    /// - Precondition: `bytes` begin with PNG's signature.
    init(_ bytes: [UInt8], lenient: Bool = false) throws(ImageError) {
        self.lenient = lenient
        var position = 8
        var inPicture = false
        while true {
            guard let length = bytes.bigEndian32(at: position), position + 8 <= bytes.count else {
                // Pillow accepts a file that ends between two chunks after its pixels.
                guard inPicture else { throw .truncated("PNG") }
                return
            }
            let type = bytes[(position + 4)..<(position + 8)]
            guard type.allSatisfy(isChunkLetter) else {
                guard inPicture else { throw ImageError(.corrupt, "this PNG has a broken chunk") }
                return
            }
            let isPixels = type.elementsEqual("IDAT".utf8)
            inPicture = inPicture || isPixels
            // The metadata of an animation are those of its first frame.
            if inPicture && animated && type.elementsEqual("fcTL".utf8) { return }
            guard length <= bytes.count - position - 8 else {
                guard isPixels else { throw .truncated("PNG") }
                cutChunk = position + 8
                return
            }
            if type.elementsEqual("IEND".utf8) {
                guard inPicture else { throw ImageError(.corrupt, "this PNG has no pixels") }
                return
            }
            let end = position + 8 + length
            if !inPicture { try checkChecksum(bytes, from: position + 4, to: end) }
            try read(bytes[(position + 8)..<end], type: String(decoding: type, as: UTF8.self), inPicture: inPicture)
            position = end + 4
        }
    }

    private func isChunkLetter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x5F, 0x61...0x7A: true
        default: false
        }
    }

    private func checkChecksum(_ bytes: [UInt8], from start: Int, to end: Int) throws(ImageError) {
        guard let stored = bytes.bigEndian32(at: end) else { throw .truncated("PNG") }
        let computed = bytes.withUnsafeBufferPointer { buffer in
            pg_crc32(UnsafeBufferPointer(rebasing: buffer[start..<end]).baseAddress, end - start)
        }
        // A small first letter marks a chunk that is not needed.
        if lenient, bytes[start] & 0x20 != 0 { return }
        guard Int(computed) == stored else {
            throw ImageError(.corrupt, "this PNG has a chunk with a wrong checksum; copy it again")
        }
    }

    private mutating func read(_ data: ArraySlice<UInt8>, type: String, inPicture: Bool) throws(ImageError) {
        switch type {
        case "IHDR":
            guard let width = data.bigEndian32(at: 0), let height = data.bigEndian32(at: 4) else {
                throw ImageError(.corrupt, "this PNG has a header that is too short")
            }
            (self.width, self.height) = (width, height)
            let (bits, color) = (Int(data.byte(at: 8) ?? 0), Int(data.byte(at: 9) ?? 0))
            isRGB = color == 2 || color == 6
            sampleBits = color == 0 ? bits : 8
        case "acTL":
            // The default image, where it is not part of the animation, is one frame more.
            animated = !inPicture && (data.bigEndian32(at: 0) ?? 0) > 0
        case "eXIf": metadata.exif = Array(data)
        case "tEXt", "zTXt", "iTXt":
            guard let text = PNGText(data, type: type) else { return }
            textBytes += text.value.count
            guard textBytes <= Self.maximumTextBytes else {
                throw ImageError(.tooLarge, "this PNG has more than \(Self.maximumTextBytes) bytes of texts")
            }
            metadata.take(text)
        default: break
        }
    }
}
