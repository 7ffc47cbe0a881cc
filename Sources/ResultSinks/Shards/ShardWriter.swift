import Archives
import Base
import Glibc
import Queue

/// Writes the samples of one shard.
final class ShardWriter {
    private static let chunkSize = 1 << 20

    private let tar: TarWriter
    private let name: String
    private let copiesPictures: Bool
    private var keys: Set<ExactText> = []
    /// The file that pictures were last copied from.
    private var source: (path: String, descriptor: Int32)?
    /// Pictures that are not where they could be copied from.
    private(set) var notCopied = 0

    init(_ descriptor: Int32, name: String, copiesPictures: Bool) {
        tar = TarWriter(descriptor: descriptor, name: name)
        self.name = name
        self.copiesPictures = copiesPictures
    }

    deinit { if let source { close(source.descriptor) } }

    /// The bytes so far.
    var size: Int { tar.size }

    /// Appends the members of a result.
    ///
    /// - Throws: ``SinkError`` where the shard cannot be written, has the picture already, or a picture cannot be copied.
    func append(_ result: JobResult) throws(SinkError) {
        guard let picture = result.pictures.first, let member = ShardMember(picture.name)?.member else { return }
        let key = SampleName(member)?.key ?? member
        guard keys.insert(ExactText(key)).inserted else {
            throw SinkError(
                .collision, at: name,
                "two jobs are about \(picture.name), and a shard has room for one answer a picture; "
                    + "ask the second question in a run of its own, with a folder of its own")
        }
        if copiesPictures { try copy(picture, to: key + "." + (SampleName(member)?.field ?? "jpg")) }
        if case .answered(let answer) = result.outcome { try put(key + ".txt", Array(answer.text.utf8)) }
        try put(key + ".json", result.line())
    }

    /// Ends the shard.
    ///
    /// - Throws: ``SinkError`` where it cannot be written.
    func finish() throws(SinkError) {
        do throws(ArchiveError) { try tar.finish() } catch { throw failure(error) }
    }

    private func put(_ member: String, _ bytes: [UInt8]) throws(SinkError) {
        do throws(ArchiveError) { try tar.append(member, bytes) } catch { throw failure(error) }
    }

    private func failure(_ error: ArchiveError) -> SinkError {
        // The writer knows the cause only as a text.
        SinkError(error.reason.contains("no space left") ? .diskFull : .unwritable, at: name, error.reason)
    }

    private func copy(_ picture: JobImage, to member: String) throws(SinkError) {
        guard case .range(let offset, let count)? = picture.part, picture.path.hasPrefix("/") else {
            notCopied += 1
            return
        }
        func missing(_ reason: String) -> SinkError {
            SinkError(.missingPicture, at: picture.name, "the picture cannot be copied: \(reason)")
        }
        let descriptor = try opened(picture.path)
        var status = stat()
        let (end, overflows) = offset.addingReportingOverflow(count)
        guard fstat(descriptor, &status) == 0, offset >= 0, count >= 0, !overflows, end <= status.st_size else {
            throw missing("its shard has changed")
        }
        do throws(ArchiveError) { try tar.begin(member, size: Int(count)) } catch { throw failure(error) }
        var buffer = [UInt8](repeating: 0, count: Int(min(count, Int64(Self.chunkSize))))
        var place = offset
        while place < end {
            let wanted = Int(min(end - place, Int64(buffer.count)))
            let read = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, wanted, off_t(place)) }
            if read < 0 && errno == EINTR { continue }
            guard read > 0 else { throw missing(read < 0 ? "\(SystemError(errno))" : "its shard has changed") }
            do throws(ArchiveError) {
                try buffer.span.bytes.extracting(first: read).withUnsafeBytes { bytes throws(ArchiveError) in
                    try tar.write(bytes)
                }
            } catch {
                throw failure(error)
            }
            place += Int64(read)
        }
    }

    private func opened(_ path: String) throws(SinkError) -> Int32 {
        if let source {
            if source.path.isExactly(path) { return source.descriptor }
            close(source.descriptor)
        }
        source = nil
        let descriptor = FileSystem.open(path, O_RDONLY | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw SinkError(.missingPicture, at: path, "its pictures cannot be copied: \(SystemError(errno))")
        }
        source = (path, descriptor)
        return descriptor
    }
}
