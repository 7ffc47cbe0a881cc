import ArgumentParser
import Pictures

/// How a picture becomes what the model sees.
struct PictureOptions: ParsableArguments {
    @Option(
        help: Variable.resize.help(
            "pillow: as the public processor resizes. big_vision, big_vision_antialias: as the original code does, for "
                + "published scores of captions and of questions.", default: "pillow",
            valueName: "pillow|big_vision|big_vision_antialias"))
    var resize: PictureResize?

    /// Nil where nothing was said.
    func given() throws -> PictureResize? { try Variable.resize.value(resize) }
}
