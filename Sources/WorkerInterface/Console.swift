import Base
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Standard error: what a program writes for people, as opposed to results. Lines are written whole, from any thread. A
/// progress bar stands below the last line, and is taken away while another line is written.
///
/// What cannot be written is lost: a closed pipe or a full disk under a log must not end the work.
package enum Console {
    package static let isTerminal = isatty(STDERR_FILENO) == 1

    private static let bar = Locked("")

    /// Writes a line, or several. Other characters that a terminal would obey are written as escapes.
    package static func writeLine(_ text: String) {
        let text = text.forTerminal
        bar.withLock { bar in
            let erase = bar.isEmpty ? "" : "\r\u{1B}[K"
            write(erase + text + "\n" + bar)
        }
    }

    /// Shows `text` in place of the progress bar, or takes the bar away where `text` is empty. Only a terminal has a bar.
    package static func showProgressBar(_ text: String) {
        guard isTerminal else { return }
        bar.withLock { bar in
            guard text != bar else { return }
            write("\r\u{1B}[K" + text)
            bar = text
        }
    }

    /// Characters in a line of the terminal.
    package static var width: Int {
        var size = winsize()
        let known = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return known ? Int(size.ws_col) : 80
    }

    private static func write(_ text: String) {
        var text = text
        // Nobody can be told that the console is gone.
        text.withUTF8 { try? writeAll(UnsafeRawBufferPointer($0), to: STDERR_FILENO) }
    }
}
