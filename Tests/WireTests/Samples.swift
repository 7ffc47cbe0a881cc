import DecodingSettings
import Wire

/// One message of every kind, with every field set, and the corners of the fields.
enum Samples {
    static let place = Features.Place(batchID: 7, pictureID: .max, firstRow: 256, rows: 3, width: 4)
    static let features = Features(place: place, data: (0..<48).map { UInt8($0) })

    static let rules: LogitRules = {
        var rules = LogitRules()
        rules.biases = [.init(tokens: [1, .max], bias: -2.5), .init(tokens: [7], bias: 1)]
        rules.repetitionPenalty = 1.3
        rules.noRepeatNgram = 3
        rules.badWords = [[5], [6, 7]]
        rules.minimumLength = 300
        rules.minimumNewTokens = 4
        rules.forcedEnd = [1, 107]
        rules.removesInvalid = true
        rules.decay = .init(start: 2, factor: 1.5)
        rules.suppressed = [9]
        rules.suppressedFirst = [10, 11]
        rules.renormalizes = true
        return rules
    }()

    static let all: [AnyMessage] = [
        .hello(
            Hello(
                build: "1.0 (abc)", fingerprint: "f00d", worldSize: 4, rank: 3, host: "ähost", processID: 4711,
                ranksExpected: 4, link: "bf16")),
        .welcome(Welcome(accepted: true)),
        .welcome(Welcome(accepted: false, reason: "rank 2 on host b has another model", exitCode: 4)),
        .order(
            Order(
                sequenceNumber: .max, kind: .prefill, batchID: 9,
                sequences: [
                    Order.NewSequence(
                        id: 1, pictureIDs: [5, .max], textTokens: [2, 108, -1, .max, .min], maxTokens: 32),
                    Order.NewSequence(id: 2, pictureIDs: [], textTokens: [], maxTokens: 0),
                    Order.NewSequence(
                        id: 3, pictureIDs: [6], textTokens: [2], maxTokens: 1,
                        decoding: Decoding(
                            method: .sampling(Sampling(temperature: 0.1, topK: 50, topP: 0.9, minP: 0.05, seed: .max)),
                            topLogProbabilities: 20, repetition: Repetition(longest: 4, times: 3)),
                        adapter: 0),
                    Order.NewSequence(
                        id: 4, pictureIDs: [7], textTokens: [2], maxTokens: 1,
                        decoding: Decoding(
                            method: .beams(
                                BeamSettings(count: 16, lengthPenalty: -0.5, earlyStopping: .never, returned: 2))),
                        adapter: 7),
                    Order.NewSequence(
                        id: 5, pictureIDs: [7], textTokens: [2], maxTokens: 1,
                        decoding: Decoding(method: .choices([[1, .max], [], [257_215]]))),
                    Order.NewSequence(
                        id: 10, pictureIDs: [1], textTokens: [2, 108], maxTokens: 5, decoding: Decoding(rules: rules)),
                ])),
        .order(Order(sequenceNumber: 1, kind: .decode, steps: 8, sequenceIDs: [1, 2, .max])),
        .order(Order(sequenceNumber: 2, kind: .stop)),
        .pixelBatch(
            PixelBatch(
                batchID: 3, side: 2,
                pictures: [
                    PixelBatch.Picture(id: 1, rgb: (0..<12).map { UInt8($0) }),
                    PixelBatch.Picture(id: 2, rgb: [UInt8](repeating: 255, count: 12), adapter: 3),
                ], routes: [PixelBatch.Route(pictureID: 1, firstRow: 0, rowCount: 4, destinationRank: 2)],
                isBatchInvariant: true)),
        .pixelBatch(PixelBatch(batchID: 3, side: 14, pictures: [])),
        .features(features),
        .features(
            Features(
                place: Features.Place(
                    batchID: 0, pictureID: 0, firstRow: 0, rows: 2, width: 3, encoding: .bfloat16),
                data: [UInt8](repeating: 1, count: 12))),
        .tokens(
            Tokens(
                batchID: 1, orderSequenceNumber: 2,
                results: [
                    Tokens.Result(
                        sequenceID: 1, tokens: [1, 257_215], logprobs: [-0.25, -.leastNonzeroMagnitude],
                        status: .length),
                    Tokens.Result(sequenceID: 2, tokens: [], logprobs: [], status: .stop),
                    Tokens.Result(
                        sequenceID: 3, tokens: [7], logprobs: [-1], status: .repetition, topTokens: [7, 8],
                        topLogprobs: [-1, -1.5],
                        answers: [
                            Tokens.Answer(tokens: [7], logprobs: [-1], score: -0.5, isEnded: true),
                            Tokens.Answer(tokens: [], logprobs: [], score: -.infinity, isEnded: false),
                        ]),
                ])),
        .failure(Failure(rank: 3, exitCode: 70, message: "x.jpg: \"quoted\" – ünïcode")),
        .report(
            Report(
                rank: 2, peakMemoryBytes: 1 << 40,
                counters: [Report.Counter(name: "prefill_seconds", value: 0.1)], timeline: "{\"ph\":\"X\"}")),
        .encoded(Encoded(batchID: 1 << 40, finished: true)),
        .encoded(Encoded(batchID: 1, finished: false)),
    ]
}

extension AnyMessage {
    func encoded() throws(WireError) -> [UInt8] {
        switch self {
        case .hello(let message): try Frame.encode(message)
        case .welcome(let message): try Frame.encode(message)
        case .order(let message): try Frame.encode(message)
        case .pixelBatch(let message): try Frame.encode(message)
        case .features(let message): try Frame.encode(message)
        case .tokens(let message): try Frame.encode(message)
        case .failure(let message): try Frame.encode(message)
        case .report(let message): try Frame.encode(message)
        case .encoded(let message): try Frame.encode(message)
        }
    }
}

/// The error that decoding `frame` throws, or nil.
func decodingError(_ frame: [UInt8]) -> WireError? {
    frame.withUnsafeBytes { bytes in
        do throws(WireError) {
            _ = try Frame.decode(bytes)
            return nil
        } catch {
            return error
        }
    }
}

/// The message of `frame`.
func decoded(_ frame: [UInt8]) throws -> AnyMessage {
    try frame.withUnsafeBytes { try Frame.decode($0) }
}
