/// What a column of a written file holds.
package indirect enum ParquetWriterType: Sendable, Equatable {
    case boolean, int32, int64, float, double
    /// Text in UTF-8.
    case string
    case binary
    /// A list of values, none of which is null. A list of lists is none.
    case list(ParquetWriterType)

    /// How the values, or the elements of a list, are stored.
    var stored: ParquetType {
        switch self {
        case .boolean: .boolean
        case .int32: .int32
        case .int64: .int64
        case .float: .float
        case .double: .double
        case .string, .binary: .byteArray
        case .list(let element): element.stored
        }
    }

    var isText: Bool {
        switch self {
        case .string: true
        case .list(let element): element.isText
        default: false
        }
    }

    var isList: Bool {
        if case .list = self { true } else { false }
    }
}

extension ParquetWriter.Column {
    /// The names on the way to the values.
    var path: [String] { type.isList ? [name, "list", "element"] : [name] }

    /// The definition level of a value that is there.
    var definitionLevel: Int { (isOptional ? 1 : 0) + (type.isList ? 1 : 0) }

    /// Returns the bytes that a value takes.
    ///
    /// - Throws: ``TableError`` where the value does not fit the column.
    func size(of value: ParquetValue, file: String) throws(TableError) -> Int {
        if case .null = value {
            if isOptional { return 1 }
            throw TableError(.malformed, at: "\(file), column \(name)", "a required value is null")
        }
        let (values, element): ([ParquetValue], ParquetWriterType) =
            switch (type, value) {
            case (.list(let element), .list(let values)): (values, element)
            default: ([value], type)
            }
        var size = 1
        for value in values {
            guard let bytes = element.size(of: value), bytes <= ParquetWriter.maximumValueSize - size else {
                throw TableError(
                    .malformed, at: "\(file), column \(name)",
                    "a value is not of the type \(type), or larger than \(ParquetWriter.maximumValueSize) bytes")
            }
            size += bytes
        }
        return size
    }
}

extension ParquetWriterType {
    /// Returns the bytes that a single value takes with its levels; nil where it is none of this type.
    fileprivate func size(of value: ParquetValue) -> Int? {
        switch (self, value) {
        case (.boolean, .boolean): 3
        case (.int32, .integer(let number)): Int32(exactly: number) == nil ? nil : 6
        case (.int64, .integer): 10
        case (.float, .float): 6
        case (.double, .double): 10
        case (.binary, .bytes(let bytes)): bytes.count + 6
        case (.string, .bytes(let bytes)):
            String(validating: bytes, as: UTF8.self) == nil ? nil : bytes.count + 6
        default: nil
        }
    }
}

/// Writes the schema of a file.
enum ParquetWriterSchema {
    static func write(_ columns: [ParquetWriter.Column], to thrift: inout ThriftWriter) {
        let elements = [Element(name: "schema", children: columns.count)] + columns.flatMap(Self.elements)
        thrift.list(2, of: .structure, elements) { thrift, element in element.write(to: &thrift) }
    }

    private struct Element {
        let name: String
        var type: ParquetType?
        /// 0 required, 1 optional, 2 repeated; nil for the whole.
        var repetition: Int?
        var children = 0
        var isText = false
        var isList = false

        func write(to thrift: inout ThriftWriter) {
            thrift.structure { thrift in
                if let type { thrift.int32(1, type.rawValue) }
                if let repetition { thrift.int32(3, repetition) }
                thrift.text(4, name)
                if children > 0 { thrift.int32(5, children) }
                guard isText || isList else { return }
                thrift.int32(6, isText ? 0 : 3)
                thrift.structure(10) { $0.structure(isText ? 1 : 3) { _ in } }
            }
        }
    }

    private static func elements(of column: ParquetWriter.Column) -> [Element] {
        let repetition = column.isOptional ? 1 : 0
        let type = column.type
        guard type.isList else {
            return [Element(name: column.name, type: type.stored, repetition: repetition, isText: type.isText)]
        }
        return [
            Element(name: column.name, repetition: repetition, children: 1, isList: true),
            Element(name: "list", repetition: 2, children: 1),
            Element(name: "element", type: type.stored, repetition: 0, isText: type.isText),
        ]
    }
}
