/// How results are written.
package enum ResultFormat: String, CaseIterable, Sendable {
    /// A JSON object a line.
    case jsonl
    case csv, tsv, parquet
    /// A text file beside each picture.
    case txt
    /// A tar shard for each shard of pictures.
    case webdataset
    /// Boxes, as COCO has a dataset of detections.
    case coco
    /// Boxes, as COCO has a detector's results.
    case cocoResults = "coco-results"
    /// Texts, as COCO has a captioner's results.
    case cocoCaptions = "coco-captions"
    /// The output of OpenAI's batch interface.
    case openai

    /// Whether the output is many files.
    package var isManyFiles: Bool { self == .txt || self == .webdataset }

    /// Whether the output grows while jobs are answered; the others are written when the work has ended.
    package var grows: Bool {
        switch self {
        case .jsonl, .csv, .tsv, .openai, .txt, .webdataset: true
        case .parquet, .coco, .cocoResults, .cocoCaptions: false
        }
    }
}
