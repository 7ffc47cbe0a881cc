/// A source of jobs to submit, which returns one after the other, so that a million need little memory.
package protocol JobSource: AnyObject {
    /// Returns the next job, nil at the end. A job that is not valid has a `fault`.
    ///
    /// - Throws: `unreadable` where the source itself cannot be read.
    func next() throws(QueueError) -> Job?
}
