import Base
import CProcessorProbe
import Tensor

/// A unit of the processor that multiplies and adds, measured from registers alone: no program gets more out of it.
package enum ProcessorProbe: String, CaseIterable, Sendable {
    case float32AVX2 = "float32-avx2"
    case float32AVX512 = "float32-avx512"
    case bfloat16AVX512 = "bf16-avx512"
    case int8AVX2 = "int8-avx2"
    case int8AVX512 = "int8-avx512"
    case bfloat16Tiles = "bf16-tiles"
    case int8Tiles = "int8-tiles"

    /// Why a probe cannot run here.
    package struct Absence: Error, Equatable, CustomStringConvertible {
        package let description: String

        package init(_ description: String) { self.description = description }
    }

    /// The time of one pass, in seconds: long enough that the clock rate settles.
    private static let passSeconds = 0.02

    /// What the unit multiplies, for a table.
    package var title: String {
        switch self {
        case .float32AVX2: "float32, AVX2"
        case .float32AVX512: "float32, AVX-512"
        case .bfloat16AVX512: "bf16, AVX-512 (vdpbf16ps)"
        case .int8AVX2: "int8, AVX2 (vpmaddubsw)"
        case .int8AVX512: "int8, AVX-512 (vpdpbusd)"
        case .bfloat16Tiles: "bf16, AMX tiles (tdpbf16ps)"
        case .int8Tiles: "int8, AMX tiles (tdpbusd)"
        }
    }

    /// Whether the unit is the tile unit, whose registers the kernel may refuse to a process.
    package var usesTiles: Bool { self == .bfloat16Tiles || self == .int8Tiles }

    private var code: pg_probe {
        switch self {
        case .float32AVX2: PG_PROBE_FLOAT32_AVX2
        case .float32AVX512: PG_PROBE_FLOAT32_AVX512
        case .bfloat16AVX512: PG_PROBE_BF16_AVX512
        case .int8AVX2: PG_PROBE_INT8_AVX2
        case .int8AVX512: PG_PROBE_INT8_AVX512
        case .bfloat16Tiles: PG_PROBE_BF16_TILES
        case .int8Tiles: PG_PROBE_INT8_TILES
        }
    }

    /// Measures the highest rate of the unit on all threads together.
    ///
    /// - Parameter seconds: the approximate time of the measurement; at least two passes are made.
    /// - Returns: billions of operations a second, two a multiply-add.
    /// - Throws: ``Absence`` where the processor does not have the unit, or the kernel refuses it.
    package func measure(threads: Int, seconds: Double) throws(Absence) -> Double {
        if usesTiles, let obstacle = Kernels.Level.amx.obstacle { throw Absence(obstacle) }
        guard pg_probe_is_available(code) else { throw Absence("this processor does not have the instructions") }
        let team = ThreadTeam(count: threads)
        let code = code
        let rounds = Self.rounds(code)
        let begin = Timeline.now()
        var (best, passes) = (0.0, 0)
        repeat {
            let start = Timeline.now()
            team.run(threads) { _, _ in _ = pg_probe_run(code, rounds) }
            let elapsed = Double(max(Timeline.now() - start, 1))
            best = max(best, Self.operations(code, rounds) * Double(threads) / elapsed)
            passes += 1
        } while passes < 2 || Double(Timeline.now() - begin) / 1e9 < seconds
        return best
    }

    /// Returns the rounds that take about the time of one pass on one thread.
    private static func rounds(_ code: pg_probe) -> UInt64 {
        var rounds: UInt64 = 1024
        while rounds < 1 << 40 {
            let start = Timeline.now()
            _ = pg_probe_run(code, rounds)
            if Double(Timeline.now() - start) / 1e9 >= passSeconds { break }
            rounds *= 2
        }
        return rounds
    }

    /// Returns the operations of some rounds: as many times those of one round.
    private static func operations(_ code: pg_probe, _ rounds: UInt64) -> Double {
        pg_probe_run(code, 1) * Double(rounds)
    }
}
