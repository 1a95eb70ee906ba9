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


def test_dcgan_refuses_other_sizes() -> None:
    with pytest.raises(ValueError, match="28 or 32 pixels, not 64"):
        dcgan((3, 64, 64))


def test_default_latent_dimensions() -> None:
    assert mlp((2,)).latent_dim == 2
    assert mlp((1, 28, 28)).latent_dim == 64
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
