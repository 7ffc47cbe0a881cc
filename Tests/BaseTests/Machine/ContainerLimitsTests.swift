import Base
import TestSupport
import Testing

@Suite("Limits of a container")
struct ContainerLimitsTests {
    private static let version2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
    private static let version1 = """
        31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 - cgroup cgroup rw,cpu,cpuacct
        35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
        36 31 0:33 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset

        """

    private func limits(_ files: [String: String]) throws -> ContainerLimits {
        let machine = try MachineFolder(files)
        return ContainerLimits(SystemFiles(root: machine.root))
    }

    @Test("Version 2: the quota and the memory limit of the process's own group hold")
    func version2() throws {
        let limits = try limits([
            "/proc/self/cgroup": "0::/kubepods/pod1/box\n", "/proc/self/mountinfo": Self.version2,
            "/sys/fs/cgroup/kubepods/pod1/box/cpu.max": "250000 100000\n",
            "/sys/fs/cgroup/kubepods/pod1/box/memory.max": "4294967296\n",
            "/sys/fs/cgroup/kubepods/pod1/box/memory.high": "max\n",
        ])
        #expect(limits.cores == 2.5 && limits.memory == 4 << 30 && limits.ignoredFiles.isEmpty)
    }

    @Test("The tightest limit counts, in whichever group above the process it is")
    func nested() throws {
        let files = [
            "/proc/self/cgroup": "0::/a/b/c\n", "/proc/self/mountinfo": Self.version2,
            "/sys/fs/cgroup/a/cpu.max": "300000 100000", "/sys/fs/cgroup/a/memory.max": "max",
            "/sys/fs/cgroup/a/b/cpu.max": "max 100000", "/sys/fs/cgroup/a/b/memory.high": "1000000",
            "/sys/fs/cgroup/a/b/c/cpu.max": "50000 10000", "/sys/fs/cgroup/a/b/c/memory.max": "2000000",
        ]
        let limits = try limits(files)
        #expect(limits.cores == 3 && limits.memory == 1_000_000 && limits.ignoredFiles.isEmpty)
    }

    @Test("Version 2 in a container's own namespace: the mounted folder is the process's group")
    func namespace() throws {
        let limits = try limits([
            "/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": Self.version2,
            "/sys/fs/cgroup/cpu.max": "150000 100000", "/sys/fs/cgroup/memory.max": "12345678",
        ])
        #expect(limits.cores == 1.5 && limits.memory == 12_345_678)
    }

    @Test("Version 1: each controller has a hierarchy of its own, and -1 and huge numbers are no limit")
    func version1() throws {
        let groups = "12:cpuset:/\n5:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n1:name=systemd:/docker/1\n"
        let files = [
            "/proc/self/cgroup": groups, "/proc/self/mountinfo": Self.version1,
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us": "200000\n",
            "/sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_period_us": "50000\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "1073741824\n",
        ]
        let limits = try limits(files)
        #expect(limits.cores == 4 && limits.memory == 1 << 30 && limits.ignoredFiles.isEmpty)
    }

    @Test("Version 1 where the mount shows the container's group alone: the group's path begins with the mount's root")
    func mountedGroup() throws {
        let limits = try limits([
            "/proc/self/cgroup": "5:memory:/docker/1/sub\n",
            "/proc/self/mountinfo": "35 31 0:32 /docker/1 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "500000000",
            "/sys/fs/cgroup/memory/sub/memory.limit_in_bytes": "9223372036854771712",
        ])
        #expect(limits.memory == 500_000_000 && limits.cores == nil)
    }

    @Test(
        "A group outside of what is mounted is limited by the mounted folder at least", arguments: ["/other", "/../x"])
    func outside(group: String) throws {
        let limits = try limits([
            "/proc/self/cgroup": "5:memory:\(group)\n",
            "/proc/self/mountinfo": "35 31 0:32 /docker/1 /cgroup\\040memory ro - cgroup cgroup rw,memory\n",
            "/cgroup memory/memory.limit_in_bytes": "500000000",
        ])
        #expect(limits.memory == 500_000_000)
    }

    @Test("Both versions at once: a controller is in one of them")
    func hybrid() throws {
        let mounts = Self.version1 + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        let files = [
            "/proc/self/cgroup": "4:memory:/m\n3:cpu,cpuacct:/\n0::/u\n", "/proc/self/mountinfo": mounts,
            "/sys/fs/cgroup/memory/m/memory.limit_in_bytes": "700000000",
            "/sys/fs/cgroup/unified/u/cpu.max": "100000 100000",
        ]
        let limits = try limits(files)
        #expect(limits.cores == 1 && limits.memory == 700_000_000 && limits.ignoredFiles.isEmpty)
    }

    @Test("Without control groups there are no limits")
    func absent() throws {
        #expect(try limits([:]) == limits(["/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": Self.version2]))
        #expect(try limits([:]).cores == nil && limits([:]).memory == nil && limits([:]).ignoredFiles.isEmpty)
    }

    @Test(
        "A file that holds no limit is named, and the others count",
        arguments: [
            "", "x 100000", "250000 0", "-5 100000", "1 2 3", "99999999999999999999 100000",
        ])
    func malformed(text: String) throws {
        let limits = try limits([
            "/proc/self/cgroup": "nonsense\n0::/a\n", "/proc/self/mountinfo": "short line\n" + Self.version2,
            "/sys/fs/cgroup/cpu.max": "200000 100000", "/sys/fs/cgroup/a/cpu.max": text,
            "/sys/fs/cgroup/a/memory.max": "-7",
        ])
        #expect(limits.cores == 2 && limits.memory == nil)
        #expect(limits.ignoredFiles == ["/sys/fs/cgroup/a/cpu.max", "/sys/fs/cgroup/a/memory.max"])
    }

    @Test("A quota without a period has the usual one; of version 1 it must have one")
    func periods() throws {
        let new = try limits([
            "/proc/self/cgroup": "0::/\n", "/proc/self/mountinfo": Self.version2, "/sys/fs/cgroup/cpu.max": "50000",
        ])
        #expect(new.cores == 0.5)
        let old = try limits([
            "/proc/self/cgroup": "4:cpu,cpuacct:/\n", "/proc/self/mountinfo": Self.version1,
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "0",
        ])
        #expect(old.cores == nil && old.ignoredFiles == ["/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us"])
    }
}
