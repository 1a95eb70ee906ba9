"""Trials -> packs: which trials are trained together, and how wide a pack is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from bench.study.memory import BASE_MB, member_mb
from bench.trial import SHARED, Pack, Trial, canonical_json

SPEED: Mapping[tuple[str, str], Mapping[int, float]] = {
    ("mlp", "cpu"): {1: 1.0, 2: 1.27, 4: 1.37, 8: 1.67, 16: 1.69},
    ("dcgan", "cpu"): {1: 1.0, 2: 1.18, 4: 1.27, 8: 1.06},
    ("dirac", "cpu"): {1: 1.0, 16: 8.0, 64: 20.0, 128: 30.0},
    ("saddle", "cpu"): {1: 1.0, 16: 15.0, 128: 110.0, 400: 330.0, 800: 570.0},
    ("mlp", "cuda"): {1: 1.0, 4: 4.0, 16: 15.0, 64: 45.0, 256: 80.0},
    ("dcgan", "cuda"): {1: 1.0, 4: 3.0, 16: 6.0, 64: 8.0},
}
"""(model, device) -> width -> member-steps a second, relative to width 1. The widest entry is the limit.

On the CPU as `bench.train.timing.step_s` measured one core of an AMD EPYC (mlp 2x128 at batch 128, dcgan of
width 16 at batch 64 with dropout); on CUDA a guess that nothing has measured yet."""

DEFAULT_SPEED: Mapping[int, float] = {1: 1.0, 2: 1.1, 4: 1.2}

NEAR_BEST = 0.9
PACKS_PER_WORKER = 2


def packs(
    trials: Sequence[Trial],
    width: int | Literal["auto"] = "auto",
    workers: int = 1,
    threads: int = 1,
    device: str = "cpu",
    memory_mb: float = 1500.0,
) -> tuple[Pack, ...]:
    """Every trial in exactly one pack of at most `width` members. Equal input gives equal packs.

    Members are ordered by loss, seed, cell, so that neighbours share the draws of a seed. `auto`: the
    smallest width within 10 % of the best speed, of those that fit in `memory_mb` and leave each worker
    two packs.
    """
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(_group(trial), []).append(trial)
    out: list[Pack] = []
    for members in groups.values():
        # The packs of one worker come from all groups: each group answers for its share of them.
        share = PACKS_PER_WORKER * max(1, workers) * len(members) / len(trials)
        limit = auto_width(members, share, device, memory_mb) if width == "auto" else max(1, width)
        ordered = sorted(members, key=lambda t: (canonical_json(t.loss.to_json()), t.seed, t.cell))
        out += [Pack(chunk, threads, device) for chunk in _even_chunks(ordered, limit)]
    return tuple(out)


def auto_width(members: Sequence[Trial], least_packs: float, device: str, memory_mb: float) -> int:
    """The smallest width within 10 % of the best speed that leaves `least_packs` and fits in `memory_mb`."""
    first = members[0]
    speeds = SPEED.get((first.model.name, device.partition(":")[0]), DEFAULT_SPEED)
    legal = {
        width: speed
        for width, speed in speeds.items()
        if width == min(speeds)
        or (-(-len(members) // width) >= least_packs and BASE_MB + width * member_mb(first) <= memory_mb)
    }
    best = max(legal.values())
    return min(width for width, speed in legal.items() if speed >= NEAR_BEST * best)


def _group(trial: Trial) -> str:
    record = trial.record()
    return canonical_json([*(record[name] for name in SHARED), trial.penalty and trial.penalty.graph])


def _even_chunks(ordered: Sequence[Trial], limit: int) -> list[tuple[Trial, ...]]:
    """As few chunks of at most `limit` as possible, their lengths differing by one at most."""
    number = -(-len(ordered) // limit)
    short, longer = divmod(len(ordered), number)
    chunks, start = [], 0
    for position in range(number):
        stop = start + short + (position < longer)
        chunks.append(tuple(ordered[start:stop]))
        start = stop
    return chunks
