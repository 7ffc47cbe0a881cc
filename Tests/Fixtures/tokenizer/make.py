#!/usr/bin/env python3
"""Trains a small tokenizer in the manner of the public checkpoints and writes down what transformers makes of some texts.

    make.py        writes model/tokenizer.model, json/tokenizer.json and vectors.json; needs transformers and sentencepiece

`json/tokenizer.json` is the file that transformers saves, without the keys that are the same for every token.
A line of vectors.json holds a text and its ids, or ids and their text.
"""
import json, os, random, shutil, sys, tempfile

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(here))
import reference
from transformers import GemmaTokenizerFast


def texts(rng, tokenizer):
    pieces = [piece.replace("▁", " ") for piece in tokenizer.get_vocab() if not piece.startswith("<")]
    parts = ["<loc0012>", "<loc1023>", "<seg127>", "<seg000>", "<loc9999>", "<loc", "<mask>", "é", "e\u0301", "Å", "\u212b", "中国", "😀",
             "👩‍👩‍👧", "\0", "\x07", "\x7f", "\u00a0", "\u2028", "\ufeff", "\U0010ffff", "\n", "\n\n", "\t", "\r\n", "<0x0A>", "  ", " " * 9]
    for task in ["", " ", "\n", "caption en", " caption en", "answer en how many cats are there?", "detect red circle ; blue dog", "ocr\n"]:
        yield task
    for _ in range(200):
        yield "".join(rng.choice(parts) if rng.random() < .4 else rng.choice(pieces) for _ in range(rng.randint(1, 12)))


rng = random.Random(4)
with tempfile.TemporaryDirectory() as scratch:
    model, count = reference.make_tokenizer(scratch, rng, 420)
    tokenizer = GemmaTokenizerFast.from_pretrained(scratch)
    tokenizer.add_tokens(["<image>"], special_tokens=True)
    tokenizer.save_pretrained(scratch)
    for folder in ("model", "json"):
        os.makedirs(os.path.join(here, folder), exist_ok=True)
    shutil.copy(model, os.path.join(here, "model", "tokenizer.model"))
    saved = json.load(open(os.path.join(scratch, "tokenizer.json")))
    saved["added_tokens"] = [{key: token[key] for key in ("id", "content", "special")} for token in saved["added_tokens"]]
    json.dump(saved, open(os.path.join(here, "json", "tokenizer.json"), "w"), ensure_ascii=False, separators=(",", ":"))

lines = [dict(text=text, ids=tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts(rng, tokenizer)]
for _ in range(200):
    ids = [rng.randrange(count + 40) if rng.random() < .5 else rng.randrange(300) for _ in range(rng.randint(0, 12))]
    lines.append(dict(ids=ids, decoded=tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)))
open(os.path.join(here, "vectors.json"), "w").write("[\n" + ",\n".join(map(json.dumps, lines)) + "\n]\n")
print(count, "pieces,", len(lines), "vectors")
