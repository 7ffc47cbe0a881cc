import PaliGemma

/// The arithmetic that a model needs, in multiply-adds, by the formulas of its layers (without norms, softmax and
/// activations, which are under one percent).
package enum Work {
    /// Returns the work of one picture in the vision tower.
    package static func vision(_ configuration: VisionConfiguration) -> Double {
        let (rows, width, mlp) = (
            Double(configuration.tokens), Double(configuration.width), Double(configuration.mlpWidth)
        )
        let patches = rows * Double(configuration.patchValues) * width
        let products = rows * (4 * width * width + 2 * width * mlp)
        return patches + Double(configuration.layers) * products + visionAttention(configuration)
    }

    /// Returns the part of a picture's work in the vision tower that is attention.
    package static func visionAttention(_ configuration: VisionConfiguration) -> Double {
        let (rows, width) = (Double(configuration.tokens), Double(configuration.width))
        return Double(configuration.layers) * 2 * rows * rows * width
    }

    /// Returns the work of a prefix of `rows` positions in Gemma: every layer, and the head for one row.
    package static func prefill(rows count: Int, _ configuration: TextConfiguration) -> Double {
        let rows = Double(count)
        return Double(configuration.layers) * rows * layerWeights(configuration) + head(configuration)
            + prefillAttention(rows: count, configuration)
    }

    /// Returns the part of a prefix's work that is attention.
    package static func prefillAttention(rows count: Int, _ configuration: TextConfiguration) -> Double {
        let rows = Double(count)
        return Double(configuration.layers) * 2 * rows * rows * Double(configuration.queryWidth)
    }

    /// Returns the work of one token after `keys` positions.
    package static func decode(keys: Int, _ configuration: TextConfiguration) -> Double {
        let attention = 2 * Double(keys) * Double(configuration.queryWidth)
        return Double(configuration.layers) * (layerWeights(configuration) + attention) + head(configuration)
    }

    /// Returns the numbers of weights that a decode step reads: every layer and the head.
    package static func decodedWeights(_ configuration: TextConfiguration) -> Double {
        Double(configuration.layers) * layerWeights(configuration) + head(configuration)
    }

    private static func layerWeights(_ configuration: TextConfiguration) -> Double {
        let (width, mlp) = (Double(configuration.width), Double(configuration.mlpWidth))
        let attention = 2 * width * Double(configuration.queryWidth + configuration.keyValueWidth)
        return attention + 3 * width * mlp
    }

    private static func head(_ configuration: TextConfiguration) -> Double {
        Double(configuration.width) * Double(configuration.vocabulary)
    }
}
