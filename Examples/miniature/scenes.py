#!/usr/bin/env python3
"""Draws pictures of colored shapes and printed numbers, and knows the true answers about them.

    scenes.py pool --out DIR --count 60000 --seed 1     the training pool: pixels, descriptions, what stands on each patch
"""
import argparse
import io
import json
import math
import multiprocessing
import os
import random

import numpy as np
from PIL import Image, ImageDraw, ImageFont

COLORS = {
    "red": (214, 40, 40),
    "green": (46, 160, 67),
    "blue": (36, 92, 214),
    "yellow": (240, 200, 30),
    "black": (20, 20, 20),
    "white": (250, 250, 250),
}
SHAPES = ["circle", "square", "triangle", "star"]
MAXIMUM_SHAPES = 3
RADII = {1: (0.15, 0.26), 2: (0.15, 0.23), 3: (0.15, 0.19)}  # of the picture's smaller side, by the count of shapes
# The minimum distance of two centers, as a part of the width, so that "left to right" is one order.
MINIMUM_STEP_RIGHT = 0.12
IMAGE_SIZE = 84
PATCH = 14
GRID = IMAGE_SIZE // PATCH
LOCATION_STEPS = 32  # boxes are told on a grid of 32 steps, every 32nd of the 1024 location tokens

_fonts = {}


def font(pixels):
    if pixels not in _fonts:
        _fonts[pixels] = ImageFont.load_default(pixels)
    return _fonts[pixels]


def draw_shape(pen, shape, color, x, y, radius):
    fill = COLORS[color]
    if shape == "circle":
        pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=fill)
    elif shape == "square":
        pen.rectangle([x - radius, y - radius, x + radius, y + radius], fill=fill)
    elif shape == "triangle":
        pen.polygon([(x, y - radius), (x + radius, y + radius), (x - radius, y + radius)], fill=fill)
    else:
        spokes = [(radius if i % 2 == 0 else 0.42 * radius, i * math.pi / 5) for i in range(10)]
        pen.polygon([(x + r * math.sin(a), y - r * math.cos(a)) for r, a in spokes], fill=fill)


def overlaps(box, others, gap=3):
    return any(
        box[0] < o[2] + gap and o[0] < box[2] + gap and box[1] < o[3] + gap and o[1] < box[3] + gap for o in others)


def try_scene(rng, count, with_number, size):
    """Places `count` shapes and perhaps a number; None if the dice left no room for one of them."""
    width, height = size
    smaller = min(size)
    taken = []
    number = None
    if with_number:
        digits = str(rng.randint(10, 99))
        pixels = int(smaller * rng.uniform(0.32, 0.40))
        stroke = max(1, round(pixels / 40))
        left, top, right, bottom = font(pixels).getbbox(digits, stroke_width=stroke)
        x = rng.uniform(3, width - (right - left) - 3)
        y = rng.uniform(3, height - (bottom - top) - 3)
        box = (x, y, x + right - left, y + bottom - top)
        number = {"digits": digits, "pixels": pixels, "stroke": stroke, "at": (x - left, y - top), "box": box,
                  "ink": rng.choice([(0, 0, 0), (255, 255, 255)])}
        taken.append(box)
    shapes = []
    for _ in range(80):
        if len(shapes) == count:
            break
        radius = smaller * rng.uniform(*RADII[count])
        x = rng.uniform(radius + 2, width - radius - 2)
        y = rng.uniform(radius + 2, height - radius - 2)
        box = (x - radius, y - radius, x + radius, y + radius)
        if overlaps(box, taken) or any(abs(x - s["x"]) < MINIMUM_STEP_RIGHT * width for s in shapes):
            continue
        color, shape = rng.choice(list(COLORS)), rng.choice(SHAPES)
        if any((color, shape) == (s["color"], s["shape"]) for s in shapes):
            continue
        shapes.append({"color": color, "shape": shape, "x": x, "y": y, "radius": radius, "box": box})
        taken.append(box)
    if len(shapes) < count:
        return None
    return sorted(shapes, key=lambda s: s["x"]), number


def draw_scene(rng, size=None, count=None, with_number=None, tinted=True, clean=False):
    """A picture and its description: {"shapes": [[color, shape, box], ...] from left to right, "number", "number_box"}.

    Boxes are (left, top, right, bottom) as parts of the width and height."""
    if count is None:
        count = rng.randint(1, MAXIMUM_SHAPES)
    if with_number is None:
        with_number = rng.random() < 0.5
    placed = None
    while placed is None:
        if size is None:
            width = rng.randint(120, 320)
            drawn_size = (width, max(110, round(width * rng.uniform(0.75, 1.33))))
        else:
            drawn_size = size
        placed = try_scene(rng, count, with_number, drawn_size)
    shapes, number = placed
    width, height = drawn_size
    gray = rng.randint(96, 176)
    paper = tuple(max(70, min(200, gray + (rng.randint(-14, 14) if tinted else 0))) for _ in range(3))
    picture = Image.new("RGB", drawn_size, paper)
    pen = ImageDraw.Draw(picture)
    if number:
        pen.text(number["at"], number["digits"], fill=number["ink"], font=font(number["pixels"]),
                 stroke_width=number["stroke"], stroke_fill=number["ink"])
    for s in shapes:
        draw_shape(pen, s["shape"], s["color"], s["x"], s["y"], s["radius"])
    if not clean and rng.random() < 0.5:
        noise = np.random.default_rng(rng.getrandbits(32)).standard_normal((height, width, 1), dtype=np.float32)
        noisy = np.asarray(picture, dtype=np.float32) + noise * rng.uniform(1, 7)
        picture = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    if not clean and rng.random() < 0.25:
        packed = io.BytesIO()
        picture.save(packed, "JPEG", quality=rng.randint(50, 95))
        picture = Image.open(packed).convert("RGB")

    def parts(box):
        return [round(float(v), 4) for v in (box[0] / width, box[1] / height, box[2] / width, box[3] / height)]

    description = {
        "shapes": [[s["color"], s["shape"], parts(s["box"])] for s in shapes],
        "number": number["digits"] if number else None,
        "number_box": parts(number["box"]) if number else None,
    }
    return picture, description


# --- questions and their true answers


def caption(description):
    names = [f"a {color} {shape}" for color, shape, _ in description["shapes"]]
    if len(names) == 1:
        return names[0]
    if len(names) == 2:
        return f"{names[0]} left of {names[1]}"
    return ", ".join(names[:-1]) + " and " + names[-1]


def location(part):
    step = max(0, min(LOCATION_STEPS - 1, round(part * LOCATION_STEPS)))
    return f"<loc{step * 1024 // LOCATION_STEPS:04d}>"


def questions(description, rng=None):
    """All {kind: [(prompt, answer), ...]} that hold for a picture; the yes-no question needs a generator.

    A kind is part of the ids in truth.jsonl, and so is its spelling."""
    shapes = description["shapes"]
    out = {
        "caption": [("caption en", caption(description))],
        "count": [("answer en how many shapes are there?", str(len(shapes)))],
        "detect": [],
        "colour": [],
    }
    for color, shape, (left, top, right, bottom) in shapes:
        box = location(top) + location(left) + location(bottom) + location(right)
        out["detect"].append((f"detect {color} {shape}", f"{box} {color} {shape}"))
        if sum(other == shape for _, other, _ in shapes) == 1:
            out["colour"].append((f"answer en what color is the {shape}?", color))
    if description["number"]:
        out["ocr"] = [("ocr", description["number"])]
    if rng is not None:
        here = [(color, shape) for color, shape, _ in shapes]
        asked = rng.choice(here) if rng.random() < 0.5 else (rng.choice(list(COLORS)), rng.choice(SHAPES))
        out["yes-no"] = [(f"answer en is there a {asked[0]} {asked[1]}?", "yes" if asked in here else "no")]
    return {kind: pairs for kind, pairs in out.items() if pairs}


# --- the pool that training reads


def to_pixels(picture):
    """The picture as the processor sees it, before it is scaled to -1 ... 1."""
    return np.asarray(picture.convert("RGB").resize((IMAGE_SIZE, IMAGE_SIZE), Image.BICUBIC))


# What stands on each patch, for the tower's throw-away heads. Column 0 to 5, then the box.
COLUMNS = {"color": len(COLORS) + 1, "shape": len(SHAPES) + 2, "order": MAXIMUM_SHAPES + 1, "tens": 11, "units": 11,
           "count": MAXIMUM_SHAPES}


def patch_targets(description):
    """For each patch: color, shape (the last class is "number"), order from the left, tens, units; 0 is "nothing".

    "count" is the same on all patches. The box is (left, top, right, bottom) of what stands there."""
    kinds = np.zeros((GRID, GRID, len(COLUMNS)), np.int8)
    boxes = np.zeros((GRID, GRID, 4), np.float16)
    kinds[..., 5] = len(description["shapes"]) - 1
    rows, columns = (np.mgrid[0:GRID, 0:GRID] + 0.5) / GRID
    things = [(list(COLORS).index(c) + 1, SHAPES.index(s) + 1, i + 1, 0, 0, box)
              for i, (c, s, box) in enumerate(description["shapes"])]
    if description["number"]:
        tens, units = (int(d) + 1 for d in description["number"])
        things.append((0, len(SHAPES) + 1, 0, tens, units, description["number_box"]))
    for *classes, box in things:
        left, top, right, bottom = box
        inside = (columns > left - 0.02) & (columns < right + 0.02) & (rows > top - 0.02) & (rows < bottom + 0.02)
        inside[min(GRID - 1, int((top + bottom) / 2 * GRID)), min(GRID - 1, int((left + right) / 2 * GRID))] = True
        kinds[inside, :5] = classes
        boxes[inside] = box
    return kinds.reshape(-1, len(COLUMNS)), boxes.reshape(-1, 4)


def pool_part(arguments):
    seed, count = arguments
    rng = random.Random(seed)
    pixels, kinds, boxes, descriptions = [], [], [], []
    for _ in range(count):
        picture, description = draw_scene(rng)
        on_patches, box = patch_targets(description)
        pixels.append(to_pixels(picture))
        kinds.append(on_patches)
        boxes.append(box)
        descriptions.append(json.dumps(description))
    return np.stack(pixels), np.stack(kinds), np.stack(boxes), descriptions


def make_pool(out, count, seed, part=2000):
    os.makedirs(out, exist_ok=True)
    parts = [(seed * 1_000_003 + i, min(part, count - i * part)) for i in range((count + part - 1) // part)]
    with multiprocessing.Pool(2) as workers:
        made = workers.map(pool_part, parts, chunksize=1)
    for i, name in enumerate(["pixels", "kinds", "boxes"]):
        np.save(os.path.join(out, name + ".npy"), np.concatenate([m[i] for m in made]))
    with open(os.path.join(out, "descriptions.jsonl"), "w") as file:
        for m in made:
            file.write("\n".join(m[3]) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    pool = commands.add_parser("pool")
    pool.add_argument("--out", required=True)
    pool.add_argument("--count", type=int, default=60000)
    pool.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    make_pool(options.out, options.count, options.seed)
