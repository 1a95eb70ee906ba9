"""From a Pack to the game that trains it."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from bench.data.catalog import classes_of
from bench.data.load import Dataset
from bench.train.streams import PackStreams, stream
from bench.trial import SHARED, Pack, Trial
from ganzoo.catalog import ZOO
from ganzoo.game import Game, Player
from ganzoo.layers import dropout_shapes
from ganzoo.losses import Loss
from ganzoo.networks.gan import Gan, initial_values
from ganzoo.objective import DISC, Columns, Draws, Objective
from ganzoo.penalties import Penalty
from ganzoo.stack import Stack
from ganzoo.updates import Beside, Update


def check_pack(pack: Pack) -> None:
    """Raise ValueError where members differ in what decides the graph, or are not ordered by loss."""
    first = pack.trials[0]
    for name in SHARED:
        if any(getattr(t, name) != getattr(first, name) for t in pack.trials):
            raise ValueError(f"the trials of a pack must agree in {name}")
    if len({t.penalty and t.penalty.graph for t in pack.trials}) > 1:
        raise ValueError(
            "the trials of a pack must agree in the kind of penalty and its keys but the numbers"
        )
    runs = [key for key, _ in groupby(t.loss for t in pack.trials)]
    if len(runs) != len(set(runs)):
        raise ValueError("the trials of a pack must be ordered by loss")


def network(trial: Trial, shape: tuple[int, ...], device: str = "meta") -> Gan:
    """The networks of a trial. On the meta device nothing is allocated and no random number is drawn."""
    classes = classes_of(trial.dataset)
    with torch.device(device):
        gan: Gan = ZOO.get("model", trial.model.name).load()(shape, classes, **trial.model.kwargs)
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
    penalty, columns = build_penalty(pack), _columns(pack, data_scale(data))
    if penalty.spectral:
        disc.normalise_spectrally(lambda name, size: _spectral_start(pack.trials, name, size))
    wrap = build_update(first).wrap

    def player(members: Stack, lr: Tensor) -> Player:
        target = ZOO.get("optimizer", first.optimizer.name).load()
        optimizer = wrap(target(lr, columns.beta1, columns.beta2, **first.optimizer.kwargs))
        return Player(members, optimizer, optimizer.init(members.weights))

    is_joint = first.d_batch == "joint"
    return Game(
        player(gen, columns.lr_g),
        player(disc, columns.lr_d),
        Objective(gen, disc, _loss_slices(pack), columns, penalty, is_joint),
        steps=first.steps,
    )


def build_streams(pack: Pack, data: Dataset, game: Game) -> PackStreams:
    """The pack's random inputs; a noise that no member uses is never drawn."""
    first, trials = pack.trials[0], pack.trials
    dtype = getattr(torch, first.dtype)
    gan = network(first, data.shape)
    penalty, objective = game.penalty, game.objective
    looks = build_update(first).opponent or objective.compares or penalty.shifts_both
    used = {
        "dropout": any(t.dropout > 0 for t in trials),
        "label": any(t.label_noise > 0 for t in trials),
        "jitter": any(t.label_jitter > 0 for t in trials),
        "instance": any(t.instance_noise > 0 for t in trials),
        penalty.draws: bool(penalty.draws),
        "opponent": looks,
    }
    return PackStreams(
        study_seed=first.study_seed,
        seeds=[t.seed for t in trials],
        data=torch.tensor(data.train, dtype=dtype, device=pack.device),
        labels=class_labels(data, gan, pack.device),
        batch=first.batch,
        pac=gan.pac,
        latent=(gan.latent, gan.latent_dim),
        dropout=dropout_shapes(gan.disc, data.shape, gan.classes),
        shared_latents=(first.n_critic, first.g_steps) if first.g_batch == "same" else None,
        needs=frozenset(name for name, is_used in used.items() if is_used),
        dtype=dtype,
        device=pack.device,
    )


def build_beside(pack: Pack, data: Dataset, streams: PackStreams) -> Beside:
    """Random inputs for metrics of the game; held-out data are moved to the device when one asks."""
    gan = network(pack.trials[0], data.shape)
    splits = {"train": (streams.data, class_labels(data, gan, pack.device))}

    def beside(
        purpose: str, split: str = "train", half: int | None = None, batch: int = 0
    ) -> Callable[[int], Draws]:
        if split not in splits:
            rows = torch.tensor(data.heldout, dtype=streams.data.dtype, device=pack.device)
            splits[split] = (rows, class_labels(data, gan, pack.device, "heldout"))
        rows, labels = splits[split]
        if half is not None:
            part = slice(half * (len(rows) // 2), (half + 1) * (len(rows) // 2))
            rows, labels = rows[part], None if labels is None else labels[part]
        own = streams.beside(f"{purpose} {split} {half}", rows, labels, batch)
        return lambda update: own.draws(DISC, update)

    return beside


def build_update(trial: Trial) -> Update:
    update: Update = ZOO.get("update", trial.update.name).load()(**trial.update.kwargs)
    return update


def data_scale(data: Dataset) -> float:
    """The data's per-dimension SD, the unit of instance noise: sqrt of the mean variance over dimensions.

    1 for data that do not vary.
    """
    scale = math.sqrt(float(data.train.reshape(len(data.train), -1).var(axis=0, dtype="float64").mean()))
    return scale or 1.0


def _named_stream(study_seed: int, seed: int, purpose: str) -> Callable[[str], np.random.Generator]:
    return lambda name: stream(study_seed, seed, purpose, name)


def build_penalty(pack: Pack) -> Penalty:
    """The pack's penalty, each of its numbers a column [K, 1]; one that does nothing where there is none."""
    first = pack.trials[0].penalty
    if first is None:
        return Penalty()
    given = [t.penalty.kwargs for t in pack.trials if t.penalty is not None]
    keys = {
        name: _column([float(each[name]) for each in given], pack) if isinstance(value, float) else value
        for name, value in first.kwargs.items()
    }
    penalty: Penalty = ZOO.get("penalty", first.name).load()(**keys)
    return penalty


def class_labels(data: Dataset, gan: Gan, device: str, split: str = "train") -> Tensor | None:
    """One-hot labels [N, classes] of a split, for a conditional model."""
    if not gan.classes:
        return None
    given = data.train_labels if split == "train" else data.heldout_labels
    if given is None:
        raise ValueError(f"a conditional model needs labels, and {data.component.name} has none")
    labels = torch.from_numpy(np.array(given)).to(device)
    return torch.nn.functional.one_hot(labels, gan.classes)


def _spectral_start(trials: tuple[Trial, ...], name: str, size: int) -> Tensor:
    """[K, size]: each seed's vector that the power iterations of one weight start from."""
    vectors = [stream(t.study_seed, t.seed, "init_d", f"{name}.u").standard_normal(size) for t in trials]
    return torch.from_numpy(np.stack(vectors))


def _loss_slices(pack: Pack) -> list[tuple[Loss, slice]]:
    slices, start = [], 0
    for component, members in groupby(pack.trials, key=lambda t: t.loss):
        stop = start + len(list(members))
        loss: Loss = ZOO.get("loss", component.name).load()(**component.kwargs)
        slices.append((loss, slice(start, stop)))
        start = stop
    return slices


def _column(values: list[float], pack: Pack) -> Tensor:
    """[K, 1] in the pack's type, on its device."""
    dtype = getattr(torch, pack.trials[0].dtype)
    return torch.tensor(values, dtype=torch.float64).to(device=pack.device, dtype=dtype).unsqueeze(1)


def _columns(pack: Pack, scale: float) -> Columns:
    trials = pack.trials
    inward = [1.0 if t.label_jitter_sign == "inward" else -1.0 for t in trials]
    return Columns(
        **{
            name: _column([float(getattr(t, name)) for t in trials], pack)
            for name in (
                "lr_g",
                "lr_d",
                "lr_decay",
                "beta1",
                "beta2",
                "dropout",
                "label_noise",
                "label_smoothing",
                "instance_noise_until",
                "weight_decay",
                "ema",
                "aux_weight",
            )
        },
        instance_noise=_column([t.instance_noise * scale for t in trials], pack),
        label_jitter=_column([t.label_jitter * sign for t, sign in zip(trials, inward, strict=True)], pack),
    )
