import Base
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
}
