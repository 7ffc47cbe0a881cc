/// A token that a checkpoint adds to its vocabulary or marks in it.
struct AddedToken {
    let id: Int
    /// UTF-8.
    let content: [UInt8]
    /// Whether the text of an answer leaves it out.
    let special: Bool

    var name: String { String(decoding: content, as: UTF8.self) }
}
