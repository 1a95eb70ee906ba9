"""Gradients as an optimizer applies them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from bench.train.hooks import Gradients, statistics
from bench.train.monitors import Interval


def net(*weights: float) -> nn.Module:
    """A module with one parameter of these values."""
    made = nn.Module()
    made.w = nn.Parameter(torch.tensor(weights))
    return made


def step(optimizer: torch.optim.Optimizer, module: nn.Module, gradient: list[float]) -> None:
    module.w.grad = torch.tensor(gradient)
    optimizer.step()


def test_gradients_and_updates_in_closed_form() -> None:
    gen, disc = net(3.0, 4.0), net(2.0)
    watched = Gradients({"d": disc, "g": gen}, every=5)
    opt_g, opt_d = torch.optim.SGD(gen.parameters(), 0.1), torch.optim.SGD(disc.parameters(), 1.0)
    step(opt_g, gen, [0.6, 0.8])
    step(opt_g, gen, [3.0, 4.0])
    step(opt_g, gen, [0.3, 0.4])
    step(opt_d, disc, [1.0])
    other = net(1.0)
    step(torch.optim.SGD(other.parameters(), 1.0), other, [9.0])
    found = watched.take()
    assert found["g_grad"] == pytest.approx(
        {"mean": 6.5 / 3, "min": 0.5, "max": 5.0, "last": 0.5, "flips": 1}
    )
    # Weights of norm 5 lose 0.1, then weights of norm 4.9 lose 0.5.
    assert found["g_update"]["max"] == pytest.approx(0.5 / 4.9)
    assert found["g_update"]["min"] == pytest.approx(0.05 / 4.4)
    assert found["d_grad"] == {"mean": 1.0, "min": 1.0, "max": 1.0, "last": 1.0, "flips": 0}
    assert found["d_update"]["mean"] == 0.5
    assert watched.updates == {"d": 1, "g": 3}
    assert watched.take()["g_grad"]["mean"] is None
    watched.close()
    step(opt_g, gen, [1.0, 1.0])
    assert watched.updates == {"d": 1, "g": 3}


def test_only_what_is_applied_counts_however_it_came_about() -> None:
    """Two backwards for D, G's backward through D, clipping: the tutorial's loop."""
    torch.manual_seed(0)
    gen, disc = nn.Linear(2, 2), nn.Linear(2, 1)
    watched = Gradients({"d": disc, "g": gen}, every=1)
    opt_g, opt_d = torch.optim.Adam(gen.parameters()), torch.optim.Adam(disc.parameters())
    fake = gen(torch.randn(8, 2))
    opt_d.zero_grad()
    disc(torch.randn(8, 2)).mean().backward()
    (-disc(fake.detach()).mean()).backward()
    nn.utils.clip_grad_norm_(disc.parameters(), 0.01)
    opt_d.step()
    opt_g.zero_grad()
    disc(fake).mean().backward()
    opt_g.step()
    found = watched.take()
    watched.close()
    assert found["d_grad"]["last"] == pytest.approx(0.01, rel=1e-3)
    assert found["d_bad"] == {"update": None, "of": 1}
    assert watched.updates == {"d": 1, "g": 1}


def test_the_first_gradient_that_is_not_finite_is_found() -> None:
    disc, gen = net(1.0), net(1.0)
    watched = Gradients({"d": disc, "g": gen}, every=10)
    optimizer = torch.optim.SGD(disc.parameters(), 0.0)
    for value in (1.0, 1.0, float("nan"), 1.0, float("inf")):
        step(optimizer, disc, [value])
    kept, found = watched.take(keep=True), watched.take()
    watched.close()
    assert kept["d_bad"] == found["d_bad"] == {"update": 3, "of": 5}
    assert found["d_grad"]["mean"] is None
    assert found["d_grad"]["flips"] is None


@pytest.mark.parametrize("fused", [False, True])
def test_a_loss_scale_is_taken_out_and_a_step_that_it_skips_is_none(fused: bool) -> None:
    gen, disc = net(1.0), net(1.0)
    watched = Gradients({"d": disc, "g": gen}, every=1)
    optimizer = torch.optim.Adam(disc.parameters(), 1e-3, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)
    for factor in (3.0, 1e38, 5.0):  # the second overflows when it is scaled
        optimizer.zero_grad()
        scaler.scale((factor * next(disc.parameters())).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
    kept, found = watched.take(keep=True), watched.take()
    watched.close()
    assert kept == found
    assert found["d_grad"] == pytest.approx({"mean": 4.0, "min": 3.0, "max": 5.0, "last": 5.0, "flips": 0})
    assert found["d_update"]["min"] == pytest.approx(1e-3, rel=0.1)
    assert found["d_bad"] == {"update": None, "of": 2}
    assert watched.updates == {"d": 2, "g": 0}


def test_the_gradients_of_a_closure_are_those_that_it_made() -> None:
    gen, disc = net(1.0), net(2.0)
    watched = Gradients({"d": disc, "g": gen}, every=1)
    optimizer = torch.optim.SGD(disc.parameters(), 0.25)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = next(disc.parameters()).square().sum()
        loss.backward()
        return loss

    for _ in range(2):
        optimizer.step(closure)
    found = watched.take()
    watched.close()
    assert (found["d_grad"]["max"], found["d_grad"]["last"], found["d_update"]["mean"]) == (4.0, 2.0, 0.5)
    assert watched.updates == {"d": 2, "g": 0}


def test_sparse_gradients_and_an_optimizer_of_both_players() -> None:
    gen, disc = nn.Embedding(4, 2, sparse=True), net(1.0)
    watched = Gradients({"d": disc, "g": gen}, every=1)
    both = torch.optim.SGD([*gen.parameters(), *disc.parameters()], 0.1)
    gen(torch.tensor([1, 1, 2])).sum().backward()
    disc.w.grad = torch.tensor([2.0])
    both.step()
    found = watched.take()
    watched.close()
    assert found["g_grad"]["last"] > 0
    assert found["d_grad"]["last"] == 2.0


def test_statistics_are_those_of_the_harness() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((8, 40))
    interval = Interval(torch.zeros(1, dtype=torch.float64))
    interval.add(torch.from_numpy(values.T.copy())[:, :, None], torch.ones(40, 1, dtype=torch.bool))
    (row,) = interval.columns()
    for name, mine in (("d_loss", statistics(values[0])), ("g_update", statistics(values[7]))):
        for each, value in mine.items():
            assert row[f"{name}.{each}"] == pytest.approx(value), (name, each)


def test_memory_is_bounded_between_two_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.train.hooks._KEPT", 4)
    gen, disc = net(1.0), net(1.0)
    watched = Gradients({"d": disc, "g": gen}, every=100)
    optimizer = torch.optim.SGD(gen.parameters(), 0.0)
    for i in range(11):
        step(optimizer, gen, [float(i)])
    assert len(watched._norms["g"]._there) == 3
    assert watched.take()["g_grad"]["mean"] == 5.0
    watched.close()
