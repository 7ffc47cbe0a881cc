#!/usr/bin/env python3
"""Makes decoding.jsonl beside the checkpoints of this folder: jobs with every way of decoding, and what transformers makes
of them, in float32; decoding-window.jsonl with the sliding window of PaliGemma 2. Needs what make.py needs.

A line is a job as in jobs.jsonl, and in "expected":

    beams       [{tokens, text, score, logprobs, ended}]       generate(num_beams, length_penalty, early_stopping, num_return_sequences)
    tokens      of a greedy or a drawn answer
    top         [[[id, logprob], …], …]                 of every token
    draws       how near a draw or a cut came to falling otherwise, at each step
    choices     [logprob, …]                            of each, the end token's included

    decoding.py [case …]    makes some of them only

Random numbers of draws are Philox 4x32-10 by seed and step; the distribution is what transformers' own processors leave of
the logits, laid out in the order of the ids.
"""
import json, os, random, sys
import numpy as np
import torch
from PIL import Image, ImageOps
from transformers import (GemmaTokenizerFast, PaliGemmaConfig, PaliGemmaForConditionalGeneration, PaliGemmaProcessor, SiglipImageProcessor,
                          LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper)

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.join(here, "../../..")
END = 1


def philox(seed, step):
    m, mask = (0xD2511F53, 0xCD9E8D57), 0xFFFFFFFF
    c, k = [step & mask, step >> 32, 0, 0], [seed & mask, seed >> 32]
    for _ in range(10):
        a, b = c[0] * m[0], c[2] * m[1]
        c = [(b >> 32) ^ c[1] ^ k[0], b & mask, (a >> 32) ^ c[3] ^ k[1], a & mask]
        k = [(k[0] + 0x9E3779B9) & mask, (k[1] + 0xBB67AE85) & mask]
    return ((c[0] << 21) | (c[1] >> 11)) / 2.0**53


def load(folder, window):
    config = PaliGemmaConfig.from_pretrained(folder)
    if hasattr(config.text_config, "sliding_window") and not window:
        config.text_config.sliding_window = 8192  # as the weights were trained: none
    model = PaliGemmaForConditionalGeneration.from_pretrained(
        folder, config=config, dtype=torch.float32, attn_implementation="eager").eval()
    size, patch = model.config.vision_config.image_size, model.config.vision_config.patch_size
    tokenizer = GemmaTokenizerFast.from_pretrained(folder)
    tokenizer.add_bos_token, tokenizer.add_eos_token = True, False
    pictures = SiglipImageProcessor(size={"height": size, "width": size}, resample=3, do_convert_rgb=True, image_mean=[.5] * 3,
                                    image_std=[.5] * 3)
    pictures.image_seq_length = (size // patch) ** 2
    processor = PaliGemmaProcessor(pictures, tokenizer)
    assert processor.image_token_id == model.config.image_token_index, (folder, processor.image_token_id)
    return model, processor


def inputs_of(processor, job):
    images = [ImageOps.exif_transpose(Image.open(os.path.join(here, "odd", path))).convert("RGB") for path in job["images"]]
    return processor(text=["<image>" * len(images) + job["prompt"]], images=[images], return_tensors="pt")


def text_of(processor, tokens):
    return processor.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def cut(tokens):
    tokens = list(tokens)
    if END in tokens:
        return tokens[:tokens.index(END)]
    return tokens


def beams(model, processor, inputs, job):
    count, start = job["num_return"], inputs["input_ids"].shape[1]
    result = model.generate(
        **inputs, max_new_tokens=job["max_tokens"], num_beams=job["num_beams"], do_sample=False, num_return_sequences=count,
        length_penalty=job.get("length_penalty", 1.0), early_stopping=job.get("early_stopping", False),
        return_dict_in_generate=True, output_scores=True)
    answers = []
    for index in range(count):
        indices = result.beam_indices[index]
        tokens = result.sequences[index, start:].tolist()[:int((indices >= 0).sum())]
        logprobs = [float(result.scores[step][indices[step], token]) for step, token in enumerate(tokens)]
        ended = bool(tokens) and tokens[-1] == END
        tokens, logprobs = (tokens[:-1], logprobs[:-1]) if ended else (tokens, logprobs)
        answers.append(dict(tokens=tokens, text=text_of(processor, tokens), score=float(result.sequences_scores[index]),
                            logprobs=[round(value, 6) for value in logprobs], ended=ended))
    return answers


def next_logits(model, inputs, tokens):
    """Logits after each prefix of tokens, the empty one first, one step after the other with a cache."""
    output = model(**inputs, use_cache=True)
    logits = [output.logits[0, -1].float()]
    cache, place = output.past_key_values, inputs["input_ids"].shape[1]
    for token in tokens:
        ids = torch.tensor([[token]])
        output = model(input_ids=ids, past_key_values=cache, use_cache=True,
                       attention_mask=torch.ones(1, place + 1, dtype=torch.long), token_type_ids=torch.zeros_like(ids))
        cache, place = output.past_key_values, place + 1
        logits.append(output.logits[0, -1].float())
    return logits


def draw(logits, job, step):
    warpers = LogitsProcessorList([TemperatureLogitsWarper(float(job["temperature"]))])
    if job.get("top_k"): warpers.append(TopKLogitsWarper(job["top_k"]))
    if job.get("top_p", 1.0) < 1: warpers.append(TopPLogitsWarper(job["top_p"]))
    left = warpers(None, logits[None])[0].double()
    uniform = philox(job["seed"], step)
    bounds = left.softmax(-1).cumsum(-1)
    kept = left > -float("inf")
    token = int((bounds > uniform).nonzero()[0])
    inner = bounds[kept][:-1]
    near = float((inner - uniform).abs().min()) if len(inner) else 1.0
    tempered = (logits / job["temperature"]).double()
    if job.get("top_k"):
        order = tempered.sort(descending=True).values
        near = min(near, float(order[job["top_k"] - 1] - order[job["top_k"]]))
        tempered = tempered.masked_fill(tempered < order[job["top_k"] - 1], -float("inf"))
    if job.get("top_p", 1.0) < 1:
        masses = tempered.softmax(-1).sort(descending=True).values.cumsum(-1)
        near = min(near, float((masses - job["top_p"]).abs().min()))
    return token, near


def drawn(model, processor, inputs, job):
    output, tokens, draws = model(**inputs, use_cache=True), [], []
    cache, place = output.past_key_values, inputs["input_ids"].shape[1]
    while True:
        token, near = draw(output.logits[0, -1].float(), job, len(tokens))
        draws.append(round(near, 7))
        if token == END: return tokens, draws, "stop"
        tokens.append(token)
        if len(tokens) == job["max_tokens"]: return tokens, draws, "length"
        ids = torch.tensor([[token]])
        output = model(input_ids=ids, past_key_values=cache, use_cache=True,
                       attention_mask=torch.ones(1, place + 1, dtype=torch.long), token_type_ids=torch.zeros_like(ids))
        cache, place = output.past_key_values, place + 1


def top(model, inputs, job):
    result = model.generate(**inputs, max_new_tokens=job["max_tokens"], do_sample=False, return_dict_in_generate=True, output_logits=True)
    tokens, rows = cut(result.sequences[0, inputs["input_ids"].shape[1]:].tolist()), []
    for logits in result.logits[:len(tokens)]:
        best = logits[0].double().log_softmax(-1).topk(job["top_logprobs"])
        rows.append([[int(i), round(float(v), 6)] for v, i in zip(best.values, best.indices)])
    return tokens, rows


def choices(model, processor, inputs, job):
    scores = []
    for choice in job["choices"]:
        tokens = processor.tokenizer(choice, add_special_tokens=False)["input_ids"]
        rows = next_logits(model, inputs, tokens)
        scores.append(sum(float(row.double().log_softmax(-1)[token]) for row, token in zip(rows, tokens + [END])))
    return scores


def expected(model, processor, job):
    inputs = inputs_of(processor, job)
    if "num_beams" in job:
        return dict(beams=beams(model, processor, inputs, job))
    if "choices" in job:
        return dict(choices=[round(score, 6) for score in choices(model, processor, inputs, job)])
    if "temperature" in job:
        tokens, draws, finish = drawn(model, processor, inputs, job)
        return dict(tokens=tokens, text=text_of(processor, tokens), draws=draws, finish_reason=finish)
    tokens, rows = top(model, inputs, job)
    return dict(tokens=tokens, text=text_of(processor, tokens), top=rows)


def jobs(pictures, prompts, answers, seed):
    rng = random.Random(seed)
    ways = [dict(num_beams=beams, length_penalty=penalty, early_stopping=early, num_return=returned)
            for beams, penalty, early, returned in
            [(2, 1.0, False, 1), (3, 0.0, True, 3), (4, 1.0, "never", 2), (4, -1.0, False, 4), (5, 2.0, True, 2), (8, 0.6, False, 8),
             (16, 1.0, "never", 3), (2, 0.0, "never", 2), (3, 1.5, "never", 1), (6, -0.5, True, 6)]]
    ways += [dict(temperature=t, top_k=k, top_p=p, seed=rng.randrange(2**62))
             for t, k, p in [(1.0, 0, 1.0), (0.7, 0, 1.0), (1.0, 5, 1.0), (1.3, 50, 0.9), (0.5, 0, 0.5), (1.0, 0, 0.95), (2.0, 0, 0.999),
                             (1.0, 1, 1.0), (1.0, 0, 0.001), (1.0, 1500, 0.8)]]
    ways += [dict(choices=answers), dict(choices=list(reversed(answers))[:2]), dict(top_logprobs=5), dict(top_logprobs=20)]
    for index, way in enumerate(ways):
        job = dict(id=f"way-{index}", images=[rng.choice(pictures) for _ in range(1 + (index % 7 == 3))],
                   prompt=rng.choice(prompts), max_tokens=rng.choice([1, 6, 20, 20, 40]))
        yield {**job, **way}


def main():
    torch.set_grad_enabled(False)
    drawn_pictures = sorted(os.listdir(os.path.join(here, "../pictures")))
    plain = ["../../pictures/" + name for name in drawn_pictures if name.endswith((".png", ".jpg", ".webp")) and name != "gray-trns.png"]
    scenes = ["../../../../Examples/pictures/" + name for name in sorted(os.listdir(os.path.join(root, "Examples/pictures"))) if not name.endswith("jsonl")]
    words = ["yes", "no", "yesterday", "a red car", "a red cart, 7", "\u00e9", " no", "no\nno"]
    shapes = ["a red circle", "a red square", "red", "2", "3", "a blue triangle", "<loc0256><loc0384><loc0768><loc0928> red circle"]
    for name, folder, pictures, prompts, answers in [
            ("odd", "odd", plain, ["caption en", "", "ocr", "detect cat ; dog"], words),
            ("grouped", "grouped", plain, ["caption en", "answer en how many cats are there?"], words),
            ("second", "second", plain, ["caption en", "ocr"], words), ("edge", "edge", plain, ["", "ocr"], words),
            ("miniature", "../../../Examples/miniature/model", scenes,
             ["caption en", "answer en how many shapes are there?", "detect red circle", "answer en what color is the circle?", "describe en"], shapes)]:
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        os.makedirs(os.path.join(here, name), exist_ok=True)
        for window in [False, True] if name in ["second", "edge"] else [False]:
            model, processor = load(os.path.join(here, folder), window)
            with open(os.path.join(here, name, "decoding-window.jsonl" if window else "decoding.jsonl"), "w") as file:
                for job in jobs(pictures, prompts, answers, len(name)):
                    # With the window only what goes on in several ways, and draws once.
                    if not window or "num_beams" in job or "choices" in job or job["id"] == "way-10":
                        file.write(json.dumps({**job, "expected": expected(model, processor, job)}) + "\n")


if __name__ == "__main__":
    main()
