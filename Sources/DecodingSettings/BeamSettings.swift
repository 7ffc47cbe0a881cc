/// Beam search, with the meaning that the settings have in transformers.
package struct BeamSettings: Sendable, Equatable {
    package enum EarlyStopping: String, Sendable, CaseIterable {
        /// Ends when no running beam is likely to become better than the finished ones.
        case no = "false"
        /// Ends as soon as there are as many finished answers as beams.
        case yes = "true"
        /// Ends when no running beam can become better.
        case never
    }

    /// 2 to ``maximumCount``.
    package var count: Int
    package var lengthPenalty: Double
    package var earlyStopping: EarlyStopping
    /// The number of answers that are reported, at most `count`.
    package var returned: Int

    package static let maximumCount = 16

    package init(count: Int, lengthPenalty: Double = 1, earlyStopping: EarlyStopping = .no, returned: Int = 1) {
        self.count = count
        self.lengthPenalty = lengthPenalty
        self.earlyStopping = earlyStopping
        self.returned = returned
    }
}
