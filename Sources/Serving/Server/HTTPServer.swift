import Base
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Queue
import ServiceLifecycle

/// The HTTP server in front of a queue.
package struct HTTPServer: Sendable {
    private let settings: ServiceSettings
    private let broker: RequestBroker
    private let drain = DrainState()
    private let metrics = ServiceMetrics()
    private let models: ModelNames
    private let pictures: RequestPictures
    private let batches: BatchRunner?

    /// - Throws: `QueueError` where the queue cannot be opened, ``StateError`` where the folder of the batches cannot be read.
    package init(_ settings: ServiceSettings) throws {
        self.settings = settings
        let broker = try RequestBroker(queue: settings.queue, maximumPending: settings.maximumWaiting)
        let (models, pictures) = (ModelNames(given: settings.modelName, broker: broker), RequestPictures(settings))
        (self.broker, self.models, self.pictures) = (broker, models, pictures)
        batches = try settings.state.map { state in
            let work = BatchSettings(
                queue: settings.queue, pictures: pictures.ofBatches, model: { models.kind(of: $0) },
                servedModel: { models.served }, notifyWorlds: { broker.notifyWorlds($0) }, log: settings.log)
            return try BatchRunner(state, work)
        }
    }

    /// Serves until ``stop()`` is called, and then until the requests that it has taken are answered.
    ///
    /// - Parameter onReady: Called with the address when the server listens.
    /// - Throws: Where it cannot listen.
    package func run(onReady: @escaping @Sendable (String) -> Void) async throws {
        var logger = Logger(label: "paligemma") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let bind: BindAddress =
            switch settings.address {
            case .host(let name, let port): .hostname(name, port: port)
            case .socket(let path): .unixDomainSocket(path: path)
            }
        let application = Application(
            router: router(), server: .http1(configuration: .init(additionalChannelHandlers: [ContinueHandler()])),
            configuration: .init(address: bind, serverName: "paligemma"),
            onServerRunning: { channel in onReady(Self.describe(channel.localAddress)) }, logger: logger)
        let group = ServiceGroup(configuration: .init(services: [application], logger: logger))
        await stopping.hold { await group.triggerGracefulShutdown() }
        let end = await Result { try await group.run() }
        batches?.stop()
        broker.stop()
        if case .failure(let error) = end { throw ListenError(settings.address, error) }
    }

    private let stopping = StopSwitch()

    /// Takes no more requests; ``run(onReady:)`` returns when those that were taken are answered.
    package func stop() async {
        drain.begin()
        if settings.drainDelay > 0 { try? await Task.sleep(for: .seconds(settings.drainDelay)) }
        await stopping.pull()
    }

    private static func describe(_ address: SocketAddress?) -> String {
        guard let address else { return "" }
        if let path = address.pathname, !path.isEmpty { return "unix:" + path }
        let host = address.ipAddress ?? ""
        return "http://\(host.contains(":") ? "[\(host)]" : host):\(address.port ?? 0)"
    }

    // MARK: Routes

    private func router() -> Router<ServiceContext> {
        let router = Router(context: ServiceContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestGate(settings: settings, metrics: metrics, methods: RouteTable.methods(of:)))
        let bodies = BodyBudget(maximum: settings.limits.allBodiesBytes)
        let writer = AnswerWriter(settings: settings, broker: broker, metrics: metrics, drain: drain)
        AnswerRoutes(
            settings: settings, broker: broker, models: models, pictures: pictures, writer: writer, bodies: bodies,
            drain: drain
        ).add(to: router)
        JobRoutes(
            settings: settings, broker: broker, pictures: pictures, bodies: bodies, drain: drain,
            previews: PicturePreviews(root: settings.pictureRoot)
        ).add(to: router)
        PageRoutes(settings: settings, broker: broker, models: models, drain: drain).add(to: router)
        FileRoutes(batches: batches, drain: drain).add(to: router)
        BatchRoutes(settings: settings, batches: batches, drain: drain).add(to: router)
        router.get("/v1/models") { _, _ in Response(models.list) }
        router.get("/v1/models/**") { _, context in
            Response(try models.one(context.parameters.getCatchAll().joined(separator: "/")))
        }
        StatusRoutes(settings: settings, broker: broker, models: models, metrics: metrics, drain: drain).add(to: router)
        return router
    }
}

/// The reason why a server cannot listen.
package struct ListenError: Error, CustomStringConvertible {
    package let description: String

    init(_ address: ServiceSettings.Address, _ error: any Error) {
        let place: String
        switch address {
        case .host(let name, let port): place = "\(name), port \(port)"
        case .socket(let path): place = path
        }
        let reason: String
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE?: reason = "something listens there already; give another --port, or stop it"
        case EADDRNOTAVAIL?: reason = "it is no address of this machine; give one, or 0.0.0.0 for all"
        case EACCES?: reason = "this user may not; ports below 1024 are for root"
        case let number?: reason = "\(SystemError(number))"
        case nil: reason = error is SocketAddressError ? "there is no host of that name" : "\(error)"
        }
        description = "cannot listen on \(place): \(reason)"
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}

/// Lets a caller end what another runs, also before it runs.
private actor StopSwitch {
    private var isPulled = false
    private var action: (@Sendable () async -> Void)?

    func hold(_ action: @escaping @Sendable () async -> Void) async {
        self.action = action
        if isPulled { await action() }
    }

    func pull() async {
        isPulled = true
        await action?()
    }
}
