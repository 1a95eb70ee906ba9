"""Dirac-GAN against theory (Mescheder, Geiger, Nowozin, arXiv:1801.04406), through the engine of every study.

The data are the point 0, G is a point theta, D(x) = psi x; plain gradient steps of 0.2 in float64, G first.
The paper's psi is our -psi, so its start (1, 1) is our (1, -1).
"""

from __future__ import annotations

import cmath
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

import bench
from bench import cli
from bench.data.load import load
from bench.judge.published import AGREES
from bench.metrics.evaluate import build
from bench.report.published import beside
from bench.report.view import View
from bench.train.loop import train
from bench.trial import Component, Evaluate, Pack, Trial
from tests.train.conftest import component, make_trial
from tests.train.dirac_theory import EIGENVALUES, METHODS, NOISY

H = 0.2
FAR, NEAR = (1.0, -1.0), (1e-6, -1e-6)
STUDY = Path(__file__).parents[2] / "studies" / "replications" / "dirac.yaml"
METRICS = (Component("orbit"),)

SCHEDULES: dict[str, dict[str, object]] = {
    "simultaneous": {"update": "simultaneous"},
    "alternating": {},
    "1:5": {"n_critic": 5},
}


def dirac(method: str, schedule: str, start: tuple[float, float], **changes: object) -> Trial:
    settings: dict[str, object] = {
        "dataset": Component("dirac"),
        "model": component("model", "dirac", theta=start[0], psi=start[1]),
        "optimizer": "sgd",
        "lr_g": H,
        "lr_d": H,
        "order": "g_first",
        "batch": 2,
        "steps": 1,
        "evaluate": Evaluate(500, 16, METRICS),
    }
    return make_trial(**settings | METHODS[method] | SCHEDULES[schedule] | changes)


def rows(*trials: Trial, at: int) -> list[dict[str, object]]:
    """The members' rows of one evaluation."""
    data = load(Component("dirac"))
    evaluator = build(data, METRICS, 16, None)
    (found,) = [tick.rows for tick in train(Pack(trials), data, evaluator) if tick.step == at]
    return found  # type: ignore[return-value]


# Radius after 500 steps from (1, 1): method -> simultaneous, alternating, one G to five D.
RADII: dict[str, tuple[float, float, float]] = {
    "gan": (3.0969, 1.4210, 1.8453),
    "ns": (0.6402, 0.2839, 0.1389),
    "wgan": (1.0022, 1.0241, 0.9169),
    "wgan_gp": (1.8018, 1.2211, 0.7163),
    "r1": (2.643e-6, 2.301e-7, 9.2e-34),
}
DIGITS = {**dict.fromkeys(("gan", "ns", "wgan", "wgan_gp"), "{:.4f}"), "r1": "{:.3e}"}


@pytest.mark.parametrize(
    ("methods", "schedule"),
    [
        *((("gan", "ns"), schedule) for schedule in SCHEDULES),
        *(
            pytest.param((method,), schedule, marks=[pytest.mark.slow] if schedule == "1:5" else [])
            for method in ("wgan", "wgan_gp", "r1")
            for schedule in SCHEDULES
        ),
    ],
    ids=lambda value: " and ".join(value) if isinstance(value, tuple) else value,
)
def test_radii_after_500_steps(methods: tuple[str, ...], schedule: str) -> None:
    """To the digits printed."""
    found = rows(*(dirac(method, schedule, FAR, steps=500) for method in methods), at=500)
    for method, row in zip(methods, found, strict=True):
        wanted = RADII[method][list(SCHEDULES).index(schedule)]
        digits = "{:.1e}" if wanted < 1e-30 else DIGITS[method]
        assert digits.format(row["orbit.radius"]) == digits.format(wanted), method


def multiplier(eigenvalues: list[complex]) -> float:
    return max(abs(1 + H * each) for each in eigenvalues)


def test_multipliers_as_published() -> None:
    """|1 + h lambda| of gan, R1 0.3 and R1 1 in six digits: the formulas are those of the paper."""
    found = [f"{multiplier(EIGENVALUES[name]):.6f}" for name in ("gan", "r1", "r1_critical")]
    assert found == ["1.004988", "0.974679", "0.900000"]


@pytest.mark.parametrize("method", EIGENVALUES)
def test_rates_of_a_simultaneous_step(method: str) -> None:
    """By the Jacobian, and by the steps themselves. A defective point takes the root of every error."""
    (row,) = rows(dirac(method, "simultaneous", NEAR), at=0)
    wanted = multiplier(EIGENVALUES[method])
    loose = method == "r1_critical"
    assert row["orbit.spectral_radius"] == pytest.approx(wanted, abs=1e-5 if loose else 1e-9)
    assert row["orbit.multiplier"] == pytest.approx(wanted, abs=1e-3 if loose else 1e-6)


@pytest.mark.parametrize("method", NOISY)
def test_rates_under_sampled_noise(method: str) -> None:
    """The expected field within three standard errors over seeds."""
    trials = [dirac(method, "simultaneous", NEAR, seed=seed, batch=1024) for seed in range(10)]
    found = [float(row["orbit.spectral_radius"]) for row in rows(*trials, at=0)]  # type: ignore[arg-type]
    se = np.std(found, ddof=1) / math.sqrt(len(found))
    assert 0 < se < 2e-3
    assert abs(np.mean(found) - multiplier(NOISY[method])) < 3 * se


@pytest.mark.parametrize("method", ["gan", "ns", "rpgan", "smoothing", "wgan"])
def test_alternating_steps_without_a_penalty_keep_areas(method: str) -> None:
    (row,) = rows(dirac(method, "alternating", NEAR), at=0)
    assert row["orbit.spectral_radius"] == pytest.approx(1.0, abs=1e-9)


def optimistic() -> float:
    """Roots of m^2 - (1 + 2a) m + a for a = h lambda."""
    a = 0.1j
    half = (1 + 2 * a) / 2
    return max(abs(half + sign * cmath.sqrt(half**2 - a)) for sign in (1, -1))


LOOKING_AHEAD: dict[str, tuple[Component, float]] = {
    "extragradient": (component("update", "extragradient"), abs(1 + 0.1j + (0.1j) ** 2)),
    "optimistic": (component("update", "optimistic"), optimistic()),
    "unrolled 1": (component("update", "unrolled", k=1), math.sqrt(1 - H**2 / 2)),
    "unrolled 5": (component("update", "unrolled", k=5), math.sqrt(1 - 5 * H**2 / 2)),
}


@pytest.mark.parametrize("name", LOOKING_AHEAD)
def test_looking_ahead_makes_the_plain_gan_converge(name: str) -> None:
    update, wanted = LOOKING_AHEAD[name]
    (row,) = rows(dirac("gan", "alternating", NEAR, update=update), at=0)
    assert wanted < 1
    assert row["orbit.spectral_radius"] == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("method", ["r1", "r2", "rpgan_r1r2", "consensus", "instance_noise"])
def test_what_converges_linearly(method: str, schedule: str) -> None:
    (row,) = rows(dirac(method, schedule, NEAR, batch=256), at=0)
    assert float(row["orbit.spectral_radius"]) < 0.99  # type: ignore[arg-type]


# --- the study of the same name


@pytest.mark.slow
def test_every_published_statement_of_the_study_agrees(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    study = shutil.copy(STUDY, tmp_path)
    out = tmp_path / "results"
    assert cli.invoke(["run", str(study), "--backend", "inline", "--out", str(out)]) == 0
    results = bench.load(out)
    compared = beside(View(results)).compared
    assert len(compared) > 60
    assert [each for each in compared if each.verdict != AGREES] == []
    assert f"{len(compared)} of {len(compared)} published statements agree" in capfd.readouterr().err
