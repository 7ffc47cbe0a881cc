/// How a product is cut into the tasks of a team.
extension Linear {
    /// What one thread multiplies at a time.
    struct Part: Sendable {
        let rows: Range<Int>
        let outputs: Range<Int>
    }

    /// Cuts a product so that all threads get equally much: by outputs, whose weights are then read once; a product with
    /// too few of them for the team also by rows.
    func tasks(_ weight: WeightMatrix, rows: Int, _ context: ProductContext) -> [Part] {
        guard rows > 0, weight.outputs > 0 else { return [] }
        if rows <= Kernels.fewRows || context.isBatchInvariant { return fewRowsTasks(weight, rows: rows, context) }
        let (group, maximum) = (kernels.tileOutputs, Self.panelOutputs)
        let groups = (weight.outputs + group - 1) / group
        let minimumPieces = (groups + max(1, maximum / group) - 1) / max(1, maximum / group)
        let pieces = min(groups, (minimumPieces + team.count - 1) / team.count * team.count)
        let rowPieces = max(
            rows <= 128 ? 1 : min(rows / 64, (2 * team.count - 1) / pieces + 1),
            (rows + Self.maximumTaskRows - 1) / Self.maximumTaskRows)
        return (0..<pieces).flatMap { piece in
            let outputs = groups * piece / pieces * group..<min(weight.outputs, groups * (piece + 1) / pieces * group)
            return (0..<rowPieces).map {
                Part(rows: rows * $0 / rowPieces..<rows * ($0 + 1) / rowPieces, outputs: outputs)
            }
        }
    }

    private func fewRowsTasks(_ weight: WeightMatrix, rows: Int, _ context: ProductContext) -> [Part] {
        let group = 16
        let groups = (weight.outputs + group - 1) / group
        let groupBytes = group * max(1, weight.inputs) * weight.element.size
        // With several groups of rows a task's weights are read again, from its cache.
        let shares =
            context.isBatchInvariant && rows > ArrangedRows.groupRows
            ? cachedShares(of: groups, bytes: groupBytes) : streamedShares(of: groups, bytes: groupBytes)
        return shares.map {
            let end = min(weight.outputs, $0.upperBound * group)
            return Part(rows: 0..<rows, outputs: $0.lowerBound * group..<end)
        }
    }

    private func cachedShares(of count: Int, bytes: Int) -> [Range<Int>] {
        let share = max(1, Self.streamedBytes / bytes)
        return stride(from: 0, to: count, by: share).map { $0..<min(count, $0 + share) }
    }

    /// Cuts `count` pieces of memory of some bytes each into tasks, every task its share of what is left: long streams are
    /// read faster than short ones, and with short ones at the end the threads finish together.
    func streamedShares(of count: Int, bytes: Int) -> [Range<Int>] {
        let minimum = max(1, Self.streamedBytes / bytes)
        var shares: [Range<Int>] = []
        var first = 0
        while first < count {
            let end = min(count, first + max(minimum, (count - first) / (2 * team.count)))
            shares.append(first..<end)
            first = end
        }
        return shares
    }
}
