import Base

/// What the arithmetic of a tower took, by phase and kind: seconds on the thread that leads the team, operations
/// (two a multiply-add, only those that were executed) and the bytes of weights that were read.
package final class OperationMeter: @unchecked Sendable {
    // @unchecked: recorded and read on the thread that leads the team, never inside a region.
    package enum Phase: Int, CaseIterable, Sendable {
        case vision, prefill, decode
    }

    package enum Kind: Int, CaseIterable, Sendable {
        /// Products with weights, with what is done to them in the cache.
        case linear
        case attention
    }

    package struct Total: Sendable, Equatable {
        package var seconds = 0.0
        package var operations = 0.0
        package var weightBytes = 0.0

        package init() {}
    }

    private var totals = Array(repeating: Total(), count: Phase.allCases.count * Kind.allCases.count)

    package init() {}

    package subscript(phase: Phase, kind: Kind) -> Total {
        totals[phase.rawValue * Kind.allCases.count + kind.rawValue]
    }

    /// Adds an operation that began at `start` (``Timeline/now()``) and has just ended.
    package func record(
        _ kind: Kind, in phase: Phase, from start: UInt64, operations: Double, weightBytes: Double = 0
    ) {
        let index = phase.rawValue * Kind.allCases.count + kind.rawValue
        totals[index].seconds += Double(Timeline.now() - start) / 1e9
        totals[index].operations += operations
        totals[index].weightBytes += weightBytes
    }
}
