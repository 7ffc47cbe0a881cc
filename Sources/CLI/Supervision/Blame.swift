/// Whether a job may be failed as poison: only where worlds of this supervisor have shown that they can answer jobs. A
/// machine on which every job dies would else fail the whole queue, three deaths each.
///
/// A world that answered another job before it died has shown it. So do answers of earlier worlds, but only for a few
/// verdicts, for the machine may have broken since.
package struct Blame {
    /// Jobs that may be failed after the last sign that the worlds work.
    private static let mostAfterAnAnswer = 3
    private var left = 0

    package init() {}

    /// - Parameter hasAnswered: whether the world that died had answered a job.
    package mutating func mayFail(_ hasAnswered: Bool) -> Bool {
        if hasAnswered { left = Self.mostAfterAnAnswer }
        return left > 0
    }

    /// A job was failed.
    package mutating func failed() { left = max(0, left - 1) }
}
