/// Fetches whose bodies are of use only together, as the pictures of one job: its reader holds the first while it waits
/// for the last. Where memory is short, groups therefore end one after the other instead of waiting for each other.
package struct FetchGroup: Sendable, Equatable {
    /// Groups of lower numbers go first.
    let number: Int
}
