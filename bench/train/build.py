"""From a Pack to the game that trains it."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from bench.data.load import Dataset
from bench.train.streams import PackStreams, stream
from bench.trial import SHARED, Pack, Trial
from ganzoo.catalog import ZOO
from ganzoo.game import Columns, Game, Player
from ganzoo.layers import dropout_shapes
from ganzoo.losses import Loss
from ganzoo.networks.gan import Gan, initial_values
from ganzoo.penalties import Penalty
from ganzoo.stack import Stack
from ganzoo.updates import Update


def check_pack(pack: Pack) -> None:
    """Raise ValueError where members differ in what decides the graph, or are not ordered by loss."""
    first = pack.trials[0]
    for name in SHARED:
        if any(getattr(t, name) != getattr(first, name) for t in pack.trials):
            raise ValueError(f"the trials of a pack must agree in {name}")
    if len({t.penalty and t.penalty.name for t in pack.trials}) > 1:
        raise ValueError("the trials of a pack must agree in the kind of penalty")
    runs = [key for key, _ in groupby(t.loss for t in pack.trials)]
    if len(runs) != len(set(runs)):
        raise ValueError("the trials of a pack must be ordered by loss")


def network(trial: Trial, shape: tuple[int, ...], device: str = "meta") -> Gan:
    """The networks of a trial. On the meta device nothing is allocated and no random number is drawn."""
    with torch.device(device):
        gan: Gan = ZOO.get("model", trial.model.name).load()(shape, **trial.model.kwargs)
    return gan


def build_game(pack: Pack, data: Dataset) -> Game:
    """K freshly initialised members. Each starts from its own seed's streams, parameter by parameter."""
    check_pack(pack)
    first = pack.trials[0]
    dtype, device = getattr(torch, first.dtype), pack.device
    gan = network(first, data.shape)

    def stack(which: str) -> Stack:
        module = getattr(gan, which)
        starts: dict[int, dict[str, Tensor]] = {}
        for trial in pack.trials:
            if trial.seed not in starts:
                key, seed = (trial.study_seed, trial.seed), f"init_{which[0]}"
                values = initial_values(module, gan.init, _named_stream(*key, seed))
                starts[trial.seed] = {name: torch.from_numpy(v) for name, v in values.items()}
        return Stack(module, [starts[t.seed] for t in pack.trials], dtype=dtype, device=device)

    gen, disc = stack("gen"), stack("disc")
    penalties = [_penalty(t) for t in pack.trials]
    columns = _columns(pack, penalties, data_scale(data), dtype)

    def player(members: Stack, lr: Tensor) -> Player:
        target = ZOO.get("optimizer", first.optimizer.name).load()
        optimizer = target(lr, columns.beta1, columns.beta2, **first.optimizer.kwargs)
        return Player(members, optimizer, optimizer.init(members.weights))

    return Game(
        player(gen, columns.lr_g),
        player(disc, columns.lr_d),
        _loss_slices(pack),
        columns,
        penalty=penalties[0],
        joint_batch=first.d_batch == "joint",
    )


def build_streams(pack: Pack, data: Dataset, game: Game) -> PackStreams:
    """The pack's random inputs; a noise that no member uses is never drawn."""
    first, trials = pack.trials[0], pack.trials
    dtype = getattr(torch, first.dtype)
    gan = network(first, data.shape)
    used = {
        "dropout": any(t.dropout > 0 for t in trials),
        "label": any(t.label_noise > 0 for t in trials),
        "jitter": any(t.label_jitter > 0 for t in trials),
        "instance": any(t.instance_noise > 0 for t in trials),
    }
    return PackStreams(
        study_seed=first.study_seed,
        seeds=[t.seed for t in trials],
        data=torch.tensor(data.train, dtype=dtype, device=pack.device),
        batch=first.batch,
        latent=(gan.latent, gan.latent_dim),
        dropout=dropout_shapes(gan.disc, data.shape),
        needs=frozenset(name for name, is_used in used.items() if is_used),
        dtype=dtype,
        device=pack.device,
    )


def build_update(trial: Trial) -> Update:
    update: Update = ZOO.get("update", trial.update.name).load()(**trial.update.kwargs)
    return update


def data_scale(data: Dataset) -> float:
    """The data's per-dimension SD, the unit of instance noise: sqrt of the mean variance over dimensions."""
    return math.sqrt(float(data.train.reshape(len(data.train), -1).var(axis=0, dtype="float64").mean()))


def _named_stream(study_seed: int, seed: int, purpose: str) -> Callable[[str], np.random.Generator]:
    return lambda name: stream(study_seed, seed, purpose, name)


def _penalty(trial: Trial) -> Penalty | None:
    if trial.penalty is None:
        return None
    penalty: Penalty = ZOO.get("penalty", trial.penalty.name).load()(**trial.penalty.kwargs)
    return penalty


def _loss_slices(pack: Pack) -> list[tuple[Loss, slice]]:
    slices, start = [], 0
    for component, members in groupby(pack.trials, key=lambda t: t.loss):
        stop = start + len(list(members))
        loss: Loss = ZOO.get("loss", component.name).load()(**component.kwargs)
        slices.append((loss, slice(start, stop)))
        start = stop
    return slices


def _columns(pack: Pack, penalties: list[Penalty | None], scale: float, dtype: torch.dtype) -> Columns:
    def column(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64).to(device=pack.device, dtype=dtype).unsqueeze(1)

    trials = pack.trials
    inward = [1.0 if t.label_jitter_sign == "inward" else -1.0 for t in trials]
    return Columns(
        **{
            name: column([float(getattr(t, name)) for t in trials])
            for name in (
                "lr_g",
                "lr_d",
                "beta1",
                "beta2",
                "dropout",
                "label_noise",
                "label_smoothing",
                "instance_noise_until",
                "weight_decay",
                "ema",
            )
        },
        instance_noise=column([t.instance_noise * scale for t in trials]),
        label_jitter=column([t.label_jitter * sign for t, sign in zip(trials, inward, strict=True)]),
        penalty=column([0.0 if p is None else p.strength for p in penalties]),
    )
