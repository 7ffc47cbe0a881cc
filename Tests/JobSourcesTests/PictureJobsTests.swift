import Base
import Foundation
import JobSources
import Queue
import TestSupport
import Testing

@Suite("Jobs from files and folders") struct PictureJobsTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let pictures = ["b.jpg", "a.PNG", "sub/c.webp", "sub/deep/d.Jpeg"]
        let others = ["notes.txt", ".hidden.jpg", "jpg", "e.jpg.part"]
        for name in pictures + others { try folder.write("x", to: "pictures/" + name) }
    }

    private static func template(_ change: (inout JobTemplate) -> Void) -> JobTemplate {
        var template = JobTemplate()
        change(&template)
        return template
    }

    private func ids(_ source: PictureJobs) throws -> [String] {
        var ids: [String] = []
        while let job = try source.next() { ids.append(job.id) }
        return ids
    }

    @Test("A folder is walked in order, with its subfolders") func folders() throws {
        let source = PictureJobs(
            paths: [folder.file("pictures/")], prompt: try TextTemplate("ocr"), template: JobTemplate())
        let expected = ["a.PNG", "b.jpg", "sub/c.webp", "sub/deep/d.Jpeg"].map { folder.file("pictures/" + $0) }
        #expect(try ids(source) == expected)
        #expect(
            source.notes == [
                "4 files passed over (.part 1, .txt 1, without an extension 1, hidden 1); --all-files looks into every file"
            ])
    }

    @Test("A file that is named is taken whatever its extension") func namedFile() throws {
        let paths = [folder.file("pictures/notes.txt"), folder.file("missing.jpg")]
        let source = PictureJobs(
            paths: paths, prompt: try TextTemplate("ocr"), template: Self.template { $0.maxTokens = 5 })
        let first = try #require(try source.next())
        #expect(first.images[0].size == 1)
        #expect(first.maxTokens == 5)
        let missing = try #require(try source.next())
        #expect(missing.id == paths[1])
        #expect(missing.images[0].size == nil)
        #expect(try source.next() == nil)
    }

    @Test("Folders behind several links are walked once, and loops end") func links()
        throws
    {
        let loop = folder.file("pictures/sub/loop")
        try FileManager.default.createSymbolicLink(atPath: loop, withDestinationPath: folder.file("pictures"))
        let source = PictureJobs(
            paths: [folder.file("pictures")], prompt: try TextTemplate("ocr"), template: JobTemplate())
        #expect(try ids(source).count == 4)
    }

    @Test("Ids contain the prompt on request") func idsWithPrompt() throws {
        let source = PictureJobs(
            paths: ["x.jpg"], prompt: try TextTemplate("ocr"), template: Self.template { $0.idWithPrompt = true })
        #expect(try ids(source) == ["x.jpg#ocr"])
    }
}
