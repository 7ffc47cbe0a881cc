import Measure

/// The processor whose kernels OpenBLAS is fastest with on this machine. By itself it may choose others, for a processor
/// that the installed version does not know.
struct SgemmCoreType: Equatable {
    /// A core type that was not measured, and why.
    struct Skipped: Encodable, Equatable {
        let coreType: String
        let reason: String
    }

    /// OpenBLAS's names of the processors whose sgemm differs; the first two need AVX2 and no more.
    private static let known = ["Haswell", "Zen", "SkylakeX", "Cooperlake", "SapphireRapids"]
    private static let withAVX2Only = 2
    /// The product that core types are compared with: large enough for blocks of every kernel.
    private static let trial = SgemmLimit.Product(rows: 512, inputs: 2048, outputs: 2048)

    /// The name to give to OpenBLAS; nil where its own choice is the fastest.
    let name: String?
    let skipped: [Skipped]

    /// Tries every core type in a process of its own.
    ///
    /// - Parameter kernels: the name of the set that is measured beside: with `avx2`, OpenBLAS is held to AVX2 too.
    /// - Throws: ``CommandFailure`` where a process cannot be started.
    static func best(threads: Int, beside kernels: String) throws(CommandFailure) -> SgemmCoreType {
        let types = kernels == "avx2" ? known.prefix(withAVX2Only).map { $0 } : [nil] + known
        var best: (name: String?, rate: Double) = (nil, 0)
        var skipped: [Skipped] = []
        for type in types {
            let outcomes = try LimitProcess.measure(
                [.sgemm(trial)], threads: threads, seconds: 0.2, coreType: type)
            switch outcomes[0] {
            case .failure(let absence):
                skipped.append(Skipped(coreType: type ?? "OpenBLAS's own choice", reason: absence.description))
            case .success(let found):
                if let type, found.coreType.lowercased() != type.lowercased() {
                    skipped.append(Skipped(coreType: type, reason: "this OpenBLAS does not know it"))
                } else if found.rate > best.rate {
                    best = (type, found.rate)
                }
            }
        }
        return SgemmCoreType(name: best.name, skipped: skipped)
    }
}
