import Testing
import Wire

@Suite("Messages that are encoded and decoded") struct RoundTripTests {
    @Test("Every message is decoded as it was encoded", arguments: Samples.all)
    func everyMessageComesBackAsItWas(message: AnyMessage) throws {
        #expect(try decoded(message.encoded()) == message)
    }

    @Test("Every kind of frame has a sample") func everyKindHasASample() throws {
        let kinds = try Samples.all.map { message in
            try message.encoded().withUnsafeBytes { try FrameHeader(of: $0).kind }
        }
        #expect(Set(kinds) == Set(FrameKind.allCases))
    }

    @Test("Features encoded from floats are the same frame and are decoded without a copy")
    func featuresFromFloatsAreTheSameFrameAndComeBackWithoutACopy() throws {
        let numbers: [Float] = (0..<12).map { Float($0) - 5.5 }
        let place = Samples.place
        let frame = try numbers.withUnsafeBytes { try Frame.encodeFeatures(place, data: $0) }
        let copied = try Frame.encode(Features(place: place, data: numbers.withUnsafeBytes { Array($0) }))
        #expect(frame == copied)

        try frame.withUnsafeBytes { bytes in
            let (decodedPlace, data) = try Frame.decodeFeatures(bytes)
            #expect(decodedPlace == place)
            #expect((0..<12).map { data.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) } == numbers)
            #expect(data.baseAddress.map { $0 >= bytes.baseAddress! } == true)
        }
    }

    @Test("The features of a whole picture in one frame are decoded as they were encoded")
    func aFeaturesChunkOfAWholePictureComesBack() throws {
        let place = Features.Place(batchID: 1, pictureID: 2, firstRow: 0, rows: 4096, width: 1152)
        let numbers = (0..<(4096 * 1152)).map { Float(bitPattern: UInt32(truncatingIfNeeded: $0 &* 2_654_435_761)) }
        let frame = try numbers.withUnsafeBytes { try Frame.encodeFeatures(place, data: $0) }
        try frame.withUnsafeBytes { bytes in
            let (_, data) = try Frame.decodeFeatures(bytes)
            #expect(numbers.withUnsafeBytes { $0.elementsEqual(data) })
        }
    }

    @Test("A message that contradicts itself is not encoded") func aMessageThatContradictsItselfIsNotSent() {
        #expect(throws: WireError.self) { try Frame.encode(Features(place: Samples.place, data: [1, 2, 3])) }
        #expect(throws: WireError.self) {
            try Frame.encode(
                PixelBatch(batchID: 1, side: 2, pictures: [PixelBatch.Picture(id: 1, rgb: [1, 2, 3])]))
        }
        #expect(throws: WireError.self) { try Frame.encode(PixelBatch(batchID: 1, side: .max, pictures: [])) }
        let endless = Features.Place(batchID: 1, pictureID: 1, firstRow: 0, rows: .max, width: .max)
        #expect(throws: WireError.self) { try Frame.encode(Features(place: endless, data: [])) }
    }

    @Test("A receiver of one kind of frame refuses another kind") func theReceiverOfOneKindRefusesAnother() throws {
        let frame = try Frame.encode(Welcome(accepted: true))
        #expect(throws: WireError.unexpectedKind(expected: .features, actual: .welcome)) {
            try frame.withUnsafeBytes { _ = try Frame.decodeFeatures($0) }
        }
    }
}
