import Foundation
import TestSupport
import Testing

@Suite("Recipes", .timeLimit(.minutes(15)))
struct VariableTests {
    @Test("Every variable of a recipe is one of a program's options, or in the operator's reference")
    func variables() throws {
        let expression = /PALIGEMMA_[A-Z][A-Z0-9_]*/
        let sources = [
            try Recipes.help(of: "paligemma"), try Recipes.help(of: "pg-worker"),
            try Recipes.text(of: "docs/running.md"),
        ]
        // A Service's variable, which a comment warns of.
        let known = Set(sources.flatMap { $0.matches(of: expression).map { String($0.0) } }).union(["PALIGEMMA_PORT"])
        var found: Set<String> = []
        for file in try Recipes.files(below: "cluster") {
            for match in try Recipes.text(of: file).matches(of: expression) {
                found.insert(String(match.0))
                #expect(known.contains(String(match.0)), "\(file): \(match.0)")
            }
        }
        #expect(found.isSuperset(of: ["PALIGEMMA_MODEL", "PALIGEMMA_QUEUE", "PALIGEMMA_DRAIN_TIMEOUT"]))
    }

    @Test("Every folder of recipes has a README of about ten lines")
    func documents() throws {
        for folder in ["cluster/kubernetes", "cluster/slurm", "cluster/systemd", "packaging"] {
            let lines = try Recipes.text(of: folder + "/README.md").split(separator: "\n")
            #expect((5...16).contains(lines.count), "\(folder)")
        }
    }
}
