"""The promises of a pack: a member trains as if it were alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.data.load import Dataset
from bench.train.build import build_game, build_streams
from bench.train.loop import Tick, train
from bench.trial import Pack, Trial, canonical_json
from ganzoo.catalog import ZOO
from ganzoo.game import Game
from ganzoo.losses import HARD
from ganzoo.updates import alternating, turns
from tests.train.conftest import MeanEvaluator, component, make_data, make_trial

LOSSES, UPDATES = ZOO.names("loss"), ZOO.names("update")
PENALTIES = (None, *ZOO.names("penalty"))
COMBINED = [
    (penalty, update)
    for penalty, update in itertools.product(PENALTIES, UPDATES)
    if penalty not in ZOO.get("update", update).facts.get("refuses", ())
]


def final_weights(pack: Pack, data: Dataset) -> tuple[Tensor, Tensor]:
    """(G, D) weights [K, P] after training."""
    ticks = list(train(pack, data, MeanEvaluator()))  # type: ignore[arg-type]
    state = ticks[-1].state()
    return state["gen.weights"], state["disc.weights"]


def varied(**fixed: object) -> tuple[Trial, ...]:
    """Three members of one kind that differ in every number that may differ."""
    return (
        make_trial(seed=0, **fixed),
        make_trial(seed=1, lr_d=3e-3, dropout=0.4, label_noise=0.2, beta1=0.0, weight_decay=0.01, **fixed),
        make_trial(seed=0, lr_g=4e-3, instance_noise=0.1, instance_noise_until=30, ema=0.9, **fixed),
    )


def together(penalty: str | None, update: str) -> tuple[Trial, ...]:
    """One member for each loss, in their order; neighbours differ in every number that may differ."""
    numbers: tuple[dict[str, object], ...] = (
        {"seed": 0},
        {"seed": 1, "lr_d": 3e-3, "dropout": 0.4, "label_noise": 0.2, "beta1": 0.0, "weight_decay": 0.01},
        {"seed": 0, "lr_g": 4e-3, "instance_noise": 0.1, "instance_noise_until": 30, "ema": 0.9},
    )
    step = component("update", update, **({"k": 1} if update == "unrolled" else {}))
    shared = {"penalty": penalty, "update": step}
    ordered = sorted(LOSSES, key=lambda name: canonical_json(component("loss", name).to_json()))
    return tuple(make_trial(loss=loss, **numbers[i % 3], **shared) for i, loss in enumerate(ordered))


def check_packed_equals_solo(trials: tuple[Trial, ...], chosen: Iterable[int], data: Dataset) -> None:
    packed = final_weights(Pack(trials), data)
    for k in chosen:
        solo = final_weights(Pack((trials[k],)), data)
        for ours, alone in zip(packed, solo, strict=True):
            assert torch.isfinite(alone).all()
            torch.testing.assert_close(ours[k], alone[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("penalty", "update"), COMBINED)
def test_a_packed_equals_solo(penalty: str | None, update: str, data: Dataset) -> None:
    """(a) In float64 over 50 steps to 1e-9, all numbers differing: every pair of penalty and update, and with
    it a fifth of the losses, so that every loss meets every penalty and every update."""
    shift = PENALTIES.index(penalty) + UPDATES.index(update)
    chosen = [k for k in range(len(LOSSES)) if (k + shift) % len(UPDATES) == 0]
    check_packed_equals_solo(together(penalty, update), chosen, data)


@pytest.mark.slow
@pytest.mark.parametrize(("penalty", "update"), COMBINED)
def test_a_packed_equals_solo_for_the_full_product(penalty: str | None, update: str, data: Dataset) -> None:
    """(a) The same for every loss x penalty x update."""
    check_packed_equals_solo(together(penalty, update), range(len(LOSSES)), data)


def test_a_all_losses_in_one_pack_equal_solo(data: Dataset) -> None:
    trials = tuple(make_trial(seed=s, loss=loss) for loss in LOSSES for s in (0, 1))
    packed = final_weights(Pack(trials), data)
    for k, trial in enumerate(trials):
        for ours, alone in zip(packed, final_weights(Pack((trial,)), data), strict=True):
            torch.testing.assert_close(ours[k], alone[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("d_batch", ["split", "joint"])
def test_a_packed_equals_solo_with_batchnorm(d_batch: str) -> None:
    model = component("model", "dcgan", width=2, latent_dim=4)
    data = make_data((1, 28, 28), n=40)
    trials = varied(model=model, d_batch=d_batch, batch=4, steps=10)
    packed = final_weights(Pack(trials), data)
    for k, trial in enumerate(trials):
        for ours, alone in zip(packed, final_weights(Pack((trial,)), data), strict=True):
            torch.testing.assert_close(ours[k], alone[0], rtol=1e-9, atol=1e-9)


def test_b_a_member_is_bitwise_independent_of_its_siblings(data: Dataset) -> None:
    """(b) Same width and position, other siblings: the same bits, in float32."""
    me = make_trial(seed=5, dtype="float32")
    calm = Pack((make_trial(seed=1, dtype="float32"), me, make_trial(seed=2, dtype="float32")))
    wild = Pack(
        (
            make_trial(seed=8, dtype="float32", lr_d=0.5, dropout=0.3, label_noise=0.2),
            me,
            make_trial(seed=9, dtype="float32", label_smoothing=0.2, label_jitter=0.1, instance_noise=1.0),
        )
    )
    for one, other in zip(final_weights(calm, data), final_weights(wild, data), strict=True):
        assert torch.equal(one[1], other[1])
        assert not torch.equal(one[0], other[0])


def test_b_holds_for_a_dcgan_too() -> None:
    fixed = {
        "model": component("model", "dcgan", width=2, latent_dim=4),
        "dtype": "float32",
        "batch": 4,
        "steps": 10,
    }
    data = make_data((1, 28, 28), n=40)
    me = make_trial(seed=5, **fixed)
    one = final_weights(Pack((make_trial(seed=1, **fixed), me)), data)
    other = final_weights(Pack((make_trial(seed=2, lr_d=0.1, dropout=0.5, **fixed), me)), data)
    assert all(torch.equal(a[1], b[1]) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("poison", ["nan", "overflow", "collapse"])
def test_c_a_broken_member_never_reaches_another(poison: str, data: Dataset) -> None:
    """(c) The neighbours' bits are those of a run in which nothing broke."""
    trials = tuple(
        make_trial(seed=s, loss=loss, dtype="float32") for s, loss in enumerate(sorted(LOSSES)[:3])
    )
    healthy, broken = _steps(Pack(trials), data, None), _steps(Pack(trials), data, poison)
    for name in ("gen.weights", "disc.weights"):
        for k in (0, 2):
            assert torch.equal(healthy.state()[name][k], broken.state()[name][k])
    assert torch.isfinite(broken.gen.stack.weights).all()
    assert torch.isfinite(broken.disc.stack.weights).all()
    assert broken.alive[:, 0].tolist() == [True, poison == "collapse", True]
    assert broken.first_bad_step.tolist() == [-1, -1 if poison == "collapse" else 11, -1]


def _steps(pack: Pack, data: Dataset, poison: str | None) -> Game:
    """20 steps of a pack whose middle member is broken after ten."""
    game = build_game(pack, data)
    streams = build_streams(pack, data, game)
    step_of, players = alternating().step, turns(1, 1, "d_first")
    for step in range(20):
        if step == 10 and poison:
            weights = game.disc.stack.weights if poison != "collapse" else game.gen.stack.weights
            weights[1] = {"nan": float("nan"), "overflow": 1e30, "collapse": 0.0}[poison]
            if poison == "nan":
                game.disc.state["m"][1] = 0.0
        step_of(game, lambda player, step=step: streams.draws(player, step), players)
        if poison == "nan" and step == 10:
            assert not game.alive[1]
            game.disc.stack.weights[1] = (
                0.0  # so that the end of this test can ask for finite weights everywhere
            )
    return game


def test_c_a_diverged_member_writes_one_last_row(data: Dataset) -> None:
    # SGD at an absurd rate on least squares overflows float32 within a few steps.
    wild = make_trial(seed=1, loss="least_squares", optimizer="sgd", lr_d=1e6, lr_g=1e6, dtype="float32")
    calm = make_trial(seed=1, loss="least_squares", optimizer="sgd", dtype="float32")
    ticks = list(train(Pack((calm, wild)), data, MeanEvaluator()))  # type: ignore[arg-type]
    rows = [row for tick in ticks for row in tick.rows if row["trial"] == wild.id]
    assert [row["alive"] for row in rows] == [True, False]
    assert rows[-1]["mean"] is None
    assert rows[-1]["mean_status"] == "dead"
    assert 0 < rows[-1]["first_bad_step"] <= rows[-1]["step"]  # type: ignore[operator]
    assert sum(row["trial"] == calm.id for tick in ticks for row in tick.rows) == len(ticks)
    assert ticks[-1].alive.tolist() == [True, False]
    alone = list(train(Pack((wild,)), data, MeanEvaluator()))  # type: ignore[arg-type]
    assert len(alone) == 2, "a pack without a living member stops"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_d_resumed_equals_uninterrupted(dtype: str, data: Dataset) -> None:
    """(d) From every evaluation on: rows, previews and state, bit for bit."""
    trials = varied(dtype=dtype, steps=40, evaluate=make_trial().evaluate)
    _same_from_every_tick(Pack(trials), data)


def test_d_resumed_equals_uninterrupted_with_batchnorm_and_a_death() -> None:
    fixed = {
        "model": component("model", "dcgan", width=2, latent_dim=4),
        "batch": 4,
        "steps": 8,
        "dtype": "float32",
    }
    trials = (make_trial(seed=0, **fixed), make_trial(seed=0, lr_d=1e25, **fixed))
    _same_from_every_tick(Pack(trials), make_data((1, 28, 28), n=40))


def _same_from_every_tick(pack: Pack, data: Dataset) -> None:
    def snapshots(ticks: Iterator[Tick]) -> list[tuple[Tick, dict[str, Tensor]]]:
        return [(tick, tick.state()) for tick in ticks]

    whole = snapshots(train(pack, data, MeanEvaluator()))  # type: ignore[arg-type]
    for i, (tick, state) in enumerate(whole[:-1]):
        rest = snapshots(train(pack, data, MeanEvaluator(), resume=(tick.step, state)))  # type: ignore[arg-type]
        assert len(rest) == len(whole) - i - 1
        for (ours, mine), (theirs, expected) in zip(rest, whole[i + 1 :], strict=True):
            assert ours.rows == theirs.rows
            assert (ours.preview is None) == (theirs.preview is None)
            if ours.preview is not None:
                np.testing.assert_array_equal(ours.preview, theirs.preview)
            assert mine.keys() == expected.keys()
            assert all(torch.equal(mine[name], expected[name]) for name in mine)


class TextbookLoop:
    """What a tutorial would write, for one member, fed with the harness's draws."""

    def __init__(self, trial: Trial, data: Dataset) -> None:
        gan = ZOO.get("model", trial.model.name).load()(data.shape, **trial.model.kwargs)
        self.gen, self.disc = gan.gen.double(), gan.disc.double()
        self.loss = ZOO.get("loss", trial.loss.name).load()()
        betas = (trial.beta1, trial.beta2)
        self.opt_g = torch.optim.Adam(self.gen.parameters(), lr=trial.lr_g, betas=betas)
        self.opt_d = torch.optim.Adam(self.disc.parameters(), lr=trial.lr_d, betas=betas)

    def start_from(self, game: Game) -> None:
        for net, stack in ((self.gen, game.gen.stack), (self.disc, game.disc.stack)):
            with torch.no_grad():
                for name, parameter in net.named_parameters():
                    parameter.copy_(stack.params[name][0])

    def step(self, latent_d: Tensor, real: Tensor, latent_g: Tensor) -> None:
        fake = self.gen(latent_d).detach()
        d_loss = self.loss.d_loss(self.disc(real), self.disc(fake), HARD).mean()
        self.opt_d.zero_grad()
        d_loss.backward()
        self.opt_d.step()
        g_loss = self.loss.g_loss(None, self.disc(self.gen(latent_g))).mean()
        self.opt_g.zero_grad()
        g_loss.backward()
        self.opt_g.step()


@pytest.mark.parametrize(("model", "shape"), [("mlp", (2,)), ("dcgan", (1, 28, 28))])
def test_solo_equals_a_textbook_loop(model: str, shape: tuple[int, ...]) -> None:
    """Ordinary modules, torch.optim.Adam and backward(), 50 steps on the same draws: equal to 1e-9."""
    trial = make_trial(model=component("model", model, width=4), batch=4)
    data = make_data(shape, n=40)
    game = build_game(Pack((trial,)), data)
    streams = build_streams(Pack((trial,)), data, game)
    textbook = TextbookLoop(trial, data)
    textbook.start_from(game)
    step_of, players = alternating().step, turns(1, 1, "d_first")
    for step in range(50):
        d, g = streams.draws("disc", step), streams.draws("gen", step)
        assert d.real is not None
        textbook.step(d.latent[0], d.real[0], g.latent[0])
        step_of(game, lambda player, step=step: streams.draws(player, step), players)
    for net, stack in ((textbook.gen, game.gen.stack), (textbook.disc, game.disc.stack)):
        for name, parameter in net.named_parameters():
            torch.testing.assert_close(
                stack.params[name][0].detach(), parameter.detach(), rtol=1e-9, atol=1e-9
            )
        for name, buffer in net.named_buffers():
            if name.rpartition(".")[2].startswith("running"):
                torch.testing.assert_close(stack.buffers[name][0], buffer, rtol=1e-9, atol=1e-9)
    assert not any(isinstance(m, nn.Dropout) for m in textbook.disc.modules())


def test_turns() -> None:
    assert turns(2, 1, "d_first") == ("disc", "disc", "gen")
    assert turns(1, 2, "g_first") == ("gen", "gen", "disc")


def test_order_and_ratio_change_the_training(data: Dataset) -> None:
    runs = [
        final_weights(Pack((make_trial(n_critic=n, g_steps=g, order=o),)), data)[0]
        for n, g, o in ((1, 1, "d_first"), (1, 1, "g_first"), (2, 1, "d_first"), (1, 2, "d_first"))
    ]
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(runs, 2))


def test_weight_clipping_bounds_every_weight_by_its_members_own_value(data: Dataset) -> None:
    trials = tuple(
        make_trial(loss="wasserstein", penalty=component("penalty", "weight_clip", value=v))
        for v in (0.01, 0.1)
    )
    _, disc = final_weights(Pack(trials), data)
    for k, value in enumerate((0.01, 0.1)):
        assert disc[k].abs().max().item() == pytest.approx(value)


def test_ema_is_the_running_average_of_g(data: Dataset) -> None:
    pack = Pack((make_trial(ema=0.5), make_trial(seed=1)))
    game = build_game(pack, data)
    streams = build_streams(pack, data, game)
    expected = game.gen.stack.weights.clone()
    for step in range(5):
        alternating().step(
            game, lambda player, step=step: streams.draws(player, step), turns(1, 1, "d_first")
        )
        expected[0] = 0.5 * expected[0] + 0.5 * game.gen.stack.weights[0]
        expected[1] = game.gen.stack.weights[1]
    assert game.ema is not None
    torch.testing.assert_close(game.ema, expected)
    rows = list(train(pack, data, MeanEvaluator()))[-1].rows  # type: ignore[arg-type]
    assert rows[0]["ema.mean"] != rows[0]["mean"]
    assert not [name for name in rows[1] if name.startswith("ema.")]


def test_weight_decay_is_decoupled_and_ds_alone(data: Dataset) -> None:
    """With SGD at zero gradient (a constant loss), D's weights shrink by lr * decay and G's stay."""
    trial = make_trial(optimizer="sgd", lr_d=0.1, weight_decay=0.5)
    game = build_game(Pack((trial,)), data)
    before = game.disc.stack.weights.clone()
    gradient = game.gradient("disc", build_streams(Pack((trial,)), data, game).draws("disc", 0))
    game.apply(gradient)
    torch.testing.assert_close(game.disc.stack.weights, before - 0.1 * gradient.flat - 0.1 * 0.5 * before)


@pytest.mark.slow
def test_e_packed_and_solo_agree_in_their_shares() -> None:
    """(e) 200 seeds of a ring on which some runs fail: the shares packed and solo do not differ (p >
    0.01)."""
    from scipy.stats import fisher_exact

    from bench.data.load import load

    ring = load(make_trial().dataset)
    fixed = {
        "model": component("model", "mlp", width=16),
        "dtype": "float32",
        "steps": 300,
        "batch": 32,
        "lr_g": 2e-3,
        "lr_d": 2e-3,
        "loss": "minimax",
    }

    def covered_few(packs: list[Pack]) -> int:
        count = 0
        for pack in packs:
            *_, last = train(pack, ring, MeanEvaluator())  # type: ignore[arg-type]
            assert last.preview is not None
            spread = last.preview.std(axis=1).mean(axis=1)
            count += int((spread < 0.5 * ring.train.std()).sum())
        return count

    trials = [make_trial(seed=s, **fixed) for s in range(200)]
    packed = covered_few([Pack(tuple(trials[i : i + 8])) for i in range(0, 200, 8)])
    solo = covered_few([Pack((t,)) for t in trials])
    _, p = fisher_exact([[packed, 200 - packed], [solo, 200 - solo]])
    assert p > 0.01
    assert 0 < solo < 200, "the check needs a grid on which both happen"


def test_textbook_non_saturating_is_bce_with_logits() -> None:
    real, fake = torch.randn(9, dtype=torch.float64), torch.randn(9, dtype=torch.float64)
    loss = ZOO.get("loss", "non_saturating").load()()
    expected = F.binary_cross_entropy_with_logits(
        real, torch.ones_like(real), reduction="none"
    ) + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake), reduction="none")
    torch.testing.assert_close(loss.d_loss(real, fake, HARD), expected)
