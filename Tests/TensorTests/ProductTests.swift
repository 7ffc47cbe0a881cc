import Foundation
import Tensor
import TestSupport
import Testing

@Suite("Products of linear layers", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct ProductTests {
    /// A shape of a product: x [rows, inputs], weights [outputs, inputs].
    struct Shape: Sendable, CustomTestStringConvertible {
        let rows, inputs, outputs: Int
        var testDescription: String { "\(rows) x \(inputs) x \(outputs)" }
    }

    /// Around the sizes of tiles, panels and register tiles, and far from any.
    private static let shapes = [
        Shape(rows: 1, inputs: 1, outputs: 1), Shape(rows: 1, inputs: 64, outputs: 48),
        Shape(rows: 2, inputs: 33, outputs: 5), Shape(rows: 3, inputs: 100, outputs: 17),
        Shape(rows: 5, inputs: 31, outputs: 16), Shape(rows: 8, inputs: 2080, outputs: 33),
        Shape(rows: 16, inputs: 77, outputs: 100), Shape(rows: 17, inputs: 32, outputs: 31),
        Shape(rows: 33, inputs: 513, outputs: 65), Shape(rows: 40, inputs: 72, outputs: 3),
        Shape(rows: 64, inputs: 1025, outputs: 130), Shape(rows: 70, inputs: 1152, outputs: 49),
        Shape(rows: 130, inputs: 37, outputs: 200),
    ]

    /// The errors of a product against one in float64.
    private struct Errors {
        /// Root mean square over all outputs, relative to that of the outputs.
        var relative = 0.0
        /// The largest, relative to the sum of the sizes of the terms.
        var largest = 0.0
    }

    /// Activations with a column that is much larger than the others.
    private static func activations(_ shape: Shape) -> [Float] {
        var random = LinearCongruentialGenerator(state: UInt64(shape.inputs))
        return (0..<shape.rows * shape.inputs).map { index in
            Float.random(in: -1...1, using: &random) * (index % shape.inputs % 29 == 3 ? 40 : 1)
        }
    }

    private static func weights(_ shape: Shape, _ element: ElementType) throws -> WeightFile {
        var random = LinearCongruentialGenerator(state: 7)
        let values = (0..<shape.outputs * shape.inputs).map { _ in Float.random(in: -1...1, using: &random) / 8 }
        return try WeightFile(values, element, outputs: shape.outputs, inputs: shape.inputs)
    }

    private static func linear(
        _ kernels: Kernels, threads: Int = 2, _ activations: ActivationPrecision = .float32
    ) -> Linear {
        _ = BLAS.prepared
        return Linear(
            team: ThreadTeam(count: threads), kernels: kernels, activations: activations, meter: OperationMeter())
    }

    private static func product(
        _ linear: Linear, _ x: [Float], _ weights: WeightFile, _ shape: Shape, isBatchInvariant: Bool = false
    ) -> [Float] {
        let input = Matrix(rows: shape.rows, columns: shape.inputs)
        let output = Matrix(rows: shape.rows, columns: shape.outputs)
        input.view.base.update(from: x, count: x.count)
        output.view.fill(.nan)
        linear(
            input.view, weights.matrix, into: output.view,
            context: ProductContext(phase: .prefill, isBatchInvariant: isBatchInvariant))
        return (0..<shape.rows).flatMap { output.view.values(row: $0) }
    }

    private static func errors(_ y: [Float], _ x: [Float], _ weights: WeightFile, _ shape: Shape) -> Errors {
        var (squares, total, errors) = (0.0, 0.0, Errors())
        for row in 0..<shape.rows {
            for output in 0..<shape.outputs {
                var (sum, size) = (0.0, 0.0)
                for k in 0..<shape.inputs {
                    let term = Double(x[row * shape.inputs + k]) * Double(weights.values[output * shape.inputs + k])
                    sum += term
                    size += abs(term)
                }
                let error = abs(Double(y[row * shape.outputs + output]) - sum)
                squares += error * error
                total += sum * sum
                errors.largest = max(errors.largest, error.isNaN ? .infinity : error / max(size, 1e-30))
            }
        }
        errors.relative = (squares / max(total, 1e-30)).squareRoot()
        return errors
    }

    @Test(
        "With every set of kernels and every type of weights a product is as exact as float32",
        arguments: Kernels.setNames, ElementType.allCases)
    func exact(name: String, element: ElementType) throws {
        let linear = Self.linear(try #require(Kernels.set(named: name)))
        for shape in Self.shapes {
            let (x, weights) = (Self.activations(shape), try Self.weights(shape, element))
            for isBatchInvariant in [false, true] {
                let y = Self.product(linear, x, weights, shape, isBatchInvariant: isBatchInvariant)
                let errors = Self.errors(y, x, weights, shape)
                #expect(errors.largest < 1e-6, "\(shape.testDescription) \(isBatchInvariant)")
            }
        }
    }

    @Test(
        "Products on tiles are no farther from float64 than those of the vector kernels",
        .enabled(if: Kernels.tileModel != nil, "no AVX2, for which the model is compiled"),
        arguments: ElementType.allCases,
        [
            Shape(rows: 8, inputs: 2048, outputs: 64), Shape(rows: 16, inputs: 5000, outputs: 40),
            Shape(rows: 65, inputs: 2048, outputs: 64), Shape(rows: 66, inputs: 72, outputs: 128),
            Shape(rows: 70, inputs: 5000, outputs: 64),
        ])
    func accuracy(element: ElementType, shape: Shape) throws {
        let tiles = Self.linear(try #require(Kernels.tileModel))
        let vector = Self.linear(try #require(Kernels(level: .avx512) ?? Kernels(level: .avx2)))
        let (x, weights) = (Self.activations(shape), try Self.weights(shape, element))
        let own = Self.errors(Self.product(tiles, x, weights, shape), x, weights, shape)
        let other = Self.errors(Self.product(vector, x, weights, shape), x, weights, shape)
        #expect(own.relative <= other.relative)
    }

    @Test(
        "The tile unit gives the bits of its model", .enabled(if: Kernels(level: .amx) != nil, "no AMX"),
        arguments: ElementType.allCases, [ActivationPrecision.float32, .bfloat16])
    func hardware(element: ElementType, activations: ActivationPrecision) throws {
        let unit = Self.linear(try #require(Kernels(level: .amx)), activations)
        let model = Self.linear(try #require(Kernels.tileModel), activations)
        for shape in Self.shapes where shape.rows >= 5 {
            let (x, weights) = (Self.activations(shape), try Self.weights(shape, element))
            #expect(
                Self.product(unit, x, weights, shape) == Self.product(model, x, weights, shape),
                "\(shape.testDescription)")
        }
    }

    /// Processors differ in what they do with denormal numbers, and in the order of a pair's two sums.
    @Test(
        "Products of pairs of bfloat16 are those of their model, up to the last bits",
        .enabled(if: Kernels(level: .avx512)?.pairs != nil, "no AVX512_BF16"))
    func pairs() throws {
        let unit = Self.linear(try #require(Kernels(level: .avx512)), .bfloat16)
        let model = Self.linear(try #require(Kernels.pairModel), .bfloat16)
        for shape in Self.shapes {
            let (x, weights) = (Self.activations(shape), try Self.weights(shape, .bfloat16))
            let (own, expected) = (Self.product(unit, x, weights, shape), Self.product(model, x, weights, shape))
            let largest = expected.map(abs).max() ?? 0
            #expect(zip(own, expected).allSatisfy { abs($0 - $1) <= 4e-6 * largest }, "\(shape.testDescription)")
        }
    }

    @Test(
        "Rounded activations cost the rounding of the activations and nothing else",
        arguments: Kernels.setNames, ElementType.allCases)
    func rounded(name: String, element: ElementType) throws {
        let kernels = try #require(Kernels.set(named: name))
        let linear = Self.linear(kernels, .bfloat16)
        for shape in Self.shapes {
            let (x, weights) = (Self.activations(shape), try Self.weights(shape, element))
            for isBatchInvariant in [false, true] {
                // Few rows are only rounded for weights of bfloat16: reading others decides the time.
                let isFew = shape.rows <= 16 || isBatchInvariant
                let isRounded = kernels.multipliesRounded(element) && (element == .bfloat16 || !isFew)
                let expected = isRounded ? Self.rounded(x) : x
                let y = Self.product(linear, x, weights, shape, isBatchInvariant: isBatchInvariant)
                #expect(
                    Self.errors(y, expected, weights, shape).largest < 1e-6,
                    "\(shape.testDescription) \(isBatchInvariant)")
            }
        }
    }

    private static func rounded(_ x: [Float]) -> [Float] {
        var narrow = [UInt16](repeating: 0, count: x.count)
        Kernels.scalar.table.pointee.narrow(x, &narrow, x.count)
        return narrow.map { Float(bitPattern: UInt32($0) << 16) }
    }

    @Test(
        "A row of a product depends neither on the rows beside it nor on the number of threads",
        arguments: Kernels.setNames, [ActivationPrecision.float32, .bfloat16])
    func batchInvariance(name: String, activations: ActivationPrecision) throws {
        let kernels = try #require(Kernels.set(named: name))
        let shape = Shape(rows: 9, inputs: 300, outputs: 70)
        let (x, weights) = (Self.activations(shape), try Self.weights(shape, .bfloat16))
        let all = Self.product(
            Self.linear(kernels, activations), x, weights, shape, isBatchInvariant: true)
        for row in 0..<shape.rows {
            let alone = Self.product(
                Self.linear(kernels, threads: 3, activations), Array(x[row * 300..<(row + 1) * 300]), weights,
                Shape(rows: 1, inputs: 300, outputs: 70), isBatchInvariant: true)
            #expect(alone == Array(all[row * 70..<(row + 1) * 70]))
        }
    }

    @Test("Infinite and undefined activations stay so in every set of kernels", arguments: Kernels.setNames)
    func special(name: String) throws {
        let linear = Self.linear(try #require(Kernels.set(named: name)))
        for rows in [1, 8, 40] {
            let shape = Shape(rows: rows, inputs: 64, outputs: 20)
            let weights = try WeightFile(
                Array(repeating: 0.5, count: 64 * 20), .bfloat16, outputs: 20, inputs: 64)
            for value in [Float.infinity, -.infinity, .nan, .greatestFiniteMagnitude] {
                var x = [Float](repeating: 1, count: rows * 64)
                x[5] = value
                let y = Self.product(linear, x, weights, shape)
                #expect(y[0].isNaN == value.isNaN && (value.isNaN || y[0] == value * 0.5 || y[0] == value))
                #expect(y[20...].allSatisfy { $0 == 32 })
            }
        }
    }
}
