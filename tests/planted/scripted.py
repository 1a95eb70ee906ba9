"""Players and updates that do as they are told: how a failure is caused instead of drawn.

They are ordinary catalogue entries, registered only while planted runs are made, so the real loop trains,
probes and evaluates them like any other.

`palette`     a generator whose parameters say what it makes: which modes, how many stray samples, how blurred
`album`       the same of pictures: a window of a sorted album, contrast, grain
`particles`   a mixture of learnt points
`rote`        an update in which particles learn rows of the shown data by heart, at the rate lr_g
`scripted`    an update that plays as `alternating` or `simultaneous`, then hands the game to a script
`taught`      the same, but G learns from samples of its training data directly (sliced Wasserstein): it
              arrives where its data are, whatever D does
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.data.load import Dataset
from ganzoo.catalog import ZOO, Entry
from ganzoo.game import Game
from ganzoo.networks.gan import Gan, fan_in_uniform
from ganzoo.networks.mlp import mlp
from ganzoo.objective import GEN
from ganzoo.updates import Draw, Update, alternating, simultaneous

Script = Callable[[Game], None]
"""Called after each step (and once before the first); changes the game in place."""

SCRIPTS: dict[str, Script] = {}
BANKS: dict[str, Bank] = {}
ROWS: dict[str, Tensor] = {}
PARTICLES = 1500
DIRECTIONS = 24
"""One-dimensional projections that a taught G is compared in, at each step."""


@dataclass(frozen=True)
class Bank:
    """Real samples by mode [modes, n, d], their means [modes, d], of rows that no metric uses as a
    reference, and their RMS.

    `strays`: whether noise is cut to [-1, 1], as pictures are.
    """

    samples: Tensor
    centres: Tensor
    shape: tuple[int, ...]
    rms: float
    is_picture: bool


def bank(data: Dataset, skip: int) -> Bank:
    """The rows of the training split from `skip` on, sorted by mode."""
    flat = data.train[skip:].reshape(len(data.train) - skip, -1)
    if data.train_labels is None:
        groups = [flat]
    else:
        labels = data.train_labels[skip:]
        groups = [flat[labels == mode] for mode in range(int(labels.max()) + 1)]
    least = min(map(len, groups))
    rows = torch.from_numpy(np.stack([group[:least] for group in groups]))
    return Bank(rows, rows.mean(1), data.shape, float(flat.std()), data.modality == "image")


class Palette(nn.Module):
    """x = size * (a sample of a mode + blur * e, or noise * e + away) + shift; lengths in units of the
    data's RMS.

    e ~ N(0, 1); modes [m]: weights of the modes; good: share of samples that come from modes; variety: 1
    gives the samples of a mode as they are, 0 its mean; noise: SD of the others, about `away`. Pictures of
    noise stay in [-1, 1].
    """

    def __init__(self, of: Bank) -> None:
        super().__init__()
        self.of = of
        modes, _, d = of.samples.shape
        self.modes = nn.Parameter(torch.ones(modes))
        for name in ("good", "variety", "noise", "blur", "size"):
            setattr(self, name, nn.Parameter(torch.ones(1)))
        self.shift = nn.Parameter(torch.zeros(d))
        self.away = nn.Parameter(torch.zeros(d))

    def forward(self, z: Tensor) -> Tensor:
        rows, rms = self.of.samples, self.of.rms
        modes, n, _ = rows.shape
        uniform = 0.5 * (1.0 + torch.erf(z[:, :3] / math.sqrt(2.0)))
        edges = torch.cumsum(self.modes.clamp(min=0.0), 0) / self.modes.clamp(min=0.0).sum()
        mode = (uniform[:, :1] > edges).sum(1).clamp(max=modes - 1)
        row = (uniform[:, 1] * n).long().clamp(max=n - 1)
        e = z[:, 3:]
        centre = self.of.centres[mode]
        made = centre + self.variety * (rows[mode, row] - centre) + rms * self.blur * e
        stray = rms * (self.noise * e + self.away)
        if self.of.is_picture:
            stray = stray.clamp(-1.0, 1.0)
        x = torch.where(uniform[:, 2:] < self.good, made, stray)
        x = self.size * x + rms * self.shift
        return x.reshape(-1, *self.of.shape)


class Album(nn.Module):
    """x = contrast * (a picture of the album) + grain * e, cut to [-1, 1].

    The album is sorted by class; pictures come from the window of a share `share` of it that begins at
    `first` and goes round. share 0: one picture.
    """

    def __init__(self, of: Bank) -> None:
        super().__init__()
        self.of = of
        for name in ("contrast", "grain", "first", "share"):
            setattr(self, name, nn.Parameter(torch.ones(1)))

    def forward(self, z: Tensor) -> Tensor:
        rows = self.of.samples.flatten(0, 1)
        uniform = 0.5 * (1.0 + torch.erf(z[:, 0] / math.sqrt(2.0)))
        place = (self.first + self.share * uniform) % 1.0
        x = rows[(place * len(rows)).long().clamp(max=len(rows) - 1)]
        x = self.contrast * (x + 1.0) - 1.0 + self.grain * z[:, 1:]
        return x.clamp(-1.0, 1.0).reshape(-1, *self.of.shape)


class Particles(nn.Module):
    """x = rms * (a particle + width * e): a point `at` [n, d] for each slice of the latent.

    Unlike a perceptron it need not draw bridges between modes: it learns just what it is shown, as in
    generative latent optimisation (arXiv:1707.05776)."""

    def __init__(self, of: Bank, n: int) -> None:
        super().__init__()
        self.of = of
        self.at = nn.Parameter(torch.zeros(n, of.samples.shape[2]))
        self.width = nn.Parameter(torch.zeros(1))

    def forward(self, z: Tensor) -> Tensor:
        uniform = 0.5 * (1.0 + torch.erf(z[:, 0] / math.sqrt(2.0)))
        n = self.at.shape[0]
        at = self.at[(uniform * n).long().clamp(max=n - 1)]
        return (self.of.rms * (at + self.width * z[:, 1:])).reshape(-1, *self.of.shape)


START: Mapping[str, float] = {
    **{"modes": 1.0, "good": 0.0, "variety": 1.0, "noise": 0.3},
    **{"blur": 0.0, "size": 1.0, "shift": 0.0, "away": 0.0},
    **{"contrast": 0.0, "grain": 0.05, "first": 0.0, "share": 1.0},
}
"""An untrained palette: a narrow blob in the middle, as of a fresh network; an untrained album: black."""


def palette(
    shape: tuple[int, ...], classes: int = 0, *, bank: str, linear_d: bool = False, kind: type = Palette
) -> Gan:
    """A Palette against an ordinary D: a perceptron, or <w, x> with w = 0 at first."""
    of = BANKS[bank]

    def init(
        layer: nn.Module, name: str, shape: tuple[int, ...], stream: np.random.Generator
    ) -> NDArray[Any]:
        if isinstance(layer, kind):
            return np.full(shape, START[name])
        return np.zeros(shape) if linear_d else fan_in_uniform(layer, name, shape, stream)

    d = math.prod(shape)
    disc = nn.Sequential(nn.Linear(d, 1, bias=False)) if linear_d else mlp(shape, width=64).disc
    return Gan(nn.Sequential(kind(of)), disc, 3 + d if kind is Palette else 1 + d, "normal", init)


def album(shape: tuple[int, ...], classes: int = 0, *, bank: str) -> Gan:
    """An Album against a perceptron."""
    return palette(shape, classes, bank=bank, kind=Album)


def particles(shape: tuple[int, ...], classes: int = 0, *, bank: str, n: int = PARTICLES) -> Gan:
    """Particles, at first a narrow blob, against a perceptron."""
    of, d = BANKS[bank], math.prod(shape)

    def init(
        layer: nn.Module, name: str, shape: tuple[int, ...], stream: np.random.Generator
    ) -> NDArray[Any]:
        if isinstance(layer, Particles):
            return np.full(shape, 0.01) if name == "width" else stream.normal(0.0, 0.1, shape)
        return fan_in_uniform(layer, name, shape, stream)

    return Gan(nn.Sequential(Particles(of, n)), mlp(shape, width=64).disc, 1 + d, "normal", init)


def put(game: Game, name: str, values: Sequence[float | NDArray[np.float64]]) -> None:
    """Set a parameter of the palette, one value for each member."""
    view = game.gen.stack.views(game.gen.stack.weights)[f"0.{name}"]
    for k, value in enumerate(values):
        view[k] = torch.as_tensor(value, dtype=view.dtype)


Path = Callable[[float, np.random.Generator], Mapping[str, float | NDArray[np.float64]]]
"""Share of the run that is over, and a stream of the step -> values of the palette's parameters."""


def follow(*paths: Path) -> Script:
    """The script of palettes that follow their paths, one for each member."""

    # What was set once and is not told any more goes back to its start.
    names: dict[str, None] = {}

    def script(game: Game) -> None:
        told = [
            path(game.step / game.steps, np.random.default_rng([k, game.step]))
            for k, path in enumerate(paths)
        ]
        names.update(dict.fromkeys(name for each in told for name in each))
        for name in names:
            put(game, name, [each.get(name, START[name]) for each in told])

    return script


def scripted(*, script: str, simultaneously: bool = False) -> Update:
    """`alternating` (or `simultaneous`), then the script."""
    base = simultaneous() if simultaneously else alternating()

    def step(game: Game, draw: Draw, players: Sequence[str]) -> None:
        if game.step == 0:
            SCRIPTS[script](game)
        base.step(game, draw, players)
        SCRIPTS[script](game)

    return Update(step)


def taught(*, script: str) -> Update:
    """D learns as always; G descends mean over directions u and ranks i of (<u, x>_(i) - <u, y>_(i))^2."""

    def step(game: Game, draw: Draw, players: Sequence[str]) -> None:
        if game.step == 0:
            SCRIPTS[script](game)
        reals = None
        for player in players:
            draws = draw(player)
            gradient = game.gradient(player, draws)
            if player == GEN:
                assert reals is not None
                flat = game.gen.stack.gradient(_sliced(game.gen.stack(draws.latent), reals, game.step))
                gradient = replace(gradient, flat=flat)
            else:
                reals = draws.real
            game.apply(gradient)
        game.end_step()
        SCRIPTS[script](game)

    return Update(step)


def rote(*, script: str) -> Update:
    """D learns as always; each particle descends half its squared distance to a row of its own: it goes a
    share lr_g of the way (under SGD). ROWS tells the rows, other ones whenever other data are shown."""

    def step(game: Game, draw: Draw, players: Sequence[str]) -> None:
        for player in players:
            gradient = game.gradient(player, draw(player))
            if player == GEN:
                at = game.gen.stack.params["0.at"]
                loss = 0.5 * (at - ROWS[script].view_as(at[0])).square().sum((1, 2))
                gradient = replace(gradient, flat=game.gen.stack.gradient(loss))
            game.apply(gradient)
        game.end_step()
        SCRIPTS[script](game)

    return Update(step)


def rows(data: Dataset, n: int, rms: float) -> Tensor:
    """n rows of the training data, the last ones, in units of `rms` [n, d]."""
    picked = np.resize(np.arange(len(data.train))[::-1], n)
    return torch.from_numpy(data.train[picked].reshape(n, -1) / np.float32(rms))


def _sliced(fake: Tensor, real: Tensor, step: int) -> Tensor:
    """[K]; the squared distance is taken relative to the data's size, so that rates mean the same
    everywhere."""
    fake, real = fake.flatten(2), real.flatten(2)
    generator = torch.Generator().manual_seed(step)
    units = torch.randn(fake.shape[2], DIRECTIONS, generator=generator, dtype=fake.dtype)
    units = units / units.norm(dim=0)
    gap = (fake @ units).sort(1).values - (real @ units).sort(1).values
    return gap.square().mean((1, 2)) / real.square().mean()


class _Planted(Entry):
    """An entry whose target is at hand."""

    def load(self) -> Any:
        return globals()[self.target]


@contextmanager
def registered() -> Iterator[None]:
    """The catalogue with the entries above, while planted runs are made."""
    entries = [
        _Planted("model", "palette", "palette", "what it is told", facts={"shapes": "any"}),
        _Planted("model", "album", "album", "what it is told", facts={"shapes": "image"}),
        _Planted("model", "particles", "particles", "a mixture", facts={"shapes": "any"}),
        _Planted("update", "scripted", "scripted", "a script"),
        _Planted("update", "rote", "rote", "supervised"),
        _Planted("update", "taught", "taught", "supervised"),
    ]
    for entry in entries:
        ZOO.register(entry)
    try:
        yield
    finally:
        for entry in entries:
            ZOO.remove(entry.kind, entry.name)
