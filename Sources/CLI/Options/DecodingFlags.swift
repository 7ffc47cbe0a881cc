import Base
import DecodingSettings
import WorkerInterface

/// The flags of the decoding options, which hold for all jobs that do not give the options themselves.
enum DecodingFlags: OptionSource {
    static let descriptions = DecodingOptions.table.map { option in
        OptionDescription(
            option.flag.name, variable: option.flag.variable, kind: option.flag.isList ? .list(separator: nil) : .value,
            help: option.flag.help, defaultText: option.flag.defaultText, valueName: option.flag.valueName,
            allowsLeadingDash: option.flag.allowsLeadingDash)
    }
}

extension OptionFlags<DecodingFlags> {
    /// Returns the options that were given, as a job would have them.
    ///
    /// - Throws: ``DecodingOptionError`` for a text that is no such value.
    func members() throws(DecodingOptionError) -> [JSON.Member] {
        try DecodingOptions.members(ofFlags: texts())
    }
}
