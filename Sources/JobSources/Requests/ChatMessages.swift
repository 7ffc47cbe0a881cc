import Base
import Foundation

/// What is wrong in a request for a chat.
package struct ChatError: Error, Equatable {
    package enum Code: String, Sendable {
        case invalidValue = "invalid_value"
        case unsupportedMessages = "unsupported_messages"
        case noPicture = "no_picture"
    }

    package var code: Code
    /// Where, like `messages[0].content[1].image_url.url`.
    package var parameter: String
    package var reason: String
}

/// The messages of a request for a chat: exactly one of a user, whose texts are the prompt.
package enum ChatMessages {
    /// Where a picture of a request is.
    package enum Picture: Equatable, Sendable {
        case bytes([UInt8])
        /// A path or an address.
        case name(String)
    }

    /// Returns the texts and the pictures of the user's message, each in its order.
    ///
    /// - Throws: ``ChatError`` for other messages and for content that is neither text nor a picture.
    package static func userContent(_ messages: JSON?) throws(ChatError) -> (texts: [String], pictures: [Picture]) {
        guard let messages = messages?.array, !messages.isEmpty else {
            throw ChatError(
                code: .invalidValue, parameter: "messages", reason: "\"messages\" is missing or no list of messages")
        }
        for (index, message) in messages.enumerated() {
            let place = "messages[\(index)].role"
            guard let role = message["role"]?.string else {
                throw ChatError(code: .invalidValue, parameter: place, reason: "a message has no \"role\"")
            }
            guard role == "user" else {
                let reason =
                    "there is a message of \"\(role)\"; PaliGemma answers one question of a user, so give one message of \"user\""
                throw ChatError(code: .unsupportedMessages, parameter: place, reason: reason)
            }
        }
        guard messages.count == 1, let content = messages[0]["content"] else {
            throw ChatError(
                code: .unsupportedMessages, parameter: "messages",
                reason: "there are \(messages.count) messages of \"user\"; give one, with \"content\"")
        }
        var (texts, pictures): ([String], [Picture]) = ([], [])
        if let text = content.string { texts = [text] }
        guard content.string != nil || content.array != nil else {
            throw ChatError(
                code: .invalidValue, parameter: "messages[0].content",
                reason: "\"content\" must be a text or a list of parts and is \(content.kindName)")
        }
        for (index, part) in (content.array ?? []).enumerated() {
            let place = "messages[0].content[\(index)]"
            func fault(_ parameter: String, _ reason: String) -> ChatError {
                ChatError(code: .invalidValue, parameter: place + parameter, reason: reason)
            }
            switch part["type"]?.string {
            case "text":
                guard let text = part["text"]?.string else {
                    throw fault(".text", "a part of type \"text\" has no \"text\"")
                }
                texts.append(text)
            case "image_url":
                let image = part["image_url"]
                guard let address = image?.string ?? image?["url"]?.string, !address.isEmpty else {
                    throw fault(".image_url", "a part of type \"image_url\" has no \"image_url\": {\"url\": …}")
                }
                guard let picture = picture(address) else { throw fault(".image_url.url", Self.reason(address)) }
                pictures.append(picture)
            case let type:
                throw fault(
                    ".type", "a part of \"content\" is of type \"\(type ?? "")\"; known are text and image_url")
            }
        }
        guard !pictures.isEmpty else {
            throw ChatError(
                code: .noPicture, parameter: "messages[0].content",
                reason: "the message has no picture; add a part of type \"image_url\"")
        }
        return (texts, pictures)
    }

    /// Returns what an address stands for; nil where it is none, ``reason(_:)`` says why.
    package static func picture(_ address: String) -> Picture? {
        if isData(address) { return bytes(ofDataAddress: address).map { .bytes($0) } }
        guard address.prefix(7).lowercased() == "file://" else { return .name(address) }
        guard let path = URL(string: address)?.path(percentEncoded: false), path.utf8.first == UInt8(ascii: "/") else {
            return nil
        }
        return .name(path)
    }

    /// Returns why ``picture(_:)`` returned nil.
    package static func reason(_ address: String) -> String {
        guard isData(address) else {
            return "the address \(address.prefix(200)) names no file; it is like file:///folder/a.jpg"
        }
        guard digits(ofDataAddress: address) != nil else {
            return "a picture in a data: address must be in base64: data:image/png;base64,…"
        }
        return "the base64 of a picture in a data: address is empty or damaged"
    }

    private static func isData(_ address: String) -> Bool { address.prefix(5).lowercased() == "data:" }

    private static func digits(ofDataAddress address: String) -> Substring.UTF8View? {
        let text = address[...].utf8
        guard let comma = text.firstIndex(of: UInt8(ascii: ",")),
            address[..<comma].lowercased().utf8.suffix(7).elementsEqual(";base64".utf8)
        else { return nil }
        return text[text.index(after: comma)...]
    }

    /// Returns what `data:image/png;base64,…` holds. The type is not looked at: the bytes say what they are.
    private static func bytes(ofDataAddress address: String) -> [UInt8]? {
        guard var digits = digits(ofDataAddress: address).map(Array.init) else { return nil }
        while digits.last == UInt8(ascii: "=") { digits.removeLast() }
        digits += Array(repeating: UInt8(ascii: "="), count: (4 - digits.count % 4) % 4)
        guard let data = Data(base64Encoded: Data(digits)), !data.isEmpty else { return nil }
        return [UInt8](data)
    }
}
