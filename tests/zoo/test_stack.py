"""The batched engine against vmap and against the plain modules, one by one."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from ganzoo.catalog import ZOO
from ganzoo.convolution import UpConv, down_conv
from ganzoo.layers import (
    Dropout,
    GlobalSum,
    JoinLabel,
    LabelChannel,
    Maxout,
    MinibatchStd,
    Pac,
    Point,
    Projection,
    Residual,
    dropout_shapes,
    takes_label,
)
from ganzoo.networks.conditional import Labelled
from ganzoo.stack import Stack, load_flat

K, B, CLASSES = 3, 6, 3
MAPS, ROWS = (2, 8, 8), (6,)


def rows(*layers: nn.Module) -> nn.Sequential:
    """Layers on rows of 6 features, behind a Linear."""
    return nn.Sequential(nn.Linear(6, 6), *layers)


def maps(*layers: nn.Module) -> nn.Sequential:
    """Layers on maps [2, 8, 8], behind a convolution."""
    return nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.Tanh(), *layers)


def residual() -> Residual:
    main = nn.Sequential(nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 3, 3, padding=1), Dropout())
    return Residual(main, nn.Sequential(nn.Conv2d(2, 3, 1)))


Case = tuple[Callable[[], nn.Module], tuple[int, ...]]


def gan(name: str, shape: tuple[int, ...], player: str, **keys: object) -> Case:
    def make() -> nn.Module:
        classes = CLASSES if "condition" in keys else 0
        module: nn.Module = getattr(ZOO.get("model", name).load()(shape, classes, **keys), player)
        return module

    latent = keys.get("latent_dim", 2 if name == "mlp" else 64)
    return make, ((latent,) if player == "gen" else shape)  # type: ignore[return-value]


DIGIT, POINT, PAIR = (1, 28, 28), (2,), ("gen", "disc")
POOLS = ("avg_pool", "max_pool")
TINY = {"width": 2, "latent_dim": 5}
CASES: dict[str, Case] = {
    # every kind of layer by itself
    "rows-batchnorm": (lambda: rows(nn.BatchNorm1d(6), nn.ReLU()), ROWS),
    "rows-maxout": (lambda: rows(Maxout(3)), ROWS),
    "rows-pac": (lambda: rows(Pac(2), nn.Linear(12, 1)), ROWS),
    "rows-pac-remainder": (lambda: rows(Pac(4), nn.Linear(24, 1)), ROWS),
    "rows-minibatch-std": (lambda: rows(MinibatchStd(), nn.Linear(7, 1)), ROWS),
    "rows-join-label": (lambda: Labelled(nn.Linear(6, 6), JoinLabel(), nn.Linear(9, 1)), ROWS),
    "rows-projection": (lambda: Labelled(nn.Linear(6, 6), Projection(6, CLASSES)), ROWS),
    "rows-point": (lambda: nn.Sequential(Point(3)), ROWS),
    "maps-pac": (lambda: maps(Pac(3), nn.Conv2d(6, 2, 3)), MAPS),
    "maps-pac-remainder": (lambda: maps(Pac(4), nn.Conv2d(8, 2, 3)), MAPS),
    "maps-minibatch-std": (lambda: maps(MinibatchStd(), nn.Conv2d(3, 2, 3)), MAPS),
    "maps-label-channel": (
        lambda: Labelled(nn.Conv2d(2, 2, 3, padding=1), LabelChannel(CLASSES, 8), nn.Conv2d(3, 2, 3)),
        MAPS,
    ),
    "maps-residual": (lambda: maps(residual(), nn.ReLU()), MAPS),
    "maps-upsample": (lambda: maps(nn.Upsample(scale_factor=2), nn.Conv2d(2, 1, 3)), MAPS),
    "maps-pool": (lambda: maps(nn.AvgPool2d(2), nn.Conv2d(2, 1, 3)), MAPS),
    "maps-max-pool": (lambda: maps(nn.MaxPool2d(2), nn.Conv2d(2, 1, 3)), MAPS),
    **{
        f"maps-{pool.__name__}-leaves-over": (
            lambda pool=pool: maps(nn.Conv2d(2, 2, 4, 1, 2), pool(2), nn.Conv2d(2, 1, 3)),
            MAPS,
        )
        for pool in (nn.AvgPool2d, nn.MaxPool2d)
    },
    "maps-global-sum": (lambda: maps(GlobalSum(), nn.Linear(2, 1)), MAPS),
    "maps-height-1": (
        lambda: nn.Sequential(
            nn.Unflatten(1, (1, 1, 8)),
            nn.Conv2d(1, 2, (1, 4), (1, 2), (0, 1)),
            nn.ConvTranspose2d(2, 1, (1, 4), (1, 2), (0, 1)),
            nn.Flatten(),
        ),
        (8,),
    ),
    # every network
    **{f"mlp-{p}": gan("mlp", POINT, p, width=6, latent_dim=2) for p in PAIR},
    **{f"mlp-image-{p}": gan("mlp", DIGIT, p, width=6, latent_dim=5) for p in PAIR},
    **{f"mlp-norms-{p}": gan("mlp", POINT, p, width=6, norm_g="batch", norm_d="batch") for p in PAIR},
    "mlp-maxout": gan("mlp", POINT, "disc", width=4, activation="maxout", pac=2),
    "mlp-relu": gan("mlp", POINT, "disc", width=4, activation="relu", minibatch_std=True),
    **{f"dcgan-{p}": gan("dcgan", DIGIT, p, **TINY) for p in PAIR},
    **{f"dcgan-32-{p}": gan("dcgan", (3, 32, 32), p, norm_g="none", norm_d="none", **TINY) for p in PAIR},
    "dcgan-pac": gan("dcgan", DIGIT, "disc", norm_d="none", pac=2, minibatch_std=True, **TINY),
    **{f"conv1d-{p}": gan("conv1d", (16,), p, **TINY) for p in PAIR},
    **{f"dcgan-{how}": gan("dcgan", DIGIT, "disc", norm_d="none", down=how, **TINY) for how in POOLS},
    "dcgan-norm-max_pool": gan("dcgan", DIGIT, "disc", down="max_pool", **TINY),
    "dcgan-concat-avg_pool": gan("dcgan", DIGIT, "disc", condition="concat", down="avg_pool", **TINY),
    **{f"conv1d-{how}": gan("conv1d", (16,), "disc", norm_d="none", down=how, **TINY) for how in POOLS},
    "conv1d-norm-avg_pool": gan("conv1d", (16,), "disc", down="avg_pool", pac=2, **TINY),
    "conv1d-pac": gan("conv1d", (16,), "disc", norm_d="none", pac=3, **TINY),
    **{f"resnet-{p}": gan("resnet", DIGIT, p, **TINY) for p in PAIR},
    "dirac-disc": gan("dirac", (1,), "disc"),
    **{
        f"{name}-{how}-{p}": gan(name, shape, p, condition=how, latent_dim=4, width=3)
        for name, shape in (("mlp", POINT), ("dcgan", DIGIT))
        for how in ("concat", "projection", "auxiliary")
        for p in PAIR
    },
    "dcgan-concat-pac": gan("dcgan", DIGIT, "disc", condition="concat", pac=2, **TINY),
}


def values_of(module: nn.Module, k: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(k)
    return {
        name: torch.randn(p.shape, generator=generator, dtype=torch.float64) * 0.3
        for name, p in module.named_parameters()
    }


def build(name: str, engine: str) -> tuple[Stack, nn.Module, tuple[int, ...]]:
    make, shape = CASES[name]
    solo = make().double()
    stack = Stack(make(), [values_of(solo, k) for k in range(K)], dtype=torch.float64, engine=engine)
    stack.set_dropout(torch.tensor([0.0, 0.3, 0.6], dtype=torch.float64))
    return stack, solo, shape


def inputs(name: str, shape: tuple[int, ...]) -> tuple[Tensor, dict[str, Tensor] | None, Tensor | None]:
    """Samples [K, B, ...], uniforms of the Dropout layers, and labels where the network takes them."""
    generator = torch.Generator().manual_seed(99)
    x = torch.randn(K, B, *shape, generator=generator, dtype=torch.float64)
    template = CASES[name][0]().to("meta")
    layers = dropout_shapes(template, shape, CLASSES)
    packs = B // max((m.m for m in template.modules() if isinstance(m, Pac)), default=1)
    uniforms = {
        n: torch.rand(K, packs, *s, generator=generator, dtype=torch.float64) for n, s in layers.items()
    }
    which = torch.randint(CLASSES, (K, B), generator=generator)
    label = nn.functional.one_hot(which, CLASSES).double() if takes_label(template) else None
    return x, uniforms or None, label


def solo_member(solo: nn.Module, stack: Stack, k: int, uniforms: dict[str, Tensor] | None) -> None:
    """Turn the plain module into member k, dropout rate and uniforms included."""
    state = {n: p[k].detach().clone() for n, p in stack.params.items()}
    state |= {n: b[k].clone() for n, b in stack.buffers.items()}
    solo.load_state_dict(state)
    for name, layer in solo.named_modules():
        if isinstance(layer, Dropout):
            layer.uniforms = torch.empty(0) if uniforms is None else uniforms[name][k]


def flat(grads: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([g.reshape(-1) for g in grads])


@pytest.mark.parametrize("engine", ["auto", "vmap"])
@pytest.mark.parametrize("name", CASES)
def test_every_engine_equals_the_plain_modules(name: str, engine: str) -> None:
    stack, solo, shape = build(name, engine)
    assert stack.engine == ("batched" if engine == "auto" else "vmap")
    x, uniforms, label = inputs(name, shape)
    for training in (True, False):
        solo.train(training)
        members = []
        for k in range(K):
            solo_member(solo, stack, k, uniforms)
            out = solo(x[k]) if label is None else solo(x[k], label[k])
            grads = torch.autograd.grad(out.square().mean(), list(solo.parameters()))
            members.append((out, flat(grads), {n: b.clone() for n, b in solo.named_buffers()}))
        out = stack(x, train=training, uniforms=uniforms if training else None, label=label)
        gradient = stack.gradient(out.flatten(1).square().mean(1))
        for k, (expected, slope, buffers) in enumerate(members):
            torch.testing.assert_close(out[k], expected, rtol=1e-12, atol=1e-12)
            torch.testing.assert_close(gradient[k], slope, rtol=1e-10, atol=1e-12 * slope.abs().max().item())
            for key, buffer in stack.buffers.items():
                torch.testing.assert_close(buffer[k], buffers[key], rtol=1e-12, atol=1e-12)


SMOOTH = [
    *(name for name in CASES if name.startswith(("rows", "maps")) and "batchnorm" not in name),
    "mlp-disc",
    "mlp-maxout",
    "mlp-relu",
    "dcgan-32-disc",
    "dcgan-pac",
    "conv1d-pac",
    *(f"{name}-{how}" for name in ("dcgan", "conv1d") for how in POOLS),
    "resnet-disc",
    "mlp-concat-disc",
    "mlp-projection-disc",
]
SMOOTH.remove("maps-residual")  # it holds BatchNorm
SMOOTH.remove("rows-point")  # it does not see its input


@pytest.mark.parametrize("engine", ["auto", "vmap"])
@pytest.mark.parametrize("name", SMOOTH)
def test_double_backward(name: str, engine: str) -> None:
    """The gradient of a gradient norm, as penalties need it, in both engines and in the plain module."""
    stack, solo, shape = build(name, engine)
    x, uniforms, label = inputs(name, shape)
    x.requires_grad_()
    out = stack(x, uniforms=uniforms, label=label).square()
    (slope,) = torch.autograd.grad(out.sum(), x, create_graph=True)
    gradient = stack.gradient(slope.square().flatten(1).sum(1))
    for k in range(K):
        solo_member(solo, stack, k, uniforms)
        out = (solo(x[k]) if label is None else solo(x[k], label[k])).square()
        (slope,) = torch.autograd.grad(out.sum(), x, create_graph=True)
        grads = torch.autograd.grad(
            slope[k].square().sum(), list(solo.parameters()), allow_unused=True, materialize_grads=True
        )
        expected = flat(grads)
        torch.testing.assert_close(
            gradient[k], expected, rtol=1e-10, atol=1e-12 * expected.abs().max().item()
        )


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith(("rows", "maps"))])
def test_a_members_flat_weights_fill_a_plain_module(name: str) -> None:
    stack, solo, _ = build(name, "auto")
    load_flat(solo, stack.weights[1])
    for key, parameter in solo.named_parameters():
        assert torch.equal(parameter, stack.params[key][1])
    with pytest.raises(ValueError, match="weights"):
        load_flat(solo, torch.zeros(stack.weights.shape[1] + 1, dtype=torch.float64))


def test_a_label_is_given_if_and_only_if_the_network_takes_one() -> None:
    stack, _, shape = build("mlp-disc", "auto")
    x, _, _ = inputs("mlp-disc", shape)
    with pytest.raises(ValueError, match="takes no label"):
        stack(x, label=torch.zeros(K, B, CLASSES, dtype=torch.float64))
    stack, _, _ = build("mlp-concat-disc", "auto")
    with pytest.raises(ValueError, match="takes a label"):
        stack(x)


def test_a_cloned_buffer_leaves_the_stack_alone() -> None:
    stack, _, shape = build("dcgan-disc", "auto")
    x, _, _ = inputs("dcgan-disc", shape)
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


class Halved(nn.Sequential):
    """A chain whose forward is not that of its layers alone."""

    def forward(self, x: Tensor) -> Tensor:
        return 0.5 * super().forward(x)


OTHERS = {
    "own forward": (lambda: Halved(nn.Linear(4, 3)), (4,)),
    "circular padding": (lambda: nn.Sequential(nn.Conv2d(2, 3, 3, 1, 1, padding_mode="circular")), (2, 6, 6)),
    "padding by name": (lambda: nn.Sequential(nn.Conv2d(2, 3, 3, 1, "same")), (2, 6, 6)),
    "flattened from the second": (lambda: nn.Sequential(nn.Conv2d(2, 3, 1), nn.Flatten(2)), (2, 4, 4)),
    "two sizes": (lambda: nn.Sequential(nn.Linear(4, 8), nn.Unflatten(1, (2, 4)), nn.Tanh()), (4,)),
    "no running statistics": (
        lambda: nn.Sequential(nn.BatchNorm1d(4, track_running_stats=False), nn.Linear(4, 2)),
        (4,),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_no_rule_computes_runs_as_the_module_itself(name: str) -> None:
    make, shape = OTHERS[name]
    module = make().double()
    values = {key: value.detach().clone() for key, value in module.named_parameters()}
    x = torch.randn(2, 5, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = torch.stack([module(each) for each in x])
    stack = Stack(make(), [values, values], dtype=torch.float64)
    assert stack.engine == "vmap"
    torch.testing.assert_close(stack(x), expected)
