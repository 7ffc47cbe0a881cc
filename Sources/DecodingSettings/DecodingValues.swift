/// The values of the decoding options that were given, one property for each entry of ``DecodingOptions/table``.
struct DecodingValues: Sendable, Equatable {
    var beamCount: Int?
    var lengthPenalty: Double?
    var earlyStopping: BeamSettings.EarlyStopping?
    var returned: Int?
    var temperature: Double?
    var topK: Int?
    var topP: Double?
    var seed: Int?
    var stop: [String]?
    var repetition: Repetition?
    var topLogprobs: Int?
    var choices: [String]?
    var adapter: String?
}
