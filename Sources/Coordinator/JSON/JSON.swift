/// A JSON value (RFC 8259). Numbers keep their text, so that no integer passes through a Double; an object keeps the
/// order of its keys.
///
/// Foundation's decoder is not used here: it takes several times as long for a million short lines, cannot list
/// unknown keys, and does not say where in the line something is wrong.
enum JSON: Equatable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSON])
    case object([Member])

    struct Member: Equatable {
        var key: String
        var value: JSON
    }

    /// Why bytes are not JSON.
    struct SyntaxError: Error, Equatable {
        /// Bytes before the fault.
        var offset: Int
        var reason: String
    }

    /// What to call such a value in a message to a person.
    var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    var string: String? {
        if case .string(let string) = self { string } else { nil }
    }

    /// Nil for a number with a fraction or an exponent, and for one that Int cannot hold.
    var integer: Int? {
        if case .number(let text) = self { Int(text) } else { nil }
    }

    var array: [JSON]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    var object: [Member]? {
        if case .object(let members) = self { members } else { nil }
    }

    subscript(key: String) -> JSON? {
        object?.first { $0.key == key }?.value
    }
}
