import Queue

/// What the page shows.
struct PageState {
    var model: String
    var view: QueueView
    var isDraining: Bool
    var causes: [FailureCause] = []
    /// The latest, the last one first.
    var results: [JobResult] = []

    /// How many pictures the gallery has.
    static let pictures = 48

    init(model: String, view: QueueView, isDraining: Bool) {
        self.model = model
        self.view = view
        self.isDraining = isDraining
    }

    /// What goes on, in a few words. The script of the page says the same.
    var status: (name: String, text: String) {
        if !view.isReachable { return ("bad", view.isKnown ? "Queue not reachable" : "Reading the queue") }
        if isDraining { return ("wait", "Being stopped") }
        if view.worlds.isEmpty { return ("bad", "No world") }
        return view.counts.outstanding > 0 ? ("good", "Working") : ("good", "Idle")
    }

    /// The share of the jobs that is finished, in per cent.
    var percent: Int { view.counts.total > 0 ? view.counts.finished * 100 / view.counts.total : 0 }
}

/// Numbers as people read them. The script of the page writes them in the same way.
package enum PageNumber {
    /// 12345 as 12,345.
    package static func count(_ number: Int) -> String {
        let digits = String(number.magnitude)
        var parts: [Substring] = []
        var rest = Substring(digits)
        while !rest.isEmpty {
            parts.insert(rest.suffix(3), at: 0)
            rest = rest.dropLast(3)
        }
        return (number < 0 ? "-" : "") + parts.joined(separator: ",")
    }

    /// 2 h 14 min; the two largest units.
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "very long" }
        let whole = Int(max(0, seconds).rounded())
        let units = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)]
        guard let first = units.firstIndex(where: { whole >= $0.1 }) else { return "0 s" }
        var parts = ["\(whole / units[first].1) \(units[first].0)"]
        if first + 1 < units.count {
            let second = whole % units[first].1 / units[first + 1].1
            if second > 0 { parts.append("\(second) \(units[first + 1].0)") }
        }
        return parts.joined(separator: " ")
    }

    /// Jobs a second, with as many digits as say something; where they are few, jobs an hour.
    package static func rate(_ rate: Double) -> (number: String, unit: String) {
        if rate >= 100 { return (count(Int(min(rate, 1e12).rounded())), "jobs/s") }
        if rate >= 0.1 { return (decimal(rate, rate >= 10 ? 1 : 2), "jobs/s") }
        return (count(Int((rate * 3600).rounded())), "jobs/h")
    }

    package static func decimal(_ number: Double, _ digits: Int) -> String {
        let factor = digits == 1 ? 10 : 100
        let scaled = Int((number * Double(factor)).rounded())
        let fraction = String(scaled % factor)
        return "\(scaled / factor)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}
