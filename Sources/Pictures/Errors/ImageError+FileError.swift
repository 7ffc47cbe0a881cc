import Base

extension ImageError {
    /// The error of reading a picture's file, with the same code.
    package init(_ error: FileError) {
        let code: Code =
            switch error.code {
            case .missing: .missing
            case .unreadable: .unreadable
            case .isDirectory: .isDirectory
            case .tooLarge: .tooLarge
            case .changed: .changed
            case .notPermitted: .notPermitted
            }
        self.init(
            code, at: error.path, code == .isDirectory ? "this is a directory, not a picture" : error.reason)
    }
}
