import Foundation

/// A fault switch for tests: `PALIGEMMA_FAULT=flip-features:N:B` flips a bit of byte B (of the last one, where the frame
/// is shorter) in the first Features frame of picture N. Pictures of a world are numbered from 1 in the order in which
/// they are leased.
package struct FeatureFault: Sendable {
    let picture: UInt64
    let byte: Int

    package static func fromEnvironment() -> FeatureFault? {
        let parts = (ProcessInfo.processInfo.environment["PALIGEMMA_FAULT"] ?? "").split(separator: ":")
        guard parts.count == 3, parts[0] == "flip-features", let picture = UInt64(parts[1]), let byte = Int(parts[2])
        else { return nil }
        return FeatureFault(picture: picture, byte: byte)
    }

    /// Damages a frame where it is the one.
    func strike(_ frame: inout [UInt8], picture: UInt64, firstRow: UInt32) {
        if picture == self.picture, firstRow == 0, !frame.isEmpty { frame[min(byte, frame.count - 1)] ^= 0x10 }
    }
}
