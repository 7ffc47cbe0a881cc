import PaliGemma
import TestSupport
import Testing

@Suite("A prompt becomes the prefix of a sequence")
struct PromptTests {
    private func tokens(
        _ prompt: String, pictures: Int = 1, maximumNewTokens: Int = 16,
        configuration: ModelConfiguration = fixtureConfiguration()
    ) throws -> [Int32] {
        let tokenizer = try Tokenizer(
            directory: Fixtures.path("tokenizer/model"), configuration: fixtureConfiguration())
        return try Prompt.tokens(
            for: prompt, pictures: pictures, maximumNewTokens: maximumNewTokens, tokenizer: tokenizer,
            configuration: configuration)
    }

    private func error(_ body: () throws -> [Int32]) -> PromptError? {
        #expect(throws: PromptError.self) { _ = try body() }
    }

    @Test("A prefix has image tokens, begin-of-text, the prompt and a line feed, in this order")
    func order() throws {
        let tokenizer = try Tokenizer(
            directory: Fixtures.path("tokenizer/model"), configuration: fixtureConfiguration())
        let places = [Int32](repeating: 1572, count: 16)
        #expect(try tokens("") == places + [2, 5])
        #expect(try tokens("caption en") == places + [2] + tokenizer.encode("caption en") + [5])
        #expect(try tokens("ocr", pictures: 3) == places + places + places + [2] + tokenizer.encode("ocr") + [5])
    }

    @Test("A line feed at the end of a prompt stays a token of its own")
    func separateLineFeed() throws {
        #expect(try tokens("ocr\n").suffix(2) == [5, 5])
    }

    @Test(
        "A prompt may begin with the image token once for each picture, which changes nothing; elsewhere it is refused")
    func imageMarker() throws {
        #expect(error { try tokens("what is <image>?") }?.code == .imageMarker)
        #expect(error { try tokens("<image><image>ocr") }?.code == .imageMarker)
        #expect(error { try tokens("<image>ocr", pictures: 2) }?.code == .imageMarker)
        #expect(error { try tokens("<image>ocr<image>\u{301}") }?.code == .imageMarker)
        #expect(try tokens("<image>ocr") == tokens("ocr"))
        #expect(try tokens("<image> ocr") == tokens(" ocr"))
        #expect(try tokens("<image><image>ocr", pictures: 2) == tokens("ocr", pictures: 2))
        #expect((try? tokens("what is an <Image>?")) != nil)
    }

    @Test("A request that exceeds the context is refused with its numbers")
    func context() throws {
        let narrow = fixtureConfiguration(context: 34)
        #expect(try tokens("", maximumNewTokens: 16, configuration: narrow).count == 18)
        let long = error { try tokens("", maximumNewTokens: 17, configuration: narrow) }
        #expect(long?.code == .tooLong)
        #expect(
            long?.reason
                == "1 x 16 tokens of pictures, 2 of the prompt and up to 17 of the answer pass the model's context of 34"
        )
        #expect(error { try tokens("", pictures: 3, configuration: narrow) }?.code == .tooLong)
        #expect(error { try tokens("", pictures: .max, configuration: narrow) }?.code == .tooLong)
        #expect(error { try tokens("", maximumNewTokens: .max) }?.code == .tooLong)
        #expect(error { try tokens(String(repeating: "a ", count: 9000)) }?.code == .tooLong)
    }

    @Test("A request without pictures or without room for an answer is refused")
    func nothing() {
        #expect(error { try tokens("caption en", pictures: 0) }?.code == .noPicture)
        #expect(error { try tokens("caption en", maximumNewTokens: 0) }?.code == .maximumTokens)
    }

    @Test("A prompt with more bytes than the context can hold is refused before it is tokenized, with its size")
    func manyBytes() throws {
        let long = error { try tokens(String(repeating: "many words ", count: 1_000_000)) }
        #expect(long?.code == .tooLong && long?.reason.contains("11000000 bytes") == true)
    }
}
