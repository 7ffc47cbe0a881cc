"""Sides that take turns, and the arithmetic on what they measured. Nothing here knows what a side is."""
import statistics


class SideFailed(Exception):
    """A side cannot run, or stopped: the reason, and what to do about it, in a sentence each."""


def take_turns(sides, rounds, tell=lambda line: None):
    """Asks every side once a round, in order: A B C A B C …

    `sides` maps a name to a call that returns a dictionary of figures. A side that raises SideFailed is not asked
    again; the others go on. Returns the rounds, each a dictionary of the sides that measured in it, and the reasons of
    failures.
    """
    measured, failures = [], {}
    for number in range(rounds):
        entry = {}
        for name, side in sides.items():
            if name in failures:
                continue
            try:
                entry[name] = side()
                tell(f"round {number + 1}, {name}: {entry[name]['seconds']:.2f} s")
            except SideFailed as failure:
                failures[name] = str(failure)
                tell(f"round {number + 1}, {name} failed: {failure}")
        measured.append(entry)
    return measured, failures


def spread(values):
    """Minimum, median and maximum, or nothing of nothing."""
    values = list(values)
    return (min(values), statistics.median(values), max(values)) if values else None


def figures(rounds, side, figure):
    """What a side measured, round after round; rounds without this figure are left out."""
    return [entry[side][figure] for entry in rounds if side in entry and entry[side].get(figure) is not None]


def ratios(rounds, above, below, figure="seconds"):
    """How many times as much `above` needed as `below`, in each round in which both measured. Both sides of a ratio are
    of the same round, because the speed of a shared machine changes."""
    return [
        entry[above][figure] / entry[below][figure] for entry in rounds
        if all(side in entry and entry[side].get(figure) for side in (above, below))]


def agreement(rounds, one, other):
    """How many tokens at the same place of the same answer are the same on two sides, and of how many, in all rounds."""
    pairs = [
        pair for entry in rounds if one in entry and other in entry
        for answers in zip(entry[one]["tokens"], entry[other]["tokens"]) for pair in zip(*answers)]
    return sum(a == b for a, b in pairs), len(pairs)


def self_check():
    """Checks the functions above on sums done by hand.

    Raises AssertionError naming what is wrong."""
    calls = []

    def side(name, seconds, tokens, fails_at=None):
        def call():
            calls.append(name)
            if fails_at is not None and calls.count(name) == fails_at:
                raise SideFailed("no more memory")
            return {"seconds": seconds * calls.count(name), "vision": None, "tokens": tokens}
        return call

    rounds, failures = take_turns(
        {"A": side("A", 2.0, [[1, 2], [3, 4]]), "B": side("B", 6.0, [[1, 2], [3, 5]]),
         "C": side("C", 1.0, [[9, 9], [9, 9]], fails_at=2)}, 3)
    assert "".join(calls) == "ABCABCAB", f"sides were asked in the order {calls}"
    assert failures == {"C": "no more memory"}, failures
    assert figures(rounds, "A", "seconds") == [2.0, 4.0, 6.0]
    assert figures(rounds, "A", "vision") == []
    assert figures(rounds, "C", "seconds") == [1.0], "what a side measured before it failed counts"
    assert ratios(rounds, "B", "A") == [3.0, 3.0, 3.0]
    assert ratios(rounds, "A", "C") == [2.0], "a ratio is of a round in which both measured"
    assert ratios(rounds, "A", "B", "vision") == []
    assert spread([3.0, 1.0, 2.5]) == (1.0, 2.5, 3.0)
    assert spread([]) is None
    assert agreement(rounds, "A", "B") == (9, 12)
    assert agreement(rounds, "A", "C") == (0, 4)
