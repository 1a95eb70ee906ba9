"""Spectral normalisation against the singular values and torch's own, in both engines."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from ganzoo import spectral
from ganzoo.layers import Residual
from ganzoo.stack import Stack

K = 2


def normals(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def conv_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1), nn.Tanh(), nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(8, 1)
    )


def residual_net() -> nn.Module:
    main = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.Tanh(), nn.Conv2d(2, 3, 3, padding=1))
    return nn.Sequential(Residual(main, nn.Sequential(nn.Conv2d(2, 3, 1))), nn.Flatten(), nn.Linear(48, 1))


def stack_of(make: Callable[[], nn.Module], engine: str = "auto") -> Stack:
    values = [
        {name: normals(*p.shape, seed=10 * k + i) for i, (name, p) in enumerate(make().named_parameters())}
        for k in range(K)
    ]
    stack = Stack(make(), values, dtype=torch.float64, engine=engine)
    stack.normalise_spectrally(lambda name, n: normals(K, n, seed=len(name)))
    return stack


def passes(stack: Stack, number: int) -> None:
    x = normals(K, 3, 2, 4, 4, seed=8)
    for _ in range(number):
        stack(x)


@pytest.mark.parametrize("make", [conv_net, residual_net])
def test_sigma_is_the_largest_singular_value(make: Callable[[], nn.Module]) -> None:
    """To 1e-6 against torch.linalg, for each member's every matrix; kernels count as [out, in * k * k]."""
    stack = stack_of(make)
    assert set(stack.spectral) == {n for n, shape in stack.shapes.items() if not n.endswith("bias")}
    passes(stack, 200)
    used = spectral.normalised(stack.params, stack.spectral, stack.buffers, False)
    for name in stack.spectral:
        matrix = stack.params[name].detach().flatten(2)
        sigma = torch.linalg.matrix_norm(matrix, 2)
        ours = (stack.params[name] / used[name]).flatten(1)[:, 0].detach()
        torch.testing.assert_close(ours, sigma, rtol=1e-6, atol=0)
        torch.testing.assert_close(torch.linalg.svdvals(used[name].flatten(2))[:, 0], torch.ones(K).double())
    assert all(torch.equal(used[n], stack.params[n]) for n in stack.shapes if n.endswith("bias"))


def test_the_start_is_warm() -> None:
    """15 iterations before the first step: sigma is then within a few percent, not off by a factor."""
    stack = stack_of(conv_net)
    used = spectral.normalised(stack.params, stack.spectral, stack.buffers, False)
    for name in stack.spectral:
        top = torch.linalg.svdvals(used[name].flatten(2))[:, 0]
        assert ((top >= 1.0) & (top < 1.1)).all()


@pytest.mark.parametrize("shape", [(4, 3), (1, 5), (3, 2, 2, 2)])
def test_its_gradient_is_that_of_w_over_sigma(shape: tuple[int, ...]) -> None:
    """With converged vectors it is the derivative of W / |W|_2, sigma taken from the SVD."""
    weight = normals(K, *shape).requires_grad_()
    u = spectral.start(weight, normals(K, shape[0], seed=1))
    for _ in range(30):
        u = spectral.start(weight, u)

    def ours(w: Tensor) -> Tensor:
        return spectral.normalised({"w": w}, ["w"], {"w.u": u}, False)["w"]

    def textbook(w: Tensor) -> Tensor:
        return w / torch.linalg.matrix_norm(w.flatten(2), 2).view(-1, *[1] * (w.dim() - 1))

    direction = normals(K, *shape, seed=7)
    grads = [torch.autograd.grad((f(weight) * direction).sum(), weight)[0] for f in (ours, textbook)]
    torch.testing.assert_close(*grads, rtol=1e-6, atol=1e-9)
    step = 1e-6
    for index in itertools.islice(itertools.product(*map(range, weight.shape)), 8):
        moved = [weight.detach().clone() for _ in range(2)]
        moved[0][index] += step
        moved[1][index] -= step
        slope = sum(sign * (textbook(w) * direction).sum() for sign, w in zip((1, -1), moved, strict=True))
        assert (slope / (2 * step)).item() == pytest.approx(grads[0][index].item(), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("engine", ["auto", "vmap"])
def test_spectral_normalisation_in_both_engines(engine: str) -> None:
    """Against the plain module with its weights divided by hand; only training moves vectors."""
    stack = stack_of(conv_net, engine)
    assert stack.engine == {"auto": "batched", "vmap": "vmap"}[engine]
    passes(stack, 100)
    x = normals(K, 3, 2, 4, 4, seed=11)
    before = stack.cloned_buffers()
    out = stack(x, train=False)
    clones = stack.cloned_buffers()
    stack(x, buffers=clones)
    assert all(torch.equal(b, before[name]) for name, b in stack.buffers.items())
    for k in range(K):
        module = conv_net().double()
        for name, p in module.named_parameters():
            value = stack.params[name][k].detach()
            scale = torch.linalg.matrix_norm(value.flatten(1), 2) if value.dim() > 1 else 1.0
            p.data = value / scale
        torch.testing.assert_close(out[k], module(x[k]), rtol=1e-6, atol=1e-9)
    stack.weights.add_(normals(*stack.weights.shape, seed=12))
    stack(x)
    assert any(not torch.equal(b, before[name]) for name, b in stack.buffers.items())


def test_the_engines_agree_in_value_gradient_and_vectors() -> None:
    found = []
    for engine in ("auto", "vmap"):
        stack = stack_of(conv_net, engine)
        x = normals(K, 3, 2, 4, 4, seed=11)
        grads = [stack.gradient(stack(x).square().mean((1, 2))) for _ in range(3)]
        found.append([*grads, *(stack.buffers[name] for name in sorted(stack.buffers))])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_spectral_normalisation_equals_torchs_own() -> None:
    """torch.nn.utils.parametrizations.spectral_norm, one member, the same vectors, three passes."""
    stack = stack_of(lambda: nn.Sequential(nn.Linear(4, 3)))
    layer = nn.Linear(4, 3).double()
    layer.weight.data, layer.bias.data = (stack.params[f"0.{n}"][0].detach() for n in ("weight", "bias"))
    torch.nn.utils.parametrizations.spectral_norm(layer, eps=1e-12)
    own = layer.parametrizations.weight[0]
    # torch keeps v too, and starts a pass from it.
    matrix, u = stack.params["0.weight"][0].detach(), stack.buffers["0.weight.u"][0]
    own._v.copy_(nn.functional.normalize(matrix.T @ u, dim=0, eps=1e-12))
    x = normals(K, 5, 4, seed=2)
    for _ in range(3):
        torch.testing.assert_close(stack(x)[0], layer(x[0]), rtol=1e-9, atol=1e-12)
