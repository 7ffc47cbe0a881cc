import ArgumentParser
import Measure
import Tensor

/// The process that measures; its environment is clean.
///
/// It prints a line for each limit: rate, layout and threading, and OpenBLAS's core type with tabs between; or "absent" and
/// the reason.
struct LimitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limit", abstract: "Measure what this machine gives at most.", shouldDisplay: false)

    @Argument var threads: Int
    @Argument var seconds: Double
    @Argument var limits: [String]

    func run() throws {
        guard threads > 0 else { throw ValidationError("Threads are counted from 1.") }
        for text in limits {
            guard let limit = MachineLimit(text) else {
                let probes = ProcessorProbe.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError(
                    "'\(text)' is no limit; known are memory, products such as 256x2048x16384, \(probes).")
            }
            do {
                let best = try measure(limit)
                print("\(best.rate)\t\(best.how)\t\(best.coreType)")
            } catch let absence as ProcessorProbe.Absence {
                print("\(LimitProcess.absent)\t\(absence)")
            }
        }
    }

    private func measure(_ limit: MachineLimit) throws -> MachineLimit.Best {
        switch limit {
        case .probe(let probe):
            return MachineLimit.Best(rate: try probe.measure(threads: threads, seconds: min(seconds, 0.3)))
        case .sgemm(let product):
            // Enough for the best of many calls, and not more for a tiny product.
            let seconds = min(seconds, 0.2 + product.operations / 5e9)
            if let obstacle = BLAS.obstacle { throw ProcessorProbe.Absence(obstacle) }
            return SgemmLimit(product, threads: threads).measure(seconds: seconds)
        case .memory:
            guard let rate = MemoryBandwidthLimit.measure(threads: threads, seconds: min(seconds, 0.7)) else {
                throw CommandFailure(.environment, "there is not enough memory to measure the machine's limit")
            }
            return MachineLimit.Best(rate: rate)
        }
    }
}
