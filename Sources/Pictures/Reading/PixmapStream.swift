/// Splits a stream that arrives in pieces into pictures in the format PPM, which follow each other without gaps.
struct PixmapStream {
    private let maximumPixels: Int
    private let budget: PictureBudget?
    private var bytes: [UInt8] = []

    /// - Parameter budget: refuses pictures that have no room in memory; nil for no such bound.
    init(maximumPixels: Int, budget: PictureBudget? = nil) {
        self.maximumPixels = maximumPixels
        self.budget = budget
    }

    /// Whether the stream ends with a whole picture.
    var isAtEnd: Bool { bytes.isEmpty }

    /// Takes the next piece of the stream.
    ///
    /// - Returns: the pictures that are complete with this piece.
    /// - Throws: ``ImageError`` with the codes `corrupt`, `too_large`, `no_memory`.
    mutating func take(_ piece: UnsafeRawBufferPointer) throws(ImageError) -> [RGBImage] {
        bytes += piece
        var pictures: [RGBImage] = []
        var start = 0
        while let header = try header(at: start) {
            let end = header.end + header.width * header.height * 3
            guard bytes.count >= end else { break }
            pictures.append(
                RGBImage(width: header.width, height: header.height, pixels: Array(bytes[header.end..<end])))
            start = end
        }
        if start > 0 { bytes.removeFirst(start) }
        return pictures
    }

    /// Reads "P6", width, height and 255, each followed by one white space. Returns nil while the header is not complete.
    private func header(at start: Int) throws(ImageError) -> (width: Int, height: Int, end: Int)? {
        var (fields, field, index): ([String], String, Int) = ([], "", start)
        while fields.count < 4 {
            guard index < bytes.count else { return nil }
            guard index - start < 64 else { throw Self.corrupt }
            let byte = bytes[index]
            index += 1
            if byte == 0x20 || byte == 0x0A {
                fields.append(field)
                field = ""
            } else {
                field.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        guard fields[0] == "P6", fields[3] == "255", let width = Int(fields[1]), let height = Int(fields[2]),
            width > 0, height > 0
        else { throw Self.corrupt }
        guard max(width, height) <= ImageDecoder.maximumSide, width <= maximumPixels / height else {
            throw ImageError(
                .tooLarge, "its frames have \(width) x \(height) pixels; at most \(maximumPixels) are read")
        }
        // The frame, the piece of the stream that it is cut from, and what resizing takes.
        try budget?.check(width * height * 9)
        return (width, height, index)
    }

    private static let corrupt = ImageError(.corrupt, "ffmpeg wrote something else than frames")
}
