import Base
import Fetch
import Pictures
import Queue

/// The objects below `s3://BUCKET/PREFIX/`, one after the other in the order of their keys' bytes, a page at a time.
final class ObjectListing {
    private let address: String
    private let fetcher: Fetcher
    private var listing: S3Listing
    private var page: ArraySlice<S3Entry> = []
    private(set) var isEmpty = true

    /// Returns whether a name is that of a folder in an object store.
    static func isFolder(_ name: String) -> Bool {
        S3Location.isObject(name) && name.utf8.last == UInt8(ascii: "/")
    }

    /// - Throws: `unreadable`.
    init(_ address: String, _ shared: SharedFetcher) throws(QueueError) {
        self.address = address
        do throws(FetchError) {
            fetcher = try shared.fetcher()
            listing = try fetcher.list(address)
        } catch {
            throw .unreadable(error, path: MaskedURL.text(address))
        }
    }

    /// What messages call it.
    var name: String { MaskedURL.text(address) }

    /// Returns the next object, nil at the end. The empty objects that stand for folders are passed over.
    ///
    /// - Throws: `unreadable`.
    func next() throws(QueueError) -> S3Entry? {
        while true {
            if let entry = page.popFirst() {
                if entry.key.utf8.last == UInt8(ascii: "/") { continue }
                isEmpty = false
                return entry
            }
            do throws(FetchError) {
                guard let next = try listing.next() else { return nil }
                page = next.entries[...]
            } catch {
                throw .unreadable(path: name, reason: "its objects cannot be listed: \(error.reason)")
            }
        }
    }

    /// Returns whether a part of the key below the listed folder begins with a period.
    func isHidden(_ entry: S3Entry) -> Bool {
        let below = entry.address.utf8.dropFirst(address.utf8.count)
        return below.split(separator: UInt8(ascii: "/")).contains { $0.first == UInt8(ascii: ".") }
    }

    /// Fetches the first bytes of an object; nil where they cannot be had.
    func firstBytes(_ count: Int, of entry: S3Entry) -> [UInt8]? {
        guard let range = FetchRange(offset: 0, count: min(Int64(count), entry.size)) else { return nil }
        return try? fetcher.fetch(FetchRequest(entry.address, range: range)).bytes
    }
}
