import Base

/// A fault switch for tests: `PALIGEMMA_FAULT=flip-features:N:B` flips a bit of byte B (of the last one, where the
/// frame is shorter) in the first Features frame of picture N. Pictures of a world are numbered from 1 in the order in
/// which they are leased.
package struct FeatureFault: Sendable {
    let picture: UInt64
    let byte: Int

    /// Returns the fault that this process was started with; nil for none, and for any other fault.
    package static func fromEnvironment() -> FeatureFault? {
        guard let setting = FaultSwitch.setting, setting.action == "flip-features", setting.arguments.count == 2,
            let picture = UInt64(setting.arguments[0]), let byte = Int(setting.arguments[1])
        else { return nil }
        return FeatureFault(picture: picture, byte: byte)
    }

    /// Flips the bit, where the frame is the one that the fault names.
    func flipBit(in frame: inout [UInt8], picture: UInt64, firstRow: UInt32) {
        if picture == self.picture, firstRow == 0, !frame.isEmpty { frame[min(byte, frame.count - 1)] ^= 0x10 }
    }
}
