import Measure

/// A rate that this machine does not exceed, or that is measured beside.
enum MachineLimit: Equatable {
    /// Billions of operations a second of one of the processor's units.
    case probe(ProcessorProbe)
    /// GFLOP/s of OpenBLAS.
    case sgemm(SgemmLimit.Product)
    /// GB/s of plain reads.
    case memory

    /// The best rate that was measured, and how.
    typealias Best = SgemmLimit.Best

    /// The limit as it stands on the command line.
    var text: String {
        switch self {
        case .probe(let probe): probe.rawValue
        case .sgemm(let product): "\(product.rows)x\(product.inputs)x\(product.outputs)"
        case .memory: "memory"
        }
    }

    init?(_ text: String) {
        let numbers = text.split(separator: "x").compactMap { Int($0) }
        if text == "memory" {
            self = .memory
        } else if let probe = ProcessorProbe(rawValue: text) {
            self = .probe(probe)
        } else if numbers.count == 3, numbers.allSatisfy({ $0 > 0 }) {
            self = .sgemm(SgemmLimit.Product(rows: numbers[0], inputs: numbers[1], outputs: numbers[2]))
        } else {
            return nil
        }
    }
}
