import Base
import Tensor

/// The keys of `adapter_config.json` as PEFT writes it for LoRA: those that scale the additions, and those for variants
/// that are not implemented, which are refused.
struct AdapterConfiguration {
    private let rank: Int?
    private let alpha: Double?
    /// Whether additions are scaled by alpha / √rank.
    private let isRankStabilized: Bool
    private let ranks: [(pattern: PathPattern, value: Int)]
    private let alphas: [(pattern: PathPattern, value: Double)]

    /// The maximum number of patterns that a file may hold.
    private static let maximumPatterns = 4096

    /// Reads the file of an adapter's directory.
    ///
    /// - Throws: ``ModelError`` with the code `adapter` where the file is missing or malformed, or asks for something that is
    ///   not implemented.
    init(_ directory: ModelDirectory) throws(ModelError) {
        let name = "adapter_config.json"
        guard let json = try directory.json(name, .adapter) else {
            throw ModelError(
                .adapter, at: directory.file(name), "cannot be read; is this an adapter's directory as PEFT saves it?")
        }
        do throws(AdapterProblem) {
            try self.init(json)
        } catch {
            throw ModelError(.adapter, at: directory.file(name), error.reason)
        }
    }

    /// Reads the values of the file.
    ///
    /// - Throws: ``AdapterProblem``.
    init(_ json: JSON) throws(AdapterProblem) {
        guard json.object != nil else { throw AdapterProblem("is no JSON object") }
        if let problem = Self.problem(json) { throw AdapterProblem(problem) }
        rank = try Self.integer(json["r"], "r")
        alpha = try Self.number(json["lora_alpha"], "lora_alpha")
        isRankStabilized = json["use_rslora"]?.bool ?? false
        ranks = try Self.patterns(json["rank_pattern"], "rank_pattern", Self.integer)
        alphas = try Self.patterns(json["alpha_pattern"], "alpha_pattern", Self.number)
    }

    private static func integer(_ value: JSON?, _ key: String) throws(AdapterProblem) -> Int? {
        guard let value, value != .null else { return nil }
        guard let number = value.integer else { throw AdapterProblem("\(key) must be a whole number") }
        return number
    }

    private static func number(_ value: JSON?, _ key: String) throws(AdapterProblem) -> Double? {
        guard let value, value != .null else { return nil }
        guard let number = value.number, number.isFinite else { throw AdapterProblem("\(key) must be a number") }
        return number
    }

    /// Reads an object of values by regular expressions, in the order of the file.
    private static func patterns<Value>(
        _ json: JSON?, _ key: String, _ read: (JSON?, String) throws(AdapterProblem) -> Value?
    ) throws(AdapterProblem) -> [(pattern: PathPattern, value: Value)] {
        guard let json, json != .null else { return [] }
        guard let members = json.object, members.count <= maximumPatterns else {
            throw AdapterProblem("\(key) must be an object of up to \(maximumPatterns) patterns")
        }
        var patterns: [(pattern: PathPattern, value: Value)] = []
        for member in members {
            guard let value = try read(member.value, "\(key) of \(member.key)") else { continue }
            do throws(PathPattern.SyntaxError) {
                patterns.append((try PathPattern(member.key), value))
            } catch {
                throw AdapterProblem(
                    "\(key) holds \(member.key.prefix(100)), which is no regular expression that can be used: "
                        + error.reason)
            }
        }
        return patterns
    }

    /// Returns the rank of a module and the factor of its addition: alpha / rank, or with rsLoRA alpha / √rank.
    ///
    /// - Parameter paths: the module's path in the model that was trained, as the versions of transformers spell it.
    /// - Throws: ``AdapterProblem`` where the rank is below 1, or the factor is not finite.
    func scale(of paths: [String]) throws(AdapterProblem) -> (rank: Int, scale: Float) {
        func first<Value>(_ patterns: [(pattern: PathPattern, value: Value)]) -> Value? {
            patterns.first { entry in paths.contains(where: entry.pattern.matches) }?.value
        }
        let rank = first(ranks) ?? rank ?? 8
        let alpha = first(alphas) ?? alpha ?? 8
        guard rank >= 1 else { throw AdapterProblem("its rank is \(rank); it must be 1 or more") }
        let scale = Float(alpha / (isRankStabilized ? Double(rank).squareRoot() : Double(rank)))
        guard scale.isFinite else { throw AdapterProblem("its lora_alpha \(alpha) is too large") }
        return (rank, scale)
    }
}

// MARK: What is refused

extension AdapterConfiguration {
    /// The initializations that do not change the base weights.
    private static let plainInitializations = ["gaussian", "eva", "orthogonal"]

    /// Keys of variants that are not implemented.
    private static let refusedKeys = [
        "use_qalora", "lora_bias", "fan_in_fan_out", "use_bdlora", "modules_to_save", "layer_replication",
        "trainable_token_indices", "target_parameters", "alora_invocation_tokens", "arrow_config", "kasa_config",
        "monteclora_config",
    ]

    private static func problem(_ json: JSON) -> String? {
        let type = json["peft_type"]?.string
        guard type == "LORA" else { return "peft_type is \(type ?? "missing"); only LORA is implemented" }
        if !isEmpty(json["use_dora"]) {
            return "use_dora: DoRA also scales the base weights; merge the adapter into the model (merge_and_unload)"
        }
        if let key = refusedKeys.first(where: { !isEmpty(json[$0]) }) {
            return "\(key) is not implemented; merge the adapter into the model (merge_and_unload)"
        }
        if let bias = json["bias"]?.string, bias != "none" { return "bias is \(bias); only none is implemented" }
        if let name = json["init_lora_weights"]?.string, !plainInitializations.contains(name) {
            return "init_lora_weights is \(name), which changes the base weights; save the adapter as plain LoRA "
                + "(path_initial_model_for_weight_conversion)"
        }
        return nil
    }

    /// Whether a value is null, false, or an empty list or object.
    private static func isEmpty(_ value: JSON?) -> Bool {
        switch value {
        case nil, .null, .bool(false), .array([]), .object([]): true
        default: false
        }
    }
}

/// What is wrong with an adapter, without the file's name.
struct AdapterProblem: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}
