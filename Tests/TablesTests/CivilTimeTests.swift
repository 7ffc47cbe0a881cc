import Tables
import Testing

@Suite("Dates and times of parquet files")
struct CivilTimeTests {
    @Test(
        "Days are dates of the Gregorian calendar",
        arguments: [
            (0, "1970-01-01"), (-1, "1969-12-31"), (19_782, "2024-02-29"), (19_783, "2024-03-01"),
            (-25_509, "1900-02-28"), (-25_508, "1900-03-01"), (11_016, "2000-02-29"), (-719_162, "0001-01-01"),
            (-719_528, "0000-01-01"), (-719_529, "-0001-12-31"), (2_932_896, "9999-12-31"), (2_932_897, "+10000-01-01"),
        ] as [(Int64, String)])
    func dates(days: Int64, text: String) {
        #expect(CivilTime.date(days: days) == text)
    }

    @Test("Parts of a second have all their digits, and none where they are zero")
    func times() {
        #expect(CivilTime.time(3_723_000_007, partsPerSecond: 1_000_000) == "01:02:03.000007")
        #expect(CivilTime.time(86_399_000, partsPerSecond: 1_000) == "23:59:59")
        #expect(CivilTime.timestamp(-1, partsPerSecond: 1_000_000_000) == "1969-12-31T23:59:59.999999999")
        #expect(CivilTime.timestamp(1_709_164_800_500, partsPerSecond: 1_000) == "2024-02-29T00:00:00.500")
    }

    @Test("The largest and smallest numbers give some text", arguments: [Int64.min, .min + 1, .max, .max - 1])
    func extremes(number: Int64) {
        #expect(CivilTime.date(days: number).contains("-"))
        for parts: Int64 in [1_000, 1_000_000, 1_000_000_000] {
            #expect(CivilTime.time(number, partsPerSecond: parts).contains(":"))
            #expect(CivilTime.timestamp(number, partsPerSecond: parts).contains("T"))
        }
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } + [0xFF, 0xFF, 0xFF, 0xFF]
        #expect(CivilTime.timestamp(int96: bytes).contains("T"))
    }
}
