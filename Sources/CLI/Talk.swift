import Base
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Standard error: what is said to the person, as opposed to results. One line at a time, from any thread; a progress
/// bar stands below the last line, and is taken away while another line is written.
enum Talk {
    static let isTerminal = isatty(STDERR_FILENO) == 1

    private static let bar = Locked("")

    static func say(_ text: String) {
        bar.withLock { bar in
            let erase = bar.isEmpty ? "" : "\r\u{1B}[K"
            write(erase + text + "\n" + bar)
        }
    }

    /// Puts `text` in place of the bar; nothing where `text` is empty. Only for a terminal.
    static func showBar(_ text: String) {
        bar.withLock { bar in
            guard text != bar else { return }
            write("\r\u{1B}[K" + text)
            bar = text
        }
    }

    /// Characters in a line of the terminal.
    static var width: Int {
        var size = winsize()
        let known = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return known ? Int(size.ws_col) : 80
    }

    private static func write(_ text: String) {
        // A closed standard error must not end the work, so the result is not looked at.
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let written = Glibc.write(STDERR_FILENO, rest.baseAddress, rest.count)
                if written <= 0 { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
        }
    }
}
