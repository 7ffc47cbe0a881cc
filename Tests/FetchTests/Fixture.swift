import Base
import Fetch
import Foundation
import Testing

/// Settings for servers on the loopback interface: no proxy, no keys of this machine, no waiting between tries.
func quickSettings(_ change: (inout FetchSettings) -> Void = { _ in }) -> FetchSettings {
    var settings = FetchSettings()
    settings.proxy = ""
    settings.environment = ["HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"]
    settings.retrySeconds = 0.01
    change(&settings)
    return settings
}

/// Fetches once.
func fetch(_ request: FetchRequest, _ change: (inout FetchSettings) -> Void = { _ in }) throws -> FetchedBytes {
    try Fetcher(quickSettings(change)).fetch(request)
}

/// Fetches once, for the bytes only.
func fetchedBytes(_ address: String, _ change: (inout FetchSettings) -> Void = { _ in }) throws -> [UInt8] {
    try fetch(FetchRequest(address), change).bytes
}

/// Fetches once, and expects an error.
func failure(
    _ address: String, range: FetchRange? = nil, validator: Validator? = nil,
    _ change: (inout FetchSettings) -> Void = { _ in }
) throws -> FetchError {
    let fetcher = try Fetcher(quickSettings(change))
    do throws(FetchError) {
        _ = try fetcher.fetch(FetchRequest(address, range: range, validator: validator))
    } catch {
        return error
    }
    throw NoFailure(address: address)
}

/// What a test expected to fail was fetched.
struct NoFailure: Error {
    let address: String
}

/// Bytes that repeat only after a long time.
func sampleBytes(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 11) }
}

extension FetchStream {
    /// Reads to the end.
    func all() throws(FetchError) -> [UInt8] {
        var bytes: [UInt8] = []
        while let more = try next() { bytes += more }
        return bytes
    }
}
