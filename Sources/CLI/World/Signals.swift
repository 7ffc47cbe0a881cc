#if canImport(Glibc)
    import Glibc
#endif

/// Signals that one thread waits for, instead of handlers that interrupt.
struct Signals {
    private var set = sigset_t()

    /// Blocks the signals, so that they wait to be asked for. To be called before any thread is started.
    init() {
        sigemptyset(&set)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD] { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        // Whoever reads our output may leave; the work continues.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Lets the signals interrupt again.
    func restore() {
        var set = set
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    /// Returns the next signal, or nil after `milliseconds` without one.
    mutating func next(within milliseconds: Int) -> Int32? {
        var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        let signal = sigtimedwait(&set, nil, &time)
        return signal > 0 ? signal : nil
    }
}
