import CWire
import TestSupport
import Testing
import Wire

/// What a receiver makes of bytes that no sender of ours sent.
@Suite("Frames that are damaged") struct DamageTests {
    @Test("Every flipped bit is found by the check of its place", arguments: Samples.all)
    func everyFlippedBitIsCaughtByTheRightCheck(message: AnyMessage) throws {
        let frame = try message.encoded()
        for index in frame.indices {
            for bit in 0..<8 {
                var damaged = frame
                damaged[index] ^= 1 << UInt8(bit)
                let error = decodingError(damaged)
                switch (index, error) {
                case (0..<4, .wrongMagic), (4..<6, .wrongVersion), (6..<44, .corruptHeader), (44..., .corruptPayload):
                    break
                default:
                    Issue.record("byte \(index), bit \(bit) gave \(String(describing: error))")
                }
            }
        }
    }

    @Test("A frame cut off at any byte is refused", arguments: Samples.all)
    func everyTruncationIsCaught(message: AnyMessage) throws {
        let frame = try message.encoded()
        for length in frame.indices {
            let expected = length < FrameHeader.byteCount ? FrameHeader.byteCount : frame.count
            #expect(decodingError(Array(frame[..<length])) == .truncated(expected: expected, actual: length))
        }
        #expect(decodingError(frame + [0]) == .trailingBytes(expected: frame.count, actual: frame.count + 1))
    }

    @Test("A damaged Features frame still names its picture and rows")
    func aDamagedFeaturesFrameStillSaysWhichRowsOfWhichPictureItWas() throws {
        var frame = try Frame.encode(Samples.features)
        frame[frame.count - 1] ^= 0x10
        guard case .corruptPayload(let header)? = decodingError(frame) else {
            Issue.record("expected a corrupt payload")
            return
        }
        #expect(header.kind == .features)
        #expect(header.routing == Routing(batchID: 7, itemID: .max, firstRow: 256, rowCount: 3))
        let text = WireError.corruptPayload(header).description
        #expect(text.contains("batch 7, item 18446744073709551615, rows 256..<259"))
    }

    @Test("Frames of another version or kind are refused by name") func otherVersionsAndKindsNameThemselves() throws {
        let frame = try Frame.encode(Welcome(accepted: true))
        #expect(decodingError(resealed(frame) { $0[4] = 9 }) == .wrongVersion(9))
        #expect(decodingError(resealed(frame) { $0[6] = 99 }) == .unknownKind(99))
        #expect(WireError.wrongVersion(9).description.contains("wire version 9, this program uses \(Frame.version)"))
    }

    @Test("A frame that is too long is refused before its payload is read")
    func anOverLongFrameIsRefusedBeforeItsPayloadIsLookedAt() throws {
        let frame = try Frame.encode(Welcome(accepted: true))
        let endless = resealed(frame) { $0.replaceSubrange(8..<12, with: [255, 255, 255, 255]) }
        let refusal = WireError.tooLong(kind: .welcome, bytes: Int(UInt32.max), limit: Frame.maximumPayload)
        #expect(decodingError(endless) == refusal)
    }

    @Test("Every error has a description of its own") func everyErrorHasADescriptionOfItsOwn() throws {
        let header = try Frame.encode(Samples.features).withUnsafeBytes { try FrameHeader(of: $0) }
        let errors: [WireError] = [
            .truncated(expected: 2, actual: 1), .trailingBytes(expected: 1, actual: 2), .wrongMagic(0),
            .wrongVersion(0), .corruptHeader, .unknownKind(0), .tooLong(kind: .hello, bytes: 2, limit: 1),
            .corruptPayload(header), .malformed(kind: .hello, reason: ""),
            .unexpectedKind(expected: .hello, actual: .order),
        ]
        #expect(Set(errors.map(\.description)).count == errors.count)
    }

    @Test("Random bytes never crash the receiver") func randomBytesNeverCrashTheReceiver() {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<20_000 {
            let length = Int.random(in: 0...200, using: &generator)
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(decodingError(bytes) != nil)
        }
    }

    /// Behind right checksums, so that protobuf-c and the bulk reader meet the bytes.
    @Test("Payloads that are wrong under a right checksum never crash the receiver")
    func wrongPayloadsBehindRightChecksumsNeverCrashTheReceiver() throws {
        var generator = SeededGenerator(seed: 3)
        let frames = try Samples.all.map { try $0.encoded() }
        var refused = 0
        for round in 0..<40_000 {
            var frame = frames[round % frames.count]
            let payload = FrameHeader.byteCount..<frame.count
            if payload.isEmpty { continue }
            for _ in 0...Int.random(in: 0...3, using: &generator) {
                let index = Int.random(in: payload, using: &generator)
                frame[index] = UInt8.random(in: 0...255, using: &generator)
            }
            switch decodingError(resealed(frame)) {
            case nil: break
            case .malformed: refused += 1
            case let error: Issue.record("expected a malformed message, got \(String(describing: error))")
            }
        }
        #expect(refused > 1000)
    }

    @Test("Bulk data that does not end with the frame is refused") func bulkDataThatDoesNotEndWithTheFrameIsRefused()
        throws
    {
        let frame = try Frame.encode(Samples.features)
        // A field after the bulk, and a bulk that claims more than is there.
        let followed = resealed(frame + [0x08, 0x01]) { $0[8] += 2 }
        let lengthIndex = frame.count - 49
        #expect(frame[lengthIndex] == 48)
        let longer = resealed(frame) { $0[lengthIndex] = 49 }
        for damaged in [followed, longer] {
            guard case .malformed(.features, _)? = decodingError(damaged) else {
                Issue.record("expected a malformed message")
                continue
            }
        }
    }

    /// `frame` after `change`, with both checksums made right again.
    private func resealed(_ frame: [UInt8], _ change: (inout [UInt8]) -> Void = { _ in }) -> [UInt8] {
        var frame = frame
        change(&frame)
        let payload = Array(frame[FrameHeader.byteCount...])
        store(pg_crc32c(0, payload, payload.count), in: &frame, at: 12)
        store(pg_crc32c(0, frame, 40), in: &frame, at: 40)
        return frame
    }

    private func store(_ value: UInt32, in frame: inout [UInt8], at offset: Int) {
        for byte in 0..<4 { frame[offset + byte] = UInt8(truncatingIfNeeded: value >> UInt32(8 * byte)) }
    }
}
