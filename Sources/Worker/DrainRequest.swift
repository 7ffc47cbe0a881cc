import Foundation
import Synchronization

/// The request to drain. SIGUSR1 (which mpirun passes on), SIGTERM and SIGINT make it; a second SIGTERM or SIGINT ends the
/// process.
enum DrainRequest {
    private static let received = Atomic<Int32>(0)

    /// Installs the handlers of the signals.
    static func acceptSignals() {
        Foundation.signal(SIGUSR1) { number in DrainRequest.received.store(number, ordering: .relaxed) }
        for number in [SIGINT, SIGTERM] {
            Foundation.signal(number) { number in
                DrainRequest.received.store(number, ordering: .relaxed)
                Foundation.signal(number, SIG_DFL)
            }
        }
        Foundation.signal(SIGPIPE, SIG_IGN)
    }

    /// Makes the request, as though SIGUSR1 had come.
    static func make() { received.store(SIGUSR1, ordering: .relaxed) }

    /// The last signal that made the request; nil without one.
    static var signal: Int32? {
        let number = received.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }
}
