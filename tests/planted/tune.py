"""Half A of the planted runs: thresholds of the rules may be tuned on these, and on no others.

G is mostly a palette (tests/planted/scripted.py) that a script drives: what it makes is known at every step,
and D trains against it for real. Data: ring8 at radius 1, waves, digits; Dirac's point mass.
t is the share of the run that is over; a run of n evaluations has n of them after the one at step 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.trial import Component, evaluation_steps
from tests.planted.plant import Plant, component
from tests.planted.scripted import Path, follow

RING = Component("ring8", (("radius", 1.0), ("sigma", 0.05)))
WAVES = Component("waves", (("sigma", 0.1),))
DIGITS = Component("digits", (("size", 28),))
DIRAC = Component("dirac")
MODES = {"ring8": 8, "waves": 16, "digits": 10}

RECIPES: dict[str, Callable[[], list[Plant]]] = {}


def recipe(make: Callable[[], list[Plant]]) -> Callable[[], list[Plant]]:
    RECIPES[make.__name__] = make
    return make


def schedule(evaluations: int, every: int = 0) -> dict[str, int]:
    """Steps and interval that give so many evaluations after step 0: up to two of them are early ones."""
    every = every or (4 if evaluations < 50 else 2)
    early = len({every // 4, every // 2} - {0})
    return {"steps": (evaluations - early) * every, "every": every}


def told(data: Component, truth: str, n: int, *paths: Path, **more: object) -> Plant:
    """A pack of palettes that all end the same way."""
    samples = 500 if data is DIGITS else 1000
    return Plant(data, (truth,) * len(paths), script=follow(*paths), samples=samples, **schedule(n), **more)  # type: ignore[arg-type]


def rise(t: float, tau: float) -> float:
    """From 0 to 1 with the time constant tau."""
    return 1.0 - math.exp(-t / tau)


def only(data: Component, *kept: int) -> NDArray[np.float64]:
    """Weights that give the kept modes everything."""
    weights = np.zeros(MODES[data.name])
    weights[list(kept)] = 1.0
    return weights


def healthy(tau: float) -> Path:
    return lambda t, rng: {"good": rise(t, tau)}


# converged: quality reached and kept until the end.


@recipe
def learns_fast_or_slowly() -> list[Plant]:
    """Noise gives way to real samples of all modes, quickly or slowly, and is gone well before W.

    Converged: from then on the samples are the data's own distribution."""
    return [
        told(RING, "converged", 10, healthy(0.02), healthy(0.05)),
        told(RING, "converged", 60, healthy(0.02), healthy(0.08), healthy(0.15)),
        told(RING, "converged", 200, healthy(0.1)),
        told(WAVES, "converged", 25, healthy(0.03), healthy(0.1), healthy(0.15)),
        told(DIGITS, "converged", 25, healthy(0.03), healthy(0.1)),
        told(RING, "converged", 5, healthy(0.001), healthy(0.002)),
    ]


@recipe
def learns_noisily() -> list[Plant]:
    """As above, but at every step the shares of the modes and of stray samples are drawn anew, a little off.

    Converged: the noise is small (2 to 3 % of the samples), has no trend and never leaves the bar for
    long."""

    def noisy(tau: float, size: float) -> Path:
        def path(t: float, rng: np.random.Generator) -> dict[str, float | NDArray[np.float64]]:
            weights = 1.0 + size * rng.uniform(-1, 1, 8)
            return {"good": rise(t, tau) * (1.0 - size * rng.uniform(0, 0.3)), "modes": weights}

        return path

    return [
        told(RING, "converged", 25, noisy(0.05, 0.1), noisy(0.1, 0.1)),
        told(RING, "converged", 100, noisy(0.05, 0.1), noisy(0.15, 0.1)),
    ]


@recipe
def heals_early() -> list[Plant]:
    """Until 0.4 of the run G makes one mode only, or its distance swings; then it makes all modes.

    Converged: quality was reached late, and kept to the end."""

    def sick(data: Component, until: float) -> Path:
        return lambda t, rng: (
            {"good": 1.0, "modes": only(data, 2)} if 0 < t < until else {"good": float(t > 0)}
        )

    def swings(t: float, rng: np.random.Generator) -> dict[str, float]:
        return {"good": 0.5 + 0.5 * math.sin(t * 60)} if t < 0.35 else {"good": 1.0}

    return [
        told(RING, "converged", 25, sick(RING, 0.4), swings),
        told(WAVES, "converged", 60, sick(WAVES, 0.3), swings),
    ]


# diverged: not finite, or beyond all measure at the end.


@recipe
def turns_into_nan() -> list[Plant]:
    """A healthy run whose generator's weights become NaN at a step, early or late: never finite again."""

    def dies(at: float) -> Path:
        return lambda t, rng: {"good": rise(t, 0.05), "size": 1.0 if t < at else math.nan}

    return [
        told(RING, "diverged", 25, dies(0.1), dies(0.5), dies(0.97)),
        told(WAVES, "diverged", 60, dies(0.3), dies(0.7)),
        told(DIGITS, "diverged", 10, dies(0.2), dies(0.8)),
        told(RING, "diverged", 5, dies(0.4), dies(1.0)),
    ]


@recipe
def samples_explode() -> list[Plant]:
    """From an onset on G's samples grow by a factor at every step, past 100 times the data's size, and
    stay."""

    def grows(onset: float, decades: float) -> Path:
        def path(t: float, rng: np.random.Generator) -> dict[str, float]:
            return {"good": rise(t, 0.05), "size": 10 ** (decades * max(0.0, t - onset) / (1 - onset))}

        return path

    return [
        told(RING, "diverged", 25, grows(0.0, 4), grows(0.5, 3), grows(0.8, 6)),
        told(WAVES, "diverged", 60, grows(0.3, 3), grows(0.6, 8)),
        told(RING, "diverged", 200, grows(0.2, 3)),
    ]


@recipe
def rates_explode() -> list[Plant]:
    """Real players with rates a thousand times too high and SGD, or a critic without any bound."""
    mlp = component("model", "mlp", width=32)
    common = {"model": mlp, "update": "scripted", **schedule(10, 40)}
    return [
        Plant(RING, ("diverged",) * 3, settings={"lr_g": 1e3, "lr_d": 1e3, "optimizer": "sgd"}, **common),  # type: ignore[arg-type]
        Plant(
            RING,
            ("diverged",) * 3,
            settings={"lr_g": 1.0, "lr_d": 1.0, "loss": "wasserstein"},
            **common,  # type: ignore[arg-type]
        ),
    ]


# total_collapse: one covered mode, or one point, over W.


@recipe
def one_point() -> list[Plant]:
    """G makes one point whatever its input, from an onset on: the mean of a mode, or a point off all
    modes."""

    def point(data: Component, onset: float, mode: int) -> Path:
        def path(t: float, rng: np.random.Generator) -> dict[str, float | NDArray[np.float64]]:
            if t < onset:
                return {"good": rise(t, 0.05)}
            return {"good": 1.0, "modes": only(data, mode), "variety": 0.0}

        return path

    def nowhere(t: float, rng: np.random.Generator) -> dict[str, float]:
        return {"good": 0.0, "noise": 0.001, "away": 0.3} if t > 0 else {}

    return [
        told(RING, "total_collapse", 25, point(RING, 0.01, 0), point(RING, 0.6, 3), nowhere),
        told(WAVES, "total_collapse", 10, point(WAVES, 0.01, 5), point(WAVES, 0.3, 9), nowhere),
        told(DIGITS, "total_collapse", 25, point(DIGITS, 0.01, 1), point(DIGITS, 0.5, 8), nowhere),
        told(RING, "total_collapse", 5, point(RING, 0.01, 0), nowhere),
        told(RING, "total_collapse", 200, point(RING, 0.7, 5)),
    ]


@recipe
def one_mode() -> list[Plant]:
    """G makes real samples of one mode alone, from an onset on, with or without a few strays.

    Total collapse: one mode is covered, though its samples vary as the mode's own do."""

    def mode(data: Component, onset: float, kept: int, good: float = 1.0) -> Path:
        def path(t: float, rng: np.random.Generator) -> dict[str, float | NDArray[np.float64]]:
            if t < onset:
                return {"good": rise(t, 0.05)}
            return {"good": good, "modes": only(data, kept)}

        return path

    return [
        told(RING, "total_collapse", 10, mode(RING, 0.01, 1), mode(RING, 0.3, 6, 0.8)),
        told(RING, "total_collapse", 60, mode(RING, 0.5, 4), mode(RING, 0.7, 2, 0.6)),
        told(WAVES, "total_collapse", 25, mode(WAVES, 0.01, 3), mode(WAVES, 0.6, 15, 0.8)),
        told(DIGITS, "total_collapse", 25, *(mode(DIGITS, 0.1, digit) for digit in (0, 1, 4, 7))),
    ]


# vanishing_gradient: D tells real from fake without error, G's signal is gone, far from the data.


@recipe
def perfect_discriminator() -> list[Plant]:
    """A saturating loss, G's samples apart from all data, and D trained fast to tell them without error.

    G is a real perceptron under SGD: its own rate would move it, the signal that reaches it is gone."""
    mlp = component("model", "mlp", width=64)
    plain = {"optimizer": "sgd", "lr_g": 0.01, "lr_d": 1.0, "n_critic": 2}
    return [
        Plant(
            data,
            ("vanishing_gradient",) * k,
            model=mlp,
            settings={**plain, "loss": loss},
            **schedule(n, every),
        )
        for data, loss, n, every, k in (
            (WAVES, "minimax", 10, 40, 2),
            (WAVES, "minimax", 25, 20, 3),
            (DIGITS, "minimax", 5, 100, 2),
            (DIGITS, "minimax", 25, 16, 2),
        )
    ]


@recipe
def far_and_saturated() -> list[Plant]:
    """A palette that stays far from the data (an offset of 2 to 3 RMS) against a D with a fast Adam.

    The loss saturates and D is perfect after a few steps: its slope stays finite and the loss's factor goes
    to 0. Also with D trained to perfection before the second evaluation: every evaluation but the first comes
    late."""

    def far(offset: float) -> Path:
        return lambda t, rng: {"away": offset, "noise": 0.2} if t > 0 else {}

    def fast(every: int, loss: str, lr: float, critic: int = 1) -> dict[str, object]:
        return {"every": every, "settings": {"loss": loss, "lr_d": lr, "n_critic": critic}}

    plants = []
    for data, n, offsets, keys in (
        (RING, 25, (2.0, 3.0), fast(12, "minimax", 1e-2)),
        (RING, 10, (2.0, 3.0, 4.0), fast(40, "minimax", 1e-2)),
        (RING, 10, (2.5, 3.0), fast(8, "minimax", 2e-2, 10)),
        (WAVES, 60, (1.0, 2.0), fast(8, "minimax", 1e-2)),
        (DIGITS, 25, (1.0, 0.5), fast(8, "minimax", 1e-2)),
        (RING, 25, (2.0, 3.0), fast(20, "bce_probability", 1e-2)),
        (RING, 5, (2.5, 3.0), fast(400, "minimax", 1e-2)),
    ):
        every = int(keys.pop("every"))  # type: ignore[call-overload]
        settings = dict(keys["settings"])  # type: ignore[call-overload]
        if settings["loss"] == "bce_probability":
            settings["loss"] = component("loss", "bce_probability", saturating=True)
        plants.append(
            Plant(
                data,
                ("vanishing_gradient",) * len(offsets),
                script=follow(*map(far, offsets)),
                samples=500 if data is DIGITS else 1000,
                settings=settings,
                **schedule(n, every),
            )
        )
    return plants


# oscillating: the covered set keeps changing, or q swings without trend.


@recipe
def hops_between_modes() -> list[Plant]:
    """A few modes at a time, others at each turn; a turn lasts one to four evaluations, to the very end.

    Oscillating: the covered set keeps changing, whatever it is at one moment."""

    def hops(data: Component, size: int, turns: float) -> Path:
        modes = MODES[data.name]

        def path(t: float, rng: np.random.Generator) -> dict[str, float | NDArray[np.float64]]:
            turn = int(t * turns)
            order = np.random.default_rng(turn // (modes // size)).permutation(modes)
            at = turn % (modes // size) * size
            return {"good": rise(t, 0.02), "modes": only(data, *order[at : at + size])}

        return path

    return [
        told(RING, "oscillating", 10, hops(RING, 2, 8), hops(RING, 3, 8)),
        told(RING, "oscillating", 25, hops(RING, 2, 23), hops(RING, 4, 23), hops(RING, 3, 12)),
        told(WAVES, "oscillating", 60, hops(WAVES, 4, 58), hops(WAVES, 5, 25), hops(WAVES, 2, 20)),
        told(DIGITS, "oscillating", 25, hops(DIGITS, 3, 23), hops(DIGITS, 2, 12)),
        told(RING, "oscillating", 200, hops(RING, 2, 60)),
        told(RING, "oscillating", 16, hops(RING, 1, 14), hops(RING, 1, 5)),
        told(WAVES, "oscillating", 5, hops(WAVES, 4, 12), hops(WAVES, 3, 12)),
    ]


@recipe
def walks_round_the_ring() -> list[Plant]:
    """Three or four neighbouring modes that move on by one, every evaluation or every second one.

    Oscillating: within W the window moves past all it held; from one evaluation to the next little
    changes."""

    def walks(size: int, turns: float) -> Path:
        def path(t: float, rng: np.random.Generator) -> dict[str, float | NDArray[np.float64]]:
            first = int(t * turns)
            return {"good": rise(t, 0.02), "modes": only(RING, *((first + i) % 8 for i in range(size)))}

        return path

    return [
        told(RING, "oscillating", 25, walks(3, 23), walks(4, 23), walks(3, 12)),
        told(RING, "oscillating", 60, walks(3, 29)),
    ]


def blob(turn: float, width: float) -> dict[str, float | NDArray[np.float64]]:
    """A narrow cloud on the ring's circle at `turn` of the way round, `width` in the ring's radius."""
    radius = math.sqrt(2.0)  # of the ring, in its RMS a dimension
    at = np.array([math.cos(2 * math.pi * turn), math.sin(2 * math.pi * turn)])
    return {"good": 0.0, "noise": width * radius, "away": radius * at}


@recipe
def narrow_cloud_wanders() -> list[Plant]:
    """A narrow cloud goes round the ring, over modes and between them; its distance hardly changes.

    Oscillating: at each evaluation it is elsewhere. Few of its samples are good while it is between modes."""

    def wanders(turns: float, width: float) -> Path:
        return lambda t, rng: blob(t * turns, width)

    return [
        told(RING, "oscillating", 22, wanders(3.1, 0.12), wanders(5.3, 0.15)),
        told(RING, "oscillating", 60, wanders(9.7, 0.12)),
    ]


@recipe
def narrow_cloud_rests() -> list[Plant]:
    """The same cloud, resting between two modes or at the edge of one, so that it flickers there.

    Stalled: it makes no progress and goes nowhere."""

    def rests(turn: float, width: float) -> Path:
        return lambda t, rng: blob(turn, width) if t > 0 else {}

    return [
        told(RING, "stalled", 22, rests(1 / 16, 0.12), rests(0.04, 0.1)),
        told(RING, "stalled", 60, rests(0.3, 0.15)),
    ]


@recipe
def quality_swings() -> list[Plant]:
    """The share of good samples swings between near none and near all, with a period of 3 to 8
    evaluations."""

    def swings(n: int, period: float, low: float = 0.1, high: float = 0.9) -> Path:
        def path(t: float, rng: np.random.Generator) -> dict[str, float]:
            wave = 0.5 - 0.5 * math.cos(2 * math.pi * t * (n - 2) / period)
            return {"good": low + (high - low) * wave}

        return path

    return [
        told(RING, "oscillating", 25, swings(25, 3.3), swings(25, 5), swings(25, 7.1)),
        told(WAVES, "oscillating", 60, swings(60, 4), swings(60, 8.3, 0.3, 0.9)),
        told(DIGITS, "oscillating", 25, swings(25, 4.2)),
        told(RING, "oscillating", 10, swings(10, 3.3)),
        told(RING, "oscillating", 200, swings(200, 6.5)),
    ]


@recipe
def swings_without_a_beat() -> list[Plant]:
    """At each evaluation the share of good samples is another one, of a chaotic map (x <- 3.9 x (1 - x)).

    Oscillating: q goes up and down by most of the way, in no order."""

    def chaotic(n: int, start: float) -> Path:
        values = [start]
        for _ in range(n):
            values.append(3.9 * values[-1] * (1 - values[-1]))
        return lambda t, rng: {"good": values[min(n, round(t * (n - 2)))] if t > 0 else 0.0}

    return [
        told(RING, "oscillating", 25, chaotic(25, 0.31), chaotic(25, 0.47)),
        told(WAVES, "oscillating", 60, chaotic(60, 0.2)),
    ]


@recipe
def seesaw() -> list[Plant]:
    """In seven or eight evaluations the share of good samples is now a fifth, now nine tenths, in turn.

    Oscillating, as far as so few evaluations can tell: each leg goes most of the way."""

    def turns(n: int, first: int) -> Path:
        steps = evaluation_steps(**{k: schedule(n)[k] for k in ("steps", "every")})

        def path(t: float, rng: np.random.Generator) -> dict[str, float]:
            index = int(np.searchsorted(steps, round(t * steps[-1])))
            return {"good": (0.2, 0.9)[(index + first) % 2] if t > 0 else 0.0}

        return path

    return [
        told(RING, "oscillating", 7, turns(7, 0), turns(7, 1)),
        told(WAVES, "oscillating", 8, turns(8, 0), turns(8, 1)),
    ]


@recipe
def dirac_orbits() -> list[Plant]:
    """The Dirac-GAN with the saturating loss, alternating updates and plain steps: it circles at one radius
    for ever (Mescheder et al., arXiv:1801.04406). h = 0.1 turns once in 126 steps; 5 to 16 evaluations a
    turn."""
    settings = {"lr_g": 0.1, "lr_d": 0.1, "optimizer": "sgd", "loss": "minimax", "batch": 4}
    model = component("model", "dirac")
    return [
        Plant(DIRAC, ("oscillating",), model=model, settings=settings, **schedule(n, every))
        for n, every in ((25, 16), (60, 24), (100, 8))
    ]


# partial_collapse: good samples, and modes missing.


@recipe
def some_modes_only() -> list[Plant]:
    """G makes m of the modes and no other, from early on or from the middle; its samples are real ones.

    Partial collapse: nothing is wrong with them but what is missing."""

    def some(data: Component, m: int, onset: float = 0.01, good: float = 1.0, first: int = 0) -> Path:
        kept = [(first + i) % MODES[data.name] for i in range(m)]

        def path(t: float, rng: np.random.Generator) -> dict[str, float | NDArray[np.float64]]:
            if t < onset:
                return {"good": rise(t, 0.05)}
            return {"good": good * rise(t, 0.02), "modes": only(data, *kept)}

        return path

    return [
        told(RING, "partial_collapse", 10, some(RING, 7), some(RING, 4, first=3), some(RING, 2, good=0.8)),
        told(RING, "partial_collapse", 60, some(RING, 7, 0.5), some(RING, 5, 0.6), some(RING, 3, 0.4, 0.9)),
        told(RING, "partial_collapse", 5, some(RING, 6), some(RING, 3)),
        told(RING, "partial_collapse", 200, some(RING, 7, 0.3)),
        told(WAVES, "partial_collapse", 25, some(WAVES, 15), some(WAVES, 9, 0.5), some(WAVES, 3, good=0.8)),
        told(DIGITS, "partial_collapse", 25, some(DIGITS, 9), some(DIGITS, 6, 0.5), some(DIGITS, 3)),
    ]


@recipe
def others_in_their_place() -> list[Plant]:
    """Some modes, then once, late in the run, as many others; those stay.

    Partial collapse: at the end nothing moves, and modes are missing. One jump is no oscillation."""

    def jumps(at: float) -> Path:
        def path(t: float, rng: np.random.Generator) -> dict[str, float | NDArray[np.float64]]:
            return {"good": rise(t, 0.02), "modes": only(RING, *(range(4) if t < at else range(4, 8)))}

        return path

    return [
        told(RING, "partial_collapse", 20, jumps(0.75), jumps(0.85)),
        told(RING, "partial_collapse", 60, jumps(0.8)),
    ]


@recipe
def modes_die_one_by_one() -> list[Plant]:
    """From a healthy start one mode after the other is lost until 0.5; then the rest stays."""

    def dying(data: Component, left: int) -> Path:
        modes = MODES[data.name]

        def path(t: float, rng: np.random.Generator) -> dict[str, float | NDArray[np.float64]]:
            now = max(left, round(modes - (modes - left) * t / 0.5))
            return {"good": rise(t, 0.03), "modes": only(data, *range(now))}

        return path

    return [
        told(RING, "partial_collapse", 25, dying(RING, 6), dying(RING, 2)),
        told(WAVES, "partial_collapse", 60, dying(WAVES, 12), dying(WAVES, 5)),
    ]


@recipe
def most_modes_thinly() -> list[Plant]:
    """G makes some modes and, of the others, a few samples each: at most a twentieth of their due.

    Partial collapse: they are as good as gone, though nearly each mode has a sample now and then."""

    def thinly(data: Component, m: int, share: float) -> Path:
        weights = np.full(MODES[data.name], share)
        weights[:m] = 1.0
        return lambda t, rng: {"good": rise(t, 0.03), "modes": weights}

    return [
        told(RING, "partial_collapse", 25, thinly(RING, 5, 0.03), thinly(RING, 2, 0.01)),
        told(WAVES, "partial_collapse", 10, thinly(WAVES, 10, 0.02)),
    ]


# degraded: good for a window, then worse for good.


@recipe
def swapped_for_noise() -> list[Plant]:
    """A healthy run in which most samples are swapped for noise from one step on, for good."""

    def swapped(onset: float, left: float) -> Path:
        return lambda t, rng: {"good": rise(t, 0.03) if t < onset else left}

    return [
        told(RING, "degraded", 15, swapped(0.55, 0.0), swapped(0.55, 0.4)),
        told(RING, "degraded", 25, swapped(0.5, 0.0), swapped(0.5, 0.5), swapped(0.7, 0.3)),
        told(RING, "degraded", 200, swapped(0.5, 0.2)),
        told(WAVES, "degraded", 60, swapped(0.5, 0.0), swapped(0.6, 0.4)),
        told(DIGITS, "degraded", 25, swapped(0.5, 0.0), swapped(0.6, 0.5)),
    ]


@recipe
def spoiled_slowly() -> list[Plant]:
    """Good until the middle, then a growing share of strays, or a growing offset, up to the end."""

    def spoiled(onset: float, left: float) -> Path:
        def path(t: float, rng: np.random.Generator) -> dict[str, float]:
            return {"good": rise(t, 0.03) * (1 - (1 - left) * max(0.0, t - onset) / (1 - onset))}

        return path

    def drifts(size: float) -> Path:
        return lambda t, rng: {"good": rise(t, 0.03), "shift": size * max(0.0, t - 0.5)}

    return [
        told(RING, "degraded", 25, spoiled(0.4, 0.2), spoiled(0.4, 0.4), drifts(1.5)),
        told(WAVES, "degraded", 60, spoiled(0.5, 0.3), drifts(0.8)),
        told(DIGITS, "degraded", 25, spoiled(0.4, 0.3), spoiled(0.4, 0.5)),
        told(RING, "degraded", 100, spoiled(0.5, 0.5)),
    ]


@recipe
def one_jump_and_no_return() -> list[Plant]:
    """Good until 0.5 or 0.75; then the samples jump off by a fixed offset, or modes get uneven shares.

    Degraded: every mode is still made, q is as much worse as a fifth to a half of the way."""

    def jumps(onset: float, size: float) -> Path:
        return lambda t, rng: {"good": rise(t, 0.03), "shift": size * (t >= onset)}

    def uneven(onset: float) -> Path:
        weights = np.array([4.0, 4.0, 4.0, 4.0, 0.5, 0.5, 0.5, 0.5])
        return lambda t, rng: {"good": rise(t, 0.03), "modes": weights if t >= onset else np.ones(8)}

    return [
        told(RING, "degraded", 25, jumps(0.5, 0.3), jumps(0.75, 0.4), uneven(0.5)),
        told(WAVES, "degraded", 60, jumps(0.6, 0.2)),
    ]


# stalled: no longer improving, above the bar, none of the other failures.


@recipe
def stays_blurred() -> list[Plant]:
    """All modes are made from early on, but a fixed large share of the samples is noise, and nothing changes.

    Stalled: not good, not moving; no mode is missing and D is never perfect (the loss does not saturate)."""

    def stays(share: float, tau: float = 0.03) -> Path:
        return lambda t, rng: {"good": share * rise(t, tau)}

    return [
        told(RING, "stalled", 10, stays(0.3), stays(0.7)),
        told(RING, "stalled", 60, stays(0.5), stays(0.4, 0.08)),
        told(WAVES, "stalled", 25, stays(0.3), stays(0.6)),
        told(DIGITS, "stalled", 25, stays(0.3), stays(0.6, 0.06)),
        told(RING, "stalled", 5, stays(0.4, 0.001), stays(0.2, 0.001)),
        told(RING, "stalled", 200, stays(0.6, 0.05)),
    ]


@recipe
def several_levels() -> list[Plant]:
    """Improvement in steps, each with a plateau, the last of which begins before the middle of the run."""

    def levels(*values: float) -> Path:
        def path(t: float, rng: np.random.Generator) -> dict[str, float]:
            index = min(int(t / 0.45 * len(values)), len(values) - 1)
            return {"good": values[index] if t > 0 else 0.0}

        return path

    return [
        told(RING, "stalled", 25, levels(0.2, 0.4, 0.6), levels(0.1, 0.5)),
        told(WAVES, "stalled", 60, levels(0.1, 0.3, 0.5, 0.7), levels(0.3, 0.4)),
    ]


@recipe
def crawls_and_breathes() -> list[Plant]:
    """All modes and a fixed share of noise, which over the whole run falls by a fiftieth of the samples (a
    crawl that would take twenty more runs), or goes up and down by a few per cent at random.

    Stalled: what moves is noise, or so little that it is no progress."""

    def crawls(share: float) -> Path:
        return lambda t, rng: {"good": (share + 0.02 * t) * (t > 0)}

    def breathes(share: float, size: float) -> Path:
        return lambda t, rng: {"good": (share + size * rng.uniform(-1, 1)) * (t > 0)}

    return [
        told(RING, "stalled", 25, crawls(0.4), breathes(0.5, 0.05)),
        told(WAVES, "stalled", 60, crawls(0.5), breathes(0.4, 0.03)),
    ]


@recipe
def never_starts() -> list[Plant]:
    """G stays the narrow blob it was, against a D that learns; the loss does not saturate.

    Stalled at the start: G's signal is as large as ever, it just never moves."""
    still: Path = lambda t, rng: {}  # noqa: E731
    wide: Path = lambda t, rng: {"noise": 0.8} if t > 0 else {}  # noqa: E731
    return [
        told(RING, "stalled", 25, still, wide),
        told(WAVES, "stalled", 10, still, wide),
        told(DIGITS, "stalled", 10, still),
    ]


# undertrained: still improving when the steps run out.


@recipe
def improves_to_the_end() -> list[Plant]:
    """The share of good samples grows all the time, by a line or ever slower, and is far from all at the
    end."""

    def line(end: float) -> Path:
        return lambda t, rng: {"good": end * t}

    def ever_slower(tau: float) -> Path:
        return lambda t, rng: {"good": rise(t, tau)}

    return [
        told(RING, "undertrained", 10, line(0.8), ever_slower(0.7)),
        told(RING, "undertrained", 25, line(0.5), line(0.8), ever_slower(0.6)),
        told(RING, "undertrained", 200, line(0.5)),
        told(WAVES, "undertrained", 60, line(0.4), ever_slower(0.8), line(0.8)),
        told(DIGITS, "undertrained", 25, line(0.6), ever_slower(0.7)),
        told(RING, "undertrained", 5, line(0.9), line(0.6)),
    ]


@recipe
def improves_noisily() -> list[Plant]:
    """As above, with a share of good samples that jumps about its line by up to a tenth at every step."""

    def noisy(end: float, size: float) -> Path:
        def path(t: float, rng: np.random.Generator) -> dict[str, float]:
            return {"good": max(0.0, end * t + size * rng.uniform(-1, 1) * (t > 0))}

        return path

    return [
        told(RING, "undertrained", 25, noisy(0.8, 0.05), noisy(0.7, 0.1)),
        told(WAVES, "undertrained", 60, noisy(0.7, 0.1), noisy(0.8, 0.1)),
    ]


@recipe
def finds_modes_to_the_end() -> list[Plant]:
    """G makes good samples of few modes at first, and of one more every other evaluation, to the end.

    Undertrained: modes are missing because there was no time to find them."""

    def finds(data: Component, first: int, last: int, good: float) -> Path:
        def path(t: float, rng: np.random.Generator) -> dict[str, float | NDArray[np.float64]]:
            return {"good": good * (t > 0), "modes": only(data, *range(first + int((last - first) * t)))}

        return path

    return [
        told(WAVES, "undertrained", 25, finds(WAVES, 2, 14, 0.9), finds(WAVES, 4, 13, 0.4)),
        told(RING, "undertrained", 60, finds(RING, 2, 7, 0.8)),
    ]


@recipe
def starts_late() -> list[Plant]:
    """Nothing happens until 0.6 of the run; then G improves to the end, and has not arrived."""

    def late(onset: float, end: float) -> Path:
        return lambda t, rng: {"good": end * max(0.0, t - onset) / (1 - onset)}

    return [
        told(RING, "undertrained", 25, late(0.6, 0.6), late(0.5, 0.8)),
        told(DIGITS, "undertrained", 25, late(0.6, 0.5)),
        told(WAVES, "undertrained", 60, late(0.6, 0.7)),
    ]
