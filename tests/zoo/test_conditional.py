"""Conditional models: where the label goes, and that it matters."""

import pytest
import torch
from torch import nn

from ganzoo.catalog import ZOO
from ganzoo.networks.conditional import Labelled
from ganzoo.networks.gan import Gan
from ganzoo.networks.mlp import mlp

NETWORKS = [("mlp", (2,)), ("mlp", (1, 28, 28)), ("dcgan", (1, 28, 28)), ("dcgan", (3, 32, 32))]
FORMS = ["concat", "projection", "auxiliary"]


def build(name: str, shape: tuple[int, ...], condition: str, **keys: object) -> Gan:
    torch.manual_seed(0)
    gan = ZOO.get("model", name).load()(shape, 4, width=8, condition=condition, **keys)
    assert isinstance(gan, Gan)
    return gan


def test_every_network_with_the_key_is_tested_here() -> None:
    conditional = {e.name for e in ZOO.entries("model") if "condition" in e.keys}
    assert conditional == {name for name, _ in NETWORKS}
    assert all(e.facts["conditional"] == (e.name in conditional) for e in ZOO.entries("model"))


@pytest.mark.parametrize("condition", FORMS)
@pytest.mark.parametrize(("name", "shape"), NETWORKS)
def test_the_label_changes_what_is_made_and_how_it_is_judged(
    name: str, shape: tuple[int, ...], condition: str
) -> None:
    gan = build(name, shape, condition)
    gan.gen.eval()
    gan.disc.eval()
    assert gan.classes == 4
    assert gan.aux == (condition == "auxiliary")
    z, y = torch.randn(4, gan.latent_dim), torch.eye(4)
    samples = gan.gen(z[:1].expand(4, -1), y)
    assert samples.shape == (4, *shape)
    assert all(not torch.equal(samples[0], other) for other in samples[1:])
    x = torch.randn(1, *shape).expand(4, *shape)
    if gan.aux:
        assert gan.disc(x).shape == (4, 5)
        assert not isinstance(gan.disc, Labelled)
    else:
        judged = gan.disc(x, y)
        assert judged.shape == (4, 1)
        assert len(set(judged.flatten().tolist())) == 4


def test_the_label_is_joined_to_latent_and_input_by_hand() -> None:
    """With weights (1, 2 | 10, 20, 30) on (x, y) the first unit tells the label."""
    gan = mlp((2,), 3, width=1, depth=1, condition="concat", latent_dim=2)
    for net in (gan.gen, gan.disc):
        first = net.get_submodule("0")
        assert isinstance(first, nn.Linear)
        with torch.no_grad():
            first.weight.copy_(torch.tensor([[1.0, 2.0, 10.0, 20.0, 30.0]]))
            first.bias.zero_()
        seen: list[torch.Tensor] = []
        first.register_forward_hook(lambda _m, _i, out, seen=seen: seen.append(out.detach()))
        net(torch.tensor([[0.5, 0.25], [0.5, 0.25]]), torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
        assert seen[0].tolist() == [[21.0], [31.0]]


@pytest.mark.parametrize("condition", FORMS)
@pytest.mark.parametrize("name", ["mlp", "dcgan"])
def test_without_labels_or_with_packs_it_is_refused(name: str, condition: str) -> None:
    target = ZOO.get("model", name).load()
    with pytest.raises(ValueError, match="needs data with labels"):
        target((1, 28, 28), 0, condition=condition)
    if condition == "concat":
        assert target((1, 28, 28), 4, width=2, condition=condition, pac=2).pac == 2
    else:
        with pytest.raises(ValueError, match="a pack of 2 samples has 2"):
            target((1, 28, 28), 4, condition=condition, pac=2)


def test_the_catalogue_knows_the_clashes() -> None:
    for name in ("mlp", "dcgan"):
        ((key, values, other, others, why),) = ZOO.get("model", name).facts["clashes"]
        assert why
        for value in values:
            for m in others:
                with pytest.raises(ValueError, match="judges one label"):
                    ZOO.get("model", name).load()((1, 28, 28), 4, **{key: value, other: m})


def test_an_unconditional_model_ignores_that_the_data_has_labels() -> None:
    assert mlp((2,), 8).classes == 0
