import Queue
import Testing
import paligemma

/// What the checks of queues, models and disks say about facts.
@Suite("What the doctor says of queues, models and disks")
struct DoctorQueueJudgments {
    private let schema = DatabaseInspection.knownSchema

    private func database(_ change: (inout DatabaseInspection) -> Void) -> DatabaseInspection {
        var database = DatabaseInspection(version: 150_004, queue: .init(schema: schema))
        change(&database)
        return database
    }

    @Test("A database is well with its queue, and everything that keeps a world from it is a failure")
    func databases() {
        func judge(_ change: (inout DatabaseInspection) -> Void = { _ in }) -> Finding {
            DatabaseCheck.judge(.success(database(change)))
        }
        #expect(judge() == Finding(.ok, "PostgreSQL 15.4, 1.0 ms a round trip; its queue has schema \(schema)"))
        #expect(judge { $0.isInRecovery = true }.status == .fail)
        #expect(judge { $0.queue = .init(schema: 99) }.status == .fail)
        let rights = judge { $0.queue = .init(schema: schema, missingRights: ["UPDATE on jobs"]) }
        #expect(rights.status == .fail && rights.text.hasSuffix("this role lacks UPDATE on jobs"))
        let none = judge { $0.queue = nil }
        #expect(none.status == .note && none.advice == ["`paligemma submit` makes it"])
        #expect(
            judge {
                $0.queue = nil
                $0.mayCreate = false
            }.status == .fail)
        let full = judge { $0.openConnections = 98 }
        #expect(full.status == .warn && full.text.contains("2 of 100 connections are free; a world takes two"))
        #expect(judge { $0.idleSessionTimeout = 5000 }.text.contains("idle for 5 s"))
        #expect(judge { $0.roundTrip = 0.1 }.status == .warn)
        let down = QueueError.unreachable(queue: "postgres://h/d", reason: "connection refused")
        #expect(DatabaseCheck.judge(.failure(down)).status == .fail)
    }

    @Test("A pooler is a note with advice, and a clock that is off by more than the link hides is a warning")
    func poolerAndClock() {
        let pooled = DatabaseCheck.Answer.success(database { $0.isPooled = true })
        let finding = DatabaseCheck.judgePooler(pooled)
        #expect(finding.status == .note && finding.advice.count == 1)
        #expect(DatabaseCheck.judgePooler(.success(database { _ in })).status == .ok)
        func clock(_ offset: Double, trip: Double = 0.002) -> Finding {
            DatabaseCheck.judgeClock(
                .success(
                    database {
                        $0.clockOffset = offset
                        $0.roundTrip = trip
                    }))
        }
        #expect(clock(-0.012) == Finding(.ok, "12.0 ms behind the server, exact to 1.0 ms"))
        #expect(clock(90).status == .warn && clock(90).text == "90.0 s ahead of the server, exact to 1.0 ms")
        #expect(clock(6, trip: 4).status == .ok)
        let silent = DatabaseCheck.Answer.failure(.busy(queue: "q", doing: "x"))
        #expect(DatabaseCheck.judgeClock(silent) == Finding(.note, "not checked: the server did not answer"))
        #expect(DatabaseCheck.judgePooler(silent).status == .note)
    }

    @Test("A queue file is judged by its contents, its place and its disk")
    func queueFiles() {
        let known = QueueFileInspection.knownSchema
        func judge(
            _ content: QueueFileCheck.Content, seconds: Double = 0.002, folder: String? = nil,
            _ change: (inout QueueFileCheck.Facts) -> Void = { _ in }
        ) -> Finding {
            var facts = QueueFileCheck.Facts(
                path: "jobs.db", content: content, commit: .seconds(seconds, folder: folder))
            change(&facts)
            return QueueFileCheck.judge(facts)
        }
        let queue = QueueFileCheck.Content.queue(.init(schema: known, fingerprint: nil, model: nil))
        #expect(judge(queue) == Finding(.ok, "schema \(known); 2.0 ms a commit"))
        #expect(judge(queue, seconds: 0.1).status == .note && judge(queue, seconds: 1).status == .warn)
        #expect(judge(queue, folder: "/tmp").text.hasSuffix("2.0 ms a commit in /tmp"))
        #expect(judge(.absent).status == .note && judge(.interrupted).status == .note)
        #expect(judge(.queue(.init(schema: 99, fingerprint: nil, model: nil))).status == .fail)
        #expect(judge(.unusable(.notAQueue(queue: "jobs.db"))).status == .fail)
        #expect(judge(queue) { $0.networkFileSystem = "NFS" }.text.contains("(NFS)"))
        #expect(judge(queue) { $0.networkFileSystem = "NFS" }.status == .fail)
        #expect(judge(queue) { $0.isWritable = false }.status == .fail)
        #expect(judge(.absent) { $0.hasFolder = false }.status == .fail)
        let unknown = judge(queue) { $0.commit = .unknown("disk full") }
        #expect(unknown.status == .note && unknown.text.contains("not checked: the time of a commit (disk full)"))
    }

    @Test("A model that is refused is a failure, and another model than the queue's too")
    func models() {
        #expect(ModelCheck.judge(.refused("x")).status == .fail)
        #expect(ModelCheck.judge(.unsplittable("x")) == Finding(.fail, "x", "give another number of --ranks"))
        let whole = ModelCheck.Facts.opened(tensors: 3, files: 1, bytes: 1_000_000, networkFileSystem: nil)
        #expect(ModelCheck.judge(whole) == Finding(.ok, "3 tensors in 1 file, 1.0 MB, all inside their files"))
        func judge(queue: String?, checkpoint: String?, model: String? = "cat, --precision int8") -> Finding {
            FingerprintCheck.judge(.init(queue: queue, queueModel: model, checkpoint: checkpoint, modelName: "cat"))
        }
        #expect(judge(queue: nil, checkpoint: "ab").text == "the queue belongs to no model yet")
        #expect(judge(queue: "2-ab", checkpoint: "ab") == Finding(.ok, "the queue belongs to this model"))
        #expect(
            judge(queue: "2-ab-int8", checkpoint: "ab")
                == Finding(.ok, "the queue belongs to this model, with the settings of cat, --precision int8"))
        #expect(judge(queue: "2-cd", checkpoint: "ab").status == .fail)
        #expect(judge(queue: "ab", checkpoint: "ab").status == .fail)
        let large = judge(queue: "2-ab", checkpoint: nil)
        #expect(large.status == .note && large.text.hasPrefix("not checked: ") && large.advice.isEmpty)
        #expect(judge(queue: "2-ab", checkpoint: nil, model: "dog").advice == ["see that cat is the same model"])
    }

    @Test("A model that is not in memory takes as long as its disk")
    func pageCache() {
        func judge(_ resident: Int?, _ rate: Double? = nil) -> Finding {
            PageCacheCheck.judge(.init(bytes: 6_000_000_000, resident: resident, coldRate: rate))
        }
        #expect(judge(6_000_000_000) == Finding(.ok, "100 % of 6.0 GB in memory"))
        #expect(judge(3_000_000_000, 1e8).text == "50 % of 6.0 GB in memory; the rest takes 30 s at 100.0 MB/s")
        #expect(judge(3_000_000_000, 1e8).status == .note && judge(0, 1e7).status == .warn)
        #expect(judge(nil).text.hasPrefix("not checked: "))
    }

    @Test("Disks are judged by bytes and inodes, and ffmpeg by its version")
    func disks() {
        func judge(_ bytes: Int?, inodes: Int? = nil, isVital: Bool = true) -> Finding {
            DiskCheck.judge([
                .init(use: "the queue", path: "/q", freeBytes: bytes, freeInodes: inodes, isVital: isVital)
            ])
        }
        #expect(judge(5_000_000_000, inodes: 9999) == Finding(.ok, "the queue: 5.0 GB free in /q"))
        #expect(judge(500_000_000).status == .warn)
        #expect(judge(1_000_000).status == .fail && judge(1_000_000, isVital: false).status == .warn)
        #expect(judge(5_000_000_000, inodes: 0).status == .fail)
        #expect(judge(5_000_000_000, inodes: 10).text == "the queue: 5.0 GB free in /q, 10 inodes")
        #expect(judge(nil).status == .warn)
        #expect(FFmpegCheck.judge("ffmpeg version 5.1.6-0+deb12u1 Copyright (c)") == Finding(.ok, "5.1.6"))
        #expect(FFmpegCheck.judge("ffmpeg version 4.4 Copyright").status == .warn)
        #expect(FFmpegCheck.judge("ffmpeg version N-109 Copyright").text.hasPrefix("not checked: "))
        #expect(FFmpegCheck.judge(nil).status == .note)
    }

    @Test("The short form has the failures first and at most four findings")
    func shortForm() {
        var findings: [CheckName: Finding] = [:]
        for check in CheckName.allCases.prefix(6) { findings[check] = Finding(.warn, "w", "a") }
        findings[.disk] = Finding(.fail, "f", "b", "c")
        let report = DoctorReport(Diagnosis(findings))
        #expect(
            report.short == [
                "  ✗ disk: f (b)", "  ! open-mpi: w (a)", "  ! launcher: w (a)", "  ! shared-memory: w (a)",
                "  … and 3 more",
            ])
        #expect(report.text.hasSuffix("\n0 ok, 14 note, 6 warn, 1 fail: a world would not start"))
        #expect(DoctorReport(Diagnosis([:])).short.isEmpty)
    }
}
