extension ModelConfiguration {
    /// Refuses values that no such model can have, before anything is computed with them.
    ///
    /// - Throws: ``UnsupportedValue`` for the first of them.
    func validate() throws(UnsupportedValue) {
        try validateDimensions()
        try validateNumbers()
        try validateRelations()
    }

    private func require(_ condition: Bool, _ reason: @autoclosure () -> String) throws(UnsupportedValue) {
        if !condition { throw UnsupportedValue(reason: reason()) }
    }

    private func validateDimensions() throws(UnsupportedValue) {
        let bounded: [(String, Int, Int)] = [
            ("vision_config.hidden_size", vision.width, 1 << 16),
            ("vision_config.intermediate_size", vision.mlpWidth, 1 << 20),
            ("vision_config.num_hidden_layers", vision.layers, 1024),
            ("vision_config.num_attention_heads", vision.heads, 1024),
            ("vision_config.patch_size", vision.patch, 1024),
            ("vision_config.image_size", vision.imageSize, 1 << 14),
            ("text_config.hidden_size", text.width, 1 << 16),
            ("text_config.intermediate_size", text.mlpWidth, 1 << 20),
            ("text_config.num_hidden_layers", text.layers, 1024),
            ("text_config.num_attention_heads", text.heads, 1024),
            ("text_config.num_key_value_heads", text.keyValueHeads, 1024),
            ("text_config.head_dim", text.headWidth, 1 << 14),
            ("text_config.vocab_size", text.vocabulary, 1 << 24),
            ("text_config.max_position_embeddings", text.context, 1 << 24),
        ]
        for (key, value, maximum) in bounded {
            try require(value >= 1 && value <= maximum, "\(key) is \(value); it must lie between 1 and \(maximum)")
        }
    }

    private func validateNumbers() throws(UnsupportedValue) {
        for (key, value) in [
            ("query_pre_attn_scalar", text.queryScalar), ("attn_logit_softcapping", text.attentionSoftCap ?? 1),
            ("final_logit_softcapping", text.finalSoftCap ?? 1), ("rms_norm_eps", text.normEpsilon),
            ("rope_theta", text.ropeBase),
        ] where !(value > 0 && value < 1e9) {
            throw UnsupportedValue(reason: "text_config.\(key) is \(value); it must lie between 0 and 1e9")
        }
        try require(
            vision.layerNormEpsilon > 0 && vision.layerNormEpsilon < 1,
            "vision_config.layer_norm_eps is \(vision.layerNormEpsilon); it must lie between 0 and 1")
        if let window = text.window {
            try require(
                window.positions >= 1, "text_config.sliding_window is \(window.positions); it must be 1 or more")
        }
    }

    private func validateRelations() throws(UnsupportedValue) {
        try require(
            vision.width % vision.heads == 0,
            "vision_config.hidden_size \(vision.width) is no multiple of its \(vision.heads) heads")
        try require(
            text.heads % text.keyValueHeads == 0,
            "text_config has \(text.heads) query heads, no multiple of its \(text.keyValueHeads) key/value heads")
        try require(
            text.headWidth % 2 == 0, "text_config.head_dim \(text.headWidth) is odd; rotary positions need pairs")
        try require(
            vision.imageSize >= vision.patch,
            "vision_config.image_size \(vision.imageSize) is smaller than a patch of \(vision.patch)")
        try require(vision.tokens < text.context, "one picture's \(vision.tokens) tokens fill the whole context")
        for (key, token) in [("bos_token_id", beginToken), ("pad_token_id", padToken)] {
            try require(token >= 0 && token < text.vocabulary, "\(key) \(token) lies outside the vocabulary")
        }
        for token in endTokens {
            try require(token >= 0 && token < text.vocabulary, "eos_token_id \(token) lies outside the vocabulary")
        }
        try require(endTokens.count <= 64, "eos_token_id lists \(endTokens.count) tokens; at most 64 are implemented")
        try require(
            imageToken >= 0 && imageToken < 1 << 24,
            "image_token_index is \(imageToken); it must lie between 0 and \(1 << 24 - 1)")
    }
}
