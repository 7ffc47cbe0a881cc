/// The body with which an object store says why it refuses: `<Error><Code>…</Code><Message>…</Message>…</Error>`.
struct ErrorDocument: Equatable {
    let code: String
    private let message: String

    /// The most bytes of such a body that are read.
    static let maximumBytes = 16 << 10

    /// - Returns: nil where the bytes are no such document.
    init?(_ bytes: [UInt8]) {
        guard let root = XMLElement(parsing: bytes) else { return nil }
        // The token service wraps its errors.
        guard let error = root.name == "Error" ? root : root["Error"], let code = error["Code"]?.text,
            (1...64).contains(code.utf8.count), code.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        self.code = code
        message = error["Message"]?.text ?? ""
    }

    /// Code and message for a person, without these texts.
    func text(without secrets: [String]) -> String {
        var text = OneLine.text(Array(message.utf8), maximumLength: 300)
        // Some stores repeat parts of the request in their message.
        for secret in secrets where !secret.isEmpty && text.contains(secret) { text = "" }
        return text.isEmpty ? code : "\(code), \(text)"
    }
}
