/// Reads single values of a chunk without lists, in any order. It keeps where pages are, and the page that it read
/// last.
struct ParquetCellReader {
    let group: Int
    private var pages: ParquetChunkReader
    /// The most pages whose place is kept.
    private let maximumPages: Int
    /// Where the pages are that were found so far.
    private var found: [(offset: Int, firstValue: Int)] = []
    /// The number of values in the pages that were found so far.
    private var foundValues = 0
    private var current: Current?

    private struct Current {
        let rows: Range<Int>
        let encoding: Int
        /// The page as it was when it was read, and as it stands before row `next`.
        let start: ParquetPage
        var page: ParquetPage
        var next: Int
    }

    init(group: Int, pages: ParquetChunkReader, maximumPages: Int) {
        self.group = group
        self.maximumPages = maximumPages
        self.pages = pages
    }

    /// Returns the value of a row, which is counted from the start of the group; nil where no page has it.
    ///
    /// - Throws: ``TableError``; the error of the source.
    mutating func value(_ row: Int) throws -> ParquetValue? {
        if current?.rows.contains(row) != true {
            current = nil
            guard let page = try find(row) else { return nil }
            let start = try pages.read(page)
            let rows = page.firstValue..<page.firstValue + page.header.values
            current = Current(
                rows: rows, encoding: page.header.encoding, start: start, page: start, next: rows.lowerBound)
        }
        guard var current else { return nil }
        self.current = nil
        defer { self.current = current }
        do throws(ParquetFault) {
            if row < current.next { (current.page, current.next) = (current.start, current.rows.lowerBound) }
            try current.page.skip(row - current.next)
            current.next = row + 1
            return try current.page.next()
        } catch {
            current.next = Int.max
            throw pages.error(error, encoding: current.encoding)
        }
    }

    private mutating func find(_ row: Int) throws -> ParquetChunkReader.Page? {
        if row < foundValues {
            var (low, high) = (0, found.count)
            while high - low > 1 {
                let middle = (low + high) / 2
                if found[middle].firstValue <= row { low = middle } else { high = middle }
            }
            // The end of what was found stays known: the next search goes on there.
            var there = pages
            there.rewind(to: found[low].offset, firstValue: found[low].firstValue)
            return try there.nextPage()
        }
        while let page = try pages.nextPage() {
            guard found.count < maximumPages else { throw pages.tooManyPages(maximumPages) }
            found.append((page.offset, page.firstValue))
            foundValues = page.firstValue + page.header.values
            if row < foundValues { return page }
        }
        return nil
    }
}
