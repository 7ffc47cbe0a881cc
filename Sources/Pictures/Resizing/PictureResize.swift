/// The method that resizes a picture of any size to the square that the model takes.
package enum PictureResize: String, Sendable, CaseIterable {
    /// Pillow's bicubic, as in the processor of transformers.
    case pillow
    /// Bilinear between four pixels, as big_vision evaluates most captions.
    case bigVision = "big_vision"
    /// Bilinear with antialiasing, as big_vision evaluates most questions.
    case bigVisionAntialias = "big_vision_antialias"

    /// Resizes a picture to a square.
    ///
    /// - Parameter side: in pixels.
    package func square(_ image: RGBImage, side: Int) -> RGBImage {
        switch self {
        case .pillow: PillowBicubic.resize(image, toSide: side)
        case .bigVision: BigVisionBilinear.resize(image, toSide: side, antialias: false)
        case .bigVisionAntialias: BigVisionBilinear.resize(image, toSide: side, antialias: true)
        }
    }
}
