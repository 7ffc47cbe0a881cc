import Foundation

/// Runs the built programs as a user would, under a time limit.
package enum Programs {
    package struct Outcome: Sendable {
        package let status: Int32
        package let output: String
        package let errors: String
    }

    /// The folder that holds the built programs: the one that the test bundle is in.
    package static let folder: String = {
        let bundle = Bundle.allBundles.map(\.bundlePath).first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().path
    }()

    package static var worker: String { folder + "/pg-worker" }
    package static var paligemma: String { folder + "/paligemma" }

    /// What a plain mpirun needs where ranks exceed cores or the user is root.
    package static let openMPI = [
        "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OPENBLAS_NUM_THREADS": "1",
    ]

    /// Runs a program to its end.
    ///
    /// - Parameters:
    ///   - program: a path, or a name on PATH.
    ///   - limit: seconds after which it is killed, with its children; more of them with a sanitizer.
    /// - Throws: where the program cannot be started.
    package static func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], directory: String? = nil,
        limit: Double = 120
    ) throws -> Outcome {
        // A session of its own: what is left when time is up can be killed as a group.
        let limit = limit * Double(Sanitizer.slowness)
        let own = ProcessInfo.processInfo.environment
        let folder = try TemporaryFolder()
        let process = try BackgroundProgram(
            "/usr/bin/env", ["setsid", "--wait", "timeout", "-k", "5", "\(limit)", program] + arguments,
            environment: own.merging(openMPI) { $1 }.merging(environment) { $1 }, directory: directory,
            output: folder.file("output"), errors: folder.file("errors"))
        return Outcome(status: process.wait(), output: process.output, errors: process.errors)
    }

    /// Runs a world of ranks with the real mpirun (none for one rank).
    ///
    /// - Throws: where it cannot be started.
    package static func world(
        ranks: Int, _ arguments: [String], environment: [String: String] = [:], limit: Double = 120
    ) throws -> Outcome {
        guard ranks > 1 else { return try run(worker, arguments, environment: environment, limit: limit) }
        return try run(
            "mpirun", ["--bind-to", "none", "-n", "\(ranks)", worker] + arguments, environment: environment,
            limit: limit)
    }
}

/// A file that may be empty: with each of those FileManager and String(contentsOfFile:) lose 4 KiB.
package enum TextFile {
    /// - Returns: nil where there is no file.
    package static func read(_ path: String) -> String? {
        let data = FileHandle(forReadingAtPath: path).map { (try? $0.readToEnd()) ?? Data() }
        return data.map { String(decoding: $0, as: UTF8.self) }
    }
}

/// What is committed under Tests/Fixtures.
package enum Fixtures {
    package static func path(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/" + name).path
    }

    /// Returns the lines of a file.
    ///
    /// - Throws: where it cannot be read.
    package static func lines(_ name: String) throws -> [Data] {
        try Data(contentsOf: URL(fileURLWithPath: path(name))).split(separator: 10).map { Data($0) }
    }
}
