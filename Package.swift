// swift-tools-version: 6.2
import PackageDescription

/// The targets, bottom to top; no arrow runs upward. docs/architecture.md draws them, and a test compares the drawing with
/// the imports. Each C library is imported by one Swift target, and its module map or shim is nested in the folder of the
/// target that owns it.
let package = Package(
    name: "paligemma",
    products: [
        .executable(name: "pg-worker", targets: ["pg-worker"]),
        .executable(name: "paligemma", targets: ["paligemma"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.0.0"),
    ],
    targets: [
        // MARK: Ground: files, streams, compression, hashing, JSON, threads' primitives, child programs
        .target(
            name: "Base", dependencies: ["CXXHash", "CSpawn", "CMachine", "CCompression"],
            exclude: ["CXXHash", "CSpawn", "CMachine", "CCompression"]),
        .target(name: "CSpawn", path: "Sources/Base/CSpawn"),
        .target(name: "CMachine", path: "Sources/Base/CMachine"),
        .systemLibrary(name: "CXXHash", path: "Sources/Base/CXXHash", pkgConfig: "libxxhash"),
        .systemLibrary(name: "CCompression", path: "Sources/Base/CCompression", pkgConfig: "libzstd"),

        // MARK: Ground: kernels, matrices, products, attention, quantization, the thread team
        .target(
            name: "Tensor", dependencies: ["Base", "CKernels", "COpenBLAS"], exclude: ["CKernels", "COpenBLAS"]),
        .target(name: "CKernels", path: "Sources/Tensor/CKernels"),
        .systemLibrary(name: "COpenBLAS", path: "Sources/Tensor/COpenBLAS", pkgConfig: "openblas"),

        // MARK: Ground: decoding, turning and resizing pictures; frames of videos
        .target(name: "Pictures", dependencies: ["Base", "CImageCodecs"], exclude: ["CImageCodecs"]),
        .target(
            name: "CImageCodecs", path: "Sources/Pictures/CImageCodecs",
            linkerSettings: [
                "jpeg", "png", "webp", "webpdemux", "z", "gif", "tiff", "avif", "heif", "jxl", "openjp2",
            ].map { .linkedLibrary($0) }),

        // MARK: Ground: CSV, TSV and parquet
        .target(name: "Tables", dependencies: ["Base", "CSnappy"], exclude: ["CSnappy"]),
        .systemLibrary(name: "CSnappy", path: "Sources/Tables/CSnappy"),

        // MARK: Ground: tar archives, webdataset shards
        .target(name: "Archives", dependencies: ["Base"]),

        // MARK: Ground: fetching from web servers and object stores
        .target(name: "Fetch", dependencies: ["Base", "CCurl", "CCrypto"], exclude: ["CCurl", "CCrypto"]),
        .target(name: "CCurl", path: "Sources/Fetch/CCurl", linkerSettings: [.linkedLibrary("curl")]),
        .systemLibrary(name: "CCrypto", path: "Sources/Fetch/CCrypto", pkgConfig: "libcrypto"),

        // MARK: Ground: how to decode, and the options of a job that say so
        .target(name: "DecodingSettings", dependencies: ["Base"]),

        // MARK: Model: configuration, checkpoint, tokenizer, SigLIP, Gemma, decoding
        .target(
            name: "PaliGemma", dependencies: ["DecodingSettings", "Tensor", "Pictures", "Base", "CSentencePiece"],
            exclude: ["CSentencePiece"]),
        .target(
            name: "CSentencePiece", path: "Sources/PaliGemma/CSentencePiece",
            linkerSettings: [.linkedLibrary("sentencepiece")]),

        // MARK: Measurements: random models, what the machine gives at most, single kernels
        .target(
            name: "Measure", dependencies: ["PaliGemma", "Tensor", "Base", "CMemoryRead", "CProcessorProbe"],
            exclude: ["CMemoryRead", "CProcessorProbe"]),
        .target(name: "CMemoryRead", path: "Sources/Measure/CMemoryRead"),
        .target(name: "CProcessorProbe", path: "Sources/Measure/CProcessorProbe"),

        // MARK: Wire: frames of protobuf-c messages
        .target(name: "Wire", dependencies: ["DecodingSettings", "CWire"], exclude: ["CWire"]),
        .target(
            name: "CWire", path: "Sources/Wire/CWire", exclude: ["wire.proto", "generate"],
            linkerSettings: [.linkedLibrary("protobuf-c")]),

        // MARK: Work: who holds what; jobs and their queues
        .target(name: "ShardPlan", dependencies: ["PaliGemma"]),
        .target(
            name: "Queue", dependencies: ["Pictures", "Base", "CSQLite", "CPostgres"],
            exclude: ["CSQLite", "CPostgres"]),
        .systemLibrary(name: "CSQLite", path: "Sources/Queue/CSQLite", pkgConfig: "sqlite3"),
        .systemLibrary(name: "CPostgres", path: "Sources/Queue/CPostgres", pkgConfig: "libpq"),

        // MARK: Doors: where jobs come from; the bytes of their pictures, wherever they are
        .target(
            name: "JobSources",
            dependencies: ["Queue", "Tables", "Archives", "Fetch", "Pictures", "DecodingSettings", "Base"]),

        .target(
            name: "JobPictures", dependencies: ["Queue", "Tables", "Fetch", "Pictures", "Base"]),

        // MARK: Doors: models from a hub, and the cache that they are kept in
        .target(name: "Hub", dependencies: ["Queue", "Fetch", "Base"]),

        // MARK: Runtime: MPI and the stages of a rank; the schedule
        .target(
            name: "Shard",
            dependencies: ["PaliGemma", "Pictures", "Wire", "Tensor", "Base", "CMPI", "CHostLock"],
            exclude: ["CMPI", "CHostLock"]),
        .systemLibrary(name: "CMPI", path: "Sources/Shard/CMPI", pkgConfig: "ompi-c"),
        .target(name: "CHostLock", path: "Sources/Shard/CHostLock"),
        .target(
            name: "ResultSinks", dependencies: ["Queue", "Tables", "Archives", "Pictures", "Base"]),
        .target(
            name: "Coordinator",
            dependencies: [
                "JobPictures", "Fetch", "Queue", "ShardPlan", "PaliGemma", "DecodingSettings", "Pictures", "Wire",
                "Base",
            ]),

        // MARK: Serving: HTTP in front of a queue
        .target(
            name: "Serving",
            dependencies: [
                "ResultSinks", "JobSources", "JobPictures", "Queue", "Fetch", "Pictures", "DecodingSettings", "Base",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),

        // MARK: WorkerInterface: options, exit codes and counters that both programs know
        .target(
            name: "WorkerInterface",
            dependencies: [
                "PaliGemma", "Pictures", "Tensor", "Base",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        // MARK: Programs
        .executableTarget(
            name: "pg-worker",
            dependencies: [
                "WorkerInterface", "Coordinator", "Shard", "Hub", "ShardPlan", "Queue", "Fetch", "PaliGemma",
                "Pictures", "Tensor",
                "Wire",
                "Base", "CProcess", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/Worker", exclude: ["CProcess"],
            // Names for the stacks that a watchdog writes.
            linkerSettings: [.unsafeFlags(["-Xlinker", "--export-dynamic"])]),
        .target(name: "CProcess", path: "Sources/Worker/CProcess"),
        .executableTarget(
            name: "paligemma",
            dependencies: [
                "WorkerInterface", "Serving", "JobSources", "JobPictures", "ResultSinks", "Hub", "Queue",
                "ShardPlan", "Measure", "PaliGemma",
                "DecodingSettings",
                "Pictures", "Tensor",
                "Base",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/CLI"),

        // MARK: Tests
        .target(
            name: "TestSupport", dependencies: ["Tensor", "CKernels", "CPostgres", "CTileModel", "Base"],
            path: "Tests/Support"),
        // The kernels on tiles, compiled with a model of the tile unit.
        .target(name: "CTileModel", dependencies: ["CKernels"], path: "Tests/TileModel"),
        // Imports against docs/architecture.md, and the order of folders inside each target.
        .testTarget(name: "ArchitectureTests"),
        .testTarget(name: "BaseTests", dependencies: ["Base", "TestSupport"]),
        .testTarget(name: "DecodingSettingsTests", dependencies: ["DecodingSettings", "Base"]),
        .testTarget(name: "TensorTests", dependencies: ["Tensor", "Base", "CKernels", "TestSupport"]),
        .testTarget(name: "PicturesTests", dependencies: ["Pictures", "Base", "TestSupport"]),
        .testTarget(name: "ArchivesTests", dependencies: ["Archives", "Base", "TestSupport"]),
        .testTarget(name: "TablesTests", dependencies: ["Tables", "Base", "TestSupport"]),
        .testTarget(name: "FetchTests", dependencies: ["Fetch", "Base", "TestSupport"]),
        .testTarget(name: "HubTests", dependencies: ["Hub", "Fetch", "Base", "TestSupport"]),
        .testTarget(
            name: "PaliGemmaTests",
            dependencies: [
                "PaliGemma", "ShardPlan", "Measure", "DecodingSettings", "Pictures", "Tensor", "Base", "TestSupport",
            ]),
        .testTarget(
            name: "MeasureTests", dependencies: ["Measure", "PaliGemma", "Tensor", "Base", "TestSupport"]),
        .testTarget(name: "WireTests", dependencies: ["Wire", "DecodingSettings", "CWire", "TestSupport"]),
        .testTarget(name: "ShardTests", dependencies: ["ShardPlan", "PaliGemma", "Base", "CHostLock"]),
        .testTarget(
            name: "QueueTests",
            dependencies: [
                "Queue", "CSQLite", "DecodingSettings", "PaliGemma", "Pictures", "Base", "TestSupport", "queue-stress",
            ]),
        .testTarget(
            name: "JobSourcesTests",
            dependencies: [
                "JobSources", "JobPictures", "Queue", "Tables", "Archives", "Fetch", "Pictures", "DecodingSettings",
                "Base", "TestSupport",
            ]),
        .testTarget(
            name: "ResultSinksTests",
            dependencies: [
                "ResultSinks", "Queue", "CSQLite", "Tables", "Archives", "DecodingSettings", "Base", "TestSupport",
            ]),
        .testTarget(
            name: "CoordinatorTests",
            dependencies: ["Coordinator", "Queue", "ShardPlan", "PaliGemma", "Base", "TestSupport"]),
        .testTarget(
            name: "WorkerTests",
            dependencies: [
                "WorkerInterface", "Queue", "Archives", "Tables", "DecodingSettings", "PaliGemma", "Tensor", "Base",
                "TestSupport",
                "pg-worker",
                "paligemma", "faults",
            ]),
        .testTarget(
            name: "WorkerInterfaceTests", dependencies: ["WorkerInterface", "PaliGemma", "Pictures", "Tensor", "Base"]),
        .testTarget(
            name: "ServingTests",
            dependencies: [
                "Serving", "Queue", "JobSources", "Pictures", "Base", "TestSupport", "paligemma", "pg-worker",
            ]),
        .testTarget(
            name: "CLITests",
            dependencies: [
                "WorkerInterface", "paligemma", "pg-worker", "Queue", "Tables", "Archives", "Base", "TestSupport",
                "queue-stress",
            ]),
        // What a cluster does to worlds, done on purpose: `make faults`.
        .executableTarget(
            name: "faults", dependencies: ["Queue", "Base", "TestSupport"], path: "Tests/Faults",
            exclude: ["README.md"]),
        // A process to be killed while it works on a queue.
        .executableTarget(name: "queue-stress", dependencies: ["Queue"], path: "Tests/QueueStress"),
        // Writes files for the readers of others, and measures ours.
        .executableTarget(
            name: "formats", dependencies: ["Tables", "Archives", "Base"], path: "Tests/Formats", exclude: ["check.py"]),
        // Manual pages from what the programs know of their options: packaging/generated.
        .executableTarget(name: "manual-pages", dependencies: ["Base"], path: "packaging/manual"),
        // Packages and recipes: what packaging/ and cluster/ make and hold, tried.
        .testTarget(
            name: "PackagingTests",
            dependencies: ["Queue", "Base", "TestSupport", "paligemma", "pg-worker", "manual-pages"],
            exclude: ["kubernetes-keys.yaml"]),
        // What benchmarks/queue runs.
        .executableTarget(
            name: "queue-benchmark", dependencies: ["Queue", "PaliGemma", "Base"], path: "Tests/QueueBenchmark"),
    ]
)
