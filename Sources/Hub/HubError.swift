/// Why a model cannot be pulled, or is not found in the cache. The text says what to do; it holds no token and no signed
/// address.
package struct HubError: Error, CustomStringConvertible, Equatable {
    package enum Code: String, Sendable, CaseIterable {
        /// The name or the revision is none that a hub knows.
        case badName = "bad_name"
        /// A variable has a value that is of no use: endpoint, token, no home for the cache.
        case badSetting = "bad_setting"
        /// `HF_HUB_OFFLINE` forbids the network.
        case offline
        /// The model is not in the cache, or not as a whole.
        case notInCache = "not_in_cache"
        /// The hub knows no such model, or does not show it.
        case noModel = "no_model"
        /// The model has no such branch, tag or commit.
        case noRevision = "no_revision"
        /// The model's terms were not accepted.
        case gated
        /// The hub refuses for another reason.
        case refused
        /// The repository lacks files without which a model cannot be used.
        case unusable
        /// The hub cannot be reached, or the connection broke again and again.
        case network
        /// The hub's answer contradicts itself or is none.
        case badAnswer = "bad_answer"
        /// What arrived is not what the hub announced.
        case checksum
        /// The disk has no room.
        case noSpace = "no_space"
        /// The cache cannot be written or read.
        case cache
    }

    package let code: Code
    /// What it is about: a model, a file, a folder.
    package let subject: String
    package let reason: String

    init(_ code: Code, at subject: String, _ reason: String) {
        self.code = code
        self.subject = subject
        self.reason = reason
    }

    package var description: String { "\(subject): \(reason)" }
}
