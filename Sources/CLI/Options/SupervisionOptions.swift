import ArgumentParser
import Queue
import WorkerInterface

/// How often a world may die, and when it is started again.
struct RestartOptions: OptionTable {
    static let table = RestartOptions()
    static let all = definitions(of: table)
    private static let limits = RestartPolicy.Limits()

    let maximumDeaths = OptionDefinition<Int>.count(
        OptionDescription(
            "maximum-deaths", variable: "MAXIMUM_DEATHS",
            help: "The number of deaths of the world in ten minutes with which the supervisor gives up.",
            valueName: "count", legacyNames: ["most-deaths"], legacyVariables: ["MOST_DEATHS"]),
        .supervision, default: Self.limits.maximumDeaths)

    let restartPause = OptionDefinition<Double>.seconds(
        OptionDescription(
            "restart-pause", variable: "RESTART_PAUSE",
            help: "The pause before the first restart; it doubles with each.", valueName: "seconds"),
        .supervision, default: Self.limits.firstPause.inSeconds, expectation: "seconds are expected")

    let longestPause = OptionDefinition<Double>.seconds(
        OptionDescription(
            "longest-pause", variable: "LONGEST_PAUSE", help: "The longest pause before a restart.",
            valueName: "seconds"), .supervision, default: Self.limits.longestPause.inSeconds,
        expectation: "seconds are expected")
}

/// How long a world may take, and how often it may die.
struct SupervisionOptions: ParsableArguments {
    /// The options that are handed on to the ranks too.
    enum Limits: OptionSelection {
        typealias Table = WorkerOptions
        static let options = WorkerOptions.options(in: .supervision)
    }

    enum Restarts: OptionSelection {
        typealias Table = RestartOptions
        static let options = RestartOptions.all
    }

    @OptionGroup var limits: OptionFlags<Limits>
    @OptionGroup var restarts: OptionFlags<Restarts>

    /// Settles how worlds are supervised: flags, variables, defaults.
    ///
    /// - Throws: where a flag or variable has no such value.
    func resolved() throws(OptionError) -> Supervisor.Settings {
        let (limits, restarts) = (try self.limits.values(), try self.restarts.values())
        var settings = Supervisor.Settings()
        settings.drainTimeout = .seconds(limits.drainTimeout)
        if limits.isGiven(\.watchdog) {
            // The ranks notice first, and report more.
            settings.stoppedTimeout = limits.watchdog == 0 ? .seconds(Int32.max) : .seconds(2 * limits.watchdog + 30)
        }
        settings.restarts.firstPause = .seconds(restarts.restartPause)
        settings.restarts.longestPause = .seconds(restarts.longestPause)
        settings.restarts.maximumDeaths = restarts.maximumDeaths
        return settings
    }

    /// Returns the variables that hand the limits that were given on to the ranks.
    ///
    /// - Throws: where a flag or variable has no such value.
    func environment() throws(OptionError) -> [String: String] { try limits.values().environment }
}
