"""Every metric: columns with units and directions, keys, where its code is. Imports neither torch nor numpy.

A target is called as `target(context, **keys)` and gives a `bench.metrics.batch.Measure`.
Facts of an entry:
  modalities   the modalities of the data that it can measure, names of `bench.data.catalog.MODALITIES`
  unit         of the metric's first column
  direction    "lower" or "higher" is better; "one" where the best value is 1
  columns      a `Column` (name, unit, direction) for each value, in the order of the tables
  of           "game": the target is called as `target(**keys)`, see bench/metrics/game.py; else not there
  conditional  True where it measures conditional models only; else not there
  protocol     one sentence: what against what, how many, in which features, and what is drawn at random
  floor        whether real held-out data are scored too (`Measure.against` gives something)
  cost         order of the operations for n samples of d features, and a time on one core, measured by
               benchmarks/metrics.py; the features of images, which metrics share, are not in it
  needs_modes  whether the data set must have modes (mixture components or labels)
  check        `module:attribute`, called as check(**keys) before training, raises UserError; None: no check
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, NamedTuple

from bench.data.catalog import MODALITIES
from bench.trial import Component
from ganzoo.catalog import Catalog, Entry, Key


class Column(NamedTuple):
    """A column of the curves. A unit of "text" means strings; a direction of "" means that none is better."""

    name: str
    unit: str
    direction: str


def _facts(
    modalities: tuple[str, ...],
    columns: tuple[Column, ...],
    *,
    protocol: str,
    cost: str,
    floor: bool = True,
    needs_modes: bool = False,
    check: str | None = None,
    **more: Any,
) -> Any:
    return {
        "modalities": modalities,
        "unit": columns[0].unit,
        "direction": columns[0].direction,
        "columns": columns,
        "needs_modes": needs_modes,
        "check": check,
        "protocol": protocol,
        "floor": floor,
        "cost": cost,
        **more,
    }


_ANY = tuple(MODALITIES)


def _distance(name: str, unit: str) -> tuple[Column, ...]:
    return (
        Column(name, unit, "lower"),
        Column(f"{name}.heldout", unit, "lower"),
        Column(f"{name}.noise", unit, ""),
        Column(f"{name}_status", "text", ""),
    )


_DISTANCE = (
    "n samples against the first n train rows (`.heldout`: the first n held-out rows; `.noise`: the two"
    " halves of the sample against the train rows); nothing is drawn; "
)

_FEATURES = {
    "features": Key(
        str, "own", "the data set's own classifier's, or Inception-v3's", choices=("own", "inception")
    ),
    "weights": Key(str, "", "file of torch-fidelity's Inception weights; empty: look for it"),
}
_SHRINK = ("both", "samples")

METRICS = Catalog(
    [
        Entry(
            "metric",
            "fd",
            "bench.metrics.fd:fd",
            "|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) in features of the data set's own classifier",
            paper="arXiv:1706.08500",
            facts=_facts(
                ("image",),
                _distance("fd", "squared feature units"),
                protocol=_DISTANCE + "in the 64 features of the data set's classifier (192 by channel).",
                cost="n d^2 + d^3: 4 ms for 2,000 digits",
            ),
        ),
        Entry(
            "metric",
            "fid",
            "bench.metrics.fid:fid",
            "the same distance in Inception-v3's 2,048 pooled features, through torch-fidelity",
            keys={"weights": Key(str, "", "file of torch-fidelity's Inception weights; empty: look for it")},
            paper="arXiv:1706.08500",
            facts=_facts(
                ("image",),
                _distance("fid", "squared feature units"),
                protocol=_DISTANCE
                + "in Inception-v3's 2,048 pooled features of the bytes, resized to 299 pixels.",
                cost="n d^2 + d^3 with d = 2,048, after n passes of Inception-v3, which take far longer",
                check="bench.metrics.fid:check",
            ),
        ),
        Entry(
            "metric",
            "fd_inf",
            "bench.metrics.fd_inf:fd_inf",
            "fd at 1/N = 0: the line of least squares through its means over k disjoint blocks of n / k rows",
            keys={
                "points": Key(
                    int, 5, "block counts k = 1 .. points that the line is fitted to", low=2, high=20
                ),
                "shrink": Key(
                    str, "both", "what is cut into blocks: both sides, or the samples alone", choices=_SHRINK
                ),
                **_FEATURES,
            },
            paper="arXiv:1911.07023",
            facts=_facts(
                ("image",),
                _distance("fd_inf", "squared feature units"),
                protocol=_DISTANCE
                + "each side in k blocks of n / k rows, k = 1 .. 5, a block against a block,"
                " extrapolated to k = 0; may be below 0; needs n > 2 points d, d features: n >= 650 for 64.",
                cost="points n d^2 + points^2 d^3: 30 ms for 2,000 digits",
                check="bench.metrics.fd_inf:check",
            ),
        ),
        Entry(
            "metric",
            "kid",
            "bench.metrics.kid:kid",
            "unbiased squared MMD with the kernel (<x, y> / d + 1)^3",
            keys={
                "subsets": Key(
                    int, 0, "mean over that many random subsets; 0: all samples", low=0, high=10_000
                ),
                "subset_size": Key(int, 1000, "rows of a subset", low=2, high=100_000),
                **_FEATURES,
            },
            paper="arXiv:1801.01401",
            facts=_facts(
                ("image",),
                _distance("kid", "kernel units"),
                protocol=_DISTANCE
                + "in the features of the data set's classifier (or of Inception-v3, by the"
                " key `features`), all pairs; may be below 0.",
                cost="n^2 d, in blocks of 16 MB: 100 ms for 2,000 digits",
                check="bench.metrics.kid:check",
            ),
        ),
        Entry(
            "metric",
            "sw1",
            "bench.metrics.sw1:sw1",
            "mean over 64 fixed directions u of the 1-D Wasserstein-1 distance between <x, u> and <y, u>",
            paper="doi:10.1007/s10851-014-0506-3",
            facts=_facts(
                ("points", "signal"),
                _distance("sw1", "data units"),
                protocol=_DISTANCE + "in raw coordinates on 64 directions that never change.",
                cost="64 n (d + log n): 7 ms for 2,000 points of ring8",
            ),
        ),
        Entry(
            "metric",
            "modes",
            "bench.metrics.modes:modes",
            "modes with >= 10 % of their expected share; points and signals: nearest centre within the radius"
            " of 98.889 % of the mass (2-D: 3 sigma); images: inside the k-nearest-neighbour manifold of the"
            " predicted class, of each channel where each is a picture",
            keys={
                "neighbours": Key(
                    int, 5, "k of the manifolds of classes; points and signals do not use it", low=1, high=100
                )
            },
            facts=_facts(
                _ANY,
                (
                    Column("modes.covered", "modes", "higher"),
                    Column("modes.any", "modes", "higher"),
                    Column("modes.hq", "share", "higher"),
                    Column("modes.tv", "share", "lower"),
                    Column("modes.kl", "nats", "lower"),
                    Column("modes.set", "text", ""),
                    Column("modes_status", "text", ""),
                ),
                protocol="n samples, each given a mode or none: by the true centres, or by the manifolds"
                " of the first n train rows (single pictures where each channel is one); nothing is drawn.",
                cost="n m d for m centres: 0.4 ms for 2,000 points of ring8; n r d for r real pictures of"
                " a class: 2 ms for 2,000 digits",
                needs_modes=True,
            ),
        ),
        Entry(
            "metric",
            "prdc",
            "bench.metrics.prdc:prdc",
            "balls to the k-th neighbour: precision, share of fakes in a real ball; recall, share of reals in"
            " a fake ball; density, real balls that hold a fake, over k; coverage, share of real balls with a"
            " fake",
            keys={"neighbours": Key(int, 5, "k of the balls", low=1, high=100)},
            paper="arXiv:2002.09797",
            facts=_facts(
                _ANY,
                (
                    Column("prdc.precision", "share", "higher"),
                    Column("prdc.recall", "share", "higher"),
                    Column("prdc.density", "ratio", "one"),
                    Column("prdc.coverage", "share", "higher"),
                    Column("prdc_status", "text", ""),
                ),
                protocol="n samples against the first n train rows, in the features of the data set's"
                " classifier, points and signals in raw coordinates; balls are open; nothing is drawn.",
                cost="n^2 d, in blocks of 32 MB: 0.1 s for 2,000 digits or points of ring8",
            ),
        ),
        Entry(
            "metric",
            "ms_ssim",
            "bench.metrics.ms_ssim:ms_ssim",
            "mean MS-SSIM of random pairs of pictures: 1 where all are equal; to be below the floor of real"
            " pairs is no merit",
            paper="arXiv:1610.09585",
            facts=_facts(
                ("image",),
                (Column("ms_ssim", "similarity", "lower"), Column("ms_ssim_status", "text", "")),
                protocol="n / 2 disjoint pairs of the n samples, whatever their class, in a fixed random"
                " order; 11x11 windows at as many scales as fit: 2 at 28 and 32 pixels.",
                cost="n d: 30 ms for 2,000 digits",
            ),
        ),
        Entry(
            "metric",
            "birthday",
            "bench.metrics.birthday:birthday",
            "number of different pictures, pairs / equal pairs, with its 95 % interval; equal: nearer in"
            " features than 1 % of real pictures are to their nearest",
            paper="arXiv:1706.08224",
            facts=_facts(
                ("image",),
                (
                    Column("birthday.support", "pictures", "higher"),
                    Column("birthday.low", "pictures", "higher"),
                    Column("birthday.high", "pictures", ""),
                    Column("birthday.duplicates", "share of pairs", "lower"),
                    Column("birthday_status", "text", ""),
                ),
                protocol="all pairs of the n samples, in the features of the data set's classifier, against a"
                " threshold from the first n train rows; the floor is of the share of pairs alone.",
                cost="n^2 d, in blocks of 32 MB: 90 ms for 2,000 digits",
            ),
        ),
        Entry(
            "metric",
            "spread",
            "bench.metrics.spread:spread",
            "root of fake over real total variance; RMS of samples over RMS of data; always measured",
            facts=_facts(
                _ANY,
                (Column("spread", "ratio", "one"), Column("sample_rms", "ratio", "one")),
                protocol="n samples against the first n train rows, in raw values; nothing is drawn.",
                cost="n d: 6 ms for 2,000 digits",
            ),
        ),
        Entry(
            "metric",
            "asked",
            "bench.metrics.asked:asked",
            "share of a conditional generator's samples that the data set's own classifier takes for what was"
            " asked for; classes are asked for in turn",
            paper="arXiv:1411.1784",
            facts=_facts(
                ("image",),
                (Column("asked", "share", "higher"), Column("asked_status", "text", "")),
                protocol="n samples, sample i asked for class i modulo the number of classes, against what"
                " the data set's classifier says; nothing is drawn.",
                floor=False,
                cost="n: 0.1 ms for 2,000 digits",
                needs_modes=True,
                conditional=True,
            ),
        ),
        Entry(
            "metric",
            "orbit",
            "bench.metrics.orbit:orbit",
            "of a game with one weight a player: |(theta, psi)|, the point, the step multiplier fitted to 10"
            " steps, and the spectral radius of the update map's Jacobian",
            paper="arXiv:1801.04406",
            facts=_facts(
                ("points",),
                (
                    Column("orbit.radius", "weight", "lower"),
                    Column("orbit.theta", "weight", ""),
                    Column("orbit.psi", "weight", ""),
                    Column("orbit.multiplier", "ratio", "lower"),
                    Column("orbit.spectral_radius", "ratio", "lower"),
                    Column("orbit_status", "text", ""),
                ),
                protocol="the two weights as they are; 10 more steps, which are taken back, for the"
                " multiplier; the Jacobian of one step by autograd, with what the method draws at random.",
                floor=False,
                cost="10 training steps and a Jacobian of at most 6 rows",
                of="game",
            ),
        ),
        Entry(
            "metric",
            "game_jacobian",
            "bench.metrics.game_jacobian:game_jacobian",
            "extreme eigenvalues l of dv/dw, v = (-dL_G/dw_G, -dL_D/dw_D): the largest |l|, Re l and Im l",
            keys={
                "vectors": Key(int, 40, "Krylov vectors: that many double backward passes", low=2, high=1000),
                "tolerance": Key(
                    float, 0.01, "largest residual over the leading |l| of a value given", low=0.0, high=1.0
                ),
                "batch": Key(
                    int, 0, "samples of the field's batch; 0: the training's", low=0, high=1_000_000
                ),
            },
            paper="arXiv:1801.04406",
            facts=_facts(
                _ANY,
                (
                    Column("game_jacobian.rate", "1 / rate", "lower"),
                    Column("game_jacobian.rotation", "share", "lower"),
                    Column("game_jacobian.turn", "1 / rate", ""),
                    Column("game_jacobian.leading_re", "1 / rate", ""),
                    Column("game_jacobian.leading_im", "1 / rate", ""),
                    Column("game_jacobian.step_radius", "ratio", "lower"),
                    Column("game_jacobian.leading_residual", "1 / rate", ""),
                    Column("game_jacobian.rate_residual", "1 / rate", ""),
                    Column("game_jacobian.turn_residual", "1 / rate", ""),
                    Column("game_jacobian_status", "text", ""),
                ),
                protocol="the field of both players on one fixed batch of train rows, latents and noises of"
                " its own streams, in float64; no matrix: Arnoldi's method from a fixed random vector.",
                floor=False,
                cost="`vectors` double backward passes of a training step in float64, and as many vectors of"
                " all weights in memory",
                of="game",
            ),
        ),
        Entry(
            "metric",
            "duality_gap",
            "bench.metrics.duality_gap:duality_gap",
            "max_D' M(G, D') - min_G' M(G', D), M = -E L_D with hard targets; D' and G' are perturbed copies"
            " that train on",
            keys={
                "steps": Key(int, 100, "Adam steps of each copy", low=0, high=100_000),
                "rate": Key(float, 1e-3, "their rate, with betas 0.5 and 0.999", low=0.0, high=10.0),
                "perturbation": Key(
                    float, 0.01, "SD of what is first added to each weight of a copy", low=0.0, high=10.0
                ),
                "samples": Key(int, 1024, "pairs of samples that M is a mean over", low=1, high=1_000_000),
            },
            paper="arXiv:1811.05512",
            facts=_facts(
                _ANY,
                (
                    Column("duality_gap", "value of D's loss", "lower"),
                    Column("duality_gap.max", "value of D's loss", ""),
                    Column("duality_gap.min", "value of D's loss", ""),
                    Column("duality_gap.here", "value of D's loss", ""),
                    Column("duality_gap_status", "text", ""),
                ),
                protocol="copies train on one half of the held-out rows and are valued on the other, on the"
                " same fixed draws at every evaluation; weights are perturbed at random first.",
                floor=False,
                cost="2 `steps` training steps of one player each, and 4 `samples` passes",
                of="game",
            ),
        ),
    ]
)


def columns_of(metrics: Iterable[Component]) -> tuple[Column, ...]:
    """All metric columns of a run, in table order; `spread` comes last and is always there."""
    names = [each.name for each in metrics if each.name != "spread"]
    return tuple(
        column for name in [*names, "spread"] for column in METRICS.get("metric", name).facts["columns"]
    )


def check(metric: Component) -> None:
    """See that what a metric needs before any training (weights) is there; UserError where it is not."""
    entry = METRICS.get("metric", metric.name)
    if target := entry.facts["check"]:
        module, _, attribute = str(target).partition(":")
        getattr(import_module(module), attribute)(**entry.resolve(metric.kwargs))
