import Base
import Queue
import Tables

/// The results of a queue as a parquet file, in the order of the jobs. A row group ends with the input shard of its pictures, and
/// before it has 64 MiB.
struct ParquetResults {
    /// The columns that every file has, in order. They are part of the format.
    static let ownColumns: [ParquetWriter.Column] = [
        .init("id", .string, isOptional: false), .init("images", .list(.string), isOptional: false),
        .init("prompt", .string, isOptional: false), .init("text", .string), .init("tokens", .list(.int32)),
        .init("logprobs", .list(.float)), .init("finish_reason", .string), .init("model", .string),
        .init("seconds", .double, isOptional: false), .init("error_code", .string), .init("error_message", .string),
        .init("details", .string),
    ]

    private let carried: CarriedColumns
    private let kinds: [CarriedColumns.Kind]
    private let columns: [ParquetWriter.Column]

    init(carried: CarriedColumns) {
        self.carried = carried
        kinds = carried.kinds
        let names = carried.header(besides: Self.ownColumns.map(\.name))
        columns = Self.ownColumns + zip(names, kinds).map { .init($0, Self.type(of: $1)) }
    }

    /// Writes the file.
    ///
    /// - Returns: False where a result with a new column came meanwhile: what was written is not whole.
    /// - Throws: ``SinkError``, `QueueError`.
    func write(_ queue: any JobQueue, to output: OutputWriter) throws -> Bool {
        do {
            let writer = try ParquetWriter(descriptor: output.descriptor, name: output.path, columns: columns)
            var shard: String?
            var isComplete = true
            try queue.forEachResult(sorted: true) { result in
                guard isComplete, let values = carried.values(of: result) else {
                    isComplete = false
                    return
                }
                let place = result.pictures.first.flatMap { $0.part == nil ? nil : $0.path }
                if let place, let shard, !place.isExactly(shard) { try writer.endGroup() }
                shard = place ?? shard
                try writer.append(row(result, values))
            }
            if isComplete { try writer.finish() }
            return isComplete
        } catch let error as TableError {
            // The writer knows the cause only as a text.
            let isFull = error.reason.contains("no space left")
            throw SinkError(isFull ? .diskFull : .unwritable, at: output.path, error.reason)
        }
    }

    private func row(_ result: JobResult, _ values: [JSON?]) -> [ParquetValue] {
        let fields = ResultFields(result)
        func text(_ text: String?) -> ParquetValue { text.map(ParquetValue.text) ?? .null }
        let own: [ParquetValue] = [
            .text(result.id), .list(result.images.map(ParquetValue.text)), .text(result.prompt),
            text(fields.answer?.text),
            fields.answer.map { .list($0.tokens.map { .integer(Int64($0)) }) } ?? .null,
            fields.answer.map { .list($0.logprobs.map { .float($0) }) } ?? .null,
            text(fields.answer?.finishReason.rawValue), text(result.model), .double(fields.roundedSeconds),
            text(fields.failure?.code), text(fields.failure?.message), text(fields.answer?.details),
        ]
        return own + zip(values, kinds).map(Self.value)
    }

    private static func type(of kind: CarriedColumns.Kind) -> ParquetWriterType {
        switch kind {
        case .boolean: .boolean
        case .integer: .int64
        case .number: .double
        case .text, .unknown: .string
        }
    }

    private static func value(_ value: JSON?, _ kind: CarriedColumns.Kind) -> ParquetValue {
        guard let value, value != .null else { return .null }
        switch kind {
        case .boolean: return value.bool.map { .boolean($0) } ?? .null
        case .integer: return value.integer.map { .integer(Int64($0)) } ?? .null
        case .number: return CarriedColumns.double(value).map { .double($0) } ?? .null
        case .text, .unknown: return .text(CarriedColumns.text(value))
        }
    }
}
