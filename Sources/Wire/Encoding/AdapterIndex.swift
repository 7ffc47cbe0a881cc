/// The index of an adapter among those of the world, in the order of their names, as messages hold it:
/// index + 1, and 0 where there is no adapter.
enum AdapterIndex {
    /// Returns the number on the wire.
    static func encode(_ index: Int?) -> UInt32 { index.map { UInt32($0 + 1) } ?? 0 }

    /// Returns the index that a number on the wire stands for.
    static func decode(_ number: UInt32) -> Int? { number == 0 ? nil : Int(number) - 1 }
}
