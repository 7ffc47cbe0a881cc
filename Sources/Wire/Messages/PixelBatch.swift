import CWire

/// A micro-batch of pictures for a vision rank, and the ranks that its features are sent to.
package struct PixelBatch: FrameMessage {
    package static let kind = FrameKind.pixelBatch

    /// One resized picture.
    package struct Picture: Sendable, Equatable {
        package var id: UInt64
        /// [side, side, 3] bytes, 8 bit RGB, rows from the top.
        package var rgb: [UInt8]
        /// The adapter that the vision tower is used with, as in ``Order/NewSequence``.
        package var adapter: Int?

        package init(id: UInt64, rgb: [UInt8], adapter: Int? = nil) {
            self.id = id
            self.rgb = rgb
            self.adapter = adapter
        }
    }

    /// The rank that gets some rows of a picture's features.
    package struct Route: Sendable, Equatable {
        package var pictureID: UInt64
        package var firstRow: UInt32
        package var rowCount: UInt32
        package var destinationRank: UInt32

        package init(pictureID: UInt64, firstRow: UInt32, rowCount: UInt32, destinationRank: UInt32) {
            self.pictureID = pictureID
            self.firstRow = firstRow
            self.rowCount = rowCount
            self.destinationRank = destinationRank
        }
    }

    package var batchID: UInt64
    /// Width and height of every picture, in pixels.
    package var side: UInt32
    package var pictures: [Picture]
    package var routes: [Route]
    /// Whether the features of a picture must be batch invariant: the same bits whatever else is in the batch.
    package var isBatchInvariant: Bool

    package init(
        batchID: UInt64, side: UInt32, pictures: [Picture], routes: [Route] = [],
        isBatchInvariant: Bool = false
    ) {
        self.isBatchInvariant = isBatchInvariant
        self.batchID = batchID
        self.side = side
        self.pictures = pictures
        self.routes = routes
    }

    package var routing: Routing {
        Routing(batchID: batchID, itemID: pictures.first?.id ?? 0, rowCount: UInt32(clamping: pictures.count))
    }

    /// Packs the message into protobuf-c's structures.
    ///
    /// - Throws: ``WireError`` where the message contradicts itself.
    package func packed(in arena: Arena) throws(WireError) -> PackedForm {
        let bytes = try Self.pictureBytes(side: side)
        for picture in pictures where picture.rgb.count != bytes {
            throw .malformed(
                kind: Self.kind, reason: "picture \(picture.id) has \(picture.rgb.count) bytes instead of \(bytes)")
        }
        let message = arena.make(pg__wire__pixel_batch__init)
        message.pointee.batch_id = batchID
        message.pointee.side = side
        message.pointee.batch_invariant = isBatchInvariant ? 1 : 0
        message.pointee.n_picture_ids = pictures.count
        message.pointee.picture_ids = arena.copy(pictures.map(\.id))
        if pictures.contains(where: { $0.adapter != nil }) {
            message.pointee.n_adapters = pictures.count
            message.pointee.adapters = arena.copy(pictures.map { AdapterIndex.encode($0.adapter) })
        }
        message.pointee.n_routes = routes.count
        message.pointee.routes = arena.table(routes.map { $0.packed(in: arena) })
        let bulk = Bulk(count: pictures.count * bytes) { destination in
            for (index, picture) in pictures.enumerated() {
                let place = destination[(index * bytes)..<((index + 1) * bytes)]
                UnsafeMutableRawBufferPointer(rebasing: place).copyBytes(from: picture.rgb)
            }
        }
        return PackedForm(message, bulk: bulk)
    }

    /// Reads the message from a frame's payload.
    ///
    /// - Throws: ``WireError`` where the payload is no such message or contradicts itself.
    package init(payload: UnsafeRawBufferPointer) throws(WireError) {
        let (head, pixels) = try Bulk.split(payload, kind: Self.kind)
        self = try Unpacking.read(
            head, kind: Self.kind, pg__wire__pixel_batch__unpack, pg__wire__pixel_batch__free_unpacked
        ) { message throws(WireError) in
            let ids: [UInt64] = Unpacking.array(message.picture_ids, message.n_picture_ids)
            let adapters: [UInt32] = Unpacking.array(message.adapters, message.n_adapters)
            guard adapters.isEmpty || adapters.count == ids.count else {
                throw .malformed(kind: Self.kind, reason: "\(adapters.count) adapters for \(ids.count) pictures")
            }
            let bytes = try Self.pictureBytes(side: message.side)
            guard pixels.count == ids.count * bytes else {
                throw .malformed(
                    kind: Self.kind,
                    reason: "\(pixels.count) bytes of pixels for \(ids.count) pictures of side \(message.side)")
            }
            return PixelBatch(
                batchID: message.batch_id, side: message.side,
                pictures: ids.enumerated().map { index, id in
                    Picture(
                        id: id, rgb: Array(pixels[(index * bytes)..<((index + 1) * bytes)]),
                        adapter: adapters.isEmpty ? nil : AdapterIndex.decode(adapters[index]))
                },
                routes: try Unpacking.messages(message.routes, message.n_routes) { Route($0) },
                isBatchInvariant: message.batch_invariant != 0)
        }
    }

    /// Returns the size of one picture, in bytes. A side that no picture has is refused before it is squared.
    ///
    /// - Throws: `malformed`.
    private static func pictureBytes(side: UInt32) throws(WireError) -> Int {
        guard (1...16384).contains(side) else {
            throw .malformed(kind: kind, reason: "pictures cannot have \(side) pixels a side")
        }
        return Int(side) * Int(side) * 3
    }
}

extension PixelBatch.Route {
    fileprivate func packed(in arena: Arena) -> UnsafeMutablePointer<Pg__Wire__Route> {
        let message = arena.make(pg__wire__route__init)
        message.pointee.picture_id = pictureID
        message.pointee.first_row = firstRow
        message.pointee.row_count = rowCount
        message.pointee.destination_rank = destinationRank
        return message
    }

    fileprivate init(_ message: Pg__Wire__Route) {
        self.init(
            pictureID: message.picture_id, firstRow: message.first_row, rowCount: message.row_count,
            destinationRank: message.destination_rank)
    }
}
