import Queue

/// Makes the bytes of single results, for formats to which results can be appended.
protocol RecordEncoder {
    /// What stands before the first record.
    var header: [UInt8] { get throws }

    /// Returns the bytes of a result with what ends them; nil where the header lacks a column of it.
    ///
    /// - Throws: ``SinkError`` where the format cannot hold it.
    func record(of result: JobResult) throws -> [UInt8]?
}

/// A JSON object a line.
struct JSONLines: RecordEncoder {
    let header: [UInt8] = []

    func record(of result: JobResult) -> [UInt8]? { result.line() + [0x0A] }
}
