import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// The settings of Open MPI with which a plain `mpirun -n N` works on this machine, also in a container, as root and
/// with fewer cores than ranks. The same as cluster/env.sh, whose comments give the reasons. What depends on the host
/// of a rank, pg-worker decides there: the NUMA node that it keeps to, and how messages between ranks of a host are
/// copied.
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
        if freeBytes(of: "/dev/shm") < 256 << 20 {
            settings["OMPI_MCA_btl_vader_backing_directory"] = NSTemporaryDirectory()
        }
        return environment.merging(settings) { own, _ in own }
    }

    private static func freeBytes(of folder: String) -> UInt64 {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return 0 }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }
}
