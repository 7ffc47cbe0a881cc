/// The leases of a world.
package struct LeaseHolder: Sendable, Equatable {
    package var owner: String
    package var jobs: Int
    /// Whether it has a suspect job, which then is the only one.
    package var hasSuspect: Bool

    package init(owner: String, jobs: Int, hasSuspect: Bool) {
        self.owner = owner
        self.jobs = jobs
        self.hasSuspect = hasSuspect
    }
}
