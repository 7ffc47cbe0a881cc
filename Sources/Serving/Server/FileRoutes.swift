import Base
import Glibc
import HTTPTypes
import Hummingbird
import NIOCore

/// The files of batches, with the interface of OpenAI.
struct FileRoutes: Sendable {
    /// Nil where the service keeps none.
    let batches: BatchRunner?
    let drain: DrainState

    private static let (defaultPage, largestPage) = (10_000, 10_000)

    func add(to router: Router<ServiceContext>) {
        router.post("/v1/files") { request, _ in
            let files = try store
            try drain.check()
            return Response(try await upload(request, to: files).json)
        }
        router.get("/v1/files") { request, _ in
            let purpose = request.uri.queryParameters["purpose"].map(String.init)
            let files = try store.all.filter { purpose == nil || $0.purpose.rawValue == purpose }
            let page = try ListPage(request, defaultLimit: Self.defaultPage, largestLimit: Self.largestPage)
            return Response(try page.json(of: files.map { ($0.id, $0.json) }))
        }
        router.get("/v1/files/{id}") { _, context in Response(try record(context, in: try store).json) }
        router.delete("/v1/files/{id}") { _, context in
            let files = try store
            let record = try record(context, in: files)
            guard await offThread({ files.remove(record.id) }) else { throw APIError.noSuch("file", record.id) }
            return Response(
                .record(["id": .string(record.id), "object": .string("file"), "deleted": .bool(true)]))
        }
        router.get("/v1/files/{id}/content") { _, context in
            let files = try store
            let record = try record(context, in: files)
            guard let file = OpenFile(files.path(of: record.id)) else { throw APIError.noSuch("file", record.id) }
            return Self.response(record, file)
        }
    }

    private var store: FileStore {
        get throws(APIError) {
            guard let batches else { throw .withoutState }
            return batches.files
        }
    }

    private func record(_ context: ServiceContext, in files: FileStore) throws(APIError) -> FileRecord {
        let id = context.parameters.get("id") ?? ""
        guard let record = files.record(of: id) else { throw .noSuch("file", id) }
        return record
    }

    private func upload(_ request: Request, to files: FileStore) async throws -> FileRecord {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > FileUpload.maximumBody {
            throw FileUpload.tooLarge
        }
        var upload = try FileUpload(type: request.headers[.contentType] ?? "", to: files)
        for try await buffer in request.body { try upload.take(buffer.readableBytesView) }
        let whole = WholeUpload(upload: upload)
        return try await offThread { () throws(APIError) in try whole.upload.finish() }
    }

    /// What a thread takes over; nobody else uses it afterwards.
    private struct WholeUpload: @unchecked Sendable {
        let upload: FileUpload
    }

    private static func response(_ record: FileRecord, _ file: OpenFile) -> Response {
        let body = ResponseBody(contentLength: record.bytes) { writer in
            var offset = 0
            while offset < record.bytes {
                let bytes = file.bytes(at: offset, maximum: record.bytes - offset)
                // Where the disk fails the length is not reached, and the client notices.
                guard !bytes.isEmpty else { throw APIError.noSuch("file", record.id) }
                offset += bytes.count
                try await writer.write(ByteBuffer(bytes: bytes))
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok, headers: [.contentType: "application/octet-stream", .contentTypeOptions: "nosniff"], body: body
        )
    }
}

/// A file that is read also after its name is gone.
private final class OpenFile: Sendable {
    private let descriptor: Int32
    private static let portion = 256 << 10

    init?(_ path: String) {
        descriptor = FileSystem.open(path, O_RDONLY)
        if descriptor < 0 { return nil }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Returns the bytes at a place; none at the end or where they cannot be read.
    func bytes(at offset: Int, maximum: Int) -> [UInt8] {
        let count = min(maximum, Self.portion)
        var bytes = [UInt8](repeating: 0, count: count)
        let filled = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, count, off_t(offset)) }
        return filled > 0 ? Array(bytes.prefix(filled)) : []
    }
}
