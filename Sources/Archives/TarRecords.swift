/// The records of a PAX header that matter here: they take the place of what a member's own header says.
struct TarRecords {
    /// Why the records are damaged or cannot be followed.
    enum Fault: Error {
        case malformed(String)
        case sparse
    }

    var path: [UInt8]?
    var linkPath: [UInt8]?
    var size: Int?
    private var isSparse = false

    init() {}

    /// Adds records to these: each is its length, a space, a key, an equals sign, the value and a line feed. A record
    /// without value takes back an earlier one.
    ///
    /// - Throws: ``Fault``.
    mutating func add(_ bytes: [UInt8]) throws(Fault) {
        var position = 0
        while position < bytes.count {
            // Some programs fill the rest of a header with zero bytes.
            if bytes[position] == 0 { break }
            let start = position
            var length = 0
            while position < bytes.count, bytes[position] != 0x20 {
                let digit = bytes[position]
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit), length <= bytes.count else {
                    throw .malformed("a record has no length")
                }
                length = length * 10 + Int(digit - UInt8(ascii: "0"))
                position += 1
            }
            guard length > position - start + 2, length <= bytes.count - start, bytes[start + length - 1] == 0x0A else {
                throw .malformed("a record of \(length) bytes does not end with a line feed")
            }
            let record = bytes[position + 1..<start + length - 1]
            guard let equals = record.firstIndex(of: UInt8(ascii: "=")) else {
                throw .malformed("a record has no equals sign")
            }
            try take(key: record[..<equals], value: Array(record[(equals + 1)...]))
            position = start + length
        }
    }

    private mutating func take(key: ArraySlice<UInt8>, value: [UInt8]) throws(Fault) {
        if key.elementsEqual("path".utf8) {
            path = value.isEmpty ? nil : value
        } else if key.elementsEqual("linkpath".utf8) {
            linkPath = value.isEmpty ? nil : value
        } else if key.elementsEqual("size".utf8) {
            guard !value.isEmpty else {
                size = nil
                return
            }
            let isNumber = value.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard isNumber, let number = Int(String(decoding: value, as: UTF8.self)) else {
                throw .malformed("a size is no number")
            }
            size = number
        } else if key.starts(with: "GNU.sparse.".utf8) {
            isSparse = true
        }
    }

    /// Checks that the member is no sparse file, whose content has holes.
    ///
    /// - Throws: ``Fault``.
    func checkIsWhole() throws(Fault) {
        if isSparse { throw .sparse }
    }

    /// These records, and where they say nothing those of a global header.
    func over(_ global: TarRecords) -> TarRecords {
        var merged = self
        merged.path = path ?? global.path
        merged.linkPath = linkPath ?? global.linkPath
        merged.size = size ?? global.size
        return merged
    }
}
