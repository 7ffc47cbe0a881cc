import ArgumentParser
import Coordinator
import Foundation
import PaliGemma

/// What this machine gives at most.
struct Ceiling: Equatable {
    /// Of the product that is the largest of the model, in GFLOP/s.
    var sgemm: Double
    /// The layout and threading that gave it.
    var how: String
    /// Of plain reads, in GB/s.
    var memory: Double

    /// Measures in a process of its own: OpenBLAS reads its settings when it is loaded, and these must not slow it.
    static func measure(_ product: SgemmCeiling.Product, threads: Int) throws(CommandFailure) -> Ceiling {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = [
            "bench", "ceiling", "\(product.rows)", "\(product.inputs)", "\(product.outputs)", "\(threads)",
        ]
        process.environment = ProcessInfo.processInfo.environment.filter { variable in
            !["OPENBLAS_", "GOTO_", "OMP_", Variable("").name].contains { variable.key.hasPrefix($0) }
        }
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            throw CommandFailure(.environment, "cannot start a process: \(error.localizedDescription)")
        }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == 0, let ceiling = Ceiling(line: text)
        else { throw CommandFailure(.environment, "the machine's limit could not be measured") }
        return ceiling
    }

    init(sgemm: Double, how: String, memory: Double) {
        self.sgemm = sgemm
        self.how = how
        self.memory = memory
    }

    /// From a line as `line` has it.
    private init?(line: String) {
        let fields = line.split(whereSeparator: \.isNewline).first?.split(separator: "\t") ?? []
        guard fields.count == 3, let sgemm = Double(fields[0]), let memory = Double(fields[1]) else { return nil }
        self.init(sgemm: sgemm, how: String(fields[2]), memory: memory)
    }

    var line: String { "\(sgemm)\t\(memory)\t\(how)" }
}

/// The process that measures the limit; its environment is clean.
struct CeilingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ceiling", abstract: "Measure what this machine gives at most.", shouldDisplay: false)

    @Argument var rows: Int
    @Argument var inputs: Int
    @Argument var outputs: Int
    @Argument var threads: Int

    private static let memorySeconds = 0.7

    /// Enough for the best of many calls, and not more for a tiny product.
    private static func seconds(for product: SgemmCeiling.Product) -> Double {
        min(2.5, 0.2 + product.operations / 5e9)
    }

    func run() throws {
        guard [rows, inputs, outputs, threads].allSatisfy({ $0 > 0 }) else {
            throw ValidationError("Four numbers from 1 are expected.")
        }
        let product = SgemmCeiling.Product(rows: rows, inputs: inputs, outputs: outputs)
        let best = SgemmCeiling(product, threads: threads).measure(
            seconds: Self.seconds(for: product))
        guard let memory = MemoryCeiling.measure(threads: threads, seconds: Self.memorySeconds) else {
            throw CommandFailure(.environment, "there is not enough memory to measure the machine's limit")
        }
        print(Ceiling(sgemm: best.rate, how: best.how, memory: memory).line)
    }
}
