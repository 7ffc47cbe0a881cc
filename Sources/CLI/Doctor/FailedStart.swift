import Base
import Queue
import WorkerInterface

/// What is said when a world did not start: the short form of a diagnosis.
struct FailedStart {
    let request: Doctor.Request

    func report() {
        let lines = DoctorReport(Doctor(request: request).examine()).short
        let finding = lines.isEmpty ? "finds nothing wrong with this machine" : "has the full report on this"
        Console.writeLine((["paligemma: `\(command)` \(finding)"] + lines).joined(separator: "\n"))
    }

    private var command: String {
        var words = ["paligemma doctor"]
        if let queue = request.queue { words.append("--queue \(QueueAddress.masked(queue))") }
        if let model = request.model { words.append("--model \(model)") }
        return (words + ["--ranks \(request.ranks)"]).joined(separator: " ")
    }
}
