import Base
import Foundation
import Pictures
import Synchronization
import Testing

@Suite("Memory of pictures that are decoded at the same time", .timeLimit(.minutes(15)))
struct PixelCapacityTests {
    private func reader(bytes: Int, largest: Int) -> PictureReader {
        PictureReader(side: 28, capacity: PixelCapacity(bytes: bytes, largest: largest))
    }

    private func picture() throws -> (bytes: [UInt8], path: String, pixels: Int) {
        let fixture = try #require(PictureFixture.named("baseline-420.jpg"))
        return (fixture.bytes, fixture.path, fixture.width * fixture.height)
    }

    @Test("A picture that never has room is refused with its size and the limit, and may be tried elsewhere")
    func refused() throws {
        let (_, path, pixels) = try picture()
        let error = #expect(throws: ImageError.self) {
            try reader(bytes: 1 << 30, largest: 8 * pixels - 8).read(path: path)
        }
        #expect(error?.code == .noMemory)
        #expect(error?.description.contains("\(pixels) pixels") == true)
        #expect(error?.description.contains("room for \(pixels - 1)") == true)
        #expect(throws: Never.self) { try reader(bytes: 1 << 30, largest: 8 * pixels).read(path: path) }
    }

    @Test("Pictures that have no room beside each other are read one after the other, and what they took comes back")
    func waiting() throws {
        let (bytes, path, pixels) = try picture()
        let reader = reader(bytes: 1, largest: 8 * pixels)
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
