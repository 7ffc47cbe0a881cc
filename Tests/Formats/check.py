#!/usr/bin/env python3
"""Reads what this project writes with the readers of others: pyarrow, DuckDB, Polars, tarfile, GNU tar, webdataset, csv.

    pip install pyarrow duckdb polars webdataset && python3 Tests/Formats/check.py .build/release/formats
"""

import csv
import pathlib
import struct
import subprocess
import sys
import tarfile
import tempfile

import duckdb
import polars
import pyarrow.parquet
from webdataset.tariterators import group_by_keys, tar_file_expander

ROWS = 30_000


def single(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def row(n):
    none = n % 5 == 0
    return {
        "id": n << 30, "text": None if none else f"text {n} 日本", "count": None if none else -n, "score": n / 7,
        "ratio": None if n % 3 == 0 else single(n / 4), "flag": None if n % 7 == 0 else n % 2 == 0,
        "data": bytes([n % 251]) * (n % 100), "tags": None if none else [f"t{i}" for i in range(n % 4)],
        "box": list(range(n % 3)), "weights": [0.5, single(n)], "name": str(n),
    }


def check_parquet(folder):
    expected = [row(n) for n in range(ROWS)]
    for name in ("typed", "plain"):
        path = f"{folder}/{name}.parquet"
        file = pyarrow.parquet.ParquetFile(path)
        assert file.metadata.num_row_groups > 1 and file.metadata.created_by == "paligemma"
        assert [field.nullable for field in file.schema_arrow] == [n not in ("id", "box", "name") for n in expected[0]]
        assert file.read().to_pylist() == expected, f"pyarrow {name}"
        assert polars.read_parquet(path).to_dicts() == expected, f"Polars {name}"
        cursor = duckdb.connect().execute(f"select * from '{path}'")
        names = [column[0] for column in cursor.description]
        assert [dict(zip(names, values)) for values in cursor.fetchall()] == expected, f"DuckDB {name}"
    assert pyarrow.parquet.read_table(f"{folder}/empty.parquet").num_rows == 0
    assert len(polars.read_parquet(f"{folder}/empty.parquet")) == 0
    assert duckdb.connect().execute(f"select count(*) from '{folder}/empty.parquet'").fetchall() == [(0,)]


def check_tar(folder):
    names = ["n" * count for count in (1, 100, 101, 156, 255, 256, 257, 1000)]
    names += ["a/b.jpg", "d/" * 120 + "e.txt", "日本/語.json"]
    contents = {name: bytes([index]) * (index * 300) for index, name in enumerate(names)}
    with tarfile.open(f"{folder}/members.tar") as tar:
        members = tar.getmembers()
        assert {member.name: tar.extractfile(member).read() for member in members} == contents
        assert all((m.mtime, m.uid, m.gid, m.mode) == (0, 0, 0, 0o644) for m in members)
    listed = subprocess.run(["tar", "--quoting-style=literal", "-tf", f"{folder}/members.tar"], check=True,
                            capture_output=True)
    assert listed.stdout.decode().splitlines() == names and not listed.stderr
    stream = [{"url": "shard", "stream": open(f"{folder}/shard.tar", "rb")}]
    samples = [(s["__key__"], s["jpg"], s["txt"]) for s in group_by_keys(tar_file_expander(stream))]
    assert samples == [(str(n), bytes([n]) * 1000, f"caption {n}".encode()) for n in range(20)]


def check_delimited(folder):
    fields = ["plain", "a,b", "tab\there", "say \"hi\"", "line\nfeed", "both\r\n", "日本", "", "\\t", " x "]
    expected = [[fields[(n * 7 + step) % 10] for step in (0, 3, 7)] for n in range(100)]
    for name, dialect in (("rows.csv", "excel"), ("rows.tsv", "excel-tab")):
        with open(f"{folder}/{name}", newline="", encoding="utf-8") as file:
            assert list(csv.reader(file, dialect)) == expected, name
    text = pathlib.Path(f"{folder}/escaped.tsv").read_bytes().decode()
    escapes = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
    lines = ["\t".join("".join(escapes.get(c, c) for c in field) for field in values) for values in expected]
    assert text == "".join(line + "\n" for line in lines)


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], "write", folder], check=True)
        check_parquet(folder)
        check_tar(folder)
        check_delimited(folder)
    print("all files were read as they were written")


main()
