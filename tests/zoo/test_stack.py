"""The batched engine against vmap and against the plain modules, one by one."""

import pytest
import torch
from torch import Tensor, nn

from ganzoo.convolution import UpConv, down_conv
from ganzoo.layers import Dropout, dropout_shapes
from ganzoo.networks.dcgan import dcgan
from ganzoo.networks.mlp import mlp
from ganzoo.stack import Stack

K, B = 3, 4


def templates() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    image = dcgan((1, 28, 28), width=2, latent_dim=5)
    points = mlp((2,), width=6, depth=2)
    small = mlp((1, 28, 28), width=6)
    rows = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 1))
    return {
        "dcgan-gen": (image.gen, (5,)),
        "dcgan-disc": (image.disc, (1, 28, 28)),
        "mlp-gen": (points.gen, (2,)),
        "mlp-disc": (points.disc, (2,)),
        "mlp-image-gen": (small.gen, (64,)),
        "mlp-image-disc": (small.disc, (1, 28, 28)),
        "batchnorm-rows": (rows, (4,)),
    }


NAMES = list(templates())


def values_of(module: nn.Module, k: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(k)
    return {
        name: torch.randn(p.shape, generator=generator, dtype=torch.float64) * 0.3
        for name, p in module.named_parameters()
    }


def build(name: str, engine: str) -> tuple[Stack, nn.Module, tuple[int, ...]]:
    template, shape = templates()[name]
    solo = templates()[name][0].double()
    stack = Stack(template, [values_of(solo, k) for k in range(K)], dtype=torch.float64, engine=engine)
    stack.set_dropout(torch.tensor([0.0, 0.3, 0.6], dtype=torch.float64))
    return stack, solo, shape


def inputs(name: str, shape: tuple[int, ...]) -> tuple[Tensor, dict[str, Tensor] | None]:
    generator = torch.Generator().manual_seed(99)
    x = torch.randn(K, B, *shape, generator=generator, dtype=torch.float64)
    layers = dropout_shapes(templates()[name][0].to("meta"), shape)
    uniforms = {n: torch.rand(K, B, *s, generator=generator, dtype=torch.float64) for n, s in layers.items()}
    return x, uniforms or None


def solo_member(solo: nn.Module, stack: Stack, k: int, uniforms: dict[str, Tensor] | None) -> None:
    """Turn the plain module into member k, dropout rate and uniforms included."""
    state = {n: p[k].detach().clone() for n, p in stack.params.items()}
    state |= {n: b[k].clone() for n, b in stack.buffers.items()}
    solo.load_state_dict(state)
    for name, layer in solo.named_modules():
        if isinstance(layer, Dropout):
            layer.uniforms = torch.empty(0) if uniforms is None else uniforms[name][k]


@pytest.mark.parametrize("engine", ["auto", "vmap"])
@pytest.mark.parametrize("name", NAMES)
def test_every_engine_equals_the_plain_modules(name: str, engine: str) -> None:
    stack, solo, shape = build(name, engine)
    assert stack.engine == ("batched" if engine == "auto" else "vmap")
    x, uniforms = inputs(name, shape)
    for training in (True, False):
        solo.train(training)
        members = []
        for k in range(K):
            solo_member(solo, stack, k, uniforms)
            out = solo(x[k])
            grads = torch.autograd.grad(out.square().mean(), list(solo.parameters()))
            members.append(
                (
                    out,
                    torch.cat([g.reshape(-1) for g in grads]),
                    {n: b.clone() for n, b in solo.named_buffers()},
                )
            )
        out = stack(x, train=training, uniforms=uniforms if training else None)
        gradient = stack.gradient(out.flatten(1).square().mean(1))
        for k, (expected, slope, buffers) in enumerate(members):
            torch.testing.assert_close(out[k], expected, rtol=1e-10, atol=1e-12)
            torch.testing.assert_close(gradient[k], slope, rtol=1e-8, atol=1e-11)
            for key, buffer in stack.buffers.items():
                torch.testing.assert_close(buffer[k], buffers[key], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("engine", ["auto", "vmap"])
def test_double_backward_through_convolutions(engine: str) -> None:
    """The gradient of a gradient norm, as penalties need it, in both engines and in the plain module."""
    template, shape = (
        nn.Sequential(nn.Conv2d(1, 2, 4, 2, 1), nn.Tanh(), nn.Flatten(), nn.Linear(32, 1)),
        (1, 8, 8),
    )
    solo = nn.Sequential(nn.Conv2d(1, 2, 4, 2, 1), nn.Tanh(), nn.Flatten(), nn.Linear(32, 1)).double()
    stack = Stack(template, [values_of(solo, k) for k in range(K)], dtype=torch.float64, engine=engine)
    x = torch.randn(K, B, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    x.requires_grad_()
    out = stack(x)
    (slope,) = torch.autograd.grad(out.sum(), x, create_graph=True)
    gradient = stack.gradient(slope.square().flatten(1).sum(1) + out.flatten(1).square().sum(1))
    for k in range(K):
        solo_member(solo, stack, k, None)
        out = solo(x[k])
        (slope,) = torch.autograd.grad(out.sum(), x, create_graph=True)
        grads = torch.autograd.grad(slope[k].square().sum() + out.square().sum(), list(solo.parameters()))
        torch.testing.assert_close(
            gradient[k], torch.cat([g.reshape(-1) for g in grads]), rtol=1e-8, atol=1e-12
        )


def test_a_cloned_buffer_leaves_the_stack_alone() -> None:
    stack, _, shape = build("dcgan-disc", "auto")
    x, _ = inputs("dcgan-disc", shape)
    before = stack.cloned_buffers()
    stack(x, buffers=stack.cloned_buffers())
    assert all(torch.equal(before[n], b) for n, b in stack.buffers.items())
    stack(x)
    assert not torch.equal(before["4.running_mean"], stack.buffers["4.running_mean"])


def test_weights_are_views_of_one_flat_tensor() -> None:
    stack, _, _ = build("mlp-disc", "auto")
    stack.weights.zero_()
    assert all(not p.any() for p in stack.params.values())


@pytest.mark.parametrize("groups", [1, 3])
def test_up_conv_is_the_transposed_convolution_with_its_gradients(groups: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, groups * 2, 3, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    w = torch.randn(groups * 2, 3, 4, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    expected = nn.functional.conv_transpose2d(x, w, None, 2, 1, groups=groups)
    torch.testing.assert_close(UpConv.apply(x, w, groups), expected, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(lambda x, w: UpConv.apply(x, w, groups), (x, w))
    assert torch.autograd.gradgradcheck(lambda x, w: UpConv.apply(x, w, groups), (x, w))


@pytest.mark.parametrize(("groups", "channels"), [(1, 1), (3, 1), (2, 3)])
def test_down_conv_is_the_strided_convolution_with_its_gradients(groups: int, channels: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, groups * channels, 4, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    w = torch.randn(groups * 2, channels, 4, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    b = torch.randn(groups * 2, generator=generator, dtype=torch.float64, requires_grad=True)
    expected = nn.functional.conv2d(x, w, b, 2, 1, groups=groups)
    torch.testing.assert_close(down_conv(x, w, b, groups), expected, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(lambda x, w, b: down_conv(x, w, b, groups), (x, w, b))
    assert torch.autograd.gradgradcheck(lambda x, w, b: down_conv(x, w, b, groups), (x, w, b))
