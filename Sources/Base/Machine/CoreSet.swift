import Foundation

/// A set of cores of the machine, by the numbers that the kernel gives them.
package struct CoreSet: Sendable, Equatable {
    /// Bit c of word w stands for core 64 w + c. The last word is not zero.
    package private(set) var words: [UInt64]

    /// The highest number of a core plus one that is taken from a list; more than any kernel is built for.
    private static let maximum = 1 << 16

    package init(words: [UInt64] = []) {
        self.words = words
        trim()
    }

    package init(_ cores: some Sequence<Int>) {
        words = []
        for core in cores where core >= 0 && core < Self.maximum {
            while words.count <= core / 64 { words.append(0) }
            words[core / 64] |= 1 << UInt64(core % 64)
        }
    }

    /// Reads a list as the kernel writes it: "0-3,8,10-11". Returns nil where the text is none.
    package init?(list: String) {
        var cores: [Range<Int>] = []
        for part in list.trimmingCharacters(in: .whitespacesAndNewlines).split(separator: ",") {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first >= 0,
                first <= last, last < Self.maximum
            else { return nil }
            cores.append(first..<last + 1)
        }
        self.init(cores.joined())
    }

    /// Returns the first words, filled up with zeros, for a message of a fixed length.
    package func words(count: Int) -> [UInt64] { (0..<count).map(word) }

    package var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
    package var isEmpty: Bool { words.isEmpty }

    package func intersection(_ other: CoreSet) -> CoreSet {
        CoreSet(words: zip(words, other.words).map { $0 & $1 })
    }

    package func union(_ other: CoreSet) -> CoreSet {
        let length = max(words.count, other.words.count)
        return CoreSet(words: (0..<length).map { word($0) | other.word($0) })
    }

    private func word(_ index: Int) -> UInt64 { index < words.count ? words[index] : 0 }

    private mutating func trim() {
        while words.last == 0 { words.removeLast() }
    }
}
