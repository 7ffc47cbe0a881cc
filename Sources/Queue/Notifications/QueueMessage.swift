import Base

/// What services and worlds tell each other beside a queue, so that nobody has to ask it again and again. The queue is the
/// truth: a message that is lost costs time, never a job or an answer.
package enum QueueMessage: Sendable, Equatable {
    /// To every world: there are jobs to do at once.
    case jobsAdded
    /// To every world: jobs were canceled, perhaps some that it works on.
    case jobsCanceled
    /// To a service: what was added to the answer of a job of it.
    case progress(AnswerProgress)
    /// To a service: a job of it has ended; the queue has its result.
    case ended(jobID: String)

    /// Whom a message is for, and who receives it.
    package enum Address: Sendable, Hashable {
        case worlds
        case service(String)
    }
}

/// A part of an answer that is still growing.
package struct AnswerProgress: Sendable, Equatable {
    package var jobID: String
    /// The attempt that says this; another may begin again, with the same text.
    package var attempt: Int
    /// The UTF-8 bytes of the answer before this part.
    package var offset: Int
    package var text: String
    /// The number of tokens of the answer up to the end of this part.
    package var tokens: Int
    /// The tokens that came with this part, where the job asks for their probabilities.
    package var logprobs: [TokenLogprob]

    package init(jobID: String, attempt: Int, offset: Int, text: String, tokens: Int, logprobs: [TokenLogprob] = []) {
        self.jobID = jobID
        self.attempt = attempt
        self.offset = offset
        self.text = text
        self.tokens = tokens
        self.logprobs = logprobs
    }
}

/// A token of an answer and its probability.
package struct TokenLogprob: Sendable, Equatable {
    package var text: String
    /// The natural logarithm of its probability.
    package var logprob: Float
    /// The most probable tokens in its place, the best first.
    package var top: [TokenLogprob]

    package init(text: String, logprob: Float, top: [TokenLogprob] = []) {
        self.text = text
        self.logprob = logprob
        self.top = top
    }
}

// MARK: As text

extension QueueMessage {
    /// The message as a JSON object on one line.
    var encoded: String {
        var writer = JSONWriter()
        switch self {
        case .jobsAdded: writer.raw("{}")
        case .jobsCanceled: writer.raw("{\"canceled\":true}")
        case .ended(let jobID):
            writer.raw("{\"ended\":")
            writer.string(jobID)
            writer.raw("}")
        case .progress(let progress):
            writer.raw("{\"job\":")
            writer.string(progress.jobID)
            writer.raw(",\"attempt\":")
            writer.integer(progress.attempt)
            writer.raw(",\"offset\":")
            writer.integer(progress.offset)
            writer.raw(",\"text\":")
            writer.string(progress.text)
            writer.raw(",\"tokens\":")
            writer.integer(progress.tokens)
            if !progress.logprobs.isEmpty {
                writer.raw(",\"logprobs\":")
                writer.array(progress.logprobs) { $0.tokenLogprob($1) }
            }
            writer.raw("}")
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// Nil for what another version says.
    init?(encoded: String) {
        guard let json = try? JSON(parsing: encoded), let members = json.object else { return nil }
        if members.isEmpty {
            self = .jobsAdded
        } else if json["canceled"] != nil {
            self = .jobsCanceled
        } else if let jobID = json["ended"]?.string {
            self = .ended(jobID: jobID)
        } else if let jobID = json["job"]?.string, let attempt = json["attempt"]?.integer,
            let offset = json["offset"]?.integer, let text = json["text"]?.string, let tokens = json["tokens"]?.integer
        {
            self = .progress(
                AnswerProgress(
                    jobID: jobID, attempt: attempt, offset: offset, text: text, tokens: tokens,
                    logprobs: json["logprobs"]?.array?.compactMap { TokenLogprob($0) } ?? []))
        } else {
            return nil
        }
    }
}

extension JSONWriter {
    fileprivate mutating func tokenLogprob(_ token: TokenLogprob) {
        raw("[")
        string(token.text)
        raw(",")
        number(token.logprob)
        if !token.top.isEmpty {
            raw(",")
            array(token.top) { $0.tokenLogprob($1) }
        }
        raw("]")
    }
}

extension TokenLogprob {
    fileprivate init?(_ json: JSON) {
        guard let fields = json.array, (2...3).contains(fields.count), let text = fields[0].string,
            case .number(let number) = fields[1], let logprob = Float(number)
        else { return nil }
        // One level: the tokens of `top` have none of their own.
        let top = fields.count == 3 ? fields[2].array ?? [] : []
        self.init(
            text: text, logprob: logprob,
            top: top.compactMap { alternative in
                guard let fields = alternative.array, fields.count == 2, let text = fields[0].string,
                    case .number(let number) = fields[1], let logprob = Float(number)
                else { return nil }
                return TokenLogprob(text: text, logprob: logprob)
            })
    }
}
