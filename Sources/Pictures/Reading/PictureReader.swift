import Base

/// Reads picture files and resizes the pictures to the square that the model takes.
package struct PictureReader: Sendable {
    /// Side of the square in pixels.
    package var side: Int
    package var resize: PictureResize
    /// Pillow's filter; nil where pictures are not resized and must have the size already, unless `resize` is another
    /// method than Pillow's.
    package var filter: PillowFilter?
    package var options: ImageDecoder.Options
    /// Bounds the pictures that are read at the same time; nil for no bound.
    package var budget: PictureBudget?
    /// The folder below which files are read; nil for everywhere.
    package var root: FileRoot?

    package init(
        side: Int, resize: PictureResize = .pillow, filter: PillowFilter? = .bicubic,
        options: ImageDecoder.Options = ImageDecoder.Options(), budget: PictureBudget? = nil
    ) {
        self.budget = budget
        self.side = side
        self.resize = resize
        self.filter = filter
        self.options = options
    }

    /// A picture, ready for the vision tower.
    package struct Picture: Sendable {
        /// XXH3-128 of the file's bytes, 32 hexadecimal digits.
        package let contentHash: String
        /// Size and modification time of the very file that was read.
        package let stamp: FileStamp
        /// Size in pixels of the picture in its file, after it was turned upright.
        package let originalWidth: Int
        package let originalHeight: Int
        /// [side, side, 3] bytes.
        package let image: RGBImage
        /// Whether parts of the picture were missing or broken and have been filled in.
        package let isDamaged: Bool
    }

    /// Opens, reads, hashes, decodes and resizes the picture at `path`.
    ///
    /// - Parameter expected: what was known of the file when it was submitted; anything else is an error.
    /// - Throws: ``ImageError`` with any of its codes but `unwritable`.
    package func read(path: String, expecting expected: FileExpectation = FileExpectation()) throws(ImageError)
        -> Picture
    {
        let size = try admit(path)
        defer { budget?.giveFile(size) }
        let file: FileBytes
        do throws(FileError) {
            file = try FileBytes(path: path, in: root)
        } catch {
            throw ImageError(error)
        }
        try expected.verify(file.stamp, path: path)
        return try picture(file.bytes, stamp: file.stamp, path: path, expecting: expected)
    }

    /// Waits until there is room for a file.
    ///
    /// - Returns: the bytes that were taken for it.
    private func admit(_ path: String) throws(ImageError) -> Int {
        let stamp: FileStamp
        do throws(FileError) {
            stamp = try FileStamp(path: path, in: root)
        } catch {
            throw ImageError(error)
        }
        // What is larger than files may be is refused when it is read.
        guard stamp.size <= FileBytes.maximumSize else { return 0 }
        do throws(ImageError) {
            try budget?.takeFile(Int(stamp.size))
        } catch {
            throw error.located(at: path)
        }
        return Int(stamp.size)
    }

    /// Hashes, decodes and resizes a picture whose file is in memory.
    ///
    /// - Parameters:
    ///   - path: names the file in an error.
    ///   - stamp: the stamp of the file when it was read.
    /// - Throws: ``ImageError`` with the codes of ``ImageDecoder/decode(_:options:forSide:)``.
    package func read(bytes: [UInt8], path: String, stamp: FileStamp) throws(ImageError) -> Picture {
        try picture(bytes, stamp: stamp, path: path, expecting: FileExpectation())
    }

    private func picture(
        _ bytes: [UInt8], stamp: FileStamp, path: String, expecting expected: FileExpectation
    ) throws(ImageError) -> Picture {
        let contentHash = ContentHash.hexadecimal(of: bytes)
        try expected.verify(contentHash: contentHash, path: path)
        let original: DecodedPicture
        var taken = 0
        // The decoded picture is in memory until it has been resized.
        defer { if taken > 0 { budget?.givePicture(taken) } }
        do throws(ImageError) {
            original = try ImageDecoder.decode(bytes, options: options, forSide: side) { (bytes) throws(ImageError) in
                try budget?.takePicture(bytes)
                taken = bytes
            }
        } catch {
            throw error.located(at: path)
        }
        return Picture(
            contentHash: contentHash, stamp: stamp,
            originalWidth: original.originalWidth, originalHeight: original.originalHeight,
            image: try square(original.image, path: path), isDamaged: original.isDamaged)
    }

    /// Returns a picture or a frame as the model takes it.
    ///
    /// - Parameter path: names the file in an error.
    /// - Throws: ``ImageError`` with the code `wrongSize` where it would have to be resized, and must not be.
    func square(_ image: RGBImage, path: String) throws(ImageError) -> RGBImage {
        if filter == nil, resize == .pillow, image.width != side || image.height != side {
            throw ImageError(
                .wrongSize, at: path,
                "it has \(image.width) x \(image.height) pixels, and the model's do_resize is false: give pictures of "
                    + "\(side) x \(side), or give the workers --resize")
        }
        return resize.square(image, side: side, filter: filter ?? .bicubic)
    }
}
