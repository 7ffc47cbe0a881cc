// The fields are named as the keys of the files.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import Base
import Foundation
import Tensor

/// The JSON files that a checkpoint has beside or instead of `tokenizer.model`. All are optional.
struct TokenizerFiles {
    let directory: String

    /// Names of the control tokens and of other tokens without text, as `tokenizer_config.json` lists them, completed by the
    /// defaults of the tokenizer class of transformers.
    private(set) var specialNames: Set<String> = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<image>"]
    private(set) var unknownName = "<unk>"
    /// Names of the tokens that are never recognized in a text.
    private(set) var controlNames: Set<String> = ["<image>"]
    /// The tokens that `tokenizer_config.json` or `added_tokens.json` add.
    private(set) var addedTokens: [AddedToken] = []

    /// Reads the files of a model directory.
    ///
    /// - Throws: ``ModelError`` with the code `tokenizer` where a file is malformed.
    init(directory: String) throws(ModelError) {
        self.directory = directory
        if let config = try decode(ConfigFile.self, from: "tokenizer_config.json") {
            unknownName = config.unk_token?.content ?? unknownName
            let framing = [config.pad_token, config.eos_token, config.bos_token].compactMap { $0?.content }
            controlNames.formUnion(framing)
            specialNames.formUnion(framing + [unknownName])
            specialNames.formUnion([config.mask_token].compactMap { $0?.content })
            specialNames.formUnion(
                (config.extra_special_tokens?.names ?? []) + (config.additional_special_tokens?.names ?? []))
            for (key, token) in config.added_tokens_decoder ?? [:] {
                guard let id = Int(key) else { continue }
                addedTokens.append(
                    AddedToken(id: id, content: Array(token.content.utf8), special: token.special ?? false))
            }
        }
        controlNames.formUnion(["<pad>", "<eos>", "<bos>"])
        for member in try json("added_tokens.json")?.object ?? [] {
            guard let id = member.value.integer else { continue }
            let special = specialNames.contains(member.key)
            addedTokens.append(AddedToken(id: id, content: Array(member.key.utf8), special: special))
        }
        specialNames.formUnion(addedTokens.filter(\.special).map(\.name))
    }

    /// Reads `tokenizer.json`. Returns nil where there is no such file.
    ///
    /// - Throws: ``ModelError`` with the code `tokenizer` where it is malformed.
    func tokenizerFile() throws(ModelError) -> TokenizerFile? {
        guard let json = try json("tokenizer.json") else { return nil }
        guard let file = TokenizerFile(json) else {
            throw ModelError(
                .tokenizer, at: directory + "/tokenizer.json", "is no tokenizer's file: it has no vocabulary")
        }
        return file
    }

    private func json(_ name: String) throws(ModelError) -> JSON? {
        let path = directory + "/" + name
        guard let data = FileSystem.data(of: path) else { return nil }
        do throws(JSON.SyntaxError) {
            return try JSON(parsing: [UInt8](data), duplicateKeys: .kept)
        } catch {
            throw ModelError(.tokenizer, at: path, "is not valid JSON at byte \(error.offset)")
        }
    }

    private func decode<File: Decodable>(_ type: File.Type, from name: String) throws(ModelError) -> File? {
        let path = directory + "/" + name
        guard let data = FileSystem.data(of: path) else { return nil }
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch let error as DecodingError {
            throw ModelError(.tokenizer, at: path, error.inOneLine)
        } catch {
            throw ModelError(.tokenizer, at: path, "is not valid JSON")
        }
    }
}

/// The keys of `tokenizer_config.json` that name tokens.
private struct ConfigFile: Decodable {
    var unk_token: Name?
    var pad_token: Name?
    var bos_token: Name?
    var eos_token: Name?
    var mask_token: Name?
    var extra_special_tokens: Names?
    var additional_special_tokens: Names?
    var added_tokens_decoder: [String: Entry]?

    struct Entry: Decodable {
        let content: String
        let special: Bool?
    }

    /// A token as a string, or as an object with its content.
    struct Name: Decodable {
        let content: String?

        init(from decoder: any Decoder) throws {
            let plain = try? decoder.singleValueContainer().decode(String.self)
            content = try plain ?? decoder.singleValueContainer().decode(Entry?.self)?.content
        }
    }

    /// A list of tokens, or an object whose values are tokens.
    struct Names: Decodable {
        let names: [String]

        init(from decoder: any Decoder) throws {
            if let list = try? [Name](from: decoder) {
                names = list.compactMap(\.content)
            } else {
                names = ((try? [String: Name](from: decoder)) ?? [:]).values.compactMap(\.content)
            }
        }
    }
}
