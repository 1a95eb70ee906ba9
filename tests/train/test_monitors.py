import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu

from bench.data.load import Dataset
from bench.store import schema
from bench.train.build import build_game, network
from bench.train.monitors import (
    HELD,
    INTERVAL,
    POINT,
    STATISTICS,
    Interval,
    ProbeInputs,
    Steps,
    accuracy,
    auc,
    probe,
    thresholds,
)
from bench.trial import Pack, Trial
from ganzoo.catalog import ZOO
from ganzoo.objective import DISC, GEN
from ganzoo.stack import load_flat
from tests.train.conftest import build, component, make_data, make_trial, play


def test_auc_is_the_mann_whitney_statistic_with_ties_at_a_half() -> None:
    generator = np.random.default_rng(0)
    real, fake = generator.integers(0, 6, (2, 3, 40)).astype(float)
    ours = auc(torch.from_numpy(real), torch.from_numpy(fake))
    theirs = [mannwhitneyu(r, f).statistic / 1600 for r, f in zip(real, fake, strict=True)]
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-12)
    constant = torch.zeros(1, 5)
    assert auc(constant, constant).item() == 0.5
    assert auc(torch.ones(1, 3), torch.zeros(1, 3)).item() == 1.0
    assert auc(torch.full((1, 3), float("nan")), torch.zeros(1, 3)).isnan().all()


def test_accuracy_is_null_where_the_loss_has_no_threshold() -> None:
    real, fake = torch.tensor([[0.6, 0.4], [1.0, 1.0]]), torch.tensor([[0.2, 0.7], [0.0, 0.0]])
    share = accuracy(real, fake, torch.tensor([0.5, float("nan")]))
    assert share[0].item() == 0.5
    assert share[1].isnan()


def feed(
    series: list[list[float]], alive: list[list[bool]], block: int = 2
) -> list[dict[str, float | int | None]]:
    """Every interval monitor gets the same series [steps][K], `block` steps at a time."""
    interval = Interval(torch.zeros(len(series[0]), dtype=torch.float64))
    values = torch.tensor(series, dtype=torch.float64).unsqueeze(1).expand(-1, len(INTERVAL), -1)
    for part, living in zip(values.split(block), torch.tensor(alive).split(block), strict=True):
        interval.add(part, living)
    return interval.columns()


def test_interval_statistics() -> None:
    row = feed([[1.0], [3.0], [2.0], [2.0], [4.0]], [[True]] * 5)[0]
    got = [row[f"d_loss.{s}"] for s in ("mean", "min", "max", "last", "flips")]
    assert got == [pytest.approx(2.4), 1.0, 4.0, 4.0, 2]


def naive(series: list[float]) -> list[float]:
    """mean, min, max, last, flips of the increments, a standstill aside."""
    signs = [s for s in np.sign(np.diff(series)) if s != 0]
    flips = sum(a * b < 0 for a, b in itertools.pairwise(signs))
    return [float(np.mean(series)), min(series), max(series), series[-1], flips]


@pytest.mark.parametrize("block", [1, 3, 7, 40])
def test_blocks_of_steps_make_no_difference(block: int) -> None:
    """A series with standstills, and members that die at every step of a block, or never live."""
    generator = np.random.default_rng(3)
    steps, width = 40, 12
    series = generator.integers(0, 5, (steps, width)).astype(float)
    ends = [0, 1, 2, 3, 4, 5, 6, 7, 8, 39, 40, 40]
    alive = np.arange(steps)[:, None] < np.array(ends)
    series[~alive] = np.nan
    rows = feed(series.tolist(), alive.tolist(), block)
    for k, end in enumerate(ends):
        got = [rows[k][f"g_grad.{s}"] for s in STATISTICS]
        assert got == (pytest.approx(naive(series[:end, k].tolist())) if end else [None] * 5)


def test_steps_after_a_death_do_not_count() -> None:
    nan = float("nan")
    rows = feed([[1.0, nan], [2.0, nan], [nan, nan]], [[True, False], [True, False], [False, False]])
    assert rows[0]["g_loss.mean"] == 1.5
    assert rows[0]["g_loss.last"] == 2.0
    assert all(value is None for value in rows[1].values())


def test_probe_closed_form_of_a_linear_discriminator(data: Dataset) -> None:
    """With D(x) = w.x everywhere (hidden units made linear), d_slope is |w| and g_saturation
    sigmoid(-w.x)."""
    trial = make_trial(loss="non_saturating", model=component("model", "mlp", width=2, depth=1))
    game = build_game(Pack((trial,)), data)
    d = game.disc.stack
    with torch.no_grad():
        d.params["0.weight"].copy_(torch.eye(2, dtype=torch.float64))
        d.params["0.bias"].fill_(100.0)  # LeakyReLU stays on its slope of 1
        d.params["3.weight"].copy_(torch.tensor([[[3.0, 4.0]]]))
        d.params["3.bias"].fill_(-700.0)
    inputs = ProbeInputs(
        torch.randn(1, 8, 2, dtype=torch.float64),
        torch.ones(1, 8, 2, dtype=torch.float64) * 50,
        torch.ones(1, 8, 2, dtype=torch.float64) * -50,
    )
    row = probe(game, inputs)[0]
    assert set(row) == set(POINT)
    assert row["d_slope"] == pytest.approx(5.0)
    fake = d(game.gen.stack(inputs.latent))[..., 0]
    assert row["g_saturation"] == pytest.approx(torch.sigmoid(-fake).mean().item())
    assert row["d_auc_train"] == 1.0
    assert row["d_auc_heldout"] == 0.0
    assert row["logit_max"] == pytest.approx(350.0)


LOSSES: dict[str, dict[str, object]] = {name: {"loss": name} for name in ZOO.names("loss")}
NETWORKS: dict[str, dict[str, object]] = {
    "batch norm": {"model": component("model", "mlp", width=8, norm_g="batch", norm_d="batch")},
    "batch norm, relativistic": {
        "model": component("model", "mlp", width=8, norm_d="batch"),
        "loss": "relativistic_average",
    },
    "minibatch std": {"model": component("model", "mlp", width=8, minibatch_std=True)},
    "packed": {"model": component("model", "mlp", width=8, pac=3)},
    "dropout": {"dropout": 0.4},
    "dcgan": {"model": component("model", "dcgan", width=2)},
}
CASES = {**LOSSES, **NETWORKS}


def naive_point(trial: Trial, inputs: ProbeInputs, shape: tuple[int, ...]) -> dict[str, float]:
    """The point monitors of one pair of plain modules at their start, each by its definition."""
    gan = network(trial, shape, device="cpu")
    game, _ = build((trial,), make_data(shape, n=40))
    gen, disc = gan.gen.double().train(), gan.disc.double().train()
    load_flat(gen, game.gen.stack.weights[0])
    load_flat(disc, game.disc.stack.weights[0])
    for layer in disc.modules():
        if type(layer).__name__ == "Dropout":
            layer.eval()
    ((loss, _),) = game.objective.losses
    z, train, heldout = inputs.latent[0], inputs.train[0], inputs.heldout[0]
    with torch.no_grad():
        reals = {"train": disc(train)[:, 0], "heldout": disc(heldout)[:, 0]}
    outs, slopes, grads = [], [], []
    for part in (z[: len(z) // 2], z[len(z) // 2 :]):
        x = gen(part).detach().requires_grad_()
        out = disc(x)[:, 0]
        slopes.append(torch.autograd.grad(out.sum(), x)[0].flatten(1).norm(dim=1))
        outs.append(out.detach())
        answer = disc(gen(part))[:, 0]
        g_loss = loss.g_loss(reals["train"][: len(answer)], answer).mean()
        found = torch.autograd.grad(g_loss, list(gen.parameters()))
        grads.append(torch.cat([g.flatten() for g in found]))
    fake = torch.cat(outs).requires_grad_()
    (pull,) = torch.autograd.grad(loss.g_loss(reals["train"][: len(fake)], fake).sum(), fake)
    answers = fake.detach().numpy()
    pairs = len(answers) * len(reals["train"])
    areas = {name: float(mannwhitneyu(r.numpy(), answers).statistic) / pairs for name, r in reals.items()}
    return {
        "d_weight": math.sqrt(sum(float(p.detach().square().sum()) for p in disc.parameters())),
        "g_weight": math.sqrt(sum(float(p.detach().square().sum()) for p in gen.parameters())),
        "d_auc_train": areas["train"],
        "d_auc_heldout": areas["heldout"],
        "logit_max": max(float(o.abs().max()) for o in (*reals.values(), fake.detach())),
        "g_saturation": float(pull.abs().mean()),
        "d_slope": float(torch.cat(slopes).mean()),
        "g_cosine": float(grads[0] @ grads[1] / grads[0].norm() / grads[1].norm()),
    }


@pytest.mark.parametrize("case", CASES)
def test_point_monitors_are_those_of_plain_modules(case: str) -> None:
    """In a pack of two, for every loss, and where samples meet in D or are judged in packs."""
    is_image = case == "dcgan"
    shape = (1, 28, 28) if is_image else (2,)
    trials = tuple(make_trial(seed=seed, **CASES[case]) for seed in (0, 1))
    game, _ = build(trials, make_data(shape, n=40))
    generator = torch.Generator().manual_seed(0)
    sizes = ((12, network(trials[0], shape).latent_dim), (15, *shape), (15, *shape))
    drawn = [torch.randn(2, *size, generator=generator, dtype=torch.float64) for size in sizes]
    rows = probe(game, ProbeInputs(*drawn))
    for k, trial in enumerate(trials):
        wanted = naive_point(trial, ProbeInputs(*(each[k : k + 1] for each in drawn)), shape)
        assert rows[k] == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("loss", ["minimax", "wasserstein", "relativistic_paired"])
def test_monitors_of_every_step_are_those_of_the_steps(loss: str) -> None:
    """More steps than are held at a time; d_accuracy only where the loss defines it."""
    trials = tuple(make_trial(seed=seed, loss=loss, batch=16) for seed in (0, 1))
    recorded: dict[str, list[list[float]]] = {name: [] for name in INTERVAL}
    taken = None
    for game in play(trials, make_data((2,)), HELD + 5):
        taken = taken or Steps(thresholds(game))
        taken.add(game)
        d, g = game.last[DISC], game.last[GEN]
        assert d.real is not None
        pairs = list(zip(d.real.numpy(), d.fake.numpy(), strict=True))
        by_name = {
            "d_loss": d.loss.tolist(),
            "g_loss": g.loss.tolist(),
            "d_auc": [mannwhitneyu(r, f).statistic / 256 for r, f in pairs],
            "d_accuracy": [0.5 * ((r > 0).mean() + (f < 0).mean()) for r, f in pairs],
            "d_grad": d.grad_norm.tolist(),
            "g_grad": g.grad_norm.tolist(),
            "d_update": d.update_ratio.tolist(),
            "g_update": g.update_ratio.tolist(),
        }
        for name, values in by_name.items():
            recorded[name].append(values)
    assert taken is not None
    for k, row in enumerate(taken.columns()):
        for name in INTERVAL:
            got = [row[f"{name}.{s}"] for s in STATISTICS]
            if name == "d_accuracy" and loss != "minimax":
                assert got == [None] * 5
            else:
                assert got == pytest.approx(naive([step[k] for step in recorded[name]])), name


@pytest.mark.parametrize("player", [GEN, DISC])
def test_gradient_norm_and_update_ratio_are_those_of_a_step(player: str) -> None:
    """Plain steps: the change is the rate times the gradient."""
    trial = make_trial(optimizer="sgd", lr_g=0.03, lr_d=0.05)
    game, streams = build((trial,), make_data((2,)))
    stack, rate = (game.gen.stack, 0.03) if player == GEN else (game.disc.stack, 0.05)
    before = stack.weights.clone()
    measured = game.apply(game.gradient(player, streams.draws(player, 0)))
    change = stack.weights - before
    assert measured.grad_norm.item() == pytest.approx(float(change.norm()) / rate, rel=1e-9)
    assert measured.update_ratio.item() == pytest.approx(float(change.norm() / before.norm()), rel=1e-9)


def test_probe_changes_nothing() -> None:
    pack = Pack((make_trial(model=component("model", "dcgan", width=2), dropout=0.5),))
    game = build_game(pack, make_data((1, 28, 28), n=20))
    before = {name: tensor.clone() for name, tensor in game.state().items()}
    x = torch.randn(1, 6, 1, 28, 28, dtype=torch.float64)
    probe(game, ProbeInputs(torch.randn(1, 6, 64, dtype=torch.float64), x, x))
    assert all(torch.equal(before[name], tensor) for name, tensor in game.state().items())


def test_the_tables_have_a_column_for_every_monitor() -> None:
    """The store may not import torch, so the names stand in both rooms."""
    assert schema.INTERVAL_MONITORS == INTERVAL
    assert schema.POINT_MONITORS == POINT
    assert (*schema.INTERVAL_SUFFIXES, "flips") == STATISTICS


def test_answers_of_d_are_those_to_clean_labels() -> None:
    """Label noise and smoothing change what D is told, not what is measured of it."""
    found = []
    for noise in ({}, {"label_noise": 0.49, "label_smoothing": 0.2, "label_jitter": 0.1}):
        game, streams = build((make_trial(**noise),), make_data((2,)))
        gradient = game.gradient(DISC, streams.draws(DISC, 0))
        found.append((gradient.real, gradient.fake, gradient.loss))
    assert torch.equal(found[0][0], found[1][0])  # type: ignore[arg-type]
    assert torch.equal(found[0][1], found[1][1])
    assert not torch.equal(found[0][2], found[1][2])
