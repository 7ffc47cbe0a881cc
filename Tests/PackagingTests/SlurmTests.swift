import Foundation
import TestSupport
import Testing

/// cluster/slurm/pg-worker.sbatch with programs that stand for Slurm's and for the supervisor; `cluster/slurm/try` has the real ones.
@Suite("The batch file of Slurm", .timeLimit(.minutes(15)))
struct SlurmTests {
    /// sbatch as far as it is used: it runs a copy of the batch file for each task, all at once. As in Slurm, the array's own
    /// number is that of its last task.
    private static let sbatch = """
        #!/bin/bash
        first=1 last=1 array=
        while [ "${1#--}" != "$1" ]; do
            if [ "$1" = --array ]; then array=1 first="${2%%-*}" last="${2##*-}"; fi
            shift 2
        done
        file="$1"; shift
        mkdir spool
        cp "$file" spool/slurm_script
        export SLURM_SUBMIT_DIR="$PWD" SLURM_JOB_NUM_NODES=2
        [ -z "$array" ] || export SLURM_ARRAY_JOB_ID=107
        for ((task = first; task <= last; task++)); do
            [ -z "$array" ] || export SLURM_ARRAY_TASK_ID=$task
            export SLURM_JOB_ID=$((107 + last - task))
            (exec bash spool/slurm_script "$@" >log-$task 2>&1) &
            pids[task]=$!
            echo $! >pid-$task.new && mv pid-$task.new pid-$task
        done
        for ((task = first; task <= last; task++)); do
            wait ${pids[task]}
            echo $? >status-$task.new && mv status-$task.new status-$task
        done
        """

    /// A supervisor that drains at once when it is told, and ends by itself where the file `done` is.
    private static let supervisor = """
        #!/bin/bash
        trap 'exit 138' USR1
        trap 'exit 143' TERM
        echo "$OMPI_MCA_rmaps_base_oversubscribe $*" >started-${SLURM_ARRAY_TASK_ID:-1}
        while [ ! -e done ]; do /bin/sleep 0.02; done
        """

    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let programs = [
            "sbatch": Self.sbatch, "paligemma": Self.supervisor,
            "scontrol": "#!/bin/sh\necho \"$@\" >>scontrol-calls\n",
            // Slurm ends the script while it waits.
            "sleep": "#!/bin/sh\nexit 0\n",
        ]
        for (name, text) in programs {
            let path = try folder.write(text, to: "bin/" + name)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        }
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("cluster"), withDestinationPath: Recipes.path("cluster"))
    }

    private func submit(_ options: [String] = []) throws -> BackgroundProgram {
        var environment = BackgroundProgram.plainEnvironment.filter { !$0.key.hasPrefix("OMPI_") }
        environment["PATH"] = folder.file("bin") + ":" + (environment["PATH"] ?? "/usr/bin:/bin")
        let arguments = options + ["cluster/slurm/pg-worker.sbatch", "/model", "postgres://db/captions", "--quiet"]
        return try BackgroundProgram(
            folder.file("bin/sbatch"), arguments, environment: environment, directory: folder.path,
            output: folder.file("output"))
    }

    private func text(_ name: String) -> String { TextFile.read(folder.file(name)) ?? "" }

    private func wait(for names: [String]) throws {
        for name in names {
            try Wait.until("\(name) is there") { FileManager.default.fileExists(atPath: folder.file(name)) }
        }
    }

    private func signal(_ number: Int32, task: Int) throws {
        kill(try #require(pid_t(text("pid-\(task)").trimmingCharacters(in: .whitespacesAndNewlines))), number)
    }

    @Test("A task of an array whose time is up is queued anew, and the other tasks stay", arguments: [2, 3])
    func array(task: Int) throws {
        let slurm = try submit(["--array", "2-3", "--output", "pg-worker-%A_%a.log"])
        try wait(for: ["started-2", "started-3"])
        try signal(SIGUSR1, task: task)
        try wait(for: ["scontrol-calls"])
        #expect(text("scontrol-calls") == "requeue 107_\(task)\n")
        #expect(!FileManager.default.fileExists(atPath: folder.file("status-\(5 - task)")))
        try signal(SIGTERM, task: 5 - task)
        #expect(slurm.wait() == 0)
        #expect(text("status-\(task)") == "138\n")
        #expect(text("status-\(5 - task)") == "143\n")
        #expect(text("scontrol-calls") == "requeue 107_\(task)\n")
    }

    @Test("A job that is no array is queued anew by its number")
    func single() throws {
        let slurm = try submit()
        try wait(for: ["started-1"])
        // env.sh of the folder that the job was submitted from counts, and more nodes mean a rank on each.
        let started = text("started-1")
        #expect(started.hasPrefix("1 supervise --drain-timeout 100 --queue postgres://db/captions -- mpirun -n 2 "))
        #expect(started.contains("pg-worker --model /model --queue postgres://db/captions --ranks-expected 2 --quiet"))
        try signal(SIGUSR1, task: 1)
        #expect(slurm.wait() == 0)
        #expect(text("scontrol-calls") == "requeue 107\n")
        #expect(text("status-1") == "138\n")
    }

    @Test("A world that has done its work is not queued anew")
    func finished() throws {
        let slurm = try submit(["--array", "1-2"])
        try wait(for: ["started-1", "started-2"])
        try folder.write("", to: "done")
        #expect(slurm.wait() == 0)
        #expect(text("status-1") == "0\n" && text("status-2") == "0\n")
        #expect(text("scontrol-calls").isEmpty)
    }
}
