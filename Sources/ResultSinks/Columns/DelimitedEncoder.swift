import Base
import Queue
import Tables

/// Rows of CSV or TSV.
struct DelimitedEncoder: RecordEncoder {
    /// The columns that every file has, in order. They are part of the format.
    static let ownColumns = [
        "id", "images", "prompt", "text", "finish_reason", "model", "seconds", "error_code", "error_message", "details",
    ]

    private let format: DelimitedFormat
    private let carried: CarriedColumns

    init(_ format: DelimitedFormat, carried: CarriedColumns) {
        self.format = format
        self.carried = carried
    }

    var header: [UInt8] {
        get throws { try row(Self.ownColumns + carried.header(besides: Self.ownColumns)) }
    }

    func record(of result: JobResult) throws -> [UInt8]? {
        guard let values = carried.values(of: result) else { return nil }
        let fields = ResultFields(result)
        return try row(
            [
                result.id, Self.text(ofImages: result.images), result.prompt, fields.answer?.text ?? "",
                fields.answer?.finishReason.rawValue ?? "", result.model ?? "", fields.roundedSeconds.description,
                fields.failure?.code ?? "", fields.failure?.message ?? "", fields.answer?.details ?? "",
            ] + values.map(CarriedColumns.text))
    }

    private func row(_ fields: [String]) throws(TableError) -> [UInt8] {
        var writer = DelimitedWriter(format: format)
        try writer.append(fields)
        return writer.takeBytes()
    }

    /// Returns the name of a single picture; for none and several, and for a name that looks like an array, an array in JSON.
    static func text(ofImages names: [String]) -> String {
        if names.count == 1, !names[0].hasPrefix("[") { return names[0] }
        var writer = JSONWriter()
        writer.array(names) { $0.string($1) }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
