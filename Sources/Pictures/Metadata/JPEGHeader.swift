import Base
import Glibc

/// What a JPEG file has before its first scan: size, components and metadata; and how many scans there are.
struct JPEGHeader {
    private(set) var width = 0
    private(set) var height = 0
    /// 1 (gray), 3 (RGB or YCbCr) or 4 (CMYK or YCCK).
    var components: Int { frame.count }
    private(set) var metadata = PictureMetadata()
    /// Bytes of all coefficients, where the decoder has to hold them; otherwise 0.
    private(set) var coefficientBytes = 0

    /// The components of the frame.
    private var frame: [Component] = []
    private var isProgressive = false

    private struct Component {
        let identifier: UInt8
        /// Sampling factors.
        let horizontal: Int
        let vertical: Int
        /// Number of 8 x 8 blocks, rounded up to whole MCUs.
        var blocks = 0
    }

    /// Bytes of the coefficients of a block.
    private static let blockBytes = 128
    /// Maximum number of times that scans may go through all blocks, on the average of the components. Encoders make up to
    /// ten.
    static let maximumPasses = 24
    /// Blocks of a picture that is so small that more scans do no harm.
    static let smallPictureBlocks = 1 << 16
    /// Maximum bytes of an EXIF record, over all its segments. A TIFF in one segment has 64 KB.
    private static let maximumExifBytes = 1 << 20

    /// - Precondition: `bytes` begin with the start-of-image marker and 0xFF.
    init(_ bytes: [UInt8]) throws(ImageError) {
        // Between two segments anything that is not 0xFF is skipped, and a marker may be padded with 0xFF.
        var position = 3
        while let code = bytes.byte(at: position) {
            position += 1
            switch code {
            case 0xFF: continue
            case 0xD8, 0xD0...0xD7, 0xD9, 0xF0...0xFD, 0xC8, 0x00: break
            case 0xC0...0xFE:
                guard let length = bytes.bigEndian16(at: position), position + max(length, 2) <= bytes.count else {
                    throw .truncated("JPEG")
                }
                let segment = bytes[(position + 2)..<(position + max(length, 2))]
                position += max(length, 2)
                if try read(segment, marker: code) {
                    try countScans(bytes, first: segment, from: position)
                    return
                }
            default: throw ImageError(.corrupt, "this JPEG has an unknown marker before its picture")
            }
            while let junk = bytes.byte(at: position), junk != 0xFF { position += 1 }
            position += 1
        }
        throw .truncated("JPEG")
    }

    /// Reads one segment.
    ///
    /// - Returns: whether the segment begins a scan.
    private mutating func read(_ segment: ArraySlice<UInt8>, marker: UInt8) throws(ImageError) -> Bool {
        switch marker {
        case 0xC4, 0xCC: return false
        case 0xC0...0xCF, 0xDE: try readFrame(segment, marker: marker)
        case 0xE1: readMetadata(segment)
        case 0xDA:
            guard components > 0 else { throw ImageError(.corrupt, "this JPEG has a scan before its frame header") }
            return true
        default: break
        }
        return false
    }

    /// A frame header: sample precision in bits, height, width, number of components; of each the identifier, the
    /// sampling factors and the quantization table.
    private mutating func readFrame(_ segment: ArraySlice<UInt8>, marker: UInt8) throws(ImageError) {
        if let kind = Self.unsupportedKind(marker) {
            throw ImageError(.unsupportedFormat, "this is a \(kind) JPEG, which cannot be decoded; convert it first")
        }
        guard let bits = segment.byte(at: 0), let height = segment.bigEndian16(at: 1),
            let width = segment.bigEndian16(at: 3), let components = segment.byte(at: 5)
        else { throw ImageError(.corrupt, "this JPEG has a frame header that is too short") }
        guard bits == 8 else {
            throw ImageError(.unsupportedFormat, "this JPEG has \(bits) bits a sample; only 8 can be decoded")
        }
        guard [1, 3, 4].contains(components) else {
            throw ImageError(
                .unsupportedFormat, "this JPEG has \(components) components; only 1, 3 and 4 can be decoded")
        }
        frame = []
        for index in 0..<Int(components) {
            guard let identifier = segment.byte(at: 6 + 3 * index), let factors = segment.byte(at: 7 + 3 * index),
                (1...4).contains(factors >> 4), (1...4).contains(factors & 15)
            else { throw ImageError(.corrupt, "this JPEG has a frame header with wrong sampling factors") }
            frame.append(
                Component(identifier: identifier, horizontal: Int(factors >> 4), vertical: Int(factors & 15)))
        }
        (self.width, self.height) = (width, height)
        isProgressive = [0xC2, 0xC6, 0xCA, 0xCE].contains(marker)
        countBlocks()
    }

    private static func unsupportedKind(_ marker: UInt8) -> String? {
        switch marker {
        case 0xC3, 0xCB: "lossless"
        case 0xC5...0xC7, 0xCD...0xCF, 0xDE: "hierarchical"
        default: nil
        }
    }

    private mutating func countBlocks() {
        let widest = frame.map(\.horizontal).max() ?? 1
        let tallest = frame.map(\.vertical).max() ?? 1
        func units(_ pixels: Int, _ factor: Int) -> Int { (pixels + 8 * factor - 1) / (8 * factor) }
        let mcus = units(width, widest) * units(height, tallest)
        for index in frame.indices { frame[index].blocks = mcus * frame[index].horizontal * frame[index].vertical }
    }

    private mutating func readMetadata(_ segment: ArraySlice<UInt8>) {
        if segment.holds("Exif\0\0") {
            // An EXIF record may continue in further segments.
            metadata.appendExif(segment.dropFirst(6), maximumBytes: Self.maximumExifBytes)
        } else if segment.holds("http://ns.adobe.com/xap/1.0/\0") {
            metadata.xmp = Array(segment.dropFirst(29))
        }
    }
}

// MARK: Scans

extension JPEGHeader {
    /// Counts how often the scans of a file go through its blocks. A scan of a few bytes can go through all blocks of a
    /// large picture, so that thousands of them would take hours.
    ///
    /// - Throws: ``ImageError`` with the code `too_large` where they do so too often.
    private mutating func countScans(
        _ bytes: [UInt8], first: ArraySlice<UInt8>, from start: Int
    ) throws(ImageError) {
        let total = frame.map(\.blocks).reduce(0, +)
        guard isProgressive || (first.first.map { Int($0) } ?? 0) < components else { return }
        coefficientBytes = total * Self.blockBytes
        let allowed = max(total, Self.smallPictureBlocks) * Self.maximumPasses
        var (work, scans, position) = (blocks(ofScan: first), 1, start)
        while let scan = Self.nextScan(in: bytes, from: position) {
            let header = bytes[min(scan + 2, bytes.count)..<min(scan + 12, bytes.count)]
            work += max(blocks(ofScan: header), 1)
            scans += 1
            position = scan
            guard work <= allowed else {
                throw ImageError(
                    .tooLarge,
                    "it has more than \(scans) scans of \(width) x \(height) pixels, more than encoders make; save it anew"
                )
            }
        }
    }

    /// Blocks of the components of a scan.
    private func blocks(ofScan header: ArraySlice<UInt8>) -> Int {
        let count = min(Int(header.byte(at: 0) ?? 0), 4)
        return (0..<count).reduce(0) { sum, index in
            let identifier = header.byte(at: 1 + 2 * index)
            return sum + (frame.first { $0.identifier == identifier }?.blocks ?? 0)
        }
    }

    /// Returns the position behind the next marker that begins a scan.
    private static func nextScan(in bytes: [UInt8], from start: Int) -> Int? {
        bytes.withUnsafeBytes { buffer in
            var position = start
            while position + 1 < buffer.count, let base = buffer.baseAddress,
                let hit = memchr(base + position, 0xFF, buffer.count - 1 - position)
            {
                let offset = base.distance(to: UnsafeRawPointer(hit))
                if buffer[offset + 1] == 0xDA { return offset + 2 }
                position = offset + 1
            }
            return nil
        }
    }
}
