import Base
import Foundation

/// The channel of a queue in a file: datagram sockets in a folder beside it. Every world that waits for work has one, and every
/// service; who sends looks into the folder for whom to send to.
///
/// A datagram is delivered as a whole or not at all. One that finds no room is dropped, and a socket that nobody listens on any
/// more is removed by who finds it.
final class SocketChannel: QueueChannel {
    private let folder: String
    /// What is sent with; it is not bound to a name.
    private let sending: Int32
    private let receiving: SocketReceiver?

    private static let worldPrefix = "world-"
    private static let servicePrefix = "service-"

    init(queue: String, as address: QueueMessage.Address?, receive: @escaping @Sendable (QueueMessage) -> Void) {
        folder = queue + ".channel"
        sending = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let name: String? =
            switch address {
            case nil: nil
            case .worlds?: Self.worldPrefix + String(UInt64.random(in: 0 ... .max), radix: 16)
            case .service(let service)?: Self.servicePrefix + service
            }
        receiving = name.flatMap { SocketReceiver(folder: queue + ".channel", name: $0, receive: receive) }
        if receiving != nil { removeDeadSockets() }
    }

    deinit {
        if sending >= 0 { Glibc.close(sending) }
    }

    var isHeard: Bool { receiving != nil }

    func send(_ messages: [QueueMessage], to address: QueueMessage.Address) {
        guard !messages.isEmpty, sending >= 0, let folder = OpenFolder(folder) else { return }
        let names: [String] =
            switch address {
            case .worlds: folder.names(withPrefix: Self.worldPrefix)
            case .service(let service): [Self.servicePrefix + service]
            }
        for name in names {
            guard let place = SocketName(folder: folder, name: name) else { continue }
            for message in messages where !place.send([UInt8](message.encoded.utf8), with: sending) {
                folder.remove(name)
                break
            }
        }
    }

    /// Removes what killed processes left behind.
    private func removeDeadSockets() {
        guard let folder = OpenFolder(folder) else { return }
        for name in folder.names(withPrefix: "") {
            guard let place = SocketName(folder: folder, name: name), !place.isListenedTo else { continue }
            folder.remove(name)
        }
    }

    func close() { receiving?.close() }
}
