import Base
import Fetch

/// What it means that a hub refuses. It says it in the header `X-Error-Code`; mirrors may say only a status.
enum HubRefusal {
    /// - Parameters:
    ///   - file: the file that was asked for; nil for a question about the model.
    ///   - endpoint: the hub, without secrets.
    static func error(
        _ error: FetchError, of reference: ModelReference, file: String?, endpoint: String, hasToken: Bool
    ) -> HubError {
        let subject = "\(reference)"
        func fault(_ code: HubError.Code, _ reason: String) -> HubError {
            HubError(code, at: subject, reason + said(error))
        }
        let page = "\(endpoint)/\(reference.name)"
        let terms = "accept the terms at \(page) with your account"
        let giveToken = "set HF_TOKEN to a token of an account that may read it"
        switch (error.fields["x-error-code"] ?? "", error.status ?? 0) {
        case ("GatedRepo", _):
            return fault(.gated, "is gated: \(terms), then " + (hasToken ? "pull again with its token" : giveToken))
        case ("RepoNotFound", _) where hasToken:
            return fault(
                .noModel, "\(endpoint) has no such model, or its token (HF_TOKEN) may not see it; check the name")
        case ("RepoNotFound", _):
            return fault(.noModel, "\(endpoint) has no such model, or it is private: check the name, or \(giveToken)")
        case ("RevisionNotFound", _):
            return fault(
                .noRevision, "has no branch, tag or commit '\(reference.revision)'; see \(page)/refs or give another")
        case ("EntryNotFound", _):
            return fault(.badAnswer, "the hub lists the file \(file ?? "") and does not have it")
        case (_, 401) where hasToken:
            return fault(.refused, "\(endpoint) refuses the token: is HF_TOKEN right, and still valid?")
        case (_, 401):
            return fault(.noModel, "is missing at \(endpoint), private or gated: check the name, or \(giveToken)")
        case (_, 403):
            return fault(
                .gated,
                "\(endpoint) forbids it: \(terms)" + (hasToken ? ", and let the token read it" : ", and \(giveToken)"))
        case (_, 404):
            return fault(
                file == nil ? .noModel : .badAnswer,
                "\(endpoint) has no such \(file.map { "file \($0)" } ?? "model or revision")")
        case (_, 429):
            return fault(.refused, "\(endpoint) was asked too often; wait some minutes, or give a token (HF_TOKEN)")
        default:
            return HubError(
                .network, at: file.map { "\(subject), \($0)" } ?? subject, "\(error.source): \(error.reason)")
        }
    }

    /// What the hub itself says about it, for the end of a message.
    private static func said(_ error: FetchError) -> String {
        let text = (error.fields["x-error-message"] ?? "").prefix(300)
        return text.isEmpty ? "" : " (it says: \(text))"
    }
}
