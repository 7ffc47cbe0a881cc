import Foundation

/// A filter of Pillow's resizing; the raw values are those of `PIL.Image.Resampling`.
package enum PillowFilter: Int, Sendable, CaseIterable {
    case nearest = 0
    case lanczos = 1
    case bilinear = 2
    case bicubic = 3
    case box = 4
    case hamming = 5

    /// The weight of an input sample by its distance from the middle of an output sample.
    package struct Kernel: Sendable {
        /// The distance beyond which weights are 0, in samples.
        let support: Double
        let weight: @Sendable (Double) -> Double
    }

    /// Nil for the nearest neighbor, which weighs nothing.
    package var kernel: Kernel? {
        switch self {
        case .nearest: nil
        case .lanczos: Kernel(support: 3) { $0 >= -3 && $0 < 3 ? Self.sinc($0) * Self.sinc($0 / 3) : 0 }
        case .bilinear: Kernel(support: 1) { abs($0) < 1 ? 1 - abs($0) : 0 }
        case .bicubic: Kernel(support: 2, weight: Self.cubic)
        case .box: Kernel(support: 0.5) { $0 > -0.5 && $0 <= 0.5 ? 1 : 0 }
        case .hamming: Kernel(support: 1, weight: Self.hammingWindow)
        }
    }

    private static func sinc(_ distance: Double) -> Double {
        if distance == 0 { return 1 }
        let angle = distance * .pi
        return sin(angle) / angle
    }

    /// The bicubic kernel with a = -1/2.
    private static func cubic(_ distance: Double) -> Double {
        let a = -0.5
        let u = abs(distance)
        if u < 1 { return ((a + 2) * u - (a + 3)) * u * u + 1 }
        if u < 2 { return (((u - 5) * u + 8) * u - 4) * a }
        return 0
    }

    private static func hammingWindow(_ distance: Double) -> Double {
        let u = abs(distance)
        if u == 0 { return 1 }
        if u >= 1 { return 0 }
        let angle = u * .pi
        return sin(angle) / angle * (0.54 + 0.46 * cos(angle))
    }
}
