import Base

/// What a check found, and what to do about it.
package struct Finding: Sendable, Equatable {
    /// From the best to the worst.
    package enum Status: String, Sendable, CaseIterable, Comparable {
        case ok
        /// Nothing is wrong; there is something to know, or the check was not made.
        case note
        /// A world starts, and is slower or at risk.
        case warn
        /// A world would not start.
        case fail

        package static func < (one: Status, other: Status) -> Bool {
            (allCases.firstIndex(of: one) ?? 0) < (allCases.firstIndex(of: other) ?? 0)
        }

        /// What stands before the line of a check.
        package var symbol: String {
            switch self {
            case .ok: "✓"
            case .note: "·"
            case .warn: "!"
            case .fail: "✗"
            }
        }
    }

    package var status: Status
    /// What was found, on one line.
    package var text: String
    /// What to do, a line each.
    package var advice: [String]

    package init(_ status: Status, _ text: String, _ advice: String...) {
        self.init(status, text, advice: advice)
    }

    init(_ status: Status, _ text: String, advice: [String]) {
        self.status = status
        self.text = text.onOneLine
        self.advice = advice.map(\.onOneLine)
    }

    /// A check that was not made, for a reason that is no fault.
    package static func notChecked(_ reason: String, _ advice: String...) -> Finding {
        Finding(.note, "not checked: \(reason)", advice: advice)
    }

    /// Makes one finding of several about the same thing: the worst status, and all texts.
    package static func all(_ findings: [Finding]) -> Finding {
        Finding(
            findings.map(\.status).max() ?? .ok, findings.map(\.text).joined(separator: "; "),
            advice: findings.flatMap(\.advice))
    }
}
