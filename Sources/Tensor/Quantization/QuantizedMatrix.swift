import Base
import Synchronization

/// One matrix of weights with eight bits each, in the mapped file of all of them (``QuantizedFile``).
package final class QuantizedMatrix: @unchecked Sendable {
    // @unchecked: the mapping is read-only and kept alive by `file`; the slices are behind a lock.
    let shape: QuantizedShape
    let values: UnsafePointer<Int8>
    let scales: UnsafePointer<Float>
    /// Of the weights of each output in a whole block.
    let sums: UnsafePointer<Float>
    private let entry: QuantizedLayout.Entry
    let file: MappedFile
    /// Runs of panels that are known to be as they were written.
    private let verified: Locked<Set<Int>> = Locked([])
    private let slices = Locked<[SliceKey: QuantizedSlice]>([:])

    private struct SliceKey: Hashable {
        let outputs: Range<Int>
        let inputs: Range<Int>
    }

    init(entry: QuantizedLayout.Entry, file: MappedFile) {
        self.entry = entry
        self.file = file
        shape = entry.shape
        values = (file.start + entry.weightsOffset).assumingMemoryBound(to: Int8.self)
        scales = (file.start + entry.scalesOffset).assumingMemoryBound(to: Float.self)
        sums = scales + shape.scaleCount
    }

    fileprivate func isPrepared(outputs: Range<Int>, inputs: Range<Int>) -> Bool {
        slices.withLock { $0[SliceKey(outputs: outputs, inputs: inputs)] != nil }
    }

    /// Some outputs over some inputs. The sums of blocks that a slice has a part of are made when it is first asked for,
    /// on the threads of the team.
    func slice(outputs: Range<Int>, inputs: Range<Int>, kernels: Kernels, team: ThreadTeam) -> QuantizedSlice {
        let key = SliceKey(outputs: outputs, inputs: inputs)
        return slices.withLock { slices in
            if let slice = slices[key] { return slice }
            let slice = QuantizedSlice(matrix: self, outputs: outputs, inputs: inputs)
            slice.sumWeights(kernels: kernels, team: team)
            slices[key] = slice
            return slice
        }
    }
}

extension QuantizedMatrix {
    /// Checks that what a slice reads is what was written.
    ///
    /// - Throws: ``ModelError`` with the code `quantized` where the file is damaged.
    fileprivate func verify(outputs: Range<Int>, inputs: Range<Int>, team: ThreadTeam) throws(ModelError) {
        let width = QuantizedShape.panel * QuantizedLayout.runPanels
        let runs = outputs.lowerBound / width...(outputs.upperBound - 1) / width
        let blocks = inputs.lowerBound / shape.blockInputs...(inputs.upperBound - 1) / shape.blockInputs
        let known = verified.withLock { $0 }
        let wanted = blocks.flatMap { block in runs.map { block * entry.runs + $0 } }.filter { !known.contains($0) }
        let damaged = Atomic<Bool>(hash(entry.scalesOffset, entry.scaleBytes) != stored(entry.scalesHashOffset))
        team.run(wanted.count) { task, _ in
            LoadingProgress.advance()
            let (block, run) = (wanted[task] / entry.runs, wanted[task] % entry.runs)
            let panels = entry.panels(of: run)
            let start = entry.weightsOffset + shape.offset(block: block, panel: panels.lowerBound)
            if hash(start, panels.count * shape.panelBytes(of: block))
                != stored(entry.hashOffset(block: block, run: run))
            {
                damaged.store(true, ordering: .relaxed)
            }
        }
        guard !damaged.load(ordering: .relaxed) else {
            throw ModelError(
                .quantized, at: file.path,
                "the quantized weights are damaged (in \(entry.name)); remove the file, and it is made again")
        }
        verified.withLock { $0.formUnion(wanted) }
    }

    private func hash(_ offset: Int, _ count: Int) -> UInt64 {
        QuantizedLayout.hash(UnsafeRawBufferPointer(rebasing: file.bytes[offset..<offset + count]))
    }

    private func stored(_ offset: Int) -> UInt64 { file.bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
}

/// Some outputs over some inputs of a quantized matrix, named but not yet prepared for products.
package struct QuantizedView: Sendable {
    let matrix: QuantizedMatrix
    private var outputs: Range<Int>
    private var inputs: Range<Int>

    init(_ matrix: QuantizedMatrix) {
        self.matrix = matrix
        outputs = 0..<matrix.shape.outputs
        inputs = 0..<matrix.shape.inputs
    }

    /// Outputs of this view, counted from its first.
    func outputs(_ range: Range<Int>) -> QuantizedView {
        var view = self
        view.outputs = outputs.lowerBound + range.lowerBound..<outputs.lowerBound + range.upperBound
        return view
    }

    /// Inputs of this view, counted from its first.
    func inputs(_ range: Range<Int>) -> QuantizedView {
        var view = self
        view.inputs = inputs.lowerBound + range.lowerBound..<inputs.lowerBound + range.upperBound
        return view
    }

    /// Checks the weights and makes what products need.
    package func prepare(_ linear: Linear) throws(ModelError) {
        if outputs.isEmpty || inputs.isEmpty || matrix.isPrepared(outputs: outputs, inputs: inputs) { return }
        try matrix.verify(outputs: outputs, inputs: inputs, team: linear.team)
        _ = slice(linear)
    }

    func slice(_ linear: Linear) -> QuantizedSlice {
        matrix.slice(outputs: outputs, inputs: inputs, kernels: linear.kernels, team: linear.team)
    }
}
