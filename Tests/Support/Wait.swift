import Foundation

/// Waits for what another process or thread does.
package enum Wait {
    package struct Timeout: Error, CustomStringConvertible {
        package let description: String
    }

    /// Waits until a condition holds.
    ///
    /// - Throws: ``Timeout`` where it does not come to that in time, and what `condition` throws.
    package static func until(_ what: String, seconds: Double = 60, _ condition: () throws -> Bool) throws {
        let end = ContinuousClock.now + .seconds(seconds * Double(Sanitizer.slowness))
        while try !condition() {
            guard ContinuousClock.now < end else {
                throw Timeout(description: "waited \(seconds) s in vain: \(what)")
            }
            usleep(10_000)
        }
    }
}
