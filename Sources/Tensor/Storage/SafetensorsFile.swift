import Base
import Foundation

/// The entry of one tensor in the header of a safetensors file.
package struct TensorEntry: Sendable, Equatable {
    package let element: ElementType
    package let shape: [Int]
    /// Bytes, counted from the start of the file.
    package let range: Range<Int>
}

/// A safetensors file: a header of 8 + n bytes that names every tensor, followed by the data.
///
/// The whole header is checked before any tensor is used: its size, the element type and shape of every tensor against
/// its bytes, and that the tensors fill the data section without a hole or an overlap.
package struct SafetensorsFile: Sendable {
    package let mapping: MappedFile
    /// The tensors by the names in the file.
    package let tensors: [String: TensorEntry]
    /// Names of tensors with other element types, which are not needed.
    package let buffers: Set<String>

    /// The largest header that the format's own library accepts, in bytes.
    private static let maximumHeaderBytes = 100_000_000

    /// Maps a file and checks its header.
    ///
    /// - Parameter isBuffer: whether the tensor with this name may have an element type that is not read.
    /// - Throws: ``ModelError`` with the code `container` where the file is no whole safetensors file.
    package init(path: String, isBuffer: (String) -> Bool = { _ in false }) throws(ModelError) {
        mapping = try MappedFile(path: path)
        func fail(_ reason: String) -> ModelError { ModelError(.container, at: path, reason) }

        guard !GitLFSPointer.matches(mapping.bytes.prefix(GitLFSPointer.prefixBytes)) else {
            throw fail(GitLFSPointer.reason)
        }
        let total = mapping.bytes.count
        guard total >= 8 else { throw fail("is \(total) bytes long; a safetensors file has a header of at least 8") }
        let length = UInt64(littleEndian: mapping.bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(Self.maximumHeaderBytes), Int(length) <= total - 8 else {
            throw fail("says that its header has \(length) bytes, but the file has \(total); is the download complete?")
        }
        let dataStart = 8 + Int(length)
        let header = Data(mapping.bytes[8..<dataStart])
        let entries: [String: SafetensorsHeaderEntry]
        do {
            entries = try JSONDecoder().decode(SafetensorsHeader.self, from: header).entries
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

    /// Checks that the tensors fill the data section exactly: a hole or an overlap means a damaged or forged file.
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
