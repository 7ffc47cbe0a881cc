import Foundation

/// Whether the tests and the programs were built with a sanitizer; Tests/Sanitizers/run says so in the environment.
package enum Sanitizer {
    private static let name = ProcessInfo.processInfo.environment["SANITIZER"]

    package static var isOn: Bool { name != nil }

    /// What limits of time are multiplied with.
    package static let slowness = isOn ? 4 : 1

    /// The environment in which a process gets no block of more than some MiB. A sanitizer takes terabytes of
    /// addresses, so that `ulimit -v` cannot be used.
    package static func blockLimit(mebibytes: Int) -> [String: String] {
        let variable = name == "address" ? "ASAN_OPTIONS" : "TSAN_OPTIONS"
        let before = ProcessInfo.processInfo.environment[variable] ?? ""
        return [variable: before + ":allocator_may_return_null=1:max_allocation_size_mb=\(mebibytes)"]
    }
}
