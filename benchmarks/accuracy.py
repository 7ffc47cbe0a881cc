#!/usr/bin/env python3
"""What `--precision bf16` and `int8` cost in accuracy, beside transformers' bfloat16 and torch's dynamic int8 of the
same checkpoints.

    python3 -m venv .venv && .venv/bin/pip install torch transformers sentencepiece protobuf pillow safetensors numpy
    .venv/bin/python benchmarks/accuracy.py [--programs .build/release] [--kinds] [--plant WHERE …] MODEL PICTURE…

The reference is transformers in float32 (its greedy answer is forced on all). Each line compares logits of the first
tokens: the root mean square and the largest of their differences, both relative to the standard deviation of the
reference's logits, and the same of the chosen tokens' log-probabilities. A table of the first figure ends the run.

    exact              this program, --precision exact
    bf16               this program, --precision bf16
    transformers bf16  transformers with the whole model in bfloat16
    int8               this program, --precision int8
    torch int8         torch.ao.quantization.quantize_dynamic on every nn.Linear, the rest in float32

--plant makes ten channels of the activations 30 times larger than the rest, in a copy of the checkpoint:
    norms       the weights of every norm: inputs of q, k, v, gate, up, fc1 and of the head
    balanced    the same, and the columns that read them 30 times smaller: the model computes what it did
    residual    the rows of down_proj, o_proj, fc2 and out_proj: the residual stream
    hidden      the rows of up_proj and fc1: inputs of down_proj and fc2
--kinds prints, for each kind of matrix, the error where only this kind is quantized."""
import argparse
import os
import subprocess
import tempfile
import warnings

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file, save_file
from transformers import PaliGemmaForConditionalGeneration, PaliGemmaProcessor
from transformers.utils import logging

PROMPT = "caption en"
KINDS = ["vision", "vision:q_proj", "vision:k_proj", "vision:v_proj", "out_proj", "fc1", "fc2",
         "text", "text:q_proj", "o_proj", "gate_proj|up_proj", "down_proj", "embed_tokens"]
CHANNELS, FACTOR = 10, 30.0
READERS = {"input_layernorm": ("q_proj", "k_proj", "v_proj"), "post_attention_layernorm": ("gate_proj", "up_proj"),
           "layer_norm1": ("q_proj", "k_proj", "v_proj"), "layer_norm2": ("fc1",)}
RESIDUAL_WRITERS = ("down_proj", "o_proj", "fc2", "out_proj")


def plant(model, where, out):
    """Copies a checkpoint to `out` with ten large channels."""
    os.makedirs(out, exist_ok=True)
    for name in os.listdir(model):
        if not name.startswith(".") and not name.endswith(".safetensors"):
            with open(os.path.join(model, name), "rb") as source, open(os.path.join(out, name), "wb") as target:
                target.write(source.read())
    generator = torch.Generator().manual_seed(7)
    chosen = {}

    def channels(key, width):
        return chosen.setdefault(key, torch.randperm(width, generator=generator)[:CHANNELS])

    for file in sorted(name for name in os.listdir(model) if name.endswith(".safetensors")):
        tensors = {name: tensor.float() for name, tensor in load_file(os.path.join(model, file)).items()}
        types = {name: tensor.dtype for name, tensor in load_file(os.path.join(model, file)).items()}
        for name, tensor in tensors.items():
            parts = name.split(".")
            layer = name.rsplit(".", 2)[0]
            if where in ("norms", "balanced") and tensor.ndim == 1 and any(norm in name for norm in READERS):
                norm = next(n for n in READERS if n in name)
                picked = channels(name.split(norm)[0] + norm, tensor.shape[0])
                if "layer_norm" in name:
                    tensor[picked] *= FACTOR
                else:
                    tensor[picked] = (1 + tensor[picked]) * FACTOR - 1
            if where == "balanced" and parts[-1] == "weight":
                for norm, readers in READERS.items():
                    if any(reader in name for reader in readers) and ("vision" in name) == ("layer_norm" in norm):
                        prefix = name.split("self_attn")[0].split("mlp")[0]
                        tensor[:, channels(prefix + norm, tensor.shape[1])] /= FACTOR
            if where == "residual" and parts[-1] == "weight" and parts[-2] in RESIDUAL_WRITERS:
                tensor[channels("vision" if "vision" in name else "text", tensor.shape[0])] *= FACTOR
            if where == "hidden" and parts[-1] == "weight" and parts[-2] in ("up_proj", "fc1"):
                tensor[channels(layer, tensor.shape[0])] *= FACTOR
        save_file({name: tensor.to(types[name]).contiguous() for name, tensor in tensors.items()},
                  os.path.join(out, file), metadata={"format": "pt"})
    return out


class Torch:
    def __init__(self, model, kind=torch.float32):
        self.processor = PaliGemmaProcessor.from_pretrained(model)
        self.kind = kind
        self.model = PaliGemmaForConditionalGeneration.from_pretrained(
            model, dtype=kind, attn_implementation="sdpa").eval()

    def quantize(self):
        self.model = torch.ao.quantization.quantize_dynamic(self.model, {torch.nn.Linear}, dtype=torch.qint8)

    def inputs(self, picture):
        image = ImageOps.exif_transpose(Image.open(picture)).convert("RGB")
        inputs = self.processor(text=["<image>" + PROMPT], images=[[image]], return_tensors="pt")
        inputs["pixel_values"] = inputs["pixel_values"].to(self.kind)
        return inputs

    def answer(self, picture, tokens):
        inputs = self.inputs(picture)
        out = self.model.generate(**inputs, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False)
        return out[0, inputs["input_ids"].shape[1]:].tolist()

    def logits(self, picture, answer):
        """Step by step, as a program that decodes sees them."""
        inputs = self.inputs(picture)
        out = self.model(**inputs, use_cache=True)
        rows = [out.logits[0, -1]]
        count = inputs["input_ids"].shape[1]
        for step, token in enumerate(answer[:-1]):
            out = self.model.model.language_model(
                input_ids=torch.tensor([[token]]), past_key_values=out.past_key_values,
                position_ids=torch.tensor([[count + step + 1]]), use_cache=True)
            rows.append(self.model.lm_head(out.last_hidden_state)[0, -1])
        return torch.stack(rows).double().numpy()


def own_logits(options, model, picture, answer, *more):
    with tempfile.NamedTemporaryFile(suffix=".f32") as file:
        subprocess.run(
            [os.path.join(options.programs, "paligemma"), "inspect", "logits", picture, "--model", model,
             "--prompt", PROMPT, "--max-tokens", str(len(answer)), "--forced-tokens", ",".join(map(str, answer)),
             "--output", file.name, *more],
            check=True)
        return np.fromfile(file.name, dtype=np.float32).reshape(len(answer), -1).astype(np.float64)


def log_softmax(rows):
    shifted = rows - rows.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def compare(label, found, expected, answers):
    """Prints how far the logits of all pictures are from the reference's."""
    difference = np.concatenate([(a - b) / b.std(-1, keepdims=True) for a, b in zip(found, expected)])
    first = np.stack([(a[0] - b[0]) / b[0].std() for a, b in zip(found, expected)])
    chosen = np.concatenate([
        np.take_along_axis(log_softmax(a) - log_softmax(b), np.array(c)[:, None], 1)[:, 0]
        for a, b, c in zip(found, expected, answers)])
    same = np.mean([np.mean(a.argmax(-1) == b.argmax(-1)) for a, b in zip(found, expected)])
    rms = np.sqrt((difference ** 2).mean())
    print(f"  {label:28s} logits rms {rms:8.5f} (first token {np.sqrt((first ** 2).mean()):8.5f})  largest "
          f"{np.abs(difference).max():8.4f}   log-probability {np.sqrt((chosen ** 2).mean()):8.5f}   "
          f"same choice {100 * same:5.1f} %", flush=True)
    return rms


def measure(options, model, title):
    """Compares every way of computing with transformers in float32; returns each one's root mean square."""
    print(title, flush=True)
    reference = Torch(model)
    answers = [reference.answer(picture, options.tokens) for picture in options.pictures]
    pairs = list(zip(options.pictures, answers))
    expected = [reference.logits(*pair) for pair in pairs]

    def found(label, logits):
        return compare(label, [logits(*pair) for pair in pairs], expected, answers)

    def ours(*more):
        return lambda *pair: own_logits(options, model, *pair, *more)

    errors = {
        "exact": found("exact", ours("--precision", "exact")),
        "bf16": found("bf16", ours("--precision", "bf16")),
        "transformers bf16": found("transformers bf16", Torch(model, torch.bfloat16).logits),
        "int8": found("int8", ours("--precision", "int8"))}
    reference.quantize()
    errors["torch int8"] = found("torch int8", reference.logits)
    if options.kinds:
        for kind in KINDS:
            found(f"int8, only {kind}", ours("--precision", "int8", "--only-weights", kind))
    return errors


def print_table(rows):
    """`rows` maps a title to the errors by column; written for benchmarks/README.md."""
    columns = list(next(iter(rows.values())))
    print(f"| planted | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for title, errors in rows.items():
        print(f"| {title} | {' | '.join(f'{errors[column]:.2g}' for column in columns)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("pictures", nargs="+")
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--programs", default=os.path.join(here, "../.build/release"))
    parser.add_argument("--tokens", type=int, default=6)
    parser.add_argument("--plant", nargs="*", default=[], choices=["norms", "balanced", "residual", "hidden"])
    parser.add_argument("--kinds", action="store_true")
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    warnings.simplefilter("ignore")
    name, rows = os.path.basename(options.model.rstrip("/")), {}
    with tempfile.TemporaryDirectory() as work:
        for where in [None] + options.plant:
            model = options.model if where is None else plant(options.model, where, os.path.join(work, where))
            title = where or "as it is"
            rows[title] = measure(options, model, f"{name}, {title}")
    print_table(rows)


if __name__ == "__main__":
    main()
