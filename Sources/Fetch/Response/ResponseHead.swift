/// What is used of the head of a response. It is built line by line; the head of an interim response (1xx) is replaced
/// by the one that follows.
struct ResponseHead: Sendable {
    /// The most bytes of all heads of one request together.
    static let maximumBytes = 256 << 10

    private(set) var status = 0
    private(set) var contentLength: Int64?
    private(set) var contentRange: ContentRange?
    /// Whether a Content-Range stands there that cannot be read.
    private(set) var hasBadContentRange = false
    private(set) var contentType: String?
    private(set) var entityTag: String?
    private(set) var lastModified: String?
    private(set) var robotsTags: [String] = []
    private(set) var bucketRegion: String?
    /// The fields whose names begin with `x-`, and `link`, by names in lower case.
    private(set) var fields: [String: String] = [:]
    /// Where a redirect leads, as the server writes it.
    private(set) var location: String?
    /// Whether the empty line at its end was seen.
    private(set) var isComplete = false
    private(set) var bytes = 0

    var validator: Validator? { Validator(entityTag: entityTag, lastModified: lastModified) }
    /// Whether this is the head of a response that another response follows.
    var isInterim: Bool { (100..<200).contains(status) }
    var isSuccess: Bool { (200..<300).contains(status) }
    var isRedirect: Bool { [301, 302, 303, 307, 308].contains(status) && location != nil }

    /// Takes one line with its end.
    ///
    /// - Returns: false where the heads have become too large.
    mutating func append(_ line: UnsafeRawBufferPointer) -> Bool {
        bytes += line.count
        guard bytes <= Self.maximumBytes else { return false }
        // What follows the body belongs to no head.
        if isComplete, !isInterim { return true }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            let before = bytes
            self = ResponseHead()
            bytes = before
            status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        } else if text.allSatisfy({ $0.isNewline }) {
            isComplete = true
        } else {
            field(text)
        }
        return true
    }

    private static func trimmed(_ text: Substring) -> String {
        let start = text.drop { $0.isWhitespace }
        return String(
            start[..<(start.lastIndex { !$0.isWhitespace }.map { start.index(after: $0) } ?? start.startIndex)])
    }

    private mutating func field(_ line: String) {
        guard let colon = line.firstIndex(of: ":") else { return }
        let value = Self.trimmed(line[line.index(after: colon)...])
        let name = line[..<colon].lowercased()
        if name.hasPrefix("x-") || name == "link" { fields[name] = value }
        switch name {
        case "content-length": contentLength = Int64(value).flatMap { $0 >= 0 ? $0 : nil }
        case "content-range":
            contentRange = ContentRange(value)
            hasBadContentRange = contentRange == nil
        case "content-type": contentType = value
        case "etag": entityTag = value.isEmpty ? nil : value
        case "last-modified": lastModified = value.isEmpty ? nil : value
        case "x-robots-tag": robotsTags.append(value)
        case "x-amz-bucket-region": bucketRegion = value
        case "location": location = value.isEmpty ? nil : value
        default: break
        }
    }
}
