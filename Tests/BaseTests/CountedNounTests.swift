import Base
import Testing

@Suite("Counted nouns")
struct CountedNounTests {
    @Test("One thing is one, and none and several are many")
    func numbers() {
        #expect([0, 1, 2].map { $0.counted("job") } == ["0 jobs", "1 job", "2 jobs"])
        #expect([1, 2].map { $0.counted("job is", "jobs are") } == ["1 job is", "2 jobs are"])
    }
}
