"""Each stacked optimizer is torch.optim's, member by member, and its pure form is a function of its step."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from ganzoo import optimizers
from ganzoo.catalog import ZOO
from ganzoo.optimizers import Optimizer, optimistic

CASES = [
    ("adam", {}, lambda p, lr, b: torch.optim.Adam([p], lr=lr, betas=b)),
    ("rmsprop", {}, lambda p, lr, b: torch.optim.RMSprop([p], lr=lr)),
    (
        "rmsprop",
        {"alpha": 0.9, "eps": 1e-4},
        lambda p, lr, b: torch.optim.RMSprop([p], lr=lr, alpha=0.9, eps=1e-4),
    ),
    ("sgd", {}, lambda p, lr, b: torch.optim.SGD([p], lr=lr)),
    ("sgd", {"momentum": 0.9}, lambda p, lr, b: torch.optim.SGD([p], lr=lr, momentum=0.9)),
]
LRS, BETAS = (1e-3, 1e-2, 0.1), ((0.5, 0.999), (0.9, 0.99), (0.0, 0.9))


def columns(dtype: torch.dtype) -> list[Tensor]:
    return [torch.tensor(v, dtype=dtype).unsqueeze(1) for v in (LRS, *zip(*BETAS, strict=True))]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "keys", "reference"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_equals_torch_optim_with_rates_of_its_own(name, keys, reference, dtype) -> None:  # type: ignore[no-untyped-def]
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(3, 50, generator=generator, dtype=torch.float64).to(dtype)
    ours = start.clone()
    optimizer = getattr(optimizers, name)(*columns(dtype), **keys)
    state = optimizer.init(ours)
    theirs = [torch.nn.Parameter(row.clone()) for row in start]
    solvers = [reference(p, lr, b) for p, lr, b in zip(theirs, LRS, BETAS, strict=True)]
    for t in range(1, 101):
        gradient = torch.randn(3, 50, generator=generator, dtype=torch.float64).to(dtype) * 10.0 ** (
            t % 5 - 2
        )
        ours += optimizer.step(state, gradient, t)
        for p, g, solver in zip(theirs, gradient, solvers, strict=True):
            p.grad = g.clone()
            solver.step()
    expected = torch.stack([p.detach() for p in theirs])
    scale = (expected - start).abs().max()
    assert (ours - expected).abs().max() <= (1e-7 if dtype == torch.float64 else 1e-5) * scale
    if dtype == torch.float64:
        torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-11)


def all_optimizers() -> list[object]:
    """Every entry of the catalogue, with and without its keys, plain and optimistic."""
    built = [("sgd", {"momentum": 0.7}), *((name, {}) for name in ZOO.names("optimizer"))]
    made = {
        f"{name}{'-momentum' * bool(keys)}": partial(ZOO.get("optimizer", name).load(), **keys)
        for name, keys in built
    }
    twice = {
        f"optimistic-{name}": (lambda *c, make=make: optimistic(make(*c))) for name, make in made.items()
    }
    return [pytest.param(make, id=name) for name, make in (made | twice).items()]


def gradients(number: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(3, 4, generator=generator, dtype=torch.float64) for _ in range(number)]


@pytest.mark.parametrize("make", all_optimizers())
def test_pure_equals_step_and_leaves_its_state_alone(make) -> None:  # type: ignore[no-untyped-def]
    """Over 20 steps, changes and states, to 1e-12."""
    optimizer: Optimizer = make(*columns(torch.float64))
    moving = optimizer.init(torch.zeros(3, 4, dtype=torch.float64))
    state = {name: tensor.clone() for name, tensor in moving.items()}
    assert set(state) == set(optimizer.slots)
    for t, gradient in enumerate(gradients(20), start=1):
        before = {name: tensor.clone() for name, tensor in state.items()}
        change, after = optimizer.pure(state, gradient, t)
        assert all(torch.equal(state[name], before[name]) for name in before)
        torch.testing.assert_close(change, optimizer.step(moving, gradient, t), rtol=1e-12, atol=1e-12)
        assert set(after) == set(moving)
        for name in moving:
            torch.testing.assert_close(after[name], moving[name], rtol=1e-12, atol=1e-12)
        state = after


@pytest.mark.parametrize("make", all_optimizers())
@pytest.mark.parametrize("t", [1, 4])
def test_pure_can_be_differentiated_twice(make, t: int) -> None:  # type: ignore[no-untyped-def]
    """Its change and its new state, by the gradient and by the old state, against finite differences."""
    optimizer: Optimizer = make(*columns(torch.float64))
    state = optimizer.init(torch.zeros(3, 4, dtype=torch.float64))
    *past, gradient = gradients(t, seed=3)
    for i, each in enumerate(past, start=1):
        optimizer.step(state, each, i)
    names = sorted(state) if t > 1 else []

    def pure(g: Tensor, *slots: Tensor) -> tuple[Tensor, ...]:
        change, after = optimizer.pure({**state, **dict(zip(names, slots, strict=True))}, g, t)
        return (100 * change, *after.values())

    inputs = [gradient, *(state[name] for name in names)]
    for x in inputs:
        x.requires_grad_()
    assert torch.autograd.gradcheck(pure, inputs, eps=1e-7, atol=1e-5)
    assert torch.autograd.gradgradcheck(pure, inputs, eps=1e-7, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("make", all_optimizers())
def test_a_zero_gradient_has_a_finite_derivative(make) -> None:  # type: ignore[no-untyped-def]
    """A weight that has had no gradient yet, as behind a dead unit."""
    optimizer: Optimizer = make(*columns(torch.float64))
    state = optimizer.init(torch.zeros(3, 4, dtype=torch.float64))
    for t in (1, 2):
        gradient = torch.zeros(3, 4, dtype=torch.float64, requires_grad=True)
        change, state = optimizer.pure(state, gradient, t)
        assert torch.equal(change, torch.zeros_like(change))
        (slope,) = torch.autograd.grad(change.sum(), gradient, retain_graph=True)
        assert torch.isfinite(slope).all()


def test_the_optimistic_change_is_two_of_now_less_the_last() -> None:
    """c_1, then 2 c_t - c_(t-1) with the changes c of plain SGD."""
    lr = torch.tensor([[0.1], [0.2]], dtype=torch.float64)
    optimizer = optimistic(optimizers.sgd(lr, lr, lr))
    state = optimizer.init(torch.zeros(2, 1, dtype=torch.float64))
    given = [torch.tensor([[g], [2 * g]], dtype=torch.float64) for g in (1.0, 3.0, -2.0)]
    changes = [optimizer.step(state, g, t) for t, g in enumerate(given, start=1)]
    expected = [[-0.1, -0.4], [-0.1 * (6 - 1), -0.4 * (6 - 1)], [-0.1 * (-4 - 3), -0.4 * (-4 - 3)]]
    for change, wanted in zip(changes, expected, strict=True):
        assert change.flatten().tolist() == pytest.approx(wanted)
