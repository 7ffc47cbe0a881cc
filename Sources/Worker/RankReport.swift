import Shard
import Wire
import WorkerInterface

extension Rank {
    /// Returns what this rank counted. To be called on the stage's thread when all its work is done.
    func report() -> Report {
        let process = ProcessUsage()
        let counters = ownCounters(process) + visionCounters(process) + textCounters
        return Report(
            rank: UInt32(loop.rank), peakMemoryBytes: UInt64(process.peakBytes),
            counters: counters.map { Report.Counter(name: $0.0.name, value: $0.1) }, timeline: timeline?.json() ?? "")
    }

    private func ownCounters(_ process: ProcessUsage) -> [(ReportCounter, Double)] {
        let counters: [(ReportCounter, Double)] = [
            (.waitingForWorkSeconds, thread.waitingSeconds), (.processorSeconds, process.processorSeconds),
            (.privateMemoryBytes, Double(process.privateBytes)), (.threads, Double(compute.threads)),
            (.cores, Double(launch.usableCores)), (.memoryLimitBytes, Double(launch.machine.memory)),
            (.framesSentBytes, Double(loop.sender.sentFrameBytes)),
        ]
        return counters + (compute.lock.map { [(.hostLockWaitSeconds, $0.waitingSeconds)] } ?? [])
    }

    private func visionCounters(_ process: ProcessUsage) -> [(ReportCounter, Double)] {
        guard let vision = stages.vision else { return [] }
        let counted = vision.counters
        let start = counted.firstStart.map { (ReportCounter.startToEncodeSeconds, process.secondsFromStart(to: $0)) }
        return vision.meter.counters([.vision]) + [start].compactMap(\.self) + [
            (.encodeSeconds, counted.seconds), (.encodedPictures, Double(counted.pictures)),
            (.knownPictures, Double(counted.knownPictures)),
        ]
    }

    private var textCounters: [(ReportCounter, Double)] {
        guard let text = stages.text, let group = stages.group, let features = stages.features else { return [] }
        let counted = text.counters
        return text.meter.counters([.prefill, .decode]) + [
            (.featureWaitSeconds, features.waitingSeconds), (.prefillSeconds, counted.prefillSeconds),
            (.prefillRows, Double(counted.prefillRows)), (.prefillWaitingSeconds, counted.prefillWaitingSeconds),
            (.decodeWaitingSeconds, counted.decodeWaitingSeconds), (.decodeSeconds, counted.decodeSeconds),
            (.decodeSteps, Double(counted.decodeSteps)), (.decodedTokens, Double(counted.decodedTokens)),
            (.collectiveWaitSeconds, group.waitingSeconds), (.collectiveSentBytes, Double(group.sentBytes)),
        ]
    }
}
