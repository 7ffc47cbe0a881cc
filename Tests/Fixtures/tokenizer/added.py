#!/usr/bin/env python3
"""Writes added.json: tokens that are added behind <image> to the tokenizer of json/tokenizer.json, and what transformers makes of
some texts and ids with them. Needs transformers.
"""
import json, os, random, tempfile
from tokenizers import AddedToken
from transformers import GemmaTokenizerFast

here = os.path.dirname(os.path.abspath(__file__))
saved = json.load(open(os.path.join(here, "json", "tokenizer.json")))
saved["added_tokens"] = [dict(single_word=False, lstrip=False, rstrip=False, normalized=False, **token) for token in saved["added_tokens"]]
with tempfile.TemporaryDirectory() as scratch:
    json.dump(saved, open(os.path.join(scratch, "tokenizer.json"), "w"), ensure_ascii=False)
    json.dump(dict(tokenizer_class="GemmaTokenizerFast", bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>",
                   extra_special_tokens=["<image>"]), open(os.path.join(scratch, "tokenizer_config.json"), "w"))
    tokenizer = GemmaTokenizerFast.from_pretrained(scratch)
count = len(tokenizer)
tokenizer.add_tokens(["<obj>", "<field>", "two words", "caf\u00e9", "cafe\u0301", AddedToken("<obj>x", normalized=False)])
tokenizer.add_tokens([AddedToken("<sep>", special=True)], special_tokens=True)
added = [dict(id=i, content=token.content, special=token.special) for i, token in sorted(tokenizer.added_tokens_decoder.items()) if i >= count]

rng = random.Random(7)
parts = ["<obj>", "<field>", "two words", "two  words", "two word", "caf\u00e9", "cafe\u0301", "cafe", "<obj>x", "<obj", "<sep>", " ", "a cat", "\n", "<loc0012>"]
texts = parts + ["".join(rng.choice(parts) for _ in range(rng.randint(2, 7))) for _ in range(60)]
vectors = [dict(text=text, ids=tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
for _ in range(40):
    ids = [rng.randrange(count - 1, count + 9) if rng.random() < .5 else rng.randrange(count) for _ in range(rng.randint(0, 8))]
    vectors.append(dict(ids=ids, decoded=tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)))
json.dump(dict(added=added, vectors=vectors), open(os.path.join(here, "added.json"), "w"), separators=(",", ":"))
print(count, added, len(vectors))
