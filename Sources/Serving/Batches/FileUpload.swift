import Base

/// A form with a file and its purpose, while it comes. The file goes to the disk at once; whether it is kept is decided when all is
/// there, because the purpose may stand behind the file. What is not kept, or is left by a killed service, has no name and is gone.
struct FileUpload {
    /// Bytes of a file.
    static let maximumBytes = 200 << 20
    /// Bytes of a whole body: what is not the file is small.
    static let maximumBody = maximumBytes + (64 << 10)
    private static let maximumField = 4 << 10
    private static let longestName = 255

    private let id = FileStore.newID()
    private let store: FileStore
    private var parser: MultipartParser
    private var field: String?
    private var fields: [String: [UInt8]] = [:]
    private var fieldBytes = 0
    /// Bytes of the body.
    private var received = 0
    private var file: (name: String, file: NewFile, bytes: Int)?

    /// - Parameter type: The `Content-Type` of the request.
    /// - Throws: ``APIError`` where it is no form.
    init(type: String, to store: FileStore) throws(APIError) {
        self.store = store
        do throws(MultipartError) {
            parser = MultipartParser(boundary: try MultipartHeader.boundary(ofType: type))
        } catch {
            throw Self.malformed(error)
        }
    }

    private static func malformed(_ error: MultipartError) -> APIError {
        APIError(400, .invalidRequest, code: "invalid_multipart", error.description)
    }

    /// Takes the next bytes of the body.
    ///
    /// - Throws: ``APIError``.
    mutating func take(_ bytes: some Collection<UInt8>) throws(APIError) {
        received += bytes.count
        guard received <= Self.maximumBody else { throw Self.tooLarge }
        var (parser, upload) = (parser, self)
        do {
            try parser.take(bytes) { try upload.take($0) }
        } catch let error as MultipartError {
            throw Self.malformed(error)
        } catch let error as SystemError {
            throw APIError.storage(error)
        } catch let error as APIError {
            throw error
        } catch {
            throw APIError(500, .server, code: "internal", "\(error)")
        }
        self = upload
        self.parser = parser
    }

    private mutating func take(_ event: MultipartParser.Event) throws {
        switch event {
        case .part(let header):
            field = header.name
            if header.name == "file" {
                guard file == nil else { throw APIError.invalidValue("file", "the form has two files; send one") }
                guard let name = header.fileName else {
                    throw APIError.invalidValue("file", "\"file\" has no filename; send it as a file")
                }
                let new = try NewFile(for: store.path(of: id), mode: 0o600)
                file = (String(name.lastPathPart.prefix(Self.longestName)), new, 0)
            } else {
                fields[header.name] = []
            }
        case .data(let bytes) where field == "file":
            guard let (name, new, before) = file else { return }
            let count = before + bytes.count
            guard count <= Self.maximumBytes else { throw Self.tooLarge }
            try bytes.withUnsafeBytes { bytes in try writeAll(bytes, to: new.descriptor) }
            file = (name, new, count)
        case .data(let bytes):
            fieldBytes += bytes.count
            guard fieldBytes <= Self.maximumField else {
                throw APIError(
                    413, .invalidRequest, code: "request_too_large",
                    "the fields of the form have more than \(Self.maximumField) bytes beside its file")
            }
            if let field { fields[field]?.append(contentsOf: bytes) }
        case .end: field = nil
        }
    }

    static let tooLarge = APIError(
        413, .invalidRequest, code: "request_too_large",
        "a file may have \(maximumBytes >> 20) MiB; divide it into several", parameter: "file")

    /// Keeps the file. It waits for the disk.
    ///
    /// - Throws: ``APIError`` where the form lacks something.
    func finish() throws(APIError) -> FileRecord {
        do throws(MultipartError) { try parser.finish() } catch { throw Self.malformed(error) }
        guard let (name, new, bytes) = file else {
            throw .invalidValue("file", "\"file\" is missing; send a form with \"purpose\" and \"file\"")
        }
        guard let purpose = fields["purpose"] else {
            throw .invalidValue("purpose", "\"purpose\" is missing; \"batch\" is possible")
        }
        guard purpose == Array("batch".utf8) else {
            throw .invalidValue(
                "purpose",
                "\"purpose\" is \"\(String(decoding: purpose.prefix(100), as: UTF8.self))\"; \"batch\" is possible")
        }
        let record = FileRecord(
            id: id, bytes: bytes, created: StateID.now, name: name.isEmpty ? "batch.jsonl" : name, purpose: .batch)
        do throws(SystemError) {
            try new.commit()
            try store.add(record)
        } catch {
            throw APIError.storage(error)
        }
        return record
    }
}
