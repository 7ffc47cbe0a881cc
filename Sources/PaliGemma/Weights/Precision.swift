import Tensor

/// The precision of the linear layers. Everything else is always float32: the residual stream, norms, softmax, sums, logits.
package enum Precision: String, Sendable, CaseIterable {
    /// Products as float32 gives them, with the weights as the checkpoint stores them, whatever their type is.
    case exact
    /// Activations rounded to bfloat16 (8 bits), weights as the checkpoint stores them, sums in float32. On a processor
    /// without products of bfloat16 it is the exact mode.
    case bf16
    /// Weights and activations quantized to 8 bits, summed in int32: the fastest, and on most models the least accurate.
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
        _ checkpoint: Checkpoint, _ configuration: ModelConfiguration, precision: Precision,
        fingerprint: String, threads: Int, only: String? = nil, adapters: AdapterSet = AdapterSet(),
        onCreation: (QuantizedFile.Creation) -> Void = { _ in }
    ) throws(ModelError) -> ModelWeights {
        var stored = try ModelWeights(checkpoint: checkpoint, configuration: configuration, adapters: adapters)
        if precision == .bf16 { stored.activations = .bfloat16 }
        guard precision == .int8 else { return stored }
        var file = try QuantizedFile(
            of: stored.quantizable, model: fingerprint, directory: checkpoint.directory,
            team: ThreadTeam(count: threads), onCreation: onCreation)
        file.only = only
        return try ModelWeights(
            checkpoint: checkpoint, configuration: configuration, quantized: file, adapters: adapters)
    }
}
