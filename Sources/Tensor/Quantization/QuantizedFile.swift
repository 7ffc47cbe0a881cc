import Base
import CKernels
import Foundation

/// The quantised weights of a model in one file, mapped read-only, so that the ranks of a host share its pages. It is
/// made once: beside the checkpoint where that directory can be written, else in the user's cache directory.
package struct QuantizedFile: Sendable {
    package let path: String
    /// Where it is set, only some matrices are given out: alternatives with | between them, each of parts of a name
    /// with : between them, as `vision:q_proj` or `gate_proj|up_proj`.
    package var only: String?
    private let matrices: [String: QuantizedMatrix]

    /// A file to be made, for whoever wants to say so.
    package struct Making: Sendable {
        package let path: String
        package let byteCount: Int
    }

    /// Finds the file of a model's quantized weights, or makes it on all threads of the team. Processes that want the
    /// same file at the same time make it once.
    ///
    /// - Parameters:
    ///   - sources: the matrices to quantize, by canonical name.
    ///   - model: what makes the file another: the model's fingerprint and the state of its files.
    ///   - directory: the model's, where the file is kept if it can be written.
    ///   - onMaking: called before a file is made, which takes seconds.
    /// - Throws: ``ModelError`` with the code `quantized` where it can't be made or mapped.
    package init(
        of sources: [(name: String, matrix: WeightMatrix)], model: String, directory: String, team: ThreadTeam,
        onMaking: (Making) -> Void = { _ in }
    ) throws(ModelError) {
        let layout = QuantizedLayout(
            matrices: sources.map { ($0.name, $0.matrix.outputs, $0.matrix.inputs) }, model: model)
        let cache = QuantizedCache(layout: layout, modelDirectory: directory)
        path = try cache.find { (descriptor, path) throws(ModelError) in
            onMaking(Making(path: path, byteCount: layout.byteCount))
            try QuantizedWriter(layout: layout, descriptor: descriptor, path: path, team: team)
                .write(sources.map(\.matrix))
        }
        matrices = try Self.map(path, layout)
    }

    /// Makes a file of any matrices at a path of the caller's, for measurements.
    package init(
        of sources: [(name: String, matrix: WeightMatrix)], at path: String, team: ThreadTeam
    ) throws(ModelError) {
        let layout = QuantizedLayout(
            matrices: sources.map { ($0.name, $0.matrix.outputs, $0.matrix.inputs) }, model: path)
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .writing(errno, at: path, bytes: layout.byteCount) }
        defer { close(descriptor) }
        try QuantizedWriter(layout: layout, descriptor: descriptor, path: path, team: team)
            .write(sources.map(\.matrix))
        self.path = path
        matrices = try Self.map(path, layout)
    }

    private static func map(_ path: String, _ layout: QuantizedLayout) throws(ModelError) -> [String: QuantizedMatrix] {
        let file = try MappedFile(path: path)
        guard QuantizedCache.isWhole(file, layout) else {
            throw ModelError(.quantized, at: path, "has changed just after it was made")
        }
        return Dictionary(
            uniqueKeysWithValues: layout.entries.map { ($0.name, QuantizedMatrix(entry: $0, file: file)) })
    }

    package func matrix(_ name: String) -> QuantizedMatrix? {
        if let only, !only.split(separator: "|").contains(where: { $0.split(separator: ":").allSatisfy(name.contains) })
        {
            return nil
        }
        return matrices[name]
    }

    package var byteCount: Int { matrices.values.reduce(0) { $0 + $1.shape.byteCount } }
}

/// Writes the file of a layout, matrix by matrix on all threads.
private struct QuantizedWriter {
    let layout: QuantizedLayout
    let descriptor: Int32
    let path: String
    let team: ThreadTeam

    func write(_ sources: [WeightMatrix]) throws(ModelError) {
        try reserve()
        let problem = Locked<Int32>(0)
        for (entry, source) in zip(layout.entries, sources) {
            let scales = Matrix(rows: 2, columns: entry.shape.scaleCount)
            var hashes = [UInt64](repeating: 0, count: entry.shape.blocks * entry.runs)
            hashes.withUnsafeMutableBufferPointer { hashes in
                let (view, hashes) = (scales.view, SendableBuffer(hashes))
                team.run(entry.shape.blocks * entry.runs) { task, thread in
                    let number = quantize(entry, source, task: task, thread: thread, scales: view, hashes: hashes)
                    if number != 0 { problem.withLock { $0 = number } }
                }
            }
            let scaleBytes = UnsafeRawBufferPointer(scales.view.bytes)
            hashes.append(QuantizedLayout.hash(scaleBytes))
            try check(problem.withLock { $0 })
            try check(put(scaleBytes, at: entry.scalesOffset))
            try check(hashes.withUnsafeBytes { put($0, at: entry.hashesOffset) })
        }
        try check(layout.header.withUnsafeBytes { put($0, at: 0) })
        guard fsync(descriptor) == 0 else { throw failure(errno) }
    }

    /// Asks for all of the room before any work is done.
    private func reserve() throws(ModelError) {
        guard ftruncate(descriptor, 0) == 0 else { throw failure(errno) }
        let number = posix_fallocate(descriptor, 0, layout.byteCount)
        if number == EOPNOTSUPP || number == EINVAL || number == 0 { return }
        throw failure(number)
    }

    /// One run of panels in one block: widened, quantised, written.
    ///
    /// - Returns: the number of a system's error, or 0.
    private func quantize(
        _ entry: QuantizedLayout.Entry, _ source: WeightMatrix, task: Int, thread: Int, scales: MatrixView,
        hashes: SendableBuffer<UInt64>
    ) -> Int32 {
        let (block, run) = (task / entry.runs, task % entry.runs)
        let (inputs, panels) = (entry.shape.inputs(of: block), entry.panels(of: run))
        let panelBytes = entry.shape.panelBytes(of: block)
        let wide = QuantizedShape.panel * inputs.count
        let memory = team.scratch(thread: thread, count: wide + panels.count * panelBytes / 4)
        let out = UnsafeMutableRawPointer(memory + wide)
        let bytes = UnsafeRawBufferPointer(start: out, count: panels.count * panelBytes)
        let kernels = Kernels.current
        for (index, panel) in panels.enumerated() {
            let first = panel * QuantizedShape.panel
            let outputs = first..<min(entry.shape.outputs, first + QuantizedShape.panel)
            let part = source.outputs(outputs).inputs(inputs)
            for row in 0..<outputs.count {
                kernels.table.pointee.widen(
                    part.element.code, part.row(row), memory + row * inputs.count, inputs.count)
            }
            kernels.int8.pointee.quantize_panel(
                memory, outputs.count, inputs.count, inputs.count,
                (out + index * panelBytes).assumingMemoryBound(to: Int8.self),
                scales.row(0) + entry.shape.scaleIndex(block: block, panel: panel))
            kernels.int8.pointee.sum_panel(
                (out + index * panelBytes).assumingMemoryBound(to: Int8.self), entry.shape.groups(of: block),
                scales.row(1) + entry.shape.scaleIndex(block: block, panel: panel))
        }
        hashes[task] = QuantizedLayout.hash(bytes)
        defer { Loading.advance() }
        return put(
            bytes, at: entry.weightsOffset + entry.shape.offset(block: block, panel: panels.lowerBound))
    }

    /// - Returns: the number of a system's error, or 0.
    private func put(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int32 {
        SystemFile.writeAll(bytes, to: descriptor, at: offset) ?? 0
    }

    private func check(_ number: Int32) throws(ModelError) {
        if number != 0 { throw failure(number) }
    }

    private func failure(_ number: Int32) -> ModelError { .writing(number, at: path, bytes: layout.byteCount) }
}

/// A buffer of which every task writes elements of its own.
private struct SendableBuffer<Element>: @unchecked Sendable {
    private let buffer: UnsafeMutableBufferPointer<Element>
    init(_ buffer: UnsafeMutableBufferPointer<Element>) { self.buffer = buffer }
    subscript(index: Int) -> Element {
        get { buffer[index] }
        nonmutating set { buffer[index] = newValue }
    }
}

extension ModelError {
    /// A system's error while the quantised weights are written.
    static func writing(_ number: Int32, at path: String, bytes: Int) -> ModelError {
        let size = String(format: "%.1f MB", Double(bytes) / 1e6)
        let reason = number == ENOSPC || number == EDQUOT ? "the disk is full" : String(cString: strerror(number))
        return ModelError(.quantized, at: path, "the quantised weights (\(size)) cannot be written: \(reason)")
    }
}
