import Base

/// The pages in which a hub lists the files of a commit.
enum FileListing {
    static let mostPages = 1000

    /// Returns the files of a page.
    ///
    /// - Throws: ``HubError`` where it is no page, or a path leads out of the repository.
    static func files(_ page: JSON, source: String) throws(HubError) -> [RemoteFile] {
        func fault(_ reason: String) -> HubError { HubError(.badAnswer, at: source, reason) }
        guard let entries = page.array else { throw fault("the answer is no list of files") }
        var files: [RemoteFile] = []
        for entry in entries {
            guard let path = entry["path"]?.string else { throw fault("the answer is no list of files") }
            guard RepositoryPath.isSafe(path) else {
                throw fault(
                    "the hub lists the file '\(path)', whose name leads out of the model's folder; nothing was fetched")
            }
            guard entry["type"]?.string != "directory" else { continue }
            let large = entry["lfs"]
            guard let size = (large?["size"] ?? entry["size"])?.integer, size >= 0 else {
                throw fault("the hub lists \(path) without a size")
            }
            let name = (large?["oid"] ?? large?["sha256"] ?? entry["oid"])?.string
            files.append(RemoteFile(path: path, size: Int64(size), digest: name.flatMap { BlobDigest($0) }))
        }
        return files
    }

    /// Returns the address of the page that a header `Link` calls the next; nil where it names none.
    ///
    /// A mirror may hand on the link of the hub that it mirrors. Then the mirror is asked for the same page: the token
    /// goes to nobody else.
    static func nextPage(_ header: String, of address: String, endpoint: String) -> String? {
        for link in header.split(separator: ",") {
            guard let open = link.firstIndex(of: "<"), let end = link.firstIndex(of: ">"), open < end else { continue }
            let parameters = link[end...].filter { $0 != "\"" && $0 != " " }.lowercased()
            guard parameters.contains(";rel=next") else { continue }
            let target = String(link[link.index(after: open)..<end])
            if target.hasPrefix(endpoint + "/") { return target }
            if target.hasPrefix("?") { return address.prefix { $0 != "?" } + target }
            guard let place = target.firstRange(of: "/api/models/") else { return nil }
            return endpoint + target[place.lowerBound...]
        }
        return nil
    }
}
