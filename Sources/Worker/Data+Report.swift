import Base
import Foundation

extension Data {
    /// Writes what a world leaves at its end.
    ///
    /// - Parameter what: what the file is, for the message.
    /// - Throws: where the file cannot be written.
    func write(toPath path: String, what: String) throws(EnvironmentError) {
        do {
            try FileSystem.write(self, to: path)
        } catch {
            throw EnvironmentError(description: "cannot write the \(what) \(path): \(error)")
        }
    }
}
