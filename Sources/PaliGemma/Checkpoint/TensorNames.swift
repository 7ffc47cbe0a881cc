/// Maps the tensor names of all versions of transformers to one canonical name: `vision.…`, `projector.…`, `text.…`,
/// `head.weight`.
///
///     on disk, public files                       transformers >= 4.52 in memory      here
///     vision_tower.vision_model.encoder…          model.vision_tower.…                vision.encoder…
///     vision_tower.encoder… (transformers 5.x)    model.vision_tower.encoder…         vision.encoder…
///     multi_modal_projector.linear…               model.multi_modal_projector.linear… projector…
///     language_model.model.layers…                model.language_model.layers…        text.layers…
///     language_model.lm_head.weight               lm_head.weight                      head.weight
enum TensorNames {
    /// Longer prefixes come first, because the first match counts.
    private static let prefixes: [(stored: String, canonical: String)] = [
        ("vision_tower.vision_model.", "vision."),
        ("vision_tower.", "vision."),
        ("multi_modal_projector.linear.", "projector."),
        ("language_model.lm_head.", "head."),
        ("language_model.model.", "text."),
        ("language_model.", "text."),
        ("lm_head.", "head."),
    ]
    private static let wrappers = ["paligemma_with_expert.paligemma.", "model."]

    /// Returns the canonical name of a stored tensor, or nil where it belongs to no part of PaliGemma.
    static func canonical(_ stored: String) -> String? {
        var name = Substring(stored)
        for wrapper in wrappers where name.hasPrefix(wrapper) {
            name = name.dropFirst(wrapper.count)
        }
        for (prefix, canonical) in prefixes where name.hasPrefix(prefix) {
            return canonical + name.dropFirst(prefix.count)
        }
        return nil
    }

    /// Returns the paths that the versions of transformers give the module of a weight with a canonical name.
    static func modulePaths(of canonical: String) -> [String] {
        let name = canonical.hasSuffix(".weight") ? String(canonical.dropLast(".weight".count)) : canonical
        let spellings: [(canonical: String, paths: [String])] = [
            ("vision.", ["vision_tower.vision_model.", "model.vision_tower.vision_model.", "model.vision_tower."]),
            ("text.", ["language_model.model.", "model.language_model."]),
        ]
        if name == "projector" { return ["multi_modal_projector.linear", "model.multi_modal_projector.linear"] }
        guard let known = spellings.first(where: { name.hasPrefix($0.canonical) }) else { return [] }
        return known.paths.map { $0 + name.dropFirst(known.canonical.count) }
    }

    /// Returns whether a tensor may be left over: SigLIP's pooling head (`vision_use_head`), which PaliGemma does not use, or a
    /// buffer.
    static func isIgnored(_ canonical: String) -> Bool {
        canonical.hasPrefix("vision.head.") || isBuffer(canonical)
    }

    /// Returns whether a tensor is a buffer that old versions saved though it can be computed: position ids, or the
    /// frequencies of the rotary embedding.
    static func isBuffer(_ stored: String) -> Bool {
        stored.hasSuffix(".position_ids") || stored.hasSuffix(".rotary_emb.inv_freq")
    }

    /// Returns whether PaliGemma is a part of the checkpoint of a larger model, whose other tensors are not used.
    static func areOfLargerModel(_ names: [String]) -> Bool { names.contains { $0.hasPrefix(wrappers[0]) } }
}
