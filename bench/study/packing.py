"""Trials -> packs: which trials are trained together, and how wide a pack is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Literal

from bench.study.memory import BASE_MB, member_mb, weights
from bench.trial import SHARED, Pack, Trial, canonical_json

Speeds = Mapping[int, float]
"""Width of a pack -> member-steps a second, relative to width 1. The widest entry is the limit."""

SPEED: Mapping[tuple[str, str], Mapping[float, Speeds]] = {
    ("mlp", "cpu"): {
        77e3: {1: 1.0, 2: 1.93, 4: 3.7, 8: 6.5, 16: 10.5, 32: 15.9, 64: 19.8},
        570e3: {1: 1.0, 2: 1.78, 4: 3.0, 8: 4.2, 16: 5.2, 32: 5.9},
        4.4e6: {1: 1.0, 2: 1.36, 4: 1.65, 8: 1.86, 16: 1.89},
        34e6: {1: 1.0, 2: 1.25, 4: 1.20, 8: 1.25},
    },
    ("dcgan", "cpu"): {7.6e6: {1: 1.0, 2: 1.18, 4: 1.27, 8: 1.06}},
    ("dirac", "cpu"): {128: {1: 1.0, 16: 8.0, 64: 20.0, 128: 30.0}},
    ("saddle", "cpu"): {8: {1: 1.0, 16: 15.0, 128: 110.0, 400: 330.0, 800: 570.0}},
    ("mlp", "cuda"): {4.4e6: {1: 1.0, 4: 4.0, 16: 15.0, 64: 45.0, 256: 80.0}},
    ("dcgan", "cuda"): {7.6e6: {1: 1.0, 4: 3.0, 16: 6.0, 64: 8.0}},
}
"""(model, device) -> work of one member, its weights x its batch -> speeds.

Small members gain the most from company: what a step costs beside its arithmetic is paid once for all.
On the CPU on one core of an AMD EPYC: steps as in `bench.train.timing.step_s`, all widths of a size in turns,
the fastest of some thirty turns of a tenth of a second each (mlp 2x32 at batch 32, 2x64 at 64, 2x128 at 128,
2x256 at 256, on ring8; dcgan of width 16 at batch 64 with dropout by the mean of 15 steps). On CUDA a guess
that nothing has measured yet."""

DEFAULT_SPEED: Speeds = {1: 1.0, 2: 1.1, 4: 1.2}

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
    speeds = speeds_of(first, device)
    legal = {
        width: speed
        for width, speed in speeds.items()
        if width == min(speeds)
        or (-(-len(members) // width) >= least_packs and BASE_MB + width * member_mb(first) <= memory_mb)
    }
    best = max(legal.values())
    return min(width for width, speed in legal.items() if speed >= NEAR_BEST * best)


def speeds_of(trial: Trial, device: str) -> Speeds:
    """Speeds of packs of such trials: those measured at the work nearest to theirs, by its logarithm."""
    tables = SPEED.get((trial.model.name, device.partition(":")[0]))
    if tables is None:
        return DEFAULT_SPEED
    work = weights(trial) * trial.batch
    return tables[min(tables, key=lambda measured: abs(log(measured / work)))]


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
