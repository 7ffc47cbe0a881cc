import Foundation
import TestSupport
import Testing

/// Ranks that may not read each other's memory, and must find that out before Open MPI tries it with every message.
@Suite("Single copies between ranks", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct SingleCopyTests {
    private static let notice = "may not read each other's memory"

    /// Starts what follows with a filter that refuses process_vm_readv and process_vm_writev, as Docker's profile does.
    private static let refusal = [
        "perl", "-e",
        """
        my $filter = join "", map { pack "SCCL", @$_ } [0x20, 0, 0, 0], [0x15, 1, 0, 310], [0x15, 0, 1, 311],
            [0x06, 0, 0, 0x50001], [0x06, 0, 0, 0x7fff0000];
        my $program = pack "Sx6P", 5, $filter;
        syscall(157, 38, 1, 0, 0, 0) == 0 && syscall(157, 22, 2, $program) == 0 or exit 99;
        exec @ARGV;
        """,
    ]
    private static let namespace = ["unshare", "--user", "--map-root-user"]

    private static func works(_ wrapper: [String]) -> Bool {
        (try? Programs.run(wrapper[0], wrapper.dropFirst() + ["/bin/true"]))?.status == 0
    }

    #if arch(x86_64)
        private static let canRefuse = works(refusal)
    #else
        private static let canRefuse = false
    #endif
    private static let hasNamespaces = works(namespace)

    private func expectAnswers(
        of wrapper: [String], environment: [String: String] = [:], saying count: Int
    ) throws {
        let reference = try ReferenceAnswers("odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let outcome = try Programs.run(
            "mpirun",
            ["--bind-to", "none", "-n", "3"] + wrapper
                + [Programs.worker, "--model", reference.model, "--queue", queue.path, "--drain"],
            environment: environment)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.components(separatedBy: Self.notice).count - 1 == count, "\(outcome.errors)")
        // Nothing of Open MPI's own, which reports every message that fails.
        #expect(!outcome.errors.contains("Read -1") && !outcome.errors.contains("ORTE_ERROR"), "\(outcome.errors)")
        reference.expect(try queue.results())
    }

    @Test(
        "Where a filter of system calls forbids it, ranks copy through shared memory and say so once",
        .enabled(if: canRefuse, "no filter of system calls can be installed here"))
    func filter() throws {
        try expectAnswers(of: Self.refusal, saying: 1)
        // What was set by hand is not looked into.
        let variable = ["OMPI_MCA_btl_vader_single_copy_mechanism": "none"]
        try expectAnswers(of: Self.refusal, environment: variable, saying: 0)
    }

    @Test(
        "Where every rank has a user namespace of its own, ranks copy through shared memory and say so once",
        .enabled(if: hasNamespaces, "user namespaces are not allowed here"))
    func namespaces() throws {
        try expectAnswers(of: Self.namespace, saying: 1)
        // With a shell between, which shares the namespace of its rank.
        try expectAnswers(of: Self.namespace + ["sh", "-c", #""$@"; exit $?"#, "sh"], saying: 1)
    }

    @Test(
        "A user namespace around the whole world, as a rootless container has it, changes nothing by itself",
        .enabled(if: hasNamespaces, "user namespaces are not allowed here"))
    func oneNamespace() throws {
        let (reference, queue) = (try ReferenceAnswers("odd"), try TestQueue())
        try queue.submit(["--jobs", reference.jobs])
        let world = ["--bind-to", "none", "-n", "2", Programs.worker, "--model", reference.model]
        let command = ["mpirun"] + world + ["--queue", queue.path, "--drain"]
        let plain = try Programs.run(command[0], Array(command.dropFirst()))
        try queue.submit(["--jobs", reference.jobs, "--id-with-prompt"])
        let wrapped = try Programs.run(Self.namespace[0], Self.namespace.dropFirst() + command)
        #expect(plain.status == 0 && wrapped.status == 0, "\(plain.errors)\(wrapped.errors)")
        #expect(wrapped.errors.contains(Self.notice) == plain.errors.contains(Self.notice), "\(wrapped.errors)")
    }
}
