import Foundation
import Tensor
import TestSupport
import Testing

@Suite("Mapped files")
struct MappedFileTests {
    @Test("A file that was just written is in the page cache, page by page")
    func residency() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("weights")
        try Data(repeating: 1, count: 3 * MappedFile.pageSize + 1).write(to: URL(fileURLWithPath: path))
        let pages = try #require(try MappedFile(path: path).residentPages())
        #expect(pages.map { $0 & 1 } == [1, 1, 1, 1])
    }
}
