"""A loop trains the same bits with the monitor as without."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from bench.monitor import StabilityMonitor

STEPS = 7


def networks() -> tuple[nn.Module, nn.Module]:
    """BatchNorm in both, dropout and spectral normalisation in D, part of which is frozen."""
    gen = nn.Sequential(
        nn.Linear(4, 32), nn.Unflatten(1, (8, 2, 2)), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Upsample(scale_factor=4), nn.Conv2d(8, 1, 3, padding=1), nn.Tanh(),
    )  # fmt: skip
    disc = nn.Sequential(
        spectral_norm(nn.Conv2d(1, 8, 3, stride=2)), nn.BatchNorm2d(8), nn.LeakyReLU(0.2), nn.Dropout(0.3),
        nn.Flatten(), nn.Linear(72, 1),
    )  # fmt: skip
    disc[1].bias.requires_grad_(False)
    return gen, disc


def trained(monitored: bool) -> dict[str, Any]:
    """All that a loop of a few steps leaves, bit for bit."""
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    real = torch.rand(64, 1, 8, 8) * 2 - 1
    gen, disc = networks()
    opt_g, opt_d = torch.optim.Adam(gen.parameters(), 1e-2), torch.optim.Adam(disc.parameters(), 1e-2)
    monitor = StabilityMonitor(real=real, loss="non_saturating", every=2, steps=STEPS) if monitored else None
    measured, softplus = 0, nn.functional.softplus

    def samples(n: int) -> Tensor:
        jitter = random.random() + float(np.random.rand())  # noqa: NPY002
        return gen(torch.randn(n, 4) + 1e-3 * jitter)

    for step in range(STEPS):
        x = real[np.random.randint(64, size=16)]  # noqa: NPY002
        opt_d.zero_grad()
        (softplus(-disc(x)) + softplus(disc(samples(16).detach()))).mean().backward()
        opt_d.step()
        opt_g.zero_grad()
        softplus(-disc(samples(16))).mean().backward()
        opt_g.step()
        disc[3].train(step % 2 == 0)
        if monitor is not None:
            measured += monitor.update(step, gen=gen, disc=disc, samples=samples)
    if monitor is not None:
        assert measured == 5  # 0, 1, 2, 4, 6
        monitor.close()
    grads = [None if p.grad is None else p.grad.clone() for net in (gen, disc) for p in net.parameters()]
    return {
        "weights": [*gen.state_dict().values(), *disc.state_dict().values()],
        "optimizers": [v for o in (opt_g, opt_d) for s in o.state.values() for v in s.values()],
        "grads": grads,
        "modes": [m.training for net in (gen, disc) for m in net.modules()],
        "asked": [p.requires_grad for net in (gen, disc) for p in net.parameters()],
        "draws": [torch.rand(2), torch.tensor(np.random.rand()), torch.tensor(random.random())],  # noqa: NPY002
    }


def test_training_is_bit_identical_with_and_without() -> None:
    plain, watched = trained(False), trained(True)
    for name, values in plain.items():
        assert len(values) == len(watched[name])
        for a, b in zip(values, watched[name], strict=True):
            assert torch.equal(a, b) if isinstance(a, Tensor) else a == b, name


@pytest.mark.slow
def test_off_cadence_an_update_is_nearly_free() -> None:
    """The call itself, beside what the hooks cost: docs/monitor.md has both as measured."""
    import timeit

    gen, disc = nn.Linear(2, 2), nn.Linear(2, 1)
    with StabilityMonitor(real=torch.randn(100, 2), every=100) as monitor:
        monitor.update(0, gen=gen, disc=disc, samples=lambda n: gen(torch.randn(n, 2)))
        call = lambda: monitor.update(1, gen=gen, disc=disc, samples=gen)  # noqa: E731
        assert min(timeit.repeat(call, number=1000, repeat=5)) / 1000 < 5e-6
