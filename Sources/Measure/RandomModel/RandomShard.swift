import Base
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// One tensor of random bfloat16 numbers: `center` plus or minus up to `amplitude`, evenly.
package struct RandomTensor: Sendable {
    let name: String
    let shape: [Int]
    let center: Float
    let amplitude: Float

    var count: Int { shape.reduce(1, *) }

    /// A product's weight. The variance is 1 / inputs, so numbers neither grow nor vanish from layer to layer.
    package static func uniform(_ name: String, _ shape: [Int], inputs: Int) -> RandomTensor {
        RandomTensor(name: name, shape: shape, center: 0, amplitude: (3 / Float(inputs)).squareRoot())
    }

    package static func nearZero(_ name: String, _ count: Int) -> RandomTensor {
        RandomTensor(name: name, shape: [count], center: 0, amplitude: 0.1)
    }

    package static func nearOne(_ name: String, _ count: Int) -> RandomTensor {
        RandomTensor(name: name, shape: [count], center: 1, amplitude: 0.1)
    }

    /// The numbers of block `block`, which depend on nothing but the arguments: blocks can be made in any order.
    func fill(_ numbers: UnsafeMutableBufferPointer<UInt16>, block: Int, seed: UInt64) {
        var state = FNV1a.hash(of: name, from: seed ^ 0x6A09_E667_F3BC_C909)
        state = SplitMix64.mix(state &+ UInt64(block))
        let scale = amplitude / 32768
        for start in stride(from: 0, to: numbers.count, by: 4) {
            state &+= SplitMix64.step
            var random = SplitMix64.mix(state)
            for index in start..<min(start + 4, numbers.count) {
                let value = center + Float(Int16(truncatingIfNeeded: random)) * scale
                // To the nearest bfloat16, ties to even.
                let bits = value.bitPattern
                numbers[index] = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
                random >>= 16
            }
        }
    }
}

/// Steele, Lea and Flood's generator: a counter and a mixer.
private enum SplitMix64 {
    static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

    static func mix(_ state: UInt64) -> UInt64 {
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// A safetensors file of random tensors.
package struct RandomShard: Sendable {
    package let fileName: String
    package let tensors: [RandomTensor]

    package init(fileName: String, tensors: [RandomTensor]) {
        self.fileName = fileName
        self.tensors = tensors
    }

    /// Numbers that are made and written at a time: 4 MB.
    private static let block = 1 << 21

    /// Bytes of the tensors.
    package var byteCount: Int { tensors.reduce(0) { $0 + $1.count * 2 } }

    /// Files are named by what is in them and put in place when they are finished, so the size tells enough.
    package func isWhole(at path: String) -> Bool {
        (try? FileStamp(path: path))?.size == Int64(header.count + byteCount)
    }

    /// Writes the file under a temporary name and renames it when it is whole. All cores make numbers; memory holds a few
    /// blocks.
    ///
    /// - Throws: ``RandomModelError`` where the file cannot be written.
    package func write(to path: String, seed: UInt64) throws(RandomModelError) {
        let temporary = path + ".part"
        do throws(SystemError) {
            let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else { throw SystemError(errno) }
            do throws(SystemError) {
                try write(to: descriptor, seed: seed)
            } catch {
                close(descriptor)
                throw error
            }
            // A full disk may be reported only when the file is closed.
            guard close(descriptor) == 0, rename(temporary, path) == 0 else { throw SystemError(errno) }
        } catch {
            unlink(temporary)
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
        /// In the file.
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

    /// The length of the JSON, and the JSON, padded so that the numbers begin at a multiple of 64 bytes.
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
