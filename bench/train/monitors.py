"""Cheap signs of how training goes: statistics of every step, and a closer look at each evaluation."""

from __future__ import annotations

from collections.abc import Mapping
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
"""Measured at every evaluation, on `PROBE` samples."""

PROBE = 128

_AUC_ROWS = 64
"""Rows that a step's AUC looks at: it costs O(rows^2), and its mean over many steps is what is judged."""

_ALL = slice(None)


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


def interval_values(last: Mapping[str, Measured], threshold: Tensor) -> Tensor:
    """[len(INTERVAL), K], in the order of INTERVAL, of the step's last update of each player."""
    d, g = last[DISC], last[GEN]
    assert d.real is not None
    return torch.stack(
        [
            d.loss,
            g.loss,
            auc(d.real[:, :_AUC_ROWS], d.fake[:, :_AUC_ROWS]),
            accuracy(d.real, d.fake, threshold),
            d.grad_norm,
            g.grad_norm,
            d.update_ratio,
            g.update_ratio,
        ]
    )


class Interval:
    """Statistics over the steps since the last evaluation; a member's steps count while it lives."""

    def __init__(self, like: Tensor) -> None:
        shape = (len(INTERVAL), like.shape[0])
        self._count = like.new_zeros(shape[1])
        self._sum, self._last, self._trend = (like.new_zeros(shape) for _ in range(3))
        self._min, self._max = like.new_full(shape, torch.inf), like.new_full(shape, -torch.inf)
        self._flips = like.new_zeros(shape)
        self._first = True

    def add(self, values: Tensor, alive: Tensor) -> None:
        """values [len(INTERVAL), K]; alive [K]."""
        self._count += alive
        self._sum += values.where(alive, 0.0)
        torch.minimum(self._min, values.where(alive, torch.inf), out=self._min)
        torch.maximum(self._max, values.where(alive, -torch.inf), out=self._max)
        if not self._first:
            trend = torch.sign(values - self._last)
            self._flips += (trend * self._trend < 0) & alive
            self._trend = trend.where(trend != 0, self._trend)
        self._last = values.where(alive, self._last)
        self._first = False

    def columns(self) -> list[dict[str, float | int | None]]:
        """One dict per member: `d_loss.mean` and so on; null where no finite step was seen."""
        mean = self._sum / self._count
        table = torch.stack([mean, self._min, self._max, self._last, self._flips]).double().cpu()
        rows: list[dict[str, float | int | None]] = []
        for k in range(table.shape[2]):
            row: dict[str, float | int | None] = {}
            seen = bool(self._count[k] > 0)
            for i, name in enumerate(INTERVAL):
                cell = table[:, i, k].tolist() if seen else [float("nan")] * 5
                row |= {f"{name}.{s}": finite(v) for s, v in zip(STATISTICS[:4], cell, strict=False)}
                defined = seen and row[f"{name}.mean"] is not None
                row[f"{name}.flips"] = int(cell[4]) if defined else None
            rows.append(row)
        return rows


def finite(value: float) -> float | None:
    """The value, or null where it is not a finite number."""
    return value if value == value and abs(value) != float("inf") else None


@dataclass(frozen=True)
class ProbeInputs:
    """PROBE latents, training reals and held-out reals of every member [K, PROBE, ...], each with one-hot
    classes for a conditional model."""

    latent: Tensor
    train: Tensor
    heldout: Tensor
    asked: Tensor | None = None
    train_class: Tensor | None = None
    heldout_class: Tensor | None = None


def probe(game: Game, inputs: ProbeInputs) -> list[dict[str, float | None]]:
    """The point monitors of every member.

    Both networks run with batch statistics, buffers are clones and dropout is off, so training never notices.
    g_saturation = mean |dL_G/dlogit|; d_slope = mean ||dD/dx|| at fakes; g_cosine: between the gradients of
    G's loss on two half batches. BatchNorm in D lets samples of a batch meet; d_slope is then of the batch's
    mean output.
    """
    objective, gen, disc = game.objective, game.gen.stack, game.disc.stack
    width, half = gen.width, inputs.latent.shape[1] // 2

    def g(part: slice) -> Tensor:
        asked = None if inputs.asked is None else inputs.asked[:, part]
        return gen(inputs.latent[:, part], label=asked, buffers=gen.cloned_buffers())

    def d(x: Tensor, label: Tensor | None, part: slice = _ALL) -> Tensor:
        label = None if label is None else label[:, part]
        return objective.answers(x, label, at=At(buffers=disc.cloned_buffers()))[0]

    with torch.no_grad():
        train_out = d(inputs.train, inputs.train_class)
        heldout_out = d(inputs.heldout, inputs.heldout_class)
    grads = []
    for part in (slice(0, half), slice(half, None)):
        fake_out = d(g(part), inputs.asked, part)
        grads.append(gen.gradient(objective.g_loss(train_out[:, : fake_out.shape[1]], fake_out).mean(1)))
    cosine = torch.nn.functional.cosine_similarity(grads[0], grads[1], dim=1)

    with torch.no_grad():
        fake = g(_ALL)
    fake.requires_grad_()
    fake_out = d(fake, inputs.asked)
    (slope,) = torch.autograd.grad(fake_out.sum(), fake)
    logit = fake_out.detach().requires_grad_()
    (pull,) = torch.autograd.grad(objective.g_loss(train_out, logit).sum(), logit)
    logit_max = torch.stack([o.abs().amax(1) for o in (train_out, heldout_out, logit.detach())]).amax(0)
    values = torch.stack(
        [
            torch.linalg.vector_norm(disc.weights, dim=1),
            torch.linalg.vector_norm(gen.weights, dim=1),
            auc(train_out, logit.detach()),
            auc(heldout_out, logit.detach()),
            logit_max,
            pull.abs().mean(1),
            torch.linalg.vector_norm(slope.flatten(2), dim=2).mean(1),
            cosine,
        ]
    )
    table = values.detach().double().cpu()
    return [
        {name: finite(v) for name, v in zip(POINT, table[:, k].tolist(), strict=True)} for k in range(width)
    ]
