import CKernels
import Foundation
import Tensor
import Testing

@Suite("Vector kernels equal their scalar twins")
struct KernelTests {

    private static func floats(_ count: Int, seed: UInt64, range: ClosedRange<Float> = -4...4) -> [Float] {
        var random = LinearCongruentialGenerator(state: seed)
        return (0..<count).map { _ in Float.random(in: range, using: &random) }
    }

    private static func distance(_ one: [Float], _ other: [Float]) -> Float {
        zip(one, other).map { $0.isNaN || $1.isNaN ? .infinity : abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
    }

    @Test(
        "Products with few rows equal, for every stored type and any width", VectorKernels.condition,
        arguments: VectorKernels.names)
    func fewRows(name: String) throws {
        let vector = try VectorKernels.named(name)
        for (rows, outputs, inputs) in [
            (1, 1, 1), (1, 5, 7), (2, 9, 33), (3, 4, 64), (5, 13, 100), (8, 3, 257), (16, 31, 48),
            (1, 3, 5000), (2, 2, 2300), (4, 7, 4100), (7, 6, 2999), (9, 5, 2048),
        ] {
            for type in ElementType.allCases {
                let weights = Self.floats(outputs * inputs, seed: 3).map { Float(Float16($0)) }
                let x = Self.floats(rows * inputs, seed: 5)
                let stored = type.stored(weights)
                let expected = Kernels.scalar.fewRows(x, rows: rows, stored, type, outputs: outputs)
                // Long sums are rounded in another order.
                let maximum: Float = inputs > 1000 ? 1e-3 : 2e-5
                #expect(
                    Self.distance(vector.fewRows(x, rows: rows, stored, type, outputs: outputs), expected) < maximum)
            }
        }
    }

    @Test(
        "Products with packed panels equal, for every stored type, every edge of the tile and every finish",
        VectorKernels.condition,
        arguments: VectorKernels.names)
    func packedProducts(name: String) throws {
        let (vector, scalar) = (try VectorKernels.named(name), Kernels.scalar)
        let shapes = [
            (1, 1, 1), (2, 15, 3), (3, 16, 17), (5, 17, 32), (7, 33, 40), (8, 48, 64), (9, 49, 65), (13, 100, 31),
            (6, 144, 129), (25, 63, 96),
        ]
        for (index, (rows, outputs, inputs)) in shapes.enumerated() {
            let x = Self.floats(rows * inputs, seed: 5)
            let bias = Self.floats(outputs, seed: 7)
            for (number, type) in ElementType.allCases.enumerated() {
                let stored = type.stored(Self.floats(outputs * inputs, seed: 3).map { Float(Float16($0)) })
                for finish in [PG_KEEP, PG_GELU, PG_GELU_TIMES] {
                    let start: Float? = (index + number) % 2 == 0 ? nil : 0.5
                    func product(_ kernels: Kernels) -> [Float] {
                        kernels.multiply(
                            x, rows: rows, stored, type, outputs: outputs, bias: index % 3 == 0 ? nil : bias,
                            start: start, finish: finish)
                    }
                    #expect(Self.distance(product(vector), product(scalar)) < 3e-5)
                }
            }
            let values = Self.floats(inputs * outputs, seed: 11)
            #expect(
                Self.distance(
                    vector.mix(x, rows: rows, values: values, outputs: outputs),
                    scalar.mix(x, rows: rows, values: values, outputs: outputs)) < 3e-5)
        }
    }

    @Test(
        "Norms, activations and softmax equal for any length, and at their limits", VectorKernels.condition,
        arguments: VectorKernels.names)
    func elementwise(name: String) throws {
        let (vector, scalar) = (try VectorKernels.named(name), Kernels.scalar)
        for count in [1, 7, 8, 15, 16, 17, 40, 100, 257] {
            let x = Self.floats(count, seed: UInt64(count), range: -12...12)
            let weight = Self.floats(count, seed: 9)
            #expect(Self.distance(vector.rmsNorm(x, weight), scalar.rmsNorm(x, weight)) < 1e-5)
            #expect(Self.distance(vector.layerNorm(x, weight), scalar.layerNorm(x, weight)) < 2e-5)
            #expect(Self.distance(vector.geluTimes(x, weight), scalar.geluTimes(x, weight)) < 2e-6)
            #expect(Self.distance(vector.softmax(x), scalar.softmax(x)) < 1e-6)
            #expect(vector.argMax(x) == scalar.argMax(x))
        }
        // At its limits exp must neither overflow nor become NaN.
        let extremes: [Float] = [-1e30, -1000, -100, -20, 0, 20, 100, 1000]
        let ones = [Float](repeating: 1, count: extremes.count)
        #expect(Self.distance(vector.geluTimes(extremes, ones), scalar.geluTimes(extremes, ones)) < 1e-6)
    }

    @Test("With every set of kernels soft caps keep the digits of small numbers and end at the cap")
    func softCap() {
        let exact: (Float, Float, Float) -> Double = { x, scale, cap in
            Double(cap) * tanh(Double(x) * Double(scale) / Double(cap))
        }
        for kernels in Kernels.available {
            for (scale, cap) in [(Float(0.0625), Float(50)), (1, 30), (1, 1.5), (0.3, 5)] {
                for count in [1, 7, 8, 15, 16, 17, 33, 257] {
                    for size: Float in [1e-6, 1e-2, 1, 30, 900] {
                        let x = Self.floats(count, seed: UInt64(count), range: -size...size)
                        for (mine, input) in zip(kernels.softCap(x, scale: scale, cap: cap), x) {
                            let expected = exact(input, scale, cap)
                            #expect(abs(Double(mine) - expected) <= 6e-7 * abs(expected), "\(kernels.name) \(input)")
                        }
                    }
                }
                let ends: [Float] = [-.infinity, -1e30, -1e4, 0, 1e4, 1e30, .infinity]
                #expect(kernels.softCap(ends, scale: scale, cap: cap) == [-cap, -cap, -cap, 0, cap, cap, cap])
            }
        }
    }

    @Test("With every set of kernels rounding to bfloat16 is to the nearest, ties to even")
    func narrow() {
        let special: [(Float, UInt16)] = [
            (0, 0), (-0.0, 0x8000), (1, 0x3f80), (.infinity, 0x7f80), (-.infinity, 0xff80),
            (Float(bitPattern: 0x3f80_8000), 0x3f80), (Float(bitPattern: 0x3f81_8000), 0x3f82),
            (Float(bitPattern: 0x3f80_8001), 0x3f81), (Float(bitPattern: 0x3f80_7fff), 0x3f80),
            (.greatestFiniteMagnitude, 0x7f80), (.leastNonzeroMagnitude, 0), (Float(bitPattern: 0x0000_8001), 1),
        ]
        for kernels in Kernels.available {
            #expect(kernels.narrowed(special.map(\.0)) == special.map(\.1))
            let nans = kernels.narrowed(Array(repeating: Float(bitPattern: 0x7f80_0001), count: 19))
            #expect(nans.allSatisfy { Float(bitPattern: UInt32($0) << 16).isNaN })
            for count in [1, 7, 8, 15, 16, 17, 100, 257] {
                let x = Self.floats(count, seed: UInt64(count), range: -1e3...1e3)
                #expect(kernels.narrowed(x) == Kernels.scalar.narrowed(x))
            }
        }
    }
}
