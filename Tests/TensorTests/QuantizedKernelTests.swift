import CKernels
import Tensor
import Testing

@Suite("int8 kernels equal their scalar twins")
struct QuantizedKernelTests {
    @Test(
        "Rows are quantized to the same numbers, with any lead and any length", VectorKernels.condition,
        arguments: VectorKernels.withModel)
    func rows(name: String) throws {
        let (vector, scalar) = (try VectorKernels.named(name), Kernels.scalar)
        for (rows, lead, count) in [
            (1, 0, 1), (1, 3, 1), (2, 1, 2), (3, 0, 16), (4, 2, 33), (5, 1, 7), (12, 0, 64), (16, 3, 100),
        ] {
            for range: ClosedRange<Float> in [-4...4, 1...2, -3...(-2), 0...0, -1e-33...1e-33, -1e20...1e20] {
                let x = floats(rows * (count + 5), seed: UInt64(count), range: range)
                for levels in [127, 255] {
                    let expected = scalar.quantizeRows(x, rows: rows, lead: lead, count: count, levels: levels)
                    let found = vector.quantizeRows(x, rows: rows, lead: lead, count: count, levels: levels)
                    #expect(found == expected)
                    #expect(expected.values.allSatisfy { $0 <= levels })
                }
            }
        }
    }

    @Test("A quantized row differs from its numbers by at most half a step")
    func rowsAreNear() {
        for range: ClosedRange<Float> in [-4...4, 1...2, -3 ... -2, -100...1] {
            let x = floats(40, seed: 3, range: range)
            let row = Kernels.scalar.quantizeRows(x, rows: 1, lead: 2, count: 40, levels: 255)
            for (index, value) in x.enumerated() {
                let found = (Float(row.values[index + 2]) - row.zeros[0]) * row.scales[0]
                #expect(abs(found - value) <= 0.51 * row.scales[0])
            }
        }
    }

    @Test(
        "Panels of weights are quantized and summed to the same numbers", VectorKernels.condition,
        arguments: VectorKernels.withModel)
    func panels(name: String) throws {
        let (vector, scalar) = (try VectorKernels.named(name), Kernels.scalar)
        for (outputs, count) in [(16, 64), (16, 1), (1, 33), (7, 100), (16, 47), (15, 8)] {
            var weights = floats(outputs * count, seed: UInt64(count), range: -2...3)
            for k in 0..<count { weights[k] = 0 }  // an output of zeros
            let expected = scalar.quantizePanel(weights, outputs: outputs, count: count)
            let found = vector.quantizePanel(weights, outputs: outputs, count: count)
            #expect(found.values == expected.values)
            #expect(found.scales == expected.scales)
            #expect(vector.sumPanel(found.values) == scalar.sumPanel(expected.values))
            #expect(expected.scales[0] == 0 && expected.values.allSatisfy { $0 >= -127 })
        }
    }

    @Test(
        "Columns are weighed and inputs gathered to the same numbers", VectorKernels.condition,
        arguments: VectorKernels.withModel)
    func outliers(name: String) throws {
        let (vector, scalar) = (try VectorKernels.named(name), Kernels.scalar)
        for (rows, count) in [(1, 1), (3, 16), (5, 40), (16, 99)] {
            var x = floats(rows * count, seed: UInt64(count), range: -1...1)
            x[count - 1] = 50
            let expected = scalar.weighColumns(x, rows: rows)
            #expect(isNear(vector.weighColumns(x, rows: rows), expected))
            #expect(abs(expected.reduce(0, +) - Float(count)) < 1e-3)
        }
        let panel = scalar.quantizePanel(floats(16 * 40, seed: 5, range: -1...1), outputs: 16, count: 40).values
        for places: [UInt32] in [[0], [39], [1, 2, 3, 7], [0, 5, 11, 17, 38]] {
            #expect(vector.gatherPanel(panel, places) == scalar.gatherPanel(panel, places))
        }
    }

    @Test("Two bytes hold an outlier within half a step", arguments: [127, 255])
    func wideNumbers(levels: Int) {
        for value: Float in [-7900, -129.4, -1, 0, 0.6, 127, 128, 255.4, 256, 7777.2] {
            let wide = WideNumber(value, levels: levels)
            let found = Float(wide.low) + (Float(wide.high) - WideNumber.zero(levels)) * Float(levels + 1)
            #expect(abs(found - value) <= 0.5)
            #expect(wide.low <= levels && wide.high <= levels)
        }
    }

    @Test(
        "Products equal for every number of rows, with parts of panels at both ends", VectorKernels.condition,
        arguments: VectorKernels.withModel)
    func products(name: String) throws {
        let (vector, scalar) = (try VectorKernels.named(name), Kernels.scalar)
        let table = vector.int8.pointee
        for rows in 1...Int(table.maximum_rows) {
            for (skip, outputs, count) in [(0, 16, 64), (0, 96, 20), (5, 3, 36), (5, 11, 8), (3, 50, 100), (0, 1, 1)] {
                let panels = (skip + outputs + 15) / 16
                let quantized = (0..<panels).map { panel in
                    scalar.quantizePanel(
                        floats(16 * count, seed: UInt64(panel + 1), range: -1...1), outputs: 16, count: count)
                }
                let values = quantized.flatMap(\.values)
                let sums = quantized.flatMap { scalar.sumPanel($0.values) }
                let x = scalar.quantizeRows(
                    floats(rows * count, seed: 7, range: -3...5), rows: rows, lead: 0, count: count,
                    levels: Int(table.levels))
                let before = floats(rows * outputs, seed: 11, range: -9...9)
                for onto in [nil, before] {
                    func product(_ kernels: Kernels) -> [Float]? {
                        kernels.multiply(
                            x, count: rows, values, scales: quantized.flatMap(\.scales), sums: sums, skip: skip,
                            outputs: outputs, onto: onto)
                    }
                    #expect(isNear(product(vector), product(scalar)))
                }
            }
        }
    }

    @Test(
        "int8 products on tiles are those of VNNI to the bit",
        .enabled(if: KernelSetTests.hasVNNI && Kernels.tileModel != nil, "no AVX-512 VNNI to compare with"))
    func tilesEqualVNNI() throws {
        let (tiles, vnni) = (try #require(Kernels.tileModel), try VectorKernels.named("avx512"))
        for rows in [1, 7, 16, 17, 31, 32] {
            for (skip, outputs, count) in [(0, 64, 1024), (5, 50, 100), (0, 17, 36), (3, 13, 68), (0, 96, 20)] {
                let panels = (skip + outputs + 15) / 16
                let quantized = (0..<panels).map { panel in
                    vnni.quantizePanel(
                        floats(16 * count, seed: UInt64(panel + 1), range: -1...1), outputs: 16, count: count)
                }
                let x = vnni.quantizeRows(
                    floats(rows * count, seed: 3, range: -3...5), rows: rows, lead: 0, count: count, levels: 255)
                for onto in [nil, floats(rows * outputs, seed: 11, range: -9...9)] {
                    func product(_ kernels: Kernels, _ own: Range<Int>) -> [Float]? {
                        kernels.multiply(
                            x.rows(own, of: rows), count: own.count, quantized.flatMap(\.values),
                            scales: quantized.flatMap(\.scales), sums: quantized.flatMap { vnni.sumPanel($0.values) },
                            skip: skip, outputs: outputs,
                            onto: onto.map { Array($0[own.lowerBound * outputs..<own.upperBound * outputs]) })
                    }
                    // VNNI takes fewer rows at once.
                    let pieces = stride(from: 0, to: rows, by: 8).compactMap {
                        product(vnni, $0..<min(rows, $0 + 8))
                    }
                    #expect(product(tiles, 0..<rows) == pieces.flatMap { $0 }, "\(rows) rows")
                }
            }
        }
    }

    @Test(
        "The largest sums of products do not saturate", VectorKernels.condition,
        arguments: VectorKernels.withModel)
    func extremes(name: String) throws {
        let vector = try VectorKernels.named(name)
        let count = 1152
        let levels = Int(vector.int8.pointee.levels)
        for sign: Int8 in [-1, 1] {
            let panel = [Int8](repeating: sign * 127, count: count * 16)
            let x = Kernels.Rows(values: Array(repeating: UInt8(levels), count: count), scales: [1], zeros: [0])
            let found = vector.multiply(
                x, count: 1, panel, scales: Array(repeating: 1, count: 16), sums: vector.sumPanel(panel), skip: 0,
                outputs: 16, onto: nil)
            #expect(found == Array(repeating: Float(Int(sign) * 127 * levels * count), count: 16))
        }
    }

    private func isNear(_ found: [Float]?, _ expected: [Float]?) -> Bool {
        guard let found, let expected else { return false }
        return zip(found, expected).allSatisfy { abs($0 - $1) <= 2e-6 * max(1, abs($1)) }
    }

    private func floats(_ count: Int, seed: UInt64, range: ClosedRange<Float>) -> [Float] {
        var random = LinearCongruentialGenerator(state: seed)
        return (0..<count).map { _ in Float.random(in: range, using: &random) }
    }
}
