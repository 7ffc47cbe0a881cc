/// Any message that a frame may hold.
package enum AnyMessage: Sendable, Equatable {
    case hello(Hello)
    case welcome(Welcome)
    case order(Order)
    case pixelBatch(PixelBatch)
    case features(Features)
    case tokens(Tokens)
    case failure(Failure)
    case report(Report)
    case encoded(Encoded)
}

extension Frame {
    /// Returns the message of a frame.
    ///
    /// - Parameter frame: one whole frame and nothing after it.
    /// - Throws: A ``WireError`` where the bytes are not one whole, undamaged frame of a known kind.
    package static func decode(_ frame: UnsafeRawBufferPointer) throws(WireError) -> AnyMessage {
        let (header, payload) = try open(frame)
        switch header.kind {
        case .hello: return .hello(try Hello(payload: payload))
        case .welcome: return .welcome(try Welcome(payload: payload))
        case .order: return .order(try Order(payload: payload))
        case .pixelBatch: return .pixelBatch(try PixelBatch(payload: payload))
        case .features: return .features(try Features(payload: payload))
        case .tokens: return .tokens(try Tokens(payload: payload))
        case .failure: return .failure(try Failure(payload: payload))
        case .report: return .report(try Report(payload: payload))
        case .encoded: return .encoded(try Encoded(payload: payload))
        }
    }
}
