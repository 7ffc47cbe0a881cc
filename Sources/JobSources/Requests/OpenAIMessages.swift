import Base
import Foundation

/// The messages of a request for a chat: exactly one of a user, whose texts are the prompt.
enum OpenAIMessages {
    /// Returns the texts and the pictures of the user's message, each in its order.
    ///
    /// - Throws: ``RowError`` for other messages and for content that is neither text nor a picture.
    static func userContent(_ messages: JSON?) throws(RowError) -> (texts: [String], pictures: [OpenAIRequest.Picture]) {
        guard let messages = messages?.array, !messages.isEmpty else {
            throw RowError("\"messages\" in \"body\" is missing or no list of messages")
        }
        for message in messages {
            guard let role = message["role"]?.string else { throw RowError("a message has no \"role\"") }
            guard role == "user" else {
                throw RowError(
                    "there is a message of \"\(role)\"; PaliGemma answers one question of a user, so give one message of \"user\"")
            }
        }
        guard messages.count == 1, let content = messages[0]["content"] else {
            throw RowError("there are \(messages.count) messages of \"user\"; give one, with \"content\"")
        }
        var (texts, pictures): ([String], [OpenAIRequest.Picture]) = ([], [])
        if let text = content.string { texts = [text] }
        guard content.string != nil || content.array != nil else {
            throw RowError("\"content\" must be a text or a list of parts and is \(content.kindName)")
        }
        for part in content.array ?? [] {
            switch part["type"]?.string {
            case "text":
                guard let text = part["text"]?.string else { throw RowError("a part of type \"text\" has no \"text\"") }
                texts.append(text)
            case "image_url":
                let image = part["image_url"]
                guard let address = image?.string ?? image?["url"]?.string, !address.isEmpty else {
                    throw RowError("a part of type \"image_url\" has no \"image_url\": {\"url\": …}")
                }
                pictures.append(try picture(address))
            case let type:
                throw RowError("a part of \"content\" is of type \"\(type ?? "")\"; known are text and image_url")
            }
        }
        guard !pictures.isEmpty else { throw RowError("the message has no picture; add a part of type \"image_url\"") }
        return (texts, pictures)
    }

    private static func picture(_ address: String) throws(RowError) -> OpenAIRequest.Picture {
        if address.prefix(5).lowercased() == "data:" { return .bytes(try bytes(ofDataAddress: address)) }
        guard address.prefix(7).lowercased() == "file://" else { return .name(address) }
        guard let path = URL(string: address)?.path(percentEncoded: false), path.utf8.first == UInt8(ascii: "/") else {
            throw RowError("the address \(address.prefix(200)) names no file; it is like file:///folder/a.jpg")
        }
        return .name(path)
    }

    /// Returns what `data:image/png;base64,…` holds. The type is not looked at: the bytes say what they are.
    private static func bytes(ofDataAddress address: String) throws(RowError) -> [UInt8] {
        let text = address.utf8
        guard let comma = text.firstIndex(of: UInt8(ascii: ",")),
            address[..<comma].lowercased().utf8.suffix(7).elementsEqual(";base64".utf8)
        else { throw RowError("a picture in a data: address must be in base64: data:image/png;base64,…") }
        var digits = Array(text[text.index(after: comma)...])
        while digits.last == UInt8(ascii: "=") { digits.removeLast() }
        digits += Array(repeating: UInt8(ascii: "="), count: (4 - digits.count % 4) % 4)
        guard let data = Data(base64Encoded: Data(digits)), !data.isEmpty else {
            throw RowError("the base64 of a picture in a data: address is empty or damaged")
        }
        return [UInt8](data)
    }
}
