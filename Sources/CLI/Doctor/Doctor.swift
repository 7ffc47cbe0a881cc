import Base
import Foundation
import Queue
import ShardPlan
import Tensor

#if canImport(Glibc)
    import Glibc
#endif

/// Examines this machine, a queue and a model for what a world needs. Nothing is changed.
struct Doctor {
    /// What a person asked about.
    struct Request: Sendable {
        /// A file or an address; nil for none.
        var queue: String?
        var model: String?
        var hostFile: String?
        /// Of a world.
        var ranks: Int
        /// Of a world that would be started.
        var environment: [String: String]
    }

    /// The time for all checks.
    static let limit = Duration.milliseconds(4500)

    let request: Request

    func examine() -> Diagnosis {
        let scratch = ScratchFiles()
        defer { scratch.remove() }
        let files = SystemFiles.current
        // It forks, and is therefore done before there are threads.
        let isReadable = SiblingMemory.isReadable
        let examinations = machine(files, isReadable) + [hosts(), database(), queueFile(scratch), model(files)]
        return Diagnosis.make(examinations, limit: Self.limit)
    }

    private func machine(_ files: SystemFiles, _ isReadable: Bool) -> [Examination] {
        let (ranks, environment, machine) = (request.ranks, request.environment, MachineLimits(files))
        return [
            Examination(.openMPI) { OpenMPICheck.judge(OpenMPICheck.facts(ranks: ranks, environment)) },
            Examination(.launcher) { LauncherCheck.judge(environment) },
            Examination(.sharedMemory) { SharedMemoryCheck.judge(SharedMemoryCheck.facts(environment)) },
            Examination(.rankMemory) { RankMemoryCheck.judge(.init(isReadable: isReadable, files)) },
            Examination(.processor) { ProcessorCheck.judge(ProcessorCheck.facts(files)) },
            Examination(.cores) { CoreCheck.judge(CoreCheck.facts(files, machine, ranks: ranks)) },
            Examination(.numa) { NodeCheck.judge(machine, ranks: ranks) },
            Examination(.hugePages) {
                HugePageCheck.judge(files.text("/sys/kernel/mm/transparent_hugepage/enabled"))
            },
            Examination(.openFiles) {
                var limit = rlimit()
                guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
                    return .notChecked("the kernel does not say the limit")
                }
                return OpenFileCheck.judge(soft: UInt64(limit.rlim_cur), hard: UInt64(limit.rlim_max))
            },
            Examination(.disk) { [queue = request.queue] in
                let file = queue.flatMap { QueueAddress.isDatabase($0) ? nil : $0.parentPath }
                return DiskCheck.judge(DiskCheck.places(queueFolder: file.map { $0.isEmpty ? "." : $0 }))
            },
            Examination(.ffmpeg) { FFmpegCheck.judge(FFmpegCheck.line()) },
        ]
    }

    private func hosts() -> Examination {
        let request = request
        return Examination(.network, .hosts) { report in
            let isChosen = NetworkCheck.isChosen(request.environment)
            let (finding, file) = hostFile(request.hostFile)
            report(.network, NetworkCheck.judge(NetworkInterface.all, hosts: file?.hosts.count, isChosen: isChosen))
            guard let file else { return report(.hosts, finding) }
            let launcher = ExternalProgram(named: "mpirun").flatMap {
                DoctorProgram.firstLine(of: $0, ["--version"], ProcessEnvironment.variables)
            }
            report(.hosts, HostCheck.judge(HostCheck.facts(file, ranks: request.ranks, launcher: launcher)))
        }
    }

    /// - Returns: the file, or what is to be said where there is none.
    private func hostFile(_ path: String?) -> (finding: Finding, file: HostFile?) {
        guard let path else { return (.notChecked("no --hostfile is given"), nil) }
        guard let bytes = FileSystem.contents(of: path) else {
            return (Finding(.fail, "\(path) cannot be read", "give the path of a file for mpirun"), nil)
        }
        return (Finding(.ok, path), HostFile(String(decoding: bytes, as: UTF8.self)))
    }

    private func database() -> Examination {
        let queue = request.queue
        return Examination(.postgreSQL, .pooler, .clock) { report in
            guard let queue, QueueAddress.isDatabase(queue) else {
                let reason = queue == nil ? "no --queue is given" : "the queue is a file"
                report(.postgreSQL, .notChecked(reason))
                report(.pooler, .notChecked(reason))
                return report(.clock, .notChecked("there is no server to compare with"))
            }
            let answer = DatabaseCheck.ask(queue)
            report(.postgreSQL, DatabaseCheck.judge(answer))
            report(.pooler, DatabaseCheck.judgePooler(answer))
            report(.clock, DatabaseCheck.judgeClock(answer))
        }
    }

    private func queueFile(_ scratch: ScratchFiles) -> Examination {
        let queue = request.queue
        return Examination(.queueFile) {
            guard let queue else { return .notChecked("no --queue is given") }
            guard !QueueAddress.isDatabase(queue) else { return .notChecked("the queue is a database") }
            return QueueFileCheck.judge(QueueFileCheck.facts(queue, scratch))
        }
    }

    private func model(_ files: SystemFiles) -> Examination {
        let request = request
        return Examination(.model, .memory, .pageCache, .fingerprint) { report in
            let machine = MachineLimits(files)
            func reportNone(_ reason: String) {
                report(.memory, MemoryCheck.judge(.init(files, machine, weights: nil, buffers: nil)))
                report(.pageCache, .notChecked(reason))
                report(.fingerprint, .notChecked(reason))
            }
            guard let directory = request.model else {
                report(.model, .notChecked("no --model is given"))
                return reportNone("no --model is given")
            }
            do {
                let model = try DoctorModel(directory, ranks: request.ranks)
                report(.model, ModelCheck.judge(ModelCheck.facts(model)))
                let residency = PageCacheCheck.facts(model)
                let memory = MemoryCheck.Facts(files, machine, weights: residency.bytes, buffers: model.buffers)
                report(.memory, MemoryCheck.judge(memory))
                report(.pageCache, PageCacheCheck.judge(residency))
                report(.fingerprint, fingerprint(model, residency))
            } catch {
                let isPlan = error is PlanError
                report(.model, ModelCheck.judge(isPlan ? .unsplittable("\(error)") : .refused("\(error)")))
                reportNone("the model cannot be opened")
            }
        }
    }

    private func fingerprint(_ model: DoctorModel, _ residency: PageCacheCheck.Facts) -> Finding {
        guard let queue = request.queue else { return .notChecked("no --queue is given") }
        do {
            let (known, name) = try DatabaseCheck.model(ofQueue: queue)
            return FingerprintCheck.judge(
                try FingerprintCheck.facts(model, residency, queue: known, queueModel: name))
        } catch is QueueError {
            return .notChecked("the queue cannot be read")
        } catch {
            return .notChecked("\(error)")
        }
    }
}

extension DatabaseCheck {
    static func ask(_ address: String) -> Answer {
        do throws(QueueError) {
            return .success(try DatabaseInspection(address: address))
        } catch {
            return .failure(error)
        }
    }

    /// Returns the fingerprint and the name of the model that a queue belongs to; nil where it belongs to none.
    static func model(ofQueue name: String) throws(QueueError) -> (fingerprint: String?, name: String?) {
        if QueueAddress.isDatabase(name) {
            let queue = try DatabaseInspection(address: name).queue
            return (queue?.fingerprint, queue?.model)
        }
        guard FileSystem.exists(name) else { return (nil, nil) }
        let queue = try QueueFileInspection(path: name)
        return (queue.fingerprint, queue.model)
    }
}
