import Archives
import Base
import Pictures

/// Makes the columns of samples: the key, the texts by their extension, and the keys of the JSON object. A text that cannot be
/// read is left out, which is noted; other members than texts are counted.
struct SampleColumns {
    /// The extensions that say that a member is a text.
    private static let textFields = ["txt", "text", "caption", "json"]
    /// The largest text of these that is read, in bytes.
    static let largestText = 1 << 20
    /// The largest member of another extension that is looked at, in bytes.
    static let largestMember = 1 << 16
    /// The bytes of those that become columns of one sample.
    private static let largestMembers = 1 << 18

    /// Counts members that are no texts.
    private let tally: SourceTally
    /// The number of texts that were left out, and why the first was.
    private var leftOut: (count: Int, first: String) = (0, "")

    init(_ tally: SourceTally) { self.tally = tally }

    /// What becomes of a member of a sample that is not its picture: other pictures are not looked at.
    static func use(of field: String) -> SampleReader.Use {
        if textFields.contains(field) { return .readUpTo(largestText) }
        return ImageFormat(extension: "a.\(field)".pathExtension) == nil ? .readUpTo(largestMember) : .drop
    }

    /// Returns the columns of a sample; of two with one name the first.
    ///
    /// - Parameter members: Those that are not its picture, read as ``use(of:)`` says.
    mutating func columns(key: String, _ members: [Sample.Field]) -> [JSON.Member] {
        var texts: [(field: String, bytes: [UInt8])] = []
        var room = Self.largestMembers
        for member in members {
            if Self.textFields.contains(member.name) {
                if let bytes = member.bytes {
                    texts.append((member.name, bytes))
                } else {
                    leaveOut("\(key).\(member.name) has \(member.size) bytes; at most \(Self.largestText) are read")
                }
            } else if let bytes = member.bytes, bytes.count <= room, Self.isText(bytes) {
                room -= bytes.count
                texts.append((member.name, bytes))
            } else {
                tally.countMember(member.name)
            }
        }
        return columns(key: key, texts: texts)
    }

    /// Returns the columns of a sample; of two with one name the first.
    ///
    /// - Parameter texts: The contents of members by their extension.
    mutating func columns(key: String, texts: [(field: String, bytes: [UInt8])]) -> [JSON.Member] {
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

    /// Whether bytes are text: UTF-8 without control characters, which numbers in binary have.
    private static func isText(_ bytes: [UInt8]) -> Bool {
        let isPrintable = bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F || (0x09...0x0D).contains($0) }
        return isPrintable && String(validating: bytes, as: UTF8.self) != nil
    }

    private static func columns(_ field: String, _ bytes: [UInt8]) throws(RowError) -> [JSON.Member] {
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
        guard leftOut.count > 0 else { return [] }
        let texts = leftOut.count.counted("text that cannot be read was", "texts that cannot be read were")
        return ["\(texts) left out: \(leftOut.first)" + (leftOut.count > 1 ? ", …" : "")]
    }
}

extension String {
    fileprivate var withoutBreaksAtEnd: String {
        var text = self[...]
        while let last = text.last, last.isNewline { text = text.dropLast() }
        return String(text)
    }
}
