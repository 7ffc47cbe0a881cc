import Base
import Pictures
import Tensor

/// How a picture becomes the numbers that the vision tower takes: `preprocessor_config.json`, or the part `image_processor`
/// of `processor_config.json`, with the defaults of transformers for what they do not say.
package struct PicturePreprocessing: Sendable, Equatable {
    /// Pillow's filter that resizes pictures; nil where they must have the model's size already (`do_resize` false).
    package var filter: PillowFilter? = .bicubic
    /// What 8-bit samples are multiplied with; nil where they are not.
    package var rescaleFactor: Double? = 1.0 / 255.0
    /// What is subtracted from each channel, and what it is divided by; nil where values are not normalized.
    package var normalization: Normalization? = Normalization(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5])

    package struct Normalization: Sendable, Equatable {
        /// Red, green and blue.
        package var mean: [Float]
        package var deviation: [Float]
    }

    package init() {}

    /// The value of each of the 256 samples of the three channels, [3, 256]: sample · factor in float64, rounded to float32,
    /// then (x − mean) / deviation in float32.
    package var table: [Float] {
        (0..<3).flatMap { channel in
            (0...255).map { sample in
                let value = Float(Double(sample) * (rescaleFactor ?? 1))
                guard let normalization else { return value }
                return (value - normalization.mean[channel]) / normalization.deviation[channel]
            }
        }
    }
}

// MARK: Reading

extension PicturePreprocessing {
    /// Reads the keys of a processor's file.
    ///
    /// - Throws: ``UnsupportedValue`` for the first value that is not implemented, or does not fit the model.
    init(_ json: JSON, _ vision: VisionConfiguration) throws(UnsupportedValue) {
        guard json.object != nil else { throw UnsupportedValue(reason: "is no JSON object") }
        func value(_ key: String) -> JSON? { json[key] == .null ? nil : json[key] }
        func bool(_ key: String, _ defaultValue: Bool) throws(UnsupportedValue) -> Bool {
            guard let value = value(key) else { return defaultValue }
            guard let bool = value.bool else { throw UnsupportedValue(reason: "\(key) must be true or false") }
            return bool
        }
        for key in ["do_center_crop", "do_pad"] where try bool(key, false) {
            throw UnsupportedValue(reason: "\(key) is not implemented; pictures are resized to the model's square")
        }
        let resizes = try bool("do_resize", true)
        try Self.checkSize(value("size"), vision, resizes: resizes)
        if let length = value("image_seq_length"), length.integer != vision.tokens {
            throw UnsupportedValue(
                reason: "image_seq_length is not \(vision.tokens), the number of a picture's tokens of config.json")
        }
        filter = resizes ? try Self.filter(value("resample")) : nil
        rescaleFactor = try bool("do_rescale", true) ? try Self.factor(value("rescale_factor")) : nil
        normalization = nil
        if try bool("do_normalize", true) {
            normalization = Normalization(
                mean: try Self.channels(value("image_mean"), "image_mean") ?? [0.5, 0.5, 0.5],
                deviation: try Self.channels(value("image_std"), "image_std") ?? [0.5, 0.5, 0.5])
        }
        guard table.allSatisfy(\.isFinite) else {
            throw UnsupportedValue(reason: "image_std and the other numbers give values that are not finite")
        }
    }

    private static func checkSize(
        _ size: JSON?, _ vision: VisionConfiguration, resizes: Bool
    ) throws(UnsupportedValue) {
        guard let size, resizes else { return }
        let side = vision.imageSize
        guard size["height"]?.integer == side, size["width"]?.integer == side else {
            throw UnsupportedValue(
                reason: "size is not {\"height\": \(side), \"width\": \(side)}, the model's picture of config.json")
        }
    }

    private static func filter(_ value: JSON?) throws(UnsupportedValue) -> PillowFilter {
        guard let value else { return .bicubic }
        guard let number = value.integer, let filter = PillowFilter(rawValue: number) else {
            throw UnsupportedValue(reason: "resample must be 0 to 5, a filter of Pillow")
        }
        return filter
    }

    private static func factor(_ value: JSON?) throws(UnsupportedValue) -> Double {
        guard let value else { return 1.0 / 255.0 }
        guard let factor = value.number, factor.isFinite else {
            throw UnsupportedValue(reason: "rescale_factor must be a number")
        }
        return factor
    }

    /// A number for all channels, or one for each.
    private static func channels(_ value: JSON?, _ key: String) throws(UnsupportedValue) -> [Float]? {
        guard let value else { return nil }
        let numbers = value.number.map { [$0, $0, $0] } ?? value.array?.compactMap(\.number) ?? []
        guard numbers.count == 3, numbers.allSatisfy({ Float($0).isFinite }) else {
            throw UnsupportedValue(reason: "\(key) must be a number, or one for each of 3 channels")
        }
        return numbers.map { Float($0) }
    }
}

extension ModelConfiguration {
    /// Reads how pictures are prepared, where the model directory says it.
    ///
    /// - Throws: ``ModelError`` with the code `configuration` where a file is malformed, or asks for something that is not
    ///   implemented.
    mutating func readPreprocessing(_ directory: ModelDirectory) throws(ModelError) {
        // The part of processor_config.json wins.
        for (name, part) in [("processor_config.json", "image_processor"), ("preprocessor_config.json", nil)] {
            guard let json = try directory.json(name, .configuration),
                let settings = part.map({ json[$0] }) ?? json, settings != .null
            else { continue }
            do throws(UnsupportedValue) {
                vision.preprocessing = try PicturePreprocessing(settings, vision)
            } catch {
                throw ModelError(.configuration, at: directory.file(name), error.reason)
            }
            if settings["do_convert_rgb"] == .bool(false) {
                notes.append("\(name): do_convert_rgb false not used: pictures are always converted")
            }
            return
        }
    }
}
