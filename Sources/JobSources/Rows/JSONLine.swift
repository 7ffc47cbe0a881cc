import Base

extension LineReader.Line {
    /// Returns the members of the JSON object that is the line; nil for an empty line.
    ///
    /// - Parameter example: What such a line looks like.
    /// - Throws: ``RowError`` for anything else.
    func members(like example: String) throws(RowError) -> [JSON.Member]? {
        guard case .bytes(let bytes) = self else {
            throw RowError("longer than \(LineReader.maximumLength) bytes; divide it")
        }
        if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { return nil }
        let value: JSON
        do throws(JSON.SyntaxError) {
            value = try JSON(parsing: bytes)
        } catch {
            throw RowError("not JSON at column \(error.offset + 1): \(error.reason); correct the line")
        }
        guard let members = value.object else { throw RowError("an object is expected, like \(example)") }
        return members
    }
}
