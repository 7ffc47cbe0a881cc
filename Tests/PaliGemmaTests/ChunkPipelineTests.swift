import PaliGemma
import Testing

@Suite("Chunks go through the steps of a prefill in a pipeline")
struct ChunkPipelineTests {
    @Test("Steps that were added together run chunk by chunk, and later ones with the next run")
    func order() throws {
        let pipeline = ChunkPipeline(chunks: 3)
        var done: [String] = []
        pipeline.each { done.append("end of a layer, chunk \($0)") }
        pipeline.each { done.append("keys of the next, chunk \($0)") }
        #expect(done.isEmpty)
        try pipeline.run()
        pipeline.each { done.append("attention, chunk \($0)") }
        let fused = (0..<3).flatMap { ["end of a layer, chunk \($0)", "keys of the next, chunk \($0)"] }
        #expect(done == fused)
        try pipeline.run()
        #expect(done == fused + (0..<3).map { "attention, chunk \($0)" })
        try pipeline.run()
        #expect(done.count == 9, "steps run once")
    }

    @Test("A step that fails ends the run, and none of its steps runs again")
    func failure() throws {
        let pipeline = ChunkPipeline(chunks: 2)
        var chunks: [Int] = []
        pipeline.each { chunk throws(CollectiveError) in
            chunks.append(chunk)
            if chunk == 0 { throw CollectiveError("the group is lost") }
        }
        #expect(throws: CollectiveError.self) { try pipeline.run() }
        try pipeline.run()
        #expect(chunks == [0])
    }
}
