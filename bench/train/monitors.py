"""Cheap signs of how training goes: statistics of every step, and a closer look at each evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.game import Game, Measured
from ganzoo.objective import DISC, GEN, At

INTERVAL = ("d_loss", "g_loss", "d_auc", "d_accuracy", "d_grad", "g_grad", "d_update", "g_update")
"""Measured at every step; stored for each evaluation interval by their STATISTICS."""

STATISTICS = ("mean", "min", "max", "last", "flips")
"""flips: sign changes of the increments, many for an oscillation, few for a trend."""

POINT = (
    "d_weight",
    "g_weight",
    "d_auc_train",
    "d_auc_heldout",
    "logit_max",
    "g_saturation",
    "d_slope",
    "g_cosine",
)
"""Measured at every evaluation, on `PROBE` reals of each split and `FAKES` fakes."""

PROBE, FAKES = 64, 32
"""Real samples of a kind, and fakes. A fake costs a backward pass through both networks: with more of them a
short training of small images spent over 3 % of its time here, and an AUC gains as much from cheap reals."""

HELD = 64
"""Steps that are measured together: small kernels cost their launch, and this saves most of them."""

_OF_UPDATES = ("loss", "grad_norm", "update_ratio")

_AUC_ROWS = 64
"""Rows that a step's AUC looks at: it costs O(rows^2), and its mean over many steps is what is judged."""


def auc(real: Tensor, fake: Tensor) -> Tensor:
    """P(D(real) > D(fake)) + P(equal)/2 over all pairs, 1/2 where D cannot tell; [K, B], [K, B'] -> [K]."""
    wins = torch.sign(real.unsqueeze(2) - fake.unsqueeze(1)).mean((1, 2))
    return 0.5 + 0.5 * wins + _taint(real, fake)


def accuracy(real: Tensor, fake: Tensor, threshold: Tensor) -> Tensor:
    """Share of samples on the right side of the threshold [K], NaN where that is NaN; [K, B] -> [K]."""
    at = threshold.unsqueeze(1)
    share = 0.5 * ((real > at).to(real.dtype).mean(1) + (fake < at).to(real.dtype).mean(1))
    return share.where(~threshold.isnan(), threshold) + _taint(real, fake)


def _taint(real: Tensor, fake: Tensor) -> Tensor:
    """0 where all outputs are finite, else NaN, [K]: comparisons and sign() would hide a NaN."""
    return 0.0 * (real.sum(1) + fake.sum(1))


def thresholds(game: Game) -> Tensor:
    """Each member's threshold [K], NaN where its loss defines none."""
    out = game.gen.stack.weights.new_full((game.gen.stack.width,), float("nan"))
    for loss, members in game.objective.losses:
        if loss.threshold is not None:
            out[members] = loss.threshold
    return out


class Steps:
    """What each step did, measured HELD steps at a time: a step's own cost is to remember it.

    The last update of each player counts. A member's steps count while it lives.
    """

    def __init__(self, threshold: Tensor) -> None:
        """threshold: `thresholds` of the game."""
        self._threshold = threshold
        self._interval = Interval(threshold)
        self._held: list[tuple[Measured, Measured, Tensor]] = []

    def add(self, game: Game) -> None:
        """The step that the game has just taken."""
        self._held.append((game.last[DISC], game.last[GEN], game.alive[:, 0].clone()))
        if len(self._held) == HELD:
            self._measure()

    def columns(self) -> list[dict[str, float | int | None]]:
        """As Interval.columns, of all steps so far."""
        self._measure()
        return self._interval.columns()

    def _measure(self) -> None:
        if self._held:
            d, g, alive = zip(*self._held, strict=True)
            self._interval.add(interval_values(d, g, self._threshold), torch.stack(alive))
            self._held.clear()


def interval_values(d: Sequence[Measured], g: Sequence[Measured], threshold: Tensor) -> Tensor:
    """[S, len(INTERVAL), K], in the order of INTERVAL, of the updates of S steps."""
    steps, width = len(d), len(threshold)
    real = torch.stack([each.real for each in d if each.real is not None]).flatten(0, 1)
    fake = torch.stack([each.fake for each in d]).flatten(0, 1)
    of_d = [torch.stack([getattr(each, name) for each in d]) for name in _OF_UPDATES]
    of_g = [torch.stack([getattr(each, name) for each in g]) for name in _OF_UPDATES]
    seen = [
        auc(real[:, :_AUC_ROWS], fake[:, :_AUC_ROWS]),
        accuracy(real, fake, threshold.repeat(steps)),
    ]
    losses, norms, ratios = zip(of_d, of_g, strict=True)
    return torch.stack([*losses, *(v.view(steps, width) for v in seen), *norms, *ratios], 1)


class Interval:
    """Statistics over the steps since the last evaluation; a member's steps count while it lives."""

    def __init__(self, like: Tensor) -> None:
        """like: [K]."""
        shape = (len(INTERVAL), like.shape[0])
        self._count = like.new_zeros(shape[1], dtype=torch.int64)
        self._sum, self._trend, self._flips = (like.new_zeros(shape) for _ in range(3))
        self._last = like.new_full(shape, torch.nan)
        self._min, self._max = like.new_full(shape, torch.inf), like.new_full(shape, -torch.inf)

    def add(self, values: Tensor, alive: Tensor) -> None:
        """values [S, len(INTERVAL), K] of S steps, alive [S, K]: who is dead stays dead."""
        alive = alive.unsqueeze(1)
        self._sum += values.where(alive, 0.0).sum(0)
        self._min = torch.minimum(self._min, values.where(alive, torch.inf).amin(0))
        self._max = torch.maximum(self._max, values.where(alive, -torch.inf).amax(0))
        # A row for what was before: a change, and the direction of the change before it, need one.
        path = torch.cat([self._last.unsqueeze(0), values])
        change = torch.sign(path[1:] - path[:-1]).where(alive & ((self._count > 0) | _later(values)), 0.0)
        trend = _carried(torch.cat([self._trend.unsqueeze(0), change]))
        self._flips += (change * trend[:-1] < 0).sum(0)
        self._trend = trend[-1]
        lived = alive.sum(0)
        self._last = path.gather(0, lived.expand(1, *values.shape[1:]))[0]
        self._count += lived[0]

    def columns(self) -> list[dict[str, float | int | None]]:
        """One dict per member: `d_loss.mean` and so on; null where no finite step was seen."""
        mean = self._sum / self._count
        table = torch.stack([mean, self._min, self._max, self._last, self._flips]).double().cpu()
        counts = self._count.tolist()
        rows: list[dict[str, float | int | None]] = []
        for k in range(table.shape[2]):
            row: dict[str, float | int | None] = {}
            seen = counts[k] > 0
            for i, name in enumerate(INTERVAL):
                cell = table[:, i, k].tolist() if seen else [float("nan")] * 5
                row |= {f"{name}.{s}": finite(v) for s, v in zip(STATISTICS[:4], cell, strict=False)}
                defined = seen and row[f"{name}.mean"] is not None
                row[f"{name}.flips"] = int(cell[4]) if defined else None
            rows.append(row)
        return rows


def _later(values: Tensor) -> Tensor:
    """Of S steps [S, ...], which have one before them among these: [S, 1, 1]."""
    return (torch.arange(len(values), device=values.device) > 0).view(-1, 1, 1)


def _carried(signs: Tensor) -> Tensor:
    """Each 0 of a column of signs [S, ...] as the last other sign above it."""
    rows = torch.arange(len(signs), device=signs.device).view(-1, *[1] * (signs.dim() - 1))
    return signs.gather(0, rows.where(signs != 0, 0).cummax(0).values)


def finite(value: float) -> float | None:
    """The value, or null where it is not a finite number."""
    return value if value == value and abs(value) != float("inf") else None


@dataclass(frozen=True)
class ProbeInputs:
    """Latents [K, FAKES, L], training reals and held-out reals [K, PROBE, ...] of every member, each with
    one-hot classes for a conditional model; at least as many reals as latents."""

    latent: Tensor
    train: Tensor
    heldout: Tensor
    asked: Tensor | None = None
    train_class: Tensor | None = None
    heldout_class: Tensor | None = None


def probe(game: Game, inputs: ProbeInputs) -> list[dict[str, float | None]]:
    """The point monitors of every member.

    Both networks run with batch statistics, buffers are clones and dropout is off, so training never notices.
    The fakes come in two half batches, whose gradients of G's loss g_cosine compares; all other values are of
    both. g_saturation = mean |dL_G/dlogit|; d_slope = mean ||dD/dx|| at fakes: where samples of a batch meet
    in D, of the sum of its outputs.
    """
    objective, disc = game.objective, game.disc.stack

    def d(x: Tensor, label: Tensor | None) -> Tensor:
        return objective.answers(x, label, at=At(buffers=disc.cloned_buffers()))[0]

    with torch.no_grad():
        train_out = d(inputs.train, inputs.train_class)
        heldout_out = d(inputs.heldout, inputs.heldout_class)
    half = inputs.latent.shape[1] // 2
    halves = [_fakes(game, inputs, part, train_out) for part in (slice(0, half), slice(half, 2 * half))]
    out, slope, grads = zip(*halves, strict=True)
    fake_out = torch.cat(out, 1).requires_grad_()
    (pull,) = torch.autograd.grad(
        objective.g_loss(train_out[:, : fake_out.shape[1]], fake_out).sum(), fake_out
    )
    fake_out = fake_out.detach()
    logit_max = torch.stack([o.abs().amax(1) for o in (train_out, heldout_out, fake_out)]).amax(0)
    values = torch.stack(
        [
            torch.linalg.vector_norm(disc.weights, dim=1),
            torch.linalg.vector_norm(game.gen.stack.weights, dim=1),
            auc(train_out, fake_out),
            auc(heldout_out, fake_out),
            logit_max,
            pull.abs().mean(1),
            torch.linalg.vector_norm(torch.cat(slope, 1).flatten(2), dim=2).mean(1),
            torch.nn.functional.cosine_similarity(grads[0], grads[1], dim=1),
        ]
    )
    table = values.detach().double().cpu()
    return [{name: finite(v) for name, v in zip(POINT, column, strict=True)} for column in table.T.tolist()]


def _fakes(game: Game, inputs: ProbeInputs, part: slice, train_out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of a part of the latents: D's outputs [K, N], the slope of their sum at each fake [K, B, *shape], the
    gradient of G's loss [K, P]."""
    objective, gen, disc = game.objective, game.gen.stack, game.disc.stack
    asked = None if inputs.asked is None else inputs.asked[:, part]
    made = gen(inputs.latent[:, part], label=asked, buffers=gen.cloned_buffers())
    fake = made.detach().requires_grad_()
    out = objective.answers(fake, asked, at=At(buffers=disc.cloned_buffers()))[0]
    meets = objective.batch_meets
    (slope,) = torch.autograd.grad(out.sum(), fake, retain_graph=meets)
    logit = out.detach().requires_grad_()
    loss = objective.g_loss(train_out[:, : out.shape[1]], logit).mean(1).sum()
    (pull,) = torch.autograd.grad(loss, logit)
    if meets:
        (by_x,) = torch.autograd.grad(out, fake, pull)
    else:  # each output is of its own samples: one backward pass through D serves both
        rows = pull.repeat_interleave(fake.shape[1] // pull.shape[1], 1)
        rows = torch.nn.functional.pad(rows, (0, fake.shape[1] - rows.shape[1]))
        by_x = slope * rows.view(*rows.shape, *[1] * (slope.dim() - 2))
    return out.detach(), slope, gen.gradient((made * by_x).flatten(1).sum(1))
