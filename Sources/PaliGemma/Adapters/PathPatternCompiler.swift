/// Compiles a regular expression into instructions for ``PathPattern``.
struct PathPatternCompiler {
    /// A condition on a place between characters.
    enum Assertion: Equatable {
        case start, end, wordBoundary, noWordBoundary

        func holds(at place: Int, in text: [Unicode.Scalar]) -> Bool {
            func isWord(_ index: Int) -> Bool {
                text.indices.contains(index) && CharacterSet.word.contains(text[index])
            }
            return switch self {
            case .start: place == 0
            case .end: place == text.count
            case .wordBoundary: isWord(place - 1) != isWord(place)
            case .noWordBoundary: isWord(place - 1) == isWord(place)
            }
        }
    }

    /// A set of characters.
    struct CharacterSet: Equatable {
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        /// Sets that also belong to it, by the letter of their escape, like "W".
        var negatedSets: [[ClosedRange<Unicode.Scalar>]] = []
        var isNegated = false

        static let digit = CharacterSet(ranges: ["0"..."9"])
        static let word = CharacterSet(ranges: ["0"..."9", "A"..."Z", "a"..."z", "_"..."_"])
        static let space = CharacterSet(ranges: ["\t"..."\r", " "..." "])
        /// All but a line feed.
        static let any = CharacterSet(ranges: ["\n"..."\n"], isNegated: true)

        func contains(_ scalar: Unicode.Scalar) -> Bool {
            let isIn =
                ranges.contains { $0.contains(scalar) }
                || negatedSets.contains { set in !set.contains { $0.contains(scalar) } }
            return isIn != isNegated
        }
    }

    enum Instruction: Equatable {
        /// Takes one character of the set.
        case one(CharacterSet)
        case check(Assertion)
        case jump(Int)
        case split(Int, Int)
        case match
    }

    private static let maximumCharacters = 1024
    private static let maximumInstructions = 8192
    private static let maximumDepth = 64

    private let text: [Unicode.Scalar]
    private var place = 0
    private var depth = 0

    init(_ expression: String) { text = Array(expression.unicodeScalars.prefix(Self.maximumCharacters + 1)) }

    /// - Throws: ``PathPattern/SyntaxError``.
    mutating func compile() throws(PathPattern.SyntaxError) -> [Instruction] {
        guard text.count <= Self.maximumCharacters else {
            throw fault("it has more than \(Self.maximumCharacters) characters")
        }
        let program = try alternatives()
        guard place == text.count else { throw fault("a parenthesis is closed that was not opened") }
        // The group that PEFT puts around the expression ends at the end of the path.
        return program + [.check(.end), .match]
    }

    private func fault(_ reason: String) -> PathPattern.SyntaxError { PathPattern.SyntaxError(reason: reason) }

    private func peek() -> Unicode.Scalar? { place < text.count ? text[place] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek() == scalar else { return false }
        place += 1
        return true
    }

    private mutating func alternatives() throws(PathPattern.SyntaxError) -> [Instruction] {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else { throw fault("its groups are nested too deeply") }
        var program = try sequence()
        while take("|") {
            let other = try sequence()
            guard program.count + other.count <= Self.maximumInstructions else { throw fault("it is too large") }
            let head = Instruction.split(1, program.count + 2)
            program =
                [head] + Self.moved(program, by: 1) + [.jump(program.count + 2 + other.count)]
                + Self.moved(other, by: program.count + 2)
        }
        return program
    }

    private mutating func sequence() throws(PathPattern.SyntaxError) -> [Instruction] {
        var program: [Instruction] = []
        while let next = peek(), next != "|", next != ")" {
            let atom = try quantified(try atom())
            guard program.count + atom.count <= Self.maximumInstructions else { throw fault("it is too large") }
            program += Self.moved(atom, by: program.count)
        }
        return program
    }

    private mutating func atom() throws(PathPattern.SyntaxError) -> [Instruction] {
        guard let next = peek() else { return [] }
        place += 1
        switch next {
        case "(": return try group()
        case "[": return [.one(try characterClass())]
        case ".": return [.one(.any)]
        case "^": return [.check(.start)]
        case "$": return [.check(.end)]
        case "\\": return [try escape()]
        case "*", "+", "?": throw fault("'\(next)' repeats nothing")
        default: return [.one(CharacterSet(ranges: [next...next]))]
        }
    }

    private mutating func group() throws(PathPattern.SyntaxError) -> [Instruction] {
        if take("?") {
            if take("P") {
                guard take("<") else { throw fault("only plain groups are implemented") }
                while let next = peek(), next != ">" { place += 1 }
                place += 1
            } else if !take(":") {
                throw fault("look-around and flags are not implemented")
            }
        }
        let program = try alternatives()
        guard take(")") else { throw fault("a parenthesis is not closed") }
        return program
    }

    private mutating func escape() throws(PathPattern.SyntaxError) -> Instruction {
        guard let next = peek() else { throw fault("it ends with a backslash") }
        switch next {
        case "b", "B":
            place += 1
            return .check(next == "b" ? .wordBoundary : .noWordBoundary)
        case "A", "Z":
            place += 1
            return .check(next == "A" ? .start : .end)
        case "0"..."9": throw fault("references to groups are not implemented")
        default: return .one(try escapedSet())
        }
    }

    /// Reads what stands behind a backslash, in a class or outside.
    private mutating func escapedSet() throws(PathPattern.SyntaxError) -> CharacterSet {
        guard let next = peek() else { throw fault("it ends with a backslash") }
        place += 1
        let classes: [Unicode.Scalar: CharacterSet] = ["d": .digit, "w": .word, "s": .space]
        if let set = classes[next] { return set }
        if let lower = next.properties.lowercaseMapping.unicodeScalars.first, let set = classes[lower] {
            return CharacterSet(negatedSets: [set.ranges])
        }
        let controls: [Unicode.Scalar: Unicode.Scalar] = ["t": "\t", "n": "\n", "r": "\r", "f": "\u{c}", "v": "\u{b}"]
        if let control = controls[next] { return CharacterSet(ranges: [control...control]) }
        guard !CharacterSet.word.contains(next) else { throw fault("'\\\(next)' is not implemented") }
        return CharacterSet(ranges: [next...next])
    }

    private mutating func characterClass() throws(PathPattern.SyntaxError) -> CharacterSet {
        var set = CharacterSet()
        set.isNegated = take("^")
        var isFirst = true
        while let next = peek(), isFirst || next != "]" {
            isFirst = false
            place += 1
            var item = CharacterSet(ranges: [next...next])
            if next == "\\" { item = try escapedSet() }
            if peek() == "-", place + 1 < text.count, text[place + 1] != "]", let lower = item.ranges.first?.lowerBound
            {
                place += 1
                guard let last = peek() else { throw fault("a class is not closed") }
                place += 1
                let upper = last == "\\" ? try escapedSet().ranges.first?.lowerBound ?? last : last
                guard lower <= upper else { throw fault("a range of characters goes backward") }
                item = CharacterSet(ranges: [lower...upper])
            }
            set.ranges += item.ranges
            set.negatedSets += item.negatedSets
        }
        guard take("]") else { throw fault("a class is not closed") }
        return set
    }

    /// Reads the quantifier behind an atom, where there is one. Whether it is lazy does not matter to a match of the whole.
    private mutating func quantified(_ atom: [Instruction]) throws(PathPattern.SyntaxError) -> [Instruction] {
        guard let (minimum, maximum) = try quantifier() else { return atom }
        if take("+") { throw fault("possessive quantifiers are not implemented") }
        _ = take("?")
        let copies = maximum ?? minimum + 1
        guard copies < Self.maximumInstructions, copies * (atom.count + 2) <= Self.maximumInstructions else {
            throw fault("it is too large")
        }
        var program: [Instruction] = []
        for _ in 0..<minimum { program += Self.moved(atom, by: program.count) }
        if let maximum {
            let optional = (minimum..<max(minimum, maximum)).count
            let end = program.count + optional * (atom.count + 1)
            for _ in 0..<optional {
                program.append(.split(program.count + 1, end))
                program += Self.moved(atom, by: program.count)
            }
        } else {
            let start = program.count
            program.append(.split(start + 1, start + atom.count + 2))
            program += Self.moved(atom, by: start + 1) + [.jump(start)]
        }
        return program
    }

    private mutating func quantifier() throws(PathPattern.SyntaxError) -> (minimum: Int, maximum: Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        let start = place
        guard take("{") else { return nil }
        let minimum = number()
        let hasComma = take(",")
        let maximum = hasComma ? number() : minimum
        // As in Python, braces that are no quantifier are characters.
        guard take("}"), minimum != nil || hasComma else {
            place = start
            return nil
        }
        if let minimum, let maximum, minimum > maximum { throw fault("a quantifier's maximum is below its minimum") }
        return (minimum ?? 0, maximum)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let next = peek(), let digit = Int(String(next)) {
            value = min((value ?? 0) * 10 + digit, Self.maximumInstructions)
            place += 1
        }
        return value
    }

    /// Returns instructions for another place in the program.
    private static func moved(_ program: [Instruction], by distance: Int) -> [Instruction] {
        program.map { instruction in
            switch instruction {
            case .jump(let target): .jump(target + distance)
            case .split(let first, let second): .split(first + distance, second + distance)
            case .one, .check, .match: instruction
            }
        }
    }
}
