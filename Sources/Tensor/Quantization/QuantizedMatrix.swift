import Base
import Synchronization

/// One matrix of int8 weights in the mapped ``QuantizedFile``.
package final class QuantizedMatrix: @unchecked Sendable {
    // @unchecked: the mapping is read-only and kept alive by `file`; the slices are behind a lock.
    let shape: QuantizedShape
    /// The weights, as ``QuantizedShape`` lays them out.
    let values: UnsafePointer<Int8>
    /// [blocks, panels · 16]: the scale of each output in each block.
    let scales: UnsafePointer<Float>
    /// [blocks, panels · 16]: the sum of each output's weights in each block.
    let sums: UnsafePointer<Float>
    private let entry: QuantizedLayout.Entry
    let file: MappedFile
    /// Runs of panels whose hashes were compared already.
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

    /// Whether products with these outputs and inputs have all they need.
    func isPrepared(outputs: Range<Int>, inputs: Range<Int>) -> Bool {
        slices.withLock { $0[SliceKey(outputs: outputs, inputs: inputs)] != nil }
    }

    /// Returns some outputs over some inputs. The first call for a slice computes, on the threads of the team, the sums of
    /// blocks that it has only a part of.
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
    /// Compares the hashes of what a slice reads with those that were written.
    ///
    /// - Throws: ``ModelError`` with the code `quantized` where the file is damaged.
    func verify(outputs: Range<Int>, inputs: Range<Int>, team: ThreadTeam) throws(ModelError) {
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
