import Base
import Foundation
import TestSupport
import Testing

/// Manifests are tried as far as that goes without a cluster. `kubernetes-validate --strict` has the schemas whole.
@Suite("Manifests for Kubernetes", .timeLimit(.minutes(15)))
struct KubernetesTests {
    private struct Object {
        let file: String
        let content: PlainYAML
        var kind: String { content["kind"]?.text ?? "" }
        var name: String { content.at("metadata.name")?.text ?? "" }
    }

    private let objects: [Object]
    private let keys: KubernetesKeys

    init() throws {
        keys = try KubernetesKeys()
        objects = try Recipes.files(below: "cluster/kubernetes").filter { $0.hasSuffix(".yaml") }.flatMap { file in
            try PlainYAML.documents(Recipes.text(of: file)).map { Object(file: file, content: $0) }
        }
    }

    /// The templates of pods, with where they are and the grace that they give.
    private var pods: [(file: String, template: PlainYAML)] {
        objects.flatMap { object in object.content.all("template").map { (object.file, $0) } }
    }

    private func all(_ kind: String) -> [Object] { objects.filter { $0.kind == kind } }

    @Test("Every key and value has a place and a type in the schema")
    func schema() {
        #expect(objects.count >= 11)
        for object in objects {
            for fault in keys.faults(of: object.content) { Issue.record("\(object.file): \(fault)") }
        }
    }

    @Test(
        "A manifest with a mistake is refused",
        arguments: [
            ("  replicas: 2", "  replica: 2"), ("  replicas: 2", "  replicas: \"2\""),
            ("runAsNonRoot: true", "runAsNonRoot: \"true\""), ("cpu: \"8\"", "cpu: many"),
            ("value: \"150\"", "value: 150"), ("kind: Deployment", "kind: Deploiment"),
            ("type: RollingUpdate", "type: Rolling"), ("medium: Memory", "mediun: Memory"),
            ("          volumeMounts:", "         volumeMounts:"),
            ("mountPath: /tmp", "mountPath: /tmp\n              name: tmp"),
            ("name: world\n", "name: [world]\n"), ("whenUnsatisfiable: ScheduleAnyway", "whenUnsatisfiable: no"),
        ])
    func mistakes(right: String, wrong: String) throws {
        let text = try Recipes.text(of: "cluster/kubernetes/worlds.yaml")
        try #require(text.contains(right))
        let changed = text.replacingOccurrences(of: right, with: wrong)
        let faults = try? PlainYAML.documents(changed).flatMap(keys.faults)
        // Not readable, or not what the schema has.
        #expect(faults?.isEmpty != true, "\(wrong) is taken")
    }

    @Test("Pods ask for whole cores and for what they are limited to, and have no more rights than they need")
    func rights() throws {
        #expect(pods.count == 5)
        for (file, pod) in pods {
            let spec = try #require(pod["spec"])
            #expect(spec.at("securityContext.runAsNonRoot")?.text == "true", "\(file)")
            #expect(spec.at("securityContext.runAsUser")?.text == "10001", "\(file)")
            #expect(spec.at("securityContext.seccompProfile.type")?.text == "RuntimeDefault", "\(file)")
            #expect(spec["automountServiceAccountToken"]?.text == "false", "\(file)")
            #expect(spec["enableServiceLinks"]?.text == "false", "\(file)")
            let volumes = Set(try #require(spec["volumes"]).elements.compactMap { $0["name"]?.text })
            for container in try #require(spec["containers"]).elements {
                #expect(container.at("securityContext.readOnlyRootFilesystem")?.text == "true", "\(file)")
                #expect(container.at("securityContext.allowPrivilegeEscalation")?.text == "false", "\(file)")
                #expect(container.at("securityContext.capabilities.drop")?.elements.first?.text == "ALL", "\(file)")
                for resource in ["cpu", "memory"] {
                    let limit = container.at("resources.limits.\(resource)")?.text
                    #expect(limit != nil && container.at("resources.requests.\(resource)")?.text == limit, "\(file)")
                }
                #expect(Int(container.at("resources.limits.cpu")?.text ?? "") != nil, "\(file): no whole cores")
                let mounts = try #require(container["volumeMounts"]).elements
                #expect(Set(mounts.compactMap { $0["name"]?.text }) == volumes, "\(file)")
                let model = mounts.first { $0["name"]?.text == "model" }
                #expect(model == nil || model?["readOnly"]?.text == "true", "\(file)")
            }
        }
    }

    @Test("A pod has the time that its drain may take, and more")
    func grace() throws {
        var compared = 0
        for (file, pod) in pods {
            let grace = try #require(Int(pod.at("spec.terminationGracePeriodSeconds")?.text ?? ""))
            let pairs = pod.all("env").flatMap(\.elements).compactMap { entry -> (String, Int)? in
                guard let name = entry["name"]?.text, let value = Int(entry["value"]?.text ?? "") else { return nil }
                return (name, value)
            }
            let variables = Dictionary(pairs, uniquingKeysWith: max)
            let world = variables["PALIGEMMA_DRAIN_TIMEOUT"] ?? 0
            let requests = (variables["PALIGEMMA_REQUEST_TIMEOUT"] ?? 0) + (variables["PALIGEMMA_DRAIN_DELAY"] ?? 0)
            guard max(world, requests) > 0 else { continue }
            #expect(grace >= max(world, requests) + 20, "\(file)")
            compared += 1
        }
        #expect(compared == 4)
    }

    @Test("What an object names is there, and what selects pods selects those of its file")
    func references() throws {
        let deployments = Set(all("Deployment").map(\.name))
        for object in all("ScaledObject") + all("HorizontalPodAutoscaler") {
            #expect(deployments.contains(object.content.at("spec.scaleTargetRef.name")?.text ?? ""), "\(object.file)")
        }
        let claims = Set(all("PersistentVolumeClaim").map(\.name))
        // The secret of the keys is made by the command of the README.
        let secrets = Set(all("Secret").map(\.name)).union(["paligemma-keys"])
        #expect(try Recipes.text(of: "cluster/kubernetes/README.md").contains("secret generic paligemma-keys"))
        for (file, pod) in pods {
            for name in pod.all("claimName") { #expect(claims.contains(name.text ?? ""), "\(file)") }
            for name in pod.all("secretName") + pod.all("secretKeyRef").compactMap({ $0["name"] }) {
                #expect(secrets.contains(name.text ?? ""), "\(file)")
            }
        }
        for object in objects where ["Deployment", "PodDisruptionBudget", "Service"].contains(object.kind) {
            let selector = object.content.at("spec.selector.matchLabels") ?? object.content.at("spec.selector")
            let labels = try #require(
                objects.first { $0.file == object.file && $0.kind == "Deployment" }?.content
                    .at("spec.template.metadata.labels"))
            for (key, value) in try #require(selector).members {
                #expect(labels[key]?.text == value.text, "\(object.file)")
            }
        }
    }

    @Test("Commands have options that the programs know")
    func options() throws {
        let known = [
            "pg-worker": try Recipes.flags(of: ["pg-worker"]), "serve": try Recipes.flags(of: ["paligemma", "serve"]),
            "supervise": try Recipes.flags(of: ["paligemma", "supervise"]),
        ]
        var commands = 0
        for (file, pod) in pods {
            for container in pod.all("containers").flatMap(\.elements) {
                let words = container["command"]?.elements.compactMap(\.text) ?? []
                commands += words.first == "paligemma" ? 1 : 0
                var program = ""
                for word in words {
                    if known[word] != nil || word == "mpirun" { program = word }
                    guard word.hasPrefix("--"), word != "--", let flags = known[program] else { continue }
                    #expect(flags.contains(word), "\(file): \(program) has no \(word)")
                }
            }
        }
        #expect(commands == 4)
    }

    @Test("The query of the autoscaler counts the jobs that are not finished")
    func query() throws {
        let trigger = try #require(all("ScaledObject").first?.content.at("spec.triggers")?.elements.first)
        let query = try #require(trigger.at("metadata.query")?.text)
        let address = try PostgresServer.shared().makeDatabase()
        let pictures = Recipes.path("Examples/pictures")
        let submitted = try Programs.run(
            Programs.paligemma, ["submit", "--queue", address, "--prompt", "caption en", pictures])
        try #require(submitted.status == 0, "\(submitted.errors)")
        let status = try Programs.run(Programs.paligemma, ["status", "--queue", address, "--json"])
        let ready = try #require(try JSON(parsing: status.output)["ready"]?.integer)
        #expect(ready > 10)
        #expect(try PostgresConsole(address).run(query) == "\(ready)")
        let canceled = try Programs.run(Programs.paligemma, ["cancel", "--queue", address, "--all"])
        #expect(canceled.status == 0)
        #expect(try PostgresConsole(address).run(query) == "0")
        // KEDA asks with the address that the worlds have.
        let variables = pods.filter { $0.file.hasSuffix("/worlds.yaml") }.flatMap { $0.template.all("env") }
            .flatMap(\.elements).compactMap { $0["name"]?.text }
        #expect(variables.contains(trigger.at("metadata.connectionFromEnv")?.text ?? ""))
    }
}
