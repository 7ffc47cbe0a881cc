import Foundation
import TestSupport
import Testing

/// Whether this process may mount a small file system in a namespace of its own.
private let canMount =
    geteuid() == 0 && (try? Programs.run("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).status) == 0

/// A disk that is full for a while under the queue: a small file system in a mount namespace of its own.
@Suite(
    "Full disks", .timeLimit(.minutes(15 * Sanitizer.slowness)),
    .enabled(if: canMount, "needs root, to mount a small file system"))
struct FullDiskTests {
    @Test("A supervised world waits while the disk under its queue is full, and goes on when there is room")
    func waits() throws {
        let folder = try TemporaryFolder()
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
            .standardizedFileURL.path
        let script = """
            set -e
            mount -t tmpfs -o size=512k none '\(folder.path)'
            cd '\(folder.path)'
            '\(Programs.paligemma)' submit --queue q.db --prompt 'caption en' '\(root)/Examples/pictures'
            dd if=/dev/zero of=filler bs=4096 2>/dev/null || true
            (sleep 20; rm filler) &
            '\(Programs.paligemma)' supervise --queue q.db -- \\
                '\(Programs.worker)' --model '\(root)/Examples/miniature/model' --queue q.db --drain
            wait
            '\(Programs.paligemma)' results --queue q.db | grep -c '"error":null'
            """
        let outcome = try Programs.run("unshare", ["--mount", "sh", "-c", script])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output.split(separator: "\n").last == "13", "\(outcome.output)\n\(outcome.errors)")
        #expect(!outcome.errors.contains("restart"), "\(outcome.errors)")
    }
}
