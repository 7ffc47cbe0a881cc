import CKernels
import Tensor

/// Calls of single int8 kernels with arrays.
extension Kernels {
    struct Rows: Equatable {
        /// [groups][rows][4], whatever the order is in which the set has them.
        var values: [UInt8]
        var scales: [Float]
        var zeros: [Float]

        /// Returns some of `count` rows.
        func rows(_ range: Range<Int>, of count: Int) -> Rows {
            let groups = values.count / count / 4
            var own: [UInt8] = []
            for group in 0..<groups {
                let start = (group * count + range.lowerBound) * 4
                own += values[start..<start + range.count * 4]
            }
            return Rows(values: own, scales: Array(scales[range]), zeros: Array(zeros[range]))
        }
    }

    func quantizeRows(_ x: [Float], rows: Int, lead: Int, count: Int, levels: Int) -> Rows {
        let groups = (lead + count + 3) / 4
        var lines = [UInt8](repeating: 77, count: lineBytes(groups: groups, rows: rows))
        var result = Rows(
            values: Array(repeating: 77, count: groups * rows * 4), scales: Array(repeating: -1, count: rows),
            zeros: Array(repeating: -1, count: rows))
        int8.pointee.quantize_rows(
            x, rows, x.count / rows, lead, count, Int32(levels), &lines, &result.scales, &result.zeros)
        for group in 0..<groups {
            for index in 0..<4 * rows {
                result.values[group * 4 * rows + index] = lines[place(group, row: index / 4, rows: rows) + index % 4]
            }
        }
        return result
    }

    private func lineBytes(groups: Int, rows: Int) -> Int {
        let line = int8.pointee.line_groups
        return (groups + line - 1) / line * line * rows * 4
    }

    /// Returns where a group of a row begins in the order of this set.
    private func place(_ group: Int, row: Int, rows: Int) -> Int {
        let line = int8.pointee.line_groups
        return ((group / line * rows + row) * line + group % line) * 4
    }

    /// Returns the values of rows in the order of this set.
    private func lines(_ values: [UInt8], groups: Int, rows: Int) -> [UInt8] {
        var lines = [UInt8](repeating: 0, count: lineBytes(groups: groups, rows: rows))
        for group in 0..<groups {
            for index in 0..<4 * rows {
                lines[place(group, row: index / 4, rows: rows) + index % 4] = values[group * 4 * rows + index]
            }
        }
        return lines
    }

    func quantizePanel(_ weights: [Float], outputs: Int, count: Int) -> (values: [Int8], scales: [Float]) {
        var values = [Int8](repeating: 77, count: (count + 3) / 4 * 64)
        var scales = [Float](repeating: -1, count: 16)
        int8.pointee.quantize_panel(weights, outputs, count, count, &values, &scales)
        return (values, scales)
    }

    func weighColumns(_ x: [Float], rows: Int) -> [Float] {
        var weights = [Float](repeating: -1, count: x.count / rows)
        int8.pointee.weigh_columns(x, rows, weights.count, weights.count, &weights)
        return weights
    }

    func gatherPanel(_ panel: [Int8], _ places: [UInt32]) -> [Int8] {
        var gathered = [Int8](repeating: 77, count: (places.count + 3) / 4 * 64)
        int8.pointee.gather_panel(panel, places, places.count, &gathered)
        return gathered
    }

    func sumPanel(_ values: [Int8]) -> [Float] {
        var sums = [Float](repeating: -1, count: 16)
        int8.pointee.sum_panel(values, values.count / 64, &sums)
        return sums
    }

    /// Returns y [rows, outputs], or nil where the kernel has changed one of the 3 float32 between two rows.
    func multiply(
        _ rows: Rows, count: Int, _ panels: [Int8], scales: [Float], sums: [Float], skip: Int, outputs: Int,
        onto y: [Float]?
    ) -> [Float]? {
        let groups = rows.values.count / count / 4
        let gap: Float = 123
        var out: [Float] = []
        for row in 0..<count {
            out += y.map { Array($0[row * outputs..<(row + 1) * outputs]) } ?? Array(repeating: .nan, count: outputs)
            out += [gap, gap, gap]
        }
        let table = int8.pointee
        lines(rows.values, groups: groups, rows: count).withUnsafeBufferPointer { values in
            rows.scales.withUnsafeBufferPointer { rowScales in
                rows.zeros.withUnsafeBufferPointer { rowZeros in
                    var activations = pg_int8_rows(
                        values: values.baseAddress, rows: count, scales: rowScales.baseAddress,
                        zeros: rowZeros.baseAddress)
                    panels.withUnsafeBufferPointer { weights in
                        scales.withUnsafeBufferPointer { scales in
                            sums.withUnsafeBufferPointer { sums in
                                var part = pg_int8_panels(
                                    weights: weights.baseAddress, stride: groups * 64, groups: groups,
                                    scales: scales.baseAddress, sums: sums.baseAddress, skip: skip, outputs: outputs,
                                    ahead: 0)
                                table.multiply(&activations, &part, &out, outputs + 3, y != nil)
                            }
                        }
                    }
                }
            }
        }
        var result: [Float] = []
        for row in 0..<count {
            let start = row * (outputs + 3)
            guard out[start + outputs..<start + outputs + 3].allSatisfy({ $0 == gap }) else { return nil }
            result += out[start..<start + outputs]
        }
        return result
    }
}
