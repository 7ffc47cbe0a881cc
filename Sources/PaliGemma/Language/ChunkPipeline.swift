/// The chunks of a rank's rows on their way through the steps of a prefill.
///
/// Steps that are added one after the other run together, chunk by chunk, when ``run()`` is called: the first chunk goes
/// through all of them before the second one begins. What a step sends of one chunk travels while the next chunk is computed,
/// across the borders of layers too, and the steps themselves need not say so.
package final class ChunkPipeline {
    package typealias Step = (_ chunk: Int) throws(CollectiveError) -> Void

    private let chunks: Int
    private var steps: [Step] = []

    package init(chunks: Int) { self.chunks = chunks }

    /// Adds a step for every chunk; it runs with the next ``run()``.
    package func each(_ step: @escaping Step) { steps.append(step) }

    /// Runs the steps that were added since the last call.
    ///
    /// - Throws: ``CollectiveError`` where a step does.
    package func run() throws(CollectiveError) {
        let added = steps
        steps = []
        for chunk in 0..<chunks {
            for step in added { try step(chunk) }
        }
    }
}
