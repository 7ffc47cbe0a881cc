#!/usr/bin/env python3
"""Makes adapters/ beside this file: LoRA adapters of random numbers as PEFT saves them, for the checkpoints of this folder,
and what PEFT and transformers answer with them, in float32. Needs what make.py needs, and peft.

    adapters/CHECKPOINT/NAME/        adapter_config.json, adapter_model.safetensors
    adapters/CHECKPOINT/jobs.jsonl   jobs, each with its adapter or none; answers.jsonl beside them: what is answered

"words" of "odd" has the module names of older versions of transformers.
"""
import json, os, random, shutil, sys
import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
from decoding import END, cut, inputs_of, load, text_of

LANGUAGE = r"(q|k|v|o|gate|up|down)_proj"
ADAPTERS = {
    "odd": {
        # Every kind of module of the language model, ranks and alphas of their own.
        "words": (dict(r=4, lora_alpha=6, target_modules=rf".*language_model.*\.{LANGUAGE}",
                       rank_pattern={r"layers\.1\.self_attn\.q_proj": 7, "o_proj": 1},
                       alpha_pattern={r"mlp\.(gate|up)_proj": 11}), torch.float32),
        # Vision tower, projector and some of the language model; rsLoRA, bfloat16.
        "all": (dict(r=5, lora_alpha=4, use_rslora=True,
                     target_modules=r".*vision_tower.*\.(q_proj|k_proj|v_proj|out_proj|fc1|fc2)|.*multi_modal_projector\.linear"
                                    r"|.*language_model.*\.(q|v|down)_proj"), torch.bfloat16),
    },
    "second": {
        "words": (dict(r=3, lora_alpha=5, target_modules=rf".*language_model.*\.{LANGUAGE}"), torch.float16),
        # PEFT's way to name modules by their ends: q_proj is there in both towers.
        "ends": (dict(r=2, lora_alpha=3, target_modules=["q_proj", "v_proj"]), torch.float32),
    },
}


def fill(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_A" in name or "lora_B" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / parameter.shape[1] ** 0.5)


def to_old_names(folder):
    """As transformers before 4.52 called the modules."""
    def old(name):
        return name.replace("base_model.model.model.language_model.", "base_model.model.language_model.model.")
    path = os.path.join(folder, "adapter_model.safetensors")
    save_file({old(name): tensor for name, tensor in load_file(path).items()}, path)


def answer(model, processor, job):
    inputs = inputs_of(processor, job)
    count = inputs["input_ids"].shape[1]
    result = model.generate(**inputs, max_new_tokens=job["max_tokens"], do_sample=False, return_dict_in_generate=True,
                            output_logits=True)
    ids = result.sequences[0, count:].tolist()
    logprobs, margins = [], []
    for step, logits in enumerate(result.logits):
        row = logits[0].double()
        top = row.topk(2).values
        margins.append(round(float(top[0] - top[1]), 6))
        logprobs.append(round(float(row.log_softmax(-1)[ids[step]]), 6))
    tokens = cut(ids)
    return dict(id=job["id"], tokens=tokens, text=text_of(processor, tokens), finish_reason="stop" if END in ids else "length",
                logprobs=logprobs, margins=margins)


def jobs_of(checkpoint, names):
    rng = random.Random(checkpoint)
    with open(os.path.join(here, checkpoint, "jobs.jsonl")) as file:
        jobs = [json.loads(line) for line in file]
    for index, job in enumerate(jobs[:24]):
        name = rng.choice([None] + names)
        job.update(max_tokens=rng.choice([1, 6, 14]))
        yield dict(job, adapter=name) if name else job


def main():
    torch.set_grad_enabled(False)
    for number, (checkpoint, adapters) in enumerate(ADAPTERS.items()):
        shutil.rmtree(os.path.join(here, "adapters", checkpoint), ignore_errors=True)
        for index, (name, (settings, dtype)) in enumerate(adapters.items()):
            folder = os.path.join(here, "adapters", checkpoint, name)
            base, _ = load(os.path.join(here, checkpoint))
            model = get_peft_model(base, LoraConfig(**settings))
            fill(model, 100 * number + index)
            model.save_pretrained(folder)
            path = os.path.join(folder, "adapter_model.safetensors")
            save_file({name: tensor.to(dtype).contiguous() for name, tensor in load_file(path).items()}, path)
            os.remove(os.path.join(folder, "README.md"))
            os.chmod(path, 0o644)
            settings_path = os.path.join(folder, "adapter_config.json")
            with open(settings_path) as file:
                saved = dict(json.load(file), base_model_name_or_path=checkpoint)
            with open(settings_path, "w") as file:
                json.dump(saved, file, indent=2)
        base, processor = load(os.path.join(here, checkpoint))
        # Without the window of PaliGemma 2, as is our default.
        if getattr(base.config.text_config, "sliding_window", None) is not None:
            base.config.text_config.sliding_window = 8192
        model = None
        for name in adapters:
            folder = os.path.join(here, "adapters", checkpoint, name)
            if model is None:
                model = PeftModel.from_pretrained(base, folder, adapter_name=name)
            else:
                model.load_adapter(folder, adapter_name=name)
        model = model.float().eval()
        out = os.path.join(here, "adapters", checkpoint)
        with open(os.path.join(out, "jobs.jsonl"), "w") as jobs, open(os.path.join(out, "answers.jsonl"), "w") as answers:
            for job in jobs_of(checkpoint, list(adapters)):
                jobs.write(json.dumps(dict(job, images=["../" + path for path in job["images"]])) + "\n")
                if "adapter" in job:
                    model.set_adapter(job["adapter"])
                    expected = answer(model, processor, job)
                else:
                    with model.disable_adapter():
                        expected = answer(model, processor, job)
                answers.write(json.dumps(expected) + "\n")
    to_old_names(os.path.join(here, "adapters", "odd", "words"))


if __name__ == "__main__":
    main()
