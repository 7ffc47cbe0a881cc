import Foundation
import Queue

/// The latest answers of offline jobs, with what they locate drawn on their pictures.
enum PageGallery {
    static func section(_ results: [JobResult]) -> Markup {
        """
        <section id="gallery" aria-labelledby="gallery-title">
        <h2 id="gallery-title">Latest answers</h2>
        <p id="no-answers" class="empty"\(PageProgress.hidden(!results.isEmpty))>Answers of offline jobs appear here, the latest
        first. Requests over HTTP are not kept.</p>
        <ul id="answers" class="gallery">\(results.map(item))</ul>
        </section>
        """
    }

    private static func item(_ result: JobResult) -> Markup {
        let (answer, failure): (Answer?, JobFailure?) =
            switch result.outcome {
            case .answered(let answer): (answer, nil)
            case .failed(let failure, _): (nil, failure)
            }
        let detection = answer?.detection
        let boxes = detection?.boxes ?? []
        let text: Markup =
            if let failure {
                "<p class=\"error\"><code>\(failure.code)</code> \(failure.message)</p>"
            } else if !boxes.isEmpty {
                "<ul class=\"found\">\(boxes.enumerated().map { found($1, number: $0 + 1) })</ul>"
            } else {
                "<p class=\"said\">\(shown(answer?.text ?? ""))</p>"
            }
        return """
            <li><figure>
            <div class="picture">\(picture(result))\(detection.map(overlay) ?? "")</div>
            <figcaption><p class="prompt">\(result.prompt)</p>\(text)\(note(result, boxes))</figcaption>
            </figure></li>
            """
    }

    private static func picture(_ result: JobResult) -> Markup {
        let unreserved = CharacterSet(charactersIn: "-._~").union(.alphanumerics)
        let id = result.id.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
        guard let name = result.images.first else { return "<p class=\"placeholder\">It has no picture.</p>" }
        return "<img src=\"/v1/jobs/\(id)/picture/0\" alt=\"\(name)\" loading=\"lazy\">"
    }

    private static func shown(_ text: String) -> String { text.isEmpty ? "(no text)" : text }

    private static func found(_ box: DetectedBox, number: Int) -> Markup {
        "<li><span class=\"badge\">\(number)</span> \(box.label.isEmpty ? "unnamed" : box.label)</li>"
    }

    private static func note(_ result: JobResult, _ boxes: [DetectedBox]) -> Markup {
        var notes: [String] = []
        if result.images.count > 1 { notes.append("1 of \(result.images.count) pictures") }
        if boxes.contains(where: { !$0.mask.isEmpty }) { notes.append("masks are given and not drawn") }
        return notes.isEmpty ? "" : "<p class=\"quiet\">\(notes.joined(separator: " · "))</p>"
    }

    /// The boxes in units of which the longer side of the picture has 240, so that lines and numbers are as large on every one.
    private static func overlay(_ detection: AnswerDetails.Detection) -> Markup {
        let size = detection.size
        guard size.width > 0, size.height > 0, !detection.boxes.isEmpty else { return "" }
        let scale = 240 / Double(max(size.width, size.height))
        func unit(_ pixels: Int) -> String { PageNumber.decimal(max(0, Double(pixels)) * scale, 1) }
        let shapes = detection.boxes.enumerated().map { index, box -> Markup in
            let corners = box.corners
            guard corners.count == 4 else { return "" }
            let (left, top) = (unit(corners[0]), unit(corners[1]))
            let (width, height) = (unit(corners[2] - corners[0]), unit(corners[3] - corners[1]))
            let rectangle: Markup = "x=\"\(left)\" y=\"\(top)\" width=\"\(width)\" height=\"\(height)\""
            return """
                <g><rect class="halo" \(rectangle)/><rect class="box" \(rectangle)/>\
                <text x="\(left)" y="\(top)" dx="5" dy="15">\(index + 1)</text></g>
                """
        }
        return """
            <svg class="boxes" viewBox="0 0 \(unit(size.width)) \(unit(size.height))" aria-hidden="true">\(shapes)</svg>
            """
    }
}
