"""What the programs of all peers share: their options, and the conversation with benchmarks/compare.

A peer loads its model, captions once to warm up, and writes a line of JSON: {"ready": seconds, "versions": {…}, …}.
For each line that it then reads it captions all pictures and writes {"seconds": …, "tokens": […], …}. An error
is a line {"error": reason} and ends it. Everything else that libraries write goes to standard error."""
import argparse
import importlib.metadata
import json
import os
import sys
import time
from pathlib import Path

PROMPT = "caption en"


def parse(description, precisions):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--pictures", required=True, help="a folder")
    parser.add_argument("--precision", choices=precisions, default=precisions[0])
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--together", type=int, default=8, help="pictures of one call")
    parser.add_argument("--tokens", type=int, default=20)
    return parser.parse_args()


def versions(*packages):
    return {package: importlib.metadata.version(package) for package in packages}


def answer_standard_input(options, load):
    """Serves until standard input ends.

    `load(options)` returns an object with `details`, a dictionary for the first line, `warm_up(pictures)`,
    `caption(pictures, tokens)`, which returns the tokens of each answer, and `counted()`, more figures of the round.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(line):
        print(json.dumps(line), file=answers, flush=True)

    try:
        start = time.perf_counter()
        peer = load(options)
        pictures = sorted(Path(options.pictures).iterdir())
        # What a first call does once (threads, buffers, compiled kernels) is not the work that is compared.
        peer.warm_up(pictures[:options.together])
        say({"ready": time.perf_counter() - start} | peer.details)
        for _ in sys.stdin:
            say(_round(peer, options, pictures))
    except Exception as error:
        say({"error": f"{type(error).__name__}: {error}"})
        raise


def _round(peer, options, pictures):
    start = time.perf_counter()
    tokens = []
    for first in range(0, len(pictures), options.together):
        tokens += peer.caption(pictures[first:first + options.together], options.tokens)
    seconds = time.perf_counter() - start
    lengths = {len(answer) for answer in tokens}
    if lengths != {options.tokens}:
        raise ValueError(f"answers of {sorted(lengths)} tokens in place of {options.tokens}")
    return {"seconds": seconds, "tokens": tokens} | peer.counted()
