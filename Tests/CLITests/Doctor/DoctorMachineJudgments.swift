import Base
import Foundation
import TestSupport
import Testing
import paligemma

/// What the checks of a machine say about facts of other machines.
@Suite("What the doctor says of machines")
struct DoctorMachineJudgments {
    @Test("mpirun and the library of pg-worker have the same version, or which of them is another is said")
    func versions() {
        let library = OpenMPICheck.Library.says(
            "Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4, repo rev: v4.1.4")
        func judge(_ launcher: String?, ranks: Int = 2) -> Finding {
            OpenMPICheck.judge(.init(ranks: ranks, launcher: launcher, mpiLibrary: library))
        }
        #expect(judge("mpirun (Open MPI) 4.1.4") == Finding(.ok, "mpirun and pg-worker's library are 4.1.4"))
        let remedy =
            "put the mpirun of the library's installation first on PATH (type -a mpirun), or build with the other one's mpicc"
        #expect(
            judge("mpirun (Open MPI) 4.1.6") == Finding(.warn, "mpirun is 4.1.6, pg-worker's library is 4.1.4", remedy))
        #expect(
            judge("mpirun (Open MPI) 5.0.0rc12")
                == Finding(.fail, "mpirun is 5.0.0, pg-worker's library is 4.1.4", remedy))
        #expect(judge("mpirun (Open MPI) 5.0.0", ranks: 1).status == .note)
        #expect(
            judge("HYDRA build details:")
                == Finding(
                    .fail, "mpirun is not Open MPI's: it says 'HYDRA build details:'",
                    "put the mpirun of Open MPI first on PATH: type -a mpirun"))
        #expect(judge(nil).status == .fail && judge(nil, ranks: 1).status == .note)
        let absent = OpenMPICheck.judge(
            .init(ranks: 2, launcher: nil, mpiLibrary: .absent("libmpi.so.40: no such file")))
        #expect(absent.text == "the MPI library of pg-worker cannot be loaded: libmpi.so.40: no such file")
        #expect(OpenMPICheck.judge(.init(ranks: 1, launcher: nil, mpiLibrary: .noWorker)).status == .fail)
        let unknown = OpenMPICheck.judge(
            .init(ranks: 2, launcher: "mpirun (Open MPI) 4.1.4", mpiLibrary: .unknown("a script")))
        #expect(
            unknown
                == Finding(.note, "not checked: mpirun is 4.1.4; the library of pg-worker is not known (a script)"))
    }

    @Test("A plain mpirun that fails where a completed one works is a warning, and both failing are a failure")
    func starts() {
        func judge(_ start: OpenMPICheck.Start, _ completed: OpenMPICheck.Start? = nil, ranks: Int = 4) -> Finding {
            OpenMPICheck.judge(
                .init(
                    ranks: ranks, launcher: "mpirun (Open MPI) 4.1.4", mpiLibrary: .says("Open MPI v4.1.4"),
                    start: start,
                    completedStart: completed))
        }
        let same = "mpirun and pg-worker's library are 4.1.4; "
        #expect(judge(.works) == Finding(.ok, same + "`mpirun -n 4 true` works"))
        #expect(
            judge(.fails("There are not enough slots"), .works)
                == Finding(
                    .warn,
                    same
                        + "a plain `mpirun -n 4 true` fails (There are not enough slots); with what run, supervise and serve "
                        + "set it works", "before a plain mpirun: . cluster/env.sh"))
        #expect(judge(.fails("x"), .fails("y")).status == .fail)
        #expect(judge(.timedOut).status == .warn)
    }

    @Test("A launcher that is not Open MPI's is found by its variables")
    func launcher() {
        let mpirun = ["OMPI_COMM_WORLD_SIZE": "4", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4"]
        #expect(LauncherCheck.judge(mpirun).status == .ok)
        #expect(LauncherCheck.judge(["SLURM_JOB_ID": "7"]) == Finding(.ok, "no other launcher around this process"))
        let advice =
            "start worlds with mpirun, in a batch job from its script and not by srun (cluster/pg-worker.sbatch)"
        #expect(
            LauncherCheck.judge(["SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4"])
                == Finding(.fail, "srun started this process as one of 4 (SLURM_STEP_ID)", advice))
        #expect(LauncherCheck.judge(["SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "1"]).status == .note)
        #expect(
            LauncherCheck.judge(["PMI_RANK": "0", "PMI_SIZE": "2"]).text
                == "a launcher that is not Open MPI's started this process as one of 2 (PMI_RANK)")
        #expect(LauncherCheck.judge(["PMIX_RANK": "0"]).status == .warn)
    }

    @Test("Little shared memory and segments of dead worlds are warnings")
    func sharedMemory() {
        #expect(SharedMemoryCheck.judge(.init(free: 1 << 30)) == Finding(.ok, "1.1 GB free"))
        let small = SharedMemoryCheck.judge(.init(free: 64 << 20, leftSegments: ["vader_segment.a.0.1.0", "b"]))
        #expect(small.status == .warn && small.advice.count == 2)
        #expect(
            small.text
                == "67.1 MB free in /dev/shm, less than 268.4 MB; dead worlds left segments: vader_segment.a.0.1.0 and 1 more"
        )
        #expect(
            SharedMemoryCheck.judge(.init(free: nil, backingFolder: "/var/tmp"))
                == Finding(.note, "there is no /dev/shm; messages go through files in /var/tmp"))
    }

    @Test("What forbids ranks to read each other's memory is named with its remedy")
    func rankMemory() throws {
        let open = try MachineFolder([
            "/proc/self/status": "Seccomp:\t0\n", "/proc/self/uid_map": "         0          0 4294967295\n",
            "/proc/sys/kernel/yama/ptrace_scope": "1\n",
        ])
        let whole = RankMemoryCheck.Facts(isReadable: true, SystemFiles(root: open.root))
        #expect(whole.ptraceScope == 1 && whole.seccomp == 0 && !whole.isInUserNamespace)
        #expect(RankMemoryCheck.judge(whole) == Finding(.ok, "ranks may read each other's memory"))
        let closed = try MachineFolder([
            "/proc/self/status": "Seccomp:\t2\n", "/proc/self/uid_map": "0 1000 1\n",
            "/proc/sys/kernel/yama/ptrace_scope": "3\n",
        ])
        let finding = RankMemoryCheck.judge(.init(isReadable: false, SystemFiles(root: closed.root)))
        #expect(
            finding.text
                == "ranks may not read each other's memory: ptrace_scope is 3, a filter of system calls is active (Seccomp), "
                + "this process is in a user namespace")
        #expect(finding.status == .warn && finding.advice.count == 4)
        #expect(finding.advice[0] == "sysctl kernel.yama.ptrace_scope=1 (or 0)")
        let unknown = RankMemoryCheck.judge(.init(isReadable: false))
        #expect(unknown.text == "ranks may not read each other's memory: the cause is not known")
    }

    private func processor(_ lines: String..., kernels: String = "avx2", coreType: String? = nil) -> Finding {
        ProcessorCheck.judge(
            .init(
                description: lines.joined(separator: "\n") + "\n\nprocessor : 1\nmodel : 1\n", kernels: kernels,
                int8Kernels: "avx2", coreType: coreType))
    }

    @Test("A processor's kernels and their rate are said, and what a hypervisor hides")
    func processors() {
        let rapids = ["vendor_id\t: GenuineIntel", "cpu family\t: 6", "model\t\t: 143", "model name\t: Xeon"]
        let hidden = processor(rapids[0], rapids[1], rapids[2], rapids[3], "flags : avx2 fma hypervisor")
        #expect(
            hidden.text
                == "Xeon, kernels avx2, int8 avx2, up to about 74 GFLOP/s a core; the hypervisor hides AVX-512 and AMX")
        #expect(hidden.status == .note)
        let whole = processor(
            rapids[0], rapids[1], rapids[2], rapids[3], "flags : avx2 avx512f amx_tile hypervisor", kernels: "amx")
        #expect(whole == Finding(.ok, "Xeon, kernels amx, int8 avx2"))
        // A processor without AVX-512 hides nothing.
        let zen3 = processor(
            "vendor_id : AuthenticAMD", "cpu family : 25", "model : 1", "model name : EPYC", "flags : avx2 hypervisor")
        #expect(zen3 == Finding(.ok, "EPYC, kernels avx2, int8 avx2, up to about 103 GFLOP/s a core"))
        let zen4 = processor(
            "vendor_id : AuthenticAMD", "cpu family : 25", "model : 17", "model name : EPYC", "flags : avx2 hypervisor")
        #expect(zen4.text.hasSuffix("up to about 118 GFLOP/s a core; the hypervisor hides AVX-512"))
        let arm = processor("CPU implementer : 0x41", "Features : fp asimd", kernels: "blas", coreType: "NEOVERSEN1")
        #expect(arm.status == .warn)
        #expect(
            arm.text
                == "unknown processor, kernels blas, int8 avx2; there are no vector kernels of this software for it; "
                + "OPENBLAS_CORETYPE is NEOVERSEN1")
        let obstacle = ProcessorCheck.judge(
            .init(description: "", kernels: "avx2", int8Kernels: "avx2", obstacle: "the kernels amx cannot be used"))
        #expect(obstacle.status == .fail)
    }

    @Test(
        "A quota of either version of the control groups, on the group or above it, is what the cores are limited to",
        arguments: [
            ["/proc/self/cgroup": "0::/pod/box\n", "/sys/fs/cgroup/pod/cpu.max": "250000 100000\n"],
            [
                "/proc/self/cgroup": "4:cpu,cpuacct:/pod/box\n",
                "/proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n",
                "/sys/fs/cgroup/cpu/pod/cpu.cfs_quota_us": "250000\n",
                "/sys/fs/cgroup/cpu/pod/cpu.cfs_period_us": "100000\n",
                "/sys/fs/cgroup/cpu/pod/box/cpu.cfs_quota_us": "-1\n",
            ],
        ])
    func quota(files: [String: String]) throws {
        let machine = try MachineFolder(cores: "0-7", online: "0-7")
        for (path, text) in files { try machine.write(text, to: path) }
        let limits = MachineLimits(SystemFiles(root: machine.root))
        let finding = CoreCheck.judge(.init(machine: limits, ranks: 4, stolen: 0.25, pressure: 0.9))
        #expect(
            finding.text
                == "3 of 8 cores (cgroup quota of 2.5); 4 ranks share them and compute one after the other; the hypervisor "
                + "takes 25 % of the time; some process waited for a core in 90 % of the last 10 s")
        #expect(finding.status == .warn)
    }

    @Test("A machine without limits is well, and limits that cannot be read are named")
    func cores() throws {
        let machine = try MachineFolder(cores: "0-7", online: "0-7")
        let whole = CoreCheck.judge(.init(machine: .init(SystemFiles(root: machine.root)), ranks: 4))
        #expect(whole == Finding(.ok, "8 cores"))
        try machine.write("nonsense\n", to: "/sys/fs/cgroup/pod/box/cpu.max")
        let unreadable = CoreCheck.judge(.init(machine: .init(SystemFiles(root: machine.root)), ranks: 4))
        #expect(unreadable.status == .warn)
        #expect(unreadable.text == "8 cores; limits that cannot be read: /sys/fs/cgroup/pod/box/cpu.max")
    }

    @Test("The time that a hypervisor took is the difference of two looks")
    func stolen() throws {
        let machine = try MachineFolder(["/proc/stat": "cpu  100 0 100 700 0 0 0 100 5 0\ncpu0 1 1\n"])
        let before = try #require(ProcessorTime(SystemFiles(root: machine.root)))
        try machine.write("cpu  150 0 100 720 0 0 0 130 5 0\n", to: "/proc/stat")
        let after = try #require(ProcessorTime(SystemFiles(root: machine.root)))
        #expect(after.stolen(since: before) == 0.3)
        #expect(before.stolen(since: before) == nil && after.stolen(since: nil) == nil)
        #expect(Pressure.share(of: "some", in: "some avg10=12.50 avg60=1.00\nfull avg10=3.00\n") == 0.125)
        #expect(Pressure.share(of: "full", in: nil) == nil)
    }

    @Test("Memory is compared with what a world takes, within the limit of the container")
    func memory() throws {
        let machine = try MachineFolder(cores: "0", online: "0", limits: ["memory.max": "8000000000"])
        try machine.write(
            "MemTotal:       64000000 kB\nMemAvailable:   32000000 kB\n", to: "/proc/meminfo")
        let files = SystemFiles(root: machine.root)
        func judge(_ weights: Int?, _ buffers: Int? = nil) -> Finding {
            MemoryCheck.judge(.init(files, MachineLimits(files), weights: weights, buffers: buffers))
        }
        let room = "8.0 GB available of 8.0 GB (cgroup limit)"
        #expect(judge(nil) == Finding(.ok, room + "; give --model to compare"))
        #expect(
            judge(6_000_000_000, 500_000_000) == Finding(.ok, room + ", a world takes 6.5 GB, 6.0 GB of it weights"))
        #expect(
            judge(8_000_000_000, 500_000_000)
                == Finding(
                    .warn, room + ", a world takes 8.5 GB, 8.0 GB of it weights",
                    "--precision int8 halves the weights; ranks on several hosts share them (paligemma plan)"))
    }

    @Test("Ranks keep to NUMA nodes where they fit, and large pages and open files have their limits")
    func nodes() throws {
        let machine = try MachineFolder(cores: "0-15", online: "0-15", nodes: ["0-7", "8-15"])
        let limits = MachineLimits(SystemFiles(root: machine.root))
        #expect(NodeCheck.judge(limits, ranks: 2) == Finding(.ok, "2 nodes, to which 2 ranks keep"))
        #expect(
            NodeCheck.judge(limits, ranks: 3)
                == Finding(
                    .note, "2 nodes, and 3 ranks that keep to none",
                    "start 2 ranks, or a world a node: taskset -c CORES pg-worker …"))
        #expect(HugePageCheck.judge("always [madvise] never\n") == Finding(.ok, "transparent huge pages: madvise"))
        #expect(HugePageCheck.judge("always madvise [never]\n").status == .note)
        #expect(
            HugePageCheck.judge(nil)
                == Finding(.note, "not checked: the kernel does not say whether it has transparent huge pages"))
        #expect(OpenFileCheck.judge(soft: 4096, hard: 4096) == Finding(.ok, "up to 4096"))
        #expect(OpenFileCheck.judge(soft: 1024, hard: 1 << 20).advice == ["ulimit -n 4096 (systemd: LimitNOFILE=4096)"])
        #expect(OpenFileCheck.judge(soft: 1024, hard: 2048).status == .warn)
    }

    @Test("Networks of containers are left out, and one of several is to be chosen where there are several hosts")
    func networks() {
        let fast = NetworkInterface(name: "eth0", address: "10.0.0.5/24", isContainerBridge: false)
        let slow = NetworkInterface(name: "eth1", address: "192.168.1.5/24", isContainerBridge: false)
        let bridge = NetworkInterface(name: "docker0", address: "172.17.0.1/16", isContainerBridge: true)
        let pair = NetworkInterface(name: "veth12", address: "169.254.1.1/16", isContainerBridge: false)
        func judge(_ interfaces: [NetworkInterface], hosts: Int? = 2, isChosen: Bool = false) -> Finding {
            NetworkCheck.judge(interfaces, hosts: hosts, isChosen: isChosen)
        }
        #expect(judge([fast, bridge]) == Finding(.ok, "eth0 10.0.0.5/24; of containers: docker0 172.17.0.1/16"))
        let advice =
            "name the fast one: mpirun --mca btl_tcp_if_include 10.0.0.5/24 --mca oob_tcp_if_include 10.0.0.5/24 …"
        #expect(
            judge([fast, slow])
                == Finding(.note, "eth0 10.0.0.5/24, eth1 192.168.1.5/24, and none is chosen", advice))
        #expect(judge([fast, pair]).advice == [advice])
        #expect(judge([fast, slow], isChosen: true).status == .ok)
        #expect(judge([bridge]).status == .fail)
        #expect(judge([], hosts: nil) == Finding(.ok, "no network; a world on one host needs none"))
    }

    @Test("A file of hosts is read with its slots, and a line that is none is named")
    func hostFile() {
        let file = HostFile("# ours\nnode1 slots=4 max_slots=8\n\nnode2\nnode1 slots=2 # again\n")
        #expect(file.hosts == [.init(name: "node1", slots: 6), .init(name: "node2", slots: 1)])
        #expect(file.faults.isEmpty)
        #expect(HostFile("-oProxyCommand=x\nn slots=0\n").faults == ["line 1: -oProxyCommand=x", "line 2: n slots=0"])
        func judge(_ answers: HostCheck.Answer..., ranks: Int = 2) -> Finding {
            HostCheck.judge(.init(file: file, ranks: ranks, launcher: "mpirun (Open MPI) 4.1.4", answers: answers))
        }
        let good = HostCheck.Answer(host: "node1", launcher: "mpirun (Open MPI) 4.1.4", hasWorker: true)
        #expect(judge(good) == Finding(.ok, "2 hosts, 7 slots; node1 has the same Open MPI and pg-worker"))
        #expect(judge(good, ranks: 8).status == .warn)
        let other = HostCheck.Answer(host: "node2", launcher: "mpirun (Open MPI) 5.0.1", hasWorker: false)
        let finding = judge(other)
        #expect(finding.status == .fail)
        #expect(finding.text == "2 hosts, 7 slots; node2: Open MPI 5.0.1, here 4.1.4; node2: pg-worker is not on PATH")
        let silent = judge(.init(host: "node2", failure: "Permission denied (publickey)."))
        #expect(silent.advice == ["let ssh reach it without a question: ssh -o BatchMode=yes node2 true"])
        #expect(HostCheck.judge(.init(file: HostFile(""), ranks: 2, launcher: nil, answers: [])).status == .fail)
    }
}
