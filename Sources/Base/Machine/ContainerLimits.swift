/// What the control groups of this process allow it: of all groups from its own up to the root, the tightest limit.
package struct ContainerLimits: Sendable, Equatable {
    /// Processor time in cores: 2.5 are 250 ms of all threads together in 100 ms. Nil where there is no quota.
    package private(set) var cores: Double?
    /// Bytes, the page cache of files included. Nil where there is no limit.
    package private(set) var memory: Int?
    /// Files that should hold a limit and do not, or that cannot be read: what they limit is not known.
    package private(set) var ignoredFiles: [String] = []

    /// What a file says.
    private enum Reading<Value> {
        case limit(Value)
        case none
        case invalid
    }

    /// No quota is taken for less than this, in cores: a period has time for something.
    private static let minimumCores = 0.001
    /// From here on, in bytes, version 1 means "no limit": it has no word for that.
    private static let unlimitedMemory: UInt64 = 1 << 60
    /// Where a group of version 2 has a quota and no period, in microseconds.
    private static let usualPeriod: Int64 = 100_000

    package init(_ files: SystemFiles) {
        let groups = ControlGroups(files)
        for folder in groups.folders(of: .processor) {
            cores = tightest(cores, readQuota(folder, files))
        }
        for folder in groups.folders(of: .memory) {
            let names =
                switch folder.version {
                case .one: ["memory.limit_in_bytes"]
                // Above memory.high the kernel takes pages away and slows the process down: no plan should count on
                // them.
                case .two: ["memory.max", "memory.high"]
                }
            for name in names {
                memory = tightest(memory, read("\(folder.path)/\(name)", files, Self.bytes))
            }
        }
    }

    private func tightest<Value: Comparable>(_ one: Value?, _ other: Value?) -> Value? {
        [one, other].compactMap(\.self).min()
    }

    /// Returns the limit in a file; nil where there is none. What is no limit is noted.
    private mutating func read<Value>(
        _ path: String, _ files: SystemFiles, _ parse: (Substring) -> Reading<Value>
    ) -> Value? {
        let reading: Reading<Value> =
            switch files.content(path) {
            case .absent: .none
            case .unreadable: .invalid
            case .text(let text): parse(text.split(separator: "\n").first ?? "")
            }
        switch reading {
        case .limit(let value): return value
        case .none: return nil
        case .invalid:
            ignoredFiles.append(path)
            return nil
        }
    }

    private mutating func readQuota(_ folder: ControlGroups.Folder, _ files: SystemFiles) -> Double? {
        guard folder.version == .one else { return read("\(folder.path)/cpu.max", files, Self.quotaAndPeriod) }
        guard let quota = read("\(folder.path)/cpu.cfs_quota_us", files, Self.quota) else { return nil }
        let period = read("\(folder.path)/cpu.cfs_period_us", files) { text in
            Int64(text).map { $0 > 0 ? .limit($0) : .invalid } ?? .invalid
        }
        return period.map { max(Self.minimumCores, Double(quota) / Double($0)) }
    }

    /// Reads "max 100000" or "250000 100000", in microseconds.
    private static func quotaAndPeriod(_ text: Substring) -> Reading<Double> {
        let fields = text.split(separator: " ")
        guard (1...2).contains(fields.count) else { return .invalid }
        let period = fields.count == 2 ? Int64(fields[1]) : usualPeriod
        guard let period, period > 0 else { return .invalid }
        if fields[0] == "max" { return .none }
        guard let quota = Int64(fields[0]), quota > 0 else { return .invalid }
        return .limit(max(minimumCores, Double(quota) / Double(period)))
    }

    /// Reads "-1" (no limit) or "250000".
    private static func quota(_ text: Substring) -> Reading<Int64> {
        guard let quota = Int64(text), quota != 0 else { return .invalid }
        return quota < 0 ? .none : .limit(quota)
    }

    /// Reads "max", or a number of bytes.
    private static func bytes(_ text: Substring) -> Reading<Int> {
        if text == "max" || text == "-1" { return .none }
        guard let bytes = UInt64(text), bytes > 0 else { return .invalid }
        return bytes < unlimitedMemory ? .limit(Int(bytes)) : .none
    }
}
