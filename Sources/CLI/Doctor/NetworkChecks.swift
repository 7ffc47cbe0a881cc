import Base
import Foundation

/// The networks of this host.
package enum NetworkCheck {
    /// - Parameters:
    ///   - hosts: of a world; nil where no file of hosts is given.
    ///   - isChosen: whether btl_tcp_if_include or _exclude is set.
    package static func judge(_ interfaces: [NetworkInterface], hosts: Int?, isChosen: Bool) -> Finding {
        let usable = interfaces.filter { !isVirtual($0) }
        let left = interfaces.filter(isVirtual)
        func list(_ interfaces: [NetworkInterface]) -> String {
            interfaces.map { "\($0.name) \($0.address)" }.joined(separator: ", ")
        }
        var text = usable.isEmpty ? "no network" : list(usable)
        if !left.isEmpty { text += "; of containers: \(list(left))" }
        guard let hosts, hosts > 1 else { return Finding(.ok, text + "; a world on one host needs none") }
        guard let first = usable.first else {
            return Finding(.fail, "\(text), and \(hosts) hosts to connect", "connect this host to the others")
        }
        guard !isChosen, usable.count > 1 || left.contains(where: { !$0.isContainerBridge }) else {
            return Finding(.ok, text)
        }
        let network = first.address
        return Finding(
            .note, text + ", and none is chosen",
            "name the fast one: mpirun --mca btl_tcp_if_include \(network) --mca oob_tcp_if_include \(network) …")
    }

    /// Whether an interface is one of a container or of a hypervisor.
    private static func isVirtual(_ interface: NetworkInterface) -> Bool {
        interface.isContainerBridge
            || ["docker", "virbr", "veth", "cni", "ifb"].contains { interface.name.hasPrefix($0) }
    }

    static func isChosen(_ environment: [String: String]) -> Bool {
        ["include", "exclude"].contains { environment["OMPI_MCA_btl_tcp_if_\($0)"] != nil }
    }
}

/// The hosts of a file for mpirun.
package struct HostFile: Sendable, Equatable {
    package struct Host: Sendable, Equatable {
        package let name: String
        package let slots: Int

        package init(name: String, slots: Int) {
            self.name = name
            self.slots = slots
        }
    }

    package let hosts: [Host]
    /// Lines that are not understood, with their numbers.
    package let faults: [String]

    /// Reads lines such as "node1 slots=4 max_slots=8"; behind # stands a remark. A host that stands there twice has the slots of
    /// both lines.
    package init(_ text: String) {
        var (hosts, faults): ([Host], [String]) = ([], [])
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: { $0.isWhitespace })
            guard let name = words.first.map(String.init) else { continue }
            let slots = Self.slots(words.dropFirst())
            // What begins with a dash would be an option of ssh.
            guard !name.hasPrefix("-"), name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let slots else {
                faults.append("line \(number + 1): \(line)")
                continue
            }
            if let index = hosts.firstIndex(where: { $0.name == name }) {
                let sum = hosts[index].slots.addingReportingOverflow(slots)
                hosts[index] = Host(name: name, slots: sum.overflow ? .max : sum.partialValue)
            } else {
                hosts.append(Host(name: name, slots: slots))
            }
        }
        (self.hosts, self.faults) = (hosts, faults)
    }

    /// Nil where the number is none.
    private static func slots(_ words: ArraySlice<Substring>) -> Int? {
        guard let word = words.first(where: { $0.hasPrefix("slots=") }) else { return 1 }
        return Int(word.dropFirst(6)).flatMap { $0 > 0 ? $0 : nil }
    }
}

/// What the other hosts have.
package enum HostCheck {
    package struct Answer: Sendable, Equatable {
        package var host: String
        /// What ssh said where it did not get through.
        package var failure: String?
        /// What `mpirun --version` says first there; nil where there is none.
        package var launcher: String?
        package var hasWorker: Bool

        package init(host: String, failure: String? = nil, launcher: String? = nil, hasWorker: Bool = false) {
            self.host = host
            self.failure = failure
            self.launcher = launcher
            self.hasWorker = hasWorker
        }
    }

    package struct Facts: Sendable {
        package var file: HostFile
        package var ranks: Int
        /// What `mpirun --version` says first here.
        package var launcher: String?
        package var answers: [Answer]

        package init(file: HostFile, ranks: Int, launcher: String?, answers: [Answer]) {
            self.file = file
            self.ranks = ranks
            self.launcher = launcher
            self.answers = answers
        }
    }

    package static func judge(_ facts: Facts) -> Finding {
        let slots = facts.file.hosts.reduce(0) { min($0, 1 << 40) + min($1.slots, 1 << 40) }
        let count = facts.file.hosts.count
        guard count > 0, facts.file.faults.isEmpty else {
            let fault = facts.file.faults.first ?? "no hosts"
            return Finding(.fail, "the file of hosts is not valid: \(fault)", "a line is: node1 slots=1")
        }
        var findings = [
            Finding(.ok, "\(count == 1 ? "1 host" : "\(count) hosts"), \(slots == 1 ? "1 slot" : "\(slots) slots")")
        ]
        if slots < facts.ranks {
            findings.append(
                Finding(
                    .warn, "\(facts.ranks) ranks are more than that",
                    "add slots, or export OMPI_MCA_rmaps_base_oversubscribe=1 (cluster/env.sh)"))
        }
        return .all(findings + facts.answers.flatMap { judge($0, facts.launcher) })
    }

    private static func judge(_ answer: Answer, _ launcher: String?) -> [Finding] {
        if let failure = answer.failure {
            return [
                Finding(
                    .fail, "\(answer.host): \(failure)",
                    "let ssh reach it without a question: ssh -o BatchMode=yes \(answer.host) true")
            ]
        }
        var findings: [Finding] = []
        let (own, other) = (version(launcher), version(answer.launcher))
        if answer.launcher == nil {
            findings.append(
                Finding(
                    .fail, "\(answer.host): no mpirun on PATH of a shell that is not interactive",
                    "install the same Open MPI there, or put it on PATH at the top of ~/.bashrc"))
        } else if let own, own != other {
            findings.append(
                Finding(
                    .fail, "\(answer.host): Open MPI \(other ?? "of unknown version"), here \(own)",
                    "install the same version on all hosts"))
        }
        if !answer.hasWorker {
            findings.append(
                Finding(
                    .warn, "\(answer.host): pg-worker is not on PATH",
                    "install the programs at the same path on all hosts, and give mpirun that path"))
        }
        return findings.isEmpty ? [Finding(.ok, "\(answer.host) has the same Open MPI and pg-worker")] : findings
    }

    private static func version(_ text: String?) -> String? {
        text.flatMap { ProgramVersion(in: $0) }?.description
    }
}

extension HostCheck {
    private static let mark = "paligemma-doctor:"
    private static let limit = 4.0
    private static let connectSeconds = 3
    /// The hosts that are asked at most.
    static let maximumHosts = 64

    /// Asks every host over ssh, all at the same time.
    static func facts(_ file: HostFile, ranks: Int, launcher: String?) -> Facts {
        var facts = Facts(file: file, ranks: ranks, launcher: launcher, answers: [])
        guard file.faults.isEmpty else { return facts }
        let answers = Locked<[String: Answer]>([:])
        let hosts = file.hosts.prefix(maximumHosts).map(\.name)
        let done = DispatchSemaphore(value: 0)
        for host in hosts {
            Thread.start("doctor-host") {
                let answer = ask(host)
                answers.withLock { $0[host] = answer }
                done.signal()
            }
        }
        for _ in hosts { done.wait() }
        facts.answers = hosts.compactMap { host in answers.withLock { $0[host] } }
        return facts
    }

    /// Returns options with which ssh decides about an unknown key as this user's settings say, and leaves the known hosts as they
    /// are.
    private static func keyOptions(_ ssh: ExternalProgram, _ host: String) -> [String] {
        guard
            case .ended(_, let settings) = DoctorProgram.run(
                ssh, ["-G", "--", host], ProcessEnvironment.variables, limit: 1)
        else { return ["StrictHostKeyChecking=yes"] }
        let lenient = ["false", "no", "off", "accept-new"].map { "stricthostkeychecking " + $0 }
        return settings.split(separator: "\n").contains { lenient.contains(String($0)) }
            ? ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"] : ["StrictHostKeyChecking=yes"]
    }

    private static func ask(_ host: String) -> Answer {
        guard let ssh = ExternalProgram(named: "ssh") else { return Answer(host: host, failure: "ssh is not on PATH") }
        let script = "echo '\(mark)'; mpirun --version 2>/dev/null | head -n 1; echo '\(mark)'; command -v pg-worker"
        let options =
            ["BatchMode=yes", "ConnectTimeout=\(connectSeconds)", "UpdateHostKeys=no", "ControlPath=none"]
            + keyOptions(ssh, host)
        let arguments = options.flatMap { ["-o", $0] } + ["--", host, script]
        switch DoctorProgram.run(ssh, arguments, ProcessEnvironment.variables, limit: limit) {
        case .notStarted(let reason): return Answer(host: host, failure: reason)
        case .timedOut: return Answer(host: host, failure: "no answer within \(Int(limit)) s")
        case .ended(let outcome, let output):
            // What a login script writes stands before the first mark.
            let parts = output.components(separatedBy: mark + "\n")
            guard parts.count == 3 else {
                let said = outcome.errorText.split(separator: "\n").last.map(String.init)
                return Answer(host: host, failure: said ?? "ssh ended with \(outcome.end)")
            }
            let line = parts[1].split(separator: "\n").first.map(String.init)
            return Answer(host: host, launcher: line, hasWorker: !parts[2].isEmpty)
        }
    }
}
