import Foundation

/// Carries messages between the services and the worlds of one queue, without a promise: one that cannot be delivered at once
/// is dropped. Calls never wait and never fail.
package protocol QueueChannel: AnyObject, Sendable {
    /// Sends messages, in their order.
    func send(_ messages: [QueueMessage], to address: QueueMessage.Address)

    /// Whether messages for this side arrive, as far as is known: false where a server or a pooler is between that does not
    /// carry them. Then the queue has to be asked.
    var isHeard: Bool { get }

    /// Receives no more. Nothing is called after it has returned.
    func close()
}

/// Tells the worlds of a queue that there are jobs, or that some were canceled, so that none of them waits for its next look.
package func notifyWorlds(ofQueue queue: String, _ message: QueueMessage) {
    guard let channel = try? openChannel(ofQueue: queue, as: nil, receive: { _ in }) else { return }
    channel.send([message], to: .worlds)
    channel.close()
}

/// Opens the channel of a queue.
///
/// - Parameters:
///   - queue: The name that ``openQueue(_:create:timeout:diskTimeout:)`` opens the queue by.
///   - address: Whose messages are received; nil for a side that only sends.
///   - receive: Called for each message, on a thread of the channel; it must not wait.
package func openChannel(
    ofQueue queue: String, as address: QueueMessage.Address?, receive: @escaping @Sendable (QueueMessage) -> Void
) throws(QueueError) -> any QueueChannel {
    if QueueAddress.isDatabase(queue) {
        return PostgresChannel(try PostgresAddress(queue), as: address, receive: receive)
    }
    return SocketChannel(queue: queue, as: address, receive: receive)
}
