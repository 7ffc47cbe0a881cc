import CWire

/// The counters of a rank, sent when it stops.
package struct Report: FrameMessage {
    package static let kind = FrameKind.report

    /// A number with its name; the name ends with its unit ("prefill_seconds").
    package struct Counter: Sendable, Equatable {
        package var name: String
        package var value: Double

        package init(name: String, value: Double) {
            self.name = name
            self.value = value
        }
    }

    package var rank: UInt32
    package var peakMemoryBytes: UInt64
    package var counters: [Counter]
    /// Events in Chrome's trace format, as comma-separated JSON objects; empty where no timeline is recorded.
    package var timeline: String

    package init(rank: UInt32, peakMemoryBytes: UInt64, counters: [Counter], timeline: String = "") {
        self.rank = rank
        self.peakMemoryBytes = peakMemoryBytes
        self.counters = counters
        self.timeline = timeline
    }

    package func packed(in arena: Arena) -> PackedForm {
        let message = arena.make(pg__wire__report__init)
        message.pointee.rank = rank
        message.pointee.peak_memory_bytes = peakMemoryBytes
        message.pointee.n_counters = counters.count
        let packedCounters = counters.map { counter in
            let message = arena.make(pg__wire__report__counter__init)
            message.pointee.name = arena.copy(counter.name)
            message.pointee.value = counter.value
            return message
        }
        message.pointee.counters = arena.table(packedCounters)
        message.pointee.timeline = arena.copy(timeline)
        return PackedForm(message)
    }

    /// Reads the message from a frame's payload.
    ///
    /// - Throws: ``WireError`` where the payload is no such message or contradicts itself.
    package init(payload: UnsafeRawBufferPointer) throws(WireError) {
        self = try Unpacking.read(
            payload, kind: Self.kind, pg__wire__report__unpack, pg__wire__report__free_unpacked
        ) { message throws(WireError) in
            Report(
                rank: message.rank, peakMemoryBytes: message.peak_memory_bytes,
                counters: try Unpacking.messages(message.counters, message.n_counters) {
                    Counter(name: Unpacking.string($0.name), value: $0.value)
                },
                timeline: Unpacking.string(message.timeline))
        }
    }
}
