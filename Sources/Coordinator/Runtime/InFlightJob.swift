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
    mutating func take(_ result: Tokens.Result, tokenizer: Tokenizer) -> (state: State, cancels: Bool) {
        guard let prepared else { return (.unfinished, false) }
        let isStopped = answer.take(result, options: prepared.options, tokenizer: tokenizer)
        let isUnfinished = result.status == .unfinished
        if isUnfinished, !isStopped { return (.unfinished, false) }
        return (end(result.status, prepared, tokenizer), isStopped && isUnfinished)
    }

    private func end(_ status: Tokens.Status, _ prepared: PreparedJob, _ tokenizer: Tokenizer) -> State {
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
        return .answered(
            answer.answer(
                status, options: prepared.options, tokenizer: tokenizer, seconds: seconds,
                picture: prepared.pictureSize, isDamaged: prepared.isDamaged, prompt: lease.job.prompt))
    }
}
