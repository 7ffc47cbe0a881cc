import Base
import Queue

extension Job {
    /// Returns the job as every queue can store it: PostgreSQL refuses texts with a NUL character, so that the job fails whose
    /// id or prompt has one.
    func storable() -> Job {
        func hasNUL(_ text: String) -> Bool { text.utf8.contains(0) }
        guard hasNUL(id) || hasNUL(prompt) || hasNUL(fault?.message ?? "") else { return self }
        var job = self
        if fault == nil {
            let place = source.map { "\($0): " } ?? ""
            let name = hasNUL(id) ? "id" : "prompt"
            job.fault = JobFailure(
                code: JobFailure.invalidJob, message: "\(place)the \(name) holds a NUL character; take it out")
        }
        if let fault = job.fault { job.fault = JobFailure(code: fault.code, message: fault.message.onOneLine) }
        if hasNUL(id) { job.id = id.onOneLine }
        if hasNUL(prompt) { job.prompt = "" }
        return job
    }
}
