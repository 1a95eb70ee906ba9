"""A look at an ordinary pair sees what the harness sees of a pack, and leaves no trace."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bench.data.load import load
from bench.train.build import build_game, network
from bench.train.monitors import POINT, ProbeInputs, probe
from bench.train.pair import PROBE, Pair, PairError, aside, draw, logit_of, look, of_logits, unwrapped
from bench.trial import Pack
from ganzoo.catalog import ZOO
from ganzoo.losses import HARD
from ganzoo.stack import load_flat
from tests.train.conftest import component, make_trial


def in_turn(gen: nn.Module, z: Tensor) -> Callable[[int], Tensor]:
    """Samples of the halves of z, as `look` asks for them."""
    halves = list(z.split(len(z) // 2))
    return lambda n: gen(halves.pop(0))


@pytest.mark.parametrize("loss", ["non_saturating", "wasserstein", "relativistic_paired", "least_squares"])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_look_at_one_pair_equals_the_probe_of_a_pack(loss: str, norm: str) -> None:
    trial = make_trial(loss=loss, model=component("model", "mlp", width=16, norm_g=norm, norm_d=norm))
    data = load(trial.dataset)
    game = build_game(Pack((trial,)), data)
    gan = network(trial, data.shape, device="cpu")
    for net, player in ((gan.gen, game.gen), (gan.disc, game.disc)):
        net.double()
        load_flat(net, player.stack.weights[0])
    torch.manual_seed(0)
    z = torch.randn(PROBE, gan.latent_dim, dtype=torch.float64)
    train, heldout = (torch.tensor(rows[:PROBE], dtype=torch.float64) for rows in (data.train, data.heldout))
    (theirs,) = probe(game, ProbeInputs(z[None], train[None], heldout[None]))
    pair = Pair(gan.gen, gan.disc)
    with aside(pair, "seed", train=True):
        mine = look(pair, in_turn(gan.gen, z), train, heldout, ZOO.get("loss", loss).load()())
    for name in POINT:
        if not name.endswith("_weight"):
            assert mine[name] == pytest.approx(theirs[name], rel=1e-9, abs=1e-12), name
    assert (mine["d_accuracy"] is None) == (loss in ("wasserstein", "relativistic_paired"))
    assert mine["d_auc"] == mine["d_auc_train"]
    assert mine["finite"] == 1.0


class Restless(nn.Module):
    """Uses every global generator and has every kind of state."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
        self.frozen = nn.BatchNorm1d(3).eval()
        self.register_buffer("calls", torch.zeros(()))

    def train(self, mode: bool = True) -> Restless:
        super().train(mode)
        self.frozen.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        self.calls = self.calls + 1
        x = x + 1e-3 * random.random() + 1e-3 * float(np.random.rand())  # noqa: NPY002
        return self.frozen(self.layers(x))


def generators() -> tuple[object, ...]:
    legacy = np.random.get_state()  # noqa: NPY002
    return random.getstate(), legacy[1].tolist(), legacy[2], torch.get_rng_state().tolist()


def test_what_happens_aside_leaves_no_trace() -> None:
    net = Restless()
    net.layers[0].weight.requires_grad_(False)
    net.layers[2].eval()
    before = (
        generators(),
        [m.training for m in net.modules()],
        {k: v.clone() for k, v in net.state_dict().items()},
    )
    held = dict(net.named_buffers())
    with torch.inference_mode(), aside(Pair(net, net), "x", train=True):
        assert [m.training for m in net.modules()] == [True, True, True, True, False, True, False]
        assert net(torch.randn(8, 3)).requires_grad
        assert float(net.calls) == 1.0
    state = net.state_dict()
    assert (generators(), [m.training for m in net.modules()]) == before[:2]
    assert all(torch.equal(state[k], v) for k, v in before[2].items())
    assert all(buffer is held[name] for name, buffer in net.named_buffers())
    assert not net.layers[0].weight.requires_grad
    assert all(p.grad is None for p in net.parameters())


def test_equal_seeds_draw_the_same_aside_and_an_error_puts_all_back() -> None:
    net = Restless()
    drawn = []
    for seed in ("a", "a", "b"):
        with aside(Pair(net, net), seed, train=False):
            drawn.append(torch.rand(3))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    before = generators()
    with pytest.raises(RuntimeError, match="shape"), aside(Pair(net, net), "a", train=False):
        net(torch.randn(4, 5))
    assert generators() == before
    assert net.training


def test_answers_of_a_sigmoid_are_its_own_input() -> None:
    torch.manual_seed(0)
    body, x = nn.Linear(2, 1), 30.0 * torch.randn(50, 2)
    body.weight.data.fill_(1.0)
    as_module = nn.Sequential(body, nn.Sigmoid(), nn.Flatten(0))
    assert torch.equal(Pair(body, as_module, probability=True).logits(x), body(x).view(1, -1))

    class AsFunction(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.sigmoid(body(x))

    found = Pair(body, AsFunction(), probability=True).logits(x)
    assert torch.isfinite(found).all()
    known = body(x).abs().view(1, -1) < 5
    torch.testing.assert_close(found[known], body(x).view(1, -1)[known], rtol=1e-4, atol=1e-4)
    with pytest.raises(PairError, match="outside"):
        Pair(body, body, probability=True).logits(x)


def test_a_loss_of_probabilities_is_read_from_their_logits() -> None:
    logit = torch.tensor([[-1.0, 2.0]], requires_grad=True)
    p = logit.detach().sigmoid()
    loss = of_logits(ZOO.get("loss", "least_squares").load()())
    assert loss.threshold == 0.0
    torch.testing.assert_close(loss.d_loss(logit, logit, HARD), 0.5 * ((p - 1) ** 2 + p**2))
    (pull,) = torch.autograd.grad(loss.g_loss(None, logit).sum(), logit)
    torch.testing.assert_close(pull, (p - 1) * p * (1 - p))
    assert of_logits(ZOO.get("loss", "hinge").load()()).threshold == -math.inf
    assert of_logits(ZOO.get("loss", "wasserstein").load()()).threshold is None


def test_a_probability_that_rounds_to_0_or_1_stands_for_the_nearest_that_does_not() -> None:
    low, half, high = logit_of(torch.tensor([0.0, 0.5, 1.0])).tolist()
    assert low == pytest.approx(-87.34, abs=0.01)
    assert half == 0.0
    assert high == pytest.approx(16.64, abs=0.01)
    assert bool(logit_of(torch.tensor([float("nan")])).isnan().all())


def test_what_the_user_hands_over_is_checked_in_one_sentence() -> None:
    net, patches = nn.Linear(2, 1), nn.Conv2d(1, 1, 3)
    with pytest.raises(PairError, match="answers=lambda out"):
        Pair(patches, patches).logits(torch.zeros(4, 1, 8, 8))
    pair = Pair(patches, patches, answers=lambda out: out.mean((1, 2, 3)))
    assert pair.logits(torch.zeros(4, 1, 8, 8)).shape == (1, 4)

    class Conditional(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return x

    with pytest.raises(PairError, match="samples alone"):
        Pair(net, Conditional()).logits(torch.zeros(4, 2))
    for samples in (lambda n: torch.zeros(n, 3), lambda n: torch.zeros(4, 2), lambda n: None):
        with pytest.raises(PairError, match=r"samples\(8\) must give a float tensor of shape \(8, 2\)"):
            draw(samples, 8, (2,))
    with pytest.raises(PairError, match="function of the number"):
        draw(lambda: torch.zeros(8, 2), 8, (2,))  # type: ignore[arg-type, misc]


def test_what_needs_a_loss_or_a_gradient_is_null_without() -> None:
    gen, disc = nn.Linear(2, 2), nn.Linear(2, 1)
    real, pair = torch.randn(PROBE, 2), Pair(nn.Linear(2, 2), nn.Linear(2, 1))
    with aside(pair, "x", train=True):
        row = look(pair, lambda n: gen(torch.randn(n, 2)), real, None, None)
    assert row["g_cosine"] is None
    assert row["d_auc_heldout"] is None
    assert "g_saturation" not in row
    with aside(Pair(gen, disc), "x", train=True):
        made = look(
            Pair(gen, disc),
            lambda n: gen(torch.randn(n, 2)).detach(),
            real,
            None,
            ZOO.get("loss", "hinge").load()(),
        )
    assert made["g_cosine"] is None
    assert made["g_saturation"] == 1.0
    hinge = ZOO.get("loss", "hinge").load()()
    for other, known in ((nn.Linear(2, 2), False), (gen, True)):
        with aside(Pair(gen, disc), "x", train=True):
            row = look(Pair(gen, disc), lambda n, net=other: net(torch.randn(n, 2)), real, None, hinge)  # type: ignore[misc]
        assert (row["g_cosine"] is not None) == known


def test_a_generator_of_another_type_is_looked_at_in_the_discriminators() -> None:
    """As autocast makes samples in bfloat16 for a D of float32."""
    gen, disc = nn.Linear(2, 2).bfloat16(), nn.Linear(2, 1)
    hinge = ZOO.get("loss", "hinge").load()()
    with aside(Pair(gen, disc), "x", train=True):
        row = look(
            Pair(gen, disc),
            lambda n: gen(torch.randn(n, 2, dtype=torch.bfloat16)),
            torch.randn(PROBE, 2),
            torch.randn(PROBE, 2),
            hinge,
        )
    assert row["d_slope"] == pytest.approx(float(disc.weight.detach().norm()), rel=1e-5)
    assert row["g_cosine"] is not None


def test_networks_are_looked_at_inside_their_wrappers() -> None:
    class OptimizedModule(nn.Module):
        """As torch.compile makes it."""

        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self._orig_mod = inner

    net = nn.Linear(2, 1)
    assert unwrapped(nn.DataParallel(net)) is net
    assert unwrapped(OptimizedModule(nn.DataParallel(net))) is net
    assert unwrapped(net) is net
