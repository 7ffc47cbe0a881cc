import Base

/// The decoding options that a checkpoint has for jobs that do not give them.
package struct DecodingDefaults: Sendable, Equatable {
    /// The options, as a job would have them. Those of sampling only hold for jobs that sample.
    package var members: [JSON.Member]
    /// Whether jobs sample that say nothing about it.
    package var samples: Bool

    package init(_ members: [JSON.Member] = [], samples: Bool = false) {
        self.members = members
        self.samples = samples
    }
}

extension DecodingOptions {
    /// Returns the options with those that the job does not give, as the checkpoint has them.
    ///
    /// Choices are scored as they are, so they take none. A job that gives `temperature` 0 is not sampled, and one that
    /// gives `num_beams` 1 has no beams, whatever the checkpoint says.
    ///
    /// - Throws: ``DecodingOptionError`` where the job's options contradict those of the checkpoint.
    package func completed(by defaults: DecodingDefaults) throws(DecodingOptionError) -> DecodingOptions {
        guard defaults != DecodingDefaults(), choices.isEmpty else { return self }
        let own = Set(members.map(\.key))
        func value(_ key: String) -> JSON? { members.first { $0.key == key }?.value }
        let isGreedy = value("temperature")?.number == 0
        let hasBeams = (value("num_beams") ?? defaults.members.first { $0.key == "num_beams" }?.value)?.integer ?? 1 > 1
        let hasOwnBeams = hasBeams && own.contains("num_beams")
        if defaults.samples, hasOwnBeams, !isGreedy {
            throw DecodingOptionError(
                "\"num_beams\" contradicts do_sample of the model's generation_config.json: a beam search samples "
                    + "nothing; give \"temperature\" 0 with it")
        }
        let samples = !isGreedy && (defaults.samples || !own.isDisjoint(with: Self.keys(of: .sampling)))
        let added = defaults.members.filter { member in
            guard !own.contains(member.key), let role = Self.table.first(where: { $0.key == member.key })?.role else {
                return false
            }
            return switch role {
            case .sampling: samples
            case .beamSetting: hasBeams
            default: true
            }
        }
        do {
            return try DecodingOptions(members + added)
        } catch {
            let names = added.map(\.key).joined(separator: ", ")
            throw DecodingOptionError("\(error.reason) (of the model's generation_config.json: \(names))")
        }
    }

    private static func keys(of role: DecodingOption.Role) -> Set<String> {
        Set(table.lazy.filter { $0.role == role }.map(\.key))
    }
}
