/// The ends of the names of tar shards and of compressed files, in lower case. Every part of the program that tells a file
/// by its name looks here.
package enum ShardEnding {
    /// What a compressed file has behind its name.
    package static let compressions = [".gz", ".gzip", ".zst", ".zstd"]
    /// What tar shards end with, compressed ones included.
    package static let all = [".tar", ".tgz"] + compressions.map { ".tar" + $0 }

    /// Returns the ending that a name has, in any case of letters and behind at least one byte of the last part of a path; nil
    /// where it has none.
    ///
    /// - Parameters:
    ///   - name: the UTF-8 code units of a name, or of the part of it that is to be looked at.
    ///   - endings: in lower case.
    package static func find(
        in name: some BidirectionalCollection<UInt8>, among endings: [String] = all
    ) -> String? {
        endings.first { ending in
            // Only as many bytes as the ending has are looked at, however long the name is.
            let tail = name.suffix(ending.utf8.count)
            guard tail.count == ending.utf8.count, tail.startIndex != name.startIndex,
                name[name.index(before: tail.startIndex)] != UInt8(ascii: "/")
            else { return false }
            return tail.lazy.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }.elementsEqual(ending.utf8)
        }
    }
}
