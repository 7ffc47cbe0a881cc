#!/usr/bin/env python3
"""Captions pictures with Hugging Face transformers, for benchmarks/compare to take turns with.

float32 and bfloat16: the model in that type, with torch's scaled dot product attention. int8: float32 with torch's
dynamic quantization of every linear layer."""
import gc
import time
import warnings
from pathlib import Path

import sentencepiece
import serve
import torch
from PIL import Image
from transformers import AutoImageProcessor, PaliGemmaForConditionalGeneration
from transformers.utils import logging


class Inputs:
    """What the model's own processor makes of pictures and the prompt. A random checkpoint has a SentencePiece file
    alone, from which transformers would number the image token anew."""

    def __init__(self, folder, model):
        self.images = AutoImageProcessor.from_pretrained(folder)
        self.type = model.dtype
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(Path(folder) / "tokenizer.model"))
        image = [model.config.image_token_id] * model.config.text_config.num_image_tokens
        text = pieces.encode(serve.PROMPT) + pieces.encode("\n")
        self.prompt = image + [model.config.text_config.bos_token_id] + text

    def __call__(self, pictures):
        ids = torch.tensor([self.prompt] * len(pictures))
        opened = [Image.open(picture).convert("RGB") for picture in pictures]
        return {
            "input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids),
            "pixel_values": self.images(images=opened, return_tensors="pt")["pixel_values"].to(self.type)}


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


class TransformersPeer:
    def __init__(self, options):
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        warnings.simplefilter("ignore")
        torch.set_num_threads(options.threads)
        torch.set_grad_enabled(False)
        kind = torch.bfloat16 if options.precision == "bfloat16" else torch.float32
        self.precision = options.precision
        self.model = PaliGemmaForConditionalGeneration.from_pretrained(
            options.model, dtype=kind, attn_implementation="sdpa").eval()
        self.inputs = Inputs(options.model, self.model)
        if options.precision == "int8":
            torch.ao.quantization.quantize_dynamic(self.model, {torch.nn.Linear}, dtype=torch.qint8, inplace=True)
            gc.collect()
        self.vision = Timed(self.model.model.vision_tower)
        self.details = {
            "versions": serve.versions("transformers", "torch"), "threads": torch.get_num_threads(),
            "kernels": f"torch {torch.backends.cpu.get_cpu_capability()}, oneDNN and MKL choose by themselves"}

    def warm_up(self, pictures):
        # oneDNN makes its bfloat16 kernels for the shapes of a call; the others have none to make.
        self.caption(pictures if self.precision == "bfloat16" else pictures[:1], 2)
        self.vision.seconds = 0.0

    def caption(self, pictures, tokens):
        given = self.inputs(pictures)
        answers = self.model.generate(**given, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False)
        return answers[:, given["input_ids"].shape[1]:].tolist()

    def counted(self):
        seconds, self.vision.seconds = self.vision.seconds, 0.0
        return {"vision": seconds}


if __name__ == "__main__":
    serve.answer_standard_input(serve.parse(__doc__, ["float32", "bfloat16", "int8"]), TransformersPeer)
