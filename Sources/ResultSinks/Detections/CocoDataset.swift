import Base
import Queue

/// The boxes of a queue's answers as a COCO detection file: one object with `images`, `annotations` and `categories`.
///
/// Pictures and categories have the person's own numbers, where there is an annotation file or the jobs carry them. Else a picture
/// is numbered as the first job that is about it, and a category, which is a label, as it comes up first. Annotations are
/// numbered in the order of the jobs. `bbox` is x, y, width and height in pixels; `score`, where it is known, is the
/// geometric mean of the probabilities of a box's places. Answers that were not asked for boxes and have none are left
/// out.
struct CocoDataset {
    private let queue: any JobQueue
    private var numbers: CocoNumbers
    /// Whether pictures have numbers of the person's own; nil before the first box.
    private var hasOwnImages: Bool?
    private var hasOwnCategories: Bool?
    /// The number of each picture, by its name.
    private var images: [ExactText: JSON] = [:]
    private var imageNumbers: Set<ExactText> = []
    private var categories: [ExactText: JSON] = [:]
    private var categoryNumbers: Set<ExactText> = []
    private var labels: [(id: JSON, name: String)] = []
    /// Jobs without an answer.
    private var failed = 0

    init(of queue: any JobQueue, reference: CocoReference?) {
        self.queue = queue
        numbers = CocoNumbers(reference: reference)
        for category in reference?.categories ?? [] {
            labels.append((category.id, category.name))
            categories[ExactText(category.name)] = category.id
            categoryNumbers.insert(ExactText(CarriedColumns.text(category.id)))
        }
    }

    /// Writes the file, an entry a line. The results are read twice, so that a million pictures need little memory. What
    /// comes between the two reads about other pictures is left out.
    ///
    /// - Throws: `QueueError` where the results cannot be read, ``SinkError`` where the file cannot be written.
    mutating func write(to output: OutputWriter) throws -> SinkReport {
        try output.append(line: Array("{\"images\":[".utf8))
        var separator = " "
        try forEachDetection { file, result, detection throws in
            let name = ExactText(result.images[0])
            guard file.images[name] == nil, let id = file.imageNumber(of: result) else { return }
            file.images[name] = id
            guard file.imageNumbers.insert(ExactText(CarriedColumns.text(id))).inserted else { return }
            try output.append(line: Self.image(result, id, detection.size, separator))
            separator = ","
        }
        try output.append(line: Array("],\"annotations\":[".utf8))
        var number = 0
        try forEachDetection { file, result, detection throws in
            guard let image = file.images[ExactText(result.images[0])] else { return }
            for box in detection.boxes {
                guard let category = file.category(of: box.label, result) else { continue }
                number += 1
                try output.append(line: Self.annotation(number, box, image, category, number == 1 ? " " : ","))
            }
        }
        try output.append(line: Array("],\"categories\":[".utf8))
        for (index, label) in labels.enumerated() {
            try output.append(line: Self.category(label.id, label.name, index == 0 ? " " : ","))
        }
        try output.append(line: Array("]}".utf8))
        try output.flush()
        return numbers.report(failed: failed)
    }

    private mutating func forEachDetection(
        _ body: (inout CocoDataset, JobResult, AnswerDetails.Detection) throws -> Void
    ) throws {
        failed = 0
        var file = self
        try queue.forEachResult(sorted: true) { result in
            guard case .answered(let answer) = result.outcome else {
                file.failed += 1
                return
            }
            guard let detection = answer.detection, !result.pictures.isEmpty else { return }
            try body(&file, result, detection)
        }
        self = file
    }

    private mutating func imageNumber(of result: JobResult) -> JSON? {
        let isOwn = hasOwnImages ?? (numbers.reference != nil || CocoNumbers.own("image_id", of: result) != nil)
        hasOwnImages = isOwn
        return isOwn ? numbers.image(of: result) : .number(String(result.sequence))
    }

    private mutating func category(of label: String, _ result: JobResult) -> JSON? {
        let own = CocoNumbers.own("category_id", of: result)
        let isOwn = hasOwnCategories ?? (numbers.reference != nil || own != nil)
        hasOwnCategories = isOwn
        if own == nil, let known = categories[ExactText(label)] { return known }
        guard let id = isOwn ? numbers.category(label, of: result) : .number(String(labels.count + 1)) else {
            return nil
        }
        if categoryNumbers.insert(ExactText(CarriedColumns.text(id))).inserted { labels.append((id, label)) }
        if own == nil { categories[ExactText(label)] = id }
        return id
    }
}

extension CocoDataset {
    private static func image(_ result: JobResult, _ id: JSON, _ size: PictureSize, _ separator: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.raw("{\"id\":")
        writer.value(id)
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
        _ number: Int, _ box: DetectedBox, _ image: JSON, _ category: JSON, _ separator: String
    ) -> [UInt8] {
        let (width, height) = (box.corners[2] - box.corners[0], box.corners[3] - box.corners[1])
        var writer = JSONWriter()
        writer.raw("{\"id\":")
        writer.integer(number)
        writer.raw(",\"image_id\":")
        writer.value(image)
        writer.raw(",\"category_id\":")
        writer.value(category)
        writer.raw(",\"bbox\":")
        writer.coco(box)
        writer.raw(",\"area\":")
        writer.integer(width.multipliedReportingOverflow(by: height).partialValue)
        writer.raw(",\"iscrowd\":0")
        if let score = box.score {
            writer.raw(",\"score\":")
            writer.number(score)
        }
        writer.raw("}")
        return Array(separator.utf8) + writer.bytes
    }

    private static func category(_ id: JSON, _ label: String, _ separator: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.raw("{\"id\":")
        writer.value(id)
        writer.raw(",\"name\":")
        writer.string(label)
        writer.raw("}")
        return Array(separator.utf8) + writer.bytes
    }
}
