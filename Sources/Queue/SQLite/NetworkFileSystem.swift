import Base
import CSQLite
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// File systems that several machines may have mounted. A queue file on one is refused: its locks may not work between
/// machines, and the boot clock, by which leases expire, differs between them.
package enum NetworkFileSystem {
    /// Returns the network file system that a path lies on; nil where it is none, or not known. A file that does not
    /// exist yet is judged by its folder.
    package static func kind(under path: String) -> String? {
        var path = path
        var magic = fileSystemMagic(path)
        while magic < 0 {
            let folder = path.parentPath
            guard errno == ENOENT, folder != path else { return nil }
            path = folder.isEmpty ? "." : folder
            magic = fileSystemMagic(path)
        }
        return kind(magic: UInt32(truncatingIfNeeded: magic)) { mountedType(of: path) }
    }

    private static func fileSystemMagic(_ path: String) -> Int64 {
        withSystemPath(path) { file_system_magic($0) } ?? -1
    }

    /// - Parameters:
    ///   - magic: The f_type of statfs(2).
    ///   - mountedType: Returns the type as mount(8) names it; called only where the magic number is not enough.
    package static func kind(magic: UInt32, mountedType: () -> String?) -> String? {
        if let name = names[magic] { return name }
        guard magic == fuse, let type = mountedType() else { return nil }
        return fuseTypes.contains(where: type.contains) ? type : nil
    }

    private static let names: [UInt32: String] = [
        0x6969: "NFS", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB", 0x517B: "SMB", 0x0BD0_0BD0: "Lustre",
        0x4750_4653: "GPFS", 0x00C3_6400: "Ceph", 0x5346_414F: "AFS", 0x6B41_4653: "AFS", 0x7375_7245: "Coda",
        0x1983_0326: "BeeGFS", 0xAAD7_AAEA: "PanFS", 0x7461_636F: "OCFS2", 0x0116_1970: "GFS2", 0x2003_0528: "OrangeFS",
        0x564C: "NCP", 0x013661: "GFS",
    ]
    private static let fuse: UInt32 = 0x6573_5546
    /// FUSE serves local file systems too, such as those of containers; these are network file systems.
    private static let fuseTypes = [
        "sshfs", "gluster", "ceph", "s3fs", "gcsfuse", "rclone", "goofys", "davfs", "curlftpfs", "smbnetfs", "gvfsd",
        "juicefs", "seaweed", "blobfuse", "hdfs", "moosefs", "mfs", "lizardfs", "cvmfs", "nfs", "beegfs", "lustre",
        "gpfs",
        "mountpoint-s3",
    ]

    /// Returns the type of the file system of `path`, from /proc/self/mountinfo.
    private static func mountedType(of path: String) -> String? {
        guard let status = FileSystem.status(of: path),
            let table = try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
        else { return nil }
        let device = "\(device_major(UInt64(status.st_dev))):\(device_minor(UInt64(status.st_dev)))"
        return mountedType(device: device, in: table)
    }

    /// Lines of mountinfo: "36 35 98:0 /root /mount options … - TYPE source options".
    package static func mountedType(device: String, in table: String) -> String? {
        for line in table.split(separator: "\n").reversed() {
            let fields = line.split(separator: " ")
            guard fields.count > 2, fields[2] == device, let dash = fields.firstIndex(of: "-"),
                dash + 1 < fields.count
            else { continue }
            return String(fields[dash + 1])
        }
        return nil
    }
}
