import Base
import Foundation
import TestSupport
import Testing

/// The package and the image of the programs at hand, tried in views of this system: root is needed, as for a rehearsal. What needs
/// Debian's mirrors and programs without a toolchain is in `make packages-check`.
@Suite(
    "Packages", .timeLimit(.minutes(15)), .enabled(if: !Sanitizer.isOn, "packages are not made of sanitized programs"))
struct PackageTests {
    private let folder: TemporaryFolder
    private let epoch = ["SOURCE_DATE_EPOCH": "1700000000"]

    init() throws { folder = try TemporaryFolder() }

    private func run(_ script: String, _ arguments: [String]) throws -> Programs.Outcome {
        try Programs.run(Recipes.path("packaging/" + script), arguments, environment: epoch, limit: 300)
    }

    private func package(into name: String) throws -> String {
        let outcome = try run("deb/build", ["--quick", Programs.folder, folder.file(name)])
        try #require(outcome.status == 0, "\(outcome.errors)")
        return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test("A package installs, runs, is removed and purged, and is the same when it is made again")
    func package() throws {
        let package = try package(into: "first")
        #expect(package.hasSuffix("/paligemma_0.1.0_amd64.deb") || package.hasSuffix("/paligemma_0.1.0_arm64.deb"))
        let second = try self.package(into: "second")
        #expect(try Programs.run("cmp", [package, second]).status == 0)

        let control = try Programs.run("dpkg-deb", ["--field", package]).output
        for part in [
            "openmpi-bin", "libopenblas0", "libsentencepiece0", "libpq5 (>=", "libprotobuf-c1 (>=", "libopenmpi3",
        ] {
            #expect(control.contains(part), "no \(part) in\n\(control)")
        }
        let content = try Programs.run("dpkg-deb", ["--contents", package]).output
        for part in [
            "-rw-r----- root/root", "./etc/paligemma/worker.env", "./usr/lib/systemd/system/paligemma-serve.service",
            "./usr/share/man/man1/paligemma-serve.1.gz", "./usr/share/bash-completion/completions/pg-worker",
            "./usr/share/paligemma/cluster/slurm/pg-worker.sbatch",
            "./usr/share/paligemma/cluster/kubernetes/serve.yaml",
        ] {
            #expect(content.contains(part), "no \(part) in\n\(content)")
        }
        let check = try run("deb/check", [package])
        #expect(check.status == 0, "\(check.output)\(check.errors)")
        for part in [
            "answered as an ordinary user, by one rank and by two", "systemd takes the units", "nothing is left",
        ] {
            #expect(check.output.contains(part), "\(check.output)")
        }
    }

    @Test("An image answers as an ordinary user on a root that is read-only, and is the same when it is made again")
    func image() throws {
        let root = folder.file("root.tar")
        let slim = try run("image/slim-root", [Programs.folder, root])
        try #require(slim.status == 0, "\(slim.errors)")
        let image = folder.file("image.tar")
        let made = try Programs.run(
            Recipes.path("packaging/image/assemble"), [root, "paligemma:test", image],
            environment: epoch.merging(["COMPRESSION": "1"]) { $1 }, limit: 300)
        try #require(made.status == 0, "\(made.errors)")
        let again = try Programs.run(
            Recipes.path("packaging/image/assemble"), [root, "paligemma:test", folder.file("again.tar")],
            environment: epoch.merging(["COMPRESSION": "1"]) { $1 }, limit: 300)
        #expect(again.output == made.output && made.output.hasPrefix("sha256:"))
        #expect(try Programs.run("cmp", [image, folder.file("again.tar")]).status == 0)

        let command = """
            id -u; touch /usr/x /home/paligemma/x 2>/dev/null || echo read-only
            grep -c '^Cap[A-Z][a-z]*:.*[1-9a-f]' /proc/self/status; echo process $$
            paligemma run --model /examples/miniature/model --prompt "caption en" --ranks 2 --output /tmp/o.jsonl \
            /examples/pictures 2>/tmp/log || cat /tmp/log
            grep -c '"error":null' /tmp/o.jsonl
            """
        let bind = Recipes.path("Examples") + ":/examples"
        let outcome = try run("image/run", ["--bind", bind, image, "sh", "-c", command])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output == "10001\nread-only\n0\nprocess 1\n13\n", "\(outcome.errors)")
        #expect(try run("image/run", [image, "sh", "-c", "exit 7"]).status == 7)
    }

    @Test("A damaged image is refused")
    func damage() throws {
        let root = folder.file("root.tar")
        try folder.write("a", to: "root/file")
        try #require(try Programs.run("tar", ["-cf", root, "-C", folder.file("root"), "."]).status == 0)
        let image = folder.file("image.tar")
        try #require(try run("image/assemble", [root, "paligemma:test", image]).status == 0)
        // The manifest is a file of its own in the tar: a digit of a size changes.
        var bytes = try Data(contentsOf: URL(fileURLWithPath: image))
        let size = try #require(bytes.range(of: Data("\"size\":".utf8)))
        bytes[size.upperBound] ^= 1
        try bytes.write(to: URL(fileURLWithPath: image))
        let outcome = try run("image/run", [image, "true"])
        #expect(outcome.status == 125)
        #expect(outcome.errors.contains("image/run: "))
    }
}
