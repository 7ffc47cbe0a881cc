#!/usr/bin/env python3
"""Draws small pictures of every kind that the decoders promise, and writes down what Pillow makes of them.

    make.py        writes the pictures and expected.json beside this script; needs Pillow 13 with pillow-heif and
                   pillow-jxl-plugin, tifffile with imagecodecs, and numpy

A line of expected.json: the file, what Pillow gives for `ImageOps.exif_transpose(Image.open(f)).convert("RGB")` (size and
SHA-256 of the pixels), and the same resized to a square. For some files also

accepted     the lengths at which Pillow still accepts the beginning (always with the same pixels)
lenient      pairs of a length and the SHA-256 of the pixels of that beginning with LOAD_TRUNCATED_IMAGES
background   the SHA-256 of the picture pasted with its alpha on #4080c0
near         the pixels themselves in base64, where another version of the library may differ by 1
damaged      whether parts of the picture are missing or broken, and Pillow fills them in or does not look
"""
import base64, hashlib, io, json, os, struct, warnings, zlib
import numpy as np
import pillow_heif, pillow_jxl, tifffile
from PIL import Image, ImageDraw, ImageFile, ImageOps, PngImagePlugin

pillow_heif.register_heif_opener()

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


def scans(data):
    """Where the scans of a JPEG begin."""
    starts, place = [], 2
    while place < len(data) - 1:
        if data[place] == 255 and data[place + 1] not in (0, 255) and not 0xD0 <= data[place + 1] <= 0xD9:
            if data[place + 1] == 0xDA:
                starts.append(place)
            place += 2 + struct.unpack(">H", data[place + 2:place + 4])[0]
        else:
            place += 1
    return starts


def broken_png(name, stream, parts=1, wrong=()):
    """A PNG of 40 x 30 pixels around any zlib stream, in parts of which some have a wrong checksum."""
    step = -(-len(stream) // parts)
    chunks = b""
    for number in range(parts):
        part = chunk(b"IDAT", stream[number * step:(number + 1) * step])
        chunks += part[:-4] + b"\0\0\0\0" if number in wrong else part
    header = struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0)
    files[name] = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunks + chunk(b"IEND", b"")


def draw_damaged():
    picture = scene(33, 25)
    for name, options in [("444", {}), ("420", {}), ("422", {}), ("gray", {}), ("cmyk", {})]:
        image = {"gray": picture.convert("L"), "cmyk": picture.convert("CMYK")}.get(name, picture)
        sampling = {} if name in ("gray", "cmyk") else {"subsampling": {"444": 0, "422": 1, "420": 2}[name]}
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=60, progressive=True, **sampling)
        data = buffer.getvalue()
        starts = scans(data)
        for kept in sorted({1, 2, len(starts) - 1}):
            files[f"scans-{name}-{kept}.jpg"] = data[:starts[kept]] + b"\xff\xd9"
            damaged.add(f"scans-{name}-{kept}.jpg")
    rows = np.asarray(scene(40, 30))
    stream = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows), 9)
    for bits in (0, 2):
        first = bits << 4 | 8
        second = next(value for value in range(32) if (first * 256 + value) % 31 == 0)
        broken_png(f"window{256 << bits}.png", bytes([first, second]) + stream[2:])
    for missing in (1, 4):
        broken_png(f"checksum-cut{missing}.png", stream[:-missing])
    broken_png("stream-longer.png", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows) + b"behind" * 50))
    for number in range(3):
        broken_png(f"crc-part{number}.png", stream, parts=3, wrong=[number])
        damaged.add(f"crc-part{number}.png")


def deep(shape):
    """16-bit samples of which half are below 300."""
    values = random.integers(0, 65536, shape)
    return np.where(random.integers(0, 2, shape), values, values % 300).astype(np.uint16)


def draw_tiffs():
    picture, colors = scene(37, 21), random.integers(0, 65536, (3, 256)).astype(np.uint16)
    for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd"):
        save(f"{name}.tif", picture, "TIFF", compression=name)
    save("group4.tif", picture.convert("1"), "TIFF", compression="group4")
    save("one-bit.tif", picture.convert("1"), "TIFF")
    save("cmyk-jpeg.tif", picture.convert("CMYK"), "TIFF", compression="jpeg")
    save("pages.tif", picture, "TIFF", save_all=True, append_images=[scene(8, 8)])
    for orientation in (3, 6):
        save(f"orientation{orientation}.tif", scene(7, 5), "TIFF", tiffinfo={0x0112: orientation})

    def tiff(name, array, **options):
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, array, metadata=None, **options)
        files[name] = buffer.getvalue()

    byte = lambda *shape: random.integers(0, 256, shape, dtype=np.uint8)
    tiff("tiles.tif", byte(21, 37, 3), tile=(16, 16), photometric="rgb", compression="lzw", predictor=2)
    tiff("planes.tif", byte(3, 21, 37), photometric="rgb", planarconfig="separate", rowsperstrip=8)
    tiff("big-endian16.tif", deep((9, 13, 3)), photometric="rgb", byteorder=">", compression="deflate")
    tiff("associated-alpha.tif", byte(9, 13, 4), photometric="rgb", extrasamples=["assocalpha"])
    tiff("palette.tif", byte(9, 13), photometric="palette", colormap=colors)
    tiff("gray16.tif", deep((9, 13)))
    tiff("gray16-big-endian.tif", deep((9, 13)), byteorder=">", tile=(16, 16), compression="lzw")
    tiff("white-is-zero.tif", byte(9, 13), photometric="miniswhite")
    tiff("four-bits.tif", random.integers(0, 16, (9, 13)).astype(np.uint8), bitspersample=4)
    tiff("twelve-bits.tif", random.integers(0, 4096, (9, 14)).astype(np.uint16), bitspersample=12)
    tiff("cmyk16.tif", deep((9, 13, 4)), photometric="separated")
    tiff("float.tif", random.normal(100, 120, (9, 13)).astype(np.float32))
    tiff("signed.tif", random.integers(-300, 600, (9, 13)).astype(np.int16))
    tiff("bigtiff.tif", byte(9, 13, 3), photometric="rgb", bigtiff=True)
    smooth = np.asarray(scene(48, 32))
    tiff("jpeg-ycbcr-tiles.tif", smooth, compression="jpeg", photometric="ycbcr", subsampling=(2, 2), tile=(16, 32))
    tiff("ycbcr.tif", smooth[:9, :13], photometric="ycbcr", subsampling=(1, 1))


def raw_gif(name, screen, frame, palette=b"", local=b"", transparent=None):
    """A GIF of random indices whose frame has a place on its screen."""
    place = lambda colors: 0x80 | (len(colors) // 3).bit_length() - 2 if colors else 0
    width, height = frame[2:]
    codes, bits, value = bytearray(), 0, 0
    for number, index in enumerate([256] + [int(v) for v in random.integers(0, 256, width * height)] + [257]):
        # A clear code before every hundredth index keeps codes at nine bits.
        for code in ([256, index] if number % 100 == 99 else [index]):
            value, bits = value | code << bits, bits + 9
            while bits >= 8:
                codes.append(value & 255)
                value, bits = value >> 8, bits - 8
    codes.append(value & 255)
    blocks = b"".join(bytes([len(codes[i:i + 255])]) + codes[i:i + 255] for i in range(0, len(codes), 255))
    control = b"" if transparent is None else b"!\xf9\4\1\0\0" + bytes([transparent]) + b"\0"
    files[name] = (b"GIF89a" + struct.pack("<HHBBB", *screen, place(palette), 0, 0) + palette + control + b","
                   + struct.pack("<HHHHB", *frame, place(local)) + local + b"\x08" + blocks + b"\0;")


def bitmap(name, width, height, bits, compression=0, palette=b"", masks=b"", data=None, size=40):
    """A BMP of random samples."""
    if data is None:
        data = random.integers(0, 256, (width * bits + 31) // 32 * 4 * abs(height), dtype=np.uint8).tobytes()
    info = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, len(data), 0, 0, 0, 0)
    if size == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    body = info + masks + palette
    files[name] = b"BM" + struct.pack("<IHHI", 14 + len(body) + len(data), 0, 0, 14 + len(body)) + body + data


def draw_simple():
    picture = scene(29, 19)
    colors = lambda count, step: random.integers(0, 256, count * step, dtype=np.uint8).tobytes()
    raw_gif("gif-palette.gif", (20, 10), (0, 0, 20, 10), colors(256, 3))
    raw_gif("gif-frame-inside.gif", (20, 10), (3, 2, 9, 5), colors(256, 3))
    raw_gif("gif-frame-transparent.gif", (20, 10), (3, 2, 9, 5), colors(256, 3), transparent=7)
    raw_gif("gif-frame-outside.gif", (20, 10), (15, 8, 9, 5), colors(256, 3))
    raw_gif("gif-local.gif", (12, 7), (0, 0, 12, 7), colors(16, 3), colors(256, 3))
    raw_gif("gif-no-palette.gif", (12, 7), (0, 0, 12, 7))
    raw_gif("gif-short-palette.gif", (12, 7), (0, 0, 12, 7), colors(16, 3))
    save("gif-interlaced.gif", picture.quantize(60), "GIF", interlace=1)
    save("gif-animated.gif", picture.quantize(60), "GIF", save_all=True, append_images=[scene(29, 19).quantize(60)])
    files["gif-behind-jpg.jpg"] = files["gif-interlaced.gif"]
    for bits in (1, 4, 8):
        bitmap(f"bmp-{bits}.bmp", 13, 7, bits, palette=colors(1 << bits, 4))
    bitmap("bmp-os2.bmp", 13, 7, 4, palette=colors(16, 3), size=12)
    for bits in (16, 24, 32):
        bitmap(f"bmp-{bits}.bmp", 13, -7 if bits == 24 else 7, bits)
    bitmap("bmp-565.bmp", 13, 7, 16, 3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F))
    alpha = struct.pack("<IIII", 0xFF, 0xFF00, 0xFF0000, 0xFF000000)
    bitmap("bmp-rgba.bmp", 13, 7, 32, 3, masks=alpha + b"\0" * 68, size=124)
    runs = b"".join(b"\x05" + bytes([y]) + b"\0\3\1\2\3\0" + b"\x05\x09\0\0" for y in range(7)) + b"\0\1"
    bitmap("bmp-rle8.bmp", 13, 7, 8, 1, palette=colors(256, 4), data=runs)
    bitmap("bmp-rle4.bmp", 14, 2, 4, 2, palette=colors(16, 4), data=b"\x0e\x12\0\0\5\x34\x09\x56\0\0\0\1")
    for name, mode in [("ppm", "RGB"), ("pgm", "L"), ("pbm", "1")]:
        save(f"binary.{name}", picture.convert(mode), "PPM")
    numbers = lambda count, end: b" ".join(b"%d" % value for value in random.integers(0, end, count))
    files["plain.ppm"] = b"P3 # a comment\n5 4\n#more\n99\n" + numbers(60, 100)
    files["plain.pgm"] = b"P2\n5 4 1000\n" + numbers(20, 1001)
    files["plain.pbm"] = b"P1\n7 3\n" + b"".join(b"%d" % value for value in random.integers(0, 2, 21))
    files["maximum100.pgm"] = b"P5 6 5 100\n" + random.integers(0, 101, 30, dtype=np.uint8).tobytes()
    files["maximum1000.ppm"] = b"P6 6 5 1000\n" + random.integers(0, 1001, 90).astype(">u2").tobytes()
    files["maximum65535.pgm"] = b"P5 6 5 65535\n" + deep(30).astype(">u2").tobytes()


def draw_modern():
    picture = scene(40, 26)
    transparent = picture.convert("RGBA")
    transparent.putalpha(Image.fromarray(random.integers(0, 256, (26, 40), dtype=np.uint8)))
    gray = Image.fromarray(deep((9, 13)))
    for sampling in ("4:2:0", "4:4:4"):
        save(f"avif-{sampling.replace(':', '')}.avif", picture, "AVIF", quality=70, subsampling=sampling)
    save("avif-alpha.avif", transparent, "AVIF", quality=80)
    save("avif-orientation6.avif", scene(16, 10), "AVIF", exif=exif(6))
    save("avif-orientation5.avif", scene(16, 10), "AVIF", exif=exif(5))
    save("avif-animated.avif", picture, "AVIF", save_all=True, append_images=[scene(40, 26)], quality=50)
    files["avif-mif1.avif"] = files["avif-420.avif"].replace(b"ftypavif", b"ftypmif1", 1)
    save("heic-444.heic", picture, "HEIF", quality=70, chroma=444)
    save("heic-lossless.heic", picture, "HEIF", quality=-1, chroma=444, matrix_coefficients=0)
    save("heic-orientation6.heic", scene(64, 48), "HEIF", exif=exif(6).tobytes(), quality=-1, chroma=444,
         matrix_coefficients=0)
    save("heic-420.heic", picture, "HEIF", quality=70, chroma=420)
    save("jxl-lossless.jxl", picture, "JXL", lossless=True)
    save("jxl-alpha.jxl", transparent, "JXL", lossless=True)
    save("jxl-gray.jxl", picture.convert("L"), "JXL", lossless=True)
    save("jxl-gray16.jxl", gray, "JXL", lossless=True)
    save("jxl-lossy.jxl", picture, "JXL", quality=85)
    near.update(["heic-420.heic", "jxl-lossy.jxl"])
    save("jp2-lossless.jp2", picture, "JPEG2000")
    save("jp2-lossy.jp2", picture, "JPEG2000", quality_mode="dB", quality_layers=[35], irreversible=True)
    save("jp2-tiles.jp2", picture, "JPEG2000", tile_size=(16, 16))
    save("jp2-alpha.jp2", transparent, "JPEG2000")
    save("jp2-gray16.jp2", gray, "JPEG2000")
    save("jp2-stream.j2k", picture, "JPEG2000", no_jp2=True)
    save("several.mpo", picture, "MPO", save_all=True, append_images=[scene(8, 8)])


def rgb(data):
    # Either plugin takes files of the general brand for its own.
    formats = ["AVIF"] if b"av01" in data[:400] else None
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data), formats=formats)).convert("RGB")


def digest(picture):
    return hashlib.sha256(picture.tobytes()).hexdigest()


def lenient_pixels(data):
    """Pairs of a length and a digest, for the beginnings that are damaged and not refused."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    pairs = []
    for share in (55, 75, 90):
        length = len(data) * share // 100
        try:
            picture = rgb(data[:length])
        except Exception:
            continue  # cut inside its header
        # Where Pillow could decode nothing, it shows one color.
        if len(picture.getcolors(1 << 16)) > 1:
            pairs.append([length, digest(picture)])
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    return pairs


def on_background(data):
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")
    paper = Image.new("RGB", picture.size, "#4080c0")
    paper.paste(picture, mask=picture.getchannel("A"))
    return digest(paper)


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
       "animated.png", "size1x1.png", "lossy.webp", "lossless.webp", "animated.webp", "exif6.webp",
       "gif-palette.gif", "bmp-24.bmp", "binary.ppm", "planes.tif", "jxl-lossless.jxl"]
LENIENT = ["baseline-420.jpg", "progressive.jpg", "gray.jpg", "cmyk.jpg", "type2-8bit.png", "type2-8bit-interlaced.png",
           "type0-16bit-interlaced.png", "palette-4bit.png", "many-parts.png", "gif-interlaced.gif", "gif-frame-transparent.gif", "bmp-24.bmp",
           "bmp-8.bmp", "binary.ppm", "one-bit.tif", "planes.tif"]
BACKGROUND = ["alpha-lossless.webp", "animated.webp", "type4-8bit.png", "type6-16bit.png", "type6-8bit-interlaced.png",
              "palette-trns.png", "rgb-trns.png", "gray-trns.png", "type2-8bit.png", "palette-2bit.png", "baseline-420.jpg",
              "gif-frame-transparent.gif", "bmp-rgba.bmp", "bmp-32.bmp", "associated-alpha.tif", "avif-alpha.avif",
              "jxl-alpha.jxl", "jp2-alpha.jp2", "binary.pbm", "type0-16bit.png"]

damaged, near = set(), set()
draw()
draw_damaged()
draw_tiffs()
draw_simple()
draw_modern()
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
    if name in LENIENT:
        line["lenient"] = lenient_pixels(data)
    if name in BACKGROUND:
        line["background"] = on_background(data)
    if name in near:
        line["near"] = base64.b64encode(picture.tobytes()).decode()
    if name in damaged:
        line["damaged"] = True
    lines.append(json.dumps(line))
open(os.path.join(here, "expected.json"), "w").write("[\n" + ",\n".join(lines) + "\n]\n")
print(len(files), "pictures,", sum(map(len, files.values())), "bytes")
