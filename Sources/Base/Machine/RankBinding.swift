/// Whether the ranks of a host keep to parts of it.
package enum RankBinding: String, Sendable, CaseIterable {
    /// Each rank keeps to a NUMA node, or to several, where ``NodeBinding`` finds that it gains.
    case node
    /// Each rank runs where its launcher lets it.
    case none
}
