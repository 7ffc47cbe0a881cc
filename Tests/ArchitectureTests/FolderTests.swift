import Testing

@Suite("The folders of a target have an order")
struct FolderTests {
    /// Cycles that are known and not yet resolved, as "Target: A, B" with the folders in alphabetical order. To be empty.
    private static let knownCycles: Set<String> = []

    private static let keywords: Set<String> = ["struct", "class", "enum", "protocol", "actor", "typealias"]

    /// The names of types and the free functions that a file declares at its top level.
    private func declarations(in file: SourceTree.File) -> [String] {
        var names: [String] = []
        var depth = 0
        for line in file.code.split(separator: "\n", omittingEmptySubsequences: false) {
            if depth == 0 {
                let words = SwiftCode.words(in: String(line)).map(\.text)
                let isPrivate = words.first == "private" || words.first == "fileprivate"
                if !isPrivate, let place = words.firstIndex(where: { Self.keywords.contains($0) || $0 == "func" }),
                    !words[..<place].contains("extension"), place + 1 < words.count
                {
                    names.append(words[place + 1])
                }
            }
            depth += line.count { $0 == "{" } - line.count { $0 == "}" }
        }
        return names
    }

    /// Who uses what of whom, inside a target. Names that two folders declare prove nothing and are left out.
    private func references(in target: SourceTree.Target) -> Graph {
        var homes: [String: Set<String>] = [:]
        for file in target.files {
            for name in declarations(in: file) { homes[name, default: []].insert(file.folder) }
        }
        var graph = Graph()
        for file in target.files {
            for word in SwiftCode.words(in: file.code) {
                // A member (.Name) is looked up in its type, not at the top level; `x...Name` is none.
                guard let home = homes[word.text], home.count == 1, let folder = home.first, folder != file.folder,
                    word.before != UInt8(ascii: "."), word.before != UInt8(ascii: "`")
                else { continue }
                graph.add(from: file.folder, to: folder, evidence: "\(file.path):\(word.line) uses \(word.text)")
            }
        }
        return graph
    }

    @Test("No two folders of a target use each other, directly or through others", arguments: targetNames())
    func foldersHaveNoCycle(name: String) throws {
        let target = try #require(try SourceTree.read().targets.first { $0.name == name })
        var graph = references(in: target)
        while let cycle = graph.cycle() {
            let key = "\(name): \(cycle.sorted().joined(separator: ", "))"
            #expect(Self.knownCycles.contains(key), "\(key)\n\(graph.description(of: cycle))")
            // Without one of its edges the search finds the next cycle.
            graph.remove(from: cycle[cycle.count - 1], to: cycle[0])
        }
    }

    @Test("What stands in comments and strings is not taken for code")
    func stripping() {
        let text = """
            let a = "X \\(Y + "Z") W" // V
            /* U /* T */
            S */ let b = #"R \\(Q) \\#(P)"#
            """
        let words = SwiftCode.words(in: SwiftCode.stripped(text))
        #expect(words.map(\.text) == ["let", "a", "Y", "let", "b", "P"])
        #expect(words.last?.line == 3)
    }

    private static func targetNames() -> [String] {
        ((try? SourceTree.read())?.targets ?? []).map(\.name)
    }
}
