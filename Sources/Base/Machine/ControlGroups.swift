/// The control groups (cgroups) that this process is in, version 1 and version 2, as the mounted file systems show
/// them.
struct ControlGroups {
    /// What a controller limits, with its name in both versions.
    enum Controller: String {
        case processor = "cpu"
        case memory
    }

    enum Version {
        case one, two
    }

    /// A folder of a control group, whose files hold its limits.
    struct Folder: Equatable {
        let path: String
        let version: Version
    }

    /// A line of /proc/self/cgroup: this process's group in one hierarchy.
    private struct Membership {
        /// None for version 2.
        let controllers: [Substring]
        let path: String
    }

    /// A line of /proc/self/mountinfo: a part of a hierarchy, visible at a path.
    private struct Mount {
        /// The group that is mounted.
        let root: String
        let point: String
        let version: Version
        let options: [Substring]
    }

    private let memberships: [Membership]
    private let mounts: [Mount]

    init(_ files: SystemFiles) {
        memberships = (files.text("/proc/self/cgroup") ?? "").split(separator: "\n").compactMap(Self.membership)
        mounts = (files.text("/proc/self/mountinfo") ?? "").split(separator: "\n").compactMap(Self.mount)
    }

    /// Returns the folders of the groups that limit this process by a controller: its own group and all above it, as
    /// far as they are visible. A file system that shows the hierarchy from a group on hides what lies above that.
    func folders(of controller: Controller) -> [Folder] {
        memberships.flatMap { membership -> [Folder] in
            let version: Version = membership.controllers.isEmpty ? .two : .one
            let isAbout = { (words: [Substring]) in version == .two || words.contains { $0 == controller.rawValue } }
            guard isAbout(membership.controllers) else { return [] }
            let candidates = mounts.filter { $0.version == version && isAbout($0.options) }
            return Self.paths(of: membership.path, in: candidates).map { Folder(path: $0, version: version) }
        }
    }

    /// Returns the paths of a group and of those above it, in the mount that shows most of them.
    private static func paths(of group: String, in mounts: [Mount]) -> [String] {
        let best = mounts.compactMap { mount in relative(group, to: mount.root).map { (mount, $0) } }
            .max { $0.0.root.count > $1.0.root.count }
        guard let (mount, below) = best else {
            // The group lies outside of what is mounted: it is at least limited by what the mounted folder says.
            return mounts.last.map { [$0.point] } ?? []
        }
        var names = below.split(separator: "/")
        let point = mount.point == "/" ? "" : mount.point
        var paths: [String] = []
        while true {
            paths.append(([point] + names.map(String.init)).joined(separator: "/"))
            if names.popLast() == nil { return paths }
        }
    }

    /// Returns the path of a group below another one, or nil where it is not there.
    private static func relative(_ group: String, to root: String) -> String? {
        let isBelow = root == "/" || group == root || group.hasPrefix(root + "/")
        guard isBelow, !group.split(separator: "/").contains("..") else { return nil }
        return root == "/" ? group : String(group.dropFirst(root.count))
    }

    /// Reads "4:cpu,cpuacct:/a/b", or "0::/a/b" for version 2.
    private static func membership(_ line: Substring) -> Membership? {
        let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard fields.count == 3, fields[2].hasPrefix("/") else { return nil }
        return Membership(controllers: fields[1].split(separator: ","), path: String(fields[2]))
    }

    /// Reads "33 23 0:28 ROOT POINT rw,… shared:1 - cgroup SOURCE rw,cpu".
    private static func mount(_ line: Substring) -> Mount? {
        let fields = line.split(separator: " ")
        guard fields.count > 6, let dash = fields.firstIndex(of: "-"), dash >= 6, dash + 3 < fields.count else {
            return nil
        }
        let version: Version
        switch fields[dash + 1] {
        case "cgroup": version = .one
        case "cgroup2": version = .two
        default: return nil
        }
        return Mount(
            root: unescaped(fields[3]), point: unescaped(fields[4]), version: version,
            options: fields[dash + 3].split(separator: ","))
    }

    /// Returns a path with what the kernel writes as "\040" (a space) and the like.
    private static func unescaped(_ field: Substring) -> String {
        guard field.contains("\\") else { return String(field) }
        var bytes: [UInt8] = []
        var rest = Substring(field).utf8
        while let byte = rest.popFirst() {
            let code = String(decoding: rest.prefix(3), as: UTF8.self)
            if byte == UInt8(ascii: "\\"), code.utf8.count == 3, let value = UInt8(code, radix: 8) {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
