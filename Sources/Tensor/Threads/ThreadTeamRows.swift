extension ThreadTeam {
    /// Calls `body` on all threads for ranges of at most `size` rows that together are 0..<count.
    package func rows(_ count: Int, by size: Int = 32, _ body: @Sendable (Range<Int>) -> Void) {
        run((count + size - 1) / size) { task, _ in body(task * size..<min(count, (task + 1) * size)) }
    }
}
