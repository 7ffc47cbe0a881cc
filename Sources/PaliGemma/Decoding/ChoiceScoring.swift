/// Scores given answers by their log-likelihood, the end token's included. Answers that begin alike share the way: they
/// are a tree, and each of its nodes is fed once.
struct ChoiceScoring {
    private struct Node {
        let token: Int32
        let parent: Int
        var children: [Int] = []
        /// The choice that ends here.
        var choice: Int?
        /// Of the token after what stands before it, and of the end token after it.
        var logProbability: Float = 0
        var endLogProbability: Float = 0
    }

    private let choices: [[Int32]]
    private let endToken: Int32
    /// Every node behind its parent; the root, which is the prefix, first.
    private var nodes = [Node(token: 0, parent: 0)]
    /// Nodes that are to be fed, the next ones last.
    private var pending: [Int] = [0]
    /// The nodes of the step at hand.
    private(set) var fed: [Int] = [0]

    init(_ choices: [[Int32]], endToken: Int32) {
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
            nodes[place].choice = index
        }
    }

    /// Tokens whose log-probabilities are wanted behind a node of the step.
    func targets(row: Int) -> [Int32] {
        let node = nodes[fed[row]]
        return node.children.map { nodes[$0].token } + (node.choice == nil ? [] : [endToken])
    }

    /// Takes what was wanted of each row.
    ///
    /// - Returns: for every node that is to be fed now or later, the row that it follows and its token.
    mutating func advance(_ rows: [[Float]]) -> [(row: Int, token: Int32)] {
        pending.removeLast(fed.count)
        var new: [(row: Int, token: Int32)] = []
        for (row, logProbabilities) in rows.enumerated() {
            let place = fed[row]
            for (child, logProbability) in zip(nodes[place].children, logProbabilities) {
                nodes[child].logProbability = logProbability
                pending.append(child)
                new.append((row: row, token: nodes[child].token))
            }
            if nodes[place].choice != nil { nodes[place].endLogProbability = logProbabilities.last ?? 0 }
        }
        fed = Array(pending.suffix(Decoding.choicesTogether))
        return new
    }

    var isOver: Bool { pending.isEmpty }

    /// In the order in which the choices were given.
    var answers: [ScoredAnswer] {
        var all = choices.map { ScoredAnswer(tokens: $0, logProbabilities: [], score: 0, isEnded: true) }
        for (place, node) in nodes.enumerated() {
            guard let choice = node.choice else { continue }
            var (path, at): ([Float], Int) = ([], place)
            while at != 0 {
                path.append(nodes[at].logProbability)
                at = nodes[at].parent
            }
            all[choice].logProbabilities = path.reversed()
            let sum = path.reversed().reduce(0.0) { $0 + Double($1) } + Double(node.endLogProbability)
            all[choice].score = Float(sum)
        }
        return all
    }
}
