import Base
import Foundation
import Tensor

/// The keys of `adapter_config.json` as PEFT writes it for LoRA: those that scale the additions, and those for variants
/// that are not implemented, which are refused.
struct AdapterConfiguration: Decodable {
    private var peftType: String?
    private var r: Int?
    private var loraAlpha: Double?
    private var useRslora: Bool?
    private var rankPattern: [String: Int]?
    private var alphaPattern: [String: Double]?

    // Not implemented; refused unless empty.
    private var useDora: Bool?
    private var useQalora: Bool?
    private var useBdlora: Presence?
    private var bias: String?
    private var loraBias: Bool?
    private var fanInFanOut: Bool?
    private var modulesToSave: Presence?
    private var layerReplication: Presence?
    private var trainableTokenIndices: Presence?
    private var targetParameters: Presence?
    private var aloraInvocationTokens: Presence?
    private var arrowConfig: Presence?
    private var kasaConfig: Presence?
    private var initLoraWeights: Initialization?

    /// A key of which only matters whether its value is empty: null, false or an empty list.
    private struct Presence: Decodable {
        let isEmpty: Bool

        init(from decoder: any Decoder) throws {
            if let list = try? decoder.unkeyedContainer() {
                isEmpty = list.count == 0
            } else if let value = try? decoder.singleValueContainer().decode(Bool.self) {
                isEmpty = !value
            } else {
                isEmpty = false
            }
        }
    }

    /// true, false, or the name of an initialization.
    private struct Initialization: Decodable {
        let name: String?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            name = (try? container.decode(Bool.self)) == nil ? try container.decode(String.self) : nil
        }
    }

    /// Reads the file of an adapter's directory.
    ///
    /// - Throws: ``ModelError`` with the code `adapter` where the file is missing or malformed, or asks for something that is not implemented.
    init(directory: String) throws(ModelError) {
        let path = directory + "/adapter_config.json"
        guard let data = FileSystem.data(of: path) else {
            throw ModelError(.adapter, at: path, "cannot be read; is this an adapter's directory as PEFT saves it?")
        }
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            self = try decoder.decode(Self.self, from: data)
        } catch let error as DecodingError {
            throw ModelError(.adapter, at: path, error.inOneLine)
        } catch {
            throw ModelError(.adapter, at: path, "is not valid JSON")
        }
        if let problem { throw ModelError(.adapter, at: path, problem) }
    }

    /// The initializations that do not change the base weights.
    private static let plainInitializations = ["gaussian", "eva", "orthogonal", "lora_ga"]

    private var problem: String? {
        guard peftType == "LORA" else { return "peft_type is \(peftType ?? "missing"); only LORA is implemented" }
        if useDora == true {
            return "use_dora: DoRA also scales the base weights; merge the adapter into the model (merge_and_unload)"
        }
        let refused: [(String, Bool)] = [
            ("use_qalora", useQalora == true), ("lora_bias", loraBias == true), ("fan_in_fan_out", fanInFanOut == true),
            ("use_bdlora", useBdlora?.isEmpty == false), ("modules_to_save", modulesToSave?.isEmpty == false),
            ("layer_replication", layerReplication?.isEmpty == false),
            ("trainable_token_indices", trainableTokenIndices?.isEmpty == false),
            ("target_parameters", targetParameters?.isEmpty == false),
            ("alora_invocation_tokens", aloraInvocationTokens?.isEmpty == false),
            ("arrow_config", arrowConfig?.isEmpty == false), ("kasa_config", kasaConfig?.isEmpty == false),
        ]
        if let (key, _) = refused.first(where: \.1) {
            return "\(key) is not implemented; merge the adapter into the model (merge_and_unload)"
        }
        if let bias, bias != "none" { return "bias is \(bias); only none is implemented" }
        if let name = initLoraWeights?.name, !Self.plainInitializations.contains(name) {
            return "init_lora_weights is \(name), which changes the base weights; save the adapter as plain LoRA "
                + "(path_initial_model_for_weight_conversion)"
        }
        return nil
    }

    /// Returns the rank of a module and the factor of its addition: alpha / rank, or with rsLoRA alpha / √rank.
    ///
    /// - Parameter module: its path in the model that was trained.
    /// - Throws: ``AdapterProblem`` where a pattern is invalid or ambiguous, or the rank is below 1.
    func scale(of module: String) throws(AdapterProblem) -> (rank: Int, scale: Float) {
        let rank = try Self.value(of: module, in: rankPattern, "rank_pattern") ?? r ?? 8
        let alpha = try Self.value(of: module, in: alphaPattern, "alpha_pattern") ?? loraAlpha ?? 8
        guard rank >= 1 else { throw AdapterProblem("its rank is \(rank); it must be 1 or more") }
        return (rank, Float(alpha / (useRslora == true ? Double(rank).squareRoot() : Double(rank))))
    }

    /// Returns the value of the pattern (a regular expression) that matches the end of a module's path.
    private static func value<Value: Equatable>(
        of module: String, in patterns: [String: Value]?, _ key: String
    ) throws(AdapterProblem) -> Value? {
        var found: Value?
        for (pattern, value) in patterns ?? [:] {
            guard let expression = try? Regex("(.*\\.)?(\(pattern))") else {
                throw AdapterProblem("\(key) holds \(pattern), which is no regular expression")
            }
            guard (try? expression.wholeMatch(in: module)) != nil else { continue }
            // PEFT takes the first match in the file's order, which a decoded object does not keep.
            if let found, found != value { throw AdapterProblem("\(key) has several values for \(module)") }
            found = value
        }
        return found
    }
}

/// What is wrong with an adapter, without the file's name.
struct AdapterProblem: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}
