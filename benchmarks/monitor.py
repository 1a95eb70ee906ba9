"""What watching costs a plain PyTorch loop: the call, the hooks, an evaluation; CPU time, one thread.

    .venv/bin/python benchmarks/monitor.py

Two loops: an MLP on 2-D points (batch 256) and a DCGAN of width 16 on digits (batch 64). Blocks of steps with
and without the hooks take turns, and the median of each is told; times are those of the thread, so that a
busy machine does not count.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench.data.load import load
from bench.monitor import StabilityMonitor
from bench.trial import Component

EVERY = 100


@dataclass(frozen=True)
class Case:
    """A pair, its latents, its real samples, and what the monitor is told of them."""

    name: str
    gen: nn.Module
    disc: nn.Module
    latent: int
    real: Tensor
    batch: int
    data: str

    def samples(self, n: int) -> Tensor:
        made: Tensor = self.gen(torch.randn(n, self.latent))
        return made


def mlp(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, outputs)
    )


def cases() -> list[Case]:
    ring = torch.tensor(load(Component("ring8", (("radius", 1.0), ("sigma", 0.05)))).train)
    digits = torch.tensor(load(Component("digits", (("size", 28),))).train)
    w = 16
    gen = nn.Sequential(
        nn.Linear(64, 4 * w * 49), nn.Unflatten(1, (4 * w, 7, 7)), nn.BatchNorm2d(4 * w), nn.ReLU(),
        nn.ConvTranspose2d(4 * w, 2 * w, 4, 2, 1), nn.BatchNorm2d(2 * w), nn.ReLU(),
        nn.ConvTranspose2d(2 * w, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    disc = nn.Sequential(
        nn.Conv2d(1, 2 * w, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(2 * w, 4 * w, 4, 2, 1), nn.BatchNorm2d(4 * w), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(4 * w * 49, 1),
    )  # fmt: skip
    return [
        Case("mlp on ring8", mlp(2, 2), mlp(2, 1), 2, ring, 256, "ring8"),
        Case("dcgan on digits", gen, disc, 64, digits, 64, "digits"),
    ]


def trainer(case: Case) -> Callable[[], None]:
    """One step of the loop."""
    opt_g = torch.optim.Adam(case.gen.parameters(), 1e-4, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(case.disc.parameters(), 1e-4, betas=(0.5, 0.999))
    softplus = nn.functional.softplus

    def step() -> None:
        real = case.real[torch.randint(len(case.real), (case.batch,))]
        fake = case.samples(case.batch)
        opt_d.zero_grad()
        (softplus(-case.disc(real)) + softplus(case.disc(fake.detach()))).mean().backward()
        opt_d.step()
        opt_g.zero_grad()
        softplus(-case.disc(fake)).mean().backward()
        opt_g.step()

    return step


def seconds(call: Callable[[], object], times: int) -> float:
    """CPU seconds a call."""
    begun = time.thread_time()
    for _ in range(times):
        call()
    return (time.thread_time() - begun) / times


def measured(case: Case, blocks: int, block_s: float) -> str:
    """A line of the table."""
    step = trainer(case)
    times = max(5, round(block_s / seconds(step, 10)))
    plain, hooked, looks = [], [], []
    for _ in range(blocks):
        plain.append(seconds(step, times))
        monitor = StabilityMonitor(loss="non_saturating", data=case.data, every=EVERY)
        update = partial(monitor.update, gen=case.gen, disc=case.disc, samples=case.samples)
        update(0)
        hooked.append(seconds(step, times))
        looks.append(seconds(partial(update, EVERY), 1))
        call = seconds(partial(update, EVERY + 1), 10_000)
        monitor.close()
    bare, look = min(plain), statistics.median(looks)
    hooks = min(hooked) - bare
    cells = [f"{1e3 * bare:.2f} ms", f"{1e3 * hooks:.3f} ms", f"{hooks / bare:.1%}", f"{1e6 * call:.2f} us"]
    cells += [f"{1e3 * look:.0f} ms", f"{look / (EVERY * bare) + hooks / bare:.1%}"]
    return f"{case.name:16}" + "".join(f"{cell:>14}" for cell in cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=40, help="blocks of each kind")
    parser.add_argument("--block-s", type=float, default=0.3, help="seconds of a block")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    header = ("step", "hooks", "share", "call", "evaluation", f"at every {EVERY}")
    print(" " * 16 + "".join(f"{name:>14}" for name in header))
    for case in cases():
        print(measured(case, options.blocks, options.block_s))


if __name__ == "__main__":
    main()
