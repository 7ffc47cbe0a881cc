#!/usr/bin/env python3
"""Draws small pictures of every kind that the decoders promise, and writes down what Pillow makes of them.

    make.py        writes the pictures and expected.json beside this script; needs Pillow 13 and numpy

A line of expected.json: the file, what Pillow gives for `ImageOps.exif_transpose(Image.open(f)).convert("RGB")` (size and
SHA-256 of the pixels), the same resized to a square, and, for the files that the tests cut off, the lengths at which Pillow
still accepts the beginning (always with the same pixels).
"""
import hashlib, io, json, os, struct, warnings, zlib
import numpy as np
from PIL import Image, ImageDraw, ImageOps, PngImagePlugin

warnings.simplefilter("ignore")
here = os.path.dirname(os.path.abspath(__file__))
random = np.random.default_rng(20)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation%s/></x:xmpmeta>'
files = {}


def scene(width, height):
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / random.uniform(3, 20)) + np.cos(y / random.uniform(3, 20)) for _ in range(3)]
    picture = Image.fromarray(np.clip((np.stack(waves, -1) + 2) * 63, 0, 255).astype(np.uint8))
    ImageDraw.Draw(picture).ellipse([width // 4, height // 4, width // 2, height // 2], fill=(250, 20, 30))
    return picture


def noise(width, height, channels, mode):
    return Image.fromarray(random.integers(0, 256, (height, width, channels), dtype=np.uint8), mode)


def save(name, picture, form, **options):
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    files[name] = buffer.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(width, height, bits, kind, interlaced, extra=b"", tail=b"", part=None):
    """A PNG of random samples, with any depth, color type and row filter."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    data = b""
    for x, y, dx, dy in passes:
        columns, rows = -(-(width - x) // dx), -(-(height - y) // dy)
        for row in range(rows if columns > 0 else 0):
            data += bytes([row % 5]) + random.integers(0, 256, (columns * channels * bits + 7) // 8, dtype=np.uint8).tobytes()
    data = zlib.compress(data, 9)
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, int(interlaced))
    parts = [data[i:i + part] for i in range(0, len(data), part)] if part else [data]
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + b"".join(chunk(b"IDAT", p) for p in parts) + tail
            + chunk(b"IEND", b""))


def exif(orientation):
    record = Image.Exif()
    record[0x0112] = orientation
    record[0x010F] = "a maker with a long name"
    return record


def draw():
    picture = scene(40, 30)
    for sampling, name in enumerate(["444", "422", "420"]):
        save(f"baseline-{name}.jpg", picture, "JPEG", quality=70, subsampling=sampling)
    save("progressive.jpg", picture, "JPEG", quality=60, progressive=True)
    save("restart.jpg", picture, "JPEG", quality=60, restart_marker_blocks=2)
    save("gray.jpg", picture.convert("L"), "JPEG", quality=80)
    save("gray-progressive.jpg", picture.convert("L"), "JPEG", quality=80, progressive=True)
    save("cmyk.jpg", noise(24, 17, 4, "CMYK"), "JPEG", quality=60)
    save("odd-size.jpg", scene(17, 33), "JPEG", quality=85)
    for bits, kind in [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2), (8, 4), (16, 4), (8, 6), (16, 6)]:
        for interlaced in (0, 1):
            files[f"type{kind}-{bits}bit{'-interlaced' * interlaced}.png"] = raw_png(13, 11, bits, kind, interlaced)
    for bits in (1, 2, 4, 8):
        # Palettes that lack entries: Pillow shows black for them.
        entries = max(1, (1 << bits) * 3 // 4)
        palette = chunk(b"PLTE", random.integers(0, 256, 3 * entries, dtype=np.uint8).tobytes())
        for interlaced in (0, 1):
            files[f"palette-{bits}bit{'-interlaced' * interlaced}.png"] = raw_png(13, 11, bits, 3, interlaced, palette)
    palette = chunk(b"PLTE", random.integers(0, 256, 48, dtype=np.uint8).tobytes())
    files["palette-trns.png"] = raw_png(13, 11, 4, 3, 0, palette + chunk(b"tRNS", b"\x00\x80\xff"))
    files["rgb-trns.png"] = raw_png(13, 11, 8, 2, 0, chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3)))
    files["gray-trns.png"] = raw_png(13, 11, 8, 0, 0, chunk(b"tRNS", struct.pack(">H", 7)))
    files["gamma.png"] = raw_png(13, 11, 8, 2, 0, chunk(b"gAMA", struct.pack(">I", 30000)))
    tail = chunk(b"tEXt", b"Comment\0behind") + chunk(b"eXIf", exif(8).tobytes()[6:])
    files["many-parts.png"] = raw_png(13, 11, 8, 2, 0, part=50)
    files["many-parts-exif-behind.png"] = raw_png(13, 11, 8, 2, 1, tail=tail, part=50)
    transparent = picture.convert("RGBA")
    transparent.putalpha(Image.fromarray(random.integers(0, 256, (30, 40), dtype=np.uint8)))
    save("lossy.webp", picture, "WEBP", quality=50)
    save("lossless.webp", picture, "WEBP", lossless=True)
    save("alpha-lossy.webp", transparent, "WEBP", quality=50)
    save("alpha-lossless.webp", transparent, "WEBP", lossless=True, exact=True)
    save("animated.webp", transparent, "WEBP", save_all=True, append_images=[transparent.rotate(90)], quality=40)
    save("animated.png", scene(14, 10), "PNG", save_all=True, append_images=[scene(14, 10)])
    save("animated-default.png", scene(14, 10), "PNG", save_all=True, append_images=[scene(14, 10)], default_image=True)
    for orientation in range(1, 9):
        small = scene(7, 5)
        save(f"exif{orientation}.jpg", small, "JPEG", exif=exif(orientation), quality=90)
        save(f"exif{orientation}.png", small, "PNG", exif=exif(orientation))
        save(f"exif{orientation}.webp", small, "WEBP", exif=exif(orientation), lossless=True)
    save("exif-invalid.jpg", scene(7, 5), "JPEG", exif=b"Exif\0\0nothing of the kind")
    save("exif9.jpg", scene(7, 5), "JPEG", exif=exif(9))
    save("xmp6.jpg", scene(7, 5), "JPEG", xmp=XMP % b'="6"')
    save("xmp5.webp", scene(7, 5), "WEBP", xmp=XMP % b'>5<', lossless=True)
    for compressed in (False, True):
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", (XMP % b'="3"').decode(), zip=compressed)
        save(f"xmp3{'-compressed' * compressed}.png", scene(7, 5), "PNG", pnginfo=text)
        record = exif(6).tobytes()
        text = PngImagePlugin.PngInfo()
        text.add_text("Raw profile type exif", f"\nexif\n{len(record):8}\n{record.hex()}\n", zip=compressed)
        save(f"hexadecimal-exif6{'-compressed' * compressed}.png", scene(7, 5), "PNG", pnginfo=text)
    for width, height in [(1, 1), (5, 3), (3, 120), (120, 3)]:
        save(f"size{width}x{height}.png", scene(width, height), "PNG", optimize=True)


def rgb(data):
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")


def digest(picture):
    return hashlib.sha256(picture.tobytes()).hexdigest()


def accepted_lengths(data):
    lengths = []
    for length in range(len(data)):
        try:
            picture = rgb(data[:length])
        except Exception:
            continue
        assert digest(picture) == digest(rgb(data))
        lengths.append(length)
    return lengths


CUT = ["baseline-420.jpg", "progressive.jpg", "gray.jpg", "cmyk.jpg", "exif6.jpg", "type2-8bit.png", "type2-8bit-interlaced.png",
       "type0-1bit.png", "type0-16bit-interlaced.png", "palette-4bit.png", "type6-16bit.png", "many-parts.png",
       "animated.png", "size1x1.png", "lossy.webp", "lossless.webp", "animated.webp", "exif6.webp"]

draw()
lines = []
for number, name in enumerate(sorted(files)):
    data = files[name]
    open(os.path.join(here, name), "wb").write(data)
    picture = rgb(data)
    side = [28, 14, 56, 9][number % 4]
    line = dict(file=name, width=picture.width, height=picture.height, sha256=digest(picture), side=side,
                resized=digest(picture.resize((side, side), Image.BICUBIC)))
    if name in CUT:
        line["accepted"] = accepted_lengths(data)
    lines.append(json.dumps(line))
open(os.path.join(here, "expected.json"), "w").write("[\n" + ",\n".join(lines) + "\n]\n")
print(len(files), "pictures,", sum(map(len, files.values())), "bytes")
