/// When an answer that repeats itself ends: an n-gram of up to `longest` tokens stands `times` times in a row at its
/// end.
package struct Repetition: Sendable, Equatable {
    /// The maximum length of the n-gram, in tokens.
    package var longest: Int
    /// At least 2.
    package var times: Int

    package init(longest: Int, times: Int) {
        self.longest = longest
        self.times = times
    }

    /// Returns whether an answer of these tokens ends here.
    package func isEnd(of tokens: [Int32]) -> Bool {
        (1...max(1, longest)).contains { length in
            guard length * times <= tokens.count else { return false }
            let end = tokens.count
            return (end - length * (times - 1)..<end).allSatisfy { tokens[$0] == tokens[$0 - length] }
        }
    }
}
