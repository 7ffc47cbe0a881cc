import Foundation
import Testing

@Suite("Targets import what the architecture draws, and nothing else")
struct TargetTests {
    private let tree: SourceTree

    init() throws { tree = try SourceTree.read() }

    /// The modules that a target's files import, with the file that does.
    private func imports(of target: SourceTree.Target) -> [String: String] {
        var imports: [String: String] = [:]
        for file in target.files {
            for line in file.code.split(separator: "\n") {
                let words = line.split { $0 == " " || $0 == "." }.map(String.init)
                guard let place = words.firstIndex(of: "import"), place < 2, place + 1 < words.count else { continue }
                // `import struct Module.Name` names the kind first.
                let kinds = ["struct", "class", "enum", "protocol", "func", "typealias", "var", "let"]
                let module = kinds.contains(words[place + 1]) ? words[place + 2] : words[place + 1]
                imports[module] = imports[module] ?? file.path
            }
        }
        return imports
    }

    /// The lines `Target -> A, B` of the block under the heading "Targets and what each may import".
    private func drawing() throws -> [String: Set<String>] {
        let text = try tree.text(of: "docs/architecture.md")
        let section = try #require(
            text.components(separatedBy: "\n## ").first { $0.hasPrefix("Targets and what each may import") },
            "docs/architecture.md has no section \"Targets and what each may import\"")
        let block = try #require(section.components(separatedBy: "\n```text\n").dropFirst().first)
        let lines = (block.components(separatedBy: "\n```").first ?? "").split(separator: "\n")
        var drawing: [String: Set<String>] = [:]
        for line in lines {
            let sides = line.components(separatedBy: "->")
            #expect(sides.count == 2, "no line of the form \"Target -> A, B\": \(line)")
            let names = sides.last?.split { $0 == "," || $0 == " " }.map(String.init) ?? []
            drawing[sides[0].trimmingCharacters(in: .whitespaces)] = Set(names)
        }
        return drawing
    }

    @Test("Every import between targets is drawn, and every arrow of the drawing is imported")
    func importsAreDrawn() throws {
        let drawing = try drawing()
        let names = Set(tree.targets.map(\.name))
        #expect(Set(drawing.keys) == names, "the drawing and Sources have other targets")
        for target in tree.targets {
            let imports = imports(of: target).filter { names.contains($0.key) }
            let drawn = drawing[target.name] ?? []
            for (module, file) in imports where !drawn.contains(module) {
                Issue.record("\(target.name) -> \(module) is not drawn, but \(file) imports it")
            }
            for module in drawn.sorted() where imports[module] == nil {
                Issue.record("\(target.name) -> \(module) is drawn, but no file of \(target.name) imports it")
            }
        }
    }

    /// The dependencies that Package.swift gives each target of Sources, by the target's folder.
    private func dependencies() throws -> [String: Set<String>] {
        let manifest = try tree.text(of: "Package.swift")
        let expression = /(?s)name: "([A-Za-z-]+)",\s*dependencies: \[(.*?)\]/
        let folders = ["pg-worker": "Worker", "paligemma": "CLI"]
        var dependencies: [String: Set<String>] = [:]
        for match in manifest.matches(of: expression) {
            let name = String(match.1)
            let names = match.2.matches(of: /"([A-Za-z-]+)"/).map { String($0.1) }
            dependencies[folders[name] ?? name] = Set(names)
        }
        return dependencies
    }

    @Test("Package.swift lets a target depend on what is drawn, and on nothing else")
    func dependenciesAreDrawn() throws {
        let (drawing, dependencies) = (try drawing(), try dependencies())
        let names = Set(tree.targets.map(\.name))
        for target in tree.targets {
            let given = dependencies[target.name, default: []].intersection(names)
            #expect(given == drawing[target.name], "\(target.name)")
        }
    }

    @Test("No two targets import each other, directly or through others")
    func importsHaveNoCycle() {
        var graph = Graph()
        let names = Set(tree.targets.map(\.name))
        for target in tree.targets {
            for (module, file) in imports(of: target) where names.contains(module) {
                graph.add(from: target.name, to: module, evidence: file)
            }
        }
        if let cycle = graph.cycle() { Issue.record("\(graph.description(of: cycle))") }
    }

    @Test("A C target is imported by the one Swift target whose folder it lies in")
    func cTargetsHaveOneOwner() throws {
        let manifest = try tree.text(of: "Package.swift")
        let expression = /name: "(C[A-Za-z]+)",\s*path: "Sources\/([A-Za-z]+)\//
        let owners = manifest.matches(of: expression).map { (name: String($0.1), owner: String($0.2)) }
        #expect(owners.count >= 10)
        for (name, owner) in owners {
            for target in tree.targets where target.name != owner {
                if let file = imports(of: target)[name] {
                    Issue.record("\(name) belongs to \(owner), but \(file) imports it")
                }
            }
        }
    }
}
