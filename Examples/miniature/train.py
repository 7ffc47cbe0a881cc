#!/usr/bin/env python3
"""Trains the miniature PaliGemma on the pool that scenes.py drew.

    train.py tower    --pool POOL --state STATE       stage 0: the vision tower alone, with heads on each patch
    train.py language --pool POOL --state STATE       stage 1: the whole model answers questions
    train.py export   --state STATE --out MODEL       the checkpoint in the public layout, bfloat16
    train.py check    --state STATE                   the lean forward pass against transformers' own

Both stages save themselves in STATE and go on from there when they are started again. The rate is constant after the
warm-up, and falls to nothing over the cool-down. Stage 0 is told its steps; stage 1 its minutes, because it was made
for a machine that others use too."""
import argparse
import json
import os
import random
import shutil
import time

import numpy as np
import torch
import torch.nn.functional as F

import network
from muon import Muon
from network import PICTURE_ROWS, VISION, answer_logits, prefix_mask, tower_rows
from scenes import COLUMNS, LOCATION_STEPS, draw_scene, questions, to_pixels

SEED = 11
HELD_BACK = 500  # pictures at the pool's end that are only looked at to follow the training
LOCATION_STRIDE = 1024 // LOCATION_STEPS

# How many shapes the pictures of stage 1 hold: from this step on, these weights of one, two and three.
CURRICULUM = [(0, (1.0, 0.0, 0.0)), (300, (0.4, 0.6, 0.0)), (500, (0.2, 0.3, 0.5))]
# Every picture is captioned; three more questions are drawn with these weights.
QUESTIONS_BESIDE_CAPTION = 3
WEIGHTS = {"detect": 1.5, "ocr": 6.0, "count": 0.3, "colour": 0.4, "yes-no": 0.4}


# --- the tower's throw-away heads


def make_heads():
    return torch.nn.Linear(VISION["hidden_size"], sum(COLUMNS.values()) + 4)


def tower_losses(out, kinds, boxes):
    """Cross entropies and the box error of the heads' [B, 36, *] output, and the parts that are right, by name."""
    out, kinds, boxes = out.flatten(0, 1), kinds.flatten(0, 1).long(), boxes.flatten(0, 1).float()
    occupied = kinds[:, 1] > 0
    where = {"order": kinds[:, 2] > 0, "tens": kinds[:, 3] > 0, "units": kinds[:, 3] > 0}
    losses, right, start = {}, {}, 0
    for column, (name, classes) in enumerate(COLUMNS.items()):
        logits, target = out[:, start:start + classes], kinds[:, column]
        start += classes
        if name in where:
            logits, target = logits[where[name]], target[where[name]]
        losses[name] = F.cross_entropy(logits, target)
        scored = target > 0 if name in ("color", "shape") else slice(None)
        right[name] = (logits.argmax(-1) == target)[scored].float().mean().item()
    error = (out[:, start:][occupied] - boxes[occupied]).abs().mean()
    losses["box"] = 8 * error
    right["box error"] = error.item()
    return sum(losses.values()), right


# --- the pool


class Pool:
    def __init__(self, folder):
        self.pixels = np.load(os.path.join(folder, "pixels.npy"))
        self.kinds = np.load(os.path.join(folder, "kinds.npy"))
        self.boxes = np.load(os.path.join(folder, "boxes.npy"))
        with open(os.path.join(folder, "descriptions.jsonl")) as file:
            self.descriptions = [json.loads(line) for line in file]
        self.trained = len(self.descriptions) - HELD_BACK
        counts = np.array([len(d["shapes"]) for d in self.descriptions[:self.trained]])
        self.with_count = [np.flatnonzero(counts == n) for n in (1, 2, 3)]

    def take(self, indices):
        return tuple(torch.from_numpy(a[indices]) for a in (self.pixels, self.kinds, self.boxes))


class Questioner:
    """Turns questions into padded tensors: picture | prompt, padded on its left | answer, padded on its right."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
        self.first_location = tokenizer.convert_tokens_to_ids("<loc0000>")
        self.cache = {}

    def ids(self, text):
        """Token ids; the four locations of a box are put before those of its label, for the cache's sake."""
        if text.startswith("<loc"):
            cut = text.rindex(">") + 1
            places = [self.first_location + int(part[4:]) for part in text[:cut].split(">") if part]
            return places + self.ids(text[cut:])
        if text not in self.cache:
            self.cache[text] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return self.cache[text]

    def batch(self, pairs):
        prompts = [[2] + self.ids(prompt) + self.ids("\n") for prompt, _ in pairs]
        answers = [self.ids(answer) for _, answer in pairs]
        longest_prompt, longest_answer = max(map(len, prompts)), max(map(len, answers))
        tokens = np.zeros((len(pairs), longest_prompt + longest_answer), np.int64)
        targets = np.full((len(pairs), longest_answer + 1), -100, np.int64)
        valid = np.ones((len(pairs), PICTURE_ROWS + longest_prompt), bool)
        positions = np.zeros((len(pairs), PICTURE_ROWS + longest_prompt + longest_answer), np.float32)
        positions[:] = np.arange(positions.shape[1]) + 1
        for i, (prompt, answer) in enumerate(zip(prompts, answers)):
            padding = longest_prompt - len(prompt)
            tokens[i, padding:longest_prompt] = prompt
            tokens[i, longest_prompt:longest_prompt + len(answer)] = answer
            targets[i, :len(answer) + 1] = answer + [1]
            valid[i, PICTURE_ROWS:PICTURE_ROWS + padding] = False
            positions[i, PICTURE_ROWS:] -= padding
        tensors = [torch.from_numpy(a) for a in (tokens, positions, targets)]
        mask = prefix_mask(torch.from_numpy(valid), longest_answer)
        return tensors[0], tensors[1], mask, PICTURE_ROWS + longest_prompt - 1, tensors[2]

    def token_losses(self, logits, targets):
        """Of each real target. A location also counts its two neighbors on the grid as nearly right."""
        real = targets != -100
        logs, targets = logits[real].log_softmax(-1), targets[real]
        loss = -logs.gather(1, targets[:, None])[:, 0]
        place = (targets >= self.first_location) & (targets < self.first_location + 1024)
        at, logs = targets[place][:, None], logs[place]
        last = self.first_location + 1024 - LOCATION_STRIDE
        near = logs.gather(1, (at - LOCATION_STRIDE).clamp(min=self.first_location)) + logs.gather(
            1, (at + LOCATION_STRIDE).clamp(max=last))
        return torch.cat([loss[~place], 0.7 * loss[place] - 0.15 * near[:, 0]])


def draw_questions(rng, pool, step, pictures):
    """Picture indices, and two groups of (row of the picture, (prompt, answer)): captions, and all the others."""
    weights = [w for start, w in CURRICULUM if start <= step][-1]
    counts = rng.choices((0, 1, 2), weights, k=pictures)
    indices = [int(pool.with_count[c][rng.randrange(len(pool.with_count[c]))]) for c in counts]
    captions, others = [], []
    for row, index in enumerate(indices):
        asked = questions(pool.descriptions[index], rng)
        captions.append((row, asked.pop("caption")[0]))
        choices = [(rng.random() ** (1 / WEIGHTS[kind]), pair) for kind, pairs in asked.items() for pair in pairs]
        choices.sort(reverse=True)
        others += [(row, pair) for _, pair in choices[:QUESTIONS_BESIDE_CAPTION]]
    return indices, captions, others


# --- the two stages


def optimizers(model, heads, options, tower_part=1.0):
    """Muon for the layers' matrices, AdamW for the rest; the tower learns at `tower_part` of their rates.

    tower_part None: the tower alone."""
    parameters = list(model.model.vision_tower.named_parameters() if tower_part is None else model.named_parameters())
    of_tower = {id(p) for p in model.model.vision_tower.parameters()}
    groups = {(inner, tower): [] for inner in (True, False) for tower in (True, False)}
    for name, p in parameters:
        groups[p.ndim == 2 and "layers." in name, id(p) in of_tower].append(p)
    groups[False, True] += heads.parameters()

    def with_rates(inner, rate):
        return [dict(params=groups[inner, tower], lr=rate * (tower_part or 1.0 if tower else 1.0))
                for tower in (True, False) if groups[inner, tower]]

    made = [Muon(with_rates(True, options.inner_rate), lr=options.inner_rate),
            torch.optim.AdamW(with_rates(False, options.rate), betas=(0.9, 0.98), weight_decay=0.01, fused=True)]
    for o in made:
        for group in o.param_groups:
            group["full_rate"] = group["lr"]
    return made


def set_rate(chosen, step, left, cool_down, warm_up=100):
    """Rises over the warm-up, then is constant, then falls to nothing over the cool-down (in what `left` is counted in)."""
    part = min(1.0, (step + 1) / warm_up, max(0.0, left / cool_down) if cool_down else 1.0)
    for o in chosen:
        for group in o.param_groups:
            group["lr"] = group["full_rate"] * part
    return part


def save_state(path, step, model, heads, chosen):
    torch.save(dict(step=step, model=model.state_dict(), heads=heads.state_dict(),
                    optimizers=[o.state_dict() for o in chosen]), path + ".new")
    os.replace(path + ".new", path)


def load_state(path, model, heads, chosen=()):
    """The step at which it was saved. Without `chosen`, only the weights are taken."""
    saved = torch.load(path)
    model.load_state_dict(saved["model"])
    heads.load_state_dict(saved["heads"])
    for o, state in zip(chosen, saved["optimizers"]):
        o.load_state_dict(state)
    return saved["step"]


def prepare(options):
    """The model, its processor and the heads, from STATE where there is one."""
    os.makedirs(options.state, exist_ok=True)
    if not os.path.exists(os.path.join(options.state, "tokenizer.model")):
        rng, sentences = random.Random(5), ["describe en a picture with a number", "detect a shape ; another shape"]
        for _ in range(3000):
            for pairs in questions(draw_scene(rng, size=(120, 120), clean=True)[1], rng).values():
                for prompt, answer in pairs:
                    sentences += [prompt, answer[answer.rfind(">") + 1:]]
        network.make_tokenizer(options.state, sentences)
    processor = network.load_processor(options.state)
    model = network.build(processor.image_token_id, SEED)
    return model, processor, make_heads()


def train_tower(options):
    model, _, heads = prepare(options)
    pool = Pool(options.pool)
    chosen = optimizers(model, heads, options, tower_part=None)
    path = os.path.join(options.state, "tower.pt")
    step = load_state(path, model, heads, chosen) if os.path.exists(path) else 0

    def loss_of(pixels, kinds, boxes):
        return tower_losses(heads(tower_rows(model, pixels)), kinds, boxes)

    began, since = time.time(), step
    while step < options.steps:
        indices = np.random.default_rng((SEED, step)).integers(0, pool.trained, options.pictures)
        set_rate(chosen, step, options.steps - step, options.cool_down)
        loss, _ = loss_of(*pool.take(indices))
        loss.backward()
        for o in chosen:
            o.step()
            o.zero_grad()
        step += 1
        if step % 100 == 0:
            with torch.no_grad():
                seen = loss_of(*pool.take(np.arange(pool.trained, pool.trained + HELD_BACK)))
            figures = " ".join(f"{name} {value:.3f}" for name, value in seen[1].items())
            print(f"tower {step}: {(time.time() - began) / (step - since):.3f} s a step, loss {seen[0].item():.3f}, "
                  f"{figures}", flush=True)
        if step % 250 == 0 or step == options.steps:
            save_state(path, step, model, heads, chosen)


@torch.no_grad()
def follow(model, questioner, pool, count=200):
    """The parts of the held-back pictures' answers that are right in every token, by kind.

    All tokens right when the true answer is fed is the same as right when the model feeds itself. For boxes this is
    stricter than the bar: every coordinate on its very step."""
    indices = np.arange(pool.trained, pool.trained + count)
    rows = tower_rows(model, pool.take(indices)[0])
    rng, by_kind = random.Random(3), {}
    for row, index in enumerate(indices):
        for kind, pairs in questions(pool.descriptions[index], rng).items():
            by_kind.setdefault(kind, []).extend((row, pair) for pair in pairs)
    figures = {}
    for kind, asked in by_kind.items():
        *inputs, targets = questioner.batch([pair for _, pair in asked])
        chosen = answer_logits(model, rows[[row for row, _ in asked]], *inputs).argmax(-1)
        wrong = (chosen != targets) & (targets != -100)
        figures[kind] = 1 - wrong.any(1).float().mean().item()
        if kind == "detect":
            steps = (chosen - targets)[:, :4].float() / LOCATION_STRIDE
            figures["box within 2"] = (steps.abs() <= 2).all(1).float().mean().item()
    return figures


def train_language(options):
    model, processor, heads = prepare(options)
    pool, questioner = Pool(options.pool), Questioner(processor.tokenizer)
    chosen = optimizers(model, heads, options, tower_part=options.tower_part)
    path, step = os.path.join(options.state, "language.pt"), 0
    if os.path.exists(path):
        step = load_state(path, model, heads, chosen)
    else:
        load_state(os.path.join(options.state, "tower.pt"), model, heads)
    began, since, average = time.time(), step, None
    last = False
    while not last:
        rng = random.Random(SEED * 1_000_003 + step)
        indices, *groups = draw_questions(rng, pool, step, options.pictures)
        left = 60 * options.minutes - (time.time() - began)
        rate_part = set_rate(chosen, step, left, 60 * options.cool_down_minutes)
        pixels, kinds, boxes = pool.take(indices)
        rows = tower_rows(model, pixels)
        losses = []
        for group in groups:
            *inputs, targets = questioner.batch([pair for _, pair in group])
            logits = answer_logits(model, rows[[row for row, _ in group]], *inputs)
            losses.append(questioner.token_losses(logits, targets))
        answer_loss = torch.cat(losses).mean()
        patch_loss, _ = tower_losses(heads(rows), kinds, boxes)
        (answer_loss + options.patch_weight * patch_loss).backward()
        for o in chosen:
            o.step()
            o.zero_grad()
        step += 1
        last = left <= 0
        average = answer_loss.item() if average is None else 0.98 * average + 0.02 * answer_loss.item()
        if step % 100 == 0:
            print(f"language {step}: {(time.time() - began) / (step - since):.3f} s a step, loss {average:.4f}, "
                  f"patch loss {patch_loss.item():.3f}, rate x {rate_part:.3f}", flush=True)
        if step % 250 == 0 or last:
            figures = " ".join(f"{name} {value:.3f}" for name, value in follow(model, questioner, pool).items())
            print(f"language {step}: right of held-back pictures: {figures}", flush=True)
        if step % 50 == 0 or last:
            save_state(path, step, model, heads, chosen)


# --- out of training


def export(options):
    model, processor, heads = prepare(options)
    load_state(os.path.join(options.state, "language.pt"), model, heads)
    os.makedirs(options.out, exist_ok=True)
    model = model.eval().to(torch.bfloat16)
    generation = model.generation_config
    generation.eos_token_id, generation.bos_token_id, generation.pad_token_id = 1, 2, 0
    model.save_pretrained(options.out)
    processor.save_pretrained(options.out)
    processor.image_processor.save_pretrained(options.out)  # preprocessor_config.json, as the public checkpoints have it
    path = os.path.join(options.out, "tokenizer_config.json")
    with open(path) as file:
        kept = {k: v for k, v in json.load(file).items() if k not in ("vocab_file", "is_local", "local_files_only")}
    with open(path, "w") as file:
        file.write(json.dumps(kept, indent=2) + "\n")
    shutil.copy(os.path.join(options.state, "tokenizer.model"), options.out)


@torch.no_grad()
def check(options):
    model, processor, _ = prepare(options)
    model.eval()
    questioner, rng = Questioner(processor.tokenizer), random.Random(1)
    worst = 0.0
    for _ in range(8):
        picture, description = draw_scene(rng)
        pairs = [pair for pairs in questions(description, rng).values() for pair in pairs]
        rows = tower_rows(model, torch.from_numpy(to_pixels(picture).copy())[None]).expand(len(pairs), -1, -1)
        *inputs, targets = questioner.batch(pairs)
        lean = answer_logits(model, rows, *inputs)
        for i, (prompt, answer) in enumerate(pairs):
            given = processor(text=["<image>" + prompt], suffix=[answer], images=[picture], return_tensors="pt")
            labels = given.pop("labels")[0]
            full = model(**given).logits[0]
            length = int((labels != -100).sum())
            assert labels[-length:].tolist() == targets[i, :length].tolist(), (labels, targets[i])
            worst = max(worst, (full[-length - 1:-1] - lean[i, :length]).abs().max().item())
    print(f"largest difference of a logit from transformers: {worst:.2e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run in (("tower", train_tower), ("language", train_language)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("--pool", required=True)
        command.add_argument("--state", required=True)
        command.add_argument("--rate", type=float, default=3e-3, help="of AdamW")
        command.add_argument("--inner-rate", type=float, default=0.02, help="of Muon")
        if run is train_tower:
            command.add_argument("--pictures", type=int, default=64, help="a step")
            command.add_argument("--steps", type=int, default=2200)
            command.add_argument("--cool-down", type=int, default=700, help="steps")
        else:
            command.add_argument("--pictures", type=int, default=16, help="a step")
            command.add_argument("--minutes", type=float, default=60)
            command.add_argument("--cool-down-minutes", type=float, default=40)
            command.add_argument("--tower-part", type=float, default=0.25, help="of the rates, for the tower")
            command.add_argument("--patch-weight", type=float, default=0.3, help="of the heads on the patches")
    command = commands.add_parser("export")
    command.set_defaults(run=export)
    command.add_argument("--state", required=True)
    command.add_argument("--out", required=True)
    command = commands.add_parser("check")
    command.set_defaults(run=check)
    command.add_argument("--state", required=True)
    options = parser.parse_args()
    torch.set_num_threads(2)
    options.run(options)


if __name__ == "__main__":
    main()
