"""What benchmarks/compare prints and writes as JSON."""
from peers import catalog, turns


def share(equal, all_tokens):
    return f"{equal} of {all_tokens}" + (f", {100 * equal / all_tokens:.0f} %" if all_tokens else "")


def columns(values):
    return "".join(f"{value:9.2f}" for value in values)


class Report:
    """`load` is the machine's load average before the first round, `program` describes ours, and `failures` maps the
    sides that took no part, or stopped, to the reason."""

    def __init__(self, given, processor, load, program, peers, rounds, failures):
        self.given, self.processor, self.load, self.program = given, processor, load, program
        self.rounds, self.failures = rounds, failures
        self.peers = {name: peer.details for name, peer in peers.items()}
        self.ours = [f"ours {precision}" for precision in given.precision]
        self.measured = [
            name for name in self.ours + list(peers) if any(name in entry for entry in rounds)]

    @property
    def pairs(self):
        """(above, below) of every ratio: each peer by each of our precisions, and our first precision by the others."""
        ours = [name for name in self.ours if name in self.measured]
        peers = [name for name in self.measured if name not in self.ours]
        return [(peer, name) for name in ours for peer in peers] + [(ours[0], name) for name in ours[1:]]

    def text(self):
        return "\n".join(self._heading() + [""] + self._sides() + self._ratios() + self._failures())

    def dictionary(self):
        return {
            "options": vars(self.given),
            "processor": {"name": self.processor.name, "flags": self.processor.telling_flags},
            "load_average_before": self.load,
            "ours": self.program, "peers": self.peers, "failures": self.failures,
            "ratios": [
                {"above": above, "below": below, "whole": turns.ratios(self.rounds, above, below),
                 "vision": turns.ratios(self.rounds, above, below, "vision"),
                 "equal_tokens": equal, "tokens": tokens}
                for above, below in self.pairs
                for equal, tokens in [turns.agreement(self.rounds, above, below)]],
            "rounds": self.rounds}

    def _heading(self):
        given = self.given
        what = [
            given.shape, *([f"{given.layers} layers"] if given.layers else []), f"{given.pictures} pictures",
            f"{given.tokens} tokens each", f"{given.ranks} of our ranks", f"{len(self.rounds)} rounds"]
        where = [
            f"cores {','.join(map(str, given.cores))} of {self.processor.name}", *self.processor.telling_flags,
            *(["all limited to AVX2"] if given.avx2 else []), f"load average {self.load:.1f} before"]
        ours = f"ours: {self.program['version']}, kernel set {self.program['kernels']}"
        peers = [
            f"{name}: " + ", ".join(
                [f"{package} {version}" for package, version in details["versions"].items()]
                + [f"{details['threads']} threads", details["kernels"], f"ready in {details['ready']:.0f} s"]
                + [note for note in [self._note(name)] if note])
            for name, details in self.peers.items() if details]
        return [", ".join(what), ", ".join(where), ours, *peers]

    def _note(self, name):
        return catalog.note(catalog.KINDS[name], self.processor, self.given.avx2)

    def _sides(self):
        lines = [f"{'seconds':24}{'':8}{'min':>9}{'median':>9}{'max':>9}{'rounds':>8}{'peak memory':>13}"]
        for name in self.measured:
            for figure, title in (("seconds", "whole"), ("vision", "vision")):
                values = turns.figures(self.rounds, name, figure)
                if not values:
                    continue
                line = f"{name:24}{title:8}" + columns(turns.spread(values))
                if figure == "seconds":
                    peak = max(turns.figures(self.rounds, name, "memory_gb"))
                    line += f"{len(values):8}{peak:10.1f} GB"
                lines.append(line)
        return lines

    def _ratios(self):
        if not self.pairs:
            return []
        lines = ["", f"{'times as long':48}{'min':>9}{'median':>9}{'max':>9}   tokens that agree"]
        for above, below in self.pairs:
            for figure, title in (("seconds", "whole"), ("vision", "vision")):
                values = turns.ratios(self.rounds, above, below, figure)
                if not values:
                    continue
                line = f"{f'{above} / {below}':40}{title:8}" + columns(turns.spread(values))
                if figure == "seconds":
                    line += "   " + share(*turns.agreement(self.rounds, above, below))
                lines.append(line)
        return lines

    def _failures(self):
        return [""] * bool(self.failures) + [f"{name}: {reason}" for name, reason in self.failures.items()]
