import Tensor

/// Where a prefill finds the vision tower's features: they arrive while it runs.
package protocol FeatureSource {
    /// Returns the features [n, vision width] of rows of this rank's share; waits until they are there.
    ///
    /// - Parameters:
    ///   - picture: the index of the picture in the sequence, from 0.
    ///   - rows: rows of the picture.
    /// - Returns: nil where they were damaged on their way.
    /// - Throws: ``CollectiveError`` where they will not come any more.
    func features(of sequence: Sequence, picture: Int, rows: Range<Int>) throws(CollectiveError) -> MatrixView?
}
