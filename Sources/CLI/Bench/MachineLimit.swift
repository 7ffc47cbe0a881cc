import Base
import Foundation
import Measure
import Tensor

/// A rate that this machine does not exceed.
enum MachineLimit: Equatable {
    /// GFLOP/s of OpenBLAS.
    case sgemm(SgemmLimit.Product)
    /// GB/s of plain reads.
    case memory

    /// The best rate that was measured, and how.
    typealias Best = SgemmLimit.Best

    /// Measures limits in a process of its own: OpenBLAS reads its settings when it is loaded, and these must not slow it.
    ///
    /// - Parameters:
    ///   - seconds: the maximum time of each limit, about.
    ///   - kernels: where these are not the best that this processor has, OpenBLAS is held to the same level.
    /// - Throws: ``CommandFailure`` where the process cannot be started or fails.
    static func measure(
        _ limits: [MachineLimit], threads: Int, seconds: Double, beside kernels: Kernels
    ) throws(CommandFailure) -> [Best] {
        var environment = ProcessInfo.processInfo.environment.filter { variable in
            !["OPENBLAS_", "GOTO_", "OMP_", Variable("").name].contains { variable.key.hasPrefix($0) }
        }
        environment["OPENBLAS_CORETYPE"] = coreType(beside: kernels)
        let arguments = ["bench", "limit", "\(threads)", "\(seconds)"] + limits.map(\.text)
        var output: [UInt8] = []
        let outcome: ExternalProgram.Outcome
        do {
            outcome = try ExternalProgram(path: "/proc/self/exe").run(arguments, environment: environment) {
                output += $0
            }
        } catch {
            throw CommandFailure(.environment, "cannot measure the machine's limit: \(error)")
        }
        let best = String(decoding: output, as: UTF8.self).split(separator: "\n").compactMap { line -> Best? in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            return fields.count == 2 ? Double(fields[0]).map { Best(rate: $0, how: String(fields[1])) } : nil
        }
        guard outcome.succeeded, best.count == limits.count else {
            throw CommandFailure(.environment, "the machine's limit could not be measured: \(outcome.errorText)")
        }
        return best
    }

    /// Returns OpenBLAS's name of processors with AVX2 and no more, or nil where it shall choose itself.
    static func coreType(beside kernels: Kernels) -> String? {
        kernels.name == Kernels.Level.avx2.rawValue && Kernels(level: .avx512) != nil ? "Haswell" : nil
    }

    /// The limit as it stands on the command line.
    var text: String {
        switch self {
        case .sgemm(let product): "\(product.rows)x\(product.inputs)x\(product.outputs)"
        case .memory: "memory"
        }
    }

    init?(_ text: String) {
        let numbers = text.split(separator: "x").compactMap { Int($0) }
        if text == "memory" {
            self = .memory
        } else if numbers.count == 3, numbers.allSatisfy({ $0 > 0 }) {
            self = .sgemm(SgemmLimit.Product(rows: numbers[0], inputs: numbers[1], outputs: numbers[2]))
        } else {
            return nil
        }
    }
}
