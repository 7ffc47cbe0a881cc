import Base

/// How the ranks of a world spent a stretch of time, as its first rank sees it: from the order to a rank until its reply. What a
/// rank waits for inside an order (features, the other ranks) counts as that order.
package struct RankTimes: Sendable, Equatable {
    /// What one rank did, in seconds.
    package struct Rank: Sendable, Equatable {
        /// Encoding pictures; nil for a rank that encodes none.
        package var vision: Double?
        /// Prefill and decode; nil for a rank that holds nothing of the language model.
        package var prefill: Double?
        package var decode: Double?

        package init(vision: Double?, prefill: Double?, decode: Double?) {
            (self.vision, self.prefill, self.decode) = (vision, prefill, decode)
        }

        /// The seconds of a stretch in which it did nothing of that.
        package func idle(of seconds: Double) -> Double {
            max(0, seconds - (vision ?? 0) - (prefill ?? 0) - (decode ?? 0))
        }
    }

    /// The length of the stretch.
    package var seconds: Double
    /// In the order of the ranks.
    package var ranks: [Rank]

    package init(seconds: Double, ranks: [Rank]) {
        self.seconds = seconds
        self.ranks = ranks
    }

    /// `[seconds, [[vision, prefill, decode], …]]`, with null for what a rank does not do.
    var json: JSON {
        func number(_ seconds: Double?) -> JSON {
            guard let seconds, seconds.isFinite else { return .null }
            return .number(String((seconds * 1000).rounded() / 1000))
        }
        let rows = ranks.map { JSON.array([number($0.vision), number($0.prefill), number($0.decode)]) }
        return .array([number(seconds), .array(rows)])
    }

    /// Reads what ``json`` wrote; nil for anything else.
    init?(_ json: JSON) {
        guard let parts = json.array, parts.count == 2, let seconds = parts[0].number, let rows = parts[1].array else {
            return nil
        }
        var ranks: [Rank] = []
        for row in rows {
            guard let values = row.array, values.count == 3 else { return nil }
            ranks.append(Rank(vision: values[0].number, prefill: values[1].number, decode: values[2].number))
        }
        self.init(seconds: seconds, ranks: ranks)
    }
}
