import Base
import Foundation
import Measure

/// Measures limits in a process of its own: OpenBLAS reads its settings when it is loaded, and what fails there fails
/// alone.
enum LimitProcess {
    /// What the process prints in place of a rate.
    static let absent = "absent"

    /// A rate, or why there is none.
    typealias Outcome = Result<MachineLimit.Best, ProcessorProbe.Absence>

    /// Measures limits one after the other in one process.
    ///
    /// - Parameters:
    ///   - seconds: the maximum time of each limit, about.
    ///   - coreType: the processor whose kernels OpenBLAS uses; nil where it shall choose itself.
    /// - Returns: an outcome for each limit. A process that crashes measured none of them.
    /// - Throws: ``CommandFailure`` where the process cannot be started, or fails with a message of its own.
    static func measure(
        _ limits: [MachineLimit], threads: Int, seconds: Double, coreType: String? = nil
    ) throws(CommandFailure) -> [Outcome] {
        var environment = ProcessEnvironment.variables.filter { variable in
            !["OPENBLAS_", "GOTO_", "OMP_", Variable("").name].contains { variable.key.hasPrefix($0) }
        }
        environment["OPENBLAS_CORETYPE"] = coreType
        let arguments = ["bench", "limit", "\(threads)", "\(seconds)"] + limits.map(\.text)
        var output: [UInt8] = []
        let outcome: ExternalProgram.Outcome
        do {
            var surroundings = ExternalProgram.Surroundings()
            surroundings.environment = environment
            outcome = try ExternalProgram(path: "/proc/self/exe").run(arguments, in: surroundings) { output += $0 }
        } catch {
            throw CommandFailure(.environment, "cannot measure the machine's limit: \(error)")
        }
        if case .killed(let signal) = outcome.end {
            let crash = ProcessorProbe.Absence("the process that measured it ended by signal \(signal)")
            return limits.map { _ in .failure(crash) }
        }
        let outcomes = String(decoding: output, as: UTF8.self).split(separator: "\n").compactMap(Self.outcome)
        guard outcome.succeeded, outcomes.count == limits.count else {
            throw CommandFailure(.environment, "the machine's limit could not be measured: \(outcome.errorText)")
        }
        return outcomes
    }

    private static func outcome(_ line: Substring) -> Outcome? {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        if fields.count == 2, fields[0] == absent { return .failure(ProcessorProbe.Absence(fields[1])) }
        guard fields.count == 3, let rate = Double(fields[0]) else { return nil }
        return .success(MachineLimit.Best(rate: rate, how: fields[1], coreType: fields[2]))
    }
}
