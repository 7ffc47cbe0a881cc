/// The size of a picture in its file, after the EXIF orientation is applied, in pixels.
package struct PictureSize: Sendable, Equatable {
    package var width: Int
    package var height: Int

    package init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }
}
