import Base
import Foundation
import HTTPTypes
import Hummingbird
import Queue

/// What a service says of itself and of its queue.
struct StatusRoutes: Sendable {
    let settings: ServiceSettings
    let broker: RequestBroker
    let models: ModelNames
    let metrics: ServiceMetrics
    let drain: DrainState

    func add(to router: Router<ServiceContext>) {
        router.get("/health") { _, _ in Response(.record(["status": .string("ok")])) }
        router.get("/ready") { _, _ in
            if let error = unready { throw error }
            return Response(.record(["status": .string("ready")]))
        }
        router.get("/metrics") { _, _ in
            let text = metrics.text(
                prefix: settings.metricsPrefix, model: models.served, view: broker.view, waiting: broker.waiting)
            return Response(bytes: Array(text.utf8), type: "text/plain; version=0.0.4; charset=utf-8")
        }
        router.get("/v1/queue") { _, _ in Response(queue) }
        router.get("/openapi.json") { _, _ in Response(OpenAPIDocument.json(models.served)) }
    }

    /// Why a request would not be answered now; nil where it would.
    private var unready: APIError? {
        let view = broker.view
        if drain.isDraining { return .draining }
        if !view.isReachable {
            return APIError(
                503, .server, code: "queue_unavailable",
                view.isKnown ? "the queue did not answer the last time" : "the queue has not been read yet",
                retryAfter: 5)
        }
        guard view.worlds.isEmpty, !settings.isReadyWithoutWorlds else { return nil }
        return APIError(
            503, .server, code: "no_worlds",
            "no world was seen on the queue within 30 s; start one, or wait until its model is loaded", retryAfter: 5)
    }

    private var queue: JSON {
        let view = broker.view
        var counts: [JSON.Member] = JobState.allCases.map { .init(key: "\($0)", value: .integer(view.counts[$0])) }
        counts.append(.init(key: "total", value: .integer(view.counts.total)))
        return .record([
            "model": .string(models.served), "reachable": .bool(view.isReachable), "draining": .bool(drain.isDraining),
            "jobs": .object(counts),
            "jobs_per_second": .seconds(view.rate), "past_rates": .array(view.pastRates.map { .seconds($0) }),
            "seconds_left": view.secondsLeft.map { .seconds($0) } ?? .null,
            "requests_waiting": .integer(broker.waiting), "worlds": .array(view.worlds.map(Self.world)),
        ])
    }

    private static func world(_ world: SeenWorld) -> JSON {
        let record = world.record
        return .record([
            "name": .string(record.owner), "host": .string(record.host), "ranks": .integer(record.ranks),
            "vision_ranks": .integer(record.visionRanks), "model": .string(record.model),
            "adapters": .array(record.adapters.map { .string($0) }), "started": .integer(record.started),
            "answered": .integer(record.answered), "failed": .integer(record.failed),
            "in_flight": .integer(record.inFlight), "seen_seconds_ago": .seconds(world.age.inSeconds),
            "times": record.times.map(Self.times) ?? .null,
        ])
    }

    private static func times(_ times: RankTimes) -> JSON {
        func number(_ seconds: Double?) -> JSON { seconds.map { .seconds($0) } ?? .null }
        let ranks = times.ranks.map { rank in
            JSON.record([
                "vision": number(rank.vision), "prefill": number(rank.prefill), "decode": number(rank.decode),
                "idle": .seconds(rank.idle(of: times.seconds)),
            ])
        }
        return .record(["seconds": .seconds(times.seconds), "ranks": .array(ranks)])
    }
}
