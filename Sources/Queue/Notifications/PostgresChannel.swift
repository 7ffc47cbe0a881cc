import Base
import CPostgres
import Foundation
import Synchronization

/// The channel of a queue in a database: LISTEN and NOTIFY, on a connection of its own. NOTIFY takes no part in the transactions
/// of the queue, for its commits wait for each other in the whole server.
final class PostgresChannel: QueueChannel, @unchecked Sendable {
    // @unchecked: `connection` is only used on the channel's thread.
    private let address: PostgresAddress
    /// The name that this side listens to; nil where it only sends.
    private let name: String?
    private let receive: @Sendable (QueueMessage) -> Void
    private let waiting = Locked<[(name: String, message: String)]>([])
    /// A pipe that wakes the thread while it waits for the server: its end to read, and its end to write.
    private let wakeup: (reading: Int32, writing: Int32)
    private let isClosing = Atomic(false)
    private let heard = Atomic(false)
    private let ended = DispatchSemaphore(value: 0)
    private var connection: PostgresConnection?

    /// The longest message that the server carries, in bytes.
    private static let maximumLength = 7999
    /// More messages than these are not kept for a server that is away.
    private static let maximumWaiting = 10_000
    private static let reconnectPause = 1.0
    /// How long the thread sleeps at most, in milliseconds.
    private static let lookMilliseconds: Int32 = 1000

    init(
        _ address: PostgresAddress, as side: QueueMessage.Address?,
        receive: @escaping @Sendable (QueueMessage) -> Void
    ) {
        self.address = address
        name = side.map(Self.name(of:))
        self.receive = receive
        var ends: [Int32] = [-1, -1]
        if pipe(&ends) == 0 {
            for end in ends {
                _ = fcntl(end, F_SETFL, O_NONBLOCK)
                _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            }
        }
        wakeup = (ends[0], ends[1])
        Thread.start("channel") { [self] in run() }
    }

    /// The name of a channel in the server, at most 63 bytes.
    private static func name(of address: QueueMessage.Address) -> String {
        switch address {
        case .worlds: "paligemma_worlds"
        case .service(let service): "paligemma_\(service)"
        }
    }

    var isHeard: Bool { heard.load(ordering: .relaxed) }

    func send(_ messages: [QueueMessage], to address: QueueMessage.Address) {
        guard !messages.isEmpty else { return }
        let name = Self.name(of: address)
        waiting.withLock { waiting in
            // The parts of one answer that come together are one notification.
            for message in messages where waiting.count < Self.maximumWaiting {
                let text = message.encoded
                if text.utf8.count <= Self.maximumLength { waiting.append((name, text)) }
            }
        }
        wake()
    }

    func close() {
        guard !isClosing.exchange(true, ordering: .relaxed) else { return }
        wake()
        ended.wait()
        Glibc.close(wakeup.reading)
        Glibc.close(wakeup.writing)
    }

    private func wake() {
        // A pipe that is full wakes it as well.
        _ = write(wakeup.writing, [1], 1)
    }

    // MARK: The thread

    private func run() {
        defer { ended.signal() }
        while !isClosing.load(ordering: .relaxed) {
            do throws(PostgresError) {
                let connection = try connected()
                try deliver(to: connection)
                // What came with a reply is there already.
                for message in try connection.notifications() { take(message) }
                wait(for: connection)
                for message in try connection.notifications() { take(message) }
            } catch {
                connection = nil
                heard.store(false, ordering: .relaxed)
                waiting.withLock { $0.removeAll() }
                if !isClosing.load(ordering: .relaxed) { Thread.sleep(forTimeInterval: Self.reconnectPause) }
            }
        }
        // What was said last is still delivered.
        if waiting.withLock({ !$0.isEmpty }), let connection = try? connected() { try? deliver(to: connection) }
        connection = nil
    }

    /// Waits until the server says something or there is something to send.
    private func wait(for connection: PostgresConnection) {
        var events = [connection.descriptor, wakeup.reading].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        poll(&events, 2, Self.lookMilliseconds)
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(wakeup.reading, &bytes, bytes.count) > 0 {}
    }

    private static let probe = "probe"

    private func connected() throws(PostgresError) -> PostgresConnection {
        if let connection { return connection }
        let made = try PostgresConnection(address)
        if let name {
            try made.execute("LISTEN \"\(name)\"", doing: "listening")
            // A pooler takes a LISTEN and hands on what it likes. Without one, what comes back proves that this side is heard.
            if !made.isPooled {
                try made.run(
                    PostgresStatements.notify, [.texts([name]), .texts([Self.probe])], doing: "listening")
            }
        }
        connection = made
        return made
    }

    private func deliver(to connection: PostgresConnection) throws(PostgresError) {
        let messages = waiting.withLock { waiting in
            defer { waiting.removeAll() }
            return waiting
        }
        guard !messages.isEmpty else { return }
        try connection.run(
            PostgresStatements.notify, [.texts(messages.map(\.name)), .texts(messages.map(\.message))],
            doing: "notifying")
    }

    private func take(_ text: String) {
        if text == Self.probe {
            if !heard.exchange(true, ordering: .relaxed) { receive(.jobsAdded) }
        } else if let message = QueueMessage(encoded: text) {
            receive(message)
        }
    }
}
