"""Every loss against its textbook expression, its closed forms and finite differences."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganzoo import noise
from ganzoo.catalog import ZOO
from ganzoo.losses import HARD, Loss, Targets
from ganzoo.optimizers import _root
from ganzoo.penalties import _norm

REAL = torch.tensor([-30.0, -1.5, -0.2, 0.0, 0.3, 1.0, 2.5, 30.0], dtype=torch.float64)
FAKE = REAL.flip(0) * 0.7 + 0.1
SOFT = Targets(0.9, 0.2)

Array = np.ndarray
LOSSES = ZOO.names("loss")


def loss(name: str, **keys: object) -> Loss:
    built = ZOO.get("loss", name).load()(**keys)
    assert isinstance(built, Loss)
    return built


def log_sigmoid(x: Array) -> Array:
    return -np.logaddexp(0.0, -x)


def sigmoid(x: Array) -> Array:
    return np.exp(log_sigmoid(x))


def bounded_log(p: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(p), -100.0)


def log_loss(r: Array, f: Array) -> Array:
    return -log_sigmoid(r) - log_sigmoid(-f)


def alpha_loss(p: Array, a: float) -> Array:
    return a / (a - 1) * (1 - p ** ((a - 1) / a))


def average(r: Array, f: Array) -> Array:
    return -log_sigmoid(r - f.mean()) - log_sigmoid(-(f - r.mean()))


Pair = tuple[Callable[[Array, Array], Array], Callable[[Array, Array], Array]]
TEXTBOOK: list[tuple[str, dict[str, object], Pair]] = [
    ("minimax", {}, (log_loss, lambda r, f: log_sigmoid(-f))),
    ("non_saturating", {}, (log_loss, lambda r, f: -log_sigmoid(f))),
    ("wasserstein", {}, (lambda r, f: f - r, lambda r, f: -f)),
    ("value", {}, (lambda r, f: -f, lambda r, f: f)),
    ("least_squares", {}, (lambda r, f: ((r - 1) ** 2 + f**2) / 2, lambda r, f: (f - 1) ** 2 / 2)),
    (
        "least_squares",
        {"real": 0.8, "fake": -1.2, "gen": 0.3},
        (lambda r, f: ((r - 0.8) ** 2 + (f + 1.2) ** 2) / 2, lambda r, f: (f - 0.3) ** 2 / 2),
    ),
    ("hinge", {}, (lambda r, f: np.maximum(1 - r, 0) + np.maximum(1 + f, 0), lambda r, f: -f)),
    ("relativistic_paired", {}, (lambda r, f: -log_sigmoid(r - f), lambda r, f: -log_sigmoid(f - r))),
    ("relativistic_average", {}, (average, lambda r, f: average(f, r))),
    ("alpha", {}, (log_loss, lambda r, f: log_sigmoid(-f))),
    (
        "alpha",
        {"alpha_d": 0.6, "alpha_g": 3.0},
        (
            lambda r, f: alpha_loss(sigmoid(r), 0.6) + alpha_loss(sigmoid(-f), 0.6),
            lambda r, f: -alpha_loss(sigmoid(-f), 3.0),
        ),
    ),
    (
        "alpha",
        {"alpha_d": 2.0, "alpha_g": 0.8, "saturating": False},
        (
            lambda r, f: alpha_loss(sigmoid(r), 2.0) + alpha_loss(sigmoid(-f), 2.0),
            lambda r, f: alpha_loss(sigmoid(f), 0.8),
        ),
    ),
    *(
        (
            "bce_probability",
            {"saturating": saturating},
            (
                lambda r, f: -bounded_log(sigmoid(r)) - bounded_log(1 - sigmoid(f)),
                (lambda r, f: bounded_log(1 - sigmoid(f)))
                if saturating
                else (lambda r, f: -bounded_log(sigmoid(f))),
            ),
        )
        for saturating in (False, True)
    ),
]
BUILT = [(name, keys) for name, keys, _ in TEXTBOOK]


def test_every_loss_of_the_catalogue_is_tested_here() -> None:
    assert {name for name, _ in BUILT} == set(LOSSES)


@pytest.mark.parametrize(("name", "keys", "textbook"), TEXTBOOK)
def test_textbook(name: str, keys: dict[str, object], textbook: Pair) -> None:
    d, g = textbook
    # 1 - p has few digits left at a logit of 30, in the textbook's formula.
    rtol = 1e-2 if name == "bce_probability" else 1e-9
    ours = loss(name, **keys)
    expected = torch.from_numpy(d(REAL.numpy(), FAKE.numpy()))
    torch.testing.assert_close(ours.d_loss(REAL, FAKE, HARD), expected, rtol=rtol, atol=1e-12)
    expected = torch.from_numpy(g(REAL.numpy(), FAKE.numpy()))
    torch.testing.assert_close(ours.g_loss(REAL, FAKE), expected, rtol=rtol, atol=1e-12)


@pytest.mark.parametrize(("name", "keys"), BUILT)
def test_gradients_against_finite_differences_twice(name: str, keys: dict[str, object]) -> None:
    # Away from hinge's corners at -1 and 1.
    real = torch.tensor([-1.7, -0.3, 0.4, 2.1], dtype=torch.float64, requires_grad=True)
    fake = torch.tensor([1.6, -0.4, 0.2, -2.3], dtype=torch.float64, requires_grad=True)
    ours = loss(name, **keys)
    for check in (torch.autograd.gradcheck, torch.autograd.gradgradcheck):
        assert check(lambda r, f: ours.d_loss(r, f, HARD), (real, fake))
        assert check(lambda r, f: ours.d_loss(r, f, SOFT), (real, fake))
        assert check(ours.g_loss, (real, fake))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "keys"), BUILT)
def test_far_out_values_and_gradients_are_finite(
    name: str, keys: dict[str, object], dtype: torch.dtype
) -> None:
    """At logits of +-25; an exponential loss (alpha below 1) may grow, but to no infinity."""
    real = torch.tensor([25.0, -25.0, 25.0, -25.0], dtype=dtype, requires_grad=True)
    fake = torch.tensor([-25.0, 25.0, 25.0, -25.0], dtype=dtype, requires_grad=True)
    ours = loss(name, **keys)
    total = ours.d_loss(real, fake, HARD).sum() + ours.g_loss(real, fake).sum()
    for grad in torch.autograd.grad(total, (real, fake), materialize_grads=True):
        assert torch.isfinite(grad).all()


@pytest.mark.parametrize("name", LOSSES)
def test_the_catalogue_knows_targets_and_comparisons(name: str) -> None:
    facts, ours = ZOO.get("loss", name).facts, loss(name)
    assert facts["compares"] == ours.compares
    soft = ours.d_loss(REAL, FAKE, Targets(0.9, 0.0))
    assert facts["has_targets"] == (not torch.equal(soft, ours.d_loss(REAL, FAKE, HARD)))


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_that_compares_needs_real_samples_for_g(name: str) -> None:
    ours = loss(name)
    assert ours.compares == name.startswith("relativistic")
    if ours.compares:
        with pytest.raises(ValueError, match="needs D's outputs on real samples"):
            ours.g_loss(None, FAKE)
    else:
        assert torch.equal(ours.g_loss(None, FAKE), ours.g_loss(REAL, FAKE))


@pytest.mark.parametrize("name", [n for n in LOSSES if ZOO.get("loss", n).facts["has_targets"]])
def test_smoothed_targets_are_the_mean_of_their_ends(name: str) -> None:
    """Log losses are linear in the target, so that 0.9 is 0.9 of real and 0.1 of fake; a square is not, and
    a smoothed target stands for a value between a and b."""
    ours = loss(name)
    real, fake = REAL[1:-1], FAKE[1:-1]
    soft = ours.d_loss(real, fake, SOFT)
    if name == "least_squares":
        torch.testing.assert_close(soft, 0.5 * ((real - 0.9) ** 2 + (fake - 0.2) ** 2))
        return
    # Beside a fake at -40, of which D is rightly sure, D's loss is that of the first sample alone.
    apart = [ours.d_loss(x, torch.full_like(x, -40.0), HARD) for x in (real, -real, fake, -fake)]
    expected = 0.9 * apart[0] + 0.1 * apart[1] + 0.2 * apart[2] + 0.8 * apart[3]
    torch.testing.assert_close(soft, expected, rtol=1e-9, atol=1e-12)


def test_least_squares_moves_its_targets_and_threshold_with_a_b_c() -> None:
    keys = {"real": 3.0, "fake": -1.0, "gen": 0.5}
    ours = loss("least_squares", **keys)
    assert ours.threshold == 1.0
    at = torch.tensor([3.0]), torch.tensor([-1.0])
    assert ours.d_loss(*at, HARD).item() == 0.0
    assert ours.g_loss(None, torch.tensor([0.5])).item() == 0.0
    # Half-smoothed: both targets in the middle between a and b.
    assert ours.d_loss(torch.tensor([1.0]), torch.tensor([1.0]), Targets(0.5, 0.5)).item() == 0.0


def test_saturation_at_a_sure_discriminator() -> None:
    """At D(G(z)) = -25 the non-saturating gradient is about 1 in size, the saturating one e^-25."""
    slopes = {}
    for name in ("non_saturating", "minimax"):
        logit = torch.tensor(-25.0, dtype=torch.float64, requires_grad=True)
        (slopes[name],) = torch.autograd.grad(loss(name).g_loss(None, logit), logit)
    assert slopes["non_saturating"].item() == pytest.approx(-1.0, abs=1e-10)
    assert slopes["minimax"].item() == pytest.approx(-math.exp(-25), rel=1e-9)


@pytest.mark.parametrize("name", ["minimax", "non_saturating", "alpha", "bce_probability"])
def test_one_sided_smoothing_at_the_optimum(name: str) -> None:
    """At p_g = p_data and target 0.9: D* = 0.45, D's loss 1.376278; unsmoothed 1/2 and 1.386294 (2 log 2)."""
    for target, best, value in ((0.9, 0.45, 1.376278), (1.0, 0.5, 1.386294)):
        logit = torch.tensor(math.log(best / (1 - best)), dtype=torch.float64, requires_grad=True)
        d_loss = loss(name).d_loss(logit, logit, Targets(target, 0.0))
        (slope,) = torch.autograd.grad(d_loss, logit)
        assert d_loss.item() == pytest.approx(value, abs=1e-6)
        assert slope.item() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("flips", [0.0, 0.1, 0.4])
def test_label_flips_move_the_best_d(flips: float) -> None:
    """D* = ((1 - e) p_d + e p_g) / (p_d + p_g), on two points with p_d = (.8, .2) and p_g = (.3, .7)."""
    p_d, p_g = torch.tensor([[0.8, 0.2], [0.3, 0.7]], dtype=torch.float64)
    best = ((1 - flips) * p_d + flips * p_g) / (p_d + p_g)
    logits = torch.logit(best).requires_grad_()
    # Every real sample meets every fake one at every tenth of a uniform: the expectation, exactly.
    points = (torch.tensor([0] * 8 + [1] * 2), torch.tensor([0] * 3 + [1] * 7), torch.arange(10))
    real, fake, tenth = torch.cartesian_prod(*points).unbind(1)
    r, f = noise.flip_labels(
        logits[real].unsqueeze(0),
        logits[fake].unsqueeze(0),
        (tenth.double().unsqueeze(0) + 0.5) / 10,
        torch.tensor([[flips]]),
    )
    d_loss = loss("non_saturating").d_loss(r, f, HARD).mean()
    (slope,) = torch.autograd.grad(d_loss, logits)
    assert slope.abs().max().item() < 1e-12


FAR = 60.0
TWO_POINTS = {
    # D's best answers at x1, x2 and, where they lie elsewhere, y1, y2. The objectives are convex in D.
    "none matched": (([FAR, FAR], [-FAR, -FAR]), (0.0, 0.0, 0.0)),
    "one matched": (([0.0, FAR], [0.0, -FAR]), (-0.3466, -0.3466, -0.1733)),
    "both on one": (([-math.log(2), FAR], [-math.log(2), -math.log(2)]), (-0.4774, -0.3466, -0.3466)),
    "both matched": (([0.0, 0.0], [0.0, 0.0]), (-0.6931, -0.6931, -0.6931)),
}


@pytest.mark.parametrize("case", TWO_POINTS)
def test_the_landscape_of_two_points(case: str) -> None:
    """Values at the best D of a GAN per 2n, and of RpGAN with fixed pairs and over all pairs (Sun, Fang and
    Schwing 2020): only the relativistic one has no minimum where one mode is lost."""
    (real, fake), (js, fixed, expected) = TWO_POINTS[case]
    x, y = torch.tensor(real).double(), torch.tensor(fake).double()
    log_value = -loss("minimax").d_loss(x, y, HARD).mean() / 2
    paired = loss("relativistic_paired")
    pairs = torch.cartesian_prod(torch.arange(2), torch.arange(2))
    assert log_value.item() == pytest.approx(js, abs=5e-5)
    assert -paired.d_loss(x, y, HARD).mean().item() == pytest.approx(fixed, abs=5e-5)
    value = -paired.d_loss(x[pairs[:, 0]], y[pairs[:, 1]], HARD).mean()
    assert value.item() == pytest.approx(expected, abs=5e-5)


def test_the_best_d_of_two_points_is_the_best() -> None:
    """Both fakes on x1: the slope at D(x1) = -log 2 is zero, once for the real and twice for the fakes."""
    at = torch.tensor(-math.log(2), dtype=torch.float64, requires_grad=True)
    far = torch.tensor(FAR).double()
    d_loss = loss("minimax").d_loss(torch.stack([at, far]), torch.stack([at, at]), HARD).mean()
    (slope,) = torch.autograd.grad(d_loss, at)
    assert slope.item() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", ["relativistic_paired", "relativistic_average"])
def test_a_relativistic_loss_knows_only_differences(name: str) -> None:
    ours = loss(name)
    torch.testing.assert_close(ours.d_loss(REAL + 7, FAKE + 7, HARD), ours.d_loss(REAL, FAKE, HARD))
    # The players are each other's mirror.
    torch.testing.assert_close(ours.g_loss(REAL, FAKE), ours.d_loss(FAKE, REAL, HARD))


def test_the_average_is_taken_over_each_member_by_itself() -> None:
    real, fake = torch.stack([REAL, 3 * REAL]), torch.stack([FAKE, FAKE - 1])
    ours = loss("relativistic_average")
    for k in (0, 1):
        torch.testing.assert_close(ours.d_loss(real, fake, HARD)[k], ours.d_loss(real[k], fake[k], HARD))


def test_the_dial_of_alpha() -> None:
    """alpha 1/2: e^-D, exponential; 1: the log loss of `minimax`; infinite: 1 - p, total variation."""
    r, f = REAL.numpy(), FAKE.numpy()
    for alpha, d in (
        (0.5, lambda: np.exp(-r) + np.exp(f)),
        (1.0, lambda: log_loss(r, f)),
        (math.inf, lambda: sigmoid(-r) + sigmoid(f)),
    ):
        ours = loss("alpha", alpha_d=alpha, alpha_g=alpha).d_loss(REAL, FAKE, HARD)
        torch.testing.assert_close(ours, torch.from_numpy(d()), rtol=1e-9, atol=1e-12)
    near = loss("alpha", alpha_d=1 + 1e-9).d_loss(REAL, FAKE, HARD)
    torch.testing.assert_close(near, loss("minimax").d_loss(REAL, FAKE, HARD), rtol=1e-7, atol=1e-12)
    largest = ZOO.get("loss", "alpha").keys["alpha_d"].high
    ends = [loss("alpha", alpha_d=a).d_loss(REAL, FAKE, HARD) for a in (largest, math.inf)]
    torch.testing.assert_close(*ends, rtol=1e-6, atol=1e-9)
    g = loss("alpha", alpha_g=1.0, saturating=False).g_loss(None, FAKE)
    torch.testing.assert_close(g, loss("non_saturating").g_loss(None, FAKE), rtol=1e-10, atol=1e-12)
    # The best D is tilted: D* = p_d^a / (p_d^a + p_g^a).
    for alpha, p_d, p_g in itertools.product((0.5, 1.0, 2.0), (0.2, 0.7), (0.1, 0.5)):
        logit = torch.tensor(alpha * math.log(p_d / p_g), dtype=torch.float64, requires_grad=True)
        ours = loss("alpha", alpha_d=alpha)
        sure = torch.tensor(FAR).double()
        whole = p_d * ours.d_loss(logit, -sure, HARD) + p_g * ours.d_loss(sure, logit, HARD)
        (slope,) = torch.autograd.grad(whole, logit)
        assert slope.item() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("target", [1.0, 0.0, 0.9])
def test_bce_probability_is_a_sigmoid_and_bceloss(dtype: torch.dtype, target: float) -> None:
    """Value and gradient to rounding, up to logits of +-200 where torch bounds the log and the gradient."""
    logits = torch.tensor([-200.0, -90.0, -20.0, -1.0, 0.0, 1.0, 20.0, 90.0, 200.0], dtype=dtype)
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    expected = nn.BCELoss(reduction="none")(torch.sigmoid(theirs), torch.full_like(theirs, target))
    # D's loss of a sample, beside a fake of which it is rightly sure (p = 0 costs nothing).
    sure = torch.full_like(logits, -1000.0)
    value = loss("bce_probability").d_loss(ours, sure, Targets(target, 0.0))
    close = {"rtol": 4 * torch.finfo(dtype).eps, "atol": 0.0}
    torch.testing.assert_close(value, expected, **close)
    (mine,) = torch.autograd.grad(value.sum(), ours)
    (torchs,) = torch.autograd.grad(expected.sum(), theirs)
    # torch keeps its bound of 1e-12 in float32, which tells in float64 where the bound holds.
    torch.testing.assert_close(mine, torchs, rtol=1e-6 if dtype == torch.float32 else 1e-8, atol=0.0)


def test_bce_probability_is_dead_in_float32_where_logits_are_not() -> None:
    logit = torch.tensor([-200.0, 200.0], requires_grad=True)
    for name, slopes in (("bce_probability", [0.0, 0.0]), ("non_saturating", [-1.0, 0.0])):
        g = loss(name).g_loss(None, logit)
        (slope,) = torch.autograd.grad(g.sum(), logit)
        assert slope.tolist() == slopes
        assert g[0].item() == (100.0 if name == "bce_probability" else 200.0)


@pytest.mark.parametrize("name", [n for n in LOSSES if n != "relativistic_average"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_stays_in_its_own_entry(name: str, bad: float) -> None:
    """Values and gradients of the other samples are those of a batch without it; a mean, as in the
    relativistic average, is the one way across."""
    ours = loss(name)
    for dtype in (torch.float32, torch.float64):
        fine = torch.tensor([0.5, -0.5, 1.5], dtype=dtype)
        spoilt = torch.tensor([0.5, bad, 1.5], dtype=dtype)
        found = []
        for real in (fine, spoilt):
            r, f = real.clone().requires_grad_(), real.clone().requires_grad_()
            value = ours.d_loss(r, f, HARD) + ours.g_loss(r, f)
            grads = torch.autograd.grad(value.sum(), (r, f), materialize_grads=True)
            found.append([part[[0, 2]] for part in (value, *grads)])
            if math.isnan(real[1].item()):
                assert value[1].isnan()
        for ours_, theirs in zip(*found, strict=True):
            assert torch.equal(ours_, theirs)


def test_tensor_targets_equal_number_targets() -> None:
    ones = torch.ones_like(REAL)
    for name in ("minimax", "alpha", "bce_probability", "least_squares"):
        soft = loss(name).d_loss(REAL, FAKE, Targets(ones, 0 * ones))
        torch.testing.assert_close(soft, loss(name).d_loss(REAL, FAKE, HARD), rtol=0, atol=0)


@pytest.mark.parametrize("root", [_root, _norm])
def test_a_root_has_slope_zero_at_zero(root: Callable[[Tensor], Tensor]) -> None:
    x = torch.tensor([0.0, 4.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(root(x).sum(), x)
    assert root(x).tolist() == [0.0, 2.0]
    assert slope.tolist() == [0.0, 0.25]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("jitter", [0.0, 0.1, -0.1])
def test_a_sure_discriminator_leaves_losses_finite_in_float32(name: str, jitter: float) -> None:
    """Through the targets that training hands over: tensors also where nothing is smoothed or jittered."""
    keys = {"alpha_d": 0.3, "alpha_g": 0.3} if name == "alpha" else {}
    ours = loss(name, **keys)
    real = torch.tensor([[30.0, -30.0, 12.0]], requires_grad=True)
    fake = torch.tensor([[-30.0, 30.0, -12.0]], requires_grad=True)
    column, uniforms = (
        torch.tensor([[jitter]]),
        torch.rand(1, 2, 3, generator=torch.Generator().manual_seed(0)),
    )
    targets = (
        noise.targets(torch.zeros(1, 1), column, uniforms) if jitter else noise.targets(torch.zeros(1, 1))
    )
    value = ours.d_loss(real, fake, targets).sum() + ours.g_loss(real, fake).sum()
    assert torch.isfinite(value)
    for grad in torch.autograd.grad(value, (real, fake), materialize_grads=True):  # `value` reads no reals
        assert torch.isfinite(grad).all()


def test_bce_probability_has_the_curvature_of_its_slope() -> None:
    """At logits where torch's BCELoss has a second derivative of its own making: p (1 - p) is the truth."""
    logit = torch.tensor([-25.0, -20.0, -3.0, 2.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(
        loss("bce_probability").g_loss(None, logit).sum(), logit, create_graph=True
    )
    (curvature,) = torch.autograd.grad(slope.sum(), logit)
    p = torch.sigmoid(logit.detach())
    torch.testing.assert_close(curvature, p * (1.0 - p), rtol=1e-6, atol=1e-15)
