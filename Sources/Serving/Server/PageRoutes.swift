import Base
import Foundation
import HTTPTypes
import Hummingbird
import Queue

/// The page for people at `/`. It needs nothing from other hosts.
struct PageRoutes: Sendable {
    let settings: ServiceSettings
    let broker: RequestBroker
    let models: ModelNames
    let drain: DrainState

    /// What a browser may load for the page, and who may show it: nothing from elsewhere, nobody.
    private static let policy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob: data:",
        "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
    ].joined(separator: "; ")

    func add(to router: Router<ServiceContext>) {
        router.get("/") { _, _ in
            Self.response(try await page().text, type: "text/html; charset=utf-8")
        }
        router.get("/page/style.css") { _, _ in Self.response(PageStyle.text, type: "text/css; charset=utf-8") }
        router.get("/page/script.js") { _, _ in
            Self.response(PageScript.text, type: "text/javascript; charset=utf-8")
        }
        router.get("/favicon.ico") { _, _ in Self.response(PageStyle.icon, type: "image/svg+xml") }
    }

    private static func response(_ text: String, type: String) -> Response {
        var response = Response(bytes: Array(text.utf8), type: type)
        response.headers[.cacheControl] = "no-cache"
        response.headers[.contentSecurityPolicy] = policy
        response.headers[.contentTypeOptions] = "nosniff"
        response.headers[.referrerPolicy] = "no-referrer"
        return response
    }

    /// The page as it is now, so that it can be read without JavaScript. Where keys are needed it holds nothing but the field
    /// for one.
    private func page() async throws -> Markup {
        guard settings.keys == nil else { return PageHTML.locked }
        var state = PageState(model: models.served, view: broker.view, isDraining: drain.isDraining)
        do {
            (state.causes, state.results) = try await broker.ask { queue throws(QueueError) in
                (try FailureCause.all(in: queue), try queue.latestResults(limit: PageState.pictures))
            }
        } catch {
            state.view.isReachable = false
        }
        return PageHTML.page(state)
    }
}
