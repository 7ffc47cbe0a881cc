import Base
import Glibc

/// The cache that all programs of this user share, in huggingface_hub's layout:
///
///     ROOT/models--org--name/refs/REVISION            the commit, without a line feed
///                           /snapshots/COMMIT/FILE -> ../../blobs/DIGEST
///                           /blobs/DIGEST
package struct HubCache: Sendable {
    package let root: String

    package init(root: String) { self.root = root }

    /// The folder of one model.
    func folder(of name: String) -> String {
        root + "/models--" + name.split(separator: "/").joined(separator: "--")
    }

    func blob(_ digest: BlobDigest, of name: String) -> String { folder(of: name) + "/blobs/" + digest.text }

    package func snapshot(_ commit: String, of name: String) -> String {
        folder(of: name) + "/snapshots/" + commit
    }

    private func ref(_ reference: ModelReference) -> String {
        folder(of: reference.name) + "/refs/" + reference.revision
    }

    /// The commit that the cache knows for a revision; nil where it knows none.
    func commit(of reference: ModelReference) -> String? {
        if let bytes = FileSystem.firstBytes(256, of: ref(reference)) {
            // Other programs may end it with a line feed, though huggingface_hub finds nothing then.
            let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
            if ModelReference.isCommit(text) { return text }
        }
        return reference.isCommit ? reference.revision : nil
    }

    /// The commits whose snapshots are there.
    func commits(of name: String) -> [String] {
        ((try? FileSystem.names(in: folder(of: name) + "/snapshots")) ?? []).filter(ModelReference.isCommit).sorted()
    }

    /// Puts a file's name into a snapshot, where its blob is there.
    ///
    /// - Throws: ``HubError`` with the code `cache`.
    func link(_ file: String, to digest: BlobDigest, commit: String, of name: String) throws(HubError) {
        let path = snapshot(commit, of: name) + "/" + file
        let up = String(repeating: "../", count: file.split(separator: "/").count + 1)
        let target = "\(up)blobs/\(digest.text)"
        guard FileSystem.target(ofLink: path) != target else { return }
        do throws(SystemError) {
            try FileSystem.makeFolder(path.parentPath)
            try FileSystem.makeLink(path, to: target)
        } catch {
            let advice = error.number == EPERM ? " (has its file system no symbolic links?)" : ""
            throw HubError(
                .cache, at: path, "the link cannot be made: \(error)\(advice); HF_HUB_CACHE names another folder")
        }
    }

    /// Notes the commit of a revision. A commit needs no note.
    ///
    /// - Throws: ``HubError`` with the code `cache`.
    func note(_ commit: String, for reference: ModelReference) throws(HubError) {
        let path = ref(reference)
        guard reference.revision != commit, FileSystem.contents(of: path) != Array(commit.utf8) else { return }
        do throws(SystemError) {
            try FileSystem.makeFolder(path.parentPath)
            try NewFile.write(Array(commit.utf8), to: path)
        } catch {
            throw HubError(.cache, at: path, "the revision cannot be noted: \(error)")
        }
    }
}
