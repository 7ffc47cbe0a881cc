import DecodingSettings

/// Scores given answers (choices) by their log-likelihood, the end token's included. The choices form a prefix tree, and
/// each of its nodes is a row of a decode step once.
package struct ChoiceScoring {
    private struct Node {
        let token: Int32
        let parent: Int
        var children: [Int] = []
        /// The choices that end here: two texts may have the same tokens.
        var choices: [Int] = []
        /// The log-probability of the token after its prefix, and of the end token after it.
        var logProbability: Float = 0
        var endLogProbability: Float = 0
    }

    private let choices: [[Int32]]
    private let endToken: Int32
    /// The nodes of the tree, each after its parent. The first is the root, the sequence's prefix.
    private var nodes = [Node(token: 0, parent: 0)]
    /// Nodes that are still to be fed, the next ones last.
    private var pending: [Int] = [0]
    /// The nodes of the current step.
    package private(set) var fed: [Int] = [0]

    package init(_ choices: [[Int32]], endToken: Int32) {
        self.choices = choices
        self.endToken = endToken
        for (index, tokens) in choices.enumerated() {
            var place = 0
            for token in tokens {
                if let child = nodes[place].children.first(where: { nodes[$0].token == token }) {
                    place = child
                } else {
                    nodes.append(Node(token: token, parent: place))
                    nodes[place].children.append(nodes.count - 1)
                    place = nodes.count - 1
                }
            }
            nodes[place].choices.append(index)
        }
    }

    /// Returns the tokens whose log-probabilities are needed after a row of the step.
    package func targets(row: Int) -> [Int32] {
        let node = nodes[fed[row]]
        return node.children.map { nodes[$0].token } + (node.choices.isEmpty ? [] : [endToken])
    }

    /// Takes the log-probabilities of each row's targets.
    ///
    /// - Returns: for every node that is to be fed in the next or a later step, the row that it follows and its token.
    package mutating func advance(_ rows: [[Float]]) -> [(row: Int, token: Int32)] {
        pending.removeLast(fed.count)
        var new: [(row: Int, token: Int32)] = []
        for (row, logProbabilities) in rows.enumerated() {
            let place = fed[row]
            for (child, logProbability) in zip(nodes[place].children, logProbabilities) {
                nodes[child].logProbability = logProbability
                pending.append(child)
                new.append((row: row, token: nodes[child].token))
            }
            if !nodes[place].choices.isEmpty { nodes[place].endLogProbability = logProbabilities.last ?? 0 }
        }
        fed = Array(pending.suffix(Decoding.maximumChoiceRows))
        return new
    }

    package var isOver: Bool { pending.isEmpty }

    /// The scored choices, in the order in which they were given.
    package var answers: [ScoredAnswer] {
        var all = choices.map { ScoredAnswer(tokens: $0, logProbabilities: [], score: 0, isEnded: true) }
        for (place, node) in nodes.enumerated() where !node.choices.isEmpty {
            var (path, at): ([Float], Int) = ([], place)
            while at != 0 {
                path.append(nodes[at].logProbability)
                at = nodes[at].parent
            }
            path.reverse()
            let sum = path.reduce(0.0) { $0 + Double($1) } + Double(node.endLogProbability)
            for choice in node.choices {
                all[choice].logProbabilities = path
                all[choice].score = Float(sum)
            }
        }
        return all
    }
}
