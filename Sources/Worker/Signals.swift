import Foundation
import Synchronization

/// SIGUSR1 (which mpirun passes on), SIGTERM and SIGINT ask for a drain; a second SIGTERM or SIGINT ends the process.
enum Signals {
    private static let received = Atomic<Int32>(0)

    static func install() {
        signal(SIGUSR1) { number in Signals.received.store(number, ordering: .relaxed) }
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                Signals.received.store(number, ordering: .relaxed)
                signal(number, SIG_DFL)
            }
        }
        signal(SIGPIPE, SIG_IGN)
    }

    /// As though SIGUSR1 had come.
    static func requestDrain() { received.store(SIGUSR1, ordering: .relaxed) }

    /// The last signal that asked for a drain.
    static var drain: Int32? {
        let number = received.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }
}
