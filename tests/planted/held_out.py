"""Half B of the planted runs: never looked at while thresholds are tuned.

Other mechanisms than half A's, on other data sets. G learns what it is shown, whatever D does: a real
perceptron that is *taught* (it descends the sliced Wasserstein distance), or particles that learn by *rote*.
So a failure is caused by showing it other data than the evaluator has, by operating on its weights, or by its
rate and size. Data: grid25, spiral, ring8 of other radii, noisier waves, digits through an album, Dirac's
point mass with other losses. t is the share of the run that is over.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.data.load import Dataset
from bench.trial import Component
from ganzoo.game import Game
from tests.planted.plant import Data, Plant, component
from tests.planted.scripted import Path, follow, put
from tests.planted.tune import DIGITS, DIRAC, schedule

GRID = Component("grid25", (("sigma", 0.1), ("spacing", 1.0)))
SPIRAL = Component("spiral", (("radius", 3.0), ("sigma", 0.06), ("turns", 1.5)))
BIG_RING = Component("ring8", (("radius", 50.0), ("sigma", 4.0)))
TINY_RING = Component("ring8", (("radius", 0.02), ("sigma", 0.0015)))
RING_OF_FIVE = Component("ring8", (("radius", 5.0), ("sigma", 0.3)))
HISS = Component("waves", (("sigma", 0.3),))

RECIPES: dict[str, Callable[[], list[Plant]]] = {}


def recipe(make: Callable[[], list[Plant]]) -> Callable[[], list[Plant]]:
    RECIPES[make.__name__] = make
    return make


def student(data: Component, truth: str, n: int, members: int, lr: float = 3e-3, **more: Any) -> Plant:
    """A pack of real perceptrons that are taught."""
    settings = {"lr_g": lr, "lr_d": 1e-3, "batch": 128, **more.pop("settings", {})}
    every = more.pop("every", 40)
    keys = more.pop("keys", {"width": 64})
    return Plant(
        data,
        (truth,) * members,
        model=component("model", "mlp", **keys),
        update="taught",
        settings=settings,
        **schedule(n, every),
        **more,
    )


def pupil(data: Component, truth: str, n: int, *rates: float, every: int = 12, **more: Any) -> Plant:
    """A pack of particles that learn by heart, each at its own rate: the share of the way that one step
    goes."""
    # A gradient step of D grows with the square of its inputs' size.
    lr_d = 0.1 / max(1.0, float(dict(data.keys).get("radius", 1.0)) ** 2)
    settings = {"lr_d": lr_d, "optimizer": "sgd", **more.pop("settings", {})}
    return Plant(
        data,
        (truth,) * len(rates),
        model=Component("particles"),
        update="rote",
        settings=settings,
        per_member={"lr_g": rates},
        **schedule(n, every),
        **more,
    )


def page(truth: str, n: int, *paths: Path) -> Plant:
    """A pack of albums."""
    return Plant(
        DIGITS,
        (truth,) * len(paths),
        model=Component("album"),
        script=follow(*paths),
        samples=500,
        **schedule(n),
    )


# What the players are shown.


def _rows(data: Dataset, change: Callable[[Any, Any], tuple[Any, Any]]) -> Dataset:
    train, labels = change(data.train, data.train_labels)
    heldout, heldout_labels = change(data.heldout, data.heldout_labels)
    return replace(data, train=train, train_labels=labels, heldout=heldout, heldout_labels=heldout_labels)


def only(*modes: int) -> Data:
    def change(x: Any, labels: Any) -> tuple[Any, Any]:
        kept = np.isin(labels, modes)
        return x[kept], labels[kept]

    return lambda data: _rows(data, change)


def blurred(size: float) -> Data:
    """Noise of `size` times the data's RMS."""

    def change(x: Any, labels: Any) -> tuple[Any, Any]:
        noise = np.random.default_rng(3).standard_normal(x.shape)
        return (x + size * x.std() * noise).astype(np.float32), labels

    return lambda data: _rows(data, change)


def moved(size: float, factor: float = 1.0) -> Data:
    """An offset of `size` times the data's RMS in each coordinate, after a scaling."""
    return lambda data: _rows(
        data, lambda x, labels: ((factor * x + size * x.std()).astype(np.float32), labels)
    )


def true(data: Dataset) -> Dataset:
    return data


# What is done to the weights of G.


class Surgeon:
    """A script that sets G's weights, member by member, from those it had at an onset and those it began
    with.

    `cut(k, t, kept, start)` gives the weights from the onset on; before it G learns.
    """

    def __init__(self, onset: float, cut: Callable[[int, float, Tensor, Tensor], Tensor]) -> None:
        self.onset, self.cut = onset, cut
        self.start: Tensor | None = None
        self.kept: Tensor | None = None

    def __call__(self, game: Game) -> None:
        weights, t = game.gen.stack.weights, game.step / game.steps
        if self.start is None:
            self.start = weights.clone()
        if t < self.onset:
            return
        if self.kept is None:
            self.kept = weights.clone()
        for k in range(len(weights)):
            weights[k] = self.cut(k, t, self.kept[k], self.start[k])


def frozen(k: int, t: float, kept: Tensor, start: Tensor) -> Tensor:
    return kept


def silenced(which: int, onset: float) -> Callable[[Game], None]:
    """From the onset on the matrix of one layer of G is 0 (0: the first, -1: the last)."""

    def script(game: Game) -> None:
        if game.step / game.steps >= onset:
            views = game.gen.stack.views(game.gen.stack.weights)
            name = [name for name in game.gen.stack.shapes if name.endswith("weight")][which]
            views[name].zero_()

    return script


# converged


@recipe
def learnt_by_heart() -> list[Plant]:
    """Particles learn rows of the data by heart until they have them: converged. Fast and slow rates, at
    four scales of data."""
    return [
        pupil(GRID, "converged", 25, 0.1, 0.03),
        pupil(SPIRAL, "converged", 60, 0.05, 0.01, every=8),
        pupil(BIG_RING, "converged", 25, 0.2, 0.025),
        pupil(TINY_RING, "converged", 120, 0.02, 0.01, every=4),
        pupil(HISS, "converged", 10, 0.1, 0.07),
        pupil(RING_OF_FIVE, "converged", 6, 0.5, 0.4),
    ]


@recipe
def restless_pupils() -> list[Plant]:
    """Particles that have learnt, but whose rows are exchanged for others of the same data every few
    evaluations: all in motion, converged nonetheless (quality, not rest)."""

    def others(i: int) -> Data:
        return lambda data: _rows(data, lambda x, labels: (np.roll(x, 997 * i, 0), np.roll(labels, 997 * i)))

    return [
        pupil(data, "converged", 30, 0.2, 0.4, every=16, shown=tuple((i * 48, others(i)) for i in range(10)))
        for data in (SPIRAL, GRID)
    ]


@recipe
def dirac_with_a_penalty() -> list[Plant]:
    """The Dirac-GAN with R1: linearly convergent for every weight (Mescheder et al.), so it arrives and
    stays."""
    settings = {"loss": "non_saturating", "optimizer": "sgd", "lr_g": 0.2, "lr_d": 0.2, "batch": 4}
    penalties = tuple(component("penalty", "r1", weight=weight) for weight in (0.5, 1.0, 2.0))
    return [
        Plant(
            DIRAC,
            ("converged",) * 3,
            model=component("model", "dirac"),
            settings=settings,
            per_member={"penalty": penalties},
            **schedule(n, every),
        )
        for n, every in ((25, 8), (100, 4))
    ]


@recipe
def pictures_sharpen() -> list[Plant]:
    """Black pictures gain contrast until they are the real ones, and grain fades: converged."""

    def sharpen(tau: float) -> Path:
        return lambda t, rng: {"contrast": 1 - math.exp(-t / tau), "grain": 0.3 * math.exp(-t / tau)}

    return [page("converged", 25, sharpen(0.02), sharpen(0.05)), page("converged", 10, sharpen(0.02))]


# diverged


@recipe
def a_corrupt_row() -> list[Plant]:
    """Some rows of the training data are infinite. The first batch that holds one ends the run."""

    def corrupt(data: Dataset) -> Dataset:
        train = data.train.copy()
        train[:: len(train) // 100] = np.inf
        return replace(data, train=train)

    return [
        student(data, "diverged", n, 3, shown=((0, true), (80, corrupt)))
        for data, n in ((GRID, 10), (SPIRAL, 25), (HISS, 6))
    ]


@recipe
def dirac_blows_up() -> list[Plant]:
    """Dirac-GAN, linear (Wasserstein) loss, simultaneous steps h: the radius grows by sqrt(1 + h^2) at each,
    past every bound."""
    rates = (0.4, 0.6, 1.0)
    return [
        Plant(
            DIRAC,
            ("diverged",) * 3,
            model=component("model", "dirac"),
            settings={"loss": "wasserstein", "optimizer": "sgd", "batch": 4, "simultaneously": True},
            per_member={"lr_g": rates, "lr_d": rates},
            **schedule(n, every),
        )
        for n, every in ((25, 8), (60, 4))
    ]


@recipe
def layers_multiply() -> list[Plant]:
    """From an onset on the last layer of a taught G grows by a fixed factor at each step: its rate is
    lost."""

    def runaway(onset: float, factor: float) -> Callable[[Game], None]:
        def script(game: Game) -> None:
            past = game.step - onset * game.steps
            if past >= 0:
                views = game.gen.stack.views(game.gen.stack.weights)
                last = [name for name in game.gen.stack.shapes if name.endswith("weight")][-1]
                views[last].mul_(factor)

        return script

    return [
        student(BIG_RING, "diverged", 25, 2, script=runaway(0.4, 1.05), every=20),
        student(SPIRAL, "diverged", 10, 2, script=runaway(0.5, 1.1), every=40),
    ]


@recipe
def critic_without_leash() -> list[Plant]:
    """A critic that nothing bounds, on a loss without a bottom, at a rate of 1 to 10: its outputs pass
    1e4."""
    return [
        Plant(
            data,
            ("diverged",) * 2,
            model=component("model", "mlp", width=32),
            settings={"loss": loss, "lr_g": 1e-3, "optimizer": optimizer, "n_critic": 3},
            per_member={"lr_d": (3.0, 10.0)},
            samples=500 if data is DIGITS else 1000,
            **schedule(n, 24),
        )
        for data, loss, optimizer, n in (
            (SPIRAL, "wasserstein", "rmsprop", 10),
            (DIGITS, "hinge", "sgd", 6),
            (BIG_RING, "wasserstein", "adam", 25),
        )
    ]


# total_collapse


@recipe
def deaf_or_mute() -> list[Plant]:
    """A taught G whose first layer stops hearing its latent, or whose last layer stops answering: one
    point."""
    return [
        student(SPIRAL, "total_collapse", 10, 3, script=silenced(0, 0.3)),
        student(GRID, "total_collapse", 25, 3, script=silenced(-1, 0.5), every=20),
        student(BIG_RING, "total_collapse", 60, 2, script=silenced(0, 0.6), every=12),
        student(HISS, "total_collapse", 5, 2, script=silenced(0, 0.05), every=20),
    ]


@recipe
def learnt_one_mode() -> list[Plant]:
    """Particles are shown one mode, or one point, and learn just that; also after all modes had been
    learnt."""

    def point(data: Dataset) -> Dataset:
        return _rows(data, lambda x, labels: (np.repeat(x[:1], len(x), 0), labels))

    return [
        pupil(GRID, "total_collapse", 25, 0.2, 0.1, shown=((0, only(17)),)),
        pupil(SPIRAL, "total_collapse", 40, 0.1, 0.05, shown=((0, only(13)),)),
        pupil(TINY_RING, "total_collapse", 25, 0.2, 0.15, shown=((0, true), (120, only(6)))),
        pupil(BIG_RING, "total_collapse", 10, 0.3, shown=((0, point),)),
    ]


@recipe
def one_picture() -> list[Plant]:
    """One picture with grain over it, or the pictures of one class, from an onset on."""

    def stuck(onset: float, first: float, share: float, grain: float) -> Path:
        def path(t: float, rng: np.random.Generator) -> dict[str, float]:
            if t == 0:
                return {}
            if t < onset:
                return {"contrast": 1.0, "grain": 0.05}
            return {"contrast": 1.0, "grain": grain, "first": first, "share": share}

        return path

    return [
        page("total_collapse", 25, stuck(0.1, 0.35, 0.0, 0.03), stuck(0.5, 0.72, 0.0, 0.0)),
        page("total_collapse", 10, stuck(0.1, 0.2, 0.1, 0.0), stuck(0.2, 0.6, 0.1, 0.02)),
    ]


# vanishing_gradient


@recipe
def critic_of_fifty() -> list[Plant]:
    """D takes 50 updates for each of G's, under losses that saturate; G is a real network under plain SGD
    with a small rate, whose samples begin where no data are. D is perfect before G has gone anywhere. The
    data are such that an untrained G is no point beside them: that would be a total collapse, which comes
    first."""
    losses = (
        component("loss", "alpha", alpha_d=1.0, alpha_g=1.0, saturating=True),
        component("loss", "bce_probability", saturating=True),
        component("loss", "minimax"),
    )
    return [
        Plant(
            data,
            ("vanishing_gradient",) * k,
            model=component("model", "mlp", width=48, width_d=96),
            settings={
                "loss": loss,
                "lr_g": 1e-3,
                "lr_d": 0.0,
                "n_critic": 50,
                "weight_decay": 0.0,
                "optimizer": "adam",
                "batch": 64,
            },
            per_member={"lr_d": (2e-3, 5e-3, 1e-2)[:k], "lr_g": (1e-6,) * k},
            samples=500 if data is DIGITS else 1000,
            **schedule(n, every),
        )
        for data, loss, n, every, k in (
            (HISS, losses[0], 10, 4, 3),
            (HISS, losses[1], 25, 2, 3),
            (DIGITS, losses[2], 12, 2, 3),
            (DIGITS, losses[0], 10, 2, 3),
            (HISS, losses[2], 8, 4, 3),
        )
    ]


@recipe
def moved_out_of_reach() -> list[Plant]:
    """A taught G has learnt; then its output layer is moved far off all data and stays, D keeps learning
    under a saturating loss: perfect within a few evaluations, G's signal gone."""

    def thrown(onset: float) -> Surgeon:
        return Surgeon(onset, lambda k, t, kept, start: torch.cat([kept[:-2], kept[-2:] + 12.0 + 4.0 * k]))

    settings = {"loss": "minimax", "lr_d": 1e-2, "n_critic": 4}
    return [
        student(GRID, "vanishing_gradient", 20, 3, script=thrown(0.2), settings=settings),
        student(SPIRAL, "vanishing_gradient", 10, 3, script=thrown(0.1), settings=settings, every=60),
    ]


# oscillating


@recipe
def fickle_teacher() -> list[Plant]:
    """What particles are shown alternates between two halves of the modes, every few evaluations, to the
    end; they follow within one. Oscillating: the covered set keeps changing and nothing settles."""

    def fickle(n: int, each: int, every: int, halves: tuple[Data, Data]) -> tuple[tuple[int, Data], ...]:
        turns = math.ceil(schedule(n, every)["steps"] / (each * every))
        return tuple((i * each * every, halves[i % 2]) for i in range(turns))

    sides = (only(*range(10)), only(*range(15, 25)))
    ends = (only(*range(8)), only(*range(12, 20)))
    return [
        pupil(GRID, "oscillating", 25, 0.3, 0.5, every=16, shown=fickle(25, 2, 16, sides)),
        pupil(SPIRAL, "oscillating", 30, 0.3, 0.5, every=16, shown=fickle(30, 3, 16, ends)),
    ]


@recipe
def bilinear_orbits() -> list[Plant]:
    """min_theta max_psi <psi, theta> in the plane: G shifts all of the data by theta, D is linear,
    alternating plain steps. theta circles about 0 through 0 for ever; q swings between the floor and the
    start."""

    def settled(game: Game) -> None:
        values = {"good": 1.0, "variety": 1.0, "noise": 0.0, "blur": 0.0, "size": 1.0}
        for name, value in values.items():
            put(game, name, [value] * game.gen.stack.width)
        if game.step == 0:
            width = game.gen.stack.width
            put(game, "shift", [np.array([1.0 + 0.5 * k, -0.5 * k]) for k in range(width)])

    return [
        Plant(
            data,
            ("oscillating",) * 2,
            model=Component("palette", (("linear_d", True),)),
            script=settled,
            settings={"loss": "wasserstein", "optimizer": "sgd", "lr_g": rate, "lr_d": rate, "batch": 256},
            **schedule(n, every),
        )
        for data, rate, n, every in ((GRID, 0.05, 40, 16), (SPIRAL, 0.05, 100, 12), (GRID, 0.1, 25, 8))
    ]


@recipe
def dirac_circles() -> list[Plant]:
    """The Dirac-GAN without a penalty: the linear loss, and the modified one with two updates of D for each
    of G's at a small rate. No linear rate (Mescheder et al.): it circles to the end of the run."""
    return [
        Plant(
            DIRAC,
            ("oscillating",) * 3,
            model=component("model", "dirac"),
            settings={"loss": "wasserstein", "optimizer": "sgd", "batch": 4},
            per_member={"lr_g": (0.05, 0.1, 0.15), "lr_d": (0.05, 0.1, 0.15)},
            **schedule(n, every),
        )
        for n, every in ((40, 12), (150, 6))
    ]


@recipe
def shuttles() -> list[Plant]:
    """A taught G whose weights, from 0.4 on, go back and forth between those of its start and those it
    had."""

    def shuttle(periods: float) -> Surgeon:
        def cut(k: int, t: float, kept: Tensor, start: Tensor) -> Tensor:
            share = 0.5 - 0.5 * math.cos(2 * math.pi * (t - 0.3) / 0.7 * (periods + k))
            return kept + 0.8 * share * (start - kept)

        return Surgeon(0.3, cut)

    return [
        student(SPIRAL, "oscillating", 60, 3, script=shuttle(6), every=16),
        student(BIG_RING, "oscillating", 30, 2, script=shuttle(4), lr=1e-2),
    ]


@recipe
def leafing() -> list[Plant]:
    """The album is leafed through: a window of a fifth of it, which moves on by a tenth or more at each
    evaluation."""

    def leaf(speed: float, n: int) -> Path:
        return lambda t, rng: {"contrast": float(t > 0), "share": 0.25, "first": (speed * t * n) % 1.0}

    return [page("oscillating", 25, leaf(0.23, 23), leaf(0.41, 23))]


# partial_collapse


@recipe
def never_shown() -> list[Plant]:
    """Particles learn data by heart in which some modes are missing, from the start or from half-way."""
    return [
        pupil(GRID, "partial_collapse", 25, 0.1, 0.05, shown=((0, only(0, 1, 5, 6, 20, 24)),)),
        pupil(GRID, "partial_collapse", 12, 0.2, 0.15, every=16, shown=((0, only(*range(24))),)),
        pupil(SPIRAL, "partial_collapse", 40, 0.1, 0.06, every=8, shown=((0, only(*range(12))),)),
        pupil(BIG_RING, "partial_collapse", 25, 0.2, 0.1, shown=((0, only(0, 1, 3, 4, 6)),)),
        pupil(
            TINY_RING, "partial_collapse", 100, 0.2, 0.15, every=4, shown=((0, true), (200, only(0, 2, 3, 7)))
        ),
        pupil(HISS, "partial_collapse", 10, 0.2, 0.15, shown=((0, only(0, 5, 6)),)),
        pupil(SPIRAL, "partial_collapse", 6, 0.6, 0.7, shown=((0, only(*range(4, 20))),)),
    ]


@recipe
def torn_album() -> list[Plant]:
    """Pages of the album are gone: whole classes are missing, the rest are real pictures."""

    def torn(onset: float, first: float, share: float, grain: float = 0.0) -> Path:
        def path(t: float, rng: np.random.Generator) -> dict[str, float]:
            window = {"first": first, "share": share} if t >= onset else {}
            return {"contrast": 1 - math.exp(-t / 0.03), "grain": grain, **window}

        return path

    return [
        page("partial_collapse", 25, torn(0.0, 0.1, 0.8), torn(0.5, 0.5, 0.5)),
        page("partial_collapse", 8, torn(0.0, 0.3, 0.3), torn(0.0, 0.8, 0.6)),
        page("partial_collapse", 40, torn(0.3, 0.6, 0.9), torn(0.7, 0.0, 0.4)),
    ]


# degraded


@recipe
def teacher_goes_wrong() -> list[Plant]:
    """Particles learn well until about 0.55; from then on they are shown blurred, moved or shrunken data."""
    return [
        pupil(data, "degraded", n, *rates, every=12, shown=((0, true), (turn * 12, wrong)))
        for data, n, rates, turn, wrong in (
            (GRID, 25, (0.1, 0.04), 14, blurred(0.8)),
            (SPIRAL, 40, (0.1, 0.03), 22, moved(0.7)),
            (BIG_RING, 25, (0.1, 0.05), 14, moved(0.0, 0.3)),
            (HISS, 16, (0.2, 0.1), 8, moved(0.0, 0.5)),
            (TINY_RING, 60, (0.1, 0.02), 30, moved(0.4)),
        )
    ]


@recipe
def weights_decay() -> list[Plant]:
    """A taught G whose weights go back to their start, or are shaken ever more, from 0.5 on."""

    def back(k: int, t: float, kept: Tensor, start: Tensor) -> Tensor:
        return kept + (0.6 + 0.2 * k) * (t - 0.5) / 0.5 * (start - kept)

    def shaken(k: int, t: float, kept: Tensor, start: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(k)
        noise = torch.randn(len(kept), generator=generator)
        return kept + (2.0 + k) * (t - 0.5) * kept.std() * noise

    return [
        student(GRID, "degraded", 100, 2, script=Surgeon(0.5, back), every=12),
        student(SPIRAL, "degraded", 25, 2, script=Surgeon(0.5, back), every=60),
        student(BIG_RING, "degraded", 25, 2, script=Surgeon(0.5, shaken), lr=1e-2),
    ]


@recipe
def pictures_fade() -> list[Plant]:
    """Real pictures until the middle; then contrast fades, or grain grows, to the end or within a few
    evaluations."""

    def fade(onset: float, contrast: float, grain: float, over: float) -> Path:
        def path(t: float, rng: np.random.Generator) -> dict[str, float]:
            late = min(1.0, max(0.0, t - onset) / over)
            return {
                "contrast": (1 - math.exp(-t / 0.03)) * (1 - late * (1 - contrast)),
                "grain": grain * late,
            }

        return path

    return [
        page("degraded", 25, fade(0.4, 0.3, 0.0, 0.6), fade(0.5, 1.0, 0.8, 0.2)),
        page("degraded", 16, fade(0.45, 0.4, 0.3, 0.1), fade(0.45, 1.0, 0.6, 0.5)),
    ]


# stalled


@recipe
def wrong_textbook() -> list[Plant]:
    """Particles learn well, from data that are blurred, moved or shrunken from the start: they stop at a
    distance."""
    return [
        pupil(GRID, "stalled", 25, 0.1, 0.05, shown=((0, blurred(0.7)),)),
        pupil(SPIRAL, "stalled", 40, 0.1, 0.03, shown=((0, moved(0.5)),)),
        pupil(BIG_RING, "stalled", 12, 0.3, 0.2, shown=((0, moved(0.0, 0.5)),)),
        pupil(TINY_RING, "stalled", 150, 0.1, 0.05, every=4, shown=((0, moved(0.3, 0.8)),)),
        pupil(HISS, "stalled", 10, 0.3, 0.15, shown=((0, moved(0.0, 0.6)),)),
    ]


@recipe
def stops_learning() -> list[Plant]:
    """G's weights are frozen early, far from the data; D goes on."""
    return [
        student(GRID, "stalled", 25, 3, lr=4e-4, script=Surgeon(0.1, frozen)),
        student(SPIRAL, "stalled", 60, 3, lr=6e-4, script=Surgeon(0.15, frozen), every=20),
        student(HISS, "stalled", 5, 2, lr=1e-4, script=Surgeon(0.0, frozen), every=20),
    ]


@recipe
def too_small() -> list[Plant]:
    """G has one hidden unit: it can make a bent line and no more, and is at its best early."""
    return [
        student(
            SPIRAL, "stalled", 30, 3, lr=2e-2, keys={"width": 64, "depth": 1, "width_d": 64} | {"width": 1}
        )
    ]


@recipe
def pale_pictures() -> list[Plant]:
    """Contrast and grain stop half-way, early in the run."""

    def pale(contrast: float, grain: float) -> Path:
        return lambda t, rng: {
            "contrast": contrast * (1 - math.exp(-t / 0.04)),
            "grain": grain if t else 0.05,
        }

    return [page("stalled", 25, pale(0.4, 0.0), pale(1.0, 0.7)), page("stalled", 12, pale(0.3, 0.3))]


# undertrained


@recipe
def slow_pupils() -> list[Plant]:
    """Particles with a rate so small that a fifth to a half of the way is left when the steps run out."""
    return [
        pupil(GRID, "undertrained", 25, *(-math.log(left) / 276 for left in (0.2, 0.5))),
        pupil(SPIRAL, "undertrained", 60, *(-math.log(left) / 464 for left in (0.2, 0.35)), every=8),
        pupil(BIG_RING, "undertrained", 25, *(-math.log(left) / 276 for left in (0.3, 0.4))),
        pupil(HISS, "undertrained", 10, *(-math.log(left) / 96 for left in (0.3, 0.5))),
        pupil(SPIRAL, "undertrained", 5, *(-math.log(left) / 36 for left in (0.25, 0.4))),
        pupil(TINY_RING, "undertrained", 150, *(-math.log(left) / 592 for left in (0.2, 0.3)), every=4),
    ]


@recipe
def freed_late() -> list[Plant]:
    """G's weights are held at their start until 0.55 of the run; then it learns, slowly, to the end."""

    def held(game: Game) -> None:
        if game.step == 0:
            starts[id(game)] = game.gen.stack.weights.clone()
        if game.step / game.steps < 0.55:
            game.gen.stack.weights.copy_(starts[id(game)])

    starts: dict[int, Tensor] = {}
    return [student(SPIRAL, "undertrained", 25, 3, lr=4e-4, every=30, script=held)]


@recipe
def dirac_creeps() -> list[Plant]:
    """Dirac-GAN with R1 at a small rate: |theta| falls monotonously, and is not there when the steps run
    out."""
    return [
        Plant(
            DIRAC,
            ("undertrained",) * 3,
            model=component("model", "dirac", theta=1.0, psi=0.0),
            settings={
                "loss": "non_saturating",
                "optimizer": "sgd",
                "batch": 4,
                "penalty": component("penalty", "r1", weight=2.0),
            },
            per_member={"lr_g": (0.02, 0.03, 0.04), "lr_d": (0.02, 0.03, 0.04)},
            **schedule(n, every),
        )
        for n, every in ((25, 8),)
    ]


@recipe
def pictures_still_sharpen() -> list[Plant]:
    """Contrast grows by a line to the end, and is far from full then; grain falls alike."""

    def slow(end: float) -> Path:
        return lambda t, rng: {"contrast": end * t, "grain": 0.5 * (1 - end * t) if t else 0.05}

    return [page("undertrained", 25, slow(0.6), slow(0.8)), page("undertrained", 10, slow(0.7))]
