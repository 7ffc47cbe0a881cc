import Foundation
import Measure
import PaliGemma
import WorkerInterface

/// Random models that were made once, one directory a shape and number of layers.
enum RandomModelCache {
    /// As the XDG base directory specification says.
    static var folder: String {
        let environment = ProcessInfo.processInfo.environment
        let given = environment["XDG_CACHE_HOME"] ?? ""
        let base = given.hasPrefix("/") ? given : NSHomeDirectory() + "/.cache"
        return base + "/paligemma/random-models"
    }

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
