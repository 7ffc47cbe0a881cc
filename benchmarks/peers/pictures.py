"""Pictures to caption: smooth noise, the same in every run, as PNG files, with Python's standard library alone."""
import random
import struct
import zlib

WIDTH, HEIGHT, CELL = 960, 720, 20


def _row(noise):
    """A row of RGB pixels between the noise's cells, each CELL pixels wide."""
    cells = [noise[start:start + 3] for start in range(0, len(noise), 3)]
    return bytes(
        (here * (CELL - step) + there * step) // CELL
        for left, right in zip(cells, cells[1:] + cells[:1]) for step in range(CELL)
        for here, there in zip(left, right))


def picture(seed):
    """The bytes of a PNG file of 960 x 720 pixels."""
    generator = random.Random(seed)
    rows = []
    for _ in range(HEIGHT // CELL):
        row = _row(generator.randbytes(WIDTH // CELL * 3))
        for step in range(CELL):
            rows.append(b"\0" + row.translate(bytes(max(0, value - 3 * step) for value in range(256))))

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"".join(rows), 1))
            + chunk(b"IEND", b""))


def write_pictures(folder, count):
    """Writes `count` pictures and returns their paths, in the order of their names."""
    paths = [folder / f"{index:04}.png" for index in range(count)]
    for index, path in enumerate(paths):
        path.write_bytes(picture(index))
    return paths
