import Base
import Glibc
import Queue
import Tables

/// Makes the sink for an output.
///
/// - Throws: ``SinkError`` where a log or a file of numbers cannot be read.
package func makeSink(_ options: SinkOptions) throws(SinkError) -> any ResultSink {
    switch options.place {
    case .besidePictures: return try SidecarSink(options.sidecar, folder: nil, log: options.sidecarLog)
    case .folder(let folder):
        if options.format == .webdataset { return ShardSink(folder: folder, copiesPictures: options.copiesPictures) }
        return try SidecarSink(options.sidecar, folder: folder, log: options.sidecarLog)
    case .standardOutput: return try makeFileSink(options, path: nil)
    case .file(let path): return try makeFileSink(options, path: path)
    }
}

private func makeFileSink(_ options: SinkOptions, path: String?) throws(SinkError) -> any ResultSink {
    let name = path ?? "standard output"
    let encoder: (any JobQueue) throws -> any RecordEncoder
    switch options.format {
    case .jsonl: encoder = { _ in JSONLines() }
    case .openai: encoder = { _ in OpenAILines() }
    case .csv: encoder = { DelimitedEncoder(.csv, carried: try CarriedColumns(of: $0, for: name)) }
    case .tsv: encoder = { DelimitedEncoder(.escapedTSV, carried: try CarriedColumns(of: $0, for: name)) }
    default: return WholeSink(path: path, write: try wholeWriter(options, name: name))
    }
    if let path, !FileSystem.isStream(path) {
        return RecordSink(path: path, isSorted: options.isSorted, makeEncoder: encoder)
    }
    return WholeSink(path: path) { queue, output in
        // What comes with a new column while this is written comes too late.
        _ = try RecordSink.write(all: queue, with: encoder(queue), sorted: options.isSorted, to: output)
        return SinkReport()
    }
}

/// Returns what writes a format that does not grow.
private func wholeWriter(
    _ options: SinkOptions, name: String
) throws(SinkError) -> (any JobQueue, OutputWriter) throws -> SinkReport {
    var reference: CocoReference?
    if let path = options.cocoImages { reference = try CocoReference(path: path) }
    let known = reference
    switch options.format {
    case .cocoResults: return { try CocoResults.writeBoxes(of: $0, reference: known, to: $1) }
    case .cocoCaptions: return { try CocoResults.writeCaptions(of: $0, reference: known, to: $1) }
    case .coco:
        return { queue, output in
            var dataset = CocoDataset(of: queue, reference: known)
            return try dataset.write(to: output)
        }
    default:
        return { queue, output in
            while true {
                let results = ParquetResults(carried: try CarriedColumns(of: queue, for: name))
                if try results.write(queue, to: output) { return SinkReport() }
                // A result with a new column came meanwhile.
                guard ftruncate(output.descriptor, 0) == 0, lseek(output.descriptor, 0, SEEK_SET) == 0 else {
                    throw SinkError(SystemError(errno), writing: name)
                }
            }
        }
    }
}
