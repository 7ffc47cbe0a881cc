#!/usr/bin/env python3
"""Draws Examples/pictures: unseen pictures in many formats, of which the model answers every question rightly.

    draw_examples.py --model MODEL --out ../pictures

Each picture is drawn anew, with the next seed, until the answers by transformers in float32 are all right."""
import argparse
import json
import os
import random
import sys

from PIL import Image, ImageOps

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import evaluate  # noqa: E402
from scenes import draw_scene, questions  # noqa: E402

NO_COLORS = {"black", "white"}


def as_palette(picture):
    return picture.convert("P", palette=Image.ADAPTIVE, colors=64)


def as_gray(picture):
    return picture.convert("L")


def as_rgba(picture):
    return picture.convert("RGBA")


def turned(picture):
    return picture.transpose(Image.ROTATE_90)  # the orientation in the file turns it back


def orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


# name, shapes, number?, width and height, how it is turned into the file, what the writer is told
EXAMPLES = [
    ("one-shape.png", 1, False, (160, 160), None, {}),
    ("two-shapes.jpg", 2, False, (320, 240), None, {"quality": 92}),
    ("three-shapes.jpg", 3, False, (400, 300), None, {"quality": 90}),
    ("three-shapes-progressive.jpg", 3, False, (640, 480), None, {"quality": 88, "progressive": True}),
    ("two-shapes-coarse.jpg", 2, False, (300, 300), None, {"quality": 45, "subsampling": 2}),
    ("shape-and-number.png", 1, True, (256, 256), None, {}),
    ("two-shapes-and-number.webp", 2, True, (320, 320), None, {"quality": 85}),
    ("three-shapes-and-number.webp", 3, True, (280, 300), None, {"lossless": True}),
    ("number-large.jpg", 2, True, (800, 640), None, {"quality": 85}),
    ("two-shapes-palette.png", 2, True, (200, 180), as_palette, {}),
    ("three-shapes-alpha.png", 3, False, (240, 200), as_rgba, {}),
    ("black-and-white-gray.jpg", 2, True, (240, 240), as_gray, {"quality": 90}),
    ("turned-by-exif.jpg", 2, True, (360, 280), turned, {"quality": 90, "exif": orientation(6)}),
]


def main():
    import torch
    from transformers import PaliGemmaForConditionalGeneration, PaliGemmaProcessor

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    torch.set_num_threads(2)
    processor = PaliGemmaProcessor.from_pretrained(options.model)
    model = PaliGemmaForConditionalGeneration.from_pretrained(options.model, dtype=torch.float32).eval()

    def answer(path, prompt):
        picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        inputs = processor(text=["<image>" + prompt], images=[picture], return_tensors="pt")
        tokens = model.generate(**inputs, max_new_tokens=evaluate.MAX_TOKENS, do_sample=False)
        return processor.decode(tokens[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True)

    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "truth.jsonl"), "w") as truth:
        for name, count, with_number, size, change, told in EXAMPLES:
            path, seed = os.path.join(options.out, name), 0
            while True:
                seed += 1
                rng = random.Random(f"example {name} {seed}")
                gray = change is as_gray
                picture, description = draw_scene(rng, size, count, with_number, tinted=not gray, clean=not name.endswith("jpg"))
                if gray and any(color not in NO_COLORS for color, _, _ in description["shapes"]):
                    continue
                (change(picture) if change else picture).save(path, **told)
                asked = [(kind, *pair) for kind, pairs in questions(description, rng).items() for pair in pairs]
                if all(evaluate.is_right(kind, true, answer(path, prompt)) for kind, prompt, true in asked):
                    break
            print(f"{name}: seed {seed}, {os.path.getsize(path)} bytes")
            stem = name.rsplit(".", 1)[0]
            for kind, prompt, true in asked:
                several = sum(other == kind for other, *_ in asked) > 1
                suffix = "-" + prompt.split(" ", 1)[1].replace(" ", "-") if several and kind == "detect" else ""
                if kind == "colour" and several:
                    suffix = "-" + prompt.rstrip("?").split()[-1]
                line = {"id": f"{stem}-{kind}{suffix}", "images": [name], "prompt": prompt,
                        "max_tokens": evaluate.MAX_TOKENS, "kind": kind, "answer": true}
                truth.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
