import Base
import Queue

/// The boxes of a queue's answers as a COCO detection file: one object with `images`, `annotations` and `categories`.
///
/// A picture is numbered as the first job that is about it, an annotation in the order of the lines, a category, which
/// is a label, as it comes up first. `bbox` is x, y, width and height in pixels; `score`, where it is known, is the
/// geometric mean of the probabilities of a box's places. Answers that were not asked for boxes and have none are left
/// out.
struct CocoFile {
    private let queue: any JobQueue
    /// The number of each picture, by its name.
    private var images: [String: Int64] = [:]
    private var categories: [String: Int] = [:]
    private var labels: [String] = []
    /// Jobs without an answer.
    private(set) var failed = 0

    init(of queue: any JobQueue) {
        self.queue = queue
    }

    /// Writes the file, an entry a line. The results are read twice, so that a million pictures need little memory. What
    /// comes between the two reads about other pictures is left out.
    ///
    /// - Throws: `QueueError` where the results cannot be read, `CommandFailure` where the file cannot be written.
    mutating func write(to lines: LineWriter) throws {
        try lines.append(line: Array("{\"images\":[".utf8))
        var separator = " "
        try forEachDetection { file, result, detection throws in
            guard file.images.updateValue(result.sequence, forKey: result.images[0]) == nil else { return }
            try lines.append(line: Self.image(result, detection.size, separator))
            separator = ","
        }
        try lines.append(line: Array("],\"annotations\":[".utf8))
        var number = 0
        try forEachDetection { file, result, detection throws in
            guard let image = file.images[result.images[0]] else { return }
            for box in detection.boxes {
                number += 1
                let category = file.category(of: box.label)
                try lines.append(line: Self.annotation(number, box, image, category, number == 1 ? " " : ","))
            }
        }
        try lines.append(line: Array("],\"categories\":[".utf8))
        for (index, label) in labels.enumerated() {
            try lines.append(line: Self.category(index + 1, label, index == 0 ? " " : ","))
        }
        try lines.append(line: Array("]}".utf8))
        try lines.flush()
    }

    private mutating func forEachDetection(
        _ body: (inout CocoFile, JobResult, AnswerDetails.Detection) throws -> Void
    ) throws {
        failed = 0
        var file = self
        try queue.forEachResult(sorted: true) { result in
            guard case .answered(let answer) = result.outcome else {
                file.failed += 1
                return
            }
            guard let detection = answer.detection, !result.images.isEmpty else { return }
            try body(&file, result, detection)
        }
        self = file
    }

    private mutating func category(of label: String) -> Int {
        if let known = categories[label] { return known }
        labels.append(label)
        categories[label] = labels.count
        return labels.count
    }
}

extension CocoFile {
    private static func image(_ result: JobResult, _ size: PictureSize, _ separator: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.raw("{\"id\":")
        writer.integer(result.sequence)
        writer.raw(",\"file_name\":")
        writer.string(result.images[0])
        writer.raw(",\"width\":")
        writer.integer(size.width)
        writer.raw(",\"height\":")
        writer.integer(size.height)
        writer.raw("}")
        return Array(separator.utf8) + writer.bytes
    }

    private static func annotation(
        _ number: Int, _ box: DetectedBox, _ image: Int64, _ category: Int, _ separator: String
    ) -> [UInt8] {
        let (x, y) = (box.corners[0], box.corners[1])
        let (width, height) = (box.corners[2] - x, box.corners[3] - y)
        var writer = JSONWriter()
        writer.raw("{\"id\":")
        writer.integer(number)
        writer.raw(",\"image_id\":")
        writer.integer(image)
        writer.raw(",\"category_id\":")
        writer.integer(category)
        writer.raw(",\"bbox\":")
        writer.array([x, y, width, height]) { $0.integer($1) }
        writer.raw(",\"area\":")
        writer.integer(width * height)
        writer.raw(",\"iscrowd\":0")
        if let score = box.score {
            writer.raw(",\"score\":")
            writer.number(score)
        }
        writer.raw("}")
        return Array(separator.utf8) + writer.bytes
    }

    private static func category(_ number: Int, _ label: String, _ separator: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.raw("{\"id\":")
        writer.integer(number)
        writer.raw(",\"name\":")
        writer.string(label)
        writer.raw("}")
        return Array(separator.utf8) + writer.bytes
    }
}
