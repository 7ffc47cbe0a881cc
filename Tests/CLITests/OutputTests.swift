import Foundation
import Queue
import Testing
import WorkerInterface
import paligemma

@Suite("Output of the commands") struct OutputTests {
    @Test("mpirun's boxes about exit codes are left out, and others are not")
    func launcherBoxes() {
        var filter = LauncherOutputFilter()
        let edge = String(repeating: "-", count: 74)
        let known = ["a", edge, "Primary job terminated normally, but 1 process", "a non-zero exit code.", edge]
        let other = [edge, "There are not enough slots available", edge, "b"]
        #expect((known + other).flatMap { filter.linesToShow(after: $0) } == ["a"] + other)
        #expect(filter.linesToShow(after: edge).isEmpty)
        #expect(filter.linesAtEnd() == [edge])
    }

    @Test("A progress bar fits the line of the terminal")
    func progress() {
        var counts = JobCounts()
        counts.ready = 600
        counts.done = 395
        counts.failed = 5
        let text = ProgressDisplay.text(counts, speed: 4)
        #expect(text == "400/1000 finished  4 pictures/s  3 min left  5 failed")
        for width in 1...200 {
            let bar = ProgressDisplay.bar(counts, text: text, width: width)
            #expect(bar.count < width || bar.isEmpty)
        }
        #expect(ProgressDisplay.bar(counts, text: text, width: 200).prefix { $0 == "█" }.count == 16)
    }

    @Test(
        "A time is written in the unit that fits",
        arguments: [(0.2, "1 s"), (99, "99 s"), (100, "2 min"), (5999, "100 min"), (6000, "1.7 h")])
    func times(seconds: Double, text: String) {
        #expect(ProgressDisplay.time(seconds) == text)
    }

    @Test("A number of bytes is written in the unit that fits")
    func bytes() {
        #expect(ByteCount.text(999) == "999 bytes")
        #expect(ByteCount.text(1000) == "1.0 kB")
        #expect(ByteCount.text(5_846_700_000) == "5.8 GB")
    }
}
