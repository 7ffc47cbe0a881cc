import PaliGemma
import Pictures
import Tensor
import Wire
import WorkerInterface

/// What the ranks of a world must have in common, and how a message names what they have not.
struct RankAgreement {
    /// The model's directory on rank 0.
    let model: String

    /// Returns what is wrong where a world has another size than was asked for.
    static func wrongSize(of hello: Hello) -> String? {
        guard hello.ranksExpected != hello.worldSize else { return nil }
        return """
            \(hello.host): \(hello.ranksExpected) ranks were asked for, but this world has \(hello.worldSize). \
            Was it started by another MPI's launcher? Use Open MPI's mpirun.
            """
    }

    /// Returns how a rank differs from the first one in what all must have in common, or nil where it does not.
    func difference(of hello: Hello, from first: Hello) -> String? {
        let place = "rank \(hello.rank) on \(hello.host)"
        if hello.wireVersion != first.wireVersion || hello.build != first.build {
            return "\(place) runs another build than rank 0 on \(first.host): install the same on every host"
        }
        let differences = Self.settings(hello, first)
        if !differences.isEmpty {
            let own = differences.map(\.own).joined(separator: " and ")
            let others = differences.map(\.first).joined(separator: " and ")
            return "\(place) has \(own), but rank 0 on \(first.host) has \(others): give every rank the same"
        }
        guard hello.fingerprint != first.fingerprint else { return nil }
        let fields = Self.fields(hello, first)
        if fields == [.adapters] {
            return "\(place) has other adapters than rank 0 on \(first.host): give every rank the same "
                + "\(WorkerOptions.table.adapters.description.flag), and copy the same to both hosts"
        }
        return "\(place) has another model at \(model) than rank 0 on \(first.host): copy the same to both"
    }

    private static func fields(_ hello: Hello, _ first: Hello) -> [ModelFingerprint.Field] {
        guard let own = ModelFingerprint(encoded: hello.fingerprint),
            let other = ModelFingerprint(encoded: first.fingerprint)
        else { return [.checkpoint] }
        return own.differences(from: other)
    }

    /// Returns the settings in which two ranks differ, as each would write them on its command line.
    private static func settings(_ hello: Hello, _ first: Hello) -> [(own: String, first: String)] {
        let options = WorkerOptions.table
        var differences: [(own: String, first: String)] = []
        func compare<Value: Equatable>(_ own: Value, _ first: Value, _ text: (Value) -> String) {
            if own != first { differences.append((text(own), text(first))) }
        }
        compare(hello.link, first.link) { "\(options.link.description.flag) \($0)" }
        if let own = ModelFingerprint(encoded: hello.fingerprint),
            let other = ModelFingerprint(encoded: first.fingerprint)
        {
            compare(own.precision, other.precision) { "\(options.precision.description.flag) \($0.rawValue)" }
            compare(own.hasSlidingWindow, other.hasSlidingWindow) {
                ($0 ? "" : "no ") + options.slidingWindow.description.flag
            }
            compare(own.decoding, other.decoding) {
                $0 == nil ? "pictures decoded as usual" : "other options of how pictures are decoded"
            }
            compare(own.resize, other.resize) { "\(options.resize.description.flag) \($0.rawValue)" }
        }
        return differences
    }
}
