extension DecodingError {
    /// The key path and what was wrong there, without the framework's words around it.
    package var inOneLine: String {
        func path(_ context: Context) -> String {
            context.codingPath.map(\.stringValue.inSnakeCase).joined(separator: ".")
        }
        switch self {
        case .typeMismatch(let type, let context): return "\(path(context)): expected \(type)"
        case .valueNotFound(let type, let context): return "\(path(context)): expected \(type), found null"
        case .keyNotFound(let key, let context): return "\(path(context)): has no \(key.stringValue.inSnakeCase)"
        case .dataCorrupted(let context):
            return context.codingPath.isEmpty ? "is not valid JSON" : "\(path(context)): \(context.debugDescription)"
        @unknown default: return "is not valid JSON"
        }
    }
}

extension String {
    /// "textConfig" as it stands in the file: "text_config".
    fileprivate var inSnakeCase: String {
        reduce(into: "") { result, character in
            result += character.isUppercase ? "_" + character.lowercased() : String(character)
        }
    }
}
