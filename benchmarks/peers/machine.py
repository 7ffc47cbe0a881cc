"""What this machine is, what memory it has left, and what memory a process and its children take."""
import os
import threading
from pathlib import Path

# What decides which kernels a library can use; /proc/cpuinfo has many more.
TELLING_FLAGS = [
    "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "avx_vnni", "amx_tile", "amx_int8",
    "amx_bf16", "asimd", "asimddp", "bf16", "i8mm", "sve"]


def _processor_fields():
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, found, value = line.partition(":")
        if found:
            fields.setdefault(name.strip(), value.strip())
    return fields


class Processor:
    def __init__(self):
        fields = _processor_fields()
        self.flags = set((fields.get("flags") or fields.get("Features") or "").split())
        family, model = fields.get("cpu family"), fields.get("model")
        self.name = fields.get("model name") or os.uname().machine
        if family and model:
            self.name += f" (family {family}, model {model})"

    @property
    def telling_flags(self):
        return [flag for flag in TELLING_FLAGS if flag in self.flags]


def available_memory():
    """Bytes that new processes can have: what the kernel says is available, or what a container's limit leaves."""
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    amounts = [int(lines["MemAvailable"].split()[0]) * 1024]
    for limit, used in (
            ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes")):
        try:
            amounts.append(int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):
            pass  # No such control group, or no limit ("max").
    return max(0, min(amounts))


def _peak_of(process):
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _tree(root):
    """The ids of a process and all its descendants."""
    children = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                parent = int(Path(entry.path, "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue  # It has just ended.
            children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for process in found:
        found += children.get(process, [])
    return found


class MemoryWatch:
    """Collects the peak of resident memory of a process and its descendants while the context lasts. Pages that several
    processes share count in each of them, and those of a mapped checkpoint count as well."""

    def __init__(self, process, interval=0.5):
        self.process, self.interval, self.peaks = process, interval, {}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    @property
    def gigabytes(self):
        return sum(self.peaks.values()) / 1e9

    def _watch(self):
        while True:
            for process in _tree(self.process):
                try:
                    self.peaks[process] = _peak_of(process)
                except OSError:
                    pass  # It has just ended; its last known peak counts.
            if self.ended.wait(self.interval):
                return
