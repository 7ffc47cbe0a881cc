// swift-tools-version: 6.2
import PackageDescription

/// The module graph, top to bottom. No arrow ever runs upward:
///
///     pg-worker   -> WorkerInterface, Coordinator, Shard, ShardPlan, PaliGemma, Wire
///     paligemma   -> WorkerInterface, Coordinator, ShardPlan, PaliGemma
///     WorkerInterface -> PaliGemma                    (what both programs must agree on)
///     Coordinator -> ShardPlan, PaliGemma, Wire
///     Shard       -> ShardPlan, PaliGemma, Wire       (the only module that knows MPI)
///     ShardPlan   -> PaliGemma
///     Wire        -> nothing
///     PaliGemma   -> nothing
///
/// Each C library is imported by exactly one Swift file or folder, and its module map or shim is
/// nested in the module that owns it.
let package = Package(
    name: "paligemma",
    products: [
        .executable(name: "pg-worker", targets: ["pg-worker"]),
        .executable(name: "paligemma", targets: ["paligemma"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // MARK: PaliGemma: checkpoint, tokenizer, pixels, SigLIP, Gemma
        .target(
            name: "PaliGemma",
            dependencies: ["CKernels", "CMemoryRead", "COpenBLAS", "CImageCodecs", "CSentencePiece", "CXXHash"],
            exclude: ["CKernels", "CMemoryRead", "COpenBLAS", "CImageCodecs", "CSentencePiece", "CXXHash"]),
        .target(name: "CKernels", path: "Sources/PaliGemma/CKernels"),
        .target(name: "CMemoryRead", path: "Sources/PaliGemma/CMemoryRead"),
        .systemLibrary(name: "COpenBLAS", path: "Sources/PaliGemma/COpenBLAS", pkgConfig: "openblas"),
        .systemLibrary(name: "CXXHash", path: "Sources/PaliGemma/CXXHash", pkgConfig: "libxxhash"),
        .target(
            name: "CImageCodecs", path: "Sources/PaliGemma/CImageCodecs",
            linkerSettings: ["jpeg", "png", "webp", "webpdemux", "z"].map { .linkedLibrary($0) }),
        .target(
            name: "CSentencePiece", path: "Sources/PaliGemma/CSentencePiece",
            linkerSettings: [.linkedLibrary("sentencepiece")]),

        // MARK: Wire: frames of protobuf-c messages
        .target(name: "Wire", dependencies: ["CWire"], exclude: ["CWire"]),
        .target(
            name: "CWire", path: "Sources/Wire/CWire", exclude: ["wire.proto", "generate"],
            linkerSettings: [.linkedLibrary("protobuf-c")]),

        // MARK: Shard: the plan, and MPI
        .target(name: "ShardPlan", dependencies: ["PaliGemma"], path: "Sources/Shard/Plan"),
        .target(
            name: "Shard", dependencies: ["ShardPlan", "PaliGemma", "Wire", "CMPI", "CTurn"],
            exclude: ["Plan", "CMPI", "CTurn"]),
        .systemLibrary(name: "CMPI", path: "Sources/Shard/CMPI", pkgConfig: "ompi-c"),
        .target(name: "CTurn", path: "Sources/Shard/CTurn"),

        // MARK: Coordinator: queue, schedule, results
        .target(
            name: "Coordinator", dependencies: ["ShardPlan", "PaliGemma", "Wire", "CSQLite", "CPostgres"],
            exclude: ["CSQLite", "CPostgres"]),
        .systemLibrary(name: "CSQLite", path: "Sources/Coordinator/CSQLite", pkgConfig: "sqlite3"),
        .systemLibrary(name: "CPostgres", path: "Sources/Coordinator/CPostgres", pkgConfig: "libpq"),

        // MARK: WorkerInterface: options, exit codes and counters that both programs know
        .target(
            name: "WorkerInterface",
            dependencies: ["PaliGemma", .product(name: "ArgumentParser", package: "swift-argument-parser")]),

        // MARK: Programs
        .executableTarget(
            name: "pg-worker",
            dependencies: [
                "WorkerInterface", "Coordinator", "Shard", "ShardPlan", "PaliGemma", "Wire", "CProcess",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/Worker", exclude: ["CProcess"],
            // Names for the stacks that a watchdog writes.
            linkerSettings: [.unsafeFlags(["-Xlinker", "--export-dynamic"])]),
        .target(name: "CProcess", path: "Sources/Worker/CProcess"),
        .executableTarget(
            name: "paligemma",
            dependencies: [
                "WorkerInterface", "Coordinator", "ShardPlan", "PaliGemma", "CSpawn",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/CLI", exclude: ["CSpawn"]),
        .target(name: "CSpawn", path: "Sources/CLI/CSpawn"),

        // MARK: Tests
        .target(name: "TestSupport", dependencies: ["CPostgres"], path: "Tests/Support"),
        .testTarget(name: "PaliGemmaTests", dependencies: ["PaliGemma", "ShardPlan", "CKernels", "TestSupport"]),
        .testTarget(
            name: "WorkerTests",
            dependencies: [
                "WorkerInterface", "Coordinator", "PaliGemma", "TestSupport", "pg-worker", "paligemma", "faults",
            ]),
        .testTarget(name: "WorkerInterfaceTests", dependencies: ["WorkerInterface", "PaliGemma"]),
        .testTarget(name: "WireTests", dependencies: ["Wire", "CWire", "TestSupport"]),
        .testTarget(name: "ShardTests", dependencies: ["ShardPlan", "PaliGemma", "CTurn"]),
        .testTarget(
            name: "CLITests",
            dependencies: [
                "paligemma", "pg-worker", "WorkerInterface", "Coordinator", "TestSupport", "queue-stress",
            ]),
        .testTarget(
            name: "CoordinatorTests",
            dependencies: ["Coordinator", "CSQLite", "ShardPlan", "PaliGemma", "TestSupport", "queue-stress"]),
        // What a cluster does to worlds, done on purpose: `make faults`.
        .executableTarget(
            name: "faults", dependencies: ["Coordinator", "TestSupport"], path: "Tests/Faults", exclude: ["README.md"]),
        // A process to be killed while it works on a queue.
        .executableTarget(name: "queue-stress", dependencies: ["Coordinator"], path: "Tests/QueueStress"),
        // What benchmarks/queue runs.
        .executableTarget(
            name: "queue-benchmark", dependencies: ["Coordinator", "PaliGemma"], path: "Tests/QueueBenchmark"),
    ]
)
