import ArgumentParser
import Base
import Foundation
import WorkerInterface

/// The environment variable of a flag: it counts where the flag is not given.
struct Variable {
    let name: String

    init(_ name: String) {
        self.name = EnvironmentVariable.prefix + name
    }

    /// The variable of an option of pg-worker.
    init<Value>(_ option: KeyPath<WorkerOptions, OptionDefinition<Value>>) {
        name = WorkerOptions.table[keyPath: option].description.variable
    }

    static let model = Variable(\.model)
    static let queue = Variable(\.queue)
    /// The number of ranks that are started is the number that they expect.
    static let ranks = Variable(\.ranksExpected)

    static let output = Variable("OUTPUT")
    static let format = Variable("FORMAT")
    static let sorted = Variable("SORTED")
    static let outputFolder = Variable("OUTPUT_DIR")
    static let sidecar = Variable("SIDECAR")
    static let fileExtension = Variable("EXTENSION")
    static let prefix = Variable("PREFIX")
    static let suffix = Variable("SUFFIX")
    static let sidecarLog = Variable("SIDECAR_LOG")
    static let withPictures = Variable("WITH_PICTURES")
    static let cocoImages = Variable("COCO_IMAGES")
    static let json = Variable("JSON")

    static let prompt = Variable("PROMPT")
    static let task = Variable("TASK")
    static let language = Variable("LANG")
    static let about = Variable("ABOUT")
    static let jobs = Variable("JOBS")
    static let frames = Variable("FRAMES")
    static let maxTokens = Variable("MAX_TOKENS")
    static let priority = Variable("PRIORITY")
    static let replace = Variable("REPLACE")
    static let idWithPrompt = Variable("ID_WITH_PROMPT")

    static let from = Variable("FROM")
    static let list = Variable("LIST")
    static let null = Variable("NULL")
    static let columns = Variable("COLUMNS")
    static let noHeader = Variable("NO_HEADER")
    static let carry = Variable("CARRY")
    static let id = Variable("ID")
    static let imageFolder = Variable("IMAGE_FOLDER")
    static let verify = Variable("VERIFY")
    static let allFiles = Variable("ALL_FILES")
    static let field = Variable("FIELD")

    static let host = Variable("HOST")
    static let port = Variable("PORT")
    static let apiKeys = Variable("API_KEYS")
    static let newKey = Variable("NEW_KEY")
    static let noAuth = Variable("NO_AUTH")
    static let metricsAuth = Variable("METRICS_AUTH")
    static let servedModelName = Variable("SERVED_MODEL_NAME")
    static let maxBody = Variable("MAX_BODY")
    static let maxPictures = Variable("MAX_PICTURES")
    static let pictureURLs = Variable("PICTURE_URLS")
    static let maxWaiting = Variable("MAX_WAITING")
    static let requestTimeout = Variable("REQUEST_TIMEOUT")
    static let drainDelay = Variable("DRAIN_DELAY")
    static let metricsPrefix = Variable("METRICS_PREFIX")
    static let state = Variable("STATE")
    static let accessLog = Variable("ACCESS_LOG")

    static let embed = Variable("EMBED")
    static let maxReady = Variable("MAX_READY")

    static let all = Variable("ALL")
    static let code = Variable("CODE")
    static let ids = Variable("IDS")
    static let olderThan = Variable("OLDER_THAN")

    static let onlyWeights = Variable("ONLY_WEIGHTS")
    static let forcedTokens = Variable("FORCED_TOKENS")
    static let fresh = Variable("FRESH")
    static let dryRun = Variable("DRY_RUN")

    static let shape = Variable("SHAPE")
    static let layers = Variable("LAYERS")
    static let seed = Variable("SEED")

    static let batch = Variable("BATCH")
    static let newTokens = Variable("NEW_TOKENS")
    static let hostfile = Variable("HOSTFILE")
    static let hosts = Variable("HOSTS")
    static let cores = Variable("CORES")
    static let memory = Variable("MEMORY")
    static let linkGigabits = Variable("LINK_GBITS")
    static let processor = Variable("PROCESSOR")

    static let steady = Variable("STEADY")
    static let steadySeconds = Variable("STEADY_SECONDS")
    static let kernels = Variable("KERNELS")
    static let modelCache = Variable("MODEL_CACHE")
    static let pullVerify = Variable("PULL_VERIFY")

    /// Returns the flag's value, else the variable's, else nil. An empty variable counts as none.
    ///
    /// - Throws: a usage error where the variable's text is no such value.
    func value<Value: ExpressibleByArgument>(_ flag: Value?) throws -> Value? {
        if let flag { return flag }
        guard let text = ProcessEnvironment.variables[name], !text.isEmpty else { return nil }
        guard let value = Value(argument: text) else {
            throw ValidationError("The value '\(text)' of the environment variable \(name) is invalid.")
        }
        return value
    }

    /// As `value(_:)`, and a usage error where there is none.
    func required<Value: ExpressibleByArgument>(_ flag: Value?, option: String) throws -> Value {
        guard let value = try value(flag) else {
            throw ValidationError("Missing '\(option)': give it, or set \(name).")
        }
        return value
    }

    /// As `value(_:)`, for a number of things of which there is at least one, and not more than any machine can have.
    func count(_ flag: Int?, option: String) throws -> Int? {
        guard let value = try value(flag) else { return nil }
        let maximum = 1_000_000_000
        guard value >= 1 else { throw ValidationError("'\(option)' is \(value); a number from 1 is expected.") }
        guard value <= maximum else {
            throw ValidationError("'\(option)' is \(value); a number up to \(maximum) is expected.")
        }
        return value
    }

    /// Whether something is turned on: by its flag, or by 1, true, yes or on in the variable.
    ///
    /// - Throws: a usage error where the variable's text is neither on nor off.
    func isOn(_ flag: Bool) throws -> Bool {
        if flag { return true }
        let text = ProcessEnvironment.variables[name] ?? ""
        guard let isOn = EnvironmentVariable.toggle(text) else {
            throw ValidationError("The environment variable \(name) is '\(text)'; give 1 or 0.")
        }
        return isOn
    }

    /// Help that names the variable.
    func help(_ text: String, default value: String? = nil, valueName: String? = nil) -> ArgumentHelp {
        EnvironmentVariable.help(text, variable: name, defaultText: value, valueName: valueName)
    }
}
