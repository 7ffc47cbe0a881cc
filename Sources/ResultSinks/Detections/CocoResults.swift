import Base
import Queue

/// Answers as COCO has the results of a detector or a captioner: an array, which `loadRes` of pycocotools takes.
enum CocoResults {
    /// Writes all boxes: `image_id`, `category_id`, `bbox`, and `score`, which is 1 where it is not known.
    ///
    /// - Throws: ``SinkError``, `QueueError`.
    static func writeBoxes(
        of queue: any JobQueue, reference: CocoReference?, to output: OutputWriter
    ) throws -> SinkReport {
        try write(queue, reference, to: output) { result, answer, image, numbers in
            (answer.detection?.boxes ?? []).compactMap { box in
                guard let category = numbers.category(box.label, of: result) else { return nil }
                var writer = JSONWriter()
                writer.raw("{\"image_id\":")
                writer.value(image)
                writer.raw(",\"category_id\":")
                writer.value(category)
                writer.raw(",\"bbox\":")
                writer.coco(box)
                writer.raw(",\"score\":")
                writer.number(box.score ?? 1)
                writer.raw("}")
                return writer.bytes
            }
        }
    }

    /// Writes all answers: `image_id` and `caption`.
    ///
    /// - Throws: ``SinkError``, `QueueError`.
    static func writeCaptions(
        of queue: any JobQueue, reference: CocoReference?, to output: OutputWriter
    ) throws -> SinkReport {
        try write(queue, reference, to: output) { _, answer, image, _ in
            var writer = JSONWriter()
            writer.raw("{\"image_id\":")
            writer.value(image)
            writer.raw(",\"caption\":")
            writer.string(answer.text)
            writer.raw("}")
            return [writer.bytes]
        }
    }

    private static func write(
        _ queue: any JobQueue, _ reference: CocoReference?, to output: OutputWriter,
        _ entries: (JobResult, Answer, JSON, inout CocoNumbers) -> [[UInt8]]
    ) throws -> SinkReport {
        var numbers = CocoNumbers(reference: reference)
        var failed = 0
        var separator = Array("[ ".utf8)
        try queue.forEachResult(sorted: true) { result in
            guard case .answered(let answer) = result.outcome else {
                failed += 1
                return
            }
            guard let image = numbers.image(of: result) else { return }
            for entry in entries(result, answer, image, &numbers) {
                try output.append(line: separator + entry)
                separator = Array(",".utf8)
            }
        }
        try output.append(line: separator.count == 2 ? Array("[]".utf8) : Array("]".utf8))
        try output.flush()
        return numbers.report(failed: failed)
    }
}
