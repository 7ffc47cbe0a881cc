import ArgumentParser

/// How results are written.
enum ResultFormat: String, ExpressibleByArgument {
    case jsonl
    case coco
}
