import CTileModel
import Tensor

extension Kernels {
    /// The kernels on tiles and on pairs of bfloat16, with models of their instructions. Nil without AVX2, for which the
    /// models are compiled.
    package static let tileModel: Kernels? = {
        guard let vector = Kernels(level: .avx512) ?? Kernels(level: .avx2) else { return nil }
        return Kernels(
            name: "amx (model)", table: vector.table, int8: pg_int8_model(), pairs: pg_pair_model(),
            tiles: pg_tile_model())
    }()

    /// The kernels of AVX-512 with a model of the products of pairs. Nil without AVX-512.
    package static let pairModel = Kernels(level: .avx512).map {
        Kernels(name: "avx512 (model)", table: $0.table, int8: $0.int8, pairs: pg_pair_model())
    }

    /// The sets that this processor has, and the model of the tile unit.
    package static let sets = available + [tileModel].compactMap { $0 }
    package static let setNames = sets.map(\.name)

    /// Returns a set by its name.
    package static func set(named name: String) -> Kernels? { sets.first { $0.name == name } }
}
