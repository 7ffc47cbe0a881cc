import Base

/// What is in the place of a text before an answer goes there.
enum SidecarText {
    /// Size of the largest text that an answer is added to or that it replaces, in bytes.
    private static let maximumSize: Int64 = 16 << 20

    /// Returns the bytes of the text; nil where there is none.
    ///
    /// - Throws: ``SinkError`` with the code `not_text` where a file of that name holds something else, as a picture does, and
    ///   `unwritable` where it cannot be read.
    static func contents(of path: String) throws(SinkError) -> [UInt8]? {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try FileBytes(path: path, maximumSize: maximumSize).bytes
        } catch {
            if error.code == .missing { return nil }
            throw SinkError(.unwritable, at: path, "the file in the place of the text cannot be read: \(error.reason)")
        }
        guard !bytes.contains(0), String(validating: bytes, as: UTF8.self) != nil else {
            throw SinkError(
                .notText, at: path,
                "there is a file of this name that is no text in UTF-8, and it is neither replaced nor added to; "
                    + "give another --extension, or a folder with --output-dir, or move the file away")
        }
        return bytes
    }
}
