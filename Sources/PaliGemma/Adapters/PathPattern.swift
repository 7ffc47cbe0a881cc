/// A regular expression of an adapter's `rank_pattern` or `alpha_pattern`, as PEFT matches it with a module's path: all of
/// the path, or all behind one of its dots.
///
/// It is matched by following all ways through the expression at once (Thompson's construction), so that the time is at
/// most the product of the lengths of expression and path, whatever the expression is. Python's syntax is understood but
/// for look-around, references to groups and flags, which are refused.
package struct PathPattern {
    /// What is wrong with an expression.
    package struct SyntaxError: Error {
        package let reason: String
    }

    private let program: [PathPatternCompiler.Instruction]

    /// - Throws: ``SyntaxError`` for an expression that is malformed, too long or not implemented.
    package init(_ expression: String) throws(SyntaxError) {
        var compiler = PathPatternCompiler(expression)
        program = try compiler.compile()
    }

    /// Returns whether the expression matches the end of a path that begins at its start or behind a dot.
    package func matches(_ path: String) -> Bool {
        let text = Array(path.unicodeScalars)
        var current = States(count: program.count)
        var next = States(count: program.count)
        for place in 0...text.count {
            if place == 0 || text[place - 1] == "." { add(0, to: &current, place, text) }
            if place == text.count { return current.list.contains { program[$0] == .match } }
            next.removeAll()
            for state in current.list {
                guard case .one(let set) = program[state], set.contains(text[place]) else { continue }
                add(state + 1, to: &next, place + 1, text)
            }
            swap(&current, &next)
        }
        return false
    }

    /// Adds a state and all that are reached from it without a character.
    private func add(_ start: Int, to states: inout States, _ place: Int, _ text: [Unicode.Scalar]) {
        var pending = [start]
        while let state = pending.popLast() {
            guard states.insert(state) else { continue }
            switch program[state] {
            case .jump(let target): pending.append(target)
            case .split(let first, let second): pending += [second, first]
            case .check(let assertion):
                if assertion.holds(at: place, in: text) { pending.append(state + 1) }
            case .one, .match: break
            }
        }
    }

    /// A set of states with the order in which they were added.
    private struct States {
        private(set) var list: [Int] = []
        private var isIn: [Bool]

        init(count: Int) { isIn = Array(repeating: false, count: count) }

        /// Returns false where the state is there already.
        mutating func insert(_ state: Int) -> Bool {
            guard !isIn[state] else { return false }
            isIn[state] = true
            list.append(state)
            return true
        }

        mutating func removeAll() {
            for state in list { isIn[state] = false }
            list.removeAll(keepingCapacity: true)
        }
    }
}
