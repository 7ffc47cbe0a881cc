import Coordinator

func openQueue(_ name: String, create: Bool = false) throws -> any JobQueue {
    try SQLiteQueue(path: name, create: create)
}
