/// A machine that worlds run on; all hosts of a plan are alike.
package struct PlannedHost: Sendable, Equatable {
    /// What the kernels reach on one core, and what decoding reads from the memory of the whole host.
    package struct Rates: Sendable, Equatable {
        /// Operations a second of products with weights, two a multiply-add.
        package var linear: Double
        /// Operations a second of attention.
        package var attention: Double
        /// Bytes of weights a second that products with few rows read, all cores together.
        package var memory: Double

        package init(linear: Double, attention: Double, memory: Double) {
            self.linear = linear
            self.attention = attention
            self.memory = memory
        }
    }

    package var cores: Int
    /// Bytes.
    package var memory: Int
    package var rates: Rates
    /// Bytes a second of the link to other hosts, in each direction.
    package var link: Double
    /// Seconds that a collective between hosts takes beside its bytes.
    package var latency: Double

    package init(cores: Int, memory: Int, rates: Rates, link: Double, latency: Double = 60e-6) {
        self.cores = cores
        self.memory = memory
        self.rates = rates
        self.link = link
        self.latency = latency
    }
}
