import Base
import Foundation

/// Checks that are made together, because they read the same facts.
struct Examination: Sendable {
    let checks: [CheckName]
    /// Reports a finding for each check, as soon as it is known.
    let examine: @Sendable (Report) -> Void

    typealias Report = @Sendable (CheckName, Finding) -> Void

    init(_ checks: CheckName..., examine: @escaping @Sendable (Report) -> Void) {
        self.checks = checks
        self.examine = examine
    }

    /// One check.
    init(_ check: CheckName, _ examine: @escaping @Sendable () -> Finding) {
        checks = [check]
        self.examine = { report in report(check, examine()) }
    }
}

/// What all checks found.
package struct Diagnosis: Sendable {
    /// One for each check, in the order of the report.
    package let findings: [(check: CheckName, finding: Finding)]

    package init(_ findings: [CheckName: Finding]) {
        self.findings = CheckName.allCases.map { check in
            (check, findings[check] ?? .notChecked("it is not part of this report"))
        }
    }

    package var hasFailed: Bool { findings.contains { $0.finding.status == .fail } }

    /// Makes examinations, each on a thread of its own.
    ///
    /// - Parameter limit: how long to wait for them. What has not answered then is left behind; the process should end soon.
    static func make(_ examinations: [Examination], limit: Duration) -> Diagnosis {
        let found = Locked<[CheckName: Finding]>([:])
        let done = DispatchSemaphore(value: 0)
        let deadline = DispatchTime.now() + .nanoseconds(Int(limit / .nanoseconds(1)))
        for examination in examinations {
            // Threads have small stacks; a checkpoint's header is parsed on them.
            Thread.start("doctor", stackBytes: 8 << 20) {
                examination.examine { check, finding in found.withLock { $0[check] = finding } }
                done.signal()
            }
        }
        for _ in examinations where done.wait(timeout: deadline) == .timedOut { break }
        var findings = found.withLock { $0 }
        let seconds = Int(limit / .seconds(1))
        for check in examinations.flatMap(\.checks) where findings[check] == nil {
            findings[check] = Finding(
                .warn, "not checked: no answer within \(seconds) s",
                "look at what it waits for: a disk, a server or a name that does not answer")
        }
        return Diagnosis(findings)
    }
}
