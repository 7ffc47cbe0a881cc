import Base

/// The description of one decoding option: a key of a job, and the flag and the environment variable that set it for
/// all jobs.
package struct DecodingOption: Sendable {
    /// What an option is about, which decides what it can be combined with.
    enum Role: Sendable {
        /// The number of beams.
        case beamCount
        /// A setting of beam search, which needs the number of beams.
        case beamSetting
        /// A setting of sampling, which beam search has no use for.
        case sampling
        /// A rule that changes logits before a token is chosen.
        case rule
        /// A setting that beam search does not implement.
        case oneAnswer
        /// The choices that are scored in place of an answer, which contradict everything about the answer.
        case choices
        /// A setting of every method.
        case anyMethod
    }

    /// How an option looks as a flag.
    package struct Flag: Sendable {
        /// Without its dashes.
        package let name: String
        package let help: String
        /// What holds where nothing is given; nil where there is nothing to say.
        package let defaultText: String?
        package let valueName: String
        /// Whether the flag may be given several times.
        package let isList: Bool
        /// Whether its value may begin with a dash, as a negative number does.
        package let allowsLeadingDash: Bool
        /// The environment variable, without its prefix.
        package var variable: String { name.replacing("-", with: "_").uppercased() }
    }

    package let key: String
    package let flag: Flag
    let role: Role
    /// A value that is the same as none.
    let neutralValue: JSON?
    /// A value that is the same as none, but for a checkpoint that has another one for jobs that say nothing.
    let offValue: JSON?
    /// Checks a value and stores it.
    let read: @Sendable (JSON, inout DecodingValues) throws(DecodingOptionError) -> Void
    /// Returns the value that the texts of the flag mean.
    let parse: @Sendable ([String]) throws(DecodingOptionError) -> JSON

    /// - Parameters:
    ///   - kind: The values that the option takes.
    ///   - store: Stores a value that was checked.
    ///   - flag: The name of its flag, where that is not the key's.
    ///   - default: For the help of the flag.
    init<Value>(
        _ key: String, _ kind: DecodingOptionKind<Value>,
        _ store: @escaping @Sendable (inout DecodingValues, Value) -> Void, _ role: Role, flag: String? = nil,
        help: String, default defaultText: String? = nil, valueName: String, neutral: JSON? = nil, off: JSON? = nil
    ) {
        let name = flag ?? key.replacing("_", with: "-")
        self.key = key
        self.flag = Flag(
            name: name, help: help, defaultText: defaultText, valueName: valueName, isList: kind.isList,
            allowsLeadingDash: kind.isNumber)
        self.role = role
        neutralValue = neutral
        offValue = off
        read = { value, values throws(DecodingOptionError) in store(&values, try kind.read(key, value)) }
        parse = { texts throws(DecodingOptionError) in
            guard let value = kind.parse(texts) else {
                throw DecodingOptionError("'--\(name)' is '\(texts.joined(separator: ", "))'; give \(kind.flagForm)")
            }
            return value
        }
    }
}
