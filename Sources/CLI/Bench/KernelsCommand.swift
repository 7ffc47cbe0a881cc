import ArgumentParser
import Base
import Foundation
import PaliGemma
import Tensor
import WorkerInterface

/// Measures single kernels at a real model's shapes.
struct KernelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernels",
        abstract: "Measure single kernels at a real model's shapes.",
        discussion: """
            Products with many rows and with few (decoding) in every precision, and attention, each with every set of \
            kernels that the processor has, beside what the units that the set multiplies \
            with give from registers, OpenBLAS's sgemm with its best kernels, and plain reads of memory on the same \
            cores; sgemm beside avx2 uses no more than AVX2 either. The best of several calls counts, here and there.

              paligemma bench kernels
              paligemma bench kernels --kernels avx2 --threads 1
            """)

    enum Options: OptionSelection {
        typealias Table = WorkerOptions
        static let options: [any AnyOptionDefinition] = [Table.table.threads]
    }

    @OptionGroup var options: OptionFlags<Options>

    @Option(
        help: Variable.kernels.help(
            "One of \(Kernels.Level.allCases.map(\.rawValue).joined(separator: ", ")).",
            default: "every set that the processor has, but scalar", valueName: "set"))
    var kernels: String?

    @Flag(help: Variable.json.help("One JSON object for programs."))
    var json = false

    func run() throws {
        let threads = try options.values().threads ?? MachineLimits.current.cores
        let sets = try self.sets()
        let folder = try BenchFolder()
        let result = try KernelResult(sets, threads: threads, folder: folder.path)
        print(try Variable.json.isOn(json) ? result.json : result.text)
    }

    private func sets() throws -> [Kernels] {
        let all = Kernels.Level.allCases.compactMap { Kernels(level: $0) }
        guard let wanted = try Variable.kernels.value(kernels) else {
            return all.count > 1 ? all.filter { $0.name != Kernels.Level.scalar.rawValue } : all
        }
        guard let set = all.first(where: { $0.name == wanted }) else {
            let known = all.map(\.name).joined(separator: ", ")
            throw ValidationError("'--kernels' is \(wanted); this processor has \(known).")
        }
        return [set]
    }
}
