import Base
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// A safetensors file of random tensors.
package struct RandomShard: Sendable {
    package let fileName: String
    package let tensors: [RandomTensor]

    package init(fileName: String, tensors: [RandomTensor]) {
        self.fileName = fileName
        self.tensors = tensors
    }

    /// Numbers that are made and written at a time (4 MB).
    private static let block = 1 << 21

    /// Bytes of the tensors.
    package var byteCount: Int { tensors.reduce(0) { $0 + $1.count * 2 } }

    /// Whether `path` is this file. Files are named by their contents and renamed to that name when they are whole, so
    /// comparing the size is enough.
    package func isWhole(at path: String) -> Bool {
        (try? FileStamp(path: path))?.size == Int64(header.count + byteCount)
    }

    /// Writes the file under a temporary name and renames it when it is whole. All cores make numbers; memory holds a few
    /// blocks.
    ///
    /// - Throws: ``RandomModelError`` where the file cannot be written.
    package func write(to path: String, seed: UInt64) throws(RandomModelError) {
        do throws(SystemError) {
            let file = try NewFile(for: path)
            try write(to: file.descriptor, seed: seed)
            try file.commit(durably: false)
        } catch {
            throw RandomModelError("cannot write \(path): \(error)")
        }
    }

    private func write(to descriptor: Int32, seed: UInt64) throws(SystemError) {
        let header = header
        try writeAll(header.span.bytes, to: descriptor, at: 0)
        let pieces = pieces(from: header.count)
        let firstFailure = Locked<SystemError?>(nil)
        DispatchQueue.concurrentPerform(iterations: pieces.count) { index in
            guard firstFailure.withLock({ $0 == nil }) else { return }
            let piece = pieces[index]
            let numbers = UnsafeMutableBufferPointer<UInt16>.allocate(capacity: piece.count)
            defer { numbers.deallocate() }
            piece.tensor.fill(numbers, block: piece.block, seed: seed)
            do throws(SystemError) {
                try writeAll(UnsafeRawBufferPointer(numbers), to: descriptor, at: piece.offset)
            } catch {
                firstFailure.withLock { $0 = $0 ?? error }
            }
        }
        if let failure = firstFailure.withLock({ $0 }) { throw failure }
    }

    private struct Piece: Sendable {
        let tensor: RandomTensor
        let block: Int
        let count: Int
        /// Bytes from the start of the file.
        let offset: Int
    }

    private func pieces(from dataStart: Int) -> [Piece] {
        var offset = dataStart
        var pieces: [Piece] = []
        for tensor in tensors {
            for start in stride(from: 0, to: tensor.count, by: Self.block) {
                let count = min(Self.block, tensor.count - start)
                pieces.append(Piece(tensor: tensor, block: start / Self.block, count: count, offset: offset))
                offset += count * 2
            }
        }
        return pieces
    }

    /// The bytes before the numbers: the length of the JSON and the JSON, padded so that the numbers begin at a multiple of
    /// 64 bytes.
    package var header: [UInt8] {
        var offset = 0
        let entries = tensors.map { tensor in
            let end = offset + tensor.count * 2
            defer { offset = end }
            let place = "\"data_offsets\":[\(offset),\(end)]"
            return "\"\(tensor.name)\":{\"dtype\":\"BF16\",\"shape\":\(tensor.shape),\(place)}"
        }
        var json = Array("{\"__metadata__\":{\"format\":\"pt\"},\(entries.joined(separator: ","))}".utf8)
        while (8 + json.count) % 64 != 0 { json.append(UInt8(ascii: " ")) }
        return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
    }
}
