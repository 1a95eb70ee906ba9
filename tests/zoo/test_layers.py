"""Each layer on an example written out by hand."""

import pytest
import torch

from ganzoo.layers import (
    GlobalSum,
    JoinLabel,
    LabelChannel,
    Maxout,
    MinibatchStd,
    Pac,
    Point,
    Projection,
    dropout_shapes,
    takes_label,
)
from ganzoo.networks.dcgan import dcgan
from ganzoo.networks.mlp import mlp


def test_maxout_takes_the_largest_of_neighbouring_values() -> None:
    x = torch.tensor([[1.0, 5.0, 2.0, -1.0, -3.0, -2.0]])
    assert Maxout(3)(x).tolist() == [[5.0, -1.0]]


def test_pac_joins_neighbouring_samples_and_drops_the_remainder() -> None:
    """PacGAN's packing: D sees (x1, x2), (x3, x4), ... as one sample of twice the size."""
    points = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 9.0]])
    assert Pac(2)(points).tolist() == [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]
    images = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 2, 2)
    packed = Pac(2)(images)
    assert packed.shape == (2, 6, 2, 2)
    assert packed[:, :, 0, 0].tolist() == [[0, 0, 0, 1, 1, 1], [2, 2, 2, 3, 3, 3]]
    assert torch.equal(Pac(1)(points), points)


def test_minibatch_std_is_the_mean_over_features_of_the_sd_over_the_batch() -> None:
    x = torch.tensor([[0.0, 0.0], [2.0, 6.0]], dtype=torch.float64)
    torch.testing.assert_close(MinibatchStd()(x), torch.tensor([[0.0, 0.0, 2.0], [2.0, 6.0, 2.0]]).double())
    maps = x.view(2, 1, 1, 2)
    out = MinibatchStd()(maps)
    assert out.shape == (2, 2, 1, 2)
    torch.testing.assert_close(out[:, 1], torch.full((2, 1, 2), 2.0, dtype=torch.float64))


def test_minibatch_std_of_a_collapsed_batch_has_a_finite_gradient() -> None:
    x = torch.ones(4, 3, dtype=torch.float64, requires_grad=True)
    out = MinibatchStd()(x)
    assert out[0, 3].item() == pytest.approx(1e-4)
    (slope,) = torch.autograd.grad(out[:, 3].sum(), x)
    assert not slope.any()


def test_a_joined_label_stands_behind_the_features() -> None:
    x, y = torch.tensor([[0.5, 0.25]]), torch.tensor([[0.0, 1.0, 0.0]])
    assert JoinLabel()(x, y).tolist() == [[0.5, 0.25, 0.0, 1.0, 0.0]]


def test_a_label_becomes_one_more_channel() -> None:
    layer = LabelChannel(3, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(12.0).view(4, 3))
        layer.bias.fill_(100.0)
    out = layer(torch.zeros(1, 1, 2, 2), torch.tensor([[0.0, 1.0, 0.0]]))
    assert out[0].tolist() == [[[0.0, 0.0], [0.0, 0.0]], [[101.0, 104.0], [107.0, 110.0]]]


def test_projection_adds_the_product_with_the_labels_row() -> None:
    """w.phi + b + e_y.phi with w = (1, 2), b = 3, e_1 = (10, 20), phi = (4, 5)."""
    layer = Projection(2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 2.0]]))
        layer.bias.fill_(3.0)
        layer.embed.weight.copy_(torch.tensor([[0.0, 10.0], [0.0, 20.0]]))
    phi = torch.tensor([[4.0, 5.0], [4.0, 5.0]])
    assert layer(phi, torch.eye(2)).tolist() == [[17.0], [157.0]]


def test_global_sum_and_point() -> None:
    assert GlobalSum()(torch.ones(2, 3, 4, 5)).tolist() == [[20.0] * 3] * 2
    point = Point(2)
    with torch.no_grad():
        point.theta.copy_(torch.tensor([1.0, 2.0]))
    samples = point(torch.randn(3, 7))
    assert samples.tolist() == [[1.0, 2.0]] * 3
    with torch.no_grad():
        point.theta.zero_()
    assert samples.tolist() == [[1.0, 2.0]] * 3, "samples must not move with the weights"


def test_which_networks_take_a_label() -> None:
    assert not takes_label(mlp((2,), 8).gen)
    conditional = mlp((2,), 8, condition="auxiliary")
    assert takes_label(conditional.gen)
    assert not takes_label(conditional.disc)


def test_dropout_shapes_are_of_one_row_of_what_the_layer_sees() -> None:
    with torch.device("meta"):
        packed = mlp((2,), 3, width=5, depth=1, pac=3, condition="concat")
        image = dcgan((1, 28, 28), 10, width=4, condition="concat")
    assert dropout_shapes(packed.disc, (2,), 3) == {"2": (5,)}
    assert dropout_shapes(image.disc, (1, 28, 28), 10) == {"2": (4, 14, 14), "6": (8, 7, 7)}
