import Base
import Foundation

/// The quantized weights of a model in one file, mapped read-only, so that the ranks of a host share its pages. The file
/// is made once: beside the checkpoint where that directory can be written, else in the user's cache directory.
package struct QuantizedFile: Sendable {
    package let path: String
    /// Where it is set, ``matrix(_:)`` returns only matrices whose name it matches: alternatives separated by |, each a
    /// list of parts of a name separated by :, as in `vision:q_proj` or `gate_proj|up_proj`.
    package var only: String?
    private let matrices: [String: QuantizedMatrix]

    /// A file that is about to be made, for a message to the user.
    package struct Creation: Sendable {
        package let path: String
        package let byteCount: Int
    }

    /// Finds the file of a model's quantized weights, or makes it on all threads of the team. Processes that want the
    /// same file at the same time make it once.
    ///
    /// - Parameters:
    ///   - sources: the matrices to quantize, by canonical name.
    ///   - model: identifies the weights: the model's fingerprint and the state of its files.
    ///   - directory: the model's directory, where the file is kept if it can be written.
    ///   - onCreation: called before a file is made, which takes seconds.
    /// - Throws: ``ModelError`` with the code `quantized` where the file can't be made or mapped.
    package init(
        of sources: [(name: String, matrix: StoredMatrix)], model: String, directory: String, team: ThreadTeam,
        onCreation: (Creation) -> Void = { _ in }
    ) throws(ModelError) {
        let layout = QuantizedLayout(
            matrices: sources.map { ($0.name, $0.matrix.outputs, $0.matrix.inputs) }, model: model)
        let cache = QuantizedCache(layout: layout, modelDirectory: directory)
        path = try cache.find { (descriptor, path) throws(ModelError) in
            onCreation(Creation(path: path, byteCount: layout.byteCount))
            try QuantizedWriter(layout: layout, descriptor: descriptor, path: path, team: team)
                .write(sources.map(\.matrix))
        }
        matrices = try Self.map(path, layout)
    }

    /// Makes a file of any matrices at a path of the caller's, for measurements.
    ///
    /// - Throws: ``ModelError`` with the code `quantized` where the file can't be made or mapped.
    package init(
        of sources: [(name: String, matrix: StoredMatrix)], at path: String, team: ThreadTeam
    ) throws(ModelError) {
        let layout = QuantizedLayout(
            matrices: sources.map { ($0.name, $0.matrix.outputs, $0.matrix.inputs) }, model: path)
        let descriptor = FileSystem.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o644)
        guard descriptor >= 0 else { throw .writing(SystemError(errno), at: path, bytes: layout.byteCount) }
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

    /// Returns the matrix with a canonical name. Nil where the file has none, or where ``only`` excludes it.
    package func matrix(_ name: String) -> QuantizedMatrix? {
        if let only, !only.split(separator: "|").contains(where: { $0.split(separator: ":").allSatisfy(name.contains) })
        {
            return nil
        }
        return matrices[name]
    }

    /// Bytes of the weights of all matrices, without their scales.
    package var byteCount: Int { matrices.values.reduce(0) { $0 + $1.shape.byteCount } }
}
