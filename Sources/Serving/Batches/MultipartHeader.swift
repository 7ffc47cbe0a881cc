import Base
import Foundation

/// Why a body is not a form.
package struct MultipartError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

/// What stands before the value of a part of a form (RFC 7578).
package struct MultipartHeader: Equatable {
    /// The name of the field.
    package let name: String
    /// Nil where the part is no file.
    package let fileName: String?

    /// - Parameter lines: Header fields with CR LF between them.
    /// - Throws: ``MultipartError`` where they do not name a field.
    package init(_ lines: [UInt8]) throws(MultipartError) {
        guard let text = String(validating: lines, as: UTF8.self) else {
            throw MultipartError("the header of a part is not UTF-8")
        }
        var found: [String: String]?
        for line in text.components(separatedBy: "\r\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            guard line[..<colon].lowercased() == "content-disposition" else { continue }
            guard found == nil else { throw MultipartError("a part has two Content-Disposition fields") }
            found = Self.parameters(of: String(line[line.index(after: colon)...]), type: "form-data")
        }
        guard let found, let name = found["name"] else {
            throw MultipartError("a part has no Content-Disposition: form-data; name=\"…\"")
        }
        self.name = name
        // The form of RFC 5987, which some clients send for names that are not ASCII: UTF-8''na%C3%AFve.jsonl.
        let extended = found["filename*"].flatMap { value -> String? in
            let parts = value.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0].lowercased() == "utf-8" else { return nil }
            return String(parts[2]).removingPercentEncoding
        }
        fileName = extended ?? found["filename"]
    }

    /// Returns the boundary that a `Content-Type` names.
    ///
    /// - Throws: ``MultipartError`` where it is no form, or names none that can be one.
    package static func boundary(ofType type: String) throws(MultipartError) -> [UInt8] {
        guard let boundary = parameters(of: type, type: "multipart/form-data")?["boundary"] else {
            throw MultipartError("the Content-Type names no form: send multipart/form-data; boundary=…")
        }
        let bytes = Array(boundary.utf8)
        guard (1...70).contains(bytes.count), bytes.allSatisfy({ (0x20...0x7E).contains($0) }), bytes.last != 0x20
        else { throw MultipartError("the boundary of the form must have 1 to 70 characters of ASCII") }
        return bytes
    }

    /// Returns the parameters of `type; a=b; c="d"` by their names in lower case; nil for another type.
    private static func parameters(of text: String, type: String) -> [String: String]? {
        var rest = text.unicodeScalars[...]
        func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\t" }
        func take(until ends: Set<Unicode.Scalar>) -> String {
            var taken = String.UnicodeScalarView()
            while let next = rest.first, !ends.contains(next) {
                taken.append(next)
                rest.removeFirst()
            }
            return String(taken).trimmingCharacters(in: .whitespaces)
        }
        guard take(until: [";"]).lowercased() == type else { return nil }
        var parameters: [String: String] = [:]
        while rest.popFirst() != nil {
            let name = take(until: ["=", ";"]).lowercased()
            guard rest.first == "=" else { continue }
            rest.removeFirst()
            while let next = rest.first, isSpace(next) { rest.removeFirst() }
            let value: String
            if rest.first == "\"" {
                rest.removeFirst()
                value = quoted(&rest)
                _ = take(until: [";"])
            } else {
                value = take(until: [";"])
            }
            if parameters[name] == nil { parameters[name] = value }
        }
        return parameters
    }

    /// Takes a text up to its closing quotation mark. Only these marks and backslashes are escaped: some browsers send the paths
    /// of Windows as they are.
    private static func quoted(_ rest: inout Substring.UnicodeScalarView) -> String {
        var text = String.UnicodeScalarView()
        while let next = rest.popFirst(), next != "\"" {
            if next == "\\", let escaped = rest.first, escaped == "\"" || escaped == "\\" {
                text.append(escaped)
                rest.removeFirst()
            } else {
                text.append(next)
            }
        }
        return String(text)
    }
}
