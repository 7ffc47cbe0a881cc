import Base
import Foundation
import Pictures
import Synchronization
import Testing

@Suite("Memory of pictures that are decoded at the same time", .timeLimit(.minutes(15)))
struct PictureBudgetTests {
    private func reader(bytes: Int, largest: Int) -> PictureReader {
        PictureReader(side: 28, budget: PictureBudget(bytes: bytes, largest: largest))
    }

    private func picture() throws -> (bytes: [UInt8], path: String) {
        let fixture = try #require(PictureFixture.named("baseline-420.jpg"))
        return (fixture.bytes, fixture.path)
    }

    @Test("A picture that never has room is refused with what it takes and the limit, and may be tried elsewhere")
    func refused() throws {
        let (_, path) = try picture()
        let error = #expect(throws: ImageError.self) { try reader(bytes: 1 << 30, largest: 5000).read(path: path) }
        #expect(error?.code == .noMemory)
        #expect(error?.description.contains("room for 5000") == true)
        #expect(throws: Never.self) { try reader(bytes: 1 << 30, largest: 4 << 20).read(path: path) }
    }

    @Test("Pictures that have no room beside each other are read one after the other, and what they took comes back")
    func waiting() throws {
        let (bytes, path) = try picture()
        let reader = reader(bytes: 1, largest: 4 << 20)
        let done = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 32) { index in
            // Every fourth one is damaged, and fails while it is decoded.
            let part = index % 4 == 0 ? Array(bytes.prefix(bytes.count / 2)) : bytes
            let stamp = FileStamp(size: Int64(part.count), modificationTime: 0)
            if (try? reader.read(bytes: part, path: path, stamp: stamp)) != nil { done.add(1, ordering: .relaxed) }
        }
        #expect(done.load(ordering: .relaxed) == 24)
    }
}
