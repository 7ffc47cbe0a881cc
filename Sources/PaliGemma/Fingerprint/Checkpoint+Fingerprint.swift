import Base
import Tensor

extension Checkpoint {
    /// The files beside the weights whose bytes decide answers. What the files of generation and of pictures mean is in
    /// ``ModelFingerprint/generation`` and ``ModelFingerprint/preprocessing`` instead, for most of their keys change nothing.
    private static let hashedFiles = [
        "config.json", "tokenizer.model", "tokenizer.json", "tokenizer_config.json", "added_tokens.json",
    ]

    /// Returns 128 bits over every byte of the weights, the configuration and the tokenizer: equal for equal models
    /// wherever they lie, different for any other.
    ///
    /// - Parameter threads: the number of threads that read the files.
    /// - Throws: ``ModelError`` with the code `container` where a file cannot be read.
    package func fingerprint(threads: Int) throws(ModelError) -> String {
        var hash = PartsHash()
        let model = ModelDirectory(directory)
        for name in Self.hashedFiles {
            try (model.bytes(of: name, .container) ?? []).withUnsafeBytes { hash.add($0) }
        }
        // The threads' last work is to wait for the disk, so they do not spin.
        let team = ThreadTeam(count: threads, spins: 0)
        for file in files { hash.add(text: try FileHash.hexadecimal(of: file.mapping, team: team)) }
        return hash.hexadecimal()
    }
}
