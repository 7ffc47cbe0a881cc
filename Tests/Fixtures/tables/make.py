#!/usr/bin/env python3
"""Makes the parquet and CSV files of the tests, and what must be read from them.

    pip install pyarrow duckdb polars && python3 Tests/Fixtures/tables/make.py

Every parquet file holds columns of one and the same table; expected.json has the table's columns as JSON values.
"""

import base64
import csv
import datetime
import decimal
import json
import math
import pathlib
import random

import duckdb
import polars
import pyarrow
import pyarrow.parquet

FOLDER = pathlib.Path(__file__).parent
ROWS = 45
EPOCH = datetime.datetime(1970, 1, 1)
WORDS = ["a cat", "two dogs", "", "日本語", "naïve, \"quoted\"", "line\nbreak", "a caption of some length", "🦙"]


def table():
    numbers = random.Random(7)

    def sometimes(value, share=0.25):
        return None if numbers.random() < share else value

    def integers(bits, signed):
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        return [low, high, 0] + [sometimes(numbers.randint(low, high)) for _ in range(ROWS - 3)]

    def text():
        return numbers.choice(WORDS)

    picture = [bytes([0xFF, 0xD8]) + numbers.randbytes(numbers.randint(0, 60)) for _ in range(ROWS)]
    microseconds = [0, -1, 1_700_000_000_123_456, -62_135_596_800_000_000, 253_402_300_799_999_999]
    microseconds += [numbers.randint(-10**16, 10**16) for _ in range(ROWS - 5)]
    floats = [0.0, -1.5, math.inf, -math.inf, math.nan] + [numbers.randint(-999, 999) / 8 for _ in range(ROWS - 5)]
    decimals = [decimal.Decimal(numbers.randint(-10**8, 10**8)).scaleb(-2) for _ in range(ROWS)]
    with decimal.localcontext() as context:
        context.prec = 60
        large = [decimal.Decimal(numbers.randint(-10**37, 10**37)).scaleb(-10) for _ in range(ROWS)]
    columns = {
        "id": pyarrow.array(range(1000, 1000 + ROWS), pyarrow.int64()),
        "int8": pyarrow.array(integers(8, True), pyarrow.int8()),
        "int32": pyarrow.array(integers(32, True), pyarrow.int32()),
        "int64": pyarrow.array(integers(64, True), pyarrow.int64()),
        "uint32": pyarrow.array(integers(32, False), pyarrow.uint32()),
        "uint64": pyarrow.array(integers(64, False), pyarrow.uint64()),
        "float": pyarrow.array(floats, pyarrow.float32()),
        "double": pyarrow.array([sometimes(value) for value in floats], pyarrow.float64()),
        "half": pyarrow.array(floats, pyarrow.float16()),
        "flag": pyarrow.array([sometimes(numbers.random() < 0.5) for _ in range(ROWS)], pyarrow.bool_()),
        "caption": pyarrow.array([sometimes(text()) for _ in range(ROWS)], pyarrow.string()),
        "url": pyarrow.array([f"https://example.org/pictures/{n:05}.jpg" for n in range(ROWS)], pyarrow.string()),
        "constant": pyarrow.array(["same"] * ROWS, pyarrow.string()),
        "nothing": pyarrow.array([None] * ROWS, pyarrow.string()),
        "fixed": pyarrow.array([sometimes(numbers.randbytes(5)) for _ in range(ROWS)], pyarrow.binary(5)),
        "price": pyarrow.array(decimals, pyarrow.decimal128(9, 2)),
        "weight": pyarrow.array(large, pyarrow.decimal128(38, 10)),
        "day": pyarrow.array([0, -1, 19_000, -719_162] + [numbers.randint(-10**5, 10**5) for _ in range(ROWS - 4)],
                             pyarrow.int32()).cast(pyarrow.date32()),
        "clock": pyarrow.array([numbers.randint(0, 86_399_999_999) for _ in range(ROWS)], pyarrow.time64("us")),
        "instant": pyarrow.array(microseconds, pyarrow.timestamp("us", "UTC")),
        "local": pyarrow.array([value // 10**6 * 1000 + 7 for value in microseconds], pyarrow.timestamp("ms")),
        "tags": pyarrow.array(
            [sometimes([sometimes(text()) for _ in range(numbers.randint(0, 4))]) for _ in range(ROWS)],
            pyarrow.list_(pyarrow.string())),
        "boxes": pyarrow.array(
            [[numbers.randint(0, 999) for _ in range(numbers.randint(0, 6))] for _ in range(ROWS)],
            pyarrow.list_(pyarrow.int32())),
        "image": pyarrow.array(
            [sometimes({"bytes": sometimes(picture[n], 0.1), "path": sometimes(f"{n}.jpg")}) for n in range(ROWS)],
            pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])),
    }
    return pyarrow.table(columns)


def as_json(value):
    """What a value becomes in JSON."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, decimal.Decimal):
        return {"decimal": format(value, "f")}
    if isinstance(value, list):
        return [as_json(element) for element in value]
    return value


def time_text(value, unit):
    """A time of day or a point in time, in parts of a second, as ISO 8601 has it."""
    seconds, parts = divmod(value, unit)
    digits = len(str(unit)) - 1
    return seconds, f".{parts:0{digits}}" if parts else ""


def expected(table):
    columns = {}
    for name in table.column_names:
        column = table[name]
        if name == "image":
            column = column.combine_chunks()
            columns["image.bytes"] = [as_json(v) for v in pyarrow.compute.struct_field(column, "bytes").to_pylist()]
            columns["image.path"] = [as_json(v) for v in pyarrow.compute.struct_field(column, "path").to_pylist()]
        elif name == "day":
            columns[name] = [str(EPOCH.date() + datetime.timedelta(days=v)) for v in column.cast("int32").to_pylist()]
        elif name == "clock":
            texts = [time_text(value, 10**6) for value in column.cast("int64").to_pylist()]
            columns[name] = [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}{parts}" for s, parts in texts]
        elif name in ("instant", "local"):
            unit, zone = (10**6, "Z") if name == "instant" else (10**3, "")
            texts = [time_text(value, unit) for value in column.cast("int64").to_pylist()]
            columns[name] = [(EPOCH + datetime.timedelta(seconds=s)).isoformat() + parts + zone for s, parts in texts]
        else:
            columns[name] = [as_json(value) for value in column.to_pylist()]
    return columns


def write_arrow(table):
    def write(name, columns=None, **options):
        chosen = table.select(columns) if columns else table
        pyarrow.parquet.write_table(chosen, FOLDER / f"arrow-{name}.parquet", **options)

    write("default")
    for codec in ("none", "gzip", "zstd"):
        write(f"v1-{codec}", compression=codec, use_dictionary=False, data_page_version="1.0", row_group_size=20,
              write_statistics=False)
    write("v2-snappy", compression="snappy", data_page_version="2.0", row_group_size=20)
    write("v2-none", compression="none", data_page_version="2.0", use_dictionary=False, write_statistics=False)
    # The format as it was first, with other names of encodings and of the elements of lists.
    write("old", version="1.0", use_compliant_nested_type=False, row_group_size=30, write_statistics=False)
    # Many pages a chunk, with checksums.
    write("pages", compression="zstd", data_page_size=64, write_batch_size=7, write_page_checksum=True,
          use_dictionary=["constant"], write_statistics=False)
    encodings = {name: "DELTA_BINARY_PACKED" for name in ("id", "int8", "int32", "int64", "uint32", "uint64", "day")}
    encodings |= {"caption": "DELTA_LENGTH_BYTE_ARRAY", "url": "DELTA_BYTE_ARRAY", "nothing": "DELTA_BYTE_ARRAY",
                  "constant": "DELTA_BYTE_ARRAY", "fixed": "DELTA_BYTE_ARRAY", "float": "BYTE_STREAM_SPLIT",
                  "double": "BYTE_STREAM_SPLIT", "half": "BYTE_STREAM_SPLIT", "instant": "DELTA_BINARY_PACKED",
                  "image.bytes": "DELTA_LENGTH_BYTE_ARRAY", "image.path": "DELTA_BYTE_ARRAY", "flag": "RLE",
                  "tags.list.element": "DELTA_LENGTH_BYTE_ARRAY", "boxes.list.element": "DELTA_BINARY_PACKED"}
    for version in ("1.0", "2.0"):
        write(f"delta-{version[0]}", compression="zstd", use_dictionary=False, column_encoding=encodings,
              data_page_version=version, write_statistics=False)
    for codec in ("lz4", "brotli"):
        write(codec, columns=["id", "caption"], compression=codec)
    write("int96", columns=["id", "local"], use_deprecated_int96_timestamps=True)
    nested = pyarrow.table({"id": [1, 2], "grid": [[[1], [2, 3]], []], "map": pyarrow.array(
        [[("a", 1)], [("b", 2), ("c", 3)]], pyarrow.map_(pyarrow.string(), pyarrow.int32()))})
    pyarrow.parquet.write_table(nested, FOLDER / "arrow-nested.parquet", write_statistics=False)
    pyarrow.parquet.write_table(table.select(["id", "caption"]).slice(0, 0), FOLDER / "arrow-empty.parquet")


def write_others(table):
    plain = table.drop_columns(["half", "fixed"])
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.register("source", plain)
    for version in ("V1", "V2"):
        connection.execute(
            f"copy (select * from source) to '{FOLDER}/duckdb-{version.lower()}.parquet' "
            f"(format parquet, parquet_version {version}, compression {'snappy' if version == 'V1' else 'zstd'})")
    frame = polars.from_arrow(table.drop_columns(["half", "fixed", "clock", "instant"]))
    frame.write_parquet(FOLDER / "polars-zstd.parquet", compression="zstd", row_group_size=17, statistics=False)
    frame.write_parquet(FOLDER / "polars-gzip.parquet", compression="gzip", data_page_size=200)


def write_csv():
    fields = ["", "plain", " space ", "a,b", "tab\there", "\"", "say \"hi\"", "line\nfeed", "carriage\rreturn", "both\r\n",
              "日本語", "5\" pipe", "\\t", "'", ";", "\n"]
    numbers = random.Random(3)
    rows = [[numbers.choice(fields) for _ in range(4)] for _ in range(60)]
    rows = [["id", "url", "prompt", "note"]] + rows
    for name, options in (("excel.csv", {}), ("unix.csv", {"dialect": "unix"}), ("excel.tsv", {"dialect": "excel-tab"})):
        with open(FOLDER / name, "w", newline="", encoding="utf-8-sig" if name == "excel.csv" else "utf-8") as file:
            csv.writer(file, **options).writerows(rows)
    (FOLDER / "rows.json").write_text(json.dumps(rows, ensure_ascii=False) + "\n")


def main():
    content = table()
    write_arrow(content)
    write_others(content)
    write_csv()
    (FOLDER / "expected.json").write_text(json.dumps(expected(content), ensure_ascii=False) + "\n")


main()
