import Base
import DecodingSettings
import Pictures
import Tensor

/// Everything that decides a model's answers: its files, and how they are used. Ranks of a world and worlds of a queue must
/// agree on all of it, as though it were another model otherwise.
///
/// This is the only place that says what takes part. Queues keep it as a string, and files that depend on it are named
/// after it, so the string never changes within a version.
package struct ModelFingerprint: Equatable, Sendable {
    /// The checkpoint's own hash (``Checkpoint/fingerprint(threads:)``), in hexadecimal.
    package var checkpoint: String
    /// Whether an answer's tokens see a window of positions in some layers.
    package var hasSlidingWindow: Bool
    /// A hash of the decoding options and end tokens that the checkpoint has for jobs that say nothing, in hexadecimal;
    /// nil where these are the usual ones.
    package var generation: String?
    /// A hash of how pictures become numbers, in hexadecimal; nil where this is as the released models have it.
    package var preprocessing: String?
    /// A hash of how the workers were told to decode files of pictures, in hexadecimal; nil where this is as usual.
    package var decoding: String?
    /// A hash of the adapters and their names, in hexadecimal; nil where there are none.
    package var adapters: String?
    package var precision: Precision
    package var resize: PictureResize

    package init(
        checkpoint: String, hasSlidingWindow: Bool = false, generation: String? = nil, preprocessing: String? = nil,
        decoding: String? = nil, adapters: String? = nil, precision: Precision = .exact,
        resize: PictureResize = .pillow
    ) {
        self.decoding = decoding
        self.checkpoint = checkpoint
        self.hasSlidingWindow = hasSlidingWindow
        self.generation = generation
        self.preprocessing = preprocessing
        self.adapters = adapters
        self.precision = precision
        self.resize = resize
    }

    /// Hashes everything that decides the answers of a model that is loaded.
    ///
    /// - Parameter threads: the number of threads that read the weights.
    /// - Throws: ``ModelError`` with the code `container` where a file of the model cannot be read.
    package init(
        of checkpoint: Checkpoint, _ configuration: ModelConfiguration, adapters: AdapterSet, precision: Precision,
        resize: PictureResize, image: ImageDecoder.Options = ImageDecoder.Options(), threads: Int
    ) throws(ModelError) {
        self.init(
            checkpoint: try checkpoint.fingerprint(threads: threads),
            hasSlidingWindow: configuration.text.window != nil, generation: configuration.generationFingerprint,
            preprocessing: configuration.vision.preprocessing.fingerprint,
            decoding: image.difference.map { ContentHash.hexadecimal(of: Array($0.utf8)) },
            adapters: adapters.fingerprint, precision: precision, resize: resize)
    }

    /// The fingerprint of what the weights of the vision tower compute, whatever else the answers depend on: features of
    /// pictures are kept under it.
    package var ofFeatures: ModelFingerprint {
        ModelFingerprint(checkpoint: checkpoint, preprocessing: preprocessing, precision: precision)
    }
}

// MARK: As a string

extension ModelFingerprint {
    /// The number of the version, which a fingerprint begins with. Version 1 had no number, and its hash covered a part
    /// of the weights only.
    package static let version = "2"
    private static let windowPart = "window"
    /// The parts that hold a hash, in their order.
    private static let hashParts: [(name: String, property: WritableKeyPath<ModelFingerprint, String?> & Sendable)] = [
        ("generation", \.generation), ("pictures", \.preprocessing), ("decoding", \.decoding), ("adapters", \.adapters),
    ]

    /// The fingerprint as queues keep it: the version, the checkpoint's hash, and a part for each setting that is not the
    /// default, as in "2-0f3c…-window-generation-41d0…-adapters-9a1b…-int8-big_vision".
    package var encoded: String {
        var parts = [Self.version, checkpoint]
        if hasSlidingWindow { parts.append(Self.windowPart) }
        for (name, property) in Self.hashParts {
            if let hash = self[keyPath: property] { parts += [name, hash] }
        }
        if precision != .exact { parts.append(precision.rawValue) }
        if resize != .pillow { parts.append(resize.rawValue) }
        return parts.joined(separator: "-")
    }

    /// Reads ``encoded``; nil where the text is no fingerprint of this version of the software.
    package init?(encoded: String) {
        var parts = encoded.split(separator: "-", omittingEmptySubsequences: false).map(String.init)[...]
        guard parts.popFirst() == Self.version, let checkpoint = parts.popFirst(), !checkpoint.isEmpty else {
            return nil
        }
        self.init(checkpoint: checkpoint)
        if parts.first == Self.windowPart {
            hasSlidingWindow = true
            parts.removeFirst()
        }
        for (name, property) in Self.hashParts where parts.count >= 2 && parts.first == name {
            parts.removeFirst()
            self[keyPath: property] = parts.removeFirst()
        }
        if let precision = parts.first.flatMap(Precision.init(rawValue:)), precision != .exact {
            self.precision = precision
            parts.removeFirst()
        }
        if let resize = parts.first.flatMap(PictureResize.init(rawValue:)), resize != .pillow {
            self.resize = resize
            parts.removeFirst()
        }
        guard parts.isEmpty else { return nil }
    }
}

// MARK: Differences

extension ModelFingerprint {
    /// A part of the fingerprint.
    package enum Field: Sendable, CaseIterable {
        case checkpoint, slidingWindow, generation, preprocessing, decoding, adapters, precision, resize
    }

    /// Returns the parts in which two fingerprints differ.
    package func differences(from other: ModelFingerprint) -> [Field] {
        Field.allCases.filter { field in
            switch field {
            case .checkpoint: checkpoint != other.checkpoint
            case .slidingWindow: hasSlidingWindow != other.hasSlidingWindow
            case .generation: generation != other.generation
            case .preprocessing: preprocessing != other.preprocessing
            case .decoding: decoding != other.decoding
            case .adapters: adapters != other.adapters
            case .precision: precision != other.precision
            case .resize: resize != other.resize
            }
        }
    }
}

// MARK: Hashes of settings

extension ModelConfiguration {
    /// A hash of ``generation`` and ``endTokens``; nil where a job that says nothing is greedy until the one end token.
    fileprivate var generationFingerprint: String? {
        guard generation != DecodingDefaults() || endTokens != [endToken] else { return nil }
        var writer = JSONWriter()
        writer.value(.object(generation.members))
        var hash = PartsHash()
        writer.bytes.withUnsafeBytes { hash.add($0) }
        hash.add(text: "\(generation.samples) \(endTokens)")
        return String(hash.hexadecimal().prefix(16))
    }
}

extension PicturePreprocessing {
    /// A hash of all settings; nil for those of the released models.
    fileprivate var fingerprint: String? {
        guard self != PicturePreprocessing() else { return nil }
        var hash = PartsHash()
        hash.add(text: "\(filter?.rawValue ?? -1)")
        table.withUnsafeBytes { hash.add($0) }
        return String(hash.hexadecimal().prefix(16))
    }
}
