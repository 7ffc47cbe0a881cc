import Base
import Foundation
import Measure
import Tensor

/// What the processor can, which kernels are chosen for it, and what a hypervisor hides.
package enum ProcessorCheck {
    package struct Facts: Sendable {
        /// /proc/cpuinfo.
        package var description: String
        /// The chosen set of kernels for float32, and the one for int8.
        package var kernels: String
        package var int8Kernels: String
        /// Why the kernels that were asked for cannot be used.
        package var obstacle: String?
        /// OPENBLAS_CORETYPE.
        package var coreType: String?

        package init(
            description: String, kernels: String, int8Kernels: String, obstacle: String? = nil, coreType: String? = nil
        ) {
            self.description = description
            self.kernels = kernels
            self.int8Kernels = int8Kernels
            self.obstacle = obstacle
            self.coreType = coreType
        }
    }

    package static func judge(_ facts: Facts) -> Finding {
        if let obstacle = facts.obstacle {
            return Finding(
                .fail, obstacle, "unset PALIGEMMA_KERNELS, or install OpenBLAS where the processor has no AVX2")
        }
        let processor = Description(facts.description)
        var text = "\(processor.name), kernels \(facts.kernels), int8 \(facts.int8Kernels)"
        if let rate = processor.expectedRate(facts.kernels) { text += ", up to about \(Int(rate)) GFLOP/s a core" }
        var findings = [Finding(.ok, text)]
        if ["blas", "scalar"].contains(facts.kernels) {
            findings.append(
                Finding(
                    .warn, "there are no vector kernels of this software for it",
                    "use a processor with AVX2 where you can; expect a fraction of its speed here"))
        }
        let hidden = processor.hiddenFlags
        if !hidden.isEmpty {
            findings.append(
                Finding(
                    .note, "the hypervisor hides \(hidden.joined(separator: " and "))",
                    "give the virtual machine the host's processor (QEMU: -cpu host; clouds: another machine type)"))
        }
        if let coreType = facts.coreType {
            findings.append(
                Finding(
                    .warn, "OPENBLAS_CORETYPE is \(coreType)", "unset OPENBLAS_CORETYPE, unless you compare kernels"))
        }
        return .all(findings)
    }

    static func facts(_ files: SystemFiles) -> Facts {
        var obstacle: String?
        do { try Kernels.check() } catch { obstacle = error.description }
        let kernels = Kernels.current
        return Facts(
            description: files.text("/proc/cpuinfo") ?? "", kernels: kernels.name,
            int8Kernels: kernels.int8.pointee.name.map { String(cString: $0) } ?? kernels.name, obstacle: obstacle,
            coreType: ProcessEnvironment.variables["OPENBLAS_CORETYPE"])
    }

    /// The first processor of /proc/cpuinfo.
    private struct Description {
        private var values: [String: String] = [:]
        private let flags: Set<Substring>

        init(_ text: String) {
            for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                if line.isEmpty, !values.isEmpty { break }
                let parts = line.split(separator: ":", maxSplits: 1)
                guard parts.count == 2 else { continue }
                values[parts[0].trimmingCharacters(in: .whitespaces)] = parts[1].trimmingCharacters(in: .whitespaces)
            }
            flags = Set((values["flags"] ?? values["Features"] ?? "").split(separator: " "))
        }

        var name: String { values["model name"] ?? "unknown processor" }
        private var family: Int { values["cpu family"].flatMap { Int($0) } ?? -1 }
        private var model: Int { values["model"].flatMap { Int($0) } ?? -1 }
        private var isIntelServer: Bool { values["vendor_id"] == "GenuineIntel" && family == 6 }
        private var isAMD: Bool { values["vendor_id"] == "AuthenticAMD" }
        private var isZen4: Bool { isAMD && family == 25 && (0x10...0x1F).union(0x60...0xAF).contains(model) }

        /// What every processor of this model has, and this one does not show.
        var hiddenFlags: [String] {
            guard flags.contains("hypervisor") else { return [] }
            // Skylake, Ice Lake, Sapphire and Emerald Rapids, Granite Rapids; Zen 4 and 5.
            let hasTiles = isIntelServer && [143, 207, 173].contains(model)
            let hasAVX512 =
                hasTiles || isIntelServer && [85, 106, 108].contains(model) || isZen4 || isAMD && family == 26
            var hidden: [String] = []
            if hasAVX512, !flags.contains("avx512f") { hidden.append("AVX-512") }
            if hasTiles, !flags.contains("amx_tile") { hidden.append("AMX") }
            return hidden
        }

        /// GFLOP/s of a core in float32 on a machine that others use too; nil for processors that were not measured.
        func expectedRate(_ kernels: String) -> Double? {
            let name: String? =
                if isIntelServer, [143, 207].contains(model) {
                    "emerald-rapids"
                } else if isAMD, family == 26 {
                    "zen5"
                } else if isZen4 {
                    "zen4"
                } else if isAMD, family == 25 {
                    "zen3"
                } else {
                    nil
                }
            let probe: ProcessorProbe? =
                switch kernels {
                case "avx2": .float32AVX2
                case "avx512": .float32AVX512
                default: nil
                }
            guard let name, let probe else { return nil }
            return KnownProcessor(named: name)?.rates[probe]
        }
    }
}

extension ClosedRange<Int> {
    fileprivate func union(_ other: ClosedRange<Int>) -> Set<Int> { Set(self).union(other) }
}
