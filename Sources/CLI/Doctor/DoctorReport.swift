import Base

/// A diagnosis for people and for programs.
package struct DoctorReport {
    private let diagnosis: Diagnosis

    package init(_ diagnosis: Diagnosis) { self.diagnosis = diagnosis }

    /// A line for each check; below those that are not well, why it matters and what to do.
    package var text: String {
        let width = CheckName.allCases.map(\.rawValue.count).max() ?? 0
        let margin = String(repeating: " ", count: width + 10)
        var lines: [String] = []
        for (check, finding) in diagnosis.findings {
            let status = finding.status
            lines.append(
                "\(status.symbol) \(status.rawValue.padded(to: 4))  \(check.rawValue.padded(to: width))  \(finding.text)"
            )
            if status > .note { lines.append("\(margin)why: \(check.reason)") }
            lines += finding.advice.map { "\(margin)do:  \($0)" }
        }
        return (lines + ["", summary]).joined(separator: "\n")
    }

    private var summary: String {
        let counts = Finding.Status.allCases.map { status in
            "\(diagnosis.findings.count { $0.finding.status == status }) \(status.rawValue)"
        }
        return counts.joined(separator: ", ")
            + (diagnosis.hasFailed ? ": a world would not start" : ": a world should start")
    }

    /// An array of objects.
    package var json: String {
        var writer = JSONWriter()
        writer.array(diagnosis.findings) { writer, entry in
            writer.raw("{\"check\":")
            writer.string(entry.check.rawValue)
            writer.raw(",\"status\":")
            writer.string(entry.finding.status.rawValue)
            writer.raw(",\"finding\":")
            writer.string(entry.finding.text)
            writer.raw(",\"why\":")
            writer.string(entry.check.reason)
            writer.raw(",\"advice\":")
            writer.array(entry.finding.advice) { $0.string($1) }
            writer.raw("}")
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// What is not well, the worst first, in a few lines.
    package var short: [String] {
        let bad = diagnosis.findings.filter { $0.finding.status > .note }
        let ordered = bad.filter { $0.finding.status == .fail } + bad.filter { $0.finding.status != .fail }
        let lines = ordered.prefix(Self.maximumLines).map { check, finding in
            "  \(finding.status.symbol) \(check.rawValue): \(finding.text)"
                + (finding.advice.first.map { " (\($0))" } ?? "")
        }
        let more = ordered.count - lines.count
        return lines + (more > 0 ? ["  … and \(more) more"] : [])
    }

    private static let maximumLines = 4
}
