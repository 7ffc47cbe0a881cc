import Pictures
import Tensor

/// Everything that decides a model's answers: its files, and how they are used. Ranks of a world and worlds of a queue must
/// agree on all of it, as though it were another model otherwise.
///
/// Queues keep it as a string, and files that depend on it are named after it, so the string never changes.
package struct ModelFingerprint: Equatable, Sendable {
    /// The checkpoint's own hash (``Checkpoint/fingerprint()``), in hexadecimal.
    package var checkpoint: String
    /// Whether an answer's tokens see a window of positions in some layers.
    package var hasSlidingWindow: Bool
    /// A hash of the adapters and their names, in hexadecimal; nil where there are none.
    package var adapters: String?
    package var precision: Precision
    package var resize: PictureResize

    package init(
        checkpoint: String, hasSlidingWindow: Bool = false, adapters: String? = nil,
        precision: Precision = .exact, resize: PictureResize = .pillow
    ) {
        self.checkpoint = checkpoint
        self.hasSlidingWindow = hasSlidingWindow
        self.adapters = adapters
        self.precision = precision
        self.resize = resize
    }

    /// The fingerprint of what the weights of the vision tower compute, whatever else the answers depend on: features of
    /// pictures are kept under it.
    package var ofFeatures: ModelFingerprint { ModelFingerprint(checkpoint: checkpoint, precision: precision) }
}

// MARK: As a string

extension ModelFingerprint {
    private static let (windowPart, adaptersPart) = ("window", "adapters")

    /// The fingerprint as queues keep it: the checkpoint's hash, and a part for each setting that is not the default,
    /// as in "0f3c…-window-adapters-9a1b…-int8-big_vision".
    package var encoded: String {
        var parts = [checkpoint]
        if hasSlidingWindow { parts.append(Self.windowPart) }
        if let adapters { parts += [Self.adaptersPart, adapters] }
        if precision != .exact { parts.append(precision.rawValue) }
        if resize != .pillow { parts.append(resize.rawValue) }
        return parts.joined(separator: "-")
    }

    /// Reads ``encoded``; nil where the text is no fingerprint of this version of the software.
    package init?(encoded: String) {
        var parts = encoded.split(separator: "-", omittingEmptySubsequences: false).map(String.init)[...]
        guard let checkpoint = parts.popFirst(), !checkpoint.isEmpty else { return nil }
        self.init(checkpoint: checkpoint)
        if parts.first == Self.windowPart {
            hasSlidingWindow = true
            parts.removeFirst()
        }
        if parts.count >= 2, parts.first == Self.adaptersPart {
            parts.removeFirst()
            adapters = parts.removeFirst()
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
        case checkpoint, slidingWindow, adapters, precision, resize
    }

    /// Returns the parts in which two fingerprints differ.
    package func differences(from other: ModelFingerprint) -> [Field] {
        Field.allCases.filter { field in
            switch field {
            case .checkpoint: checkpoint != other.checkpoint
            case .slidingWindow: hasSlidingWindow != other.hasSlidingWindow
            case .adapters: adapters != other.adapters
            case .precision: precision != other.precision
            case .resize: resize != other.resize
            }
        }
    }
}
