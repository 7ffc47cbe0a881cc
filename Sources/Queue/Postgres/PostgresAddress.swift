import CPostgres

/// Where a queue on PostgreSQL is: `postgres://user@host:5432/database`, `postgresql://…`, or libpq's other form,
/// `host=db user=me dbname=captions`. What the address leaves out comes from libpq's own variables and files: PGPASSWORD,
/// ~/.pgpass, PGSSLMODE, …
///
/// Messages show what libpq understood, put together again, and never the text that was given: a password whose special
/// characters are not percent-encoded makes libpq take parts of it for a host or a database. Such a text is refused.
struct PostgresAddress: Sendable {
    /// As it was given, with its password.
    let url: String
    /// For messages: without it.
    let masked: String
    /// The passwords in it, which no message may repeat.
    let secrets: [String]

    /// - Throws: `badAddress`.
    init(_ url: String) throws(QueueError) {
        var message: UnsafeMutablePointer<CChar>?
        defer { PQfreemem(message) }
        guard !Self.isAmbiguous(url), let options = Self.parsed(url, &message), Self.hasPlausiblePort(options) else {
            // The message quotes parts of the text, which are shown where none can be of a password.
            let hasSecret = url.contains("@") || url.lowercased().contains("password")
            let detail = hasSecret ? nil : message.map { Self.oneLine(String(cString: $0)) }
            throw .badAddress(
                address: Self.hidden(url),
                reason: detail
                    ?? "libpq cannot read it; write special characters of the password, the user and the database "
                    + "percent-encoded (@ is %40, / is %2F, ? is %3F, : is %3A, # is %23, % is %25), or leave the password out and "
                    + "put it into PGPASSWORD or ~/.pgpass")
        }
        self.url = url
        secrets = options.filter(\.isSecret).map(\.value)
        masked = Self.display(options)
    }

    /// Returns an address for messages, without any part of a password.
    static func masked(_ url: String) -> String {
        guard !isAmbiguous(url), let options = parsed(url), hasPlausiblePort(options) else { return hidden(url) }
        return display(options)
    }

    // MARK: What libpq understands

    private struct Option {
        let keyword: String
        let value: String
        /// libpq marks what a program should not show.
        let isSecret: Bool
    }

    /// Nil where libpq cannot read it.
    private static func parsed(
        _ url: String, _ message: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = nil
    ) -> [Option]? {
        guard !url.utf8.contains(0), let all = PQconninfoParse(url, message) else { return nil }
        defer { PQconninfoFree(all) }
        var options: [Option] = []
        var next = all
        while let keyword = next.pointee.keyword {
            if let value = next.pointee.val {
                let name = String(cString: keyword)
                let isMarked = next.pointee.dispchar.map { String(cString: $0).hasPrefix("*") } ?? false
                options.append(
                    Option(
                        keyword: name, value: String(cString: value), isSecret: isMarked || name.contains("password")))
            }
            next += 1
        }
        return options
    }

    /// Returns whether a URL has an @ in a place where only a password that is not percent-encoded can have put it.
    private static func isAmbiguous(_ url: String) -> Bool {
        guard let scheme = url.firstRange(of: "://") else { return false }
        let rest = url[scheme.upperBound...].utf8
        let authority = rest.prefix { $0 != UInt8(ascii: "/") }
        let path = rest.dropFirst(authority.count).prefix { $0 != UInt8(ascii: "?") }
        let at = UInt8(ascii: "@")
        return authority.count { $0 == at } > 1 || path.contains(at) || !authority.contains(at) && rest.contains(at)
    }

    private static func hasPlausiblePort(_ options: [Option]) -> Bool {
        let port = options.first { $0.keyword == "port" }?.value ?? ""
        return port.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ",") }
    }

    private static func hidden(_ url: String) -> String {
        url.firstRange(of: "://").map { url[..<$0.upperBound] + "***" } ?? "***"
    }

    private static func display(_ options: [Option]) -> String {
        func value(_ keyword: String) -> String? { options.first { $0.keyword == keyword }.map { encoded($0.value) } }
        let secret = options.contains(where: \.isSecret) ? ":***" : ""
        let user = (value("user") ?? "") + secret
        let host = value("host") ?? value("hostaddr") ?? value("service") ?? ""
        return "postgres://" + (user.isEmpty ? "" : user + "@") + host + (value("port").map { ":" + $0 } ?? "")
            + (value("dbname").map { "/" + $0 } ?? "")
    }

    /// Percent-encodes what would end a part of a URL, and control characters.
    private static func encoded(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            if ":/?#@%".unicodeScalars.contains(scalar) && !(scalar == "/" && value.hasPrefix("/"))
                || scalar.value < 0x21
            {
                text += "%" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16, uppercase: true)
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    private static func oneLine(_ message: String) -> String {
        message.split(whereSeparator: \.isNewline).map { $0.trimmingPrefix("\t") }.joined(separator: "; ")
    }

    /// A message of libpq's on one line, without passwords.
    func tidy(_ message: String) -> String {
        var message = Self.oneLine(message)
        for secret in secrets where !secret.isEmpty { message = message.replacing(secret, with: "***") }
        return message
    }
}
