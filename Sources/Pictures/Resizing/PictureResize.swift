/// The method that resizes a picture of any size to the square that the model takes.
package enum PictureResize: String, Sendable, CaseIterable {
    /// Pillow's, as in the processor of transformers: bicubic where the checkpoint has no other filter.
    case pillow
    /// Bilinear between four pixels, as big_vision evaluates most captions.
    case bigVision = "big_vision"
    /// Bilinear with antialiasing, as big_vision evaluates most questions.
    case bigVisionAntialias = "big_vision_antialias"

    /// Resizes a picture to a square.
    ///
    /// - Parameters:
    ///   - side: in pixels.
    ///   - filter: Pillow's filter.
    package func square(_ image: RGBImage, side: Int, filter: PillowFilter = .bicubic) -> RGBImage {
        switch self {
        case .pillow: PillowResampling.resize(image, toSide: side, filter: filter)
        case .bigVision: BigVisionBilinear.resize(image, toSide: side, antialias: false)
        case .bigVisionAntialias: BigVisionBilinear.resize(image, toSide: side, antialias: true)
        }
    }
}
