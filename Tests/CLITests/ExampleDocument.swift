import Foundation

/// The blocks of a document whose examples are run.
enum ExampleDocument {
    struct Block {
        let kind: String
        /// The file that it shows; "" for commands.
        let file: String
        let lines: [String]
    }

    /// Returns the blocks of a document in `docs`.
    static func blocks(of name: String) throws -> [Block] {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../docs/" + name)
        var blocks: [Block] = []
        var open: (kind: String, file: String, lines: [String])?
        for line in try String(contentsOf: url, encoding: .utf8).components(separatedBy: "\n") {
            if line.hasPrefix("```") {
                if let block = open {
                    blocks.append(Block(kind: block.kind, file: block.file, lines: block.lines))
                    open = nil
                } else {
                    let words = line.dropFirst(3).split(separator: " ").map(String.init)
                    open = (words.first ?? "", words.dropFirst().first ?? "", [])
                }
            } else {
                open?.lines.append(line)
            }
        }
        return blocks
    }
}
