import Base

/// Where a model lies that a person named: a directory, or a model of the cache. The network is never asked.
package enum ModelLocation {
    /// Returns the model's directory. What is neither there nor a model's name on a hub is returned as it is: whoever
    /// opens it says what is wrong.
    ///
    /// - Parameter given: a directory, which goes first, or `org/name`, or `org/name@revision`.
    /// - Throws: ``HubError`` with the code `not_in_cache` where the cache has no such model or not all of it.
    package static func directory(
        of given: String, environment: HubEnvironment = HubEnvironment()
    ) throws(HubError) -> String {
        guard FileSystem.linkStatus(of: given) == nil, let reference = try? ModelReference(given) else { return given }
        return try directory(of: reference, in: HubCache(root: try environment.cacheRoot()))
    }

    /// Returns the name of a model whose directory is a snapshot of a cache, `org/name@` with twelve digits of its commit;
    /// nil for other directories.
    package static func name(ofSnapshot directory: String) -> String? {
        let commit = directory.lastPathPart
        let snapshots = directory.parentPath
        let words = snapshots.parentPath.lastPathPart.split(separator: "--").map(String.init)
        guard ModelReference.isCommit(commit), snapshots.lastPathPart == "snapshots", words.count == 3,
            words[0] == "models"
        else { return nil }
        return "\(words[1])/\(words[2])@\(commit.prefix(12))"
    }

    /// Returns what the model of a directory is called with its revision: its name on the hub, else the last part of its path.
    package static func name(of directory: String) -> String {
        let directory = FileSystem.resolved(directory)
        return name(ofSnapshot: directory) ?? directory.lastPathPart
    }

    /// The same without the revision, as clients of a service write it.
    package static func nameWithoutRevision(of directory: String) -> String {
        let directory = FileSystem.resolved(directory)
        return name(ofSnapshot: directory).map { String($0.prefix { $0 != "@" }) } ?? directory.lastPathPart
    }

    private static func directory(of reference: ModelReference, in cache: HubCache) throws(HubError) -> String {
        func absent(_ reason: String) -> HubError {
            HubError(.notInCache, at: "\(reference)", "\(reason); run '\(reference.pullCommand)'")
        }
        guard FileSystem.isFolder(cache.folder(of: reference.name)) else {
            throw absent("there is no such directory, and the cache \(cache.root) has no such model")
        }
        guard let commit = cache.commit(of: reference) else {
            let commits = cache.commits(of: reference.name)
            let others =
                commits.isEmpty ? "" : " (it has \(commits.map { "\(reference.name)@\($0)" }.joined(separator: ", ")))"
            throw absent("the cache \(cache.root) has no revision \(reference.revision) of it\(others)")
        }
        let snapshot = cache.snapshot(commit, of: reference.name)
        let names: [String]
        do throws(SystemError) {
            names = try FileSystem.names(in: snapshot)
        } catch {
            throw absent("its snapshot \(snapshot) cannot be read: \(error)")
        }
        if let missing = try missing(of: Set(names), in: snapshot) {
            throw absent("its snapshot \(snapshot) is not complete: \(missing)")
        }
        return snapshot
    }

    /// Returns what a snapshot lacks; nil for nothing. Links to nothing count as files here: whoever reads the model says
    /// what they are.
    private static func missing(of names: Set<String>, in snapshot: String) throws(HubError) -> String? {
        if let flaw = ModelFiles.flaw(of: names) { return flaw }
        guard ModelFiles.needsIndex(names) else { return nil }
        let path = snapshot + "/" + ModelFiles.index
        guard FileSystem.exists(path) else { return nil }
        guard let bytes = FileSystem.contents(of: path) else { return "\(ModelFiles.index) cannot be read" }
        let absent = try ModelFiles.weights(of: names, index: bytes, subject: snapshot).filter { !names.contains($0) }
        return absent.isEmpty
            ? nil
            : "it lacks \(absent.prefix(3).joined(separator: ", "))"
                + (absent.count > 3 ? " and \(absent.count - 3) more" : "")
    }
}
