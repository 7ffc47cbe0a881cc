#!/usr/bin/env python3
"""Checks what `paligemma results` writes with the field's own readers.

    pip install pyarrow webdataset pycocotools
    swift build -c release --product paligemma && swift build -c release --product queue-stress
    Tests/Fixtures/outputs/check.py .build/release

Jobs are answered by queue-stress, a worker that answers each job with its prompt, so the prompts are what is hard to write.
Nothing of this is part of `make test`.
"""
import contextlib
import csv
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import pyarrow.parquet
import webdataset
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

PROGRAMS = pathlib.Path(sys.argv[1]).resolve()
TEXTS = [
    "plain", "comma, \"quotes\"", "line\nfeed\r\nand\rreturn", "tab\tand \\t backslash\\", " spaces ", "", "é e\u0301 \U0001f431",
    "=1+1", "'", "\"", "#", "null", "\u2028\u0085",
]
OWN = ["id", "images", "prompt", "text", "finish_reason", "model", "seconds", "error_code", "error_message", "details"]


def paligemma(*words, code=0):
    result = subprocess.run([PROGRAMS / "paligemma", *words], capture_output=True, text=True)
    assert result.returncode == code, (words, result.returncode, result.stderr)
    return result.stderr


def answer(queue):
    subprocess.run([PROGRAMS / "queue-stress", queue, "world", "600000"], check=True, stdout=subprocess.DEVNULL)


def submit_rows(rows, queue):
    with open("jobs.jsonl", "w") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")
    paligemma("submit", "--queue", queue, "--jobs", "jobs.jsonl")
    answer(queue)


def check_tables():
    rows = [
        {"id": f"job {i}", "image": f"pictures/{i}.jpg", "prompt": text, "n": i, "rate": i / 2, "own, \"key\"": text, "ok": i % 2 == 0,
         "tags": [text, i], "label": None if i % 3 else text}
        for i, text in enumerate(TEXTS)
    ] + [{"id": "failed", "image": "missing.jpg", "prompt": "p", "n": -1}]
    submit_rows(rows, "tables.db")
    for format in ["csv", "tsv", "parquet", "jsonl"]:
        paligemma("results", "--queue", "tables.db", "--sorted", "--output", f"out.{format}")

    with open("out.csv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file, strict=True))
    assert list(table[0]) == OWN + ["n", "rate", "own, \"key\"", "ok", "tags", "label"], list(table[0])
    for row, source in zip(table, rows):
        assert row["id"] == source["id"] and row["n"] == str(source["n"]) and row["prompt"] == source["prompt"]
    for row, text in zip(table, TEXTS):
        assert row["text"] == text and row["own, \"key\""] == text and row["error_code"] == "", (row, text)
        assert json.loads(row["tags"])[0] == text
    assert table[-1]["error_code"] == "missing" and table[-1]["text"] == ""

    with open("out.tsv", newline="\n", encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    assert len(lines) == len(rows) + 1 and {len(line) for line in lines} == {len(OWN) + 6}

    def plain(field):
        out, escaped = "", False
        for character in field:
            if escaped:
                out, escaped = out + {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}[character], False
            elif character == "\\":
                escaped = True
            else:
                out += character
        return out

    assert [plain(line[3]) for line in lines[1:-1]] == TEXTS

    table = pyarrow.parquet.read_table("out.parquet")
    assert table.num_rows == len(rows)
    types = {name: str(table.schema.field(name).type) for name in table.column_names}
    assert types["n"] == "int64" and types["rate"] == "double" and types["ok"] == "bool" and types["label"] == "string", types
    assert types["images"] == "list<element: string not null>" or types["images"].startswith("list<"), types
    assert table["text"].to_pylist() == TEXTS + [None]
    assert table["own, \"key\""].to_pylist() == TEXTS + [None]
    assert table["n"].to_pylist() == list(range(len(TEXTS))) + [-1]
    assert table["tokens"].to_pylist()[0] == [1, 2] and table["tokens"].to_pylist()[-1] is None
    assert table["images"].to_pylist()[0] == ["pictures/0.jpg"]
    meta = pyarrow.parquet.ParquetFile("out.parquet").metadata
    assert meta.row_group(0).column(0).compression == "ZSTD"

    with open("out.jsonl", encoding="utf-8", newline="\n") as file:
        lines = [json.loads(line) for line in file.read().split("\n")[:-1]]
    assert [line["text"] for line in lines] == TEXTS + [None]
    assert lines[1]["columns"]["own, \"key\""] == TEXTS[1]
    return len(rows)


def check_shards():
    os.mkdir("shards")
    names = ["000", "d/x", "long" * 60, "ü"]
    for shard in range(2):
        with tarfile.open(f"shards/{shard:05}.tar", "w") as tar:
            for name in names:
                for field, content in [("jpg", f"picture {shard} {name}".encode()), ("txt", b"old")]:
                    member = tarfile.TarInfo(f"{name}.{field}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
    paligemma("submit", "--queue", "shards.db", "--prompt", "ocr", "--id", "{__key__}", "shards/00000.tar")
    paligemma("submit", "--queue", "shards.db", "--prompt", "ocr", "--id", "1 {__key__}", "shards/00001.tar")
    answer("shards.db")
    paligemma("results", "--queue", "shards.db", "--format", "webdataset", "--output-dir", "answers", "--with-pictures")
    samples = 0
    for shard in range(2):
        dataset = webdataset.WebDataset(f"answers/{shard:05}.tar", shardshuffle=False)
        found = list(dataset)
        assert [sample["__key__"] for sample in found] == names, found
        for sample, name in zip(found, names):
            assert sample["jpg"] == f"picture {shard} {name}".encode()
            assert sample["txt"] == b"ocr" and json.loads(sample["json"])["text"] == "ocr"
        with tarfile.open(f"answers/{shard:05}.tar") as tar:
            assert len(tar.getmembers()) == 3 * len(names)
        samples += len(found)
    return samples


def check_coco():
    images = [{"id": 391895 + 7 * i, "file_name": f"{i:012}.jpg", "width": 640, "height": 480} for i in range(4)]
    truth = {
        "info": {}, "images": images, "categories": [{"id": 17, "name": "cat"}, {"id": 90, "name": "toothbrush"}],
        "annotations": [
            {"id": i + 1, "image_id": image["id"], "category_id": 17, "bbox": [10, 20, 100, 50], "area": 5000, "iscrowd": 0}
            for i, image in enumerate(images)
        ],
    }
    with open("instances.json", "w") as file:
        json.dump(truth, file)
    submit_rows(
        [{"id": str(i), "image": f"val/{i:012}.jpg", "prompt": "detect cat"} for i in range(3)]
        + [{"id": "own", "image": "elsewhere.jpg", "prompt": "detect cat", "image_id": images[3]["id"], "category_id": 17}],
        "coco.db")
    flags = ["--coco-images", "instances.json"]
    paligemma("results", "--queue", "coco.db", "--format", "coco-results", *flags, "--output", "boxes.json")
    paligemma("results", "--queue", "coco.db", "--format", "coco-captions", *flags, "--output", "captions.json")
    paligemma("results", "--queue", "coco.db", "--format", "coco", *flags, "--output", "dataset.json")
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO("instances.json")
        evaluation = COCOeval(coco, coco.loadRes("boxes.json"), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        captions = coco.loadRes("captions.json")
        dataset = COCO("dataset.json")
    assert abs(evaluation.stats[0] - 1) < 1e-9, evaluation.stats
    assert [captions.imgToAnns[image["id"]][0]["caption"] for image in images] == ["detect cat"] * 4
    assert sorted(dataset.getImgIds()) == sorted(image["id"] for image in images)
    assert [category["name"] for category in dataset.loadCats(dataset.getCatIds())] == ["cat", "toothbrush"]
    assert all(annotation["image_id"] in dataset.imgs for annotation in dataset.loadAnns(dataset.getAnnIds()))
    stranger = paligemma("results", "--queue", "tables.db", "--format", "coco-captions", *flags, "--output", "none.json", code=1)
    assert "13 answers about pictures without a number" in stranger, stranger
    assert json.load(open("none.json")) == []
    return len(images)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.mkdir("pictures")
        for i in range(len(TEXTS)):
            pathlib.Path(f"pictures/{i}.jpg").write_bytes(b"x")
        print(f"tables: {check_tables()} rows by csv, pyarrow, json")
        print(f"shards: {check_shards()} samples by webdataset, tarfile")
        print(f"COCO: {check_coco()} pictures by pycocotools")


main()
