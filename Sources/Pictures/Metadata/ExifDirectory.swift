import Base

/// Reads the orientation from the first directory of an EXIF record.
///
/// It reads as Pillow does: the first entry of a tag counts, an entry of an unknown type is skipped, and an entry whose
/// data lie outside the record ends the directory.
struct ExifDirectory {
    /// Whether the directory has an entry for the orientation, even one of no use.
    private(set) var hasOrientation = false
    /// The orientation, where its entry holds an integer.
    private(set) var orientation: Int?

    private static let orientationTag = 0x0112
    /// Bytes of one value, by the TIFF type.
    private static let valueBytes = [
        1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8,
    ]

    /// Returns nil where the bytes are no EXIF record.
    init?(_ bytes: [UInt8]) {
        var record = bytes[...]
        for _ in 0..<2 where record.holds("Exif\0\0") { record = record.dropFirst(6) }
        if record.isEmpty { return }
        let prefixes: [[UInt8]] = [
            [0x4D, 0x4D, 0x00, 0x2A], [0x49, 0x49, 0x2A, 0x00], [0x4D, 0x4D, 0x2A, 0x00], [0x49, 0x49, 0x00, 0x2A],
            [0x4D, 0x4D, 0x00, 0x2B],
        ]
        guard prefixes.contains(where: record.starts(with:)) else { return nil }
        let little = record.holds("II")
        guard let start = record.integer(at: 4, bytes: 4, littleEndian: little) else { return nil }
        readEntries(record, at: start, little: little)
    }

    private mutating func readEntries(_ record: ArraySlice<UInt8>, at start: Int, little: Bool) {
        guard let entries = record.integer(at: start, bytes: 2, littleEndian: little) else { return }
        var outOfLineBytes = 0
        for entry in 0..<entries {
            let position = start + 2 + entry * 12
            guard position + 12 <= record.count,
                let tag = record.integer(at: position, bytes: 2, littleEndian: little),
                let type = record.integer(at: position + 2, bytes: 2, littleEndian: little),
                let count = record.integer(at: position + 4, bytes: 4, littleEndian: little)
            else { return }
            guard let unit = ExifDirectory.valueBytes[type] else { continue }
            var valuePosition = position + 8
            if count * unit > 4 {
                outOfLineBytes += count * unit
                if outOfLineBytes > record.count { continue }
                guard let offset = record.integer(at: valuePosition, bytes: 4, littleEndian: little),
                    offset + count * unit <= record.count
                else { return }
                valuePosition = offset
            }
            guard tag == ExifDirectory.orientationTag, count > 0, !hasOrientation else { continue }
            hasOrientation = true
            if [3, 4, 6, 8, 9, 13].contains(type) {
                orientation = record.integer(at: valuePosition, bytes: unit, littleEndian: little)
            }
        }
    }
}
