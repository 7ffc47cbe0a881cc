import Foundation
import Tensor

/// The cosines and sines of rotary position embeddings (RoPE): angle(p, i) = p · base^(−2i/H), i < H/2.
///
/// Angles are formed in float32, as the reference does, so that large positions round the same way.
final class RotaryTable: @unchecked Sendable {
    // @unchecked: extended by the thread that leads the team, never inside a region; only read there.
    private let half: Int
    private let frequencies: [Float]
    private var cosine: [Float] = []
    private var sine: [Float] = []

    init(_ configuration: TextConfiguration) {
        half = configuration.headWidth / 2
        frequencies = (0..<half).map { [width = configuration.headWidth, base = configuration.ropeBase] index in
            1 / Float(pow(Double(base), Double(Float(2 * index) / Float(width))))
        }
    }

    /// Extends the table to positions below `positions`.
    func extend(to positions: Int) {
        let known = cosine.count / half
        guard positions > known else { return }
        cosine.reserveCapacity(positions * half)
        sine.reserveCapacity(positions * half)
        for position in known..<positions {
            for frequency in frequencies {
                let angle = Double(Float(position) * frequency)
                cosine.append(Float(cos(angle)))
                sine.append(Float(sin(angle)))
            }
        }
    }

    /// Rotates both halves of each head of one row [heads · H] by the row's position.
    func rotate(_ row: UnsafeMutablePointer<Float>, heads: Int, position: Int, kernels: Kernels) {
        cosine.withUnsafeBufferPointer { cosine in
            sine.withUnsafeBufferPointer { sine in
                guard let cosine = cosine.baseAddress, let sine = sine.baseAddress else { return }
                for head in 0..<heads {
                    kernels.table.pointee.rotate(
                        row + head * 2 * half, cosine + position * half, sine + position * half, half)
                }
            }
        }
    }
}
