#if canImport(Glibc)
    import Glibc
#endif

/// The signals of the command. One thread takes them with sigtimedwait(2), so that no signal interrupts its work.
///
/// The kernel gives a signal to any thread that has not blocked it. Libraries start threads before this type can block
/// anything (OpenBLAS does so when it is loaded), and the default action of a signal on one of these would end the
/// process. A handler on them therefore passes the signal on to the thread that waits.
struct Signals {
    private static let numbers = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD]
    private var set = sigset_t()

    /// Blocks the signals on the calling thread, which is the one that waits for them, and on the threads that it starts
    /// from now on.
    init() {
        waitingThread = pthread_self()
        sigemptyset(&set)
        for number in Self.numbers {
            sigaddset(&set, number)
            Self.handle(number) { pthread_kill(waitingThread, $0) }
        }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        // The work continues when the reader of the standard output has closed its pipe.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Gives the signals their usual effect again.
    func restore() {
        for number in Self.numbers { Self.handle(number, SIG_DFL) }
        var set = set
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    /// Returns the next signal, or nil after `milliseconds` without one.
    mutating func next(within milliseconds: Int) -> Int32? {
        var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        let signal = sigtimedwait(&set, nil, &time)
        return signal > 0 ? signal : nil
    }

    private static func handle(_ number: Int32, _ handler: __sighandler_t?) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = handler
        action.sa_flags = SA_RESTART
        sigaction(number, &action, nil)
    }
}

/// The thread that waits for signals. A handler reads it: it is set before the first handler is, and is initialized
/// without code.
private nonisolated(unsafe) var waitingThread: pthread_t = 0
