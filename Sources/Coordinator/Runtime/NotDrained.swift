import Base
import Foundation

/// A drain took longer than its timeout; the leased jobs were given back to the queue, where that answered.
package struct NotDrained: Error, CustomStringConvertible {
    package let jobs: Int
    package let timeout: Duration
    package let isGivenBack: Bool

    package var description: String {
        "not drained after \(timeout.inSeconds.formatted()) s; "
            + (isGivenBack
                ? "\(jobs.counted("job")) went back to the queue"
                : "the queue does not answer, the jobs of this world come back when its leases expire")
    }
}
