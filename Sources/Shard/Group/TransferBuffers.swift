import PaliGemma
import Tensor

/// The memory of a collective: two matrices themselves, or narrower copies of them.
final class TransferBuffers: @unchecked Sendable {
    // @unchecked: made and unpacked by the compute thread, used by the main thread in between.

    /// The rows that are sent, in the link's number format.
    let sent: UnsafeRawPointer
    /// The rows that are received, in the link's number format.
    let received: UnsafeMutableRawPointer
    private let target: MatrixView
    private var copies: [UnsafeMutableRawBufferPointer] = []

    /// - Parameters:
    ///   - source: [rows, D] that are sent.
    ///   - target: [rows, D] that are received.
    init(
        _ format: LinkFormat, sending source: MatrixView, receiving target: MatrixView, _ codec: LinkCodec,
        _ staging: StagingPool
    ) {
        self.target = target
        switch format {
        case .float32: (sent, received) = (UnsafeRawPointer(source.address), target.address)
        case .bfloat16:
            copies = [source, target].map { staging.take(bytes: $0.rows * $0.columns * format.bytes) }
            (sent, received) = (UnsafeRawPointer(copies[0].baseAddress!), copies[1].baseAddress!)
            codec.narrow(source, into: copies[0].baseAddress!)
        }
    }

    /// Widens what arrived into rows `ranges` of the target, and gives the copies back to `staging`.
    func unpack(_ ranges: [Range<Int>], _ codec: LinkCodec, _ staging: StagingPool) {
        guard !copies.isEmpty else { return }
        let rowBytes = target.columns * LinkFormat.bfloat16.bytes
        for range in ranges where !range.isEmpty {
            codec.widen(received + range.lowerBound * rowBytes, into: target.rows(range))
        }
        for copy in copies { staging.put(copy) }
        copies = []
    }
}

extension LinkFormat {
    /// The size of a number, in bytes.
    var bytes: Int { self == .float32 ? MemoryLayout<Float>.size : LinkCodec.bytesOfNumber }
}
