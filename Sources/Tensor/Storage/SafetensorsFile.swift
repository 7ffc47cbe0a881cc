import Base
import Foundation

/// How a checkpoint stores its numbers.
package enum ElementType: String, Sendable, CaseIterable {
    case float32 = "F32"
    case bfloat16 = "BF16"
    case float16 = "F16"

    package var size: Int { self == .float32 ? 4 : 2 }
}

/// Where one tensor lies in a safetensors file.
package struct TensorEntry: Sendable, Equatable {
    package let element: ElementType
    package let shape: [Int]
    /// Bytes, counted from the start of the file.
    package let range: Range<Int>
}

/// One safetensors file: a header of 8 + n bytes that names every tensor, and the data behind it.
///
/// The header is checked whole before any tensor is handed out: its size, every element type and shape against its
/// bytes, and that the tensors fill the data section without a hole or an overlap.
package struct SafetensorsFile: Sendable {
    package let mapping: MappedFile
    package let tensors: [String: TensorEntry]
    /// Tensors of other types, which nobody needs.
    package let buffers: Set<String>
    /// The header's bytes, part of the model's fingerprint.
    package let header: Data

    /// The largest header that the format's own library accepts, in bytes.
    private static let largestHeader = 100_000_000

    /// Maps a file and checks its header.
    ///
    /// - Parameter isBuffer: says of a tensor's name whether it may have a type that is not read.
    /// - Throws: ``ModelError`` with the code `container`.
    package init(path: String, isBuffer: (String) -> Bool = { _ in false }) throws(ModelError) {
        mapping = try MappedFile(path: path)
        func fail(_ reason: String) -> ModelError { ModelError(.container, at: path, reason) }

        let total = mapping.bytes.count
        guard total >= 8 else { throw fail("is \(total) bytes long; a safetensors file has a header of at least 8") }
        let length = UInt64(littleEndian: mapping.bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(Self.largestHeader), Int(length) <= total - 8 else {
            throw fail("says that its header has \(length) bytes, but the file has \(total); is the download complete?")
        }
        let dataStart = 8 + Int(length)
        header = Data(mapping.bytes[8..<dataStart])
        let entries: [String: HeaderEntry]
        do {
            entries = try JSONDecoder().decode(Header.self, from: header).entries
        } catch let error as DecodingError {
            throw fail("header: \(error.inOneLine)")
        } catch {
            throw fail("header is not valid JSON")
        }

        var tensors: [String: TensorEntry] = [:]
        for (name, entry) in entries {
            tensors[name] = try entry.checked(
                name: name, isBuffer: isBuffer(name), dataStart: dataStart, path: path)
        }
        try Self.checkCoverage(of: tensors, from: dataStart, to: total, path: path)
        let buffers = Set(entries.filter { ElementType(rawValue: $0.value.dtype) == nil }.keys)
        self.tensors = tensors.filter { !buffers.contains($0.key) }
        self.buffers = buffers
    }

    /// The data section must be filled exactly: a hole or an overlap means a torn or forged file.
    private static func checkCoverage(
        of tensors: [String: TensorEntry], from start: Int, to end: Int, path: String
    ) throws(ModelError) {
        var position = start
        let ordered = tensors.sorted {
            let (one, other) = ($0.value.range, $1.value.range)
            return (one.lowerBound, one.upperBound) < (other.lowerBound, other.upperBound)
        }
        for (name, entry) in ordered {
            guard entry.range.lowerBound == position else {
                let overlaps = entry.range.lowerBound < position
                throw ModelError(
                    .container, at: path,
                    "tensor \(name) \(overlaps ? "overlaps the tensor before it" : "leaves a hole before it")")
            }
            position = entry.range.upperBound
        }
        guard position == end else {
            let reason =
                position < end
                ? "has \(end - position) bytes behind its last tensor"
                : "ends \(position - end) bytes before its last tensor does; is the download complete?"
            throw ModelError(.container, at: path, reason)
        }
    }
}

/// The JSON object of a header: tensors by name, and `__metadata__`, which is not used.
private struct Header: Decodable {
    var entries: [String: HeaderEntry] = [:]

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for key in container.allKeys where key.stringValue != "__metadata__" {
            entries[key.stringValue] = try container.decode(HeaderEntry.self, forKey: key)
        }
    }
}

private struct HeaderEntry: Decodable {
    let dtype: String
    let shape: [Int]
    let dataOffsets: [Int]

    private enum CodingKeys: String, CodingKey {
        case dtype, shape
        case dataOffsets = "data_offsets"
    }

    /// Bytes of types that buffers have.
    private static let otherSizes = ["I64": 8, "F64": 8, "I32": 4, "I16": 2, "U8": 1, "BOOL": 1]

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
