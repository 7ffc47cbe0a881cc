/// A token and its logit.
package struct TokenLogit: Sendable, Equatable {
    package var token: Int32
    package var logit: Float

    package init(token: Int32, logit: Float) {
        self.token = token
        self.logit = logit
    }

    /// A total order: larger logits first, and of equal ones the lower id.
    package static func comesFirst(_ a: TokenLogit, _ b: TokenLogit) -> Bool {
        a.logit > b.logit || a.logit == b.logit && a.token < b.token
    }
}

/// Selects the largest logits of a row.
package enum BestLogits {
    /// Returns the first `count` logits of a row by ``TokenLogit/comesFirst(_:_:)``, in that order. NaN is left out.
    ///
    /// - Parameters:
    ///   - logits: [columns] float32.
    ///   - firstToken: the id of the first column.
    package static func of(_ logits: UnsafePointer<Float>, columns: Int, firstToken: Int, count: Int) -> [TokenLogit] {
        guard count > 0 else { return [] }
        // A heap with the last of the selected logits at its root. Tokens come in ascending order, so a logit that equals the
        // root's does not replace it.
        var heap: [TokenLogit] = []
        heap.reserveCapacity(min(count, columns))
        for column in 0..<columns {
            let logit = logits[column]
            if heap.count == count {
                guard logit > heap[0].logit else { continue }
                heap[0] = TokenLogit(token: Int32(firstToken + column), logit: logit)
                sink(&heap)
            } else if !logit.isNaN {
                heap.append(TokenLogit(token: Int32(firstToken + column), logit: logit))
                rise(&heap)
            }
        }
        return heap.sorted(by: TokenLogit.comesFirst)
    }

    private static func rise(_ heap: inout [TokenLogit]) {
        var place = heap.count - 1
        while place > 0 {
            let parent = (place - 1) / 2
            guard TokenLogit.comesFirst(heap[parent], heap[place]) else { return }
            heap.swapAt(parent, place)
            place = parent
        }
    }

    private static func sink(_ heap: inout [TokenLogit]) {
        var place = 0
        while true {
            var last = place
            for child in 2 * place + 1...2 * place + 2 where child < heap.count {
                if TokenLogit.comesFirst(heap[last], heap[child]) { last = child }
            }
            if last == place { return }
            heap.swapAt(last, place)
            place = last
        }
    }
}
