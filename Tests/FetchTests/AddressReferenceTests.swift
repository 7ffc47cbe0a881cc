import Fetch
import Testing

@Suite("Names that stand in resources") struct AddressReferenceTests {
    @Test(
        "A name means what it means in a page, and no name leads above the host or the bucket",
        arguments: [
            ("a.png", "http://h/d/e/", "http://h/d/e/a.png"), ("a.png", "http://h/d", "http://h/d/a.png"),
            ("a.png", "http://h", "http://h/a.png"), ("/a.png", "http://h:8/d/?q=1", "http://h:8/a.png"),
            ("../a.png", "http://h/d/e/", "http://h/d/a.png"), ("../../../../a", "http://h/d/e/", "http://h/a"),
            ("./x/./a", "http://h/d/", "http://h/d/x/a"), ("x/..", "http://h/d/", "http://h/d/"),
            ("//g/a.png", "https://h/d/", "https://g/a.png"), ("a?b=../c", "http://h/d/", "http://h/d/a?b=../c"),
            ("http://g/a", "http://h/d/", "http://g/a"), ("s3://b/k", "http://h/d/", "s3://b/k"),
            ("a?b#c.png", "s3://bucket/d/", "s3://bucket/d/a?b#c.png"), ("/a", "s3://bucket/d", "s3://bucket/a"),
            ("../../../x", "s3://bucket/d/", "s3://bucket/x"), ("", "http://h/d/", "http://h/d/"),
        ])
    func resolved(name: String, base: String, expected: String) {
        #expect(AddressReference.resolved(name, in: base) == expected)
    }

    @Test(
        "The folder of an address is the folder of its path, without the query",
        arguments: [
            ("https://h/a/b.csv?x=/y/", "https://h/a/"), ("https://h", "https://h/"), ("https://h/b#/c", "https://h/"),
            ("s3://bucket/a?/b.csv", "s3://bucket/a?/"), ("s3://bucket", "s3://bucket/"),
        ])
    func folder(address: String, expected: String) { #expect(AddressReference.folder(of: address) == expected) }
}
