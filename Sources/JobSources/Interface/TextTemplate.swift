import Base

/// A text with names of columns in braces: `answer en {question}`. `{{` and `}}` are braces.
package struct TextTemplate: Sendable, Equatable {
    private enum Part: Equatable {
        case text(String)
        case column(String)
    }

    private let parts: [Part]

    /// - Throws: ``TemplateError`` where braces are not balanced.
    package init(_ template: String) throws(TemplateError) {
        var parts: [Part] = []
        var (text, column) = ("", nil as String?)
        var scalars = template.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            let isDoubled = scalars.first == scalar
            switch (scalar, column) {
            case ("{", nil) where isDoubled, ("}", nil) where isDoubled:
                scalars.removeFirst()
                text.unicodeScalars.append(scalar)
            case ("{", nil):
                if !text.isEmpty { parts.append(.text(text)) }
                (text, column) = ("", "")
            case ("}", let name?):
                guard !name.isEmpty else { throw TemplateError("{} names no column") }
                parts.append(.column(name))
                column = nil
            case ("{", _?), ("}", nil):
                throw TemplateError("its braces are not balanced; write {{ and }} for braces that are text")
            case (_, nil): text.unicodeScalars.append(scalar)
            case (_, let name?): column = name + String(scalar)
            }
        }
        guard column == nil else {
            throw TemplateError("its braces are not balanced; write {{ and }} for braces that are text")
        }
        if !text.isEmpty { parts.append(.text(text)) }
        self.parts = parts
    }

    /// The columns that it names.
    package var columns: [String] {
        parts.compactMap { part in
            if case .column(let name) = part { name } else { nil }
        }
    }

    /// Returns the text for a row.
    ///
    /// - Parameter value: returns the value of a column, nil where the row has none.
    /// - Throws: ``TemplateError`` for a column that the row does not have or that is null.
    package func text(_ value: (String) -> JSON?) throws(TemplateError) -> String {
        var text = ""
        for part in parts {
            switch part {
            case .text(let fixed): text += fixed
            case .column(let name):
                switch value(name) {
                case nil, .null?: throw TemplateError("the row has no \"\(name)\"")
                case .string(let value)?: text += value
                case .number(let number)?: text += number
                case .bool(let flag)?: text += flag ? "true" : "false"
                case .array?, .object?: throw TemplateError("\"\(name)\" is neither a text nor a number")
                }
            }
        }
        return text
    }
}

/// Why a template is not valid, or does not fit a row.
package struct TemplateError: Error, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
