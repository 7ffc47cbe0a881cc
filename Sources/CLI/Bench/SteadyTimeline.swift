import Base
import Foundation
import Measure

/// What the stages of all ranks did, from the timeline that a world wrote.
struct SteadyTimeline {
    let events: [SteadyState.Event]

    /// - Throws: ``CommandFailure`` where there is no timeline.
    init(path: String) throws(CommandFailure) {
        let text = FileSystem.data(of: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        guard let entries = (try? JSON(parsing: text))?.array else {
            throw CommandFailure(.internalError, "the world left no timeline; is pg-worker of the same build?")
        }
        events = entries.compactMap(Self.event)
    }

    /// Returns an event of a stage; nil for any other, as those of the threads that read pictures.
    private static func event(_ entry: JSON) -> SteadyState.Event? {
        let kinds: [String: SteadyState.Event.Kind] = ["encode": .vision, "prefill": .prefill, "decode": .decode]
        guard case .string(let name)? = entry["name"], let kind = kinds[name], case .number(let rank)? = entry["pid"],
            case .number(let start)? = entry["ts"], case .number(let duration)? = entry["dur"],
            case .string(let detail)? = entry["args"]?["detail"], let rank = Int(rank), let start = Double(start),
            let duration = Double(duration), let items = detail.split(separator: " ").first.flatMap({ Int($0) })
        else { return nil }
        return SteadyState.Event(
            kind: kind, rank: rank, start: start / 1e6, end: (start + duration) / 1e6, items: items)
    }
}
