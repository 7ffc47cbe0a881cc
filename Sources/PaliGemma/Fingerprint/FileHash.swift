import Base
import Tensor

/// The hash of a whole mapped file, made by several threads: the XXH3-128 of each piece of 16 MiB, and over these the
/// hash of the file. It does not depend on the number of threads.
enum FileHash {
    /// Bytes of a piece: 16 MiB. Smaller ones cost more calls of the system.
    private static let pieceBytes = 1 << 24

    /// Returns the hash of all bytes of a file, as 32 hexadecimal digits.
    ///
    /// The pages are mapped piece by piece and released again, so that a rank does not hold a whole checkpoint of which
    /// it only needs a part.
    ///
    /// - Throws: ``ModelError`` with the code `container` where the file cannot be read.
    static func hexadecimal(of file: MappedFile, team: ThreadTeam) throws(ModelError) -> String {
        let pieces = (file.count + pieceBytes - 1) / pieceBytes
        let digests = Locked([String](repeating: "", count: pieces))
        let failure = Locked<Int32?>(nil)
        team.run(pieces) { piece, _ in
            let start = piece * pieceBytes
            let range = start..<min(start + pieceBytes, file.count)
            if let error = file.populate(range) {
                failure.withLock { $0 = error }
                return
            }
            let digest = ContentHash.hexadecimal(of: UnsafeRawBufferPointer(rebasing: file.bytes[range]))
            file.release(range)
            digests.withLock { $0[piece] = digest }
            LoadingProgress.advance()
        }
        if let error = failure.withLock({ $0 }) {
            throw ModelError(.container, at: file.path, "cannot be read: \(SystemError(error))")
        }
        var hash = PartsHash()
        for digest in digests.withLock({ $0 }) { hash.add(text: digest) }
        return hash.hexadecimal()
    }
}
