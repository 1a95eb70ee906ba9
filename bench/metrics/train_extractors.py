"""Makes the weights of the extractors: `python -m bench.metrics.train_extractors digits|clothes`.

Adam, cross-entropy, cosine rate; each image is shifted, turned, scaled by a random affine map in each epoch.
lenet_digits sees only the 3,000 training digits of the split; lenet_clothes the 60,000 training images of
Fashion-MNIST; both also see pictures of nothing, as an eleventh class (calling an image nothing is an error).
Held-out accuracy: digits 98.2 % of 2,000, clothes 90.3 % of 10,000. One thread: half a minute, two minutes.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from dataclasses import dataclass

import numpy as np
import torch
from safetensors.torch import save
from torch.nn.functional import affine_grid, cross_entropy, grid_sample, interpolate

from bench.data.load import Dataset, load
from bench.metrics.extractors import CLASSES, WEIGHTS, forward, initial
from bench.trial import Component

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Recipe:
    """How one extractor is trained; `turn` (radians), `shift` (pixels), `zoom` (relative) are bounds."""

    extractor: str
    dataset: str
    epochs: int
    batch: int
    rate: float
    turn: float
    shift: float
    zoom: float
    mirror: bool


RECIPES = {
    "digits": Recipe("lenet_digits", "digits", 60, 64, 2e-3, 0.2, 2.0, 0.1, False),
    "clothes": Recipe("lenet_clothes", "fashion_mnist", 14, 128, 2e-3, 0.02, 1.0, 0.02, True),
}


def train(data: Dataset, recipe: Recipe) -> Weights:
    """Trained weights; the same on one machine with one thread."""
    assert data.train_labels is not None
    generator = torch.Generator().manual_seed(0)
    weights = {name: value.requires_grad_() for name, value in initial(generator).items()}
    optimizer = torch.optim.Adam(list(weights.values()), lr=recipe.rate)
    images, labels = torch.from_numpy(data.train.copy()), torch.from_numpy(data.train_labels.copy())
    batches = len(images) // recipe.batch
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(images), generator=generator)
        for i in range(batches):
            progress = (epoch + i / batches) / recipe.epochs
            optimizer.param_groups[0]["lr"] = recipe.rate * 0.5 * (1.0 + math.cos(math.pi * progress))
            rows = order[i * recipe.batch : (i + 1) * recipe.batch]
            shown, named = _with_junk(_moved(images[rows], recipe, generator), labels[rows], generator)
            _, logits = forward(weights, shown)
            optimizer.zero_grad()
            loss = cross_entropy(logits, named)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return {name: value.detach() for name, value in weights.items()}


def _moved(images: torch.Tensor, recipe: Recipe, generator: torch.Generator) -> torch.Tensor:
    """Each image under its own random turn, zoom and shift; what comes in from outside is black."""
    n = len(images)
    draw = 2.0 * torch.rand(5, n, generator=generator) - 1.0
    turn, zoom = recipe.turn * draw[0], 1.0 + recipe.zoom * draw[1]
    side = torch.where(draw[4] > 0, 1.0, -1.0) if recipe.mirror else torch.ones(n)
    shift = recipe.shift / 14.0 * draw[2:4]
    rows = [
        side * zoom * turn.cos(),
        -zoom * turn.sin(),
        shift[0],
        side * zoom * turn.sin(),
        zoom * turn.cos(),
        shift[1],
    ]
    grid = affine_grid(torch.stack(rows, 1).reshape(n, 2, 3), list(images.shape), align_corners=False)
    return grid_sample(images + 1.0, grid, align_corners=False) - 1.0


def _with_junk(
    x: torch.Tensor, y: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """The batch, and three quarters as many pictures of nothing, labelled 10: noise, blobs, lost images.

    Blends and pasted halves are left out: with them the legible digits of a fair generator were "none" too.
    """

    def uniform(low: float, high: float, n: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(n, 1, 1, 1, generator=generator)

    n = len(x) // 4
    noise = torch.randn(n, 1, 28, 28, generator=generator)
    side = int(torch.randint(1, 15, (), generator=generator))
    blobs = interpolate(torch.randn(n, 1, side, side, generator=generator), 28, mode="bilinear")
    blobs = blobs * uniform(0.0, 2.0, n) + uniform(-1.0, 1.0, n)
    hidden = x[:n] + noise.roll(1, 0) * uniform(0.7, 1.2, n)
    junk = [noise * uniform(0.0, 2.0, n) + uniform(-1.0, 1.0, n), blobs, hidden]
    pictures = torch.cat(junk).clamp(-1.0, 1.0)
    none = torch.full((len(pictures),), CLASSES)
    # A little noise is no reason to call a picture nothing: generators leave some.
    x = x + torch.randn(x.shape, generator=generator) * uniform(-0.3, 0.3, len(x)).clamp(min=0.0)
    return torch.cat([x.clamp(-1.0, 1.0), pictures]), torch.cat([y, none])


def accuracy(weights: Weights, data: Dataset) -> float:
    """Share of the held-out images whose class is found."""
    with torch.inference_mode():
        _, logits = forward(weights, torch.from_numpy(data.heldout.copy()))
    return float(np.mean(logits.argmax(1).numpy() == data.heldout_labels))


def main(argument: str) -> None:
    torch.set_num_threads(1)
    recipe = RECIPES[argument]
    data = load(Component(recipe.dataset, (("size", 28),)))
    weights = train(data, recipe)
    content = save({name: value.contiguous() for name, value in weights.items()})
    record = {
        "extractor": recipe.extractor,
        "sha256": hashlib.sha256(content).hexdigest(),
        "train": {"dataset": recipe.dataset, "images": len(data.train), "data_sha256": data.sha256},
        "heldout": {"images": len(data.heldout), "accuracy": round(accuracy(weights, data), 4)},
    }
    WEIGHTS.mkdir(exist_ok=True)
    (WEIGHTS / f"{recipe.extractor}.safetensors").write_bytes(content)
    (WEIGHTS / f"{recipe.extractor}.json").write_text(json.dumps(record, indent=2) + "\n")
    sys.stdout.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in RECIPES:
        raise SystemExit("usage: python -m bench.metrics.train_extractors digits|clothes")
    main(sys.argv[1])
