"""The training of one pack, from top to bottom: steps, monitors, evaluations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data.catalog import MODALITIES
from bench.data.load import Dataset
from bench.metrics.asked import asked_classes
from bench.metrics.evaluate import Evaluator
from bench.metrics.game import build_game_measures
from bench.train.build import build_beside, build_game, build_streams, build_update, network
from bench.train.monitors import FAKES, PROBE, ProbeInputs, Steps, probe, thresholds
from bench.train.streams import latents, stream
from bench.trial import Pack, evaluation_steps
from ganzoo.objective import DISC, GEN, Draws
from ganzoo.updates import Draw, Play, turns

Row = dict[str, float | int | str | bool | None]

PREVIEW_FRAMES = 8
"""Evaluations, evenly spread, at which samples of the fixed latents are kept for film strips."""

PREVIEW_SAMPLES = {name: modality.previews for name, modality in MODALITIES.items()}

_CHUNK = 200
"""Samples that G makes at a time when it is evaluated; more leave the cache and take half as long again."""


@dataclass(frozen=True)
class Tick:
    """What one evaluation of a pack yields.

    rows: one per member that still has something to say; preview: samples of the fixed latents [K, n,
    *shape], or None; state: a snapshot of all that going on needs; alive [K].
    """

    step: int
    rows: list[Row]
    preview: NDArray[np.float32] | None
    state: Callable[[], dict[str, Tensor]]
    alive: NDArray[np.bool_]


def train(
    pack: Pack,
    data: Dataset,
    evaluator: Evaluator,
    resume: tuple[int, Mapping[str, Tensor]] | None = None,
) -> Iterator[Tick]:
    """Train a pack, yielding at every evaluation; the first Tick is of step 0, before any update.

    `resume` is (step, state) of an earlier Tick: training goes on behind that evaluation and yields what the
    uninterrupted run would have, bit for bit on the CPU. Ends early when no member is alive.
    """
    first = pack.trials[0]
    game = build_game(pack, data)
    streams = build_streams(pack, data, game)
    update = build_update(first)
    players = turns(first.n_critic, first.g_steps, first.order)
    schedule = evaluation_steps(first.steps, first.evaluate.every)
    frames = preview_steps(schedule)
    start = -1
    if resume is not None:
        start, state = resume
        game.load(state, start, {DISC: start * first.n_critic, GEN: start * first.g_steps})

    def coming() -> Draw:
        drawn = {DISC: game.disc.updates, GEN: game.gen.updates}

        def draw(player: str) -> Draws:
            drawn[player] += 1
            return streams.draws(player, drawn[player] - 1)

        return draw

    draw = coming()
    play = Play(game, update, players, coming, build_beside(pack, data, streams))
    look = Look(pack, data, evaluator, play, streams.data)
    threshold = thresholds(game)
    previous = max(start, 0)
    for point in (p for p in schedule if p > start):
        steps = Steps(threshold)
        while game.step < point:
            update.step(game, draw, players)
            steps.add(game)
        yield Tick(
            step=point,
            rows=look.rows(steps, previous),
            preview=look.preview() if point in frames else None,
            state=lambda: {name: tensor.detach().cpu().clone() for name, tensor in game.state().items()},
            alive=game.alive[:, 0].cpu().numpy().copy(),
        )
        if not bool(game.alive.any()):
            return
        previous = point


def preview_steps(schedule: tuple[int, ...]) -> frozenset[int]:
    """Up to PREVIEW_FRAMES of the evaluation steps, evenly spread, the first and the last among them."""
    picks = np.linspace(0, len(schedule) - 1, min(PREVIEW_FRAMES, len(schedule)))
    return frozenset(schedule[round(i)] for i in picks)


class Look:
    """Everything that is measured of a game; it never changes it."""

    def __init__(self, pack: Pack, data: Dataset, evaluator: Evaluator, play: Play, train: Tensor) -> None:
        self._pack, self._data, self._evaluator, self._play = pack, data, evaluator, play
        self._game = game = play.game
        self._of_game = build_game_measures(pack.trials[0].evaluate.metrics)
        gan = network(pack.trials[0], data.shape)
        self._latent, self._classes = (gan.latent, gan.latent_dim), gan.classes
        self._dtype, self._device = game.gen.stack.weights.dtype, pack.device
        heldout = torch.tensor(data.heldout, dtype=self._dtype, device=self._device)
        self._reals = {"train": train, "heldout": heldout}
        self._labels = {
            name: torch.tensor(np.array(getattr(data, f"{name}_labels")), device=self._device)
            for name in (self._reals if gan.classes else ())
        }
        self._fixed = self._preview_latents(PREVIEW_SAMPLES[data.modality])

    def rows(self, taken: Steps, previous: int) -> list[Row]:
        """One row per member that lived at the evaluation before; null metrics for those that died since."""
        game, first = self._game, self._pack.trials[0]
        step = game.step
        first_bad = game.first_bad_step.tolist()
        steps = taken.columns() if step > 0 else [{} for _ in self._pack.trials]
        points = self.points()
        metrics = self._metrics(step)
        rows = []
        for k, trial in enumerate(self._pack.trials):
            alive = first_bad[k] < 0
            if not alive and first_bad[k] <= previous:
                continue
            row: Row = {
                "trial": trial.id,
                "step": step,
                "d_updates": step * first.n_critic,
                "g_updates": step * first.g_steps,
                "alive": alive,
                "first_bad_step": None if alive else first_bad[k],
            }
            row |= steps[k]
            row |= points[k] if alive else dict.fromkeys(points[k])
            row |= metrics[k]
            rows.append(row)
        return rows

    def points(self) -> list[dict[str, float | None]]:
        """The point monitors of every member at this step."""
        return probe(self._game, self._probe_inputs(self._game.step))

    def preview(self) -> NDArray[np.float32]:
        """[K, n, *shape] samples of the fixed latents, the same at every step and in every trial of a
        study."""
        return self._samples(self._fixed)

    def _metrics(self, step: int) -> list[Row]:
        """Each member's columns of the evaluator, on fresh latents; `ema.` ones for averaged weights."""
        trial, game = self._pack.trials[0], self._game
        z = self._latents("evaluate", trial.evaluate.samples, step)
        alive = game.alive[:, 0].tolist()
        rows = self._scores(self._samples(z), alive, "")
        if game.ema is not None:
            averaged = [a and t.ema > 0 for a, t in zip(alive, self._pack.trials, strict=True)]
            scores = self._scores(self._samples(z, game.ema), averaged, "ema.")
            # A member without an average has no such columns, whatever its neighbours keep.
            of = zip(rows, scores, self._pack.trials, strict=True)
            rows = [row | score if t.ema > 0 else row for row, score, t in of]
        return [row | more for row, more in zip(rows, self._of_game(self._play), strict=True)]

    def _scores(self, samples: NDArray[np.float32], wanted: list[bool], prefix: str) -> list[Row]:
        rows: list[Row] = []
        for k, is_wanted in enumerate(wanted):
            if is_wanted:
                scores = self._evaluator(samples[k])
            else:
                scores = {c: "dead" if c.endswith("_status") else None for c in self._evaluator.columns}
            rows.append({prefix + name: value for name, value in scores.items()})
        return rows

    @torch.no_grad()
    def _samples(self, z: Tensor, weights: Tensor | None = None) -> NDArray[np.float32]:
        """G in eval mode on latents [K, n, L]; `weights`: others than the raw ones."""
        gen = self._game.gen.stack
        params = None if weights is None else gen.views(weights)
        classes = self._asked(z)
        chunks = []
        for start in range(0, z.shape[1], _CHUNK):
            rows = slice(start, start + _CHUNK)
            label = None if classes is None else classes[:, rows]
            chunks.append(gen(z[:, rows], train=False, params=params, label=label).float().cpu())
        return torch.cat(chunks, 1).numpy()

    def _asked(self, z: Tensor) -> Tensor | None:
        """Classes that a conditional G is asked for, in turn: one-hot [K, n, classes]."""
        if not self._classes:
            return None
        turn = torch.from_numpy(asked_classes(z.shape[1], self._classes)).to(self._device)
        return self._one_hot(turn).expand(z.shape[0], -1, -1)

    def _one_hot(self, labels: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(labels, self._classes).to(self._dtype)

    def _latents(self, purpose: str, n: int, *index: int) -> Tensor:
        kind, size = self._latent
        drawn: dict[int, NDArray[np.float32]] = {}
        for t in self._pack.trials:
            if t.seed not in drawn:
                drawn[t.seed] = latents(kind, stream(t.study_seed, t.seed, purpose, *index), (n, size))
        stacked = torch.from_numpy(np.stack([drawn[t.seed] for t in self._pack.trials]))
        return stacked.to(device=self._device, dtype=self._dtype)

    def _preview_latents(self, n: int) -> Tensor:
        """[K, n, L], the same for every member: pictures of different seeds are to be compared too."""
        kind, size = self._latent
        z = torch.from_numpy(latents(kind, stream(self._pack.trials[0].study_seed, 0, "preview"), (n, size)))
        return z.to(device=self._device, dtype=self._dtype).expand(self._pack.width, n, size)

    def _probe_inputs(self, step: int) -> ProbeInputs:
        """Latents and reals of every member for the point monitors of this step."""
        picks: dict[str, list[Tensor]] = {"train": [], "heldout": []}
        for trial in self._pack.trials:
            generator = stream(trial.study_seed, trial.seed, "probe", step, "reals")
            for name, chosen in picks.items():
                picked = generator.integers(0, len(self._reals[name]), PROBE)
                chosen.append(torch.from_numpy(picked).to(self._device))
        z = self._latents("probe", FAKES, step)
        reals, classes = {}, {}
        for name, chosen in picks.items():
            rows = torch.stack(chosen)
            reals[name] = self._reals[name][rows]
            classes[name] = self._one_hot(self._labels[name][rows]) if self._classes else None
        drawn = (reals["train"], reals["heldout"], self._asked(z), classes["train"], classes["heldout"])
        return ProbeInputs(z, *drawn)
