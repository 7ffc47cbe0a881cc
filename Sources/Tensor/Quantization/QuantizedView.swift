/// Some outputs over some inputs of a quantized matrix, not yet prepared for products.
package struct QuantizedView: Sendable {
    let matrix: QuantizedMatrix
    private var outputs: Range<Int>
    private var inputs: Range<Int>

    init(_ matrix: QuantizedMatrix) {
        self.matrix = matrix
        outputs = 0..<matrix.shape.outputs
        inputs = 0..<matrix.shape.inputs
    }

    /// Returns some outputs of this view, counted from its first.
    func outputs(_ range: Range<Int>) -> QuantizedView {
        var view = self
        view.outputs = outputs.lowerBound + range.lowerBound..<outputs.lowerBound + range.upperBound
        return view
    }

    /// Returns some inputs of this view, counted from its first.
    func inputs(_ range: Range<Int>) -> QuantizedView {
        var view = self
        view.inputs = inputs.lowerBound + range.lowerBound..<inputs.lowerBound + range.upperBound
        return view
    }

    /// Compares the weights with their hashes and computes what products need, on the threads of the team.
    ///
    /// - Throws: ``ModelError`` with the code `quantized` where the file is damaged.
    package func prepare(kernels: Kernels, team: ThreadTeam) throws(ModelError) {
        if outputs.isEmpty || inputs.isEmpty || matrix.isPrepared(outputs: outputs, inputs: inputs) { return }
        try matrix.verify(outputs: outputs, inputs: inputs, team: team)
        _ = slice(kernels: kernels, team: team)
    }

    /// Returns the slice that the kernels multiply with. It is made once.
    func slice(kernels: Kernels, team: ThreadTeam) -> QuantizedSlice {
        matrix.slice(outputs: outputs, inputs: inputs, kernels: kernels, team: team)
    }
}
