"""Orbits: the multiplier of exact linear maps, and the point, radius and rates of games that are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bench.metrics.orbit import STEPS, multiplier, orbit
from ganzoo.updates import Play
from tests.train.conftest import component, make_data
from tests.zoo.test_tape import dirac, played, tiny

POINT = make_data((1,), n=4, spread=0.0)
H = 0.2


def path(matrix: list[list[float]], start: tuple[float, float], steps: int = STEPS) -> Tensor:
    step, points = torch.tensor(matrix, dtype=torch.float64), [torch.tensor(start, dtype=torch.float64)]
    for _ in range(steps):
        points.append(step @ points[-1])
    return torch.stack(points)


LINEAR: dict[str, tuple[list[list[float]], float]] = {
    "turning outwards": ([[1.0, H], [-H, 1.0]], math.sqrt(1.04)),
    "turning inwards": ([[0.9, 0.3], [-0.3, 0.9]], math.sqrt(0.9)),
    "turning by half": ([[-0.5, 0.0], [0.0, -0.5]], 0.5),
    "stretching": ([[1.1, 0.0], [0.0, 0.7]], 1.1),
    "flipping": ([[-1.2, 0.3], [0.0, 0.4]], 1.2),
    "resting": ([[1.0, 0.0], [0.0, 1.0]], 1.0),
}


@pytest.mark.parametrize("size", [1e-200, 1e-6, 1.0, 1e100])
@pytest.mark.parametrize("name", LINEAR)
def test_linear_maps(name: str, size: float) -> None:
    matrix, wanted = LINEAR[name]
    assert multiplier(path(matrix, (size, -0.4 * size))) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.3])
def test_a_path_along_one_direction_gives_the_factor_of_that_direction(factor: float) -> None:
    """The other eigenvalue, 2, is nowhere to be seen."""
    assert multiplier(path([[factor, 0.0], [0.0, 2.0]], (1.0, 0.0))) == pytest.approx(factor, rel=1e-12)


def test_a_defective_map_to_half_the_digits() -> None:
    """A double eigenvalue with one direction moves by the root of an error."""
    matrix = [[0.9, 0.1], [0.0, 0.9]]
    assert multiplier(path(matrix, (0.3, 1.0))) == pytest.approx(0.9, abs=1e-6)
    assert multiplier(path(matrix, (1.0, 0.0))) == pytest.approx(0.9, rel=1e-12)


def test_what_touches_zero_or_is_not_finite_has_no_multiplier() -> None:
    assert multiplier(path([[0.0, 0.0], [0.0, 0.0]], (1.0, 1.0))) is None
    assert multiplier(torch.zeros(STEPS + 1, 2, dtype=torch.float64)) is None
    for bad in (math.nan, math.inf):
        points = path([[1.0, H], [-H, 1.0]], (1.0, 0.0))
        points[4, 1] = bad
        assert multiplier(points) is None


def one(play: Play) -> dict[str, float | str | None]:
    (row,) = orbit()(play)
    return row


@pytest.mark.parametrize(
    ("update", "radius"),
    [
        ("simultaneous", math.sqrt(1 + H**2)),
        ("alternating", 1.0),
        ("extragradient", math.sqrt((1 - H**2) ** 2 + H**2)),
    ],
)
def test_the_bilinear_game_has_one_rate_everywhere(update: str, radius: float) -> None:
    """The map is linear, so the fit and the Jacobian are both exact, far from the equilibrium too."""
    trial = dirac(loss="wasserstein", optimizer="sgd", update=update, lr_g=H, lr_d=H)
    play = played((trial,), POINT, steps=2)
    row = one(play)
    assert row["orbit.spectral_radius"] == pytest.approx(radius, rel=1e-12)
    assert row["orbit.multiplier"] == pytest.approx(radius, rel=1e-9)
    theta, psi = play.game.gen.stack.weights.item(), play.game.disc.stack.weights.item()
    assert (row["orbit.theta"], row["orbit.psi"], row["orbit_status"]) == (theta, psi, "ok")
    assert row["orbit.radius"] == pytest.approx(math.hypot(theta, psi), rel=1e-15)


def test_members_have_rows_of_their_own() -> None:
    trials = tuple(
        dirac(loss="wasserstein", optimizer="sgd", update="simultaneous", lr_g=h, lr_d=h) for h in (0.1, 0.4)
    )
    rows = orbit()(played(trials, POINT))
    for row, h in zip(rows, (0.1, 0.4), strict=True):
        assert row["orbit.multiplier"] == pytest.approx(math.sqrt(1 + h**2), rel=1e-9)
        assert row["orbit.spectral_radius"] == pytest.approx(math.sqrt(1 + h**2), rel=1e-9)


def test_an_optimizers_memory_counts() -> None:
    """Momentum m at a bilinear game: u' = m u + g, w' = w - h u' has the characteristic polynomial
    (l - 1)(l - m) +- i h l = 0; the four roots decide, not those of the two weights alone."""
    momentum = 0.5
    optimizer = component("optimizer", "sgd", momentum=momentum)
    trial = dirac(loss="wasserstein", optimizer=optimizer, update="simultaneous", lr_g=H, lr_d=H)
    half = (1 + momentum - 1j * H) / 2
    roots = [abs(half + sign * (half**2 - momentum) ** 0.5) for sign in (1, -1)]
    assert one(played((trial,), POINT))["orbit.spectral_radius"] == pytest.approx(max(roots), rel=1e-9)


def test_larger_games_are_unavailable() -> None:
    assert orbit()(played((tiny(), tiny(seed=1)))) == [{"orbit_status": "unavailable"}] * 2
