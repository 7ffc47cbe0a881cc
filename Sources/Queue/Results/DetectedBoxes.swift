import Foundation

/// An object that an answer locates in its picture.
package struct DetectedBox: Sendable, Equatable {
    /// Empty where the answer has none.
    package var label: String
    /// x0, y0, x1, y1 in pixels of the picture in its file, turned upright; 0 is its left or top edge.
    package var corners: [Int]
    /// The sixteen code words of its mask, row by row of 4 x 4; empty where it has none.
    package var mask: [Int]
    /// The confidence of its four coordinates: the geometric mean of their probabilities; nil where it is not known.
    package var score: Float?

    package init(label: String, corners: [Int], mask: [Int] = [], score: Float? = nil) {
        self.score = score
        self.label = label
        self.corners = corners
        self.mask = mask
    }
}

/// The boxes in an answer. Source: section 7.3 of the model's notes.
///
///     <loc0051><loc0309><loc0708><loc0646> cat ; <loc0100><loc0200><loc0300><loc0400> dog
///
/// Four places are top, left, bottom and right in 1024ths of the picture's height and width, then may come sixteen code
/// words of a mask, then a label, which ends before ";", "<" or ">". Everything else is text: fewer than four places,
/// an unknown place, a box whose end lies before its beginning.
package enum DetectedBoxes {
    private static let mark = "<loc"
    private static let parts = 1024
    private static let codeWords = 128

    /// - Parameters:
    ///   - width: The width of the picture, in pixels.
    ///   - height: The height of the picture, in pixels.
    ///   - placeLogprobs: The log-probabilities of the answer's tokens for places, in their order.
    package static func find(
        in answer: String, width: Int, height: Int, placeLogprobs: [Float] = []
    ) -> [DetectedBox] {
        var rest = Substring(answer)
        var boxes: [DetectedBox] = []
        var starts: [Int] = []
        var passed = 0
        while let start = rest.firstRange(of: mark)?.lowerBound {
            rest = rest[start...]
            switch box(at: rest, width, height) {
            case .box(let box, let end):
                boxes.append(box)
                starts.append(passed)
                passed += 4
                rest = end
            case .inverted(let end):
                passed += 4
                rest = end
            case .none:
                passed += 1
                rest = rest.dropFirst()
            }
        }
        // A text may spell a place with other tokens; then the log-probabilities cannot be assigned.
        guard passed == placeLogprobs.count else { return boxes }
        for (index, start) in starts.enumerated() {
            boxes[index].score = exp(placeLogprobs[start..<start + 4].reduce(0, +) / 4)
        }
        return boxes
    }

    /// Returns whether a token stands for a place.
    package static func isPlace(_ piece: String) -> Bool { piece.hasPrefix(mark) && piece.hasSuffix(">") }

    private enum Finding {
        case box(DetectedBox, rest: Substring)
        /// Four places of which an end lies before its beginning.
        case inverted(rest: Substring)
        case none
    }

    private static func box(at text: Substring, _ width: Int, _ height: Int) -> Finding {
        var rest = text
        let places = numbers("loc", digits: 4, below: parts, count: 4, &rest)
        guard places.count == 4 else { return .none }
        guard places[0] <= places[2], places[1] <= places[3] else { return .inverted(rest: rest) }
        var afterMask = rest.drop(while: \.isWhitespace)
        let mask = numbers("seg", digits: 3, below: codeWords, count: 16, &afterMask)
        if mask.count == 16 { rest = afterMask }
        let label = rest.prefix { !";<>".contains($0) }
        // Halves are rounded to even, as the public programs do.
        func pixel(_ place: Int, of side: Int) -> Int {
            Int((Double(place) / Double(parts) * Double(side)).rounded(.toNearestOrEven))
        }
        let corners = [
            pixel(places[1], of: width), pixel(places[0], of: height), pixel(places[3], of: width),
            pixel(places[2], of: height),
        ]
        let name = label.trimmingCharacters(in: .whitespacesAndNewlines)
        let box = DetectedBox(label: name, corners: corners, mask: mask.count == 16 ? mask : [])
        return .box(box, rest: rest[label.endIndex...])
    }

    /// Returns the numbers of up to `count` consecutive tokens `<nameDDDD>` and removes these from `text`.
    private static func numbers(
        _ name: String, digits: Int, below limit: Int, count: Int, _ text: inout Substring
    ) -> [Int] {
        var numbers: [Int] = []
        while numbers.count < count, text.hasPrefix("<\(name)") {
            let body = text.dropFirst(name.count + 1)
            let digitsText = body.prefix(digits)
            guard digitsText.count == digits, digitsText.allSatisfy({ $0.isASCII && $0.isNumber }),
                let number = Int(digitsText), number < limit, body.dropFirst(digits).first == ">"
            else { break }
            numbers.append(number)
            text = body.dropFirst(digits + 1)
        }
        return numbers
    }
}
