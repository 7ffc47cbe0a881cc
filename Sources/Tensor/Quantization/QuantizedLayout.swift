import Base

/// The layout of the file of a model's quantized weights. It follows from the names and shapes of the matrices, so the
/// header of the file only names the model and the layout.
///
///     header                      a page: magic, key
///     for each matrix, in order   scales and sums, each [blocks][panels · 16] float32 | hashes of runs | weights
package struct QuantizedLayout: Sendable {
    /// The version of the file format. Every change of what the bytes mean increases it.
    static let version: UInt32 = 2
    static let headerBytes = 4096
    /// Number of panels whose weights in a block share a hash (a run).
    static let runPanels = 16

    struct Entry: Sendable {
        let name: String
        let shape: QuantizedShape
        /// Bytes from the start of the file.
        let scalesOffset: Int
        let hashesOffset: Int
        let weightsOffset: Int

        /// Number of runs of panels in a block. The hash of the scales and sums follows the hashes of all runs.
        var runs: Int { (shape.panels + runPanels - 1) / runPanels }
        /// Returns the panels of a run.
        func panels(of run: Int) -> Range<Int> { run * runPanels..<min(shape.panels, (run + 1) * runPanels) }
        /// Returns where the hash of a run is, in bytes from the start of the file.
        func hashOffset(block: Int, run: Int) -> Int { hashesOffset + (block * runs + run) * 8 }
        var scalesHashOffset: Int { hashesOffset + shape.blocks * runs * 8 }
        /// Bytes of scales and sums.
        var scaleBytes: Int { 2 * shape.scaleCount * MemoryLayout<Float>.size }
    }

    let entries: [Entry]
    package let byteCount: Int
    /// A hash of all that the contents depend on: the model, the state of its files, the matrices and this layout.
    let key: String

    /// Lays out matrices in the given order.
    ///
    /// - Parameter model: identifies the weights.
    package init(matrices: [(name: String, outputs: Int, inputs: Int)], model: String) {
        var place = Self.headerBytes
        func take(_ bytes: Int) -> Int {
            defer { place += (bytes + 63) / 64 * 64 }
            return place
        }
        var description = "\(Self.version) \(model)"
        entries = matrices.map { name, outputs, inputs in
            let shape = QuantizedShape(outputs: outputs, inputs: inputs)
            description += "\n\(name) \(outputs) \(inputs) \(shape.blockInputs)"
            let runs = (shape.panels + Self.runPanels - 1) / Self.runPanels
            return Entry(
                name: name, shape: shape, scalesOffset: take(2 * shape.scaleCount * MemoryLayout<Float>.size),
                hashesOffset: take((shape.blocks * runs + 1) * 8), weightsOffset: take(shape.byteCount))
        }
        byteCount = place
        key = ContentHash.hexadecimal(of: Array(description.utf8))
    }

    /// The first page of the file.
    var header: [UInt8] {
        let text = Array("PaliGemma int8 weights, version \(Self.version)\nkey \(key)\nbytes \(byteCount)\n".utf8)
        return text + Array(repeating: 0, count: Self.headerBytes - text.count)
    }

    /// Returns the hash of a part of the file.
    static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        ContentHash.hash64(of: bytes)
    }
}
