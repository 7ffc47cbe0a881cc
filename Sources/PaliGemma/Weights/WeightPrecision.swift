import Foundation
import Tensor

/// The numbers that products with weights are made of.
package enum WeightPrecision: String, Sendable, CaseIterable {
    /// As the checkpoint stores them, multiplied in float32: the exact mode, whatever the stored type is.
    case bf16
    /// Weights and activations quantized to eight bits, sums in whole numbers: the fast mode, which loses accuracy.
    case int8
}

extension ModelWeights {
    /// The weights of a checkpoint as products are to use them.
    ///
    /// - Parameters:
    ///   - fingerprint: of the checkpoint.
    ///   - threads: that make the file of quantized weights where there is none.
    ///   - only: quantize only some matrices (``QuantizedFile/only``), to find out what each kind costs.
    ///   - adapters: what is added to products for rows that ask for it.
    ///   - onCreation: called before that.
    /// - Throws: ``ModelError``; with the code `quantized` where that file cannot be made.
    package static func load(
        _ checkpoint: Checkpoint, _ configuration: ModelConfiguration, precision: WeightPrecision,
        fingerprint: String, threads: Int, only: String? = nil, adapters: AdapterSet = AdapterSet(),
        onCreation: (QuantizedFile.Creation) -> Void = { _ in }
    ) throws(ModelError) -> ModelWeights {
        let stored = try ModelWeights(checkpoint: checkpoint, configuration: configuration, adapters: adapters)
        guard precision == .int8 else { return stored }
        var file = try QuantizedFile(
            of: stored.quantizable, model: fingerprint + checkpoint.stamps, directory: checkpoint.directory,
            team: ThreadTeam(count: threads), onCreation: onCreation)
        file.only = only
        return try ModelWeights(
            checkpoint: checkpoint, configuration: configuration, quantized: file, adapters: adapters)
    }
}

extension Checkpoint {
    /// Sizes and dates of the files, to the second: a checkpoint that was changed in place is another.
    package var stamps: String {
        files.map { file in
            var status = stat()
            guard stat(file.mapping.path, &status) == 0 else { return " ?" }
            return " \(status.st_size) \(status.st_mtim.tv_sec)"
        }.joined()
    }
}
