"""Eigenvalues of the game's field: closed forms of Dirac-GAN, and numpy's of the dense Jacobian."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.data.load import Dataset
from bench.metrics.batch import Value
from bench.metrics.game_jacobian import game_jacobian
from bench.metrics.orbit import orbit
from bench.trial import Trial
from ganzoo.catalog import ZOO
from ganzoo.field import Field
from ganzoo.updates import Play
from tests.train.conftest import component, make_data, make_trial
from tests.train.dirac_theory import EIGENVALUES, METHODS, NOISY, pair
from tests.zoo.test_tape import played

POINT = make_data((1,), n=4, spread=0.0)


def dirac(method: str, theta: float = 0.0, psi: float = 0.0, **changes: object) -> Trial:
    settings: dict[str, object] = {
        "model": component("model", "dirac", theta=theta, psi=psi),
        "optimizer": "sgd",
        "lr_g": 0.2,
        "lr_d": 0.2,
        "update": "simultaneous",
        "batch": 2,
    }
    return make_trial(**settings | METHODS.get(method, {}) | changes)


def measured(play: Play, **keys: float) -> list[dict[str, Value]]:
    rows = game_jacobian(**keys)(play)  # type: ignore[arg-type]
    return [{name.removeprefix("game_jacobian."): value for name, value in row.items()} for row in rows]


def one(play: Play, **keys: float) -> dict[str, Value]:
    (row,) = measured(play, **keys)
    return row


MORE: dict[str, tuple[dict[str, object], list[complex]]] = {
    "hinge": ({"loss": "hinge"}, pair(0.0, -1.0)),
    "relativistic_average": ({"loss": "relativistic_average"}, pair(0.0, -1.0)),
    "bce_probability": ({"loss": "bce_probability"}, pair(0.0, -0.25)),
    "r1 strong": ({"loss": "minimax", "penalty": component("penalty", "r1", weight=4.0)}, pair(-2.0, 3.75)),
    "r1 lazy": (
        {"loss": "minimax", "penalty": component("penalty", "r1", weight=0.3, every=16)},
        pair(-0.15, 0.3**2 / 4 - 0.25),
    ),
    "gp0": (
        {"loss": "minimax", "penalty": component("penalty", "zero_centred_gp", weight=0.15)},
        pair(-0.15, 0.3**2 / 4 - 0.25),
    ),
    "l2_weights": (
        {"loss": "minimax", "penalty": component("penalty", "l2_weights", weight=0.3)},
        pair(-0.15, 0.3**2 / 4 - 0.25),
    ),
    "weight_decay": ({"loss": "minimax", "weight_decay": 0.3}, pair(-0.15, 0.3**2 / 4 - 0.25)),
}
NOT_PLAIN = ("wgan", "r1 lazy")
"""Clipped, and penalised every so often: their steps are not those of the field."""
EXACT = {name: (METHODS[name], values) for name, values in EIGENVALUES.items()} | MORE


@pytest.mark.parametrize("name", EXACT)
def test_closed_forms_at_the_equilibrium_of_dirac(name: str) -> None:
    """To 12 digits, a defective point to half of them."""
    changes, values = EXACT[name]
    row = one(played((dirac("", **changes),), POINT, steps=0))
    leading, right = max(values, key=abs), max(values, key=lambda value: value.real)
    top = max(values, key=lambda value: value.imag)
    close = {"abs": 1e-7 if name == "r1_critical" else 1e-12}
    assert row["_status" if "_status" in row else "game_jacobian_status"] == "ok"
    assert row["leading_re"] == pytest.approx(leading.real, **close)
    assert row["leading_im"] == pytest.approx(abs(leading.imag), **close)
    assert row["rate"] == pytest.approx(right.real, **close)
    assert row["turn"] == pytest.approx(top.imag, **close)
    rotation = top.imag / abs(top) if top.imag else 0.0
    assert row["rotation"] == pytest.approx(rotation, **close)
    radius = (
        None if name in NOT_PLAIN else pytest.approx(max(abs(1 + 0.2 * each) for each in values), **close)
    )
    assert row.get("step_radius") == radius
    assert row["leading_residual"] == row["rate_residual"] == row["turn_residual"] == 0.0


@pytest.mark.parametrize("name", NOISY)
def test_expected_fields_under_sampled_noise(name: str) -> None:
    """Within three standard errors over seeds: rate and turn of flips and of instance noise."""
    trials = tuple(dirac(name, seed=seed) for seed in range(12))
    rows = measured(played(trials, POINT, steps=0), batch=4096)
    wanted = max(NOISY[name], key=lambda value: value.imag)
    for column, value in (("rate", wanted.real), ("turn", wanted.imag)):
        found = [float(row[column]) for row in rows]  # type: ignore[arg-type]
        se = np.std(found, ddof=1) / math.sqrt(len(found))
        assert abs(np.mean(found) - value) <= 3 * se + 1e-12, column
        assert se < 5e-3


def test_away_from_the_equilibrium() -> None:
    """J of the saturating game at (theta, psi), D(x) = psi x, f(t) = log(1 + e^t) of t = psi theta: L_D = f,
    L_G = -f."""
    theta, psi = 0.8, -0.5
    t = theta * psi
    f1, f2 = 1 / (1 + math.exp(-t)), math.exp(-t) / (1 + math.exp(-t)) ** 2
    jacobian = np.array(
        [[f2 * psi**2, f1 + f2 * t], [-(f1 + f2 * t), -f2 * theta**2]]  # of (f' psi, -f' theta)
    )
    values = np.linalg.eigvals(jacobian)
    play = played((dirac("gan", theta, psi),), POINT, steps=0)
    row = one(play)
    assert row["rate"] == pytest.approx(values.real.max(), abs=1e-12)
    assert row["turn"] == pytest.approx(values.imag.max(), abs=1e-12)
    assert row["step_radius"] == pytest.approx(abs(1 + 0.2 * values).max(), abs=1e-12)
    assert row["step_radius"] == pytest.approx(orbit()(play)[0]["orbit.spectral_radius"], abs=1e-12)


def test_the_penalty_of_one_centred_gradients_is_smooth_away_from_zero() -> None:
    """L_D = psi theta + w (|psi| - 1)^2: J = [[0, 1], [-1, -2w]]. At psi = 0 it has no Jacobian; the norm's
    subgradient of least size leaves the game without a penalty there."""
    penalty = component("penalty", "wgan_gp", weight=0.35)
    smooth = one(played((dirac("", 0.3, 0.5, loss="wasserstein", penalty=penalty),), POINT, steps=0))
    wanted = cmath.sqrt(0.35**2 - 1)
    assert smooth["rate"] == pytest.approx(-0.35, abs=1e-12)
    assert smooth["turn"] == pytest.approx(wanted.imag, abs=1e-12)
    kink = one(played((dirac("", 0.0, 0.0, loss="wasserstein", penalty=penalty),), POINT, steps=0))
    assert (kink["rate"], kink["turn"]) == (pytest.approx(0.0, abs=1e-12), pytest.approx(1.0, abs=1e-12))


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam"},
        {"lr_d": 0.4},
        {"optimizer": component("optimizer", "sgd", momentum=0.5)},
        {"update": "alternating"},
        {"update": "extragradient"},
        {"update": "optimistic"},
        {"update": component("update", "unrolled", k=2)},
        {"n_critic": 2},
        {"g_steps": 2},
        {"penalty": component("penalty", "weight_clip", value=1.0)},
        {"penalty": component("penalty", "r1", weight=0.0, every=4)},
    ],
)
def test_a_step_that_is_not_plain_has_no_radius(changes: dict[str, object]) -> None:
    row = one(played((dirac("gan", **changes),), POINT, steps=0))
    assert "step_radius" not in row
    assert row["turn"] == pytest.approx(0.5, abs=1e-12)


def test_falling_rates_count() -> None:
    play = played((dirac("gan", 1.0, 1.0, lr_decay=1.0, steps=4),), POINT, steps=2)
    row = one(play)
    rows = np.linalg.eigvals(dense(play)[0])
    assert row["step_radius"] == pytest.approx(np.abs(1 + 0.1 * rows).max(), abs=1e-12)


# --- networks, against the dense Jacobian


def dense(play: Play) -> np.ndarray:
    """[K, n, n], row by row."""
    field = Field(play.game, play.beside("game_jacobian")(0))
    n = field.value.shape[1]
    rows = []
    for i in range(n):
        unit = torch.zeros_like(field.value)
        unit[:, i] = 1.0
        rows.append(field.transposed(unit))
    return torch.stack(rows, 1).numpy()


def network(width: int = 10, **changes: object) -> Trial:
    """333 weights; 1,935 at a width of 28."""
    model = component("model", "mlp", width=width, depth=2, latent_dim=4)
    settings: dict[str, object] = {"model": model, "batch": 64, "lr_g": 1e-3, "lr_d": 1e-3}
    return make_trial(**settings | changes)


def check_extremes(row: dict[str, Value], values: np.ndarray, within: float, rate_within: float) -> None:
    size = np.abs(values).max()
    found = complex(row["leading_re"], row["leading_im"])  # type: ignore[arg-type]
    nearest = values[np.argmin(np.abs(values - found))]
    assert abs(found - nearest) < within * size
    assert abs(found) == pytest.approx(size, rel=within)
    assert row["rate"] == pytest.approx(values.real.max(), abs=rate_within * size)
    assert row["turn"] == pytest.approx(values.imag.max(), abs=within * size)


@pytest.mark.parametrize(
    ("width", "size", "vectors", "rate_within"),
    [
        (10, 333, 80, 1e-8),
        pytest.param(28, 1935, 40, 1e-4, marks=pytest.mark.slow),
        pytest.param(28, 1935, 80, 1e-8, marks=pytest.mark.slow),
    ],
)
def test_extreme_eigenvalues_are_those_of_the_dense_jacobian(
    width: int, size: int, vectors: int, rate_within: float
) -> None:
    """Largest and topmost to 1e-8 of the largest; the rightmost, which comes last, by 40 vectors to 1e-4."""
    play = played((network(width),), make_data((2,)), steps=100)
    matrices = dense(play)
    assert matrices.shape[1] == size
    for row, matrix in zip(measured(play, vectors=vectors), matrices, strict=True):
        check_extremes(row, np.linalg.eigvals(matrix), 1e-8, rate_within)


PARTS: dict[str, dict[str, object]] = {
    **{f"loss {name}": {"loss": name} for name in ZOO.names("loss")},
    **{
        f"penalty {name}": {"penalty": component("penalty", name)}
        for name in ZOO.names("penalty")
        # A clip is no loss. The vectors of spectral norms stay as they are, which differences do not see.
        if name not in ("weight_clip", "spectral_norm")
    },
    "noises": {"label_noise": 0.1, "instance_noise": 0.2, "dropout": 0.3},
    "batch norm": {"model": component("model", "mlp", width=5, depth=1, norm_g="batch", norm_d="batch")},
}


@pytest.mark.parametrize("part", PARTS)
def test_products_are_those_of_the_loss_that_each_player_descends(part: str) -> None:
    """J^T u against central differences of u . v, v from the gradients that training takes."""
    model = {"model": component("model", "mlp", width=5, depth=1)}
    play = played((make_trial(**{**model, "lr_g": 1e-2, "lr_d": 1e-2, **PARTS[part]}),), make_data((2,)))
    draws = play.beside("game_jacobian")(0)
    field = Field(play.game, draws)
    generator = torch.Generator().manual_seed(1)
    u, direction = (torch.randn(field.value.shape, generator=generator, dtype=torch.float64) for _ in "ab")
    ends = []
    stacks = (play.game.gen.stack, play.game.disc.stack)
    parts = direction.split([stack.weights.shape[1] for stack in stacks], 1)
    h = 1e-6
    for sign in (1.0, -2.0):
        for stack, move in zip(stacks, parts, strict=True):
            stack.weights.add_(move, alpha=sign * h)
        ends.append((u * Field(play.game, draws).value).sum())
    wanted = (ends[0] - ends[1]) / (2 * h)
    ours = (field.transposed(u) * direction).sum()
    torch.testing.assert_close(ours, wanted, rtol=2e-5, atol=1e-6 * float(u.norm() * direction.norm()))


def test_the_field_is_what_training_descends() -> None:
    """v is minus the gradients of an update on the same draws, for D with its penalty and weight decay."""
    from ganzoo.field import as_g_draws
    from ganzoo.objective import DISC, GEN

    penalty = component("penalty", "r1", weight=2.0)
    play = played((network(penalty=penalty, weight_decay=0.1, instance_noise=0.1, dropout=0.2),))
    draws = play.beside("game_jacobian")(0)
    game = play.game
    gen = game.gradient(GEN, as_g_draws(draws)).flat
    disc = game.gradient(DISC, draws).flat + 0.1 * game.disc.stack.weights
    torch.testing.assert_close(Field(game, draws).value, -torch.cat([gen, disc], 1), rtol=1e-9, atol=1e-11)


def test_it_says_so_when_it_does_not_know() -> None:
    """Three vectors are too few; then only the residuals are given."""
    play = played((network(),), make_data((2,)), steps=20)
    row = one(play, vectors=3, tolerance=1e-6)
    assert row["game_jacobian_status"] == "unconverged"
    assert set(row) == {"leading_residual", "rate_residual", "turn_residual", "game_jacobian_status"}
    assert float(row["leading_residual"]) > 0.0  # type: ignore[arg-type]


def test_members_are_those_alone_and_a_bad_one_harms_nobody() -> None:
    trials = tuple(network(seed=seed) for seed in range(3))
    together = played(trials, make_data((2,)))
    together.game.gen.stack.weights[1] = torch.nan
    rows = measured(together)
    assert rows[1] == {"game_jacobian_status": "nonfinite"}
    for k in (0, 2):
        alone = one(played((trials[k],), make_data((2,))))
        for name in ("rate", "turn", "leading_re"):
            assert rows[k][name] == pytest.approx(alone[name], rel=1e-6), name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nothing_moves(dtype: str) -> None:
    """Weights, buffers, counts and random numbers, of a float32 game too."""
    model = component("model", "mlp", width=8, norm_g="batch", norm_d="batch")
    play = played((network(model=model, dtype=dtype, dropout=0.2, ema=0.9),), data_of(dtype))
    before: dict[str, Tensor] = {name: tensor.clone() for name, tensor in play.game.state().items()}
    random = torch.get_rng_state()
    params = play.game.gen.stack.params
    first = measured(play)
    assert first == measured(play)
    assert play.game.gen.stack.params is params
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(before[name], tensor) for name, tensor in play.game.state().items())
    assert play.game.gen.updates == play.game.disc.updates == 3


def data_of(dtype: str) -> Dataset:
    return make_data((2,))
