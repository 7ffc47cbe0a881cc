/// The JSON object of a header: tensors by name, and `__metadata__`, which is not used.
struct SafetensorsHeader: Decodable {
    var entries: [String: SafetensorsHeaderEntry] = [:]

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for key in container.allKeys where key.stringValue != "__metadata__" {
            entries[key.stringValue] = try container.decode(SafetensorsHeaderEntry.self, forKey: key)
        }
    }
}

/// The JSON object of one tensor in a header.
struct SafetensorsHeaderEntry: Decodable {
    let dtype: String
    let shape: [Int]
    let dataOffsets: [Int]

    private enum CodingKeys: String, CodingKey {
        case dtype, shape
        case dataOffsets = "data_offsets"
    }

    /// Sizes in bytes of the element types that only buffers have.
    private static let otherSizes = ["I64": 8, "F64": 8, "I32": 4, "I16": 2, "U8": 1, "BOOL": 1]

    /// Checks the entry of a tensor.
    ///
    /// - Parameter dataStart: where the data section starts, in bytes from the start of the file.
    /// - Throws: ``ModelError`` with the code `container`.
    func checked(name: String, isBuffer: Bool, dataStart: Int, path: String) throws(ModelError) -> TensorEntry {
        func fail(_ reason: String) -> ModelError { ModelError(.container, at: path, "tensor \(name) \(reason)") }
        let element = ElementType(rawValue: dtype)
        guard var bytes = element?.size ?? (isBuffer ? Self.otherSizes[dtype] : nil) else {
            throw fail("has dtype \(dtype); readable are F32, BF16 and F16")
        }
        for dimension in shape {
            guard dimension >= 0 else { throw fail("has a negative dimension in \(shape)") }
            let (product, overflow) = bytes.multipliedReportingOverflow(by: dimension)
            guard !overflow else { throw fail("has a shape \(shape) that no memory can hold") }
            bytes = product
        }
        guard dataOffsets.count == 2, let begin = dataOffsets.first, let end = dataOffsets.last,
            begin >= 0, end >= begin, end <= Int.max - dataStart
        else { throw fail("has data_offsets \(dataOffsets); two ascending numbers are expected") }
        guard end - begin == bytes else {
            throw fail("of shape \(shape) needs \(bytes) bytes, but its data_offsets span \(end - begin)")
        }
        return TensorEntry(element: element ?? .float32, shape: shape, range: dataStart + begin..<dataStart + end)
    }
}
