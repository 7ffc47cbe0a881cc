import DecodingSettings

extension Decoding {
    /// Returns the maximum number of positions that a sequence has in the KV cache: the prefix once, and what follows it
    /// once per row, in whole pages and one page for what is being copied.
    package func positions(prefixRows: Int, maxTokens: Int) -> Int {
        let longest = longestAnswer(maxTokens: maxTokens)
        switch method {
        case .greedy, .sampling: return prefixRows + longest
        case .beams, .choices:
            let pages = (longest + SequenceRow.pageRows - 1) / SequenceRow.pageRows + 1
            return prefixRows + rows * pages * SequenceRow.pageRows
        }
    }
}
