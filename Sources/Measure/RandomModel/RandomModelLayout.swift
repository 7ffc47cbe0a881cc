extension RandomModel {
    /// Stands in the names of the files; another one for other numbers, so that no old file is taken for a new one.
    package static let version = "random2"

    /// Sizes of numbers, chosen so that greedy answers vary from step to step and from picture to picture.
    ///
    /// The output head is the embedding. With numbers of equal size everywhere, the last position's own embedding stays the
    /// largest part of the residual stream to its end, has by far the largest logit, and every answer repeats the prompt's
    /// last token. Here the embedding is small beside what the layers add, and the first attention, whose output is much
    /// the same for all positions, does not hide it from the first MLP. So what is added depends on the token, and through
    /// attention on the picture and on the tokens before it. Logits are spread like normal numbers: the gap between the
    /// best two of 257,216 is a fifth of their spread on average, thousands of times what float32 rounds.
    private enum Scale {
        /// Of the embedding, against what a layer adds.
        static let embedding: Float = 1.0 / 64
        /// Of what attention adds, against the MLP. That of the first layer is as small as the embedding.
        static let attention: Float = 0.5
        /// Of the queries: a query looks at few keys, not at the mean of all.
        static let queries: Float = 2
        /// The standard deviation of the logits.
        static let logits: Float = 4
    }

    /// The files of tensors, with the tensor names of the public checkpoints.
    package var shards: [RandomShard] {
        let text = configuration.text
        var shards = [picturesShard, visionShard]
        shards.append(
            shard(
                "language-\(family)", "embedding",
                [
                    .uniform(
                        "language_model.model.embed_tokens.weight", [text.vocabulary, text.width], inputs: text.width,
                        scale: Scale.embedding),
                    .rmsNorm(
                        "language_model.model.norm.weight", text.width, factor: Scale.logits / Scale.embedding),
                ]))
        let layersPerFile = 4
        for first in stride(from: 0, to: text.layers, by: layersPerFile) {
            let layers = first..<min(first + layersPerFile, text.layers)
            shards.append(shard("language-\(family)", Self.name(of: layers), layers.flatMap(languageLayer)))
        }
        return shards
    }

    /// The tensors that depend on the size of the pictures or on both towers.
    private var picturesShard: RandomShard {
        let (vision, text) = (configuration.vision, configuration.text)
        return shard(
            "pictures-\(family)", "\(vision.imageSize)",
            [
                .uniform(
                    "vision_tower.vision_model.embeddings.position_embedding.weight", [vision.tokens, vision.width],
                    inputs: vision.width),
                .uniform(
                    "multi_modal_projector.linear.weight", [text.width, vision.width], inputs: vision.width),
                .nearZero("multi_modal_projector.linear.bias", text.width),
            ])
    }

    private var visionShard: RandomShard {
        let vision = configuration.vision
        let name = "vision_tower.vision_model."
        var tensors: [RandomTensor] = [
            .uniform(
                name + "embeddings.patch_embedding.weight", [vision.width, 3, vision.patch, vision.patch],
                inputs: vision.patchValues),
            .nearZero(name + "embeddings.patch_embedding.bias", vision.width),
            .nearOne(name + "post_layernorm.weight", vision.width),
            .nearZero(name + "post_layernorm.bias", vision.width),
        ]
        tensors += (0..<vision.layers).flatMap(visionLayer)
        return shard(family == "tiny" ? "vision-tiny" : "vision-so400m", Self.name(of: 0..<vision.layers), tensors)
    }

    private func visionLayer(_ index: Int) -> [RandomTensor] {
        let (width, mlp) = (configuration.vision.width, configuration.vision.mlpWidth)
        let name = "vision_tower.vision_model.encoder.layers.\(index)."
        var tensors: [RandomTensor] = []
        for norm in ["layer_norm1", "layer_norm2"] {
            tensors += [.nearOne(name + norm + ".weight", width), .nearZero(name + norm + ".bias", width)]
        }
        for projection in ["q_proj", "k_proj", "v_proj", "out_proj"] {
            tensors.append(.uniform("\(name)self_attn.\(projection).weight", [width, width], inputs: width))
            tensors.append(.nearZero("\(name)self_attn.\(projection).bias", width))
        }
        return tensors + [
            .uniform(name + "mlp.fc1.weight", [mlp, width], inputs: width), .nearZero(name + "mlp.fc1.bias", mlp),
            .uniform(name + "mlp.fc2.weight", [width, mlp], inputs: mlp), .nearZero(name + "mlp.fc2.bias", width),
        ]
    }

    private func languageLayer(_ index: Int) -> [RandomTensor] {
        let text = configuration.text
        let width = text.width
        let name = "language_model.model.layers.\(index)."
        let gemma2 = ["pre_feedforward_layernorm", "post_feedforward_layernorm"].map {
            RandomTensor.nearZero("\(name)\($0).weight", width)
        }
        let attention = Scale.attention * (index == 0 ? Scale.embedding : 1)
        // With norms behind attention and MLP these decide how much a branch adds, else the output's weights.
        let outputNorm = RandomTensor.rmsNorm(
            name + "post_attention_layernorm.weight", width, factor: text.hasOutputNorms ? attention : 1)
        return (text.hasOutputNorms ? gemma2 : []) + [
            .nearZero(name + "input_layernorm.weight", width),
            .uniform(
                name + "self_attn.q_proj.weight", [text.queryWidth, width], inputs: width, scale: Scale.queries),
            .uniform(name + "self_attn.k_proj.weight", [text.keyValueWidth, width], inputs: width),
            .uniform(name + "self_attn.v_proj.weight", [text.keyValueWidth, width], inputs: width),
            .uniform(
                name + "self_attn.o_proj.weight", [width, text.queryWidth], inputs: text.queryWidth,
                scale: text.hasOutputNorms ? 1 : attention),
            outputNorm,
            .uniform(name + "mlp.gate_proj.weight", [text.mlpWidth, width], inputs: width),
            .uniform(name + "mlp.up_proj.weight", [text.mlpWidth, width], inputs: width),
            .uniform(name + "mlp.down_proj.weight", [width, text.mlpWidth], inputs: text.mlpWidth),
        ]
    }

    private func shard(_ part: String, _ detail: String, _ tensors: [RandomTensor]) -> RandomShard {
        RandomShard(
            fileName: "\(part)-\(Self.version)-bf16-seed\(seed)-\(detail).safetensors", tensors: tensors)
    }

    private static func name(of layers: Range<Int>) -> String {
        "layers-\(layers.lowerBound)-to-\(layers.upperBound - 1)"
    }
}

// MARK: Small files

extension RandomModel {
    /// The text of `model.safetensors.index.json`.
    var index: String {
        let entries = shards.flatMap { shard in shard.tensors.map { (name: $0.name, file: shard.fileName) } }
        let map = entries.map { "    \"\($0.name)\": \"\($0.file)\"" }.sorted().joined(separator: ",\n")
        return """
            {
              "metadata": {"total_size": \(byteCount)},
              "weight_map": {
            \(map)
              }
            }

            """
    }

    /// The text of `config.json`, with the keys of released files.
    var configurationFile: String {
        let (vision, text) = (configuration.vision, configuration.text)
        return """
            {
              "architectures": ["PaliGemmaForConditionalGeneration"],
              "bos_token_id": 2,
              "eos_token_id": 1,
              "hidden_size": \(text.width),
              "image_token_index": \(configuration.imageToken),
              "model_type": "paligemma",
              "pad_token_id": 0,
              "projection_dim": \(text.width),
              "text_config": {
            \(gemma2Keys)    "hidden_size": \(text.width),
                "intermediate_size": \(text.mlpWidth),
                "model_type": "\(text.family.rawValue)",
                "num_attention_heads": \(text.heads),
                "num_hidden_layers": \(text.layers),
                "num_image_tokens": \(vision.tokens),
                "num_key_value_heads": \(text.keyValueHeads),
                "torch_dtype": "bfloat16",
                "vocab_size": \(text.vocabulary)
              },
              "torch_dtype": "bfloat16",
              "vision_config": {
                "hidden_size": \(vision.width),
                "image_size": \(vision.imageSize),
                "intermediate_size": \(vision.mlpWidth),
                "model_type": "siglip_vision_model",
                "num_attention_heads": \(vision.heads),
                "num_hidden_layers": \(vision.layers),
                "num_image_tokens": \(vision.tokens),
                "patch_size": \(vision.patch),
                "projection_dim": \(text.width),
                "projector_hidden_act": "gelu_fast",
                "vision_use_head": false
              }
            }

            """
    }

    /// The keys that a language model of Gemma 2 has in addition, each with its line feed.
    private var gemma2Keys: String {
        let text = configuration.text
        guard text.family == .gemma2 else { return "" }
        let keys = [
            ("attn_logit_softcapping", "50.0"), ("final_logit_softcapping", "30.0"), ("head_dim", "\(text.headWidth)"),
            ("query_pre_attn_scalar", "\(Int(text.queryScalar))"), ("sliding_window", "4096"),
        ]
        return keys.map { "    \"\($0)\": \($1),\n" }.joined()
    }

    /// The text of `preprocessor_config.json`.
    var preprocessorFile: String {
        let (side, tokens) = (configuration.vision.imageSize, configuration.vision.tokens)
        return """
            {
              "do_normalize": true,
              "do_rescale": true,
              "do_resize": true,
              "image_mean": [0.5, 0.5, 0.5],
              "image_processor_type": "SiglipImageProcessor",
              "image_seq_length": \(tokens),
              "image_std": [0.5, 0.5, 0.5],
              "processor_class": "PaliGemmaProcessor",
              "resample": 3,
              "rescale_factor": 0.00392156862745098,
              "size": {"height": \(side), "width": \(side)}
            }

            """
    }
}
