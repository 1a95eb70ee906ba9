"""Chains of layers, and how a label enters them.

The forms of `condition`:
  concat       the one-hot label is joined to G's latent and to D's input (cGAN, arXiv:1411.1784)
  projection   D(x, y) = w.phi(x) + b + embed(y).phi(x); G as in concat (arXiv:1802.05637)
  auxiliary    D gives a logit of the source and one of each class; G as in concat (ACGAN, arXiv:1610.09585)
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from ganzoo.layers import Projection


class Labelled(nn.Sequential):
    """A Sequential called with (x, label): the label goes to the layers that take one."""

    def forward(self, x: Tensor, label: Tensor) -> Tensor:  # type: ignore[override]
        for layer in self:
            x = layer(x, label) if getattr(layer, "takes_label", False) else layer(x)
        return x


class Chain:
    """Layers in order, by name.

    Initial values are keyed by a parameter's name. So what every variant has is numbered, an absent layer
    (None) keeps its number free, and what only some variants have goes by a name of its own: a layer more or
    less leaves the start of all others as it was.
    """

    def __init__(self) -> None:
        self._layers: OrderedDict[str, nn.Module] = OrderedDict()
        self._next = 0

    def add(self, *layers: nn.Module | None) -> None:
        for layer in layers:
            if layer is not None:
                self._layers[str(self._next)] = layer
            self._next += 1

    def named(self, name: str, layer: nn.Module | None) -> None:
        if layer is not None:
            self._layers[name] = layer

    def module(self) -> nn.Sequential:
        has_label = any(getattr(layer, "takes_label", False) for layer in self._layers.values())
        return Labelled(self._layers) if has_label else nn.Sequential(self._layers)


def check_condition(condition: str, classes: int, pac: int) -> None:
    """Raise ValueError where a condition has no label to hold to, or more than one."""
    if condition == "none":
        return
    if classes == 0:
        raise ValueError(f"condition {condition} needs data with labels")
    if condition != "concat" and pac > 1:
        raise ValueError(f"condition {condition} judges one label, and a pack of {pac} samples has {pac}")


def output_layer(condition: str, features: int, classes: int) -> nn.Module:
    """D's last layer. [B, features] -> [B, 1], or [B, 1 + classes] for `auxiliary`."""
    if condition == "projection":
        return Projection(features, classes)
    return nn.Linear(features, 1 + classes if condition == "auxiliary" else 1)
