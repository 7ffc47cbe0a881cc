import Base
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Observes the processes of a world from outside: finds its ranks, notices where they are stopped or dead, and knows the
/// shared memory and the folders that they would leave behind. ``inspect(at:)`` is called regularly while the world runs.
struct WorldWatch {
    private let launcher: pid_t
    /// How long a world's launcher or ranks may be stopped before it is given up.
    private let stoppedTimeout: Duration
    /// How long a launcher may take to end after a rank has died.
    private static let launcherTimeout = Duration.seconds(10)

    private var ranks: Set<pid_t> = []
    private var others: Set<pid_t> = []
    private var namespaces: Set<UInt32> = []
    private var folders: Set<String> = []
    private var stoppedSince: ContinuousClock.Instant?
    private var incompleteSince: ContinuousClock.Instant?

    init(launcher: pid_t, stoppedTimeout: Duration) {
        self.launcher = launcher
        self.stoppedTimeout = stoppedTimeout
    }

    var sawRanks: Bool { !ranks.isEmpty }

    /// Looks at the world's processes.
    ///
    /// - Returns: why the world will not end by itself, where that is so.
    mutating func inspect(at now: ContinuousClock.Instant) -> DeathCause? {
        // A rank of the previous world may have died after that world's last inspection.
        ProcessTree.reapOrphans(except: launcher)
        let tree = ProcessTree()
        for entry in tree.descendants where !ranks.contains(entry.id) && !others.contains(entry.id) { record(entry) }
        let states = Dictionary(tree.descendants.map { ($0.id, $0) }) { first, _ in first }
        guard states[launcher]?.isAlive ?? false else { return nil }

        let isIncomplete = ranks.contains { !(states[$0]?.isAlive ?? false) }
        incompleteSince = isIncomplete ? incompleteSince ?? now : nil
        if let incompleteSince, now - incompleteSince > Self.launcherTimeout {
            return .launcherRemained
        }
        let isStopped = (ranks + [launcher]).contains { states[$0]?.state == "T" }
        stoppedSince = isStopped ? stoppedSince ?? now : nil
        if let stoppedSince, now - stoppedSince > stoppedTimeout { return .stopped }
        return nil
    }

    /// Records a process that is new since the last inspection. The environment of a rank names its job and mpirun's
    /// folder.
    private mutating func record(_ entry: ProcessTree.Entry) {
        let environment = ProcessTree.environment(of: entry.id)
        // Between fork and exec a process has its parent's environment.
        let own = ProcessEnvironment.variables["PMIX_NAMESPACE"]
        guard let text = environment["PMIX_NAMESPACE"], text != own, let number = UInt32(text) else { return }
        guard environment["OMPI_COMM_WORLD_RANK"] != nil, !ranks.contains(entry.parent) else {
            others.insert(entry.id)
            return
        }
        ranks.insert(entry.id)
        namespaces.insert(number)
        if let folder = environment["OMPI_MCA_orte_jobfam_session_dir"] { folders.insert(folder) }
    }

    /// Removes what the dead ranks of the world left: shared memory whose name has the job's number, and mpirun's folder.
    /// Call this when none of the world's processes is left.
    func removeRemains() {
        for folder in Self.memoryFolders {
            for name in (try? FileSystem.names(in: folder)) ?? [] where belongs(name) {
                FileSystem.remove(folder + "/" + name)
            }
        }
        for folder in folders where folder.contains("/ompi.") && folder.contains("/pid.") {
            FileSystem.removeTree(folder)
        }
    }

    /// Returns whether a file of shared memory is this world's. Open MPI names them vader_segment.HOST.USER.JOB.RANK and osc_sm.HOST.JOB.….
    private func belongs(_ name: String) -> Bool {
        guard name.hasPrefix("vader_segment.") || name.hasPrefix("osc_sm.") else { return false }
        return name.split(separator: ".").contains { part in
            UInt32(part, radix: 16).map { part.count >= 6 && namespaces.contains($0) } ?? false
        }
    }

    private static var memoryFolders: [String] {
        let own = ProcessEnvironment.variables["OMPI_MCA_btl_vader_backing_directory"]
        return ["/dev/shm", own].compactMap(\.self) + [NSTemporaryDirectory()]
    }
}
