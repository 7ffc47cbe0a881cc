import Base
import Foundation
import Measure
import PaliGemma
import WorkerInterface

/// Random models that were made once, one directory a shape and number of layers.
enum RandomModelCache {
    /// Where models lie unless `--model-cache` names another folder.
    static var folder: String { (UserCacheDirectory.path ?? ".") + "/random-models" }

    /// Makes the model at `directory`, or what is missing of it.
    static func provide(_ model: RandomModel, at directory: String) throws(CommandFailure) {
        do {
            reportOldFiles(in: directory, of: model)
            var greeted = false
            try model.write(to: directory) { name, step in
                guard step != .kept else { return }
                if !greeted { Console.writeLine("making \(directory), \(ByteCount.text(model.byteCount)), once") }
                greeted = true
                Console.writeLine("\("\(step)".padded(to: 9))\(name)")
            }
        } catch {
            throw CommandFailure(.environment, "\(error.description); --model-cache names another folder")
        }
    }

    /// Says which files an earlier version left, that nobody uses any more.
    private static func reportOldFiles(in directory: String, of model: RandomModel) {
        let files = (try? FileSystem.names(in: directory)) ?? []
        let own = Set(model.shards.map(\.fileName))
        let old = files.filter { $0.hasSuffix(".safetensors") && !own.contains($0) }
        guard !old.isEmpty else { return }
        let bytes = old.reduce(0) { $0 + Int((try? FileStamp(path: "\(directory)/\($1)"))?.size ?? 0) }
        Console.writeLine(
            "\(directory) holds \(old.count.counted("file")) of an earlier version, \(ByteCount.text(bytes)), "
                + "which are no longer used; they may be removed")
    }
}
