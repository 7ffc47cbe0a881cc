/// What is wrong with a line of a file of jobs, and what to do.
struct JobLineError: Error {
    var reason: String

    init(_ reason: String) { self.reason = reason }
}
