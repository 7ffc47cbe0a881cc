#if canImport(Glibc)
    import Glibc
#endif

/// The signals of the command. They are blocked, and one thread takes them with sigtimedwait(2), so that no signal handler
/// is needed.
struct Signals {
    private var set = sigset_t()

    /// Blocks the signals. Call this before any thread is started, because a thread inherits the mask of its creator.
    init() {
        sigemptyset(&set)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD] { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        // The work continues when the reader of the standard output has closed its pipe.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Unblocks the signals, which then have their usual effect.
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
