import Base
import Glibc
import Tensor

/// The directory of a model or an adapter, from which its small files are read: JSON, and the tokenizer.
package struct ModelDirectory: Sendable {
    package let path: String

    /// The maximum size of a file that is read as a whole, in bytes: eight times Gemma's `tokenizer.json`.
    private static let maximumFileBytes: Int64 = 1 << 28

    package init(_ path: String) { self.path = path }

    /// Returns the path of a file in the directory.
    package func file(_ name: String) -> String { path + "/" + name }

    /// Returns the bytes of a file; nil where there is no such file.
    ///
    /// - Parameter code: the code of an error.
    /// - Throws: ``ModelError`` where the file is there and cannot be used: a link to nothing, a Git LFS pointer, a folder, a
    ///   file that is too large or may not be read.
    package func bytes(of name: String, _ code: ModelError.Code) throws(ModelError) -> [UInt8]? {
        let path = file(name)
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try FileBytes(path: path, maximumSize: Self.maximumFileBytes).bytes
        } catch {
            guard error.code == .missing else { throw ModelError(code, at: path, error.reason) }
            guard let target = Self.danglingTarget(of: path) else { return nil }
            throw ModelError(code, at: path, Self.danglingReason(target))
        }
        guard !GitLFSPointer.matches(bytes) else { throw ModelError(code, at: path, GitLFSPointer.reason) }
        return bytes
    }

    /// Reads a JSON file; nil where there is no such file.
    ///
    /// - Parameter code: the code of an error.
    /// - Throws: ``ModelError`` where the file cannot be used, or is no JSON.
    package func json(_ name: String, _ code: ModelError.Code) throws(ModelError) -> JSON? {
        guard let bytes = try bytes(of: name, code) else { return nil }
        do throws(JSON.SyntaxError) {
            return try JSON(parsing: bytes, duplicateKeys: .kept)
        } catch {
            throw ModelError(
                code, at: file(name), "is not valid JSON at byte \(error.offset): \(error.reason)")
        }
    }

    /// Returns whether there is a file, or a link by its name.
    package func has(_ name: String) -> Bool {
        FileSystem.linkStatus(of: file(name)) != nil
    }

    /// The names of the files in the directory, ordered; empty where it cannot be listed.
    package var names: [String] { ((try? FileSystem.names(in: path)) ?? []).sorted() }

    /// Returns the target of a symbolic link that leads to no file; nil for anything else.
    package static func danglingTarget(of path: String) -> String? {
        FileSystem.exists(path) ? nil : FileSystem.target(ofLink: path)
    }

    /// What is wrong with a link to nothing, and what to do.
    package static func danglingReason(_ target: String) -> String {
        "is a link to \(target), which is not there; where this is a snapshot of the Hugging Face cache, the blobs folder "
            + "beside snapshots must be mounted or copied too"
    }
}

extension ModelDirectory {
    /// Checks that the path can be a model's directory.
    ///
    /// - Throws: ``ModelError`` with the code `configuration`, which says what the path is where it is something else.
    package func check() throws(ModelError) {
        func fail(_ reason: String) -> ModelError { ModelError(.configuration, at: path, reason) }
        guard let status = FileSystem.status(of: path) else {
            let error = SystemError(errno)
            if let target = Self.danglingTarget(of: path) { throw fail(Self.danglingReason(target)) }
            guard error.number == ENOENT || error.number == ENOTDIR || error.number == EINVAL else {
                throw fail("cannot be looked into: \(error)")
            }
            throw fail("there is no such directory" + (isHubName ? Self.hubAdvice(path) : ""))
        }
        if status.st_mode & S_IFMT == S_IFDIR { return }
        let suffixes = [
            ".gguf": "GGUF files are not read; give a directory in the Hugging Face layout, with safetensors",
            ".npz": "big_vision's .npz files are not read; give a directory in the Hugging Face layout",
            ".safetensors": "give the directory that holds it, with config.json and the tokenizer",
        ]
        throw fail(
            "is no directory; " + (suffixes.first { path.hasSuffix($0.key) }?.value ?? "give a model's directory"))
    }

    /// Whether the path looks like a model's name on the hub: owner/name.
    private var isHubName: Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }

    private static func hubAdvice(_ name: String) -> String {
        "; where it is a model's name on a hub, run 'paligemma pull \(name)'"
    }

    /// What a directory without `config.json` may be instead, for a message.
    package var guess: String {
        let names = names
        if has("adapter_config.json") {
            return "this is an adapter; give it as --adapter NAME=\(path), with its base as --model"
        }
        if names.contains("snapshots") {
            return "this is a model's folder of the Hugging Face cache; give one of the folders in \(path)/snapshots"
        }
        if let file = names.first(where: { $0.hasSuffix(".gguf") || $0.hasSuffix(".npz") }) {
            return "it holds \(file), which is not read; a directory in the Hugging Face layout is needed"
        }
        if names.isEmpty { return "the directory is empty; is it mounted?" }
        return "is this a model directory in the Hugging Face layout?"
    }
}
