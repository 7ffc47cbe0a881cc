/// A column that holds values: one at the top, a field of a structure, or the elements of a list.
package struct ParquetColumn: Sendable, Equatable {
    /// What the values mean.
    package enum Meaning: Sendable, Equatable {
        /// The stored value itself.
        case stored
        case text
        /// An integer to be divided by a power of ten.
        case decimal(scale: Int)
        /// Days since 1970-01-01.
        case date
        /// Parts of a second since midnight.
        case time(partsPerSecond: Int64)
        /// Parts of a second since 1970-01-01, in UTC or in no time zone.
        case timestamp(partsPerSecond: Int64, isUTC: Bool)
        /// An unsigned integer.
        case unsigned
        case uuid
        /// A float of 16 bits.
        case float16
    }

    /// The names on the way to the values, as the file has them.
    package let path: [String]
    /// The names that people use: without those that the format puts between a list and its elements.
    package let name: String
    package let type: ParquetType
    /// Size of a value of fixed length, in bytes.
    let length: Int
    package let meaning: Meaning
    /// The definition level of a value that is there.
    let definitionLevel: Int
    /// The number of lists around a value.
    let repetitionLevel: Int
    /// The definition level of the innermost list's elements; what is below is an empty list or none.
    let elementLevel: Int

    /// Whether each row has a list of values.
    package var isList: Bool { repetitionLevel > 0 }
    /// Whether a row has a list of lists of values, which cannot be read.
    package var isNestedList: Bool { repetitionLevel > 1 }
}
