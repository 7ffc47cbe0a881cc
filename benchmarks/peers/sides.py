"""The processes that take turns: ours, started anew each round, and the peers."""
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from peers import catalog
from peers.machine import MemoryWatch
from peers.turns import SideFailed


def _last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it wrote nothing"


class Ours:
    """Runs `paligemma run`; its timeline tells when the first file was opened and the last token came."""

    def __init__(self, given, precision, env, model, pictures, work):
        self.env, self.work, self.pictures = env, work, pictures
        self.tokens = given.tokens
        self.options = ["--model", model, "--ranks", str(given.ranks), "--precision", precision]
        if given.threads_of_a_rank:
            self.options += ["--threads", str(given.threads_of_a_rank)]
        self.program = f"{given.programs}/paligemma"
        self.precision, self.model = precision, Path(model)
        self.prepared = False

    def __call__(self):
        if not self.prepared:
            # Makes the file of quantized weights.
            self._run(self.pictures[:1], 2)
            self.prepared = True
        self._fill_page_cache()
        return self._run(self.pictures, self.tokens)

    def _fill_page_cache(self):
        """Reads what a run maps: a peer's turn may have pushed it out of the page cache."""
        files = list(self.model.glob("*.safetensors"))
        if self.precision == "int8":
            files += self.model.glob(".paligemma-int8-*.bin")
        buffer = bytearray(1 << 24)
        for file in files:
            with open(file, "rb", buffering=0) as opened:
                while opened.readinto(buffer):
                    pass

    def _run(self, pictures, tokens):
        jobs, answers, timeline = (self.work / name for name in ("jobs.jsonl", "answers.jsonl", "timeline.json"))
        jobs.write_text("".join(
            json.dumps({"id": path.name, "images": [str(path)], "prompt": "caption en", "max_tokens": tokens}) + "\n"
            for path in pictures))
        command = [
            self.program, "run", *self.options, "--jobs", str(jobs), "--fresh", "--sorted", "--output", str(answers),
            "--timeline", str(timeline)]
        with subprocess.Popen(
                command, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            with MemoryWatch(process.pid) as memory:
                _, said = process.communicate()
        if process.returncode != 0:
            raise SideFailed(f"paligemma run --precision {self.precision} failed: {_last_line(said)}")
        return self._figures(timeline, answers, tokens) | {"memory_gb": memory.gigabytes}

    def _figures(self, timeline, answers, tokens):
        work = [
            event for event in json.loads(timeline.read_text())
            if event["name"] in ("prepare", "encode", "prefill", "decode")]
        first = min(event["ts"] for event in work)
        last = max(event["ts"] + event["dur"] for event in work)
        vision = sum(event["dur"] for event in work if event["name"] == "encode")
        found = [json.loads(line)["tokens"] for line in answers.read_text().splitlines()]
        lengths = {len(answer) for answer in found}
        if lengths != {tokens}:
            # The program has no option to write on behind its end token.
            raise SideFailed(
                f"our answers have {sorted(lengths)} tokens in place of {tokens}: one ended early. Ask for fewer "
                "--tokens.")
        return {"seconds": (last - first) / 1e6, "vision": vision / 1e6, "tokens": found}

    def end(self):
        """Ours has ended with its round."""


def describe_program(given, env):
    """The version of ours, and the set of kernels that it chooses here, as a run of a few seconds reports it."""
    program = f"{given.programs}/paligemma"
    try:
        version = subprocess.run([program, "--version"], env=env, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise SideFailed(
            f"{program} does not run: {error}. Build it (make), or name another folder with --programs.") from error
    bench = subprocess.run(
        [program, "bench", "--shape", "tiny", "--batch", "1", "--new-tokens", "2", "--json"], env=env,
        capture_output=True, text=True, check=False)
    try:
        kernels = json.loads(bench.stdout)["kernels"]
    except (ValueError, KeyError):
        kernels = f"unknown ('paligemma bench' said: {_last_line(bench.stderr)})"
    return {"version": f"paligemma {version.strip()}", "kernels": kernels}


class Peer:
    """A peer's processes. They stay loaded from round to round where memory allows, and are stopped meanwhile, for some
    wait by asking again and again. Loading is never timed.

    They are a process group of their own, in the session of this program: should it be killed while they are stopped,
    the kernel wakes them with SIGHUP, which ends them."""

    def __init__(self, given, kind, stays, env, python, model, pictures, work):
        self.kind, self.stays = kind, stays
        self.log = work / f"{kind.name}.log"
        self.env = env | (catalog.vllm_environment(python, given.cores) if kind.package == "vllm" else {})
        together = given.pictures if given.shape == "3b-224" else 1
        self.command = [
            python, str(catalog.HERE / kind.script), "--model", model, "--pictures", str(pictures),
            "--precision", kind.precision, "--together", str(together), "--tokens", str(given.tokens),
            "--threads", str(len(given.cores))]
        self.process = None
        self.details = {}

    def __call__(self):
        try:
            if self.process is None:
                self._load()
            self._signal(signal.SIGCONT)
            with MemoryWatch(self.process.pid) as memory:
                self.process.stdin.write("go\n")
                self.process.stdin.flush()
                figures = self._line()
            return {"vision": None} | figures | {"memory_gb": memory.gigabytes}
        except (SideFailed, BrokenPipeError) as failure:
            self.end()
            raise failure if isinstance(failure, SideFailed) else SideFailed(self._ended()) from failure
        finally:
            if self.stays:
                self._signal(signal.SIGSTOP)
            else:
                self.end()

    def end(self):
        if self.process:
            self._signal(signal.SIGCONT)
            self.process.stdin.close()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self._end_descendants()
            self.process.stdout.close()
            self.process = None

    def _end_descendants(self):
        """Ends what is left of the group, after a while in which vLLM's processes free their shared memory."""
        for signal_number, seconds in ((0, 5), (signal.SIGTERM, 5), (signal.SIGKILL, 0)):
            try:
                os.killpg(self.process.pid, signal_number)
            except ProcessLookupError:
                return
            time.sleep(seconds)

    def _load(self):
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                self.command, env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                preexec_fn=os.setpgrp)
        self.details = self._line()

    def _signal(self, number):
        """Sends a signal to all processes of the peer."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def _line(self):
        line = self.process.stdout.readline()
        if not line:
            raise SideFailed(self._ended())
        try:
            answer = json.loads(line)
        except ValueError as error:
            raise SideFailed(f"it wrote a line that is no answer: {line.strip()[:200]}") from error
        if "error" in answer:
            raise SideFailed(f"{answer['error']} (its interpreter: {self.command[0]})")
        return answer

    def _ended(self):
        code = self.process.wait()
        how = f"by signal {-code}" if code < 0 else f"with status {code}"
        hint = {
            -9: " Signal 9 is the system's when memory runs out: free some, or take fewer --layers.",
            -4: " Signal 4 is an instruction that this processor does not have."}.get(code, "")
        return f"{self.kind.name} ended {how}.{hint} It said last: {_last_line(self.log.read_text(errors='replace'))}"


def self_check():
    """Checks with a program of a few lines that a peer that ends in the middle fails with its reason, and a peer's own
    error with its words. Raises AssertionError naming what is wrong."""
    program = """
import json, os, signal, sys
print(json.dumps({"ready": 0, "versions": {}}), flush=True)
sys.stdin.readline()
print(json.dumps({"seconds": 1.5, "tokens": [[1]]}), flush=True)
if sys.stdin.readline():
    print("one line more", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    with tempfile.TemporaryDirectory() as work:
        kind = catalog.KINDS["transformers-f32"]
        given = argparse.Namespace(pictures=1, shape="3b-224", tokens=1, cores=[0])
        peer = Peer(given, kind, True, dict(os.environ), sys.executable, "model", "pictures", Path(work))
        peer.command = [sys.executable, "-c", program]
        assert peer()["seconds"] == 1.5
        try:
            peer()
            raise AssertionError("a peer that was killed has not failed")
        except SideFailed as failure:
            assert "signal 9" in str(failure) and "one line more" in str(failure), failure
        peer.command = [sys.executable, "-c", "print('{\"error\": \"no such model\"}')"]
        try:
            peer()
            raise AssertionError("a peer with an error has not failed")
        except SideFailed as failure:
            assert "no such model" in str(failure), failure
        peer.end()
