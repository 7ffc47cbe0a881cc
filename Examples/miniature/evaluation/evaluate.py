#!/usr/bin/env python3
"""Measures the miniature on pictures it has not seen: by transformers, or by whatever program answers the jobs.

    evaluate.py transformers --model MODEL [--count 500] [--seed 909]     answers in float32, greedily, and prints the figures
    evaluate.py draw  --out DIR [--count 500] [--seed 909]                the same pictures, jobs.jsonl and truth.jsonl
    evaluate.py score --truth DIR/truth.jsonl --results FILE              figures of a file with lines {"id": ..., "text": ...}

A line of jobs.jsonl:  {"id": "000-caption", "images": ["000.png"], "prompt": "caption en", "max_tokens": 48}
A line of truth.jsonl: {"id": "000-caption", "images": ["000.png"], "kind": "caption", "prompt": "caption en", "answer": "..."}

Right means: the answer equals the truth word for word; for boxes, the label is right and the box's IoU is at least 0.5."""
import argparse
import json
import os
import random
import re
import sys
from collections import defaultdict

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from scenes import draw_scene, questions  # noqa: E402

MAX_TOKENS = 48
MINIMUM_IOU = 0.5
BATCH = 50


def unseen(count, seed):
    """(picture, [{"kind", "prompt", "answer"}, ...]) of scenes whose seed no training pool uses."""
    rng = random.Random(f"evaluation {seed}")
    for _ in range(count):
        picture, description = draw_scene(rng)
        asked = questions(description, rng)
        yield picture, [dict(kind=kind, prompt=prompt, answer=answer) for kind in asked for prompt, answer in asked[kind]]


def box_and_label(text):
    places = [int(v) for v in re.findall(r"<loc(\d{4})>", text)]
    return places, re.sub(r"<loc\d{4}>", "", text).strip()


def overlap(a, b):
    """Intersection over union of two (top, left, bottom, right)."""
    height = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    width = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    both = height * width
    either = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return both / either if either > 0 else 0.0


def is_right(kind, answer, text):
    if kind != "detect":
        return text.strip() == answer
    (true_box, true_label), (box, label) = box_and_label(answer), box_and_label(text)
    return len(box) == 4 and label == true_label and overlap(box, true_box) >= MINIMUM_IOU


def report(scored, examples=2):
    """Prints the figures of [(kind, answer, text), ...]."""
    by_kind = defaultdict(list)
    for kind, answer, text in scored:
        by_kind[kind].append((is_right(kind, answer, text), answer, text))
    for kind, answers in by_kind.items():
        right = sum(ok for ok, _, _ in answers)
        print(f"{kind:8s} {right:5d} of {len(answers):5d}  {100 * right / len(answers):6.2f} %")
        for _, answer, text in [a for a in answers if not a[0]][:examples]:
            print(f"           wrong: {text!r} for {answer!r}")


def with_transformers(options):
    import torch
    from transformers import PaliGemmaForConditionalGeneration, PaliGemmaProcessor

    torch.set_grad_enabled(False)
    torch.set_num_threads(2)
    processor = PaliGemmaProcessor.from_pretrained(options.model)
    model = PaliGemmaForConditionalGeneration.from_pretrained(options.model, dtype=torch.float32).eval()
    by_length = defaultdict(list)  # prompts of one length are answered together, so that none needs padding
    for picture, asked in unseen(options.count, options.seed):
        for one in asked:
            tokens = processor.tokenizer(one["prompt"])["input_ids"]
            by_length[len(tokens)].append((picture, one))
    scored = []
    for jobs in by_length.values():
        for start in range(0, len(jobs), BATCH):
            pictures, asked = zip(*jobs[start:start + BATCH])
            prompts = ["<image>" + one["prompt"] for one in asked]
            inputs = processor(text=prompts, images=[[picture] for picture in pictures], return_tensors="pt")
            assert bool(inputs["attention_mask"].all())
            tokens = model.generate(**inputs, max_new_tokens=MAX_TOKENS, do_sample=False)
            texts = processor.batch_decode(tokens[:, inputs["input_ids"].shape[1]:], skip_special_tokens=True)
            scored += [(one["kind"], one["answer"], text) for one, text in zip(asked, texts)]
    report(scored)


def draw(options):
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "jobs.jsonl"), "w") as jobs, \
            open(os.path.join(options.out, "truth.jsonl"), "w") as truth:
        for i, (picture, asked) in enumerate(unseen(options.count, options.seed)):
            name = f"{i:03d}.png"
            picture.save(os.path.join(options.out, name))
            numbers = defaultdict(int)
            for one in asked:
                numbers[one["kind"]] += 1
                several = sum(other["kind"] == one["kind"] for other in asked) > 1
                name_of_job = f"{i:03d}-{one['kind']}" + (f"-{numbers[one['kind']]}" if several else "")
                job = {"id": name_of_job, "images": [name], "prompt": one["prompt"]}
                jobs.write(json.dumps({**job, "max_tokens": MAX_TOKENS}) + "\n")
                truth.write(json.dumps({**job, "kind": one["kind"], "answer": one["answer"]}) + "\n")


def score(options):
    with open(options.truth) as file:
        truth = {line["id"]: line for line in map(json.loads, file)}
    with open(options.results) as file:
        texts = {line["id"]: line["text"] for line in map(json.loads, filter(str.strip, file))}
    missing = [i for i in truth if i not in texts]
    if missing:
        print(f"{len(missing)} of {len(truth)} jobs have no answer and count as wrong, {missing[0]} first")
    report([(one["kind"], one["answer"], texts.get(i, "")) for i, one in truth.items()])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("transformers")
    command.set_defaults(run=with_transformers)
    command.add_argument("--model", required=True)
    drawing = commands.add_parser("draw")
    drawing.set_defaults(run=draw)
    drawing.add_argument("--out", required=True)
    for each in (command, drawing):
        each.add_argument("--count", type=int, default=500)
        each.add_argument("--seed", type=int, default=909)
    command = commands.add_parser("score")
    command.set_defaults(run=score)
    command.add_argument("--truth", required=True)
    command.add_argument("--results", required=True)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
