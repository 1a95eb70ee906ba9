"""Every metric: columns with units and directions, keys, where its code is. Imports neither torch nor numpy.

A target is called as `target(context, **keys)` and gives a `bench.metrics.batch.Measure`. The entries of
metrics of the game stand in bench/metrics/game_entries.py.
Facts of an entry:
  modalities   the modalities of the data that it can measure, names of `bench.data.catalog.MODALITIES`
  unit         of the metric's first column
  direction    "lower" or "higher" is better; "one" where the best value is 1; "" where none is better
  columns      a `Column` of bench/metrics/facts.py for each value, in the order of the tables
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

from bench.metrics.facts import ANY, DISTANCE, Column, distance, facts
from bench.metrics.game_entries import GAME
from bench.trial import Component
from ganzoo.catalog import Catalog, Entry, Key

__all__ = ["METRICS", "Column", "check", "columns_of"]

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
            facts=facts(
                ("image",),
                distance("fd", "squared feature units"),
                protocol=DISTANCE + "in the 64 features of the data set's classifier (192 by channel).",
                cost="n d^2 + d^3: 4 ms for 2,000 digits",
            ),
            aliases=("frechet", "frechet_distance"),
        ),
        Entry(
            "metric",
            "fid",
            "bench.metrics.fid:fid",
            "the same distance in Inception-v3's 2,048 pooled features, through torch-fidelity",
            keys={"weights": Key(str, "", "file of torch-fidelity's Inception weights; empty: look for it")},
            paper="arXiv:1706.08500",
            facts=facts(
                ("image",),
                distance("fid", "squared feature units"),
                protocol=DISTANCE
                + "in Inception-v3's 2,048 pooled features of the bytes, resized to 299 pixels.",
                cost="n d^2 + d^3 with d = 2,048, after n passes of Inception-v3, which take far longer",
                check="bench.metrics.fid:check",
            ),
            aliases=("inception", "frechet_inception_distance"),
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
            facts=facts(
                ("image",),
                distance("fd_inf", "squared feature units"),
                protocol=DISTANCE
                + "each side (with `shrink: samples` the samples alone) in k blocks of n / k rows, k = 1 .."
                " `points`, a block against a block, or all the data; extrapolated to k = 0; may be below 0;"
                " needs n > 2 points d, d features: n >= 650 for 64 and 5 points.",
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
            facts=facts(
                ("image",),
                distance("kid", "kernel units"),
                protocol=DISTANCE + "in the features of the data set's classifier (or of Inception-v3, by the"
                " key `features`), all pairs; may be below 0.",
                cost="n^2 d, in blocks of 16 MB: 100 ms for 2,000 digits",
                check="bench.metrics.kid:check",
            ),
            aliases=("mmd", "kernel_inception_distance"),
        ),
        Entry(
            "metric",
            "sw1",
            "bench.metrics.sw1:sw1",
            "mean over 64 fixed directions u of the 1-D Wasserstein-1 distance between <x, u> and <y, u>",
            paper="doi:10.1007/s10851-014-0506-3",
            facts=facts(
                ("points", "signal"),
                distance("sw1", "data units"),
                protocol=DISTANCE + "in raw coordinates on 64 directions that never change.",
                cost="64 n (d + log n): 7 ms for 2,000 points of ring8",
            ),
            aliases=("swd", "sliced_wasserstein", "wasserstein", "w1", "emd"),
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
            facts=facts(
                ANY,
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
            aliases=("mode_coverage", "hq", "high_quality"),
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
            facts=facts(
                ANY,
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
            aliases=("precision", "recall", "density", "coverage", "precision_recall"),
        ),
        Entry(
            "metric",
            "ms_ssim",
            "bench.metrics.ms_ssim:ms_ssim",
            "mean MS-SSIM of random pairs of pictures: 1 where all are equal; to be below the floor of real"
            " pairs is no merit",
            paper="arXiv:1610.09585",
            facts=facts(
                ("image",),
                (Column("ms_ssim", "similarity", ""), Column("ms_ssim_status", "text", "")),
                protocol="n / 2 disjoint pairs of the n samples, whatever their class, in a fixed random"
                " order; 11x11 windows at as many scales as fit: 2 at 28 and 32 pixels.",
                cost="n d: 30 ms for 2,000 digits",
            ),
            aliases=("ssim",),
        ),
        Entry(
            "metric",
            "birthday",
            "bench.metrics.birthday:birthday",
            "number of different pictures, pairs / equal pairs, with its 95 % interval; equal: nearer in"
            " features than 1 % of real pictures are to their nearest",
            paper="arXiv:1706.08224",
            facts=facts(
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
            facts=facts(
                ANY,
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
            facts=facts(
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
        *GAME,
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
