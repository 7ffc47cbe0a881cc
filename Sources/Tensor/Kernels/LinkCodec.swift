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
        let out = WirePointer(base: wire.assumingMemoryBound(to: UInt16.self))
        team.rows(view.rows, by: 256) { [kernels] range in
            for row in range {
                kernels.table.pointee.narrow(view.row(row), out.base + row * view.columns, view.columns)
            }
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
