import Base
import Queue

/// A row of JSON that came by itself, as a request brings it, with its pictures.
package enum SubmittedLine {
    /// Returns the job of a row; one with a fault where the row makes no sense.
    ///
    /// - Parameters:
    ///   - members: What the row says, without its id and its pictures.
    ///   - place: Where it came from, for messages.
    package static func job(of members: [JSON.Member], id: String, pictures: [JobImage], place: String) -> Job {
        var describer = RowDescriber(template: JobTemplate(), folder: "/")
        var row = RowDescriber.Row(
            place: place, said: members.filter { RowDescriber.knows($0.key) },
            own: members.filter { !RowDescriber.knows($0.key) })
        row.pictures = pictures
        row.said.append(JSON.Member(key: "id", value: .string(id)))
        return describer.job(row) { _, _ in false }
    }
}
