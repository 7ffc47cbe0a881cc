import Base

/// Finds and reads the pages of one chunk.
struct ParquetChunkReader {
    /// A data page, found by its header.
    struct Page {
        let header: ParquetPageHeader
        /// Offset of the header, in bytes from the start of the file.
        let offset: Int
        /// The number of values and nulls in the pages before it.
        let firstValue: Int
    }

    private let source: any ByteRangeSource
    private let column: ParquetColumn
    private let chunk: ParquetChunk
    private let codec: ParquetCodec
    private let limits: ParquetLimits
    private let place: String
    private let end: Int
    /// Offset of the next header.
    private var position: Int
    /// The number of values and nulls in the pages before `position`.
    private var passed = 0
    private var dictionary: ParquetDictionary?

    /// - Parameters:
    ///   - dataEnd: offset where the description of the file begins.
    ///   - place: names file and column in errors.
    /// - Throws: ``TableError`` where the chunk cannot be read.
    init(
        _ source: any ByteRangeSource, column: ParquetColumn, chunk: ParquetChunk, dataEnd: Int, limits: ParquetLimits,
        place: String
    ) throws(TableError) {
        guard !chunk.isEncrypted else {
            throw TableError(.encrypted, at: place, "the column is encrypted; write it without encryption")
        }
        guard !chunk.isElsewhere else { throw TableError(.unsupported, at: place, "the column is in another file") }
        guard let codec = ParquetCodec(rawValue: chunk.codec) else {
            throw TableError(
                .unsupported, at: place,
                "the column is compressed with \(ParquetCodec.name(chunk.codec)); none, snappy, gzip and zstd are read")
        }
        guard chunk.type == column.type else {
            throw TableError(.malformed, at: place, "a row group has another type than the schema")
        }
        guard chunk.start >= 4, chunk.start <= dataEnd, chunk.compressedSize <= dataEnd - chunk.start else {
            throw TableError(.malformed, at: place, "the column's pages would lie outside the file's data")
        }
        self.source = source
        self.column = column
        self.chunk = chunk
        self.codec = codec
        self.limits = limits
        self.place = place
        position = chunk.start
        end = chunk.start + chunk.compressedSize
    }

    /// Finds the next data page that has values; nil behind the last. A dictionary on the way is read.
    ///
    /// - Throws: ``TableError``; the error of the source.
    mutating func nextPage() throws -> Page? {
        while passed < chunk.values {
            guard position < end else {
                throw TableError(.malformed, at: place, "the pages have \(passed) of \(chunk.values) values")
            }
            let page = Page(header: try header(at: position), offset: position, firstValue: passed)
            position += page.header.size + page.header.compressedSize
            switch page.header.kind {
            case .index: continue
            case .dictionary: try readDictionary(page)
            case .data, .dataV2:
                guard page.header.values > 0 else { continue }
                guard page.header.values <= chunk.values - passed else {
                    throw TableError(.malformed, at: place, "the pages have more than \(chunk.values) values")
                }
                passed += page.header.values
                return page
            }
        }
        return nil
    }

    /// Goes back to a data page that was found before.
    mutating func rewind(to offset: Int, firstValue: Int) {
        position = offset
        passed = firstValue
    }

    private func header(at offset: Int) throws -> ParquetPageHeader {
        var size = 1 << 10
        while true {
            let count = min(size, end - offset)
            do {
                let header = try ParquetPageHeader(try source.bytes(at: offset, count: count))
                try check(header, left: end - offset)
                return header
            } catch ParquetFault.truncated where count < end - offset && size < 1 << 24 {
                // Statistics in the header may be long.
                size = min(size << 4, 1 << 24)
            } catch let fault as ParquetFault {
                throw TableError(fault: fault, at: place, "a page's header")
            }
        }
    }

    private func check(_ header: ParquetPageHeader, left: Int) throws(TableError) {
        guard header.compressedSize <= left - header.size else {
            throw TableError(.malformed, at: place, "a page would be larger than the column")
        }
        let size = max(header.compressedSize, header.uncompressedSize)
        guard size <= limits.pageSize else {
            throw TableError(.tooLarge, at: place, "a page has \(size) bytes; at most \(limits.pageSize) are read")
        }
        guard
            header.uncompressedSize <= 64 << 20
                || header.uncompressedSize / limits.expansion <= header.compressedSize
        else {
            throw TableError(
                .tooLarge, at: place,
                "a page of \(header.compressedSize) bytes would become one of \(header.uncompressedSize) bytes")
        }
    }

    private func bytes(of page: Page) throws -> [UInt8] {
        let bytes = try source.bytes(at: page.offset + page.header.size, count: page.header.compressedSize)
        if let checksum = page.header.checksum, checksum != bytes.withUnsafeBytes(checksum32) {
            throw TableError(.malformed, at: place, "a page at byte \(page.offset) is damaged: its checksum is wrong")
        }
        return bytes
    }

    private mutating func readDictionary(_ page: Page) throws {
        guard dictionary == nil else { return }
        let header = page.header
        let stored = try bytes(of: page)
        do throws(ParquetFault) {
            guard
                header.encoding == ParquetEncoding.plain.rawValue
                    || header.encoding == ParquetEncoding.plainDictionary.rawValue
            else { throw ParquetFault.unsupported("a dictionary") }
            let content = try codec.decompressed(stored[...], size: header.uncompressedSize)
            dictionary = try ParquetDictionary(content, column: column, count: header.values)
        } catch {
            throw self.error(error, encoding: header.encoding)
        }
    }

    /// Reads a data page.
    ///
    /// - Throws: ``TableError``; the error of the source.
    func read(_ page: Page) throws -> ParquetPage {
        let header = page.header
        let stored = try bytes(of: page)
        do throws(ParquetFault) {
            guard header.kind == .dataV2 else {
                let content = try codec.decompressed(stored[...], size: header.uncompressedSize)
                return try ParquetPage(
                    header, column: column, levels: ParquetBytes(content, content.indices), values: nil,
                    dictionary: dictionary, limits: limits)
            }
            let levels = header.repetitionSize + header.definitionSize
            guard levels <= stored.count, levels <= header.uncompressedSize else { throw ParquetFault.truncated }
            let levelBytes = ParquetBytes(stored, 0..<levels)
            let content =
                header.isCompressed && codec != .none
                ? try codec.decompressed(stored[levels...], size: header.uncompressedSize - levels) : nil
            return try ParquetPage(
                header, column: column, levels: levelBytes,
                values: content.map { ParquetBytes($0, $0.indices) } ?? ParquetBytes(stored, levels..<stored.count),
                dictionary: dictionary, limits: limits)
        } catch {
            throw self.error(error, encoding: header.encoding)
        }
    }

    /// Returns the error for a chunk with more pages than places are kept of.
    func tooManyPages(_ maximum: Int) -> TableError {
        TableError(.tooLarge, at: place, "a row group has more than \(maximum) pages")
    }

    /// Returns the error for what is wrong with a page.
    func error(_ fault: ParquetFault, encoding: Int) -> TableError {
        let name = ParquetEncoding.name(encoding)
        return switch fault {
        case .truncated:
            TableError(.malformed, at: place, "a page (encoding \(name)) is damaged: it ends inside its values")
        case .malformed(let reason):
            TableError(.malformed, at: place, "a page (encoding \(name)) is damaged: \(reason)")
        case .unsupported(let what):
            TableError(.unsupported, at: place, "\(what) in the encoding \(name) cannot be read")
        }
    }
}
