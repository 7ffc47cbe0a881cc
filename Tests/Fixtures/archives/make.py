#!/usr/bin/env python3
"""Makes the tar archives of the tests, with what Python's tarfile, webdataset and braceexpand make of them.

    pip install webdataset zstandard && python3 Tests/Fixtures/archives/make.py     (GNU tar must be installed)

members.json: the members of each archive as tarfile lists them. samples.json: the samples of each shard as webdataset reads
them, contents in hexadecimal digits. names.json: key and field of member names. braces.json: patterns and their texts.
"""

import gzip
import io
import json
import os
import pathlib
import random
import subprocess
import tarfile
import tempfile

import braceexpand
import webdataset
import zstandard
from webdataset.tariterators import base_plus_ext, group_by_keys, tar_file_expander

FOLDER = pathlib.Path(__file__).parent
LONG = "a-long-directory-name/" * 12 + "x" * 120 + ".jpg"
SPLIT = "d" * 90 + "/" + "e" * 50 + "/" + "f" * 80 + ".txt"
NAMES = ["a.jpg", "a.txt", "dir/b.c.JPG", "dir/b.json", "naïve/日本.jpg", SPLIT, LONG, "empty.txt"]


def content(name, numbers):
    return b"" if name.startswith("empty") else numbers.randbytes(numbers.randint(1, 600))


def archive(path, format, mode="w", names=NAMES, extra=()):
    numbers = random.Random(11)
    with tarfile.open(path, mode, format=format, encoding="utf-8") as tar:
        for name, kind, target in extra:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mtime = kind, target, 0
            tar.addfile(info)
        for name in names:
            data = content(name, numbers)
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), 1_700_000_000, 0o600
            if format == tarfile.PAX_FORMAT and name == "a.txt":
                info.mtime, info.pax_headers = 1.5, {"comment": "two lines\nof text"}
            tar.addfile(info, io.BytesIO(data))


def patched(name, change):
    """An archive of USTAR with headers that tarfile does not write."""
    data = bytearray((FOLDER / "ustar.tar").read_bytes())
    with tarfile.open(FOLDER / "ustar.tar") as tar:
        offsets = [member.offset for member in tar]
    for offset in offsets:
        header = data[offset:offset + 512]
        change(header)
        header[148:156] = b" " * 8
        header[148:156] = f"{sum(header):06o}\0 ".encode()
        data[offset:offset + 512] = header
    (FOLDER / name).write_bytes(data)


def version7(header):
    header[257:512] = bytes(255)


def base256(header):
    size = int(header[124:135], 8)
    header[124:136] = b"\x80" + size.to_bytes(11, "big")


def spaces(header):
    size = int(header[124:135], 8)
    header[124:136] = f"{size:>11o} ".encode()


def write_archives():
    short = [name for name in NAMES if name.isascii() and len(name) < 100]
    kinds = [("dir", tarfile.DIRTYPE, ""), ("dir/link.jpg", tarfile.SYMTYPE, "../a.jpg"),
             ("dir/hard.jpg", tarfile.LNKTYPE, "a.jpg"), ("pipe.jpg", tarfile.FIFOTYPE, ""),
             ("null.jpg", tarfile.CHRTYPE, ""), ("l" * 130 + ".jpg", tarfile.SYMTYPE, "t" * 130)]
    archive(FOLDER / "ustar.tar", tarfile.USTAR_FORMAT, names=short + [SPLIT])
    archive(FOLDER / "gnu.tar", tarfile.GNU_FORMAT, extra=kinds)
    archive(FOLDER / "pax.tar", tarfile.PAX_FORMAT, extra=kinds)
    archive(FOLDER / "pax.tar.gz", tarfile.PAX_FORMAT, mode="w:gz")
    patched("v7.tar", version7)
    patched("base256.tar", base256)
    patched("spaces.tar", spaces)
    data = (FOLDER / "gnu.tar").read_bytes()
    (FOLDER / "gnu.tar.zst").write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(data))
    (FOLDER / "members.tar.gz").write_bytes(gzip.compress(data[:1000]) + gzip.compress(data[1000:]) + bytes(100))
    with tarfile.open(FOLDER / "global.tar", "w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "of all"}) as tar:
        for name in ("1.jpg", "2.jpg"):
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"abc"))
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/sparse.bin", "wb") as file:
            file.write(b"x")
            file.truncate(1 << 20)
            file.seek(0, os.SEEK_END)
            file.write(b"y")
        for format in ("gnu", "pax"):
            subprocess.run(["tar", f"--format={format}", "-S", "--mtime=@0", "--owner=0", "--group=0", "-cf",
                            str(FOLDER / f"sparse-{format}.tar"), "-C", folder, "sparse.bin"], check=True)


def list_members():
    archives = {}
    for path in sorted(FOLDER.glob("*.tar*")):
        if path.name.startswith("sparse"):
            continue
        data = path.read_bytes()
        if path.suffix == ".zst":
            data = zstandard.ZstdDecompressor().decompress(data, max_output_size=1 << 24)
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        with tarfile.open(fileobj=io.BytesIO(data), encoding="utf-8") as tar:
            archives[path.name] = [
                {"name": member.name, "type": member.type.decode().replace("\0", "0"), "link": member.linkname,
                 "size": member.size, "offset": member.offset_data if path.suffix == ".tar" else None,
                 "content": tar.extractfile(member).read().hex()[:400] if member.isreg() else None}
                for member in tar]
    (FOLDER / "members.json").write_text(json.dumps(archives, ensure_ascii=False, indent=0) + "\n")


SHARDS = {
    "runs": ["1.jpg", "2.jpg", "1.json", "2.json"],
    "fields": ["d.x/b.c.jpg", "d.x/b.TXT", "photo.2024.01.jpg", "photo.txt", ".x.jpg", "noext", "d/.hidden", "last.jpg"],
    "metadata": ["__meta__/a.jpg", "__index__", "____.txt", "a.jpg", "__notes__.txt", "a.txt", "d/__m__/a.jpg", "_a_.jpg"],
}


def write_shards():
    samples = {}
    for shard, names in SHARDS.items():
        archive(FOLDER / f"shard-{shard}.tar", tarfile.USTAR_FORMAT, names=names)
    with webdataset.TarWriter(str(FOLDER / "shard-writer.tar"), mtime=0) as writer:
        for number in range(5):
            writer.write({"__key__": f"sample{number:03}", "jpg": bytes([number] * 10), "txt": f"caption {number}",
                          "json": {"n": number}})
    for path in sorted(FOLDER.glob("shard-*.tar")):
        stream = [{"url": path.name, "stream": open(path, "rb")}]
        samples[path.name] = [
            {"key": sample["__key__"],
             "fields": {name: value.hex() for name, value in sample.items() if isinstance(value, bytes)}}
            for sample in group_by_keys(tar_file_expander(stream))]
    (FOLDER / "samples.json").write_text(json.dumps(samples, ensure_ascii=False, indent=0) + "\n")
    archive(FOLDER / "doubled.tar", tarfile.USTAR_FORMAT, names=["a.jpg", "b.jpg", "b.JPG", "b.txt", "c.jpg"])


def write_names():
    names = ["a.jpg", "d.x/b.c.jpg", "photo.2024.01.jpg", ".x.jpg", "noext", "a/.x.jpg", "a.b/.c", "x/a.b/.c", "x.y/a/.c",
             "./a.jpg", "./.a", "/a.jpg", "//.c", "a.", "a..b", "..", "a/b/c.D.E", "日本.PNG", "a b.txt", "d.x/noext", ".",
             "a./b", "a./b.c", "a/.", "./a/.b"]
    (FOLDER / "names.json").write_text(json.dumps(
        [[name, *(part.lower() if part and index else part for index, part in enumerate(base_plus_ext(name)))]
         for name in names], ensure_ascii=False) + "\n")


def write_braces():
    patterns = ["a", "", "shard-{00000..00012}.tar", "{a,b}", "{a,b}{1..3}", "x{1..3}y{a..c}z", "{1..10..3}", "{10..1..3}",
                "{3..1}", "{2..-2}", "{-02..02}", "{08..11}", "{a..e..2}", "{e..a}", "{Y..c}", "{A..A}", "{a}", "{}", "{a,}",
                "{,}", "index{,.bak}", "python{2.{5..7},3.{2,3}}", "{a{1,2}}", "{a,b{c,d{e,f}}}", "a\\{1,2\\}", "{a\\,b,c}",
                "\\\\{1,2}", "{1..3", "a}", "}{", "{a,{b}", "{1..2}..{3..4}", "{1...3}", "{0..0}", "{5..5..2}", "{1..4..0}",
                "{a..c..-2}", "{1..6..-2}", "{001..3}", "{0..10}", "{-0..1}", "{00..1}", "日{本,語}", "a{b,c}d{e}f", "{1..2..}",
                "s3://bucket/{train,val}/{000..001}.tar", "{a..z..30}", "{{1..2},x}", "{{a}}", "a\\"]
    result = []
    for pattern in patterns:
        try:
            result.append([pattern, list(braceexpand.braceexpand(pattern))])
        except braceexpand.UnbalancedBracesError:
            result.append([pattern, None])
    (FOLDER / "braces.json").write_text(json.dumps(result, ensure_ascii=False) + "\n")


for old in FOLDER.glob("*.tar*"):
    old.unlink()
write_archives()
list_members()
write_shards()
write_names()
write_braces()
