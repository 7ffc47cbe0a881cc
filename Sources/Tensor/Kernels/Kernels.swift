import Base
import CKernels
import Foundation

/// A set of kernels. ``current`` is chosen at the first use: the fastest set that the processor has, or the one that the
/// environment variable `PALIGEMMA_KERNELS` names.
package struct Kernels: @unchecked Sendable {
    // @unchecked: tables of constants.

    /// The sets, the slowest first. docs/performance.md says what each is for.
    package enum Level: String, CaseIterable, Sendable {
        /// The definition of every kernel in plain C.
        case scalar
        /// The scalar kernels, with products by OpenBLAS.
        case blas
        case avx2
        case avx512
        /// The tile unit, with the kernels of ``avx512`` for everything else.
        case amx
    }

    package let name: String
    package let table: UnsafePointer<pg_kernels>
    /// The int8 kernels of the same level.
    package let int8: UnsafePointer<pg_int8_kernels>
    /// Products of pairs of bfloat16 numbers, where the processor has them.
    package let pairs: UnsafePointer<pg_pair_kernels>?
    /// Products on tiles, where the set has them.
    package let tiles: UnsafePointer<pg_tile_kernels>?
    /// Whether OpenBLAS makes the products.
    let usesBLAS: Bool

    /// A set of tables; for tests, which have a model of the tile unit.
    package init(
        name: String, table: UnsafePointer<pg_kernels>, int8: UnsafePointer<pg_int8_kernels>,
        pairs: UnsafePointer<pg_pair_kernels>? = nil, tiles: UnsafePointer<pg_tile_kernels>? = nil,
        usesBLAS: Bool = false
    ) {
        self.name = name
        self.table = table
        self.int8 = int8
        self.pairs = pairs
        self.tiles = tiles
        self.usesBLAS = usesBLAS
    }

    /// Returns the set of a level, or nil where ``Level/obstacle`` says why there is none.
    package init?(level: Level) {
        guard level.obstacle == nil, let code = level.code, let table = pg_kernels_at(code),
            let int8 = pg_int8_kernels_at(code)
        else { return nil }
        self.init(
            name: level.rawValue, table: table, int8: int8, pairs: pg_pair_kernels_at(code),
            tiles: pg_tile_kernels_at(code), usesBLAS: level == .blas)
    }

    /// The scalar twins, which every processor has.
    package static let scalar = Kernels(
        name: Level.scalar.rawValue, table: pg_kernels_at(PG_SCALAR), int8: pg_int8_kernels_at(PG_SCALAR))

    /// The sets that this processor has, the scalar twins first and the fastest last.
    package static let available = Level.allCases.compactMap { Kernels(level: $0) }

    package static let current: Kernels = {
        if let requested = try? requested() { return requested }
        return Level.allCases.reversed().lazy.compactMap { Kernels(level: $0) }.first ?? .scalar
    }()

    /// Returns the set that `PALIGEMMA_KERNELS` names. Nil where the variable is not set.
    ///
    /// - Throws: ``UnavailableKernels`` where there is no such set, or this processor does not have it.
    package static func requested() throws(UnavailableKernels) -> Kernels? {
        guard let wanted = ProcessEnvironment.variables["PALIGEMMA_KERNELS"], !wanted.isEmpty else { return nil }
        guard let level = Level(rawValue: wanted), let kernels = Kernels(level: level) else {
            throw UnavailableKernels(name: wanted)
        }
        return kernels
    }

    /// Checks that products can be trusted: that the set which is asked for is there, and that OpenBLAS, where it makes the
    /// products because nothing else can, is right.
    ///
    /// - Throws: ``UnavailableKernels``.
    package static func check() throws(UnavailableKernels) {
        if try requested() == nil, Level.avx2.obstacle != nil, Level.blas.obstacle != nil {
            throw UnavailableKernels(name: Level.blas.rawValue)
        }
    }

    package struct UnavailableKernels: Error, CustomStringConvertible {
        let name: String

        package var description: String {
            let known = Kernels.available.map(\.name).joined(separator: ", ")
            let reason = Level(rawValue: name)?.obstacle.map { ": \($0)" } ?? ""
            return "the kernels \(name) cannot be used\(reason). "
                + "PALIGEMMA_KERNELS may be one of \(known) on this processor"
        }
    }

    /// Up to this many rows of x, reading the weights takes the time of a product, not the multiplications.
    static let fewRows = 16
}

extension Kernels.Level {
    fileprivate var code: pg_level? {
        switch self {
        case .scalar, .blas: PG_SCALAR
        case .avx2: PG_AVX2
        case .avx512: PG_AVX512
        case .amx: PG_AMX
        }
    }

    /// Why this set cannot be used here; nil where it can.
    package var obstacle: String? {
        switch self {
        case .scalar: nil
        case .blas: BLAS.obstacle
        case .avx2: pg_best_level().rawValue >= PG_AVX2.rawValue ? nil : "this processor has no AVX2 with FMA and F16C"
        case .avx512:
            pg_best_level().rawValue >= PG_AVX512.rawValue ? nil : "this processor has no AVX-512 (F, BW and VL)"
        case .amx: Self.tileObstacle
        }
    }

    private static var tileObstacle: String? {
        switch pg_tile_unit() {
        case PG_TILES_READY: nil
        case PG_TILES_REFUSED:
            "the processor has AMX, but the operating system does not permit its use (Linux before 5.16, or a sandbox)"
        case PG_TILES_WRONG: "the processor has AMX, but its products fail or are wrong"
        default: "this processor has no AMX"
        }
    }
}

extension ElementType {
    package var code: pg_element {
        switch self {
        case .float32: return PG_FLOAT32
        case .bfloat16: return PG_BFLOAT16
        case .float16: return PG_FLOAT16
        }
    }
}
