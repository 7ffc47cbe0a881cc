import CSpawn
import Glibc

/// The environment variables and the arguments of this process, with their bytes as ``SystemText``.
package enum ProcessEnvironment {
    /// All variables. Where one is there twice, the first counts, as for getenv(3).
    package static var variables: [String: String] {
        var variables: [String: String] = [:]
        var next = pg_environment()
        while let entry = next?.pointee {
            let bytes = UnsafeRawBufferPointer(start: entry, count: strlen(entry))
            if let equals = bytes.firstIndex(of: UInt8(ascii: "=")) {
                let name = SystemText.text(bytes[..<equals])
                if variables[name] == nil { variables[name] = SystemText.text(bytes[(equals + 1)...]) }
            }
            next = next?.successor()
        }
        return variables
    }

    /// Returns the value of a variable; nil where it is not set.
    package static func value(of name: String) -> String? { getenv(name).map { SystemText.text($0) } }

    /// Writes over arguments that other users see in the list of processes.
    ///
    /// - Parameter replacement: returns what is to be seen of an argument; nil for one that stays.
    package static func replaceArguments(_ replacement: (String) -> String?) {
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let argument = CommandLine.unsafeArgv[index], let text = replacement(SystemText.text(argument)) else {
                continue
            }
            let (old, new) = (strlen(argument), SystemText.bytes(of: text))
            for place in 0..<old { argument[place] = place < new.count ? CChar(bitPattern: new[place]) : 0 }
        }
    }

    /// The arguments behind the name of the program.
    package static var arguments: [String] {
        (0..<Int(CommandLine.argc)).dropFirst().compactMap { index in
            CommandLine.unsafeArgv[index].map { SystemText.text($0) }
        }
    }
}
