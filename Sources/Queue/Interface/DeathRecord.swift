/// The effect of the death of a world on the jobs that it had.
package struct DeathRecord: Sendable, Equatable {
    /// Jobs that were leased; each is tried again, alone.
    package var reclaimed = 0
    /// Jobs that failed with it as poison: each was the only job of several worlds that died.
    package var poisoned: [String] = []
    /// Whether it had one suspect job and no other.
    package var wasAlone = false

    package init() {}
}
