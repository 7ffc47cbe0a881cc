/// A JSON value (RFC 8259). Numbers keep their text, so that no integer passes through a Double; strings keep their bytes;
/// an object keeps the order of its keys.
///
/// Foundation's decoder is not used here: it takes several times as long for a million short lines, cannot list
/// unknown keys, and does not report where in the line something is wrong.
package enum JSON: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSON])
    case object([Member])

    package struct Member: Equatable, Sendable {
        package var key: String
        package var value: JSON

        package init(key: String, value: JSON) {
            self.key = key
            self.value = value
        }
    }

    /// The reason why bytes are not JSON.
    package struct SyntaxError: Error, Equatable {
        /// The number of bytes before the error.
        package var offset: Int
        package var reason: String
    }

    /// The kind of value, for a message.
    package var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    package var string: String? {
        if case .string(let string) = self { string } else { nil }
    }

    /// Nil for a number with a fraction or an exponent, and for one that Int cannot hold.
    package var integer: Int? {
        if case .number(let text) = self { Int(text) } else { nil }
    }

    /// The number, rounded to a Double; nil for other values.
    package var number: Double? {
        if case .number(let text) = self { Double(text) } else { nil }
    }

    package var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    package var array: [JSON]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    package var object: [Member]? {
        if case .object(let members) = self { members } else { nil }
    }

    /// The value of a key of an object; nil where there is none.
    package subscript(key: String) -> JSON? {
        object?.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
    }
}

extension JSON {
    /// Texts and keys are compared by their code units, not by canonical equivalence as `String` does.
    package static func == (a: JSON, b: JSON) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        default: false
        }
    }
}

extension JSON.Member {
    package static func == (a: JSON.Member, b: JSON.Member) -> Bool {
        a.key.utf8.elementsEqual(b.key.utf8) && a.value == b.value
    }
}
