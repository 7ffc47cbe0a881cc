/// How a picture of any size becomes the square that a model takes.
package enum PictureResize: String, Sendable, CaseIterable {
    /// As the public processor does it: Pillow's bicubic.
    case pillow
    /// As the original code evaluates most captions: bilinear between four pixels.
    case bigVision = "big_vision"
    /// As the original code evaluates most questions: bilinear over all pixels that one covers.
    case bigVisionAntialias = "big_vision_antialias"

    /// - Parameter side: pixels.
    package func square(_ image: RGBImage, side: Int) -> RGBImage {
        switch self {
        case .pillow: PillowBicubic.resize(image, toSide: side)
        case .bigVision: BigVisionBilinear.resize(image, toSide: side, antialias: false)
        case .bigVisionAntialias: BigVisionBilinear.resize(image, toSide: side, antialias: true)
        }
    }
}
