/// A text that is compared by its UTF-8 code units, for keys and names.
///
/// Swift's `String` compares by canonical equivalence: "é" as one scalar equals "e" with a combining accent. Files,
/// databases, tokenizers and JSON keys tell the two apart, and so does this type.
package struct ExactText: Hashable, Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package static func == (a: ExactText, b: ExactText) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

    package func hash(into hasher: inout Hasher) {
        // The terminator keeps two texts in a row apart, as String's own hash does.
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(UInt8(0xFF))
    }
}

extension String {
    /// Returns whether two texts have the same UTF-8 code units, as ``ExactText`` compares them.
    package func isExactly(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
