import Foundation
import Tensor
import TestSupport

/// Weights in a mapped file, as products take them.
struct WeightFile {
    let matrix: WeightMatrix
    /// The weights as they are stored [outputs, inputs].
    let values: [Float]
    private let folder: TemporaryFolder

    /// - Parameter values: [outputs, inputs]; they are rounded to the type.
    init(_ values: [Float], _ element: ElementType, outputs: Int, inputs: Int) throws {
        let name = ["F32", "BF16", "F16"][[ElementType.float32, .bfloat16, .float16].firstIndex(of: element) ?? 0]
        let bytes = element.stored(values)
        let header = #"{"w":{"dtype":"\#(name)","shape":[\#(outputs),\#(inputs)],"data_offsets":[0,\#(bytes.count)]}}"#
        folder = try TemporaryFolder()
        let path = folder.path + "/weights.safetensors"
        var file = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
        file.append(Data(header.utf8))
        file.append(Data(bytes))
        try file.write(to: URL(fileURLWithPath: path))
        let opened = try SafetensorsFile(path: path)
        guard let entry = opened.tensors["w"] else { throw ModelError(.tensor, at: path, "it has no weights") }
        matrix = WeightMatrix(
            tensor: StoredTensor(storedName: "w", entry: entry, mapping: opened.mapping), outputs: outputs,
            inputs: inputs)
        self.values = values.map { value in
            switch element {
            case .float32: value
            case .bfloat16: Float(bitPattern: value.bitPattern & 0xffff_0000)
            case .float16: Float(Float16(value))
            }
        }
    }
}
