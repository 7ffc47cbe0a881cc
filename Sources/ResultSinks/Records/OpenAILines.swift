import Base
import Queue

/// The output of OpenAI's batch interface: a line a job with its `custom_id`, which is the job's id. A job that failed is a line
/// with the status 400 and its error. The numbers that a queue does not know, of the time and of the prompt's tokens, are 0.
package struct OpenAILines: RecordEncoder {
    let header: [UInt8] = []
    /// The time of the answers, in seconds since 1970.
    private let created: Int
    /// What the model is called; nil for the name that the queue has.
    private let model: String?

    package init(created: Int = 0, model: String? = nil) { (self.created, self.model) = (created, model) }

    func record(of result: JobResult) -> [UInt8]? { record(of: result, customID: result.id) }

    /// Returns the line of a request that ended without an attempt.
    ///
    /// - Parameter jobID: The id of its job, whether that was submitted or not.
    package func unattempted(jobID: String, customID: String, code: String, message: String) -> [UInt8] {
        var writer = opening(ContentHash.hexadecimal(of: Array(jobID.utf8)), customID)
        writer.raw(",\"response\":null,\"error\":{\"code\":")
        writer.string(code)
        writer.raw(",\"message\":")
        writer.string(message)
        writer.raw("}}")
        return writer.bytes + [0x0A]
    }

    private func opening(_ hash: String, _ customID: String) -> JSONWriter {
        var writer = JSONWriter()
        writer.raw("{\"id\":")
        writer.string("batch_req_" + hash)
        writer.raw(",\"custom_id\":")
        writer.string(customID)
        return writer
    }

    /// Returns the line of a job that has another id than its request.
    package func record(of result: JobResult, customID: String) -> [UInt8] {
        // The same job has the same names in every file.
        let hash = ContentHash.hexadecimal(of: Array(result.id.utf8))
        var writer = opening(hash, customID)
        switch result.outcome {
        case .answered(let answer):
            writer.raw(",\"response\":{\"status_code\":200,\"request_id\":")
            writer.string("req_" + hash)
            writer.raw(",\"body\":")
            write(answer, hash, model: result.model, to: &writer)
            writer.raw("},\"error\":null}")
        case .failed(let failure, _):
            writer.raw(",\"response\":{\"status_code\":400,\"request_id\":")
            writer.string("req_" + hash)
            writer.raw(",\"body\":{\"error\":")
            write(failure, to: &writer)
            writer.raw("}},\"error\":")
            write(failure, to: &writer)
            writer.raw("}")
        }
        return writer.bytes + [0x0A]
    }

    private func write(_ answer: Answer, _ hash: String, model: String?, to writer: inout JSONWriter) {
        writer.raw("{\"id\":")
        writer.string("chatcmpl-" + hash)
        writer.raw(",\"object\":\"chat.completion\",\"created\":")
        writer.integer(created)
        writer.raw(",\"model\":")
        writer.string(self.model ?? model ?? "")
        writer.raw(",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":")
        writer.string(answer.text)
        writer.raw(",\"refusal\":null},\"logprobs\":null,\"finish_reason\":")
        writer.string(answer.finishReason == .length ? "length" : "stop")
        writer.raw("}],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":")
        writer.integer(answer.tokens.count)
        writer.raw(",\"total_tokens\":")
        writer.integer(answer.tokens.count)
        writer.raw("}}")
    }

    private func write(_ failure: JobFailure, to writer: inout JSONWriter) {
        writer.raw("{\"message\":")
        writer.string(failure.message)
        writer.raw(",\"type\":\"invalid_request_error\",\"param\":null,\"code\":")
        writer.string(failure.code)
        writer.raw("}")
    }
}
