import ArgumentParser

/// How long a world may take, and how often it may die.
struct SupervisionOptions: ParsableArguments {
    @Option(
        help: Variable.drainTimeout.help(
            "What a world that is asked to end may take to finish or return what is in flight.", default: "120",
            valueName: "seconds"))
    var drainTimeout: Double?

    @Option(
        help: Variable.watchdog.help(
            "How long a rank may make no progress at all; 0: for ever.", default: "120", valueName: "seconds"))
    var watchdog: Double?

    @Option(
        help: Variable.mostDeaths.help(
            "Deaths of the world in ten minutes with which to give up.", default: "5", valueName: "count"))
    var mostDeaths: Int?

    @Option(
        help: Variable.restartPause.help(
            "The pause before the first restart; it doubles with each.", default: "1", valueName: "seconds"))
    var restartPause: Double?

    @Option(
        help: Variable.longestPause.help(
            "The longest pause before a restart.", default: "16", valueName: "seconds"))
    var longestPause: Double?

    func resolved() throws -> Supervisor.Settings {
        var settings = Supervisor.Settings()
        if let seconds = try seconds(.drainTimeout, drainTimeout, "--drain-timeout") {
            settings.drainTimeout = .seconds(seconds)
        }
        if let seconds = try seconds(.watchdog, watchdog, "--watchdog") {
            // The ranks notice first, and can say more.
            settings.stoppedLimit = seconds == 0 ? .seconds(Int32.max) : .seconds(2 * seconds + 30)
        }
        if let seconds = try seconds(.restartPause, restartPause, "--restart-pause") {
            settings.restarts.firstPause = .seconds(seconds)
        }
        if let seconds = try seconds(.longestPause, longestPause, "--longest-pause") {
            settings.restarts.longestPause = .seconds(seconds)
        }
        if let count = try Variable.mostDeaths.count(mostDeaths, option: "--most-deaths") {
            settings.restarts.mostDeaths = Int(count) ?? settings.restarts.mostDeaths
        }
        return settings
    }

    /// What the ranks are told.
    func environment() throws -> [String: String] {
        guard let seconds = try seconds(.watchdog, watchdog, "--watchdog") else { return [:] }
        return [Variable.watchdog.name: "\(seconds)"]
    }

    private func seconds(_ variable: Variable, _ flag: Double?, _ option: String) throws -> Double? {
        guard let value = try variable.value(flag) else { return nil }
        guard value >= 0, value <= 1e6 else { throw ValidationError("'\(option)' is \(value); seconds are expected.") }
        return value
    }
}
