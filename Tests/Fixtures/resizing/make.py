#!/usr/bin/env python3
"""Writes goldens.json: the SHA-256 of what Pillow makes of generated pictures with each of its filters. Needs Pillow."""
import hashlib, json, os
from PIL import Image


def picture(width, height):
    state, out = 1, bytearray()
    for _ in range(width * height * 3):
        state = (state * 1103515245 + 12345) % 2**31
        out.append(state >> 16 & 255)
    return Image.frombytes("RGB", (width, height), bytes(out))


def steep(width, height):
    """Black and white in blocks, which overshoots."""
    return Image.frombytes("RGB", (width, height), bytes(255 * ((x // 5 + y // 3 + c) % 2) for y in range(height) for x in range(width) for c in range(3)))


lines = []
for name, make in [("generated", picture), ("steep", steep)]:
    for width, height, side in [(90, 60, 28), (16, 20, 28), (61, 37, 61), (37, 61, 61), (1, 1, 14), (200, 3, 14), (3, 200, 14), (333, 111, 56), (57, 55, 56), (7, 130, 64)]:
        for filter in range(6):
            square = make(width, height).resize((side, side), resample=filter)
            lines.append(dict(picture=name, width=width, height=height, side=side, filter=filter, digest=hashlib.sha256(square.tobytes()).hexdigest()))
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "goldens.json")
open(path, "w").write("[\n" + ",\n".join(map(json.dumps, lines)) + "\n]\n")
print(len(lines))
