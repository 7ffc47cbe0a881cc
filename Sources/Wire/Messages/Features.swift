import CWire

/// Rows of one picture's features, before the projector.
package struct Features: FrameMessage {
    package static let kind = FrameKind.features

    /// How a number is encoded. Both are little-endian.
    package enum Encoding: UInt32, Sendable, CaseIterable {
        case float32 = 1
        case bfloat16 = 2

        /// The size of a number, in bytes.
        package var byteCount: Int {
            switch self {
            case .float32: 4
            case .bfloat16: 2
            }
        }
    }

    /// Which rows of which picture a frame holds.
    package struct Place: Sendable, Equatable {
        package var batchID: UInt64
        package var pictureID: UInt64
        package var firstRow: UInt32
        package var rows: UInt32
        /// The count of numbers in a row (D).
        package var width: UInt32
        package var encoding: Encoding

        package init(
            batchID: UInt64, pictureID: UInt64, firstRow: UInt32, rows: UInt32, width: UInt32,
            encoding: Encoding = .float32
        ) {
            self.batchID = batchID
            self.pictureID = pictureID
            self.firstRow = firstRow
            self.rows = rows
            self.width = width
            self.encoding = encoding
        }

        /// The size of `rows * width` numbers, in bytes. Nil where no machine could hold them.
        package var byteCount: Int? {
            let numbers = UInt64(rows) * UInt64(width)
            return numbers <= UInt64(Int32.max) ? Int(numbers) * encoding.byteCount : nil
        }

        fileprivate var routing: Routing {
            Routing(batchID: batchID, itemID: pictureID, firstRow: firstRow, rowCount: rows)
        }
    }

    package var place: Place
    /// [rows, width] numbers.
    package var data: [UInt8]

    package init(place: Place, data: [UInt8]) {
        self.place = place
        self.data = data
    }

    package var routing: Routing { place.routing }

    /// Packs the message into protobuf-c's structures.
    ///
    /// - Throws: ``WireError`` where the message contradicts itself.
    package func packed(in arena: Arena) throws(WireError) -> PackedForm {
        try place.packed(in: arena, dataCount: data.count) { destination in destination.copyBytes(from: data) }
    }

    /// Reads the message from a frame's payload.
    ///
    /// - Throws: ``WireError`` where the payload is no such message or contradicts itself.
    package init(payload: UnsafeRawBufferPointer) throws(WireError) {
        let (place, data) = try Self.read(payload)
        self.init(place: place, data: Array(data))
    }

    fileprivate static func read(
        _ payload: UnsafeRawBufferPointer
    ) throws(WireError) -> (Place, UnsafeRawBufferPointer) {
        let (head, data) = try Bulk.split(payload, kind: kind)
        let place = try Unpacking.read(
            head, kind: kind, pg__wire__features__unpack, pg__wire__features__free_unpacked
        ) { message throws(WireError) in
            Place(
                batchID: message.batch_id, pictureID: message.picture_id, firstRow: message.first_row,
                rows: message.rows, width: message.width,
                encoding: try Unpacking.choice(message.encoding.rawValue, kind: kind, field: "encoding"))
        }
        guard data.count == place.byteCount else { throw place.mismatch(dataCount: data.count) }
        return (place, data)
    }
}

extension Features.Place {
    fileprivate func packed(
        in arena: Arena, dataCount: Int, fill: @escaping (UnsafeMutableRawBufferPointer) -> Void
    ) throws(WireError) -> PackedForm {
        guard dataCount == byteCount else { throw mismatch(dataCount: dataCount) }
        let message = arena.make(pg__wire__features__init)
        message.pointee.batch_id = batchID
        message.pointee.picture_id = pictureID
        message.pointee.first_row = firstRow
        message.pointee.rows = rows
        message.pointee.width = width
        message.pointee.encoding = Pg__Wire__Features__Encoding(rawValue: encoding.rawValue)
        return PackedForm(message, bulk: Bulk(count: dataCount, fill: fill))
    }

    fileprivate func mismatch(dataCount: Int) -> WireError {
        .malformed(
            kind: .features, reason: "\(dataCount) bytes are not \(rows) rows of \(width) numbers in \(encoding)")
    }
}

extension Frame {
    /// Returns a Features frame of numbers that lie elsewhere: `data` is copied once, to its place in the frame.
    ///
    /// - Parameter data: [rows, width] numbers of the place's encoding.
    /// - Throws: `malformed` where `data` has another size than the place, `tooLong`.
    package static func encodeFeatures(
        _ place: Features.Place, data: UnsafeRawBufferPointer
    ) throws(WireError) -> [UInt8] {
        let arena = Arena()
        let form = try place.packed(in: arena, dataCount: data.count) { $0.copyMemory(from: data) }
        return try encode(form, kind: .features, routing: place.routing)
    }

    /// Returns the place of a Features frame and its numbers, which still lie in `frame`, at no particular alignment.
    ///
    /// - Throws: `unexpectedKind` for a frame of another kind, else as ``decode(_:)``.
    package static func decodeFeatures(
        _ frame: UnsafeRawBufferPointer
    ) throws(WireError) -> (place: Features.Place, data: UnsafeRawBufferPointer) {
        let (header, payload) = try open(frame)
        guard header.kind == .features else { throw .unexpectedKind(expected: .features, actual: header.kind) }
        let (place, data) = try Features.read(payload)
        return (place, data)
    }
}
