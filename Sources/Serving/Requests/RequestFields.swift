import Base

/// The keys of a request's body. A key with null is as good as absent.
struct RequestFields {
    /// The members that are not null, in their order.
    let all: [JSON.Member]

    /// - Throws: ``APIError`` for a body that is no JSON object.
    init(body: [UInt8]) throws(APIError) {
        let json: JSON
        do throws(JSON.SyntaxError) {
            json = try JSON(parsing: body, duplicateKeys: .refused)
        } catch {
            throw Self.invalid("\(error.reason) at byte \(error.offset)")
        }
        guard case .object(let members) = json else { throw Self.invalid("it is \(json.kindName)") }
        all = members.filter { $0.value != .null }
    }

    private static func invalid(_ reason: String) -> APIError {
        APIError(400, .invalidRequest, code: "invalid_json", "the body is no JSON object: \(reason)")
    }

    init(_ members: [JSON.Member]) { all = members.filter { $0.value != .null } }

    subscript(_ name: String) -> JSON? { all.first { $0.key.isExactly(name) }?.value }

    var names: [String] { all.map(\.key) }

    // MARK: Values of one kind, nil where the key is absent

    /// - Throws: ``APIError`` for another kind of value, or one outside of the range.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(APIError) -> Int? {
        guard let value = self[name] else { return nil }
        guard let number = value.integer else {
            throw .invalidValue(name, "\"\(name)\" must be an integer and is \(value.kindName)")
        }
        guard range.contains(number) else {
            throw .invalidValue(
                name, "\"\(name)\" is \(number); it must be \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Returns the number as it was written.
    ///
    /// - Throws: ``APIError`` for another kind of value, or one that is refused.
    func number(_ name: String, _ expectation: String, _ accepts: (Double) -> Bool) throws(APIError) -> JSON? {
        guard let value = self[name] else { return nil }
        guard let number = value.number, number.isFinite, accepts(number) else {
            let given = value.number.map { "\($0)" } ?? value.kindName
            throw .invalidValue(name, "\"\(name)\" is \(given); it must be \(expectation)")
        }
        return value
    }

    func bool(_ name: String) throws(APIError) -> Bool? {
        guard let value = self[name] else { return nil }
        guard let bool = value.bool else {
            throw .invalidValue(name, "\"\(name)\" must be true or false and is \(value.kindName)")
        }
        return bool
    }

    func text(_ name: String) throws(APIError) -> String? {
        guard let value = self[name] else { return nil }
        guard let text = value.string else {
            throw .invalidValue(name, "\"\(name)\" must be a string and is \(value.kindName)")
        }
        return text
    }

    func object(_ name: String) throws(APIError) -> RequestFields? {
        guard let value = self[name] else { return nil }
        guard let members = value.object else {
            throw .invalidValue(name, "\"\(name)\" must be an object and is \(value.kindName)")
        }
        return RequestFields(members)
    }

    /// Returns one text or a list of them.
    func texts(_ name: String, maximum: Int) throws(APIError) -> [String]? {
        guard let value = self[name] else { return nil }
        if let text = value.string { return [text] }
        guard let list = value.array, list.allSatisfy({ $0.string != nil }) else {
            throw .invalidValue(name, "\"\(name)\" must be a string or a list of strings")
        }
        guard list.count <= maximum else {
            throw .invalidValue(name, "\"\(name)\" has \(list.count) strings; at most \(maximum) are possible")
        }
        return list.compactMap(\.string)
    }
}
