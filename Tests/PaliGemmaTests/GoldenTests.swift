import Foundation
import PaliGemma
import ShardPlan
import Tensor
import TestSupport
import Testing

@Suite("The forward pass equals the reference")
struct GoldenTests {
    /// Relative to the largest number of a tensor. float32 sums in another order differ by 1e-6 to 1e-5 here: the
    /// checkpoints have wide weights, so that every part of the network matters.
    static let tolerance: Float = 3e-5

    @Test(
        "With every set of kernels the vision tower equals the reference after every layer", arguments: Goldens.cases,
        Kernels.setNames)
    func vision(name: String, kernels: String) throws {
        let goldens = try Goldens(name)
        let tower = VisionTower(
            weights: goldens.weights, configuration: goldens.configuration, team: ThreadTeam(count: 2),
            kernels: try #require(Kernels.set(named: kernels)))
        var seen: [String: Float] = [:]
        var stages = 0
        let pictures = try goldens.pictures
        var rows = 0
        let features = try goldens.floats("features")
        let width = goldens.configuration.vision.width
        func compare(_ layer: Int, _ x: MatrixView) {
            #expect(layer == stages)
            stages += 1
            guard layer < goldens.configuration.vision.layers else { return }  // features follow the last layer
            seen["vision.\(layer)"] = (try? x.distance(to: goldens.floats("vision.\(layer)"))) ?? .infinity
        }
        tower.encode(pictures, afterLayer: compare) { range, view in
            #expect(range.lowerBound == rows)
            rows = range.upperBound
            let expected = Array(features[range.lowerBound * width..<range.upperBound * width])
            #expect(view.distance(to: expected) < Self.tolerance)
        }
        #expect(rows == pictures.count * goldens.configuration.vision.tokens)
        #expect(seen.count == goldens.configuration.vision.layers && stages == seen.count + 1)
        for (layer, distance) in seen { #expect(distance < Self.tolerance, "\(layer)") }
    }

    @Test(
        "With every set of kernels Gemma's layers, logits, tokens and log-probabilities equal the reference's",
        arguments: Goldens.cases, Kernels.setNames)
    func gemma(name: String, kernels: String) throws {
        let goldens = try Goldens(name)
        let text = goldens.configuration.text
        var distances: [String: Float] = [:]
        var steps = 0
        let logits = try goldens.logits
        let gemma = Gemma(
            weights: goldens.weights, configuration: goldens.configuration, slice: TextSlice(whole: text),
            group: SingleRank(), team: ThreadTeam(count: 2), kernels: try #require(Kernels.set(named: kernels))
        ) { activation, view in
            switch activation {
            case .logits:
                let expected = Array(logits[steps * text.vocabulary..<(steps + 1) * text.vocabulary])
                distances["logits \(steps)"] = view.distance(to: expected)
                steps += 1
            case .residualStream(let layer):
                var expected = (try? goldens.floats("text.\(layer)")) ?? []
                if view.rows == 1 { expected = Array(expected.suffix(text.width)) }
                distances["layer \(layer)"] = view.distance(to: expected)
            }
        }
        let answer = try prefillAndDecode(gemma, goldens, steps: 8)
        #expect((0...text.layers).allSatisfy { distances["layer \($0)"] != nil } && steps > 0)
        for (stage, distance) in distances { #expect(distance < Self.tolerance, "\(stage)") }

        let expected = try goldens.answer
        let end = Int32(goldens.configuration.endToken)
        #expect(answer.tokens == Array(expected.prefix { $0 != end }))
        #expect(answer.finish == (expected.contains(end) ? .stop : .length))
        for (step, token) in answer.tokens.enumerated() {
            let row = logits[step * text.vocabulary..<(step + 1) * text.vocabulary].map(Double.init)
            #expect(abs(Double(answer.logProbabilities[step]) - logSoftmax(row, Int(token))) < 1e-4)
        }
    }

    @Test(
        "Weights as fine-tuning programs save them answer alike: float32 in several files, other names, buffers, the head",
        arguments: ["odd", "edge"], ["memory", "old", "head alone", "both", "larger"])
    func fineTuned(name: String, layout: String) throws {
        var editor = try CheckpointEditor(name)
        editor.widen()
        func add(_ name: String, _ type: String, _ bytes: Int) {
            editor.tensors.append(.init(name: name, type: type, shape: [bytes / 8], data: Data(count: bytes)))
        }
        let embedding = try #require(editor.tensors.firstIndex { $0.name.hasSuffix("embed_tokens.weight") })
        switch layout {
        case "memory":
            editor.rename { name in
                name.hasPrefix("language_model.model.")
                    ? "model.language_model." + name.dropFirst("language_model.model.".count) : "model." + name
            }
        case "old":
            editor.rename { $0.replacingOccurrences(of: "vision_tower.", with: "vision_tower.vision_model.") }
            add("vision_tower.vision_model.embeddings.position_ids", "I64", 200)
            editor.tensors.append(
                .init(
                    name: "language_model.model.layers.0.self_attn.rotary_emb.inv_freq", type: "F32", shape: [4],
                    data: Data(count: 16)))
        case "head alone": editor.tensors[embedding].name = "lm_head.weight"
        case "both":
            var head = editor.tensors[embedding]
            head.name = "language_model.lm_head.weight"
            editor.tensors.append(head)
        default:
            editor.rename { "paligemma_with_expert.paligemma.model." + $0 }
            add("action_in_proj.weight", "F32", 0)
        }
        try editor.write(files: 3)
        let goldens = try Goldens(name, stored: editor.directory)
        let gemma = Gemma(
            weights: goldens.weights, configuration: goldens.configuration,
            slice: TextSlice(whole: goldens.configuration.text), group: SingleRank(), team: ThreadTeam(count: 2))
        let answer = try prefillAndDecode(gemma, goldens, steps: 8)
        let end = Int32(goldens.configuration.endToken)
        #expect(try answer.tokens == goldens.answer.prefix { $0 != end })
    }

    /// Blocks of 5 rows make a prefill of many blocks, whose buffers are used again while transfers are under way;
    /// blocks of 1024 make one.
    @Test(
        "Any number of ranks and row blocks gives the same tokens and log-probabilities as one, by rows and by columns",
        arguments: Goldens.cases,
        [(1, 5), (2, 5), (2, 1024), (3, 5), (3, 40), (3, 1024), (4, 5), (5, 7), (6, 3), (7, 1024), (8, 5)])
    func ranks(name: String, world: (count: Int, blockRows: Int)) throws {
        let one = try answers(name, ranks: 1, PrefillCut(blockRows: 1024))[0]
        for split in PrefillCut.Split.allCases {
            let cut = PrefillCut(split: split, blockRows: world.blockRows, minimumRows: 1)
            for other in try answers(name, ranks: world.count, cut) {
                #expect(other.tokens == one.tokens)
                #expect(zip(other.logProbabilities, one.logProbabilities).allSatisfy { abs($0 - $1) < 1e-4 })
            }
        }
    }

    @Test(
        "With every set of kernels any number of ranks gives the same tokens and log-probabilities as one",
        arguments: Kernels.setNames, [2, 3, 5])
    func ranks(kernels: String, count: Int) throws {
        let kernels = try #require(Kernels.set(named: kernels))
        for name in ["odd", "second"] {
            let one = try answers(name, ranks: 1, PrefillCut(blockRows: 1024), kernels: kernels)[0]
            for split in PrefillCut.Split.allCases {
                let cut = PrefillCut(split: split, blockRows: 40, minimumRows: 1)
                for other in try answers(name, ranks: count, cut, kernels: kernels) {
                    #expect(other.tokens == one.tokens)
                    #expect(zip(other.logProbabilities, one.logProbabilities).allSatisfy { abs($0 - $1) < 1e-4 })
                }
            }
        }
    }

    /// The checkpoints are made of wide random weights, where roundings grow: how near the answers stay to the exact
    /// ones is measured on real ones. Here all ranks must have the same bits, whatever they are.
    @Test(
        "Ranks whose link rounds to bfloat16 agree with each other to the bit", arguments: Goldens.cases, [2, 3, 5])
    func roundedLink(name: String, ranks: Int) throws {
        for split in PrefillCut.Split.allCases {
            let cut = PrefillCut(split: split, blockRows: 7, minimumRows: 1)
            let all = try answers(name, ranks: ranks, cut, link: .bfloat16)
            #expect(all[0].tokens.count == 8 || all[0].finish == .stop)
            #expect(all.dropFirst().allSatisfy { $0 == all[0] })
        }
    }

    private struct Answer: Sendable, Equatable {
        let tokens: [Int32]
        let logProbabilities: [Float]
        let finish: PaliGemma.Sequence.Finish?

        init(_ sequence: PaliGemma.Sequence) {
            tokens = sequence.tokens
            logProbabilities = sequence.logProbabilities
            finish = sequence.finish
        }
    }

    private func answers(
        _ name: String, ranks: Int, _ cut: PrefillCut, link: LinkFormat = .float32, kernels: Kernels = .current
    ) throws -> [Answer] {
        try InProcessGroup.run(ranks: ranks, link: link) { group in
            let goldens = try Goldens(name)
            // One vision rank before the Gemma ranks, as in a world.
            let plan = try ShardPlan(ranks: ranks + 1, configuration: goldens.configuration, visionRanks: 1)
            let gemma = Gemma(
                weights: goldens.weights, configuration: goldens.configuration, slice: plan.slices[group.rank],
                group: group, team: ThreadTeam(count: 1), kernels: kernels, cut: cut)
            return Answer(try prefillAndDecode(gemma, goldens, steps: 8))
        }
    }
}

/// Encodes the goldens' pictures, prefills its prompt and decodes.
private func prefillAndDecode(_ gemma: Gemma, _ goldens: Goldens, steps: Int) throws -> Sequence {
    let prompt = try goldens.prompt()
    let sequence = Sequence(
        id: 1, textTokens: prompt.textTokens, pictures: prompt.pictures,
        tokensPerPicture: goldens.configuration.vision.tokens, maxTokens: steps)
    let rows = prompt.pictures * goldens.configuration.vision.tokens
    let features = Matrix(rows: rows, columns: goldens.configuration.vision.width)
    for (index, value) in try goldens.floats("features").enumerated() {
        features.view.row(index / features.view.columns)[index % features.view.columns] = value
    }
    try gemma.prefill(
        [sequence], features: ReadyFeatures(all: features.view, tokensPerPicture: goldens.configuration.vision.tokens))
    try gemma.decode([sequence], steps: steps)
    return sequence
}

private func logSoftmax(_ row: [Double], _ index: Int) -> Double {
    let largest = row.max() ?? 0
    return row[index] - largest - log(row.reduce(0) { $0 + exp($1 - largest) })
}
