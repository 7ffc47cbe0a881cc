import Foundation
import Testing

/// The keys and types that objects may have (kubernetes-keys.yaml).
struct KubernetesKeys {
    private let types: PlainYAML

    init() throws {
        let text = try Recipes.text(of: "Tests/PackagingTests/kubernetes-keys.yaml")
        types = try #require(try PlainYAML.documents(text).first)
    }

    /// Returns what is wrong with an object: a place and a reason each.
    func faults(of object: PlainYAML) -> [String] {
        guard let kind = object["kind"]?.text, let type = types[kind] else {
            return ["kind: \(object["kind"]?.text ?? "none") is not known"]
        }
        return faults(of: object, as: type, at: kind)
    }

    private func faults(of value: PlainYAML, as type: PlainYAML, at place: String) -> [String] {
        switch (type, value) {
        case (.map(let known), .map(let members)):
            return members.flatMap { member -> [String] in
                guard let type = known.first(where: { $0.key == member.key })?.value else {
                    return ["\(place).\(member.key) is not known"]
                }
                return faults(of: member.value, as: type, at: "\(place).\(member.key)")
            }
        case (.list(let entry), .list(let elements)):
            return elements.enumerated().flatMap { faults(of: $1, as: entry[0], at: "\(place)[\($0)]") }
        case (.scalar(let name, _), _) where name.hasPrefix("$"):
            return types[name].map { faults(of: value, as: $0, at: place) } ?? ["\(name) is not defined"]
        case (.scalar("texts", _), .map(let members)):
            return members.flatMap { member -> [String] in
                guard case .scalar(let text, let isQuoted) = member.value, Self.fits(text, isQuoted, "string") else {
                    return ["\(place).\(member.key) is no text"]
                }
                return []
            }
        case (.scalar(let words, _), .scalar(let text, let isQuoted)):
            let fits = words.split(separator: "|").contains { Self.fits(text, isQuoted, String($0)) }
            return fits ? [] : ["\(place) is \(text); \(words) is expected"]
        default: return ["\(place) is of another form"]
        }
    }

    private static func fits(_ text: String, _ isQuoted: Bool, _ type: String) -> Bool {
        switch type {
        case "integer": !isQuoted && Int(text) != nil
        case "boolean": !isQuoted && ["true", "false"].contains(text)
        case "string": isQuoted || (Int(text) == nil && !["true", "false"].contains(text))
        case "percentage": text.wholeMatch(of: /[0-9]+%/) != nil
        case "quantity": text.wholeMatch(of: /[0-9]+(\.[0-9]+)?(m|[KMGT]i?)?/) != nil
        default: text == type
        }
    }
}
