/// A directed graph of names; each edge has a line of evidence.
struct Graph {
    private(set) var edges: [String: [String: String]] = [:]

    /// Adds an edge. The evidence of the first edge between two nodes is kept.
    mutating func add(from: String, to: String, evidence: String) {
        if edges[from]?[to] == nil { edges[from, default: [:]][to] = evidence }
    }

    /// Removes an edge.
    mutating func remove(from: String, to: String) { edges[from]?[to] = nil }

    /// Returns one cycle: its nodes in order, the first of them not repeated. Nil where the graph has none.
    func cycle() -> [String]? {
        var done: Set<String> = []
        for start in edges.keys.sorted() {
            var path: [String] = []
            if let cycle = search(from: start, &path, &done) { return cycle }
        }
        return nil
    }

    private func search(from node: String, _ path: inout [String], _ done: inout Set<String>) -> [String]? {
        if let start = path.firstIndex(of: node) { return Array(path[start...]) }
        if done.contains(node) { return nil }
        path.append(node)
        for next in (edges[node] ?? [:]).keys.sorted() {
            if let cycle = search(from: next, &path, &done) { return cycle }
        }
        path.removeLast()
        done.insert(node)
        return nil
    }

    /// Describes a cycle for a person: each of its edges with its evidence.
    func description(of cycle: [String]) -> String {
        cycle.indices.map { index in
            let (from, to) = (cycle[index], cycle[(index + 1) % cycle.count])
            return "\(from) -> \(to): \(edges[from]?[to] ?? "")"
        }.joined(separator: "\n")
    }
}
