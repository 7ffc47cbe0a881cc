import Foundation
import PaliGemma
import Tensor
import TestSupport

/// A committed checkpoint and the intermediates that the reference computed with it (Tests/Fixtures/goldens/make.py).
struct Goldens {
    /// The names of the folders; " window" after a name stands for the sliding window.
    static let cases = ["odd", "grouped", "second", "second window", "edge", "edge window"]

    let directory: String
    private let hasWindow: Bool
    let configuration: ModelConfiguration
    let weights: ModelWeights
    private let file: SafetensorsFile

    /// Loads the weights of a case.
    ///
    /// - Parameter stored: another directory that holds the same weights.
    init(_ name: String, stored: String? = nil) throws {
        hasWindow = name.hasSuffix(" window")
        let folder = Fixtures.path("goldens/\(name.split(separator: " ")[0])")
        directory = stored ?? folder
        configuration = try ModelConfiguration(directory: directory, slidingWindow: hasWindow)
        weights = try ModelWeights(
            checkpoint: Checkpoint(directory: directory), configuration: configuration)
        file = try SafetensorsFile(path: folder + "/goldens.safetensors")
    }

    func shape(_ name: String) throws -> [Int] { try entry(name).shape }

    func floats(_ name: String) throws -> [Float] {
        let bytes = UnsafeRawBufferPointer(rebasing: file.mapping.bytes[try entry(name).range])
        return (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
    }

    /// The logits of each step [steps, V].
    var logits: [Float] { get throws { try floats(hasWindow ? "window.logits" : "logits") } }
    /// The tokens of the answer.
    var answer: [Int32] { get throws { try tokens(hasWindow ? "window.tokens" : "tokens") } }

    func tokens(_ name: String) throws -> [Int32] { try floats(name).map { Int32($0) } }

    var pictures: [[UInt8]] {
        get throws {
            let bytes = try floats("pixels").map { UInt8($0) }
            let size = configuration.vision.imageSize * configuration.vision.imageSize * 3
            return stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<$0 + size]) }
        }
    }

    /// Returns the tokens of the prompt after the image tokens, and the number of pictures.
    func prompt() throws -> (textTokens: [Int32], pictures: Int) {
        let ids = try tokens("ids")
        let text = ids.filter { $0 != Int32(configuration.imageToken) }
        return (text, (ids.count - text.count) / configuration.vision.tokens)
    }

    private func entry(_ name: String) throws -> TensorEntry {
        guard let entry = file.tensors[name] else { throw MissingGolden(name: name) }
        return entry
    }

    struct MissingGolden: Error { let name: String }
}

extension MatrixView {
    /// Returns the largest difference to reference numbers, relative to the largest of them.
    func distance(to reference: [Float]) -> Float {
        precondition(reference.count == rows * columns)
        let largest = reference.map(abs).max() ?? 1
        var worst: Float = 0
        for row in 0..<rows {
            for (column, value) in values(row: row).enumerated() {
                let difference = abs(value - reference[row * columns + column])
                worst = max(worst, difference.isNaN ? .infinity : difference)
            }
        }
        return worst / max(largest, 1)
    }
}

/// Features of all pictures, which are there from the start.
struct ReadyFeatures: FeatureSource {
    let all: MatrixView
    let tokensPerPicture: Int

    func features(of sequence: PaliGemma.Sequence, picture: Int, rows: Range<Int>) -> MatrixView? {
        let first = picture * tokensPerPicture
        return all.rows(first + rows.lowerBound..<first + rows.upperBound)
    }
}
