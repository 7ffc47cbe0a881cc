import Base
import Fetch
import Queue

/// Finds the pictures that rows and people name, and notes what a worker has to verify.
struct PictureLocator {
    /// The folder of relative names, relative to the current folder itself; or the address of a folder.
    let folder: String
    /// The number of frames that are taken from a video; nil where videos are not accepted.
    let frames: Int?
    let verification: PictureVerification

    /// Returns a picture or a video by the name that a person gave it.
    ///
    /// - Parameters:
    ///   - name: A path, or an address that begins with http://, https:// or s3://.
    ///   - frames: The number of frames of a video.
    /// - Throws: ``LocationError`` for a name that can be none.
    func image(named name: String, frames: Int? = nil) throws(LocationError) -> JobImage {
        guard !name.utf8.contains(0) else {
            throw LocationError("the name \"\(name.onOneLine)\" holds a NUL character, which no file's name can")
        }
        if Self.isAddress(name) {
            return JobImage(name: PublicAddress.text(of: name), path: name, frames: frames)
        }
        guard !name.hasPrefix("data:") else {
            throw LocationError("a picture inside the row (data:…) is not read; write it to a file and name that")
        }
        if Self.isAddress(folder) {
            return JobImage(name: name, path: AddressReference.resolved(name, in: folder), frames: frames)
        }
        let path = AbsolutePath.path(of: name, in: folder)
        var image = JobImage(name: name, path: path, frames: frames)
        guard verification != .none, let status = FileStatus(path), status.isRegular else { return image }
        image.size = status.size
        switch verification {
        case .time: image.modified = status.modified
        case .content: image.contentHash = try? Self.contentHash(of: path)
        case .size, .none: break
        }
        return image
    }

    /// Returns whether a name is an address on a network.
    static func isAddress(_ name: String) -> Bool {
        AddressReference.isAddress(name)
    }

    static func contentHash(of path: String) throws(FileError) -> String {
        ContentHash.hexadecimal(of: try FileBytes(path: path).bytes)
    }
}

/// Why a name can be no picture.
struct LocationError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
