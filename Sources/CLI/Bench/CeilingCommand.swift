import ArgumentParser
import Measure

/// The process that measures; its environment is clean.
struct CeilingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ceiling", abstract: "Measure what this machine gives at most.", shouldDisplay: false)

    @Argument var threads: Int
    @Argument var seconds: Double
    @Argument var ceilings: [String]

    func run() throws {
        guard threads > 0 else { throw ValidationError("Threads are counted from 1.") }
        for text in ceilings {
            guard let ceiling = Ceiling(text) else {
                throw ValidationError("'\(text)' is neither 'memory' nor a product such as 256x2048x16384.")
            }
            let best = try measure(ceiling)
            print("\(best.rate)\t\(best.how)")
        }
    }

    private func measure(_ ceiling: Ceiling) throws -> Ceiling.Best {
        switch ceiling {
        case .sgemm(let product):
            // Enough for the best of many calls, and not more for a tiny product.
            let seconds = min(seconds, 0.2 + product.operations / 5e9)
            return SgemmLimit(product, threads: threads).measure(seconds: seconds)
        case .memory:
            guard let rate = MemoryBandwidthLimit.measure(threads: threads, seconds: min(seconds, 0.7)) else {
                throw CommandFailure(.environment, "there is not enough memory to measure the machine's limit")
            }
            return Ceiling.Best(rate: rate)
        }
    }
}
