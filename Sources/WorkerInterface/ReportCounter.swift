import Tensor

/// What a rank counts: a figure with a name that ends with its unit. pg-worker writes counters into its report, and
/// `paligemma bench` reads them.
package enum ReportCounter: Hashable, Sendable {
    /// Parts of a rank that count for themselves.
    package enum Stage: Sendable {
        case vision, text
    }

    // MARK: Every rank

    case threads
    /// Cores that the rank may use, by its affinity mask and the quota of its container.
    case cores
    /// Memory that the ranks of the host may use together.
    case memoryLimitBytes
    case processorSeconds
    case privateMemoryBytes
    case waitingForWorkSeconds
    case framesSentBytes
    /// Only where ranks share the cores of a host.
    case hostLockWaitSeconds

    // MARK: Ranks that encode pictures

    case encodeSeconds
    /// Pictures that went through the vision tower.
    case encodedPictures
    /// Pictures whose features were kept from before.
    case knownPictures
    /// From the start of the process to the first picture's arithmetic. Only where a picture was encoded.
    case startToEncodeSeconds

    // MARK: Ranks that hold Gemma

    case featureWaitSeconds
    case prefillSeconds
    case prefillRows
    case prefillWaitingSeconds
    case decodeSeconds
    case decodeSteps
    case decodeWaitingSeconds
    case decodedTokens
    case collectiveWaitSeconds
    case collectiveSentBytes

    // MARK: Arithmetic, by phase and kind

    case seconds(OperationMeter.Phase, OperationMeter.Kind)
    case operations(OperationMeter.Phase, OperationMeter.Kind)
    /// Weights that were read.
    case weightBytes(OperationMeter.Phase, OperationMeter.Kind)
}

extension ReportCounter {
    /// The counter's name in reports.
    package var name: String {
        switch self {
        case .threads: "threads"
        case .cores: "cores"
        case .memoryLimitBytes: "memory_limit_bytes"
        case .processorSeconds: "processor_seconds"
        case .privateMemoryBytes: "private_memory_bytes"
        case .waitingForWorkSeconds: "waiting_for_work_seconds"
        case .framesSentBytes: "frames_sent_bytes"
        case .hostLockWaitSeconds: "turn_wait_seconds"
        case .encodeSeconds: "encode_seconds"
        case .encodedPictures: "encoded_pictures"
        case .knownPictures: "known_pictures"
        case .startToEncodeSeconds: "start_to_encode_seconds"
        case .featureWaitSeconds: "feature_wait_seconds"
        case .prefillSeconds: "prefill_seconds"
        case .prefillRows: "prefill_rows"
        case .prefillWaitingSeconds: "prefill_waiting_seconds"
        case .decodeSeconds: "decode_seconds"
        case .decodeSteps: "decode_steps"
        case .decodeWaitingSeconds: "decode_waiting_seconds"
        case .decodedTokens: "decoded_tokens"
        case .collectiveWaitSeconds: "collective_wait_seconds"
        case .collectiveSentBytes: "collective_sent_bytes"
        case .seconds(let phase, let kind): "\(phase)_\(kind)_seconds"
        case .operations(let phase, let kind): "\(phase)_\(kind)_operations"
        case .weightBytes(let phase, let kind): "\(phase)_\(kind)_weight_bytes"
        }
    }

    /// The stage that a rank must have to count this; nil for what every rank counts.
    package var stage: Stage? {
        switch self {
        case .threads, .cores, .memoryLimitBytes, .processorSeconds, .privateMemoryBytes, .waitingForWorkSeconds,
            .framesSentBytes, .hostLockWaitSeconds:
            nil
        case .encodeSeconds, .encodedPictures, .knownPictures, .startToEncodeSeconds: .vision
        case .featureWaitSeconds, .prefillSeconds, .prefillRows, .prefillWaitingSeconds, .decodeSeconds, .decodeSteps,
            .decodeWaitingSeconds, .decodedTokens, .collectiveWaitSeconds, .collectiveSentBytes:
            .text
        case .seconds(let phase, _), .operations(let phase, _), .weightBytes(let phase, _):
            phase == .vision ? .vision : .text
        }
    }
}

extension OperationMeter {
    /// What the meter counted in some phases.
    package func counters(_ phases: [Phase]) -> [(ReportCounter, Double)] {
        phases.flatMap { phase in
            Kind.allCases.flatMap { kind -> [(ReportCounter, Double)] in
                let total = self[phase, kind]
                return [
                    (.seconds(phase, kind), total.seconds), (.operations(phase, kind), total.operations),
                    (.weightBytes(phase, kind), total.weightBytes),
                ]
            }
        }
    }
}
