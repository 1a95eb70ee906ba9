"""A closer look at one ordinary pair of networks, in the middle of anyone's loop, without leaving a trace."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from bench.data.order import philox
from bench.errors import UserError
from bench.train.monitors import accuracy, auc, finite
from ganzoo.losses import HARD, Loss

PROBE = 128
"""Samples of a kind that a look takes. A pack takes fewer, at every evaluation of many members."""

Samples = Callable[[int], Tensor]
"""n -> n fresh samples of G, [n, *shape]."""

_SWITCHED_OFF = (nn.modules.dropout._DropoutNd, nn.RReLU)
"""Modules that are random in training mode only."""

_WRAPPERS = ("DataParallel", "DistributedDataParallel", "OptimizedModule")
"""What stands around a network for several devices, or compiled; the network itself is looked at."""

_OF_LOGITS = frozenset({"minimax", "non_saturating", "bce_probability", "alpha"})
"""Losses whose formula is of logits, with the sigmoid in it; all others are of D's output as it is."""


class PairError(UserError, ValueError):
    """A network or a function of the user's that does not give what is asked of it, in one sentence."""


@dataclass(frozen=True)
class Pair:
    """Both networks, and how D's output is read.

    `probability`: D ends in a sigmoid. `answers`: what of D's output is its answer, one number a sample.
    """

    gen: nn.Module
    disc: nn.Module
    probability: bool = False
    answers: Callable[[Any], Tensor] | None = None

    def logits(self, x: Tensor) -> Tensor:
        """D's answers to x as logits [1, N], differentiable in x."""
        if not self.probability:
            return self._read(self._call(x), len(x)).unsqueeze(0)
        last = next((m for m in reversed(list(self.disc.modules())) if isinstance(m, nn.Sigmoid)), None)
        seen: list[tuple[Tensor, Tensor]] = []
        if last is None:
            out = self._read(self._call(x), len(x))
        else:
            handle = last.register_forward_hook(lambda _, given, made: seen.append((given[0], made)))
            try:
                out = self._read(self._call(x), len(x))
            finally:
                handle.remove()
        if bool(((out < 0.0) | (out > 1.0)).any()):
            raise PairError("the discriminator gives numbers outside [0, 1], which are no probabilities")
        for before, after in seen:  # exact where the sigmoid's own input can be had
            if after.numel() == out.numel() and torch.equal(after.flatten(), out):
                return before.flatten().unsqueeze(0)
        return logit_of(out).unsqueeze(0)

    def _call(self, x: Tensor) -> Any:
        try:
            return self.disc(x)
        except TypeError as error:
            raise PairError(f"the discriminator could not be called with samples alone: {error}") from error

    def _read(self, out: Any, n: int) -> Tensor:
        out = out if self.answers is None else self.answers(out)
        if not isinstance(out, Tensor) or out.numel() != n:
            found = f"shape {tuple(out.shape)}" if isinstance(out, Tensor) else f"a {type(out).__name__}"
            raise PairError(
                f"the discriminator must give one number a sample, and gave {found} for {n} samples: "
                "say which with answers=, as in answers=lambda out: out[0] or answers=lambda out: "
                "out.mean((1, 2, 3))"
            )
        flat: Tensor = out.flatten()
        return flat if flat.dtype in (torch.float32, torch.float64) else flat.float()


def logit_of(p: Tensor) -> Tensor:
    """log p - log(1 - p), where a p that rounds to 0 or 1 stands for the nearest number that does not."""
    kind = torch.finfo(p.dtype)
    return p.clamp(min=kind.tiny).log() - (-p.clamp(max=1.0 - kind.eps / 2)).log1p()


def beside_sigmoid(name: str, loss: Loss) -> Loss:
    """The loss `name` of the logits of a D that ends in a sigmoid; PairError for a `Loss` without a name."""
    if name == "own":
        raise PairError(
            "a Loss does not tell whether it is of probabilities or of their logits: with "
            "output='probability' give the loss by its name, or None"
        )
    return loss if name in _OF_LOGITS else of_logits(loss)


def of_logits(loss: Loss) -> Loss:
    """A loss L that is applied to probabilities p, as one of their logits l: L(sigmoid(l)).

    Its pull dL/dl = L'(p) p (1 - p) has the sigmoid's own part in it, which vanishes where D is sure.
    """
    threshold = loss.threshold
    if threshold is not None:
        inside = 0.0 < threshold < 1.0
        threshold = (
            math.log(threshold / (1.0 - threshold)) if inside else math.copysign(math.inf, threshold - 0.5)
        )
    return Loss(
        lambda real, fake, targets: loss.d_loss(real.sigmoid(), fake.sigmoid(), targets),
        lambda real, fake: loss.g_loss(None if real is None else real.sigmoid(), fake.sigmoid()),
        threshold,
        loss.compares,
    )


def check_plain(module: nn.Module, name: str) -> None:
    """PairError for a network whose buffers cannot be lent out: one of TorchScript."""
    if any(isinstance(each, torch.jit.ScriptModule) for each in module.modules()):
        raise PairError(
            f"{name} is TorchScript, whose state cannot be put back: watch the module it is made of"
        )


def _dtype(module: nn.Module, default: torch.dtype) -> torch.dtype:
    """The floating-point type that a network computes in, that of its first weight."""
    return next((p.dtype for p in module.parameters() if p.is_floating_point()), default)


@contextmanager
def _by_samples() -> Iterator[None]:
    """PairError where gradients by samples cannot be had, for a network is checkpointed the reentrant way."""
    try:
        yield
    except RuntimeError as error:
        if "checkpoint" not in str(error).lower():
            raise
        raise PairError(
            "gradients by samples cannot be taken through torch.utils.checkpoint with use_reentrant=True: "
            "say use_reentrant=False"
        ) from error


def unwrapped(module: nn.Module) -> nn.Module:
    """The network inside DataParallel and its like."""
    while type(module).__name__ in _WRAPPERS:
        inner = getattr(module, "module", None) or getattr(module, "_orig_mod", None)
        if not isinstance(inner, nn.Module):
            return module
        module = inner
    return module


@contextmanager
def aside(pair: Pair, seed: str, train: bool) -> Iterator[None]:
    """Borrow both networks: all that the body does to buffers, modes and global generators is undone.

    The body works on clones of the buffers, draws from `seed`, and has gradients. `train`: batch statistics,
    but no dropout; else eval mode. Networks are put into training mode by their own `train()`, so that what
    its author froze stays frozen.
    """
    modules = list({id(m): m for net in (pair.gen, pair.disc) for m in net.modules()}.values())
    modes = [module.training for module in modules]
    buffers = [dict(module._buffers) for module in modules]
    clones: dict[int, Tensor] = {}
    with _own_draws(seed), torch.inference_mode(False), torch.enable_grad():
        try:
            for module in modules:
                for name, buffer in module._buffers.items():
                    if buffer is not None:
                        module._buffers[name] = clones.setdefault(id(buffer), buffer.detach().clone())
            pair.gen.train(train)
            pair.disc.train(train)
            for module in modules:
                if isinstance(module, _SWITCHED_OFF):
                    module.training = False
            yield
        finally:
            for module, mode, kept in zip(modules, modes, buffers, strict=True):
                module.training = mode
                module._buffers.clear()
                module._buffers.update(kept)


@contextmanager
def _own_draws(seed: str) -> Iterator[None]:
    """Seed every global generator for the body, and put all of them back as they were.

    torch.manual_seed is not used: it would also re-seed devices whose state is not kept here.
    """
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "little")
    cuda = torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    python, numpy_state, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    devices = torch.cuda.get_rng_state_all() if cuda else []
    try:
        random.seed(number)
        np.random.seed(number)  # noqa: NPY002 - the user's function may draw from it
        torch.default_generator.manual_seed(number)
        if cuda:
            torch.cuda.manual_seed_all(number)
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy_state)  # noqa: NPY002
        torch.set_rng_state(cpu)
        if cuda:
            torch.cuda.set_rng_state_all(devices)


def draw(samples: Samples, n: int, shape: tuple[int, ...]) -> Tensor:
    """n samples from the user's function; PairError where they are not n floating-point ones of `shape`."""
    try:
        x = samples(n)
    except TypeError as error:
        raise PairError(f"samples must be a function of the number of samples, and fails: {error}") from error
    if not isinstance(x, Tensor) or not x.is_floating_point() or tuple(x.shape) != (n, *shape):
        found = f"shape {tuple(x.shape)}, {x.dtype}" if isinstance(x, Tensor) else f"a {type(x).__name__}"
        raise PairError(f"samples({n}) must give a float tensor of shape {(n, *shape)}, and gave {found}")
    return x


@torch.no_grad()
def weight_norm(module: nn.Module) -> float:
    """The norm of all parameters together."""
    params = [p.detach() for p in module.parameters()]
    return float(get_total_norm(params)) if params else 0.0


@_by_samples()
def look(
    pair: Pair, samples: Samples, train: Tensor, heldout: Tensor | None, loss: Loss | None
) -> dict[str, float | None]:
    """The point monitors of `bench.train.monitors.probe` for one pair; called `aside`.

    train, heldout: PROBE real samples each; as many fakes come in two half batches. Beside the monitors:
    d_loss, g_loss, d_auc and d_accuracy, which the harness takes from training steps. What needs a loss is
    not there where none is known; g_cosine is null where samples are made without gradients, or not by `gen`.
    `finite` is 0 where D's answers were not all finite. Samples and reals are handed over in D's own type,
    which under autocast is not that of G's output. PairError.
    """
    half = len(train) // 2
    made = [draw(samples, half, tuple(train.shape[1:])) for _ in (0, 1)]
    with torch.no_grad():
        where, kind = made[0].device, _dtype(pair.disc, made[0].dtype)
        real = pair.logits(train.to(where, kind))
        unseen = None if heldout is None else pair.logits(heldout.to(where, kind))
    answers, slopes, grads = [], [], []
    for part in made:
        x = part.detach().to(kind, copy=True).requires_grad_()
        out = pair.logits(x)
        (slope,) = torch.autograd.grad(out.sum(), x, retain_graph=True)
        answers.append(out.detach())
        slopes.append(slope.flatten(1))
        if loss is not None:
            (by_x,) = torch.autograd.grad(loss.g_loss(real[:, :half], out).mean(), x)
            grads.append(_gradient(pair, part, by_x.to(part.dtype)))
    fake = torch.cat(answers, 1)
    known = [each for each in (real, unseen, fake) if each is not None]
    row: dict[str, float | None] = {
        "d_auc": _number(auc(real, fake)),
        "d_auc_train": _number(auc(real, fake)),
        "d_auc_heldout": None if unseen is None else _number(auc(unseen, fake)),
        "logit_max": _number(torch.stack([each.abs().max() for each in known]).max()),
        "d_slope": _number(torch.linalg.vector_norm(torch.cat(slopes), dim=1).mean()),
        "g_cosine": _cosine(grads),
        "finite": float(all(bool(torch.isfinite(each).all()) for each in known)),
    }
    return row | (_of_loss(real, fake, loss) if loss is not None else {})


def _of_loss(real: Tensor, fake: Tensor, loss: Loss) -> dict[str, float | None]:
    logit = fake.clone().requires_grad_()
    g_loss = loss.g_loss(real, logit)
    (pull,) = torch.autograd.grad(g_loss.sum(), logit)
    threshold = real.new_full((1,), float("nan") if loss.threshold is None else loss.threshold)
    return {
        "g_saturation": _number(pull.abs().mean()),
        "d_loss": _number(loss.d_loss(real, fake, HARD).mean()),
        "g_loss": _number(g_loss.mean()),
        "d_accuracy": _number(accuracy(real, fake, threshold)),
    }


def _gradient(pair: Pair, made: Tensor, by_x: Tensor) -> Tensor | None:
    """G's gradient [P] of what has the gradient `by_x` at its samples; None where none reaches G."""
    weights = [p for p in pair.gen.parameters() if p.requires_grad]
    if not weights or not made.requires_grad:
        return None
    parts = torch.autograd.grad(made, weights, by_x, allow_unused=True)
    if all(part is None for part in parts):
        return None
    return torch.cat(
        [(w.new_zeros(w.shape) if g is None else g).flatten() for g, w in zip(parts, weights, strict=True)]
    )


def _cosine(grads: list[Tensor | None]) -> float | None:
    known = [g for g in grads if g is not None]
    if len(known) < 2:
        return None
    return _number(torch.nn.functional.cosine_similarity(known[0], known[1], dim=0))


def _number(value: Tensor) -> float | None:
    return finite(float(value.detach()))


def pick(rows: NDArray[np.float32], *index: int | str) -> Tensor:
    """PROBE rows of reals, drawn by a stream of their own."""
    generator = np.random.Generator(philox("\x1f".join(map(str, ("monitor reals", *index)))))
    return torch.from_numpy(rows[generator.integers(0, len(rows), PROBE)])
