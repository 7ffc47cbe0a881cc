import Base

/// A fetcher that is made when it is used first, for who may never need one.
package final class SharedFetcher: Sendable {
    private let settings: FetchSettings
    private let made = Locked<Result<Fetcher, FetchError>?>(nil)

    package init(_ settings: FetchSettings = FetchSettings()) { self.settings = settings }

    /// Returns the fetcher.
    ///
    /// - Throws: ``FetchError`` where libcurl cannot be used.
    package func fetcher() throws(FetchError) -> Fetcher {
        let result = made.withLock { made -> Result<Fetcher, FetchError> in
            if let made { return made }
            let result = Result { () throws(FetchError) in try Fetcher(settings) }
            made = result
            return result
        }
        return try result.get()
    }

    /// Cancels what is being fetched; nothing is made for it.
    package func stop() {
        made.withLock { made in
            if case .success(let fetcher)? = made { fetcher.stop() }
        }
    }
}
