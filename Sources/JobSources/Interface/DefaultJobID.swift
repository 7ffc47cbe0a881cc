/// The ids of jobs that have none of their own.
enum DefaultJobID {
    /// Returns the pictures' paths, followed by the prompt where one is given.
    static func standard(pictures: [String], prompt: String?) -> String {
        let paths = pictures.joined(separator: ",")
        return prompt.map { "\(paths)#\($0)" } ?? paths
    }
}
