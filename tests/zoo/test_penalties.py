"""Every penalty against the formula written out, finite differences twice, and slopes known by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from bench.train.build import build_game, build_streams
from bench.trial import Component, Pack
from ganzoo.catalog import ZOO
from ganzoo.game import Game
from ganzoo.losses import HARD
from ganzoo.objective import Draws
from ganzoo.penalties import Look, Penalty, squared_slope
from ganzoo.stack import Stack
from tests.train.conftest import component, make_data, make_trial

K, B, DIM, HIDDEN = 2, 3, 2, 4
WEIGHTS = torch.tensor([[0.5], [3.0]], dtype=torch.float64)

Value = Callable[[Tensor, Tensor], Tensor]


def normals(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


X, Y = normals(K, B, DIM, seed=1), normals(K, B, DIM, seed=2) + 0.5
MIX = torch.rand(K, B, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
NOISE = normals(K, B, DIM, seed=4)
W, V = normals(K, HIDDEN, DIM, seed=5), normals(K, HIDDEN, seed=6)


def tanh_disc(w: Tensor, v: Tensor) -> Callable[[Tensor], Tensor]:
    """D(x) = v . tanh(W x)."""
    return lambda x: torch.einsum("kh,kbh->kb", v, torch.tanh(torch.einsum("khd,kbd->kbh", w, x)))


def slopes(w: Tensor, v: Tensor, x: Tensor) -> Tensor:
    """Its gradient, W^T (v (1 - tanh^2(W x))), [K, B, d]."""
    bend = 1 - torch.tanh(torch.einsum("khd,kbd->kbh", w, x)) ** 2
    return torch.einsum("khd,kbh->kbd", w, v.unsqueeze(1) * bend)


def look(disc: Callable[[Tensor], Tensor], x: Tensor = X, y: Tensor = Y, **params: Tensor) -> Look:
    x, y = x.clone().requires_grad_(), y.clone().requires_grad_()
    return Look(x, y, disc(x), disc(y), disc, params, MIX, NOISE)


def term(name: str, at: Look, **keys: object) -> Tensor:
    penalty: Penalty = ZOO.get("penalty", name).load()(**keys)
    assert penalty.term is not None
    return penalty.term(at)


def squared(w: Tensor, v: Tensor, x: Tensor) -> Tensor:
    return (slopes(w, v, x) ** 2).sum(-1)


def one_centred(w: Tensor, v: Tensor, x: Tensor) -> Tensor:
    return WEIGHTS[:, 0] * ((squared(w, v, x).sqrt() - 1) ** 2).mean(1)


BETWEEN = MIX.unsqueeze(-1) * X + (1 - MIX.unsqueeze(-1)) * Y
# The batch's SD over samples and coordinates, by numpy's (population) definition.
AROUND = X + 0.25 * torch.tensor([X[k].numpy().std() for k in range(K)]).view(-1, 1, 1) * NOISE
TEXTBOOK: dict[str, tuple[dict[str, object], Value]] = {
    "wgan_gp": ({}, lambda w, v: one_centred(w, v, BETWEEN)),
    "zero_centred_gp": ({}, lambda w, v: WEIGHTS[:, 0] * squared(w, v, BETWEEN).mean(1)),
    "r1": ({}, lambda w, v: WEIGHTS[:, 0] / 2 * squared(w, v, X).mean(1)),
    "r2": ({}, lambda w, v: WEIGHTS[:, 0] / 2 * squared(w, v, Y).mean(1)),
    "r1_r2": ({}, lambda w, v: WEIGHTS[:, 0] / 2 * (squared(w, v, X) + squared(w, v, Y)).mean(1)),
    "dragan": ({"scale": 0.25}, lambda w, v: one_centred(w, v, AROUND)),
    "l2_weights": ({}, lambda w, v: WEIGHTS[:, 0] / 2 * ((w**2).sum((1, 2)) + (v**2).sum(1))),
}
ELSEWHERE = {"weight_clip", "consensus", "spectral_norm"}
SLOPES = sorted(set(TEXTBOOK) - {"l2_weights"})


def test_every_penalty_of_the_catalogue_is_tested_here() -> None:
    assert set(TEXTBOOK) | ELSEWHERE == set(ZOO.names("penalty"))
    assert {e.name for e in ZOO.entries("penalty") if e.facts.get("per_sample")} == set(SLOPES)
    assert {e.name for e in ZOO.entries("penalty") if "every" in e.keys} == set(SLOPES)


@pytest.mark.parametrize("name", TEXTBOOK)
def test_textbook_with_a_weight_for_each_member(name: str) -> None:
    keys, expected = TEXTBOOK[name]
    value = term(name, look(tanh_disc(W, V), w=W, v=V), weight=WEIGHTS, **keys)
    torch.testing.assert_close(value, expected(W, V), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", TEXTBOOK)
def test_gradients_against_finite_differences_twice(name: str) -> None:
    """The gradient of a slope is a double backward already; unrolling takes one more."""
    keys, _ = TEXTBOOK[name]

    def of_weights(w: Tensor, v: Tensor) -> Tensor:
        return term(name, look(tanh_disc(w, v), w=w, v=v), weight=WEIGHTS, **keys)

    at = W.clone().requires_grad_(), V.clone().requires_grad_()
    assert torch.autograd.gradcheck(of_weights, at)
    assert torch.autograd.gradgradcheck(of_weights, at)


@pytest.mark.parametrize("name", SLOPES)
def test_a_linear_d_has_one_slope_everywhere(name: str) -> None:
    """D(x) = a . x with |a| = 5: weight / 2 * 25, weight * (5 - 1)^2 and so on."""
    a = torch.tensor([[3.0, -4.0], [0.6, 0.8]], dtype=torch.float64)
    value = term(name, look(lambda x: torch.einsum("kd,kbd->kb", a, x)), weight=2.0)
    expected = {
        "wgan_gp": [32.0, 0.0],
        "dragan": [32.0, 0.0],
        "zero_centred_gp": [50.0, 2.0],
        "r1": [25.0, 1.0],
        "r2": [25.0, 1.0],
        "r1_r2": [50.0, 2.0],
    }
    torch.testing.assert_close(value, torch.tensor(expected[name], dtype=torch.float64))


@pytest.mark.parametrize("name", SLOPES)
def test_where_d_is_flat_value_and_gradient_are_finite(name: str) -> None:
    """D = 0: zero-centred penalties and their gradients are 0, one-centred ones are `weight`, with the
    subgradient 0."""
    w, v = W.clone().requires_grad_(), torch.zeros_like(V).requires_grad_()
    value = term(name, look(tanh_disc(w, v)), weight=WEIGHTS)
    expected = WEIGHTS[:, 0] if name in ("wgan_gp", "dragan") else torch.zeros(K).double()
    assert torch.equal(value, expected)
    first = torch.autograd.grad(value.sum(), (w, v), create_graph=True)
    assert all(torch.equal(grad, torch.zeros_like(grad)) for grad in first)
    second = torch.autograd.grad(sum(g.sum() for g in first), (w, v), materialize_grads=True)
    assert all(torch.isfinite(grad).all() for grad in second)


def test_noise_and_mixing_stay_where_they_belong() -> None:
    """A mix of 1 is the data, of 0 the fakes; no noise is the data; members do not see each other's SD."""
    disc = tanh_disc(W, V)
    ends = [Look(X, Y, disc(X), disc(Y), disc, {}, MIX * 0 + end, NOISE) for end in (1.0, 0.0)]
    whole = [WEIGHTS[:, 0] * squared(W, V, x).mean(1) for x in (X, Y)]
    for at, expected in zip(ends, whole, strict=True):
        torch.testing.assert_close(term("zero_centred_gp", at, weight=WEIGHTS), expected)
    still = term("dragan", look(disc), weight=WEIGHTS, scale=0.0)
    torch.testing.assert_close(still, one_centred(W, V, X))
    wide = X.clone()
    wide[1] *= 100
    alone, beside = (term("dragan", look(disc, x), weight=WEIGHTS)[0] for x in (X, wide))
    assert torch.equal(alone, beside)


def test_dragan_leaves_the_data_by_half_of_their_sd() -> None:
    """D(x) = |x|^2 / 2 has the slope |x| at x: at data of SD 2, the noise has SD 1 in each coordinate."""
    x = torch.tensor([2.0, -2.0]).double().repeat(1, 20_000).view(1, -1, 1)
    noise = normals(1, x.shape[1], 1, seed=9)
    seen: list[Tensor] = []

    def disc(at: Tensor) -> Tensor:
        seen.append(at.detach())
        return at.square().sum(-1) / 2

    at = Look(x, x, torch.zeros(1), torch.zeros(1), disc, {}, None, noise)
    value = term("dragan", at, weight=1.0)
    assert (seen[0] - x).std().item() == pytest.approx(1.0, rel=0.02)
    torch.testing.assert_close(value, ((seen[0].abs() - 1) ** 2).mean().view(1))


def test_a_pack_of_samples_has_one_slope() -> None:
    """With two samples an output, D(x1, x2) = x1 + 2 x2 has the squared slope 5; an odd one is dropped."""
    x = normals(1, 5, 1).requires_grad_()
    out = x[:, 0:4:2, 0] + 2 * x[:, 1:4:2, 0]
    assert squared_slope(out, x).tolist() == [[5.0, 5.0]]


def test_two_members_with_different_weights_and_a_weight_of_zero() -> None:
    weights = torch.tensor([[0.0], [2.0]], dtype=torch.float64)
    for name in TEXTBOOK:
        w, v = W.clone().requires_grad_(), V.clone().requires_grad_()
        value = term(name, look(tanh_disc(w, v), w=w, v=v), weight=weights)
        (grad,) = torch.autograd.grad(value.sum(), w)
        assert value[0].item() == 0.0
        assert value[1].item() > 0.0
        assert grad[0].abs().sum().item() == 0.0


# In a game


def game_of(
    dataset: str | None = None, model: Component | None = None, batch: int = 4, **changes: object
) -> tuple[Game, Draws, Draws]:
    """A game of one member in float64, and the inputs of D's and G's first updates."""
    data = make_data((1,), n=20, spread=0.0) if dataset == "dirac" else make_data(n=40)
    model = model or component("model", "mlp", width=4, depth=1, depth_d=1)
    trial = make_trial(model=model, batch=batch, optimizer="sgd", **changes)
    pack = Pack((trial,))
    game = build_game(pack, data)
    streams = build_streams(pack, data, game)
    return game, streams.draws("disc", 0), streams.draws("gen", 0)


@pytest.mark.parametrize("every", [1, 4])
def test_a_lazy_penalty_counts_every_so_often_and_that_many_times(every: int) -> None:
    """The slope of a linear D does not depend on the batch: over 8 updates without a step, the mean of the
    penalty is that of the plain one."""
    penalty = component("penalty", "r1", weight=2.0, every=every)
    model = component("model", "dirac", psi=3.0)
    game, draws, _ = game_of("dirac", model, penalty=penalty, loss="wasserstein")
    plain, _, _ = game_of("dirac", model, loss="wasserstein")
    base = plain.gradient("disc", draws).flat
    parts = []
    for update in range(8):
        game.disc.updates = update
        parts.append((game.gradient("disc", draws).flat - base).item())
    # weight / 2 psi^2 has the gradient weight * psi = 6.
    assert parts == [6.0 * every if update % every == 0 else 0.0 for update in range(8)]
    assert sum(parts) / 8 == 6.0


def test_consensus_on_the_dirac_gan_by_hand() -> None:
    """Wasserstein: v = (-psi, theta), so that |v|^2 / 2 pulls both to 0 with the rate `weight`."""
    model = component("model", "dirac", theta=0.7, psi=-0.4)
    for weight in (0.0, 0.3):
        penalty = component("penalty", "consensus", weight=weight)
        game, d, g = game_of("dirac", model, penalty=penalty, loss="wasserstein")
        assert game.objective.field_size(d).item() == pytest.approx((0.7**2 + 0.4**2) / 2)
        assert game.gradient("disc", d).flat.item() == pytest.approx(0.7 + weight * -0.4)
        assert game.gradient("gen", g).flat.item() == pytest.approx(0.4 + weight * 0.7)


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic_average"])
def test_consensus_is_j_transposed_v(loss: str) -> None:
    """The gradient of |v|^2 / 2 is J^T v: against v and J of the plain modules, from torch.autograd."""
    penalty = component("penalty", "consensus", weight=0.3)
    game, draws, _ = game_of(penalty=penalty, loss=loss, update="simultaneous")
    plain, _, _ = game_of(loss=loss)
    assert draws.real is not None
    real, z = draws.real[0], draws.latent[0]
    functions = ZOO.get("loss", loss).load()()
    gen, disc = game.gen.stack, game.disc.stack
    gan = ZOO.get("model", "mlp").load()((2,), width=4, depth=1, depth_d=1)

    def run(module: nn.Module, stack: Stack, flat: Tensor, x: Tensor) -> Tensor:
        params = {name: p[0] for name, p in stack.views(flat.unsqueeze(0)).items()}
        out: Tensor = functional_call(module.double(), params, (x,))
        return out

    size = gen.weights.shape[1]

    def field(w: Tensor) -> Tensor:
        wg, wd = w[:size], w[size:]
        r, f = run(gan.disc, disc, wd, real)[:, 0], run(gan.disc, disc, wd, run(gan.gen, gen, wg, z))[:, 0]
        g = functions.g_loss(r, f).mean()
        d = functions.d_loss(r, f, HARD).mean()
        (on_g,) = torch.autograd.grad(g, wg, create_graph=True)
        (on_d,) = torch.autograd.grad(d, wd, create_graph=True)
        return torch.cat([on_g, on_d])

    at = torch.cat([gen.weights[0], disc.weights[0]]).requires_grad_()
    v = field(at).detach()
    jacobian = torch.autograd.functional.jacobian(field, at)
    assert isinstance(jacobian, Tensor)
    expected = 0.3 * v @ jacobian
    got = torch.cat([stack.gradient(game.objective.field_size(draws))[0] for stack in (gen, disc)])
    torch.testing.assert_close(0.3 * got, expected, rtol=1e-9, atol=1e-12)
    whole = game.gradient("disc", draws).flat - plain.gradient("disc", draws).flat
    torch.testing.assert_close(whole[0], expected[size:], rtol=1e-9, atol=1e-12)


def test_consensus_moves_no_buffer() -> None:
    model = component("model", "mlp", width=4, norm_g="batch", norm_d="batch")
    game, draws, _ = game_of(model=model, penalty="consensus")
    before = {n: p.stack.cloned_buffers() for n, p in (("g", game.gen), ("d", game.disc))}
    game.objective.field_size(draws)
    for name, player in (("g", game.gen), ("d", game.disc)):
        assert all(torch.equal(b, before[name][key]) for key, b in player.stack.buffers.items())


def test_weight_clip_bounds_weights_and_passes_their_gradient() -> None:
    weights = torch.tensor([[-3.0, -0.5, 0.5, 3.0]] * 2, dtype=torch.float64, requires_grad=True)
    clip: Penalty = ZOO.get("penalty", "weight_clip").load()(value=WEIGHTS)
    assert clip.after_step is not None
    clipped = clip.after_step(weights)
    assert clipped.tolist() == [[-0.5, -0.5, 0.5, 0.5], [-3.0, -0.5, 0.5, 3.0]]
    plain: Penalty = ZOO.get("penalty", "weight_clip").load()(value=0.1)
    assert plain.after_step is not None
    assert plain.after_step(weights)[0].tolist() == [-0.1, -0.1, 0.1, 0.1]
    (slope,) = torch.autograd.grad(clip.after_step(0.9 * weights)[0].sum(), weights)
    assert slope[0].tolist() == [0.0, 0.9, 0.9, 0.0]


def test_weight_clip_acts_after_each_d_step_alone() -> None:
    penalty = component("penalty", "weight_clip", value=0.05)
    game, d, g = game_of(penalty=penalty)
    game.apply(game.gradient("gen", g))
    assert game.disc.stack.weights.abs().max().item() > 0.05
    game.apply(game.gradient("disc", d))
    assert game.disc.stack.weights.abs().max().item() == 0.05
    assert game.gen.stack.weights.abs().max().item() > 0.05
