import CCrypto

/// SHA-256 (FIPS 180-4) and HMAC with it (RFC 2104).
package enum Digest {
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        SHA256(bytes, bytes.count, &digest)
        return digest
    }

    static func hmacSHA256(key: [UInt8], _ text: String) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        let message = Array(text.utf8)
        var count = UInt32(digest.count)
        HMAC(EVP_sha256(), key, Int32(clamping: key.count), message, message.count, &digest, &count)
        return digest
    }

    package static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
