#!/usr/bin/env python3
"""Makes the goldens beside this file: small checkpoints and what transformers computes with them, in float32.

    python3 -m venv .venv && .venv/bin/pip install torch transformers sentencepiece protobuf pillow safetensors numpy
    .venv/bin/python Tests/Fixtures/goldens/make.py          (without torchvision: it would switch the pixel path)

Each folder holds a checkpoint in the public layout (model.safetensors, config.json, tokenizer.model) and
goldens.safetensors, all float32:

    pixels          [pictures, S, S, 3]   resized bytes, as numbers
    vision.0 … L    [pictures · T, D]     the residual stream after the embedding and after each layer
    features        [pictures · T, D]     after the last norm, before the projector
    ids             [P]                   the prompt, picture tokens included
    text.0 … L      [P, D]                decoder input, and the residual stream after each layer (before the last norm)
    logits          [steps, V]            of each step
    tokens          [steps]               the choice of each step, the end token included
    window.logits, window.tokens          the same with the sliding window of PaliGemma 2, as transformers has it;
                                          the others are without

Beside them jobs.jsonl (pictures of ../../pictures, prompts, lengths) and answers.jsonl, what the reference answers:
tokens, log-probabilities, and the margin between the two best logits of each step. answers-window.jsonl is with the
sliding window.

    make.py [case …]       makes some of them only
"""
import json, os, random, sys
import numpy as np
import torch
from argparse import Namespace
from PIL import Image
from safetensors.numpy import save_file
from transformers import PaliGemmaForConditionalGeneration, PaliGemmaProcessor

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(here))
import reference

CASES = {
    # One key/value head, five query heads, widths that nothing divides, bfloat16.
    "odd": (dict(seed=21, hidden=40, mlp=101, layers=3, heads=5, kv_heads=1, head_dim=10, image_size=70, vision_hidden=30,
                 vision_mlp=53, vision_layers=2, vision_heads=3, dtype="bfloat16"), ["caption en"], 1),
    # Two key/value heads, two pictures a prompt, a picture that is no multiple of the patch, float16.
    "grouped": (dict(seed=22, hidden=48, mlp=96, layers=2, heads=6, kv_heads=2, head_dim=8, image_size=60, vision_hidden=32,
                     vision_mlp=64, vision_layers=3, vision_heads=4, dtype="float16"), ["answer en how many cats are there?"], 2),
    # Gemma 2: two query heads a key/value head, heads together wider than the model, a scale of its own, every prefix
    # longer than the window.
    "second": (dict(seed=23, family=2, hidden=42, mlp=90, layers=4, heads=6, kv_heads=3, head_dim=10, image_size=56,
                    vision_hidden=30, vision_mlp=53, vision_layers=2, vision_heads=3, query_scalar=7, sliding_window=12,
                    dtype="bfloat16"), ["caption en"], 2),
    # Three query heads a key/value head, caps that bite, the window in layers of the configuration's choice; answers
    # pass its edge on their way.
    "edge": (dict(seed=24, family=2, hidden=36, mlp=72, layers=4, heads=9, kv_heads=3, head_dim=8, image_size=60,
                  vision_hidden=32, vision_mlp=64, vision_layers=2, vision_heads=4, sliding_window=26, dtype="float16"),
             ["ocr"], 1),
}
# What the reference's maker does not let one choose.
CONFIGURATION = {
    "edge": dict(attn_logit_softcapping=5.0, final_logit_softcapping=1.5,
                 layer_types=["full_attention", "sliding_attention", "sliding_attention", "full_attention"]),
}
DEFAULTS = dict(family=1, patch=14, base_vocab=420, sliding_window=4096, query_scalar=0, shard_mb=0, spread=4.0, slow_tokenizer=False)


def capture(model, processor, pictures, prompt, steps):
    store = {}

    def keep(name):
        def hook(module, arguments, output):
            value = output[0] if isinstance(output, tuple) else output
            store.setdefault(name, value.detach().reshape(-1, value.shape[-1]).clone())
        return hook

    def keep_input(module, arguments, keywords):
        store.setdefault("text.0", arguments[0].detach()[0].clone())

    tower, text = model.model.vision_tower, model.model.language_model
    hooks = [tower.embeddings.register_forward_hook(keep("vision.0")), tower.post_layernorm.register_forward_hook(keep("features"))]
    hooks += [layer.register_forward_hook(keep(f"vision.{i + 1}")) for i, layer in enumerate(tower.encoder.layers)]
    hooks += [layer.register_forward_hook(keep(f"text.{i + 1}")) for i, layer in enumerate(text.layers)]
    hooks.append(text.layers[0].register_forward_pre_hook(keep_input, with_kwargs=True))
    inputs = processor(text=["<image>" * len(pictures) + prompt], images=[pictures], return_tensors="pt")
    result = model.generate(**inputs, max_new_tokens=steps, do_sample=False, return_dict_in_generate=True, output_logits=True)
    for hook in hooks:
        hook.remove()
    count = inputs["input_ids"].shape[1]
    store["ids"] = inputs["input_ids"][0].float()
    store["tokens"] = result.sequences[0, count:].float()
    store["logits"] = torch.cat([step[0:1] for step in result.logits])
    size = processor.image_processor.size["height"]
    store["pixels"] = torch.from_numpy(np.stack(
        [np.asarray(picture.resize((size, size), Image.BICUBIC), dtype=np.float32) for picture in pictures]))
    return {name: np.ascontiguousarray(value.float().numpy()) for name, value in store.items()}


def set_text_configuration(out, changes):
    path = os.path.join(out, "config.json")
    with open(path) as file:
        configuration = json.load(file)
    before = dict(configuration["text_config"])
    configuration["text_config"].update(changes)
    with open(path, "w") as file:
        json.dump(configuration, file, indent=2)
    return before


def load(out):
    return PaliGemmaForConditionalGeneration.from_pretrained(out, dtype=torch.float32, attn_implementation="eager").eval()


def answer_jobs(out, seed, window):
    """Forty jobs in any mixture: formats, prompts, lengths, one or two pictures."""
    rng = random.Random(seed)
    pictures = sorted(name for name in os.listdir(os.path.join(here, "../pictures")) if name.endswith((".png", ".jpg", ".webp")))
    prompts = ["caption en", "", "answer en how many cats are there?", "ocr", "detect cat ; dog", "describe en the old tree\nand more",
               "caption de <loc0012> é 漢字 7654"]

    def draw():
        # Pillow's own RGB of a gray picture with a transparent gray keeps the mark, and the processor puts it on white.
        while True:
            name = rng.choice(pictures)
            if name != "gray-trns.png":
                return name

    with open(os.path.join(out, "jobs.jsonl"), "w") as file:
        for index in range(40):
            job = dict(id=f"job-{index}", images=["../../pictures/" + draw() for _ in range(1 + (index % 7 == 0))],
                       prompt=rng.choice(prompts), max_tokens=rng.choice([1, 5, 12, 30]))
            file.write(json.dumps(job) + "\n")
    # A window that no job fills is none.
    write_answers(out, "answers.jsonl", None if window is None else 8192)
    if window is not None:
        write_answers(out, "answers-window.jsonl", window)


def write_answers(out, name, window):
    if window is not None:
        set_text_configuration(out, dict(sliding_window=window))
    answers = os.path.join(out, name)
    reference.run(Namespace(model=out, jobs=os.path.join(out, "jobs.jsonl"), out=answers, threads=2, pil=True))
    lines = [json.loads(line) for line in open(answers)]
    with open(answers, "w") as file:
        for line in lines:
            del line["input_ids"]
            line["logprobs"] = [round(value, 6) for value in line["logprobs"]]
            line["margins"] = [round(value, 6) for value in line["margins"]]
            file.write(json.dumps(line) + "\n")


def main():
    torch.set_grad_enabled(False)
    for name, (shape, prompts, pictures) in CASES.items():
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        out = os.path.join(here, name)
        reference.make(Namespace(out=out, **{**DEFAULTS, **shape}))
        set_text_configuration(out, CONFIGURATION.get(name, {}))
        processor = PaliGemmaProcessor.from_pretrained(out)
        generator = np.random.default_rng(shape["seed"])
        drawn = [Image.fromarray(generator.integers(0, 256, (45 + 20 * i, 80 - 9 * i, 3), dtype=np.uint8)) for i in range(pictures)]
        window = shape["sliding_window"] if "sliding_window" in shape else None
        for prompt in prompts:
            if window is not None:
                set_text_configuration(out, dict(sliding_window=8192))
            goldens = capture(load(out), processor, drawn, prompt, steps=8)
            if window is not None:
                set_text_configuration(out, dict(sliding_window=window))
                windowed = capture(load(out), processor, drawn, prompt, steps=8)
                goldens.update({"window." + key: windowed[key] for key in ("logits", "tokens")})
            save_file(goldens, os.path.join(out, "goldens.safetensors"))
            with open(os.path.join(out, "prompt.json"), "w") as file:
                json.dump(dict(prompt=prompt, pictures=pictures), file)
        answer_jobs(out, shape["seed"], window)
        for extra in ("tokenizer.json", "tokenizer_config.json", "processor_config.json", "generation_config.json"):
            os.remove(os.path.join(out, extra))


if __name__ == "__main__":
    main()
