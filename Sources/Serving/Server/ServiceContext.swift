import Hummingbird
import Logging
import NIOCore
import Queue

/// What is known of a request beside itself.
struct ServiceContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The caller's `x-request-id`, else one of ours.
    var requestID = ""
    /// Who asks; nil where nobody needs a key.
    var holder: APIKeys.Holder?
    /// When the request came.
    let start = ContinuousClock.now

    init(source: ApplicationRequestContextSource) { coreContext = .init(source: source) }

    /// Seconds since the request came.
    var seconds: Double { (ContinuousClock.now - start).inSeconds }
}
