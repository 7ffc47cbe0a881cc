import Base
import PaliGemma
import Pictures
import Tensor

/// The options of pg-worker. Its flags and settings are made from this table, and so are the flags of `paligemma run`,
/// `bench` and `supervise` that are handed on to it. A new option is an entry here, and its use.
package struct WorkerOptions: OptionTable {
    package static let table = WorkerOptions()
    package static let all = definitions(of: table)

    package let model = OptionDefinition<String>.requiredText(
        OptionDescription(
            "model", variable: "MODEL",
            help: """
                The model's directory, in the Hugging Face layout, or org/name[@revision] of one that `paligemma pull` put into \
                the cache.
                """, valueName: "dir"),
        .model)

    package let queue = OptionDefinition<String>.requiredText(
        OptionDescription(
            "queue", variable: "QUEUE", help: "The queue: a file, or postgres://host/database.", valueName: "queue"),
        .worker)

    package let drain = OptionDefinition<Bool>.toggle(
        OptionDescription(
            "drain", variable: "DRAIN", help: "End when the queue is empty, instead of waiting for more."), .worker)

    package let ranksExpected = OptionDefinition<Int?>.count(
        OptionDescription(
            "ranks-expected", variable: "RANKS", help: "Refuse to start unless the world has this many ranks.",
            valueName: "count"), .worker)

    package let visionRanks = OptionDefinition<Int?>.count(
        OptionDescription(
            "vision-ranks", variable: "VISION_RANKS", help: "How many ranks encode pictures.",
            defaultText: "what balances the stages", valueName: "count"), .plan)

    package let precision = OptionDefinition<Precision>.choice(
        OptionDescription(
            "precision", variable: "PRECISION",
            help: """
                exact: products as in float32. bf16: activations of linear layers rounded to bfloat16, where the processor \
                multiplies those. int8: weights and activations quantized, fastest, less accurate.
                """, valueName: "exact|bf16|int8", legacyNames: ["weights"], legacyVariables: ["WEIGHTS"],
            // The weights of a checkpoint are bfloat16, and were multiplied exactly.
            legacyTexts: ["bf16": "exact"]), .world, default: .exact)

    package let threads = OptionDefinition<Int?>.count(
        OptionDescription(
            "threads", variable: "THREADS", help: "Compute threads of a rank.",
            defaultText: "its share of the cores", valueName: "count"), .world)

    package let binding = OptionDefinition<RankBinding>.choice(
        OptionDescription(
            "bind", variable: "BIND",
            help: """
                Where a host has several NUMA nodes and they fit its ranks evenly: node, each rank keeps to a node's cores \
                and memory, or none.
                """, valueName: "node|none"), .world, default: .node)

    package let keyValueBudget = OptionDefinition<Int>.bytes(
        OptionDescription(
            "kv-budget", variable: "KV_BUDGET", help: "The size of a rank's KV cache, as 2g or 512m.",
            defaultText: "2g, less where the memory is short", valueName: "bytes"), .world, default: "2g")

    package let sequences = OptionDefinition<Int>.count(
        OptionDescription(
            "sequences", variable: "SEQUENCES",
            help: "Maximum number of sequences that decode together, where the KV cache has room for them.",
            valueName: "count"), .world, default: 64)

    package let featureCache = OptionDefinition<Int>.bytes(
        OptionDescription(
            "feature-cache", variable: "FEATURE_CACHE",
            help: """
                Memory of a vision rank for the features of the pictures that it encoded last, as 2g or 512m; 0: none. \
                Another question about such a picture needs no second pass of the vision tower.
                """, defaultText: "512m, less where the memory is short", valueName: "bytes"), .world, default: "512m",
        mayBeZero: true)

    package let featureFolder = OptionDefinition<String?>.text(
        OptionDescription(
            "feature-folder", variable: "FEATURE_FOLDER",
            help: "A folder that keeps such features too, also for later worlds.", valueName: "dir"), .world)

    package let featureFolderSize = OptionDefinition<Int>.bytes(
        OptionDescription(
            "feature-folder-size", variable: "FEATURE_FOLDER_SIZE", help: "What that folder may hold of one model.",
            valueName: "bytes"), .world, default: "20g")

    package let batchRows = OptionDefinition<Int>.count(
        OptionDescription(
            "batch-rows", variable: "BATCH_ROWS", help: "Rows of a micro-batch; 2304 are eight pictures of 224 pixels.",
            defaultText: "2304, less where the memory is short", valueName: "count"), .world, default: 2304)

    package let link = OptionDefinition<LinkFormat>.choice(
        OptionDescription(
            "link", variable: "LINK",
            help: "How activations travel between Gemma ranks: f32 as they are, bf16 rounded to half the bytes.",
            valueName: "f32|bf16"), .world, default: .float32)

    package let prefill = OptionDefinition<PrefillCut.Split?>.choice(
        OptionDescription(
            "prefill", variable: "PREFILL",
            help: """
                How Gemma ranks share a prefill's MLP: rows, where each reads all of its weights, or columns, where each \
                reads a part and sends nearly nine times as much.
                """, defaultText: "rows, where every host has the memory", valueName: "rows|columns"), .world)

    package let resize = OptionDefinition<PictureResize>.choice(
        OptionDescription(
            "resize", variable: "RESIZE",
            help: """
                How a picture becomes the model's square. pillow: as the public processor resizes. big_vision, \
                big_vision_antialias: as the original code does, for published scores of captions and of questions.
                """, valueName: "pillow|big_vision|big_vision_antialias"), .world,
        default: .pillow)

    package let adapters = OptionDefinition<[String]>.texts(
        OptionDescription(
            "adapter", variable: "ADAPTER", kind: .list(separator: ","),
            help: """
                A LoRA adapter as PEFT saves it, which jobs call by this name. May be given several times; the variable \
                has commas between.
                """, valueName: "name=dir"), .world)

    package let slidingWindow = OptionDefinition<Bool>.toggle(
        OptionDescription(
            "sliding-window", variable: "SLIDING_WINDOW",
            help: """
                PaliGemma 2: in every other layer an answer's tokens see only the last 4096 positions, as in transformers.
                """, defaultText: "all, as the weights were trained"), .world)

    package let ignoreEXIF = OptionDefinition<Bool>.toggle(
        OptionDescription(
            "ignore-exif", variable: "IGNORE_EXIF", help: "Do not turn pictures upright by their EXIF orientation."),
        .world)

    package let pictureRoot = OptionDefinition<String?>.text(
        OptionDescription(
            "picture-root", variable: "PICTURE_ROOT",
            help: "Read files below this folder only, for workers whose jobs come from others.", valueName: "dir"),
        .world)

    package let blocksPrivate = OptionDefinition<Bool>.toggle(
        OptionDescription(
            "block-private", variable: "BLOCK_PRIVATE",
            help: "Fetch no pictures from private addresses, whatever names and redirects lead to them."), .world)

    package let ignoresRobotsTag = OptionDefinition<Bool>.toggle(
        OptionDescription(
            "ignore-robots-tag", variable: "IGNORE_ROBOTS_TAG",
            help: "Fetch pictures whose owners forbid use by programs that learn (X-Robots-Tag)."), .world)

    package let lenient = OptionDefinition<Bool>.toggle(
        OptionDescription(
            "lenient", variable: "LENIENT",
            help: "Answer about what can be decoded of a damaged picture; its result says \"damaged\": true.",
            defaultText: "such a job fails"), .world)

    package let background = OptionDefinition<RGBColor?>(
        description: OptionDescription(
            "background", variable: "BACKGROUND", help: "The color that shows through transparent pixels.",
            defaultText: "alpha is dropped, as by the public processor", valueName: "white|black|#rrggbb"),
        defaultValue: nil, group: .world, isRequired: false,
        expectation: "white, black or a color such as #ff8000 is expected",
        parse: { texts in texts.last.flatMap { RGBColor($0) }.map { .some($0) } },
        serialize: { $0.map { [$0.description] } ?? [] })

    package let scale16Bit = OptionDefinition<Bool>.toggle(
        OptionDescription(
            "scale-16-bit", variable: "SCALE_16_BIT", help: "Scale 16-bit gray to 8 bits.",
            defaultText: "clipped to 255, as by Pillow"), .world)

    package let pixelLimit = OptionDefinition<Int>.count(
        OptionDescription(
            "pixel-limit", variable: "PIXEL_LIMIT", help: "Maximum number of pixels of a picture or a frame.",
            valueName: "count"), .world, default: ImageDecoder.Options().maximumPixels)

    package let fastDecode = OptionDefinition<Bool>.toggle(
        OptionDescription(
            "fast-decode", variable: "FAST_DECODE",
            help: "Decode large JPEGs at a fraction of their size: faster, and not the pixels of the public processor."),
        .world)

    package let leaseSeconds = OptionDefinition<Int>.count(
        OptionDescription(
            "lease-seconds", variable: "LEASE_SECONDS", help: "How long a lease holds without renewal.",
            valueName: "seconds"), .world, default: 60)

    package let timeline = OptionDefinition<String?>.text(
        OptionDescription(
            "timeline", variable: "TIMELINE",
            help: "Write what every thread did when, as a Chrome trace (opens in Perfetto).", valueName: "file"), .world
    )

    package let drainTimeout = OptionDefinition<Double>.seconds(
        OptionDescription(
            "drain-timeout", variable: "DRAIN_TIMEOUT",
            help: """
                How long a world that is asked to end (SIGUSR1) may take to finish the jobs that it has leased; then it returns \
                them to the queue.
                """, valueName: "seconds"), .supervision, default: 120,
        expectation: "seconds up to a million are expected")

    package let watchdog = OptionDefinition<Double>.seconds(
        OptionDescription(
            "watchdog", variable: "WATCHDOG",
            help: "How long a rank may make no progress at all before it ends the world; 0: for ever.",
            valueName: "seconds"), .supervision, default: 120,
        expectation: "seconds from 0.5 up to a million are expected, or 0 for none", isValid: { $0 == 0 || $0 >= 0.5 })

    package let report = OptionDefinition<String?>.text(
        OptionDescription(
            "report", variable: "REPORT", help: "At the end, write what each rank did and waited for, in JSON.",
            valueName: "file"), .worker)

    package let quiet = OptionDefinition<Bool>.toggle(
        OptionDescription("quiet", variable: "QUIET", help: "Report errors only."), .worker)

    /// The name with which the world leases jobs. A supervisor chooses it, to reclaim what a dead world had leased.
    package let worldName = OptionDefinition<String?>.text(
        OptionDescription("world", variable: "WORLD", help: "", isVariableOnly: true), .worker)
}

/// What a rank was asked to do.
package typealias WorkerSettings = OptionValues<WorkerOptions>

extension WorkerSettings {
    /// How pictures are decoded.
    package var imageOptions: ImageDecoder.Options {
        var options = ImageDecoder.Options(ignoreExif: self.ignoreEXIF)
        options.lenient = self.lenient
        options.background = self.background
        options.scale16Bit = self.scale16Bit
        options.maximumPixels = self.pixelLimit
        options.fastDecode = self.fastDecode
        return options
    }

    /// Rows of a micro-batch, at most as many as have room in a frame with their pixels.
    package var effectiveBatchRows: Int { min(self.batchRows, 1 << 16) }
}
