import Base
import CKernels
import Foundation

/// Quantizes matrices and writes the file of a ``QuantizedLayout``, matrix by matrix on all threads of a team.
struct QuantizedWriter {
    let layout: QuantizedLayout
    /// The open file.
    let descriptor: Int32
    /// The name that the file has or will have, for errors.
    let path: String
    let team: ThreadTeam

    /// Writes the whole file: for each matrix scales, sums, hashes and weights, and last the header, so that a file with
    /// a header is complete.
    ///
    /// - Parameter sources: the matrices in the order of the layout.
    /// - Throws: ``ModelError`` with the code `quantized` where the file cannot be written.
    func write(_ sources: [StoredMatrix]) throws(ModelError) {
        do throws(SystemError) {
            try reserve()
            for (entry, source) in zip(layout.entries, sources) { try write(source, entry) }
            try writeAll(layout.header.span.bytes, to: descriptor, at: 0)
            guard fsync(descriptor) == 0 else { throw SystemError(errno) }
        } catch {
            throw .writing(error, at: path, bytes: layout.byteCount)
        }
    }

    /// Allocates all blocks of the file, so that a full disk is found before any work is done.
    private func reserve() throws(SystemError) {
        guard ftruncate(descriptor, 0) == 0 else { throw SystemError(errno) }
        let number = posix_fallocate(descriptor, 0, layout.byteCount)
        // Some file systems cannot allocate ahead.
        if number == EOPNOTSUPP || number == EINVAL || number == 0 { return }
        throw SystemError(number)
    }

    private func write(_ source: StoredMatrix, _ entry: QuantizedLayout.Entry) throws(SystemError) {
        let scales = Matrix(rows: 2, columns: entry.shape.scaleCount)
        let tasks = entry.shape.blocks * entry.runs
        var hashes = [UInt64](repeating: 0, count: tasks)
        let failure = Locked<SystemError?>(nil)
        hashes.withUnsafeMutableBufferPointer { hashes in
            let (view, hashes) = (scales.view, SendableBuffer(hashes))
            team.run(tasks) { task, thread in
                do throws(SystemError) {
                    hashes[task] = try quantize(entry, source, task: task, thread: thread, scales: view)
                } catch {
                    failure.withLock { $0 = error }
                }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
        let scaleBytes = UnsafeRawBufferPointer(scales.view.bytes)
        hashes.append(QuantizedLayout.hash(scaleBytes))
        try writeAll(scaleBytes, to: descriptor, at: entry.scalesOffset)
        try writeAll(hashes.span.bytes, to: descriptor, at: entry.hashesOffset)
    }

    /// Widens, quantizes and writes one run of panels in one block.
    ///
    /// - Parameter scales: [2, scales of the matrix] float32: the scales, and the sums of the quantized weights.
    /// - Returns: the hash of the run's weights.
    private func quantize(
        _ entry: QuantizedLayout.Entry, _ source: StoredMatrix, task: Int, thread: Int, scales: MatrixView
    ) throws(SystemError) -> UInt64 {
        let (block, run) = (task / entry.runs, task % entry.runs)
        let (inputs, panels) = (entry.shape.inputs(of: block), entry.panels(of: run))
        let panelBytes = entry.shape.panelBytes(of: block)
        // Scratch: one panel as float32 [16, inputs], then the quantized panels of the run.
        let wide = QuantizedShape.panel * inputs.count
        let memory = team.scratch(thread: thread, count: wide + panels.count * panelBytes / 4)
        let out = UnsafeMutableRawPointer(memory + wide)
        let kernels = Kernels.current
        for (index, panel) in panels.enumerated() {
            let first = panel * QuantizedShape.panel
            let outputs = first..<min(entry.shape.outputs, first + QuantizedShape.panel)
            let part = source.outputs(outputs).inputs(inputs)
            for row in 0..<outputs.count {
                kernels.table.pointee.widen(
                    part.element.code, part.row(row), memory + row * inputs.count, inputs.count)
            }
            let weights = (out + index * panelBytes).assumingMemoryBound(to: Int8.self)
            let scale = entry.shape.scaleIndex(block: block, panel: panel)
            kernels.int8.pointee.quantize_panel(
                memory, outputs.count, inputs.count, inputs.count, weights, scales.row(0) + scale)
            kernels.int8.pointee.sum_panel(weights, entry.shape.groups(of: block), scales.row(1) + scale)
        }
        defer { LoadingProgress.advance() }
        let bytes = UnsafeRawBufferPointer(start: out, count: panels.count * panelBytes)
        let offset = entry.weightsOffset + entry.shape.offset(block: block, panel: panels.lowerBound)
        try writeAll(bytes, to: descriptor, at: offset)
        return QuantizedLayout.hash(bytes)
    }
}

/// A buffer of which every task writes elements of its own.
private struct SendableBuffer<Element>: @unchecked Sendable {
    // @unchecked: no two tasks write one element.
    private let buffer: UnsafeMutableBufferPointer<Element>
    init(_ buffer: UnsafeMutableBufferPointer<Element>) { self.buffer = buffer }
    subscript(index: Int) -> Element {
        get { buffer[index] }
        nonmutating set { buffer[index] = newValue }
    }
}

extension ModelError {
    /// The error of a system call that writes quantized weights.
    ///
    /// - Parameter bytes: the size of the whole file.
    static func writing(_ error: SystemError, at path: String, bytes: Int) -> ModelError {
        let size = String(format: "%.1f MB", Double(bytes) / 1e6)
        let reason = error.isDiskFull ? "the disk is full" : error.description
        return ModelError(.quantized, at: path, "the quantized weights (\(size)) cannot be written: \(reason)")
    }
}
