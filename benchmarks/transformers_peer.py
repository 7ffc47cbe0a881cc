#!/usr/bin/env python3
"""Captions pictures with Hugging Face transformers, for benchmarks/compare to take turns with.

    transformers_peer.py --model DIR --pictures DIR --weights float32|int8 [--threads N] [--together B] [--tokens T]

Loads the model once and prints a line of JSON; then, for each line on its standard input, captions all pictures and
prints a line of JSON with the seconds from the pictures' files to the last token. float32 is the model as it is, with
torch's scaled dot product attention; int8 is the same with torch's dynamic quantization of every linear layer.
"""
import argparse
import gc
import json
import resource
import sys
import time
import warnings
from pathlib import Path

import sentencepiece
import torch
from PIL import Image
from transformers import AutoImageProcessor, PaliGemmaForConditionalGeneration
from transformers.utils import logging

PROMPT = "caption en"


class Inputs:
    """What the model's own processor makes of pictures and the prompt. A random checkpoint has a SentencePiece file
    alone, from which transformers would number the image token anew."""

    def __init__(self, folder, model):
        self.images = AutoImageProcessor.from_pretrained(folder)
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(Path(folder) / "tokenizer.model"))
        image = [model.config.image_token_id] * model.config.text_config.num_image_tokens
        self.prompt = image + [model.config.text_config.bos_token_id] + pieces.encode(PROMPT) + pieces.encode("\n")

    def __call__(self, pictures):
        ids = torch.tensor([self.prompt] * len(pictures))
        opened = [Image.open(picture).convert("RGB") for picture in pictures]
        return {
            "input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids),
            "pixel_values": self.images(images=opened, return_tensors="pt")["pixel_values"]}


def load(folder, weights):
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    warnings.simplefilter("ignore")
    model = PaliGemmaForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="sdpa").eval()
    if weights == "int8":
        torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8, inplace=True)
        gc.collect()
    return model


class Timed:
    """Seconds that calls of a module take."""

    def __init__(self, module):
        self.seconds = 0.0
        module.register_forward_pre_hook(lambda *_: self._begin())
        module.register_forward_hook(lambda *_: self._end())

    def _begin(self):
        self.start = time.perf_counter()

    def _end(self):
        self.seconds += time.perf_counter() - self.start


def caption(model, inputs, pictures, tokens):
    """The tokens of each answer, exactly `tokens` of them."""
    given = inputs(pictures)
    answers = model.generate(**given, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False)
    return answers[:, given["input_ids"].shape[1]:].tolist()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--pictures", required=True)
    parser.add_argument("--weights", choices=["float32", "int8"], default="float32")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--together", type=int, default=8, help="pictures of one call")
    parser.add_argument("--tokens", type=int, default=20)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    with torch.inference_mode():
        start = time.perf_counter()
        model = load(options.model, options.weights)
        inputs = Inputs(options.model, model)
        vision = Timed(model.model.vision_tower)
        pictures = sorted(Path(options.pictures).iterdir())
        # What a first call does once (threads, buffers) is not the work that is compared.
        caption(model, inputs, pictures[:1], 2)
        print(json.dumps({
            "ready": time.perf_counter() - start, "torch": torch.__version__, "threads": torch.get_num_threads(),
            "processor": torch.backends.cpu.get_cpu_capability()}), flush=True)
        for _ in sys.stdin:
            vision.seconds = 0.0
            start = time.perf_counter()
            answers = []
            for first in range(0, len(pictures), options.together):
                answers += caption(model, inputs, pictures[first:first + options.together], options.tokens)
            seconds = time.perf_counter() - start
            assert all(len(answer) == options.tokens for answer in answers)
            print(json.dumps({
                "seconds": seconds, "vision": vision.seconds, "tokens": answers,
                "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}), flush=True)


if __name__ == "__main__":
    main()
