import Base
import CCurl
import Glibc

/// One request of a transfer: its handle of libcurl, and what libcurl's callbacks found.
final class Attempt {
    let handle: UnsafeMutableRawPointer
    private unowned let transfer: Transfer
    private let policy: NetworkPolicy
    private let userAgent: String
    private let ignoresRobotsTag: Bool
    private var headers: UnsafeMutablePointer<curl_slist>?
    private let details: UnsafeMutablePointer<CChar>

    private(set) var head = ResponseHead()
    private(set) var plan: BodyPlan?
    /// Why this end gave up; nil where it did not.
    private(set) var refusal: FetchError?
    /// The beginning of a body that is an explanation.
    private(set) var explanation: [UInt8] = []
    private var explanationBytes = 0
    /// Bytes of the body that were seen, those included that were skipped.
    private(set) var received: Int64 = 0
    /// Whether the body waits for room.
    var isPaused = false
    /// Says how far the body may take memory that others need. That changes while others end.
    private let claim: () -> MemoryBudget.Claim
    private var refusedAddress = false
    private var openedSocket = false

    /// The most bytes of an explanation before the connection is given up.
    private static let longestExplanation = 256 << 10

    /// - Returns: nil where libcurl has no memory.
    init?(
        _ transfer: Transfer, policy: NetworkPolicy, settings: FetchSettings, claim: @escaping () -> MemoryBudget.Claim
    ) {
        guard let handle = curl_easy_init() else { return nil }
        self.handle = handle
        self.transfer = transfer
        self.policy = policy
        self.claim = claim
        userAgent = settings.userAgent
        ignoresRobotsTag = settings.ignoresRobotsTag || transfer.request.signer != nil || transfer.request.isInternal
        details = .allocate(capacity: Int(CURL_ERROR_SIZE))
        details.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_easy_cleanup(handle)
        curl_slist_free_all(headers)
        details.deallocate()
    }

    /// What libcurl says about a failed handshake.
    var detail: String { String(cString: details) }

    /// Sets the options of the request.
    ///
    /// - Parameters:
    ///   - seconds: longest time of the attempt; nil for no limit.
    ///   - time: seconds since 1970, for the signature.
    /// - Throws: ``FetchError`` where libcurl refuses one.
    func prepare(_ settings: FetchSettings, seconds: Double?, time: Int) throws(FetchError) {
        let request = transfer.request
        var isFine = setConnection(settings, seconds: seconds)
        if request.method == .put || request.method == .post {
            isFine = setText(CURLOPT_CUSTOMREQUEST, request.method.rawValue) && isFine
            isFine = pg_curl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, request.body.count) == CURLE_OK && isFine
            isFine =
                request.body.withUnsafeBytes { body in
                    // An empty text where there are no bytes: without one libcurl would read standard input.
                    body.isEmpty
                        ? setText(CURLOPT_COPYPOSTFIELDS, "")
                        : pg_curl_set_pointer(
                            handle, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: body.baseAddress))
                            == CURLE_OK
                } && isFine
        }
        isFine = setText(CURLOPT_URL, request.address.text) && isFine
        isFine = setHeaders(time: time) && isFine
        setCallbacks()
        guard isFine else {
            throw FetchError(.connection, at: request.source, "libcurl refuses an option; is it older than 7.85?")
        }
    }

    private func setConnection(_ settings: FetchSettings, seconds: Double?) -> Bool {
        let request = transfer.request
        var isFine = true
        func number(_ option: CURLoption, _ value: Int) { isFine = setNumber(option, value) && isFine }
        func text(_ option: CURLoption, _ value: String) { isFine = setText(option, value) && isFine }
        // No signals: they would reach any thread. No waiting for a name server that a canceled transfer asked.
        number(CURLOPT_NOSIGNAL, 1)
        number(CURLOPT_QUICK_EXIT, 1)
        text(CURLOPT_PROTOCOLS_STR, "http,https")
        number(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        // Redirects are followed here, so that each is checked and signed.
        number(CURLOPT_FOLLOWLOCATION, 0)
        number(CURLOPT_PATH_AS_IS, request.signer == nil ? 0 : 1)
        number(CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(request.connectSeconds))
        number(CURLOPT_TIMEOUT_MS, seconds.map(Self.milliseconds) ?? 0)
        number(CURLOPT_LOW_SPEED_LIMIT, settings.slowestRate)
        number(CURLOPT_LOW_SPEED_TIME, settings.slowSeconds)
        number(CURLOPT_TCP_KEEPALIVE, 1)
        number(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        text(CURLOPT_USERAGENT, settings.userAgent)
        if request.isInternal {
            // A connection to a private address must not stay for those who may not open one.
            number(CURLOPT_FRESH_CONNECT, 1)
            number(CURLOPT_FORBID_REUSE, 1)
        }
        let proxy = request.isInternal && request.address.text.hasPrefix("http://") ? "" : policy.proxy
        if let proxy { text(CURLOPT_PROXY, proxy) }
        for variable in ["SSL_CERT_FILE", "CURL_CA_BUNDLE"] + (request.signer == nil ? [] : ["AWS_CA_BUNDLE"]) {
            if let file = settings.environment[variable], !file.isEmpty { text(CURLOPT_CAINFO, file) }
        }
        return isFine
    }

    /// At least one: libcurl takes 0 for no limit.
    private static func milliseconds(_ seconds: Double) -> Int {
        seconds.isFinite ? Int(max(1, min(seconds, 1e6) * 1000)) : 1_000_000_000
    }

    private func setHeaders(time: Int) -> Bool {
        let request = transfer.request
        // Without a type and an expectation, which libcurl adds to bodies by itself.
        var lines = ["Accept: */*", "Accept-Encoding: identity", "Expect:", "Content-Type:"]
        for header in request.headers + (request.signer?.signature(of: request, time: time) ?? []) {
            lines.append("\(header.name): \(header.value)")
        }
        if request.range != nil || transfer.delivered > 0 {
            let start = (request.range?.offset ?? 0) + transfer.delivered
            lines.append("Range: bytes=\(start)-" + (request.range?.end.map { "\($0 - 1)" } ?? ""))
            if let validator = transfer.validator?.ifRange { lines.append("If-Range: \(validator)") }
        }
        for line in lines {
            // A line break would begin another header.
            guard !line.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 }), let longer = curl_slist_append(headers, line)
            else { return false }
            headers = longer
        }
        return pg_curl_set_pointer(handle, CURLOPT_HTTPHEADER, headers) == CURLE_OK
    }

    private func setCallbacks() {
        let context = Unmanaged.passUnretained(self).toOpaque()
        pg_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, details)
        pg_curl_set_pointer(handle, CURLOPT_PRIVATE, context)
        pg_curl_set_receiver(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
            Attempt.from(context)?.headerLine(UnsafeRawBufferPointer(start: bytes, count: size * count)) == true
                ? size * count : 0
        }
        pg_curl_set_pointer(handle, CURLOPT_HEADERDATA, context)
        pg_curl_set_receiver(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            Attempt.from(context)?.bodyBytes(UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? 0
        }
        pg_curl_set_pointer(handle, CURLOPT_WRITEDATA, context)
        pg_curl_set_socket_opener(handle) { context, _, address in
            guard let address, let attempt = Attempt.from(context) else { return -1 }
            return attempt.openSocket(address)
        }
        pg_curl_set_pointer(handle, CURLOPT_OPENSOCKETDATA, context)
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> Attempt? {
        context.map { Unmanaged<Attempt>.fromOpaque($0).takeUnretainedValue() }
    }

    private func setNumber(_ option: CURLoption, _ value: Int) -> Bool {
        pg_curl_set_number(handle, option, value) == CURLE_OK
    }

    private func setText(_ option: CURLoption, _ value: String) -> Bool {
        pg_curl_set_text(handle, option, value) == CURLE_OK
    }
}

// MARK: What libcurl calls

extension Attempt {
    /// Opens the socket for an address, unless it must not be dialed.
    fileprivate func openSocket(_ address: UnsafeMutablePointer<curl_sockaddr>) -> curl_socket_t {
        if policy.checksAddresses, !transfer.request.isInternal {
            let offset = MemoryLayout<curl_sockaddr>.offset(of: \.addr) ?? 0
            let peer = UnsafeRawPointer(address).advanced(by: offset).assumingMemoryBound(to: sockaddr.self)
            guard NetworkAddress(peer, family: address.pointee.family)?.isPublic == true else {
                refusedAddress = true
                return -1
            }
        }
        openedSocket = true
        return socket(
            address.pointee.family, address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue), address.pointee.protocol)
    }

    /// Takes a line of a head.
    ///
    /// - Returns: false to end the attempt.
    fileprivate func headerLine(_ line: UnsafeRawBufferPointer) -> Bool {
        let wasComplete = head.isComplete
        guard head.append(line) else {
            refusal = fault(.badResponse, "the head of the answer has more than \(ResponseHead.maximumBytes >> 10) KiB")
            return false
        }
        guard head.isComplete, !wasComplete, !head.isInterim else { return true }
        do throws(FetchError) {
            plan = try decide()
            return true
        } catch {
            refusal = error
            return false
        }
    }

    private func decide() throws(FetchError) -> BodyPlan {
        let request = transfer.request
        let plan = try BodyPlan(
            head, request: request, delivered: transfer.delivered, validator: transfer.validator,
            canSkip: transfer.body.isStream)
        guard plan != .explanation else { return plan }
        if !ignoresRobotsTag,
            let directive = RobotsTag.closingDirective(in: head.robotsTags, userAgent: userAgent)
        {
            throw fault(.optedOut, "its owner closes it to programs that learn (X-Robots-Tag: \(directive))")
        }
        if case .take(_, let count?) = plan, !transfer.body.isStream, count > Int64(request.bodyLimit) {
            throw fault(.tooLarge, "it has \(count) bytes; at most \(request.bodyLimit) are fetched")
        }
        if transfer.validator == nil { transfer.validator = head.validator }
        transfer.body.begin(FetchedResponse(head, source: MaskedURL.text(request.address.text)))
        return plan
    }

    /// Takes bytes of the body.
    ///
    /// - Returns: how many, or libcurl's word for a pause.
    fileprivate func bodyBytes(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch plan {
        case nil: return 0
        case .nothing: return bytes.count
        case .explanation:
            explanationBytes += bytes.count
            if explanation.count < ErrorDocument.maximumBytes {
                explanation += bytes.prefix(ErrorDocument.maximumBytes - explanation.count)
            }
            return explanationBytes <= Self.longestExplanation ? bytes.count : 0
        case .take(let skip, let count):
            let skipped = Int(clamping: min(max(0, skip - received), Int64(bytes.count)))
            let wanted = UnsafeRawBufferPointer(rebasing: bytes[skipped...])
            if !transfer.body.isStream, transfer.body.count + Int64(wanted.count) > Int64(transfer.request.bodyLimit) {
                refusal = fault(.tooLarge, "it has more than the \(transfer.request.bodyLimit) bytes that are fetched")
                return 0
            }
            if !wanted.isEmpty, !transfer.body.take(wanted, expected: count, claim: claim()) {
                isPaused = true
                return Int(CURL_WRITEFUNC_PAUSE)
            }
            received += Int64(bytes.count)
            return bytes.count
        }
    }

    /// Returns the error of an attempt that libcurl ended with this code.
    func failure(_ code: CURLcode) -> FetchError {
        if let refusal { return refusal }
        if refusedAddress, !openedSocket {
            return fault(.privateAddress, "the host's address belongs to a private network, which is not fetched from")
        }
        return CurlFailure.error(
            code, source: transfer.request.source, detail: detail, received: received)
    }

    /// The error of a body that ended before its length; nil where it did not.
    var shortage: FetchError? {
        guard case .take(let skip, let count?) = plan, received < skip + count else { return nil }
        return FetchError(
            .truncated, at: transfer.request.source, status: head.status, mayHelpLater: true,
            "the body ended after \(max(0, received - skip)) of \(count) bytes")
    }

    private func fault(_ code: FetchError.Code, _ reason: String) -> FetchError {
        FetchError(
            code, at: transfer.request.source, status: head.status == 0 ? nil : head.status, reason)
    }
}
