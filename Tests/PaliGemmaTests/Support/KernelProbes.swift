import CKernels
import PaliGemma

/// Single kernels on arrays: what the tests compare between the sets, without pointers of their own.
extension Kernels {
    func fewRows(_ x: [Float], rows: Int, _ weight: [UInt8], _ type: ElementType, outputs: Int) -> [Float] {
        let inputs = x.count / rows
        var y = [Float](repeating: 0, count: rows * outputs)
        weight.withUnsafeBytes { bytes in
            table.pointee.few_rows(type.code, bytes.baseAddress, outputs, inputs, inputs, x, rows, inputs, &y, outputs)
        }
        return y
    }

    func rmsNorm(_ x: [Float], _ weight: [Float]) -> [Float] {
        var out = x
        table.pointee.rms_norm(x, weight, 1e-6, &out, x.count)
        return out
    }

    func layerNorm(_ x: [Float], _ weight: [Float]) -> [Float] {
        var out = x
        table.pointee.layer_norm(x, weight, weight, 1e-6, &out, x.count)
        return out
    }

    func geluTimes(_ gate: [Float], _ up: [Float]) -> [Float] {
        var out = gate
        table.pointee.gelu_times(&out, up, gate.count)
        return out
    }

    /// Softmax in two tiles, as attention runs it.
    func softmax(_ x: [Float]) -> [Float] {
        var (out, maximum, sum) = (x, -Float.infinity, Float(0))
        let half = x.count / 2
        out.withUnsafeMutableBufferPointer { values in
            guard let base = values.baseAddress else { return }
            if half > 0 {
                _ = table.pointee.softmax_tile(base, half, 0.5, &maximum, &sum)
            }
            let correction = table.pointee.softmax_tile(base + half, x.count - half, 0.5, &maximum, &sum)
            table.pointee.scale(base, correction, half)
            table.pointee.scale(base, 1 / sum, x.count)
        }
        return out
    }

    func narrowed(_ x: [Float]) -> [UInt16] {
        var out = [UInt16](repeating: 0, count: x.count)
        narrow(x, &out, x.count)
        return out
    }

    func argMax(_ x: [Float]) -> Int {
        var value: Float = 0
        return table.pointee.arg_max(x, x.count, &value)
    }
}

extension ElementType {
    /// Numbers as a checkpoint stores them.
    func stored(_ values: [Float]) -> [UInt8] {
        values.flatMap { value -> [UInt8] in
            switch self {
            case .float32: return withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init)
            case .bfloat16: return withUnsafeBytes(of: UInt16(value.bitPattern >> 16).littleEndian, Array.init)
            case .float16: return withUnsafeBytes(of: Float16(value).bitPattern.littleEndian, Array.init)
            }
        }
    }
}
