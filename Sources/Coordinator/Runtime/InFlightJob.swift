import Base
import PaliGemma
import Queue
import Wire

/// A leased job inside the Coordinator.
struct InFlightJob {
    let lease: Lease
    let pictureIDs: [UInt64]
    /// When it was leased, by ``Timeline/now()``.
    private let start = Timeline.now()
    /// The time since it was leased, in seconds.
    var seconds: Double { Double(Timeline.now() - start) / 1e9 }
    /// Nil before its pictures and its prompt are read.
    var prepared: PreparedJob?
    /// Whether nobody wants its answer any more.
    var isAbandoned = false
    private var answer = AnswerBuilder()

    init(lease: Lease, pictureIDs: [UInt64]) {
        self.lease = lease
        self.pictureIDs = pictureIDs
    }

    /// Returns the rows of its prefix: picture tokens and text tokens.
    func prefixRows(tokensPerPicture: Int) -> Int {
        pictureIDs.count * tokensPerPicture + (prepared?.textTokens.count ?? 0)
    }

    // MARK: Its answer

    /// Whether a job goes on, or how it ends.
    enum State {
        case unfinished
        case answered(Answer)
        case failed(JobFailure)
    }

    /// Takes new tokens of its sequence.
    ///
    /// - Returns: What became of the job, and whether its sequence has to be canceled: a stop text ended the answer,
    ///   and the Gemma ranks, which know nothing of texts, would go on.
    ///
    /// - Parameter tokensPerPicture: The rows of a picture in the prefix.
    mutating func take(
        _ result: Tokens.Result, tokenizer: Tokenizer, tokensPerPicture: Int
    ) -> (state: State, cancels: Bool) {
        guard let prepared else { return (.unfinished, false) }
        let isStopped = answer.take(result, options: prepared.options, tokenizer: tokenizer)
        let isUnfinished = result.status == .unfinished
        if isUnfinished, !isStopped { return (.unfinished, false) }
        let rows = prefixRows(tokensPerPicture: tokensPerPicture)
        return (end(result.status, prepared, tokenizer, prefixRows: rows), isStopped && isUnfinished)
    }

    /// Returns what of the answer came since the last call and will not change any more, for a service that waits for it; nil for
    /// nothing, or nobody.
    mutating func progress(tokenizer: Tokenizer) -> (service: String, progress: AnswerProgress)? {
        guard let service = lease.job.service, let options = prepared?.options,
            var progress = answer.progress(options: options, tokenizer: tokenizer)
        else { return nil }
        progress.jobID = lease.job.id
        progress.attempt = lease.attempt
        return (service, progress)
    }

    private func end(
        _ status: Tokens.Status, _ prepared: PreparedJob, _ tokenizer: Tokenizer, prefixRows: Int
    ) -> State {
        if status == .damaged {
            let names = lease.job.images.map(\.name).joined(separator: ", ")
            let message = "the features of \(names) were damaged between two ranks; submit the job again"
            return .failed(JobFailure(code: "features_damaged", message: message))
        }
        guard answer.isFinite(prepared.options) else {
            let message =
                "the model's numbers for it are not finite; a weight of the checkpoint may be NaN or infinite, download it "
                + "again"
            return .failed(JobFailure(code: "not_finite", message: message))
        }
        let pictureTokens = prefixRows - prepared.textTokens.count
        return .answered(
            answer.answer(
                status, options: prepared.options, tokenizer: tokenizer, seconds: seconds,
                picture: prepared.pictureSize, isDamaged: prepared.isDamaged, prompt: lease.job.prompt,
                usage: lease.job.service == nil
                    ? nil : AnswerDetails.Usage(promptTokens: prefixRows, imageTokens: pictureTokens)))
    }
}
