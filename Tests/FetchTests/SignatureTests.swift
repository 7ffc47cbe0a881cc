import Fetch
import Foundation
import Testing

@Suite("Signature Version 4 against the published examples")
struct SignatureTests {
    private let credentials = AWSCredentials(
        accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    private let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    /// 24 May 2013, 0:00 UTC.
    private let time = 1_369_353_600

    private func signature(
        _ method: String, _ path: String, _ query: String = "", _ headers: [(String, String)] = [], payload: String
    ) -> String? {
        let all = [("Host", "examplebucket.s3.amazonaws.com"), ("x-amz-content-sha256", payload)] + headers
        let result = SignatureV4(credentials: credentials, region: "us-east-1", service: "s3").headers(
            method: method, path: path, query: query, headers: all.map { HTTPHeader(name: $0.0, value: $0.1) },
            payload: payload, time: time)
        let authorization = result.first { $0.name == "Authorization" }?.value
        return authorization?.components(separatedBy: "Signature=").last
    }

    @Test("The examples of the documentation of S3: a part of an object, writing one, a bucket's settings, a listing")
    func s3() {
        #expect(
            signature("GET", "/test.txt", "", [("Range", "bytes=0-9")], payload: emptyHash)
                == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
        #expect(
            signature(
                "PUT", "/test%24file.text", "",
                [("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
                payload: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072")
                == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
        #expect(
            signature("GET", "/", "lifecycle=", payload: emptyHash)
                == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
        #expect(
            signature("GET", "/", "max-keys=2&prefix=J", payload: emptyHash)
                == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
    }

    @Test("The first case of the test suite: no payload header, an empty query")
    func vanilla() {
        let credentials = AWSCredentials(
            accessKey: "AKIDEXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
        let headers = SignatureV4(credentials: credentials, region: "us-east-1", service: "service").headers(
            method: "GET", path: "", query: "", headers: [HTTPHeader(name: "Host", value: "example.amazonaws.com")],
            payload: emptyHash, time: 1_440_938_160)
        #expect(headers.first { $0.name == "x-amz-date" }?.value == "20150830T123600Z")
        #expect(
            headers.last?.value
                == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                + "SignedHeaders=host;x-amz-date, "
                + "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
    }
}
