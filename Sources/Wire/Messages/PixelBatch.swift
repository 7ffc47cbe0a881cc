import CWire

/// Pictures of one size on their way to a vision rank, and where their features go from there.
package struct PixelBatch: FrameMessage {
    package static let kind = FrameKind.pixelBatch

    /// One picture, resized: `side * side * 3` bytes, rows from the top, 8 bit RGB.
    package struct Picture: Sendable, Equatable {
        package var id: UInt64
        package var rgb: [UInt8]
        /// That it is looked at through, as in `Order.Sequence`.
        package var adapter: UInt32

        package init(id: UInt64, rgb: [UInt8], adapter: UInt32 = 0) {
            self.id = id
            self.rgb = rgb
            self.adapter = adapter
        }
    }

    /// Which rank takes which rows of a picture's features.
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
    /// Pixels.
    package var side: UInt32
    package var pictures: [Picture]
    package var routes: [Route]
    /// Features must not depend on the pictures beside, in no bit.
    package var steady: Bool

    package init(
        batchID: UInt64, side: UInt32, pictures: [Picture], routes: [Route] = [], steady: Bool = false
    ) {
        self.steady = steady
        self.batchID = batchID
        self.side = side
        self.pictures = pictures
        self.routes = routes
    }

    package var routing: Routing {
        Routing(batchID: batchID, itemID: pictures.first?.id ?? 0, rowCount: UInt32(clamping: pictures.count))
    }

    package func packed(in arena: Arena) throws(WireError) -> PackedForm {
        let bytes = try Self.pictureBytes(side: side)
        for picture in pictures where picture.rgb.count != bytes {
            throw .malformed(
                kind: Self.kind, reason: "picture \(picture.id) has \(picture.rgb.count) bytes instead of \(bytes)")
        }
        let message = arena.make(pg__wire__pixel_batch__init)
        message.pointee.batch_id = batchID
        message.pointee.side = side
        message.pointee.steady = steady ? 1 : 0
        message.pointee.n_picture_ids = pictures.count
        message.pointee.picture_ids = arena.copy(pictures.map(\.id))
        if pictures.contains(where: { $0.adapter != 0 }) {
            message.pointee.n_adapters = pictures.count
            message.pointee.adapters = arena.copy(pictures.map(\.adapter))
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
                        adapter: adapters.isEmpty ? 0 : adapters[index])
                },
                routes: try Unpacking.messages(message.routes, message.n_routes) { Route($0) },
                steady: message.steady != 0)
        }
    }

    /// Bytes of one picture. A side that no picture has is refused before it is squared.
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

/// What a vision rank has done of a batch of pictures.
package struct Encoded: FrameMessage {
    package static let kind = FrameKind.encoded

    package var batchID: UInt64
    /// False: its first features are on their way. True: all are.
    package var finished: Bool

    package init(batchID: UInt64, finished: Bool) {
        self.batchID = batchID
        self.finished = finished
    }

    package var routing: Routing { Routing(batchID: batchID) }

    package func packed(in arena: Arena) -> PackedForm {
        let message = arena.make(pg__wire__encoded__init)
        message.pointee.batch_id = batchID
        message.pointee.finished = finished ? 1 : 0
        return PackedForm(message)
    }

    package init(payload: UnsafeRawBufferPointer) throws(WireError) {
        self = try Unpacking.read(
            payload, kind: Self.kind, pg__wire__encoded__unpack, pg__wire__encoded__free_unpacked
        ) { message in
            Encoded(batchID: message.batch_id, finished: message.finished != 0)
        }
    }
}
