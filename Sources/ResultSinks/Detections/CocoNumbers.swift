import Base
import Queue

/// Which numbers pictures and categories have in a file of COCO: the person's own, from the job's columns `image_id` and
/// `category_id` or from an annotation file.
struct CocoNumbers {
    /// Names without a number.
    struct Unmatched {
        private(set) var count = 0
        private(set) var examples: [String] = []

        mutating func add(_ name: String) {
            count += 1
            if examples.count < 5, !examples.contains(where: { $0.isExactly(name) }) { examples.append(name) }
        }
    }

    let reference: CocoReference?
    private(set) var pictures = Unmatched()
    private(set) var categories = Unmatched()

    init(reference: CocoReference?) { self.reference = reference }

    /// Returns the number of a result's picture, and counts a picture that has none.
    mutating func image(of result: JobResult) -> JSON? {
        let name = result.images.first ?? result.id
        if let id = Self.own("image_id", of: result) ?? reference?.image(name) { return id }
        pictures.add(name)
        return nil
    }

    /// Returns the number of a box's category, and counts a box that has none.
    mutating func category(_ label: String, of result: JobResult) -> JSON? {
        if let id = Self.own("category_id", of: result) ?? reference?.category(label) { return id }
        categories.add(label)
        return nil
    }

    /// Tells a person what was left out.
    ///
    /// - Parameter failed: the number of jobs without an answer.
    func report(failed: Int) -> SinkReport {
        var report = SinkReport()
        report.note(
            failed, "job failed and is not in it; see `paligemma failed`",
            "jobs failed and are not in it; see `paligemma failed`")
        func note(_ unmatched: Unmatched, _ one: String, _ many: String, _ advice: String) {
            guard unmatched.count > 0 else { return }
            let names = unmatched.examples.map { "\"\($0)\"" }.joined(separator: ", ")
            report.note(
                unmatched.count, "\(one) is left out: \(names); \(advice)",
                "\(many) are left out, like \(names); \(advice)")
            report.isIncomplete = true
        }
        note(
            pictures, "answer about a picture without a number", "answers about pictures without a number",
            "carry a column image_id, or give --coco-images with an annotation file that has them")
        note(
            categories, "box of a category without a number", "boxes of categories without a number",
            "carry a column category_id, or give --coco-images with an annotation file that has them")
        return report
    }

    /// Returns the number in one of the person's columns; nil where it has none.
    static func own(_ column: String, of result: JobResult) -> JSON? {
        id(CarriedColumns.members(of: result).last { $0.key.isExactly(column) }?.value)
    }

    /// Returns a value as the number of something: a whole number, also where it is a text; else a text.
    static func id(_ value: JSON?) -> JSON? {
        switch value {
        case .number?: value?.integer.map { .number(String($0)) }
        case .string(let text)? where !text.isEmpty: Int(text).map { .number(String($0)) } ?? .string(text)
        default: nil
        }
    }
}

extension JSONWriter {
    /// Writes x, y, width and height of a box, in pixels.
    mutating func coco(_ box: DetectedBox) {
        let (x, y) = (box.corners[0], box.corners[1])
        array([x, y, box.corners[2] - x, box.corners[3] - y]) { $0.integer($1) }
    }
}
