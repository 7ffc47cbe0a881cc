import CKernels

/// Numbers as bfloat16 for the wire, and back.
package struct LinkCodec: Sendable {
    private let team: ThreadTeam
    private let kernels: Kernels

    package init(team: ThreadTeam, kernels: Kernels = .current) {
        self.team = team
        self.kernels = kernels
    }

    /// Bytes of a number on the wire.
    package static let bytesOfNumber = 2

    /// Rounds every number of a view, row after row, to the nearest bfloat16 (ties to even).
    package func narrow(_ view: MatrixView, into wire: UnsafeMutableRawPointer) {
        let narrow = kernels.narrow
        let out = WirePointer(base: wire.assumingMemoryBound(to: UInt16.self))
        team.rows(view.rows, by: 256) { range in
            for row in range { narrow(view.row(row), out.base + row * view.columns, view.columns) }
        }
    }

    package func widen(_ wire: UnsafeRawPointer, into view: MatrixView) {
        let source = WirePointer(
            base: UnsafeMutableRawPointer(mutating: wire).assumingMemoryBound(to: UInt16.self))
        team.rows(view.rows, by: 256) { [kernels] range in
            for row in range {
                kernels.table.pointee.widen(
                    ElementType.bfloat16.code, source.base + row * view.columns, view.row(row), view.columns)
            }
        }
    }

    /// On the calling thread, from any alignment.
    package static func widen(_ wire: UnsafeRawBufferPointer, into view: MatrixView) {
        precondition(view.isDense && wire.count == view.rows * view.columns * bytesOfNumber)
        guard let base = wire.baseAddress else { return }
        Kernels.current.table.pointee.widen(
            ElementType.bfloat16.code, base, view.base, view.rows * view.columns)
    }

    private struct WirePointer: @unchecked Sendable {
        // @unchecked: every thread reads or writes rows of its own.
        let base: UnsafeMutablePointer<UInt16>
    }
}

extension Kernels {
    /// The rounding to bfloat16 of this set's level.
    package var narrow: @convention(c) (UnsafePointer<Float>?, UnsafeMutablePointer<UInt16>?, Int) -> Void {
        let level: pg_level
        switch Level(rawValue: name) {
        case .avx512: level = PG_AVX512
        case .avx2: level = PG_AVX2
        case .scalar, nil: level = PG_SCALAR
        }
        // A set that exists has this function as well; the plain twin is always there.
        return pg_narrow_at(Int32(level.rawValue)) ?? pg_narrow_at(Int32(PG_SCALAR.rawValue))!
    }
}
