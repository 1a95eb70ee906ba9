"""What the monitor takes, when it measures, and what it says."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim import optimizer as torch_optimizer
from torch.utils.checkpoint import checkpoint

from bench.data import digits
from bench.judge.outcomes import OUTCOMES
from bench.monitor import Diagnosis, StabilityMonitor
from ganzoo.losses import hinge

RING = np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], 1)


@pytest.fixture
def points() -> Tensor:
    """800 points of a ring of 8."""
    rng = np.random.default_rng(0)
    return torch.tensor(RING[rng.integers(8, size=800)] + 0.05 * rng.standard_normal((800, 2))).float()


class Scripted:
    """A pair whose samples are told, not trained."""

    def __init__(self, samples: Callable[[int], Tensor]) -> None:
        self.gen, self.disc, self.samples = nn.Linear(1, 1), nn.Linear(2, 1), samples

    def watch(self, monitor: StabilityMonitor, steps: range) -> Diagnosis:
        for step in steps:
            monitor.update(step, gen=self.gen, disc=self.disc, samples=self.samples)
        monitor.close()
        return monitor.outcome()


def real_ring(n: int) -> Tensor:
    return torch.tensor(RING).float()[torch.randint(8, (n,))] + 0.05 * torch.randn(n, 2)


def test_a_perfect_generator_has_converged_and_a_frozen_one_has_collapsed(points: Tensor) -> None:
    given = {"centres": RING, "sigma": 0.05, "every": 1, "loss": "hinge"}
    # Step 0 is far away: where a run starts decides what is near.
    steps = iter(range(10**6))
    far = lambda n: real_ring(n) * (0.1 if next(steps) < 3 else 1.0)  # noqa: E731
    found = Scripted(far).watch(StabilityMonitor(real=points, **given), range(12))
    assert found.outcome == "converged", str(found)
    point = Scripted(lambda n: torch.tensor(RING[:1]).float().expand(n, 2))
    found = point.watch(StabilityMonitor(real=points, **given), range(12))
    assert found.outcome == "total_collapse", str(found)
    assert found.flags["partial_collapse"].holds is not None
    assert "total collapse (judged at step 11): " in str(found)
    half = Scripted(lambda n: torch.tensor(RING).float()[torch.randint(4, (n,))] + 0.05 * torch.randn(n, 2))
    assert half.watch(StabilityMonitor(real=points, **given), range(12)).outcome == "partial_collapse"


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_samples_or_weights_that_are_not_finite_diverge(points: Tensor, bad: float) -> None:
    calls = iter(range(10**6))
    broken = Scripted(lambda n: real_ring(n) * (bad if next(calls) > 20 else 1.0))
    found = broken.watch(StabilityMonitor(real=points, every=1), range(9))
    assert found.outcome == "diverged"
    monitor = StabilityMonitor(real=points, every=2)
    healthy = Scripted(real_ring)
    healthy.watch(monitor, range(3))
    healthy.disc.weight.data.fill_(bad)
    assert monitor.update(4, gen=healthy.gen, disc=healthy.disc, samples=real_ring)
    assert not monitor.update(6, gen=healthy.gen, disc=healthy.disc, samples=real_ring)
    assert (monitor.outcome().outcome, monitor.outcome().step) == ("diverged", 4)


def test_a_gradient_that_is_not_finite_is_told_with_its_step(points: Tensor) -> None:
    pair, monitor = Scripted(real_ring), StabilityMonitor(real=points, every=10)
    opt = torch.optim.SGD(pair.disc.parameters(), 0.0)
    for step in range(1, 11):
        pair.disc.weight.grad = torch.full((1, 2), float("inf") if step == 7 else 1.0)
        opt.step()
        monitor.update(step, gen=pair.gen, disc=pair.disc, samples=pair.samples)
        if step == 1:
            assert monitor.outcome().at == 0
    assert monitor.outcome().outcome == "diverged"
    assert abs((monitor.outcome().step or 0) - 7) <= 1
    monitor.close()


def test_evaluations_come_early_then_regularly_and_at_the_end(points: Tensor) -> None:
    def steps(seen: range, **given: Any) -> list[int]:
        monitor = StabilityMonitor(real=points, samples=50, **given)
        Scripted(real_ring).watch(monitor, seen)
        return [row["step"] for row in monitor._seen.rows]  # type: ignore[union-attr]

    assert steps(range(0, 18), every=8, steps=18) == [0, 2, 4, 8, 16, 17]
    assert steps(range(1, 19), every=8, steps=18) == [0, 2, 4, 8, 16, 18]
    assert steps(range(0, 19), every=8, steps=18) == [0, 2, 4, 8, 16, 18]
    assert steps(range(0, 18), every=8) == [0, 2, 4, 8, 16]
    assert steps(range(5, 18), every=8) == [5, 8, 16]
    monitor = StabilityMonitor(real=points, every=8)
    pair = Scripted(real_ring)
    asked = {"gen": pair.gen, "disc": pair.disc, "samples": pair.samples}
    assert [monitor.update(s, **asked) for s in (0, 1, 1, 8, 8)] == [True, False, False, True, False]
    assert monitor.update(9, **asked, force=True)
    with pytest.raises(ValueError, match=r"step 0 came after step 9: count steps over all epochs"):
        monitor.update(0, **asked)
    with pytest.raises(ValueError, match="one monitor watches one pair"):
        monitor.update(16, **{**asked, "gen": nn.Linear(1, 1)})
    monitor.close()


def test_a_run_joined_late_says_what_cannot_be_told_from_there(points: Tensor) -> None:
    found = Scripted(real_ring).watch(StabilityMonitor(real=points, every=1, loss="hinge"), range(50, 70))
    assert found.outcome == "converged"
    assert "not watched from its start" in found.unknown["degraded"]
    assert "modes" in found.unknown["partial_collapse"]


def test_it_says_what_it_cannot_judge_and_why(points: Tensor) -> None:
    monitor = StabilityMonitor(real=points)
    assert monitor.outcome().outcome is None
    assert set(monitor.outcome().unknown.values()) == {"nothing has been measured yet"}
    found = Scripted(real_ring).watch(monitor, range(2))
    assert found.outcome is None
    assert "1 evaluation so far, and the rules need 5" in found.unknown["converged"]
    assert "cannot be told: " in str(found)
    sure = Scripted(lambda n: real_ring(n) + 9.0)
    sure.disc.weight.data.fill_(-1.0)
    found = sure.watch(StabilityMonitor(real=points, every=1), range(12))
    assert "g_saturation is not measured, which needs the loss" in found.unknown["vanishing_gradient"]
    in_part = {"oscillating", "total_collapse"}  # without modes only one sign of each is seen
    assert found.unknown.keys() == {"vanishing_gradient", "partial_collapse"} | in_part
    wide = Scripted(lambda n: 3.0 * real_ring(n))
    found = wide.watch(StabilityMonitor(real=points, every=1), range(12))
    assert found.unknown.keys() == {"partial_collapse"} | in_part  # D is not sure, so G is not starved
    found = wide.watch(StabilityMonitor(real=points, every=1, metrics=["prdc"]), range(12))
    assert found.unknown.keys() == in_part


def test_unknown_pictures_have_no_distance_and_it_is_said() -> None:
    pictures = torch.rand(60, 3, 8, 8) * 2 - 1
    gen, disc = nn.Linear(2, 192), nn.Sequential(nn.Flatten(), nn.Linear(192, 1))
    monitor = StabilityMonitor(real=pictures, loss="hinge", every=1)
    for step in range(10):
        monitor.update(
            step, gen=gen, disc=disc, samples=lambda n: gen(torch.randn(n, 2)).view(n, 3, 8, 8).tanh()
        )
    monitor.close()
    found = monitor.outcome()
    assert found.outcome is None
    assert found.flags["diverged"].holds is False
    assert found.flags["total_collapse"].holds is False
    assert found.unknown.keys() == OUTCOMES.keys() - {"diverged", "vanishing_gradient"}
    assert "data='digits'" in found.unknown["converged"]


def test_digits_are_measured_by_the_shipped_classifier() -> None:
    arrays = digits.digits(size=28)
    real = torch.tensor(np.concatenate([arrays.train, arrays.heldout]))
    order = torch.argsort(torch.tensor(np.concatenate([arrays.train_labels, arrays.heldout_labels])))
    monitor = StabilityMonitor(real=real[order], loss=hinge(), data="digits", samples=500)
    measure = monitor._description()
    assert (measure["primary"], measure["extractor"], measure["n_modes"]) == ("fd", "lenet_digits", 10)
    assert measure["floors"]["modes.covered"]["mean"] == 10.0
    assert measure["floors"]["fd"]["mean"] < 60.0
    gen, disc = nn.Linear(1, 1), nn.Sequential(nn.Flatten(), nn.Linear(784, 1))
    monitor.update(0, gen=gen, disc=disc, samples=lambda n: real[torch.randint(len(real), (n,))])
    row = monitor._seen.rows[0]  # type: ignore[union-attr]
    assert row["modes.covered"] == 10.0
    assert row["fd"] < 2 * measure["floors"]["fd"]["mean"]
    assert row["d_auc_heldout"] is None
    monitor.close()
    few = StabilityMonitor(real=real[order][:600], data="digits")  # one class, and a bit of the next
    assert few._description()["n_modes"] is None


def test_held_out_samples_and_labels_of_the_user_are_used(points: Tensor) -> None:
    monitor = StabilityMonitor(real=points, heldout=real_ring(300), every=1)
    pair = Scripted(real_ring)
    monitor.update(0, gen=pair.gen, disc=pair.disc, samples=pair.samples)
    assert monitor._seen.rows[0]["d_auc_heldout"] is not None  # type: ignore[union-attr]
    assert monitor._description()["samples"] == 300
    monitor.close()
    first = torch.arange(2000.0)[:, None].expand(2000, 2)  # sorted: the first rows alone are not all of it
    kept = StabilityMonitor(real=points, heldout=first, samples=100)._data.heldout
    assert len(kept) == 500
    assert float(kept.mean()) == pytest.approx(1000.0, rel=0.1)
    from_function = StabilityMonitor(real=real_ring, samples=100)
    assert from_function._description()["floors"]["sw1"]["n"] == 100.0


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "real samples are needed"),
        ({"real": [[1.0]] * 9}, "real must be a tensor"),
        ({"real": torch.zeros(4, 2)}, "too few"),
        ({"real": torch.zeros(40)}, r"\[N, \*shape\]"),
        ({"real": torch.full((40, 2), float("nan"))}, "not finite"),
        ({"real": torch.zeros(40, 2), "heldout": torch.zeros(40, 3)}, "heldout has samples of shape"),
        ({"real": torch.rand(40, 1, 28, 28), "data": "digits"}, r"expected in \[-1, 1\]"),
        (
            {"real": torch.rand(40, 1, 28, 28) - 0.5, "heldout": torch.rand(40, 1, 28, 28), "data": "digits"},
            r"in \[-1, 1\], and heldout holds",
        ),
        (
            {"real": torch.rand(40, 3, 64, 64) - 0.5, "data": "folder"},
            "28 x 28 or 32 x 32 pixels, and real is 64",
        ),
        ({"real": torch.zeros(40, 2), "heldout": 3.0}, "heldout must hold samples"),
        ({"real": torch.zeros(40, 2), "data": "digits"}, "real has samples of shape"),
        ({"real": torch.zeros(40, 2), "data": "digit"}, "did you mean 'digits'"),
        ({"data": {"name": "ring8", "sigm": 1.0}}, "did you mean 'sigma'"),
        ({"real": torch.zeros(40, 2), "loss": "hing"}, "did you mean 'hinge'"),
        ({"real": torch.zeros(40, 2), "loss": 3}, "loss must be a name"),
        ({"real": torch.zeros(40, 2), "every": 0}, "every must be a whole number"),
        ({"real": torch.zeros(40, 2), "steps": 1.5}, "steps must be a whole number"),
        ({"real": torch.zeros(40, 2), "samples": 3}, "at least 8"),
        ({"real": torch.zeros(40, 2), "output": "score"}, "output is 'logit' or 'probability'"),
        ({"real": torch.zeros(40, 2), "output": "probability", "loss": hinge()}, "does not tell"),
        ({"real": torch.zeros(40, 2), "sigma": 1.0}, "give both or neither"),
        ({"real": torch.zeros(40, 2), "centres": RING, "sigma": 0.0}, "sigma must be above 0"),
        ({"real": torch.zeros(40, 3), "centres": RING, "sigma": 0.1}, r"centres must be \[modes, 3\]"),
        ({"real": torch.zeros(40, 2), "metrics": ["prcd"]}, "did you mean 'prdc'"),
        ({"real": torch.zeros(40, 2), "metrics": ["orbit"]}, "needs more than samples"),
        ({"real": torch.zeros(40, 2), "labels": [1, 2]}, "labels has 2 entries for 40"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        StabilityMonitor(**given)


PICTURES = torch.rand(60, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("name", ["fd", "fd_inf", "kid", "modes", "prdc", "birthday"])
def test_metrics_that_need_features_are_refused_for_pictures_that_have_none(name: str) -> None:
    with pytest.raises(ValueError, match=r"metrics: .*(extractor|classifier)"):
        StabilityMonitor(real=PICTURES, metrics=[name])


@pytest.mark.parametrize(
    ("label", "sentence"), [(10, "labels must be 0 to 9"), (-1, "labels must be"), (3, "the rarest has 0")]
)
def test_labels_that_are_no_classes_are_refused(label: int, sentence: str) -> None:
    pictures = torch.rand(60, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with pytest.raises(ValueError, match=sentence):
        StabilityMonitor(real=pictures, data="digits", labels=[label] * 60)


def test_a_discriminator_that_ends_in_a_sigmoid_is_asked_about(points: Tensor) -> None:
    gen, disc = nn.Linear(1, 2), nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
    with pytest.raises(ValueError, match="output='probability'"):
        StabilityMonitor(real=points).update(0, gen=gen, disc=disc, samples=real_ring)
    for given in ({"output": "probability"}, {"loss": "bce_probability"}):
        monitor = StabilityMonitor(real=points, **given)  # type: ignore[arg-type]
        assert monitor.update(0, gen=gen, disc=disc, samples=real_ring)
        row = monitor._seen.rows[0]  # type: ignore[union-attr]
        assert row["logit_max"] == pytest.approx(float(disc[0](points).detach().abs().max()), rel=0.5)
        monitor.close()
    monitor = StabilityMonitor(real=points, output="probability", loss="least_squares", every=1)
    for step in range(2):
        monitor.update(step, gen=gen, disc=disc, samples=lambda n: gen(torch.randn(n, 1)))
    monitor.close()
    real, fake = disc(points), disc(gen(torch.randn(2000, 1)))
    expected = 0.5 * float(((real - 1) ** 2).mean().detach() + (fake**2).mean().detach())
    assert monitor._seen.rows[-1]["d_loss.mean"] == pytest.approx(expected, rel=0.1)  # type: ignore[union-attr]
    with pytest.raises(ValueError, match=r"gen must be a torch\.nn\.Module"):
        StabilityMonitor(real=points).update(0, gen=3, disc=disc, samples=real_ring)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore")
def test_a_pair_that_cannot_be_watched_is_refused_and_keeps_no_hooks(points: Tensor) -> None:
    class Checkpointed(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return checkpoint(super().forward, x, use_reentrant=True)  # type: ignore[no-any-return]

    before = len(torch_optimizer._global_optimizer_pre_hooks)
    gen, plain = nn.Linear(1, 2), nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    for disc, sentence in (
        (torch.jit.script(plain), "TorchScript"),
        (Checkpointed(2, 1), "use_reentrant=False"),
    ):
        monitor = StabilityMonitor(real=points, loss="hinge")
        with pytest.raises(ValueError, match=sentence):
            monitor.update(0, gen=gen, disc=disc, samples=lambda n: gen(torch.randn(n, 1)))
        assert len(torch_optimizer._global_optimizer_pre_hooks) == before
        assert monitor.outcome().outcome is None


def test_hooks_go_with_the_monitor(points: Tensor) -> None:
    gc.collect()
    before = len(torch_optimizer._global_optimizer_pre_hooks)
    pair = Scripted(real_ring)
    monitor = StabilityMonitor(real=points)
    monitor.update(0, gen=pair.gen, disc=pair.disc, samples=pair.samples)
    assert len(torch_optimizer._global_optimizer_pre_hooks) == before + 1
    del monitor
    gc.collect()
    assert len(torch_optimizer._global_optimizer_pre_hooks) == before


def test_equal_runs_give_equal_files(points: Tensor, tmp_path: Path) -> None:
    files = []
    for name in ("a", "b"):
        torch.manual_seed(0)
        pair, monitor = Scripted(real_ring), StabilityMonitor(real=points, every=2, loss="hinge")
        pair.watch(monitor, range(9))
        files.append(monitor.save(tmp_path / f"{name}.parquet").read_bytes())
    assert files[0] == files[1]
    with pytest.raises(ValueError, match=r"NAME\.parquet"):
        monitor.save(tmp_path / "run.csv")
