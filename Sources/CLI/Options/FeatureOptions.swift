import ArgumentParser

/// What is kept of pictures for further questions about them.
struct FeatureOptions: ParsableArguments {
    @Option(
        help: Variable.featureCache.help(
            "Memory of a vision rank for features of pictures seen last, as 2g or 512m; 0: none.", default: "512m",
            valueName: "bytes"))
    var featureCache: String?

    @Option(
        help: Variable.featureFolder.help(
            "A folder that keeps such features too, also for the next time.", valueName: "dir"))
    var featureFolder: String?

    @Option(
        help: Variable.featureFolderSize.help(
            "What that folder may hold of one model.", default: "20g", valueName: "bytes"))
    var featureFolderSize: String?

    /// Flags of pg-worker and their values.
    func resolved() throws -> [(String, String?)] {
        [
            (
                "--feature-cache",
                try Variable.featureCache.size(featureCache, option: "--feature-cache", mayBeNone: true)
            ),
            ("--feature-folder", try Variable.featureFolder.value(featureFolder)),
            (
                "--feature-folder-size",
                try Variable.featureFolderSize.size(featureFolderSize, option: "--feature-folder-size")
            ),
        ]
    }
}
