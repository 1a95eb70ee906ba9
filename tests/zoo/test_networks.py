import numpy as np
import pytest
import torch
from torch import nn

from ganzoo.catalog import ZOO
from ganzoo.layers import Dropout, dropout_shapes
from ganzoo.networks.dcgan import dcgan
from ganzoo.networks.gan import initial_values
from ganzoo.networks.mlp import mlp

CASES = [
    ("mlp", (2,), {"width": 8, "depth": 3}),
    ("mlp", (1, 28, 28), {"width": 8}),
    ("dcgan", (1, 28, 28), {"width": 2}),
    ("dcgan", (3, 32, 32), {"width": 2}),
    ("dcgan", (3, 64, 64), {"width": 2}),
    ("resnet", (1, 28, 28), {"width": 2}),
    ("resnet", (3, 32, 32), {"width": 2}),
    ("conv1d", (16,), {"width": 2}),
    ("mlp", (16,), {"width": 8}),
    ("dirac", (1,), {}),
    ("saddle", (2,), {}),
]


@pytest.mark.parametrize(("name", "shape", "keys"), CASES)
def test_shapes(name: str, shape: tuple[int, ...], keys: dict[str, int]) -> None:
    gan = ZOO.get("model", name).load()(shape, **keys)
    z = torch.randn(5, gan.latent_dim)
    images = gan.gen(z)
    assert images.shape == (5, *shape)
    assert gan.disc(images).shape == (5, 1)
    if len(shape) == 3:
        assert images.abs().max() <= 1.0


def test_dcgan_has_norm_but_in_gs_output_and_ds_input_and_no_pooling() -> None:
    gan = dcgan((1, 28, 28), width=4)
    gen, disc = list(gan.gen), list(gan.disc)
    assert isinstance(gen[-1], nn.Tanh)
    assert isinstance(gen[-2], nn.ConvTranspose2d)
    assert isinstance(disc[0], nn.Conv2d)
    assert isinstance(disc[1], nn.LeakyReLU)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in gen) == 2
    assert sum(isinstance(m, nn.BatchNorm2d) for m in disc) == 1
    assert not any("Pool" in type(m).__name__ for m in (*gen, *disc))
    assert all(m.stride == (2, 2) for m in (*gen, *disc) if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)))


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("dcgan", (3, 48, 48), "28, 32 or 64 pixels, not 48"),
        ("resnet", (3, 64, 64), "28 or 32 pixels, not 64"),
        ("conv1d", (12,), "length 8 divides"),
        ("conv1d", (1, 28, 28), "length 8 divides"),
        ("dirac", (2,), r"shape \(1,\), not of shape \(2,\)"),
        ("saddle", (1,), r"shape \(2,\), not of shape \(1,\)"),
    ],
)
def test_networks_refuse_other_shapes(name: str, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ZOO.get("model", name).load()(shape)


def test_default_latent_dimensions() -> None:
    assert mlp((2,)).latent_dim == 2
    assert mlp((1, 28, 28)).latent_dim == 64
    assert mlp((16,)).latent_dim == 64
    assert dcgan((1, 28, 28), latent_dim=10).latent_dim == 10


def test_start_is_keyed_by_name_and_follows_the_family() -> None:
    gan = dcgan((1, 28, 28), width=32)
    values = initial_values(gan.disc, gan.init, lambda name: np.random.default_rng(len(name)))
    assert values["3.weight"].std() == pytest.approx(0.02, rel=0.02)
    assert values["4.weight"].mean() == pytest.approx(1.0, abs=0.02)
    assert not values["0.bias"].any()
    points = mlp((2,), width=256)
    values = initial_values(points.gen, points.init, lambda _: np.random.default_rng(0))
    assert np.abs(values["2.weight"]).max() == pytest.approx(1 / 16, rel=1e-3)
    assert np.abs(values["2.bias"]).max() == pytest.approx(1 / 16, rel=2e-2)


def test_dropout_uses_the_uniforms_it_is_given() -> None:
    layer = Dropout(0.25)
    layer.uniforms = torch.tensor([[0.1, 0.25, 0.9]])
    torch.testing.assert_close(layer(torch.ones(1, 3)), torch.tensor([[0.0, 4 / 3, 4 / 3]]))
    assert torch.equal(layer.eval()(torch.ones(1, 3)), torch.ones(1, 3))
    with pytest.raises(ValueError, match=r"lies in \[0, 1\)"):
        Dropout(1.0)


def test_dropout_alone_draws_for_itself() -> None:
    torch.manual_seed(0)
    out = Dropout(0.5)(torch.ones(100_000))
    assert out.mean().item() == pytest.approx(1.0, abs=0.02)
    assert set(out.unique().tolist()) == {0.0, 2.0}


def test_dropout_shapes_are_those_of_the_layers_inputs() -> None:
    with torch.device("meta"):
        gan = dcgan((1, 28, 28), width=4)
    assert dropout_shapes(gan.disc, (1, 28, 28)) == {"2": (4, 14, 14), "6": (8, 7, 7)}


def kinds(module: nn.Module) -> list[str]:
    return [type(layer).__name__ for layer in module.children()]


def sizes(module: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(p.shape) for n, p in module.named_parameters() if p.dim() > 1]


def test_pacgans_ring_networks() -> None:
    """Lin et al. 2018: G 2-400x4-2, BatchNorm and no hidden bias; D three maxout layers of 200, 5 pieces."""
    keys = {"width": 400, "depth": 4, "width_d": 200, "depth_d": 3, "norm_g": "batch", "init": "normal"}
    gan = mlp((2,), activation="maxout", pac=2, **keys)
    assert kinds(gan.gen) == ["Linear", "BatchNorm1d", "ReLU"] * 4 + ["Linear"]
    assert sizes(gan.gen) == [(400, 2), (400, 400), (400, 400), (400, 400), (2, 400)]
    assert [layer.bias is None for layer in gan.gen if isinstance(layer, nn.Linear)] == [True] * 4 + [False]
    assert kinds(gan.disc) == ["Pac"] + ["Linear", "Maxout", "Dropout"] * 3 + ["Linear"]
    assert sizes(gan.disc) == [(1000, 4), (1000, 200), (1000, 200), (1, 200)]
    values = initial_values(gan.gen, gan.init, lambda _: np.random.default_rng(0))
    assert values["2.weight"].std() == pytest.approx(0.02, rel=0.02)
    assert values["norm0.weight"].tolist() == [1.0] * 400
    assert not values["8.bias"].any()


def test_the_alpha_gans_ring_networks() -> None:
    """Welfert et al. 2023: G 2-400x4-2 ReLU, D 2-200x4-1 LeakyReLU(0.2)."""
    gan = mlp((2,), width=400, depth=4, width_d=200)
    assert sizes(gan.gen) == [(400, 2), (400, 400), (400, 400), (400, 400), (2, 400)]
    assert sizes(gan.disc) == [(200, 2), (200, 200), (200, 200), (200, 200), (1, 200)]
    assert kinds(gan.disc) == ["Linear", "LeakyReLU", "Dropout"] * 4 + ["Linear"]
    assert {m.negative_slope for m in gan.disc if isinstance(m, nn.LeakyReLU)} == {0.2}


@pytest.mark.parametrize(
    ("name", "shape", "keys"),
    [
        ("mlp", (2,), {"norm_g": "batch", "norm_d": "batch"}),
        ("mlp", (2,), {"pac": 2, "minibatch_std": True, "activation": "maxout"}),
        ("mlp", (2,), {"condition": "concat"}),
        ("mlp", (2,), {"condition": "projection"}),
        ("dcgan", (1, 28, 28), {"pac": 3, "minibatch_std": True}),
        ("dcgan", (1, 28, 28), {"condition": "projection"}),
    ],
)
def test_a_variant_leaves_the_start_of_what_it_shares(name: str, shape: tuple[int, ...], keys: dict) -> None:  # type: ignore[type-arg]
    """Cells of a seed are paired: layers of equal name and shape start equal."""

    def start(classes: int, **keys: object) -> dict[str, np.ndarray]:
        gan = ZOO.get("model", name).load()(shape, classes, width=4, **keys)
        streams = {"gen": gan.gen, "disc": gan.disc}
        return {
            f"{player}.{key}": value
            for player, net in streams.items()
            for key, value in initial_values(
                net, gan.init, lambda n: np.random.default_rng(list(n.encode()))
            ).items()
        }

    plain, variant = start(0), start(5, **keys)
    layers = [key.removesuffix("weight") for key in plain if key.endswith("weight")]
    alike = [e for e in layers if plain[f"{e}weight"].shape == variant[f"{e}weight"].shape]
    shared = [f"{e}{leaf}" for e in alike for leaf in ("weight", "bias")]
    shared = [key for key in shared if key in plain and key in variant]
    assert len(shared) >= 3
    for key in shared:
        np.testing.assert_array_equal(plain[key], variant[key])


def test_dcgan_without_norms_keeps_the_start_of_its_weights() -> None:
    plain, bare = (dcgan((1, 28, 28), width=4, norm_g=norm, norm_d=norm) for norm in ("batch", "none"))
    for one, other in ((plain.gen, bare.gen), (plain.disc, bare.disc)):
        weights = {name for name, p in one.named_parameters() if p.dim() > 1}
        assert weights == {name for name, p in other.named_parameters() if p.dim() > 1}
        assert not any(isinstance(m, nn.BatchNorm2d) for m in other)


def first_maps(disc: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What stands in front of D's first LeakyReLU."""
    for layer in disc.children():
        if isinstance(layer, nn.LeakyReLU):
            break
        x = layer(x)
    return x


@pytest.mark.parametrize(
    ("name", "shape"), [("dcgan", (1, 28, 28)), ("dcgan", (3, 64, 64)), ("conv1d", (16,))]
)
@pytest.mark.parametrize("norm", ["batch", "none"])
def test_a_pool_changes_nothing_but_how_maps_are_halved(name: str, shape: tuple[int, ...], norm: str) -> None:
    """The same weights, start, dropout and G; of 2 (2x2) outputs the last, the mean or the largest."""
    gans = {
        down: ZOO.get("model", name).load()(shape, width=2, norm_d=norm, down=down)
        for down in ("stride", "avg_pool", "max_pool")
    }
    sizes = {
        down: [(n, tuple(p.shape)) for net in (gan.gen, gan.disc) for n, p in net.named_parameters()]
        for down, gan in gans.items()
    }
    assert sizes["stride"] == sizes["avg_pool"] == sizes["max_pool"]
    meta = [dropout_shapes(gan.disc.to("meta"), shape) for gan in gans.values()]
    assert meta[0] == meta[1] == meta[2]

    start = initial_values(gans["stride"].disc, gans["stride"].init, lambda n: np.random.default_rng(len(n)))
    x, maps = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0)), {}
    for down, gan in gans.items():
        disc = gan.disc.to_empty(device="cpu")
        assert sum("Pool" in type(layer).__name__ for layer in disc) == (
            0 if down == "stride" else sum(isinstance(layer, nn.Conv2d) for layer in disc)
        )
        disc.load_state_dict({n: torch.from_numpy(v) for n, v in start.items()}, strict=False)
        maps[down] = first_maps(disc, x)
    disc = gans["max_pool"].disc
    full = first_maps(nn.Sequential(*(each for each in disc if not isinstance(each, nn.MaxPool2d))), x)
    low, wide = maps["stride"].shape[2:]
    cells = full[:, :, :, : 2 * wide] if low == 1 else full[:, :, : 2 * low, : 2 * wide]
    cells = cells.unflatten(3, (wide, 2)).unflatten(2, (low, -1))
    torch.testing.assert_close(maps["stride"], cells[:, :, :, -1, :, -1])
    torch.testing.assert_close(maps["avg_pool"], cells.mean((3, 5)))
    torch.testing.assert_close(maps["max_pool"], cells.amax((3, 5)))


@pytest.mark.parametrize(("side", "channels", "blocks", "start"), [(28, 1, 2, 7), (32, 3, 3, 4)])
def test_resnet_counts_its_parameters_by_hand(side: int, channels: int, blocks: int, start: int) -> None:
    width, latent = 3, 5
    g = 2 * width
    conv = 9 * g * g + g
    up = 2 * conv + (g * g + g) + 2 * (2 * g)  # two convolutions, the shortcut, two BatchNorms
    expected_g = (latent + 1) * g * start**2 + blocks * up + 2 * g + (9 * g * channels + channels)
    d = 9 * width * width + width
    first = (9 * channels * width + width) + d + (channels * width + width)
    expected_d = first + (2 * d + width * width + width) + 2 * (2 * d) + width + 1
    gan = ZOO.get("model", "resnet").load()((channels, side, side), width=width, latent_dim=latent)
    assert sum(p.numel() for p in gan.gen.parameters()) == expected_g
    assert sum(p.numel() for p in gan.disc.parameters()) == expected_d
    assert not any(isinstance(m, nn.BatchNorm2d) for m in gan.disc.modules())


def test_resnet_starts_as_glorot_with_the_gain_of_relu_inside_blocks() -> None:
    gan = ZOO.get("model", "resnet").load()((1, 28, 28), width=16)
    values = initial_values(gan.disc, gan.init, lambda _: np.random.default_rng(0))
    bound = np.sqrt(6 / (32 * 9))
    assert np.abs(values["1.main.1.weight"]).max() == pytest.approx(np.sqrt(2) * bound, rel=1e-2)
    assert np.abs(values["1.shortcut.1.weight"]).max() == pytest.approx(3 * bound, rel=2e-2)
    assert not values["1.main.1.bias"].any()


def test_dirac_starts_where_it_is_told_and_gives_theta_and_psi_x() -> None:
    gan = ZOO.get("model", "dirac").load()((1,), theta=0.5, psi=-2.0)
    for net, value in ((gan.gen, 0.5), (gan.disc, -2.0)):
        start = initial_values(net, gan.init, lambda _: np.random.default_rng(0))
        assert [v.tolist() for v in start.values()] in ([[value]], [[[value]]])
        net.load_state_dict({k: torch.from_numpy(v) for k, v in start.items()})
    assert gan.gen(torch.randn(3, 1)).tolist() == [[0.5]] * 3
    assert gan.disc(torch.tensor([[3.0]])).tolist() == [[-6.0]]


def test_saddle_pays_f_and_what_the_latents_add() -> None:
    """(1 + x^2)(100 - y^2) + noise (x + y) e, by hand at x = 1, y = -2, e = 3."""
    gan = ZOO.get("model", "saddle").load()((2,), x=1.0, y=-2.0, noise=0.5)
    for net, value in ((gan.gen, 1.0), (gan.disc, -2.0)):
        start = initial_values(net, gan.init, lambda _: np.random.default_rng(0))
        assert [v.tolist() for v in start.values()] == [[value]]
        net.load_state_dict({k: torch.from_numpy(v) for k, v in start.items()})
    samples = gan.gen(torch.tensor([[3.0], [0.0]]))
    assert samples.tolist() == [[1.0, 3.0], [1.0, 0.0]]
    assert gan.disc(samples).tolist() == [[2 * 96 + 0.5 * -1 * 3], [2 * 96]]
