import Foundation
import PaliGemma
import Tensor
import Testing

@Suite("The file of quantized weights is made once, and never used where it does not belong")
struct QuantizedFileTests {
    /// Opens as a world does; how often the file was made, and where it is.
    private func open(_ editor: CheckpointEditor) throws -> (made: Int, file: QuantizedFile, weights: ModelWeights) {
        let configuration = try ModelConfiguration(directory: editor.directory)
        let checkpoint = try Checkpoint(directory: editor.directory)
        let stored = try ModelWeights(checkpoint: checkpoint, configuration: configuration)
        var made = 0
        let file = try QuantizedFile(
            of: stored.quantizable, model: try checkpoint.fingerprint(threads: 2), directory: editor.directory,
            team: ThreadTeam(count: 2), onCreation: { _ in made += 1 })
        let weights = try ModelWeights(checkpoint: checkpoint, configuration: configuration, quantized: file)
        return (made, file, weights)
    }

    private func prepare(_ editor: CheckpointEditor) throws {
        let configuration = try ModelConfiguration(directory: editor.directory)
        let weights = try open(editor).weights
        let team = ThreadTeam(count: 2)
        try VisionTower(weights: weights, configuration: configuration, team: team).prepareWeights()
        try Gemma(
            weights: weights, configuration: configuration, slice: TextSlice(whole: configuration.text),
            group: SingleRank(), team: team
        ).prepareWeights()
    }

    @Test("The file is made beside the checkpoint and found again, and no other file is left")
    func once() throws {
        let editor = try CheckpointEditor("grouped")
        try editor.write()
        let first = try open(editor)
        #expect(first.made == 1)
        #expect((first.file.path as NSString).deletingLastPathComponent == editor.directory)
        #expect(try open(editor).made == 0)
        let hidden = try FileManager.default.contentsOfDirectory(atPath: editor.directory).filter { $0.hasPrefix(".") }
        #expect(hidden == [(first.file.path as NSString).lastPathComponent])
        try prepare(editor)
    }

    @Test("A truncated file, or one with another header, is made again", arguments: ["truncated", "header", "empty"])
    func remade(damage: String) throws {
        let editor = try CheckpointEditor()
        try editor.write()
        let path = try open(editor).file.path
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        switch damage {
        case "truncated": bytes.removeLast(64)
        case "header": bytes[5] ^= 1
        default: bytes = Data()
        }
        try bytes.write(to: URL(fileURLWithPath: path))
        #expect(try open(editor).made == 1)
        try prepare(editor)
    }

    @Test("A changed byte is found before any product, wherever it is")
    func damaged() throws {
        let editor = try CheckpointEditor()
        try editor.write()
        let path = try open(editor).file.path
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        var refused = 0
        let places = Array(stride(from: 4096, to: whole.count, by: whole.count / 24))
        for place in places {
            var bytes = whole
            bytes[place] ^= 16
            try bytes.write(to: URL(fileURLWithPath: path))
            do {
                try prepare(editor)
            } catch let error as ModelError {
                #expect(error.code == .quantized && error.description.contains(path), "\(error)")
                #expect(error.description.contains("remove the file"), "\(error)")
                refused += 1
            }
        }
        // A few bytes between two parts are never read.
        #expect(refused >= places.count * 3 / 4)
    }

    @Test("A checkpoint that was changed in place is quantized again, and the old file is removed")
    func changed() throws {
        var editor = try CheckpointEditor()
        try editor.write()
        let first = try open(editor).file.path
        editor.tensors[0].data[editor.tensors[0].data.startIndex] ^= 1
        try editor.write()
        let second = try open(editor)
        #expect(second.made == 1 && second.file.path != first)
        #expect(!FileManager.default.fileExists(atPath: first))
    }

    @Test("The unfinished file of a maker that died is overwritten by the next maker")
    func unfinished() throws {
        let editor = try CheckpointEditor()
        try editor.write()
        let path = try open(editor).file.path
        try FileManager.default.removeItem(atPath: path)
        try Data("half of it".utf8).write(to: URL(fileURLWithPath: path + ".part"))
        #expect(try open(editor).made == 1)
        #expect(!FileManager.default.fileExists(atPath: path + ".part"))
        try prepare(editor)
    }
}
