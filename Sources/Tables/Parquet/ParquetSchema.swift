/// Makes the columns of a file out of the elements of its schema, which are a tree in depth-first order.
struct ParquetSchema {
    private struct Element {
        var type: ParquetType?
        var length = 0
        /// 0 required, 1 optional, 2 repeated.
        var repetition = 0
        var name = ""
        var children = 0
        var meaning = ParquetColumn.Meaning.stored
        var isList = false
    }

    private static let maximumDepth = 64
    /// Size of all columns' names together, in bytes: a long name of a structure stands in those of all its fields.
    private static let maximumNames = 16 << 20

    private var nameSize = 0
    private(set) var columns: [ParquetColumn] = []

    /// Reads the list of elements.
    ///
    /// - Throws: ``ParquetFault`` where they are no tree of columns.
    init(_ reader: inout ThriftReader, limits: ParquetLimits) throws(ParquetFault) {
        let (count, _) = try reader.list()
        guard count <= limits.columns else { throw .malformed("the schema has more than \(limits.columns) elements") }
        var elements: [Element] = []
        for _ in 0..<count { elements.append(try Self.element(&reader)) }
        try flatten(elements)
    }

    /// An element whose children are not all seen yet.
    private struct Parent {
        var childrenLeft: Int
        var path: [String]
        var names: [String]
        var definition: Int
        var repetition: Int
        var elementLevel: Int
        /// Whether it is a list, and whether it is the repeated group inside one: their children have no name for
        /// people.
        var isList: Bool
        var isInsideList: Bool
    }

    private mutating func flatten(_ elements: [Element]) throws(ParquetFault) {
        guard let root = elements.first else { throw .malformed("the schema is empty") }
        var parents = [
            Parent(
                childrenLeft: root.children, path: [], names: [], definition: 0, repetition: 0, elementLevel: 0,
                isList: false, isInsideList: false)
        ]
        for element in elements.dropFirst() {
            while let last = parents.last, last.childrenLeft == 0 { parents.removeLast() }
            guard var parent = parents.last else { throw .malformed("the schema has more elements than children") }
            parents[parents.count - 1].childrenLeft -= 1
            guard parents.count <= Self.maximumDepth else {
                throw .malformed("columns are nested more than \(Self.maximumDepth) deep")
            }
            parent.path.append(element.name)
            let isListGroup = parent.isList && element.repetition == 2
            if !isListGroup && !parent.isInsideList { parent.names.append(element.name) }
            if element.repetition != 0 { parent.definition += 1 }
            if element.repetition == 2 {
                parent.repetition += 1
                parent.elementLevel = parent.definition
            }
            if element.children > 0 {
                parent.isInsideList = isListGroup && element.children == 1
                parent.isList = element.isList
                parent.childrenLeft = element.children
                parents.append(parent)
            } else {
                try append(element, parent)
            }
        }
        guard parents.allSatisfy({ $0.childrenLeft == 0 }) else {
            throw .malformed("the schema ends before its children")
        }
    }

    private mutating func append(_ element: Element, _ place: Parent) throws(ParquetFault) {
        // A group without children holds nothing.
        guard let type = element.type else { return }
        let name = place.names.joined(separator: ".")
        nameSize += name.utf8.count
        guard nameSize <= Self.maximumNames else { throw .malformed("the columns' names have more than 16 MiB") }
        if type == .fixedLengthByteArray, element.length <= 0 {
            throw .malformed("column \(name) has values of \(element.length) bytes")
        }
        columns.append(
            ParquetColumn(
                path: place.path, name: name, type: type, length: element.length, meaning: element.meaning,
                definitionLevel: place.definition, repetitionLevel: place.repetition, elementLevel: place.elementLevel))
    }

    private static func element(_ reader: inout ThriftReader) throws(ParquetFault) -> Element {
        var element = Element()
        var converted: Int?
        var scale = 0
        var logical: ParquetColumn.Meaning?
        try reader.structure { (reader, id, kind) throws(ParquetFault) in
            switch (id, kind) {
            case (1, .int32):
                let number = try reader.size()
                guard let type = ParquetType(rawValue: number) else { throw .malformed("there is no type \(number)") }
                element.type = type
            case (2, .int32): element.length = try reader.size()
            case (3, .int32): element.repetition = min(try reader.size(), 2)
            case (4, .binary): element.name = try reader.text()
            case (5, .int32): element.children = try reader.size()
            case (6, .int32): converted = try reader.size()
            case (7, .int32): scale = try reader.size()
            case (10, .structure): logical = try LogicalType.read(&reader, isList: &element.isList)
            default: return false
            }
            return true
        }
        guard element.length <= 1 << 20, scale <= 1000 else {
            throw .malformed("column \(element.name) has a length of \(element.length) and a scale of \(scale)")
        }
        if let converted {
            if converted == 3 { element.isList = true }
            logical = logical ?? LogicalType.meaning(converted: converted, scale: scale)
        }
        element.meaning = logical ?? .stored
        return element
    }
}

/// What values mean, as the two generations of the format say it.
private enum LogicalType {
    /// The meaning that a converted type stands for; nil for those that say nothing about single values.
    static func meaning(converted: Int, scale: Int) -> ParquetColumn.Meaning? {
        switch converted {
        case 0, 4, 19: .text
        case 5: .decimal(scale: scale)
        case 6: .date
        case 7: .time(partsPerSecond: 1_000)
        case 8: .time(partsPerSecond: 1_000_000)
        case 9: .timestamp(partsPerSecond: 1_000, isUTC: true)
        case 10: .timestamp(partsPerSecond: 1_000_000, isUTC: true)
        case 11...14: .unsigned
        default: nil
        }
    }

    /// Reads a logical type: a structure with one field, whose number is the type's.
    static func read(
        _ reader: inout ThriftReader, isList: inout Bool
    ) throws(ParquetFault) -> ParquetColumn.Meaning? {
        var meaning: ParquetColumn.Meaning?
        var list = false
        try reader.structure { (reader, id, kind) throws(ParquetFault) in
            guard kind == .structure else { return false }
            switch id {
            case 1, 4, 12: meaning = .text
            case 3: list = true
            case 5:
                meaning = .decimal(scale: try decimalScale(&reader))
                return true
            case 6: meaning = .date
            case 7:
                meaning = .time(partsPerSecond: try time(&reader).partsPerSecond)
                return true
            case 8:
                let (parts, isUTC) = try time(&reader)
                meaning = .timestamp(partsPerSecond: parts, isUTC: isUTC)
                return true
            case 10:
                meaning = try isUnsigned(&reader) ? .unsigned : .stored
                return true
            case 14: meaning = .uuid
            case 15: meaning = .float16
            default: break
            }
            return false
        }
        isList = isList || list
        return meaning
    }

    private static func decimalScale(_ reader: inout ThriftReader) throws(ParquetFault) -> Int {
        var scale = 0
        try reader.structure { (reader, id, kind) throws(ParquetFault) in
            guard id == 1, kind == .int32 else { return false }
            scale = try reader.size()
            return true
        }
        guard scale <= 1000 else { throw .malformed("a decimal has a scale of \(scale)") }
        return scale
    }

    private static func isUnsigned(_ reader: inout ThriftReader) throws(ParquetFault) -> Bool {
        var isUnsigned = false
        try reader.structure { (_, id, kind) throws(ParquetFault) in
            if id == 2 { isUnsigned = kind == .no }
            return false
        }
        return isUnsigned
    }

    private static func time(
        _ reader: inout ThriftReader
    ) throws(ParquetFault) -> (partsPerSecond: Int64, isUTC: Bool) {
        var (parts, isUTC) = (Int64(1_000_000), false)
        try reader.structure { (reader, id, kind) throws(ParquetFault) in
            if id == 1 { isUTC = kind == .yes }
            guard id == 2, kind == .structure else { return false }
            try reader.structure { (_, id, _) throws(ParquetFault) in
                switch id {
                case 1: parts = 1_000
                case 3: parts = 1_000_000_000
                default: parts = 1_000_000
                }
                return false
            }
            return true
        }
        return (parts, isUTC)
    }
}
