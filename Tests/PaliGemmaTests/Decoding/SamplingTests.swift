import DecodingSettings
import Foundation
import PaliGemma
import TestSupport
import Testing

@Suite("Tokens are sampled from the distribution that the options leave")
struct SamplingTests {
    /// The known answers of the authors' library.
    @Test("Philox returns its published numbers")
    func philox() {
        #expect(Philox(seed: 0).block(.zero) == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        #expect(
            Philox(seed: .max).block(SIMD4(repeating: .max))
                == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        #expect(
            Philox(seed: 0x299f_31d0_a409_3822).block(SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344))
                == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }

    /// Returns logits of which two are equal.
    private static func logits(_ count: Int, seed: UInt64) -> [Float] {
        var random = SeededGenerator(seed: seed)
        var logits = (0..<count).map { _ in Float.random(in: -4...4, using: &random) }
        if count > 6 { logits[5] = logits[2] }
        return logits
    }

    /// Returns the probability of each token after temperature, top-k and top-p, by sorting.
    private static func distribution(_ logits: [Float], _ settings: Sampling) -> [Double] {
        let weights = logits.map { exp(Double($0) / settings.temperature) }
        let order = logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }
        var kept = order
        if settings.topK > 0, settings.topK < order.count {
            let last = logits[order[settings.topK - 1]]
            kept = order.filter { logits[$0] >= last }
        }
        let mass = kept.reduce(0) { $0 + weights[$1] }
        var (passed, count) = (0.0, 0)
        while count == 0 || count < kept.count && passed < settings.topP * mass {
            passed += weights[kept[count]]
            count += 1
        }
        kept = Array(kept.prefix(settings.topP < 1 ? count : kept.count))
        let total = kept.reduce(0) { $0 + weights[$1] }
        return logits.indices.map { kept.contains($0) ? weights[$0] / total : 0 }
    }

    private static let settings = [
        Sampling(), Sampling(temperature: 0.3), Sampling(temperature: 3), Sampling(topK: 1), Sampling(topK: 4),
        Sampling(temperature: 2, topK: 7, topP: 0.8), Sampling(topP: 0.6), Sampling(topP: 1e-6),
        Sampling(temperature: 1.5, topP: 0.99), Sampling(topK: 1000),
    ]

    private static func sampler(_ logits: [Float], _ settings: Sampling, uniform: Double) -> Sampler {
        let maximum = logits.max() ?? 0
        let total = logits.reduce(0.0) { $0 + exp(Double($1 - maximum) / settings.temperature) }
        return Sampler(settings: settings, uniform: uniform, maximum: maximum, total: total)
    }

    private static func sorted(_ logits: [Float]) -> [TokenLogit] {
        logits.enumerated().map { TokenLogit(token: Int32($0), logit: $1) }.sorted(by: TokenLogit.comesFirst)
    }

    @Test(
        "A sample is the token at which the cumulative distribution, in the order of ids, passes the random number",
        arguments: settings, 1...5 as ClosedRange<UInt64>)
    func places(settings: Sampling, seed: UInt64) {
        let logits = Self.logits(12, seed: seed)
        let expected = Self.distribution(logits, settings)
        for step in 0..<400 {
            let uniform = (Double(step) + 0.5) / 400
            var (token, passed) = (0, expected[0])
            while passed <= uniform, token < 11 {
                token += 1
                passed += expected[token]
            }
            if abs(passed - uniform) < 1e-9 || abs(passed - expected[token] - uniform) < 1e-9 { continue }
            let sampled = Self.sampler(logits, settings, uniform: uniform).sample(Self.sorted(logits), bound: nil)
            #expect(sampled == TokenLogit(token: Int32(token), logit: logits[token]))
        }
    }

    @Test("Samples over seeds and steps have the frequencies of the distribution", arguments: settings)
    func frequencies(settings: Sampling) throws {
        let logits = Self.logits(12, seed: 9)
        let (expected, sorted) = (Self.distribution(logits, settings), Self.sorted(logits))
        var counts = Array(repeating: 0.0, count: 12)
        let samples = 40_000
        for index in 0..<samples {
            let uniform = Philox(seed: UInt64(index / 100) &* 0x9e37_79b9_7f4a_7c15).uniform(step: index % 100)
            let token = try #require(Self.sampler(logits, settings, uniform: uniform).sample(sorted, bound: nil))
            counts[Int(token.token)] += 1
        }
        // Chi squared with at most 11 degrees of freedom: above 45 once in a hundred thousand.
        var chiSquared = 0.0
        for (count, probability) in zip(counts, expected) {
            if probability == 0 {
                #expect(count == 0)
            } else {
                chiSquared += pow(count - Double(samples) * probability, 2) / (Double(samples) * probability)
            }
        }
        #expect(chiSquared < 45)
    }

    @Test("A sample from the largest logits alone equals that from all, or asks for more logits", arguments: settings)
    func partial(settings: Sampling) {
        var answered = 0
        for seed in 1...40 as ClosedRange<UInt64> {
            let logits = Self.logits(30, seed: seed)
            let sorted = Self.sorted(logits)
            for count in [3, 8, 20] {
                let sampler = Self.sampler(logits, settings, uniform: Philox(seed: seed).uniform(step: count))
                let some = sampler.sample(Array(sorted.prefix(count)), bound: sorted[count - 1].logit)
                if let some {
                    answered += 1
                    #expect(some == sampler.sample(sorted, bound: nil))
                }
            }
        }
        if settings.topP < 0.9 || (1...4).contains(settings.topK) { #expect(answered > 0) }
    }

    @Test("Sampling from unsorted logits gives the same token as from sorted ones", arguments: settings)
    func unsorted(settings: Sampling) {
        for seed in 1...60 as ClosedRange<UInt64> {
            var logits = Self.logits(Int(seed) * 7 % 90 + 1, seed: seed)
            // Many equal ones.
            if seed % 3 == 0 { logits = logits.map { $0.rounded() } }
            let sampler = Self.sampler(logits, settings, uniform: Philox(seed: seed).uniform(step: 1))
            let expected = sampler.sample(Self.sorted(logits), bound: nil)
            #expect(logits.withUnsafeBufferPointer { sampler.sample($0) } == expected, "\(seed)")
        }
    }

    @Test("The largest logits of a row come first, and of equal ones the lower id")
    func best() {
        for (count, seed) in [(1, 1), (5, 2), (64, 3), (300, 4), (400, 5)] as [(Int, UInt64)] {
            var random = SeededGenerator(seed: seed)
            let logits = (0..<300).map { _ in Float(Int.random(in: -40...40, using: &random)) }
            let expected = Self.sorted(logits).prefix(count).map { TokenLogit(token: $0.token + 7, logit: $0.logit) }
            #expect(BestLogits.of(logits, columns: 300, firstToken: 7, count: count) == Array(expected))
        }
        #expect(BestLogits.of([], columns: 0, firstToken: 0, count: 3).isEmpty)
    }

    @Test("An n-gram that is repeated at the end of an answer is a repetition")
    func repetition() {
        let twice = Repetition(longest: 3, times: 2)
        #expect(twice.isEnd(of: [5, 5]) && twice.isEnd(of: [9, 1, 2, 1, 2]) && twice.isEnd(of: [1, 2, 3, 1, 2, 3]))
        #expect(!twice.isEnd(of: [5]) && !twice.isEnd(of: [1, 2, 1]) && !twice.isEnd(of: [1, 2, 3, 4, 1, 2, 3, 4]))
        let thrice = Repetition(longest: 2, times: 3)
        #expect(
            thrice.isEnd(of: [1, 2, 1, 2, 1, 2]) && !thrice.isEnd(of: [1, 2, 1, 2, 1, 3]) && !thrice.isEnd(of: []))
    }
}
