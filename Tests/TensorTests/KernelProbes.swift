import CKernels
import Tensor

/// Calls of single kernels with arrays, so that tests need no pointers.
extension Kernels {
    func fewRows(_ x: [Float], rows: Int, _ weight: [UInt8], _ type: ElementType, outputs: Int) -> [Float] {
        let inputs = x.count / rows
        var y = [Float](repeating: 0, count: rows * outputs)
        var arranged = [Float](repeating: .nan, count: rows * ((inputs + 31) / 32 * 32))
        table.pointee.arrange(x, rows, inputs, inputs, &arranged)
        weight.withUnsafeBytes { bytes in
            table.pointee.few_rows(type.code, bytes.baseAddress, outputs, inputs, inputs, arranged, rows, &y, outputs)
        }
        return y
    }

    /// A product with a packed panel and a finish. The rows of y have gaps between them.
    func multiply(
        _ x: [Float], rows: Int, _ weight: [UInt8], _ type: ElementType, outputs: Int, bias: [Float]?,
        start: Float?, finish: pg_finish
    ) -> [Float] {
        let (inputs, gap) = (x.count / rows, 3)
        var panel = [Float](
            repeating: .nan, count: (outputs / table.pointee.tile_outputs + 1) * table.pointee.tile_outputs * inputs)
        weight.withUnsafeBytes { bytes in
            table.pointee.pack(type.code, bytes.baseAddress, outputs, inputs, inputs, &panel)
        }
        return multiply(
            x, rows: rows, panel: panel, outputs: outputs, bias: bias, start: start, finish: finish, gap: gap)
    }

    /// A product with a panel that is packed from values [inputs, outputs].
    func mix(_ x: [Float], rows: Int, values: [Float], outputs: Int) -> [Float] {
        let inputs = x.count / rows
        var panel = [Float](
            repeating: .nan, count: (outputs / table.pointee.tile_outputs + 1) * table.pointee.tile_outputs * inputs)
        table.pointee.pack_columns(values, inputs, outputs, outputs, &panel)
        return multiply(
            x, rows: rows, panel: panel, outputs: outputs, bias: nil, start: nil, finish: PG_KEEP, gap: 0)
    }

    private func multiply(
        _ x: [Float], rows: Int, panel: [Float], outputs: Int, bias: [Float]?, start: Float?, finish: pg_finish,
        gap: Int
    ) -> [Float] {
        let stride = outputs + gap
        var y = [Float](repeating: start ?? .nan, count: rows * stride)
        var gate = (0..<rows * stride).map { Float($0 % 17) / 4 - 2 }
        x.withUnsafeBufferPointer { x in
            panel.withUnsafeBufferPointer { panel in
                y.withUnsafeMutableBufferPointer { y in
                    gate.withUnsafeMutableBufferPointer { gate in
                        (bias ?? []).withUnsafeBufferPointer { shift in
                            var product = pg_product()
                            (product.x, product.rows, product.ldx) = (x.baseAddress, rows, x.count / rows)
                            (product.panel, product.inputs, product.outputs) = (
                                panel.baseAddress, x.count / rows, outputs
                            )
                            product.out = pg_output(
                                y: y.baseAddress, ldy: stride, accumulate: start != nil,
                                bias: bias == nil ? nil : shift.baseAddress, finish: finish, gate: gate.baseAddress,
                                ldg: stride)
                            table.pointee.multiply(&product)
                        }
                    }
                }
            }
        }
        let result = finish == PG_GELU_TIMES ? gate : y
        return (0..<rows).flatMap { result[$0 * stride..<$0 * stride + outputs] }
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

    /// A softmax in two tiles, as attention computes it.
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

    func softCap(_ x: [Float], scale: Float, cap: Float) -> [Float] {
        var out = x
        table.pointee.soft_cap(&out, x.count, scale, cap)
        return out
    }

    func narrowed(_ x: [Float]) -> [UInt16] {
        var out = [UInt16](repeating: 0, count: x.count)
        table.pointee.narrow(x, &out, x.count)
        return out
    }

    func argMax(_ x: [Float]) -> Int {
        var value: Float = 0
        return table.pointee.arg_max(x, x.count, &value)
    }
}

extension ElementType {
    /// Returns numbers in the bytes that a checkpoint stores.
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
