/// How a product is cut into the tasks of a team.
extension Linear {
    /// What one thread multiplies at a time.
    struct Part: Sendable {
        let rows: Range<Int>
        let outputs: Range<Int>
    }

    /// Cuts a product so that all threads get equally much: by outputs, whose weights are then read once; a product with
    /// too few of them for the team also by rows.
    ///
    /// - Parameter panels: how many rows are multiplied; nil for few.
    func tasks(
        _ weight: WeightMatrix, rows: Int, _ panels: (any PanelProducts)?, _ context: ProductContext
    ) -> [Part] {
        guard rows > 0, weight.outputs > 0 else { return [] }
        guard let panels else { return fewRowsTasks(weight, rows: rows, context) }
        let group = panels.outputGroup
        let groups = (weight.outputs + group - 1) / group
        let maximumGroups = max(1, panels.maximumOutputs / group)
        let minimumPieces = (groups + maximumGroups - 1) / maximumGroups
        let pieces = min(groups, (minimumPieces + team.count - 1) / team.count * team.count)
        let rowParts = rowParts(rows, pieces: pieces, weight, panels)
        return (0..<pieces).flatMap { piece in
            let outputs = groups * piece / pieces * group..<min(weight.outputs, groups * (piece + 1) / pieces * group)
            return rowParts.map { Part(rows: $0, outputs: outputs) }
        }
    }

    /// Cuts rows into those of tasks, where all outputs are cut into `pieces`.
    private func rowParts(
        _ rows: Int, pieces: Int, _ weight: WeightMatrix, _ panels: any PanelProducts
    ) -> [Range<Int>] {
        let maximum = panels.maximumRows(inputs: weight.inputs, of: weight.element)
        let count = max(
            rows <= 128 ? 1 : min(rows / 64, (2 * team.count - 1) / pieces + 1), (rows + maximum - 1) / maximum)
        let group = panels.rowGroup
        let groups = (rows + group - 1) / group
        return (0..<min(count, groups)).map {
            groups * $0 / min(count, groups) * group..<min(rows, groups * ($0 + 1) / min(count, groups) * group)
        }
    }

    private func fewRowsTasks(_ weight: WeightMatrix, rows: Int, _ context: ProductContext) -> [Part] {
        let group = 16
        let groups = (weight.outputs + group - 1) / group
        let groupBytes = group * max(1, weight.inputs) * weight.element.size
        // With several groups of rows a task's weights are read again, from its cache.
        let hasGroups = context.isBatchInvariant ? rows > ArrangedRows.groupRows : rows > Kernels.fewRows
        let shares =
            hasGroups
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
