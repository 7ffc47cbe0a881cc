import Base
import Foundation
import Synchronization

/// A bound socket and the thread that reads it.
final class SocketReceiver: Sendable {
    private let folder: String
    private let name: String
    private let descriptor: Int32
    private let isClosing = Atomic(false)
    private let ended = DispatchSemaphore(value: 0)

    /// The longest message, in bytes.
    private static let maximumLength = 1 << 18
    private static let maximumTries = 5
    /// How long a closed socket may be waited for, in milliseconds.
    private static let lookMilliseconds = 250

    /// Nil where the folder cannot be made or written into: then this side hears nothing.
    init?(folder: String, name: String, receive: @escaping @Sendable (QueueMessage) -> Void) {
        guard let descriptor = Self.bind(name, in: folder) else { return nil }
        self.folder = folder
        self.name = name
        self.descriptor = descriptor
        Thread.start("channel") { [self] in
            var buffer = [UInt8](repeating: 0, count: Self.maximumLength)
            while !isClosing.load(ordering: .relaxed) {
                var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                guard poll(&event, 1, Int32(Self.lookMilliseconds)) > 0 else { continue }
                let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                guard count >= 0 else { continue }
                let text = String(decoding: buffer[..<count], as: UTF8.self)
                if let message = QueueMessage(encoded: text) { receive(message) }
            }
            ended.signal()
        }
    }

    func close() {
        guard !isClosing.exchange(true, ordering: .relaxed) else { return }
        ended.wait()
        FileSystem.remove(folder + "/" + name)
        Glibc.close(descriptor)
        // Only where nobody else has one.
        FileSystem.removeFolder(folder)
    }

    /// Makes a socket with a name in a folder, and the folder where there is none.
    private static func bind(_ name: String, in folder: String) -> Int32? {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        for _ in 0..<maximumTries {
            // For the owner of the queue alone: what comes in moves worlds.
            try? FileSystem.makeFolder(folder, mode: 0o700)
            // Whoever closes the last socket of the folder removes it, perhaps right now.
            guard let open = OpenFolder(folder), let place = SocketName(folder: open, name: name) else { continue }
            open.remove(name)
            if place.bind(descriptor) { return descriptor }
        }
        Glibc.close(descriptor)
        return nil
    }
}
