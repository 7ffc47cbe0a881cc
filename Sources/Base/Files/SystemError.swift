import Glibc

/// The error of a system call.
package struct SystemError: Error, CustomStringConvertible, Equatable {
    /// The value of `errno`.
    package let number: Int32

    package init(_ number: Int32) { self.number = number }

    /// The text that the C library has for the error, like "No space left on device".
    package var description: String { String(cString: strerror(number)) }

    /// Whether the file system has no room left for this user.
    package var isDiskFull: Bool { number == ENOSPC || number == EDQUOT }
}
