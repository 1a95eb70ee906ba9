"""Every loss against its textbook expression, its closed forms and finite differences."""

import math

import pytest
import torch
from torch import Tensor

from ganzoo.catalog import ZOO
from ganzoo.losses import HARD, Loss, Targets

REAL = torch.tensor([-30.0, -1.5, -0.2, 0.0, 0.3, 1.0, 2.5, 30.0], dtype=torch.float64)
FAKE = REAL.flip(0) * 0.7 + 0.1


def loss(name: str) -> Loss:
    built = ZOO.get("loss", name).load()()
    assert isinstance(built, Loss)
    return built


def log_sigmoid(x: Tensor) -> Tensor:
    return torch.where(x > -20, torch.log(1 / (1 + torch.exp(-x))), x - torch.exp(x))


def log_loss_d(r: Tensor, f: Tensor) -> Tensor:
    return -log_sigmoid(r) - log_sigmoid(-f)


TEXTBOOK = {
    "minimax": (log_loss_d, lambda f: log_sigmoid(-f)),
    "non_saturating": (log_loss_d, lambda f: -log_sigmoid(f)),
    "wasserstein": (lambda r, f: -(r - f), lambda f: -f),
    "least_squares": (lambda r, f: ((r - 1) ** 2 + f**2) / 2, lambda f: (f - 1) ** 2 / 2),
    "hinge": (lambda r, f: (1 - r).clamp(min=0) + (1 + f).clamp(min=0), lambda f: -f),
}


def test_every_loss_of_the_catalogue_is_tested_here() -> None:
    assert set(TEXTBOOK) == set(ZOO.names("loss"))


@pytest.mark.parametrize("name", TEXTBOOK)
def test_textbook(name: str) -> None:
    d, g = TEXTBOOK[name]
    torch.testing.assert_close(loss(name).d_loss(REAL, FAKE, HARD), d(REAL, FAKE), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(loss(name).g_loss(None, FAKE), g(FAKE), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", TEXTBOOK)
def test_gradients_against_finite_differences_twice(name: str) -> None:
    # Away from hinge's corners at -1 and 1.
    real = torch.tensor([-1.7, -0.3, 0.4, 2.1], dtype=torch.float64, requires_grad=True)
    fake = torch.tensor([1.6, -0.4, 0.2, -2.3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda r, f: loss(name).d_loss(r, f, HARD), (real, fake))
    assert torch.autograd.gradcheck(lambda f: loss(name).g_loss(None, f), (fake,))
    assert torch.autograd.gradgradcheck(lambda r, f: loss(name).d_loss(r, f, HARD), (real, fake))


@pytest.mark.parametrize("name", TEXTBOOK)
def test_the_catalogue_knows_threshold_and_targets(name: str) -> None:
    facts = ZOO.get("loss", name).facts
    assert facts["threshold"] == loss(name).threshold
    soft = loss(name).d_loss(REAL, FAKE, Targets(0.9, 0.0))
    assert facts["has_targets"] == (not torch.equal(soft, loss(name).d_loss(REAL, FAKE, HARD)))


def test_saturation_at_a_sure_discriminator() -> None:
    """At D(G(z)) = -25 the non-saturating gradient is about 1 in size, the saturating one e^-25."""
    slopes = {}
    for name in ("non_saturating", "minimax"):
        logit = torch.tensor(-25.0, dtype=torch.float64, requires_grad=True)
        (slopes[name],) = torch.autograd.grad(loss(name).g_loss(None, logit), logit)
    assert slopes["non_saturating"].item() == pytest.approx(-1.0, abs=1e-10)
    assert slopes["minimax"].item() == pytest.approx(-math.exp(-25), rel=1e-9)


def test_one_sided_smoothing_at_the_optimum() -> None:
    """At p_g = p_data and target 0.9: D* = 0.45, D's loss 1.376278; unsmoothed 1/2 and 1.386294 (2 log 2)."""
    for target, best, value in ((0.9, 0.45, 1.376278), (1.0, 0.5, 1.386294)):
        logit = torch.tensor(math.log(best / (1 - best)), dtype=torch.float64, requires_grad=True)
        d_loss = loss("non_saturating").d_loss(logit, logit, Targets(target, 0.0))
        (slope,) = torch.autograd.grad(d_loss, logit)
        assert d_loss.item() == pytest.approx(value, abs=1e-6)
        assert slope.item() == pytest.approx(0.0, abs=1e-12)


def test_tensor_targets_equal_number_targets() -> None:
    ones = torch.ones_like(REAL)
    soft = loss("minimax").d_loss(REAL, FAKE, Targets(ones, 0 * ones))
    torch.testing.assert_close(soft, loss("minimax").d_loss(REAL, FAKE, HARD), rtol=0, atol=0)
