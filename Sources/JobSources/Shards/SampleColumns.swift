import Base

/// Makes the columns of samples: the key, the texts, and the keys of the JSON object. A text that cannot be read is left out,
/// which is noted.
struct SampleColumns {
    /// The extensions of texts.
    static let textFields = ["txt", "text", "caption", "json"]
    /// The largest text of a sample that is read, in bytes.
    static let largestText = 1 << 20

    /// The number of texts that were left out, and why the first was.
    private var leftOut: (count: Int, first: String) = (0, "")

    /// Returns the columns of a sample; of two with one name the first.
    ///
    /// - Parameter texts: The contents of members by their extension.
    mutating func columns(key: String, _ texts: [(field: String, bytes: [UInt8])]) -> [JSON.Member] {
        var columns = [JSON.Member(key: "__key__", value: .string(key))]
        for (field, bytes) in texts {
            do throws(RowError) {
                columns += try Self.columns(field, bytes)
            } catch {
                leaveOut("\(key).\(field) \(error.reason)")
            }
        }
        var seen: Set<ExactText> = []
        return columns.filter { seen.insert(ExactText($0.key)).inserted }
    }

    /// Notes a text that is left out.
    mutating func leaveOut(_ reason: String) {
        leftOut = (leftOut.count + 1, leftOut.count == 0 ? reason : leftOut.first)
    }

    private static func columns(_ field: String, _ bytes: [UInt8]) throws(RowError) -> [JSON.Member] {
        guard bytes.count <= largestText else {
            throw RowError("has \(bytes.count) bytes; at most \(largestText) are read")
        }
        guard field == "json" else {
            guard let text = String(validating: bytes, as: UTF8.self) else { throw RowError("is no UTF-8") }
            return [JSON.Member(key: field, value: .string(text.withoutBreaksAtEnd))]
        }
        let json: JSON
        do throws(JSON.SyntaxError) {
            json = try JSON(parsing: bytes[...])
        } catch {
            throw RowError("is not JSON at byte \(error.offset): \(error.reason)")
        }
        guard let members = json.object else { throw RowError("is no JSON object") }
        return members
    }

    var notes: [String] {
        leftOut.count == 0 ? [] : ["\(leftOut.count) texts that cannot be read were left out: \(leftOut.first), …"]
    }
}

extension String {
    fileprivate var withoutBreaksAtEnd: String {
        var text = self[...]
        while let last = text.last, last.isNewline { text = text.dropLast() }
        return String(text)
    }
}
