import Foundation
import Tensor

/// The precision of the weights in products.
package enum WeightPrecision: String, Sendable, CaseIterable {
    /// Weights as the checkpoint stores them, multiplied in float32: the exact mode, whatever the stored type is.
    case bf16
    /// Weights and activations quantized to 8 bits, summed in int32: the fast mode, which loses accuracy.
    case int8
}

extension ModelWeights {
    /// Loads the weights of a checkpoint in a precision.
    ///
    /// - Parameters:
    ///   - fingerprint: the checkpoint's.
    ///   - threads: number of threads that make the file of quantized weights where there is none.
    ///   - only: selects the matrices that are quantized (``QuantizedFile/only``), to measure the error of each kind.
    ///   - adapters: the low-rank adapters that rows may ask for.
    ///   - onCreation: called before the file of quantized weights is made.
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
    /// Sizes and modification times (in seconds) of the files. They change when a checkpoint is changed in place.
    package var stamps: String {
        files.map { file in
            var status = stat()
            guard stat(file.mapping.path, &status) == 0 else { return " ?" }
            return " \(status.st_size) \(status.st_mtim.tv_sec)"
        }.joined()
    }
}
