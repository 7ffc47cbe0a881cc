import Foundation
import PaliGemma
import Tensor
import TestSupport
import Testing

@Suite("The files of a checkpoint are chosen as transformers chooses them, and named where they cannot be used")
struct CheckpointFilesTests {
    private func reason(_ directory: String) -> String? {
        do {
            _ = try ModelConfiguration(directory: directory)
            _ = try Checkpoint(directory: directory)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test("One whole file wins over an index and its shards, and a line says so")
    func singleFile() throws {
        var editor = try CheckpointEditor()
        try editor.write(files: 2)
        let old = try Checkpoint(directory: editor.directory)
        #expect(old.files.count == 2 && old.note == nil)
        editor.tensors[0].data[editor.tensors[0].data.startIndex] ^= 1
        try editor.write()
        let new = try Checkpoint(directory: editor.directory)
        #expect(new.files.map(\.mapping.path) == [editor.modelPath])
        #expect(new.note?.contains("not read: model.safetensors.index.json, model-1-of-2.safetensors") == true)
        for part in 1...2 {
            try FileManager.default.removeItem(atPath: editor.folder.file("model-\(part)-of-2.safetensors"))
        }
        #expect(try Checkpoint(directory: editor.directory).files.count == 1)
    }

    @Test("Shards of another numbering are not read, and a line says so")
    func staleShards() throws {
        let editor = try CheckpointEditor()
        try editor.write(files: 3)
        try editor.write(files: 2)
        let checkpoint = try Checkpoint(directory: editor.directory)
        #expect(checkpoint.files.count == 2)
        #expect(checkpoint.note?.contains("model-1-of-3.safetensors") == true)
    }

    @Test("An index that names shards that are not there is refused, and names what is there")
    func missingShards() throws {
        let editor = try CheckpointEditor()
        try editor.write(files: 3)
        try editor.write(files: 2)
        try FileManager.default.removeItem(atPath: editor.folder.file("model-2-of-2.safetensors"))
        let reason = reason(editor.directory)
        #expect(reason?.contains("names model-2-of-2.safetensors, which is not there") == true, "\(reason ?? "")")
        #expect(reason?.contains("there are model-1-of-2.safetensors, model-1-of-3.safetensors") == true)
        try FileManager.default.removeItem(atPath: editor.folder.file("model.safetensors.index.json"))
        #expect(self.reason(editor.directory)?.contains("no model.safetensors.index.json, which names") == true)
    }

    private static let pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 5000000000\n"

    @Test(
        "A Git LFS pointer is named as one",
        arguments: ["model.safetensors", "config.json", "tokenizer.model", "generation_config.json"])
    func pointers(name: String) throws {
        let editor = try CheckpointEditor()
        try editor.write()
        _ = try editor.folder.write(Self.pointer, to: name)
        do {
            let configuration = try ModelConfiguration(directory: editor.directory)
            _ = try Checkpoint(directory: editor.directory)
            _ = try Tokenizer(directory: editor.directory, configuration: configuration)
            Issue.record("it was accepted")
        } catch {
            #expect("\(error)".contains(name) && "\(error)".contains("git lfs pull"), "\(error)")
        }
    }

    @Test("A link to nothing is named with its target", arguments: ["model.safetensors", "config.json"])
    func links(name: String) throws {
        let editor = try CheckpointEditor()
        try editor.write()
        try FileManager.default.removeItem(atPath: editor.folder.file(name))
        try FileManager.default.createSymbolicLink(
            atPath: editor.folder.file(name), withDestinationPath: "../../blobs/0123")
        let reason = reason(editor.directory)
        #expect(reason?.contains("is a link to ../../blobs/0123, which is not there") == true, "\(reason ?? "")")
        #expect(reason?.contains("blobs folder") == true)
    }

    @Test("What is no model directory is named as what it is")
    func others() throws {
        let folder = try TemporaryFolder()
        #expect(reason("google/paligemma-3b-pt-224")?.contains("paligemma pull google/paligemma-3b-pt-224") == true)
        #expect(reason(folder.path)?.contains("the directory is empty") == true)
        _ = try folder.write("{}", to: "adapter_config.json")
        #expect(reason(folder.path)?.contains("--adapter NAME=") == true)
        let file = try folder.write("GGUF", to: "model.gguf")
        #expect(reason(file)?.contains("GGUF files are not read") == true)
        #expect(reason(folder.path + "/missing")?.contains("there is no such directory") == true)
    }
}
