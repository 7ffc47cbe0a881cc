/// The eight orientations of EXIF: the operation that turns the stored pixels upright.
package enum Orientation: Int, CaseIterable {
    case upright = 1
    case mirrorLeftRight = 2
    case rotateHalf = 3
    case mirrorTopBottom = 4
    /// Mirror at the main diagonal.
    case transpose = 5
    case rotateClockwise = 6
    /// Mirror at the other diagonal.
    case transverse = 7
    case rotateCounterclockwise = 8

    /// Whether width and height are exchanged.
    var swapsAxes: Bool { rawValue >= 5 }
}

extension RGBImage {
    /// Returns the picture after the operation of `orientation`.
    package func oriented(_ orientation: Orientation) -> RGBImage {
        guard orientation != .upright else { return self }
        let (outWidth, outHeight) = orientation.swapsAxes ? (height, width) : (width, height)
        // The source offset of the result's pixel (0, 0), and the steps in the source for one pixel right and one down.
        let right = 3
        let down = width * 3
        let lastX = (width - 1) * 3
        let lastY = (height - 1) * down
        let (origin, stepX, stepY): (Int, Int, Int) =
            switch orientation {
            case .upright: (0, right, down)
            case .mirrorLeftRight: (lastX, -right, down)
            case .rotateHalf: (lastX + lastY, -right, -down)
            case .mirrorTopBottom: (lastY, right, -down)
            case .transpose: (0, down, right)
            case .rotateClockwise: (lastY, -down, right)
            case .transverse: (lastX + lastY, -down, -right)
            case .rotateCounterclockwise: (lastX, down, -right)
            }
        let turned = [UInt8](unsafeUninitializedCapacity: pixels.count) { target, count in
            pixels.withUnsafeBufferPointer { source in
                var out = 0
                for y in 0..<outHeight {
                    var position = origin + y * stepY
                    for _ in 0..<outWidth {
                        target[out] = source[position]
                        target[out + 1] = source[position + 1]
                        target[out + 2] = source[position + 2]
                        out += 3
                        position += stepX
                    }
                }
            }
            count = pixels.count
        }
        return RGBImage(width: outWidth, height: outHeight, pixels: turned)
    }
}
