import Base

/// The description of the routes by the OpenAPI specification, version 3.1.
enum OpenAPIDocument {
    static func json(_ model: String) -> JSON {
        var paths: [JSON.Member] = []
        for path in orderedPaths {
            let operations = RouteTable.all.filter { $0.path == path }.map { route in
                JSON.Member(
                    key: route.method.lowercased(),
                    value: .record([
                        "summary": .string(route.summary), "parameters": .array(parameters(of: path)),
                        "responses": .record([
                            "200": .record(["description": .string("It was done.")]),
                            "default": .record([
                                "description": .string("It was not done."),
                                "content": .record([
                                    "application/json": .record([
                                        "schema": .record(["$ref": .string("#/components/schemas/Error")])
                                    ])
                                ]),
                            ]),
                        ]),
                    ]))
            }
            paths.append(.init(key: path.replacingOccurrences(of: "*}", with: "}"), value: .object(operations)))
        }
        return .record([
            "openapi": .string("3.1.0"),
            "info": .record(["title": .string("PaliGemma: \(model)"), "version": .string("1")]),
            "paths": .object(paths), "components": .record(["schemas": .record(["Error": error])]),
        ])
    }

    private static var orderedPaths: [String] {
        var paths: [String] = []
        for route in RouteTable.all where !paths.contains(route.path) { paths.append(route.path) }
        return paths
    }

    private static func parameters(of path: String) -> [JSON] {
        path.split(separator: "/").filter { $0.hasPrefix("{") }.map { part in
            .record([
                "name": .string(part.filter { !"{}*".contains($0) }), "in": .string("path"), "required": .bool(true),
                "schema": .record(["type": .string("string")]),
            ])
        }
    }

    private static let error = JSON.record([
        "type": .string("object"),
        "properties": .record([
            "error": .record([
                "type": .string("object"),
                "properties": .record([
                    "message": .record(["type": .string("string")]), "type": .record(["type": .string("string")]),
                    "param": .record(["type": .array([.string("string"), .string("null")])]),
                    "code": .record(["type": .string("string")]),
                ]),
            ])
        ]),
    ])
}
