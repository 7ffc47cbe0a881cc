#!/usr/bin/env python3
"""Makes rules.jsonl beside the checkpoints of this folder: jobs with every key that changes logits before a token is chosen,
alone and together, greedy and with beams, and what transformers makes of them, in float32. Needs what make.py needs.

A line is a job as in jobs.jsonl, and in "expected" what decoding.py has, and of greedy jobs besides:

    logprobs    of each token, of the logits before the rules
    margin      the smallest difference between the two largest scores of a step

    rules.py [case …]    makes some of them only

Keys that a job cannot have (`eos_token_id`) stand under "file", for a generation_config.json.
"""
import json, os, sys
import torch
from decoding import beams, cut, here, inputs_of, load, text_of

NAMES = {"num_return": "num_return_sequences"}
METHOD = {"num_beams", "length_penalty", "early_stopping", "num_return"}


def answer(model, processor, inputs, keys, limit):
    """The plain or ruled answer: its tokens, and the log-probabilities of its raw logits."""
    start = inputs["input_ids"].shape[1]
    result = model.generate(**inputs, max_new_tokens=limit, do_sample=False, return_dict_in_generate=True, output_scores=True,
                            output_logits=True, **keys)
    ends = keys.get("eos_token_id", 1)
    ends = ends if isinstance(ends, list) else [ends]
    tokens = result.sequences[0, start:].tolist()
    stop = next((index for index, token in enumerate(tokens) if token in ends), None)
    all_tokens, tokens = tokens, tokens if stop is None else tokens[:stop]
    logprobs = [float(logits[0].double().log_softmax(-1)[token]) for logits, token in zip(result.logits, tokens)]
    margins = [float(two[0] - two[1]) for two in (scores[0].double().topk(2).values for scores in result.scores) if two[1] > -1e30]
    return all_tokens, dict(tokens=tokens, text=text_of(processor, tokens), logprobs=[round(value, 6) for value in logprobs],
                            finish_reason="length" if stop is None else "stop", margin=round(min(margins, default=1.0), 6))


def settings(length, t):
    """Keys that act: length is that of the prompt, t the tokens of the plain answer."""
    beam = dict(num_beams=3, num_return=2)
    return [dict(repetition_penalty=1.3), dict(repetition_penalty=0.7), dict(repetition_penalty=2.0, no_repeat_ngram_size=2),
            dict(no_repeat_ngram_size=1), dict(no_repeat_ngram_size=2), dict(no_repeat_ngram_size=3), dict(suppress_tokens=[1, t[0], t[2]]),
            dict(begin_suppress_tokens=[1, t[0]]), dict(begin_suppress_tokens=[t[1]]), dict(min_length=length + 6), dict(min_new_tokens=9),
            dict(forced_eos_token_id=[1]), dict(bad_words_ids=[[t[0]], [t[1], t[2]], [1]]), dict(exponential_decay_length_penalty=[2, 1.8]),
            dict(sequence_bias=[[[t[3]], 3.0], [[t[0], t[1]], -40.0]]), dict(sequence_bias=[[[t[0]], -30.0], [[t[1]], 2.0], [[t[1], t[1]], -2.5]]),
            dict(remove_invalid_values=True, suppress_tokens=[t[0]]),
            dict(file=dict(eos_token_id=[1, t[3]])), dict(file=dict(eos_token_id=[1, t[1]]), min_new_tokens=4),
            dict(file=dict(eos_token_id=[t[2]])),
            {**beam, "repetition_penalty": 1.5, "no_repeat_ngram_size": 2}, {**beam, "suppress_tokens": [t[0]], "renormalize_logits": True},
            {**beam, "min_new_tokens": 6, "bad_words_ids": [[t[1]], [t[0], t[2]]]}, {**beam, "sequence_bias": [[[t[0]], -4.0]], "length_penalty": 0.5},
            {**beam, "forced_eos_token_id": [1], "early_stopping": True}, {**beam, "exponential_decay_length_penalty": [1, 1.3]},
            {**beam, "begin_suppress_tokens": [t[0]], "no_repeat_ngram_size": 1}, dict(beam, file=dict(eos_token_id=[1, t[2], t[4]]))]


def main():
    torch.set_grad_enabled(False)
    picture = "../../pictures/" + sorted(name for name in os.listdir(os.path.join(here, "../pictures")) if name.endswith(".png"))[0]
    for name in ["odd", "second"]:
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        model, processor = load(os.path.join(here, name), False)
        with open(os.path.join(here, name, "rules.jsonl"), "w") as file:
            for index, prompt in enumerate(["a cat and a cat and a cat", "ocr"]):
                first = dict(images=[picture] * (1 + index), prompt=prompt, max_tokens=12)
                inputs = inputs_of(processor, first)
                length = inputs["input_ids"].shape[1]
                plain, _ = answer(model, processor, inputs, {}, 12)
                for number, keys in enumerate(settings(length, plain)):
                    job = dict(id=f"rule-{index}-{number}", **first, **keys)
                    call = {NAMES.get(key, key): value for key, value in {**keys, **keys.get("file", {})}.items() if key != "file"}
                    if "num_beams" in keys:
                        if "file" in keys:
                            call.pop("num_return_sequences")
                        expected = dict(beams=ruled_beams(model, processor, inputs, call, job))
                    else:
                        _, expected = answer(model, processor, inputs, call, 12)
                    file.write(json.dumps({**job, "expected": expected}) + "\n")


def ruled_beams(model, processor, inputs, call, job):
    """As decoding.py's beams, with the log-probabilities of the raw logits."""
    start, count = inputs["input_ids"].shape[1], job["num_return"]
    call = {**call, "num_return_sequences": count}
    result = model.generate(**inputs, max_new_tokens=job["max_tokens"], do_sample=False, return_dict_in_generate=True, output_scores=True,
                            output_logits=True, **call)
    ends = call.get("eos_token_id", [1])
    answers = []
    for index in range(count):
        indices = result.beam_indices[index]
        tokens = result.sequences[index, start:].tolist()[:int((indices >= 0).sum())]
        logprobs = [float(result.logits[step][indices[step]].double().log_softmax(-1)[token]) for step, token in enumerate(tokens)]
        ended = bool(tokens) and tokens[-1] in ends
        tokens, logprobs = (tokens[:-1], logprobs[:-1]) if ended else (tokens, logprobs)
        answers.append(dict(tokens=tokens, text=text_of(processor, tokens), score=float(result.sequences_scores[index]),
                            logprobs=[round(value, 6) for value in logprobs], ended=ended))
    return answers


if __name__ == "__main__":
    main()
