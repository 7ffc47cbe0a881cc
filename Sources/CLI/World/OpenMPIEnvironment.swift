import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// The settings of Open MPI with which a plain `mpirun -n N` works on this machine, also in a container, as root and
/// with fewer cores than ranks. The same as cluster/env.sh, whose comments give the reasons.
enum OpenMPIEnvironment {
    /// Returns `environment` with the settings that it lacks. Those that it has are kept.
    static func completed(_ environment: [String: String]) -> [String: String] {
        var settings = [
            "OMPI_MCA_rmaps_base_oversubscribe": "1",
            "OMPI_MCA_hwloc_base_binding_policy": "none",
            "OPENBLAS_NUM_THREADS": "1",
        ]
        if geteuid() == 0 {
            settings["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
            settings["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
        }
        if !ranksMayReadEachOther {
            settings["OMPI_MCA_btl_vader_single_copy_mechanism"] = "none"
        }
        if freeBytes(of: "/dev/shm") < 256 << 20 {
            settings["OMPI_MCA_btl_vader_backing_directory"] = NSTemporaryDirectory()
        }
        return environment.merging(settings) { own, _ in own }
    }

    /// Returns whether one process may read another's memory, which some containers forbid.
    private static var ranksMayReadEachOther: Bool {
        // Swift's Glibc does not show this GNU extension. The call reads nothing.
        typealias ReadMemory = @convention(c) (pid_t, UnsafeRawPointer?, Int, UnsafeRawPointer?, Int, Int) -> Int
        guard let symbol = dlsym(nil, "process_vm_readv") else { return false }
        return unsafeBitCast(symbol, to: ReadMemory.self)(getpid(), nil, 0, nil, 0, 0) == 0
    }

    private static func freeBytes(of folder: String) -> UInt64 {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return 0 }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }
}
