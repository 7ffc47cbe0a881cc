import CCrypto

/// A digest of bytes that pass by, as large as they may be together.
package final class RunningDigest {
    package enum Algorithm: Sendable {
        case sha1
        case sha256
    }

    private let context: OpaquePointer
    private var isGood: Bool

    /// - Returns: nil where there is no memory.
    package init?(_ algorithm: Algorithm) {
        guard let context = EVP_MD_CTX_new() else { return nil }
        self.context = context
        isGood = EVP_DigestInit_ex(context, algorithm == .sha1 ? EVP_sha1() : EVP_sha256(), nil) == 1
    }

    deinit { EVP_MD_CTX_free(context) }

    package func update(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        isGood = isGood && EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1
    }

    /// Ends the digest: 40 digits of SHA-1, 64 of SHA-256; nil where libcrypto refuses the algorithm, as some machines
    /// are set up to. To be called once.
    package func hexadecimal() -> String? {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard isGood, EVP_DigestFinal_ex(context, &digest, &count) == 1 else { return nil }
        return Digest.hexadecimal(Array(digest.prefix(Int(count))))
    }
}
