import Base

extension JobResult {
    /// Returns the line of the results file, without its newline. The order of the keys is part of the format:
    /// id, images, prompt, text, tokens, logprobs, finish_reason, the details of the answer, model, seconds, columns (only where the
    /// job has some), error.
    package func line() -> [UInt8] {
        var writer = JSONWriter()
        writer.raw("{\"id\":")
        writer.string(id)
        writer.raw(",\"images\":")
        writer.array(images) { $0.string($1) }
        writer.raw(",\"prompt\":")
        writer.string(prompt)
        switch outcome {
        case .answered(let answer):
            writer.raw(",\"text\":")
            writer.string(answer.text)
            writer.raw(",\"tokens\":")
            writer.array(answer.tokens) { $0.integer($1) }
            writer.raw(",\"logprobs\":")
            writer.array(answer.logprobs) { $0.number($1) }
            writer.raw(",\"finish_reason\":")
            writer.string(answer.finishReason.rawValue)
            if let details = answer.details?.utf8, details.count > 2 {
                writer.raw(",")
                writer.json(details.dropFirst().dropLast())
            }
            writeEnd(to: &writer, seconds: answer.seconds, failure: nil)
        case .failed(let failure, let seconds):
            writer.raw(",\"text\":null,\"tokens\":[],\"logprobs\":[],\"finish_reason\":null")
            writeEnd(to: &writer, seconds: seconds, failure: failure)
        }
        return writer.bytes
    }

    private func writeEnd(to writer: inout JSONWriter, seconds: Double, failure: JobFailure?) {
        writer.raw(",\"model\":")
        if let model { writer.string(model) } else { writer.raw("null") }
        writer.raw(",\"seconds\":")
        writer.number((seconds * 1000).rounded() / 1000)
        if let carried {
            writer.raw(",\"columns\":")
            writer.json(carried.utf8)
        }
        writer.raw(",\"error\":")
        if let failure {
            writer.raw("{\"code\":")
            writer.string(failure.code)
            writer.raw(",\"message\":")
            writer.string(failure.message)
            writer.raw("}")
        } else {
            writer.raw("null")
        }
        writer.raw("}")
    }
}
