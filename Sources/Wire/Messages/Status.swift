import CWire

/// Something went wrong, and how far it reaches.
package struct Failure: FrameMessage {
    package static let kind = FrameKind.failure

    package enum Scope: UInt32, Sendable, CaseIterable {
        case sequence = 1
        case picture = 2
        case order = 3
        case rank = 4
    }

    package var scope: Scope
    /// Of the scope: sequences, pictures, orders or ranks.
    package var ids: [UInt64]
    /// As in the results' `error.code`.
    package var code: String
    package var message: String

    package init(scope: Scope, ids: [UInt64], code: String, message: String) {
        self.scope = scope
        self.ids = ids
        self.code = code
        self.message = message
    }

    package func packed(in arena: Arena) -> PackedForm {
        let form = arena.make(pg__wire__failure__init)
        form.pointee.scope = Pg__Wire__Failure__Scope(rawValue: scope.rawValue)
        form.pointee.n_ids = ids.count
        form.pointee.ids = arena.copy(ids)
        form.pointee.code = arena.copy(code)
        form.pointee.message = arena.copy(message)
        return PackedForm(form)
    }

    package init(payload: UnsafeRawBufferPointer) throws(WireError) {
        self = try Unpacking.read(
            payload, kind: Self.kind, pg__wire__failure__unpack, pg__wire__failure__free_unpacked
        ) { message throws(WireError) in
            Failure(
                scope: try Unpacking.choice(message.scope.rawValue, kind: Self.kind, field: "scope"),
                ids: Unpacking.array(message.ids, message.n_ids), code: Unpacking.string(message.code),
                message: Unpacking.string(message.message))
        }
    }
}

/// A sign of life.
package struct Heartbeat: FrameMessage {
    package static let kind = FrameKind.heartbeat

    package enum State: UInt32, Sendable, CaseIterable {
        case starting = 1
        case idle = 2
        case working = 3
        case draining = 4
        case stopping = 5
    }

    package var rank: UInt32
    /// The sender's monotonic clock.
    package var monotonicNanoseconds: UInt64
    /// The last order that it began.
    package var orderSequenceNumber: UInt64
    package var state: State

    package init(rank: UInt32, monotonicNanoseconds: UInt64, orderSequenceNumber: UInt64, state: State) {
        self.rank = rank
        self.monotonicNanoseconds = monotonicNanoseconds
        self.orderSequenceNumber = orderSequenceNumber
        self.state = state
    }

    package func packed(in arena: Arena) -> PackedForm {
        let message = arena.make(pg__wire__heartbeat__init)
        message.pointee.rank = rank
        message.pointee.monotonic_nanoseconds = monotonicNanoseconds
        message.pointee.order_sequence_number = orderSequenceNumber
        message.pointee.state = Pg__Wire__Heartbeat__State(rawValue: state.rawValue)
        return PackedForm(message)
    }

    package init(payload: UnsafeRawBufferPointer) throws(WireError) {
        self = try Unpacking.read(
            payload, kind: Self.kind, pg__wire__heartbeat__unpack, pg__wire__heartbeat__free_unpacked
        ) { message throws(WireError) in
            Heartbeat(
                rank: message.rank, monotonicNanoseconds: message.monotonic_nanoseconds,
                orderSequenceNumber: message.order_sequence_number,
                state: try Unpacking.choice(message.state.rawValue, kind: Self.kind, field: "state"))
        }
    }
}

/// What a rank counted, at the end or when asked.
package struct Report: FrameMessage {
    package static let kind = FrameKind.report

    /// A figure with its name; the name ends with its unit ("prefill_seconds").
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
    /// Events in Chrome's trace format, as comma-separated JSON objects; empty unless a timeline was asked for.
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
