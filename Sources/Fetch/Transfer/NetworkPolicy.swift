/// Where connections may go.
struct NetworkPolicy: Sendable {
    /// Whether every address that is dialed must be a public one.
    let checksAddresses: Bool
    /// The proxy: nil for those of the environment, empty for none.
    let proxy: String?
    private let allowedHosts: [String]?
    /// What a person should know about the settings; nil for nothing.
    let notice: String?

    private static let proxyVariables = [
        "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
    ]

    init(_ settings: FetchSettings) {
        allowedHosts = settings.allowedHosts?.map { $0.lowercased() }
        let variable = Self.proxyVariables.first { settings.environment[$0]?.isEmpty == false }
        let hasProxy = settings.proxy.map { !$0.isEmpty } ?? (variable != nil)
        let isClosed = settings.addresses == .publicOnly
        // A proxy dials for this process, so no address can be checked.
        let usesProxy = hasProxy && (!isClosed || allowedHosts != nil)
        proxy = usesProxy || (!hasProxy && !isClosed) ? settings.proxy : ""
        checksAddresses = isClosed && !usesProxy
        notice =
            isClosed && hasProxy && !usesProxy
            ? "The proxy of \(settings.proxy == nil ? variable ?? "" : "the settings") is not used, as it would hide "
                + "private addresses; list the hosts that may be fetched from to use it."
            : nil
    }

    /// - Throws: ``FetchError`` with code `private_address` for a host that is not in the list.
    func check(_ request: HTTPRequest) throws(FetchError) {
        guard let allowedHosts, !request.isInternal else { return }
        let host = request.address.host
        let isAllowed = allowedHosts.contains { $0.hasPrefix(".") ? host.hasSuffix($0) : host == $0 }
        guard isAllowed else {
            throw FetchError(
                .privateAddress, at: request.source, "the host \(host) is none of those that may be fetched from")
        }
    }
}
