import Queue
import Testing

@Suite("Boxes in answers")
struct DetectedBoxesTests {
    private func found(_ answer: String, width: Int = 2048, height: Int = 1024) -> [DetectedBox] {
        DetectedBoxes.find(in: answer, width: width, height: height)
    }

    @Test("One box is found, with its corners in the pixels of the picture, x before y")
    func one() {
        #expect(
            found("<loc0051><loc0309><loc0708><loc0646> shoe") == [
                DetectedBox(label: "shoe", corners: [618, 51, 1292, 708])
            ])
    }

    // What Python's round(v / 1024 * side) gives.
    @Test(
        "Half a pixel is rounded to even",
        arguments: [(512, 1, 0), (512, 3, 2), (512, 5, 2), (512, 7, 4), (1023, 1000, 999), (1, 333, 0), (0, 640, 0)])
    func rounding(place: Int, side: Int, pixel: Int) {
        let text = String(repeating: "0", count: 4 - "\(place)".count) + "\(place)"
        let box = found("<loc0000><loc0000><loc\(text)><loc\(text)> x", width: side, height: side)
        #expect(box.map(\.corners) == [[0, 0, pixel, pixel]])
    }

    @Test("Several boxes are found, with masks, without labels and with text between")
    func several() {
        let mask = (0..<16).map { "<seg0\(10 + $0)>" }.joined()
        let answer = """
            two: <loc0000><loc0000><loc0512><loc0512> red cat ; <loc0512><loc0512><loc1023><loc1023>\(mask) dog; \
            <loc0001><loc0002><loc0003><loc0004><loc0005><loc0006><loc0007><loc0008> end
            """
        #expect(
            found(answer) == [
                DetectedBox(label: "red cat", corners: [0, 0, 1024, 512]),
                DetectedBox(label: "dog", corners: [1024, 512, 2046, 1023], mask: Array(10..<26)),
                DetectedBox(label: "", corners: [4, 1, 8, 3]), DetectedBox(label: "end", corners: [12, 5, 16, 7]),
            ])
    }

    @Test("A mask that is cut off is ignored")
    func cutMask() {
        let answer = "<loc0000><loc0000><loc0512><loc0512><seg001><seg002> cat"
        #expect(found(answer) == [DetectedBox(label: "", corners: [0, 0, 1024, 512])])
    }

    @Test(
        "Text that is no box gives no box",
        arguments: [
            "", "no cat", "<loc0001><loc0002><loc0003>", "<loc0001><loc0002><loc0003> <loc0004> cat",
            "<loc1024><loc0001><loc1023><loc1023> cat", "<loc001><loc002><loc0003><loc0004>",
            "<loc0500><loc0000><loc0400><loc0100> upside down", "<loc0000><loc0500><loc0100><loc0400> back to front",
            "<loc０００１><loc0001><loc0002><loc0003> wide digits", "<loc", "<loc0001",
            "<loc-001><loc0001><loc0002><loc0003>",
        ])
    func text(answer: String) {
        #expect(found(answer) == [])
    }

    @Test("A box is found after a sequence that is cut off and after one that is not valid")
    func behind() {
        let box = "<loc0000><loc0000><loc0512><loc0512> cat"
        #expect(found("<loc0001><loc0002> ; " + box).map(\.label) == ["cat"])
        #expect(found("<loc9999>" + box).map(\.label) == ["cat"])
        // Four places are one run: what is upside down is not read from its second place on.
        #expect(found("<loc0500><loc0000><loc0400><loc0600><loc0700><loc0800><loc0900> x") == [])
        // Of five places the first four are the box.
        #expect(found("<loc0001><loc0002><loc0003><loc0004><loc0005> dog").map(\.corners) == [[4, 1, 8, 3]])
    }
}
