"""Every threshold of the outcome rules, and why it has its value; `docs/outcomes.md` states the same."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Range:
    """What a threshold may be, ends included: `low` to `high`, in `unit`; `meaning` says what it decides."""

    low: float
    high: float
    unit: str
    meaning: str


def _bar(default: Any, low: float, high: float, unit: str, meaning: str) -> Any:
    return dataclasses.field(default=default, metadata={"range": Range(low, high, unit, meaning)})


@dataclass(frozen=True)
class Rules:
    """Thresholds of one version of the rules. Distances are meant relative to q0 - f unless said otherwise.

    f: mean of the floor, q0: distance at step 0, sigma: noise of one evaluation, W: the last evaluations.
    """

    version: str = "2"

    # W. A fifth of the run is long enough to tell "kept" from "passed through"; five points are the fewest
    # from which a median and a sign of trend mean something.
    window_share: float = _bar(0.2, 0.01, 0.5, "share of the evaluations", "length of W")
    window_least: int = _bar(5, 2, 1000, "evaluations", "least length of W")

    # diverged. Healthy weight norms grow 2 to 10 times; a logit of 1e4 is beyond any sigmoid; samples of 100
    # times the data's RMS are no pictures any more.
    weight_growth: float = _bar(100.0, 1.0, 1e12, "times the initial norm", "a norm of weights above it")
    logit_max: float = _bar(1e4, 1.0, 1e30, "logit", "D's largest output above it")
    sample_rms: float = _bar(100.0, 1.0, 1e12, "times the data's RMS", "samples above it")

    # total_collapse. The spread of one mode of a ring of 8 is about 0.07 of the data's at sigma/r = 0.05, so
    # 0.05 is one point rather than one mode. One covered mode counts when a quarter of all samples lie in
    # modes at all: else a mode "covered" by one per cent of noise would be called a collapse. It is the same
    # mode throughout W: one mode now and another one then is hopping.
    collapse_spread: float = _bar(0.05, 0.0, 1.0, "of the data's spread", "a spread below it")
    collapse_hq: float = _bar(
        0.25, 0.0, 1.0, "share of the samples", "least share in modes for one covered mode to count"
    )

    # vanishing_gradient. At an AUC of 0.99 D orders 99 of 100 pairs; a signal of 1 % of the strongest early
    # one is lost against the noise of a batch; above 0.2 of the way the run has plainly not arrived.
    # The distance is read at each evaluation of W, AUC and signal as medians over W: the signal is a mean of
    # exponentials, and one sample that strays near the data lifts it tenfold (planted: 0.2 % of the early
    # signal in the median, 12 % at one evaluation); the first interval's AUC holds D's own first steps.
    # The early value is the maximum over the first fifth (at least 3 evaluations): D can win before the
    # second evaluation, and a median over the same evaluations would then be the vanished value itself.
    vanishing_auc: float = _bar(0.99, 0.5, 1.0, "probability", "least AUC of D")
    vanishing_signal: float = _bar(0.01, 0.0, 1.0, "of its early value", "G's signal below it")
    vanishing_distance: float = _bar(0.2, 0.0, 1e6, "of q0 - f", "a relative distance above it")
    early_share: float = _bar(0.2, 0.0, 1.0, "share of the evaluations", "length of the early part")
    early_least: int = _bar(3, 1, 1000, "evaluations", "least length of the early part")

    # oscillating. Jaccard below 1/2: fewer common modes than changed ones, in most of the steps of W. A set
    # that moves on slowly keeps most of itself from one evaluation to the next and is another one at the end
    # of W (planted: three neighbours that walk round the ring): so sets are also compared over longer lags,
    # by the share of the smaller set that is common. It is 1 for a set that only grows or only shrinks.
    # Swings are read in the last 2 W: at least two reversals between legs that are also 8 sigma (the range of
    # 10 draws of pure noise exceeds 6 sigma once in 300), and no trend at 5 %. A leg is half of the distance
    # at which the run lives, at least 0.1 (twice the bar of `converged`) and at most 0.2 (as far as "good"):
    # at 0.2 of the way, swings between 0.1 and 0.3 are no standstill. While modes or good samples still rise
    # by the test of `undertrained`, swings of q are steps on a way.
    jaccard: float = _bar(0.5, 0.0, 1.0, "Jaccard index", "median index of successive covered sets below it")
    overlap: float = _bar(0.5, 0.0, 1.0, "share of the smaller set", "median over some lag within W below it")
    swing_windows: float = _bar(2.0, 1.0, 100.0, "W", "length in which swings are read")
    swing_level: float = _bar(0.5, 0.0, 1e6, "of the median distance to the floor", "least leg of a swing")
    swing_least: float = _bar(0.1, 0.0, 1e6, "of q0 - f", "that leg is not shorter")
    swing_size: float = _bar(0.2, 0.0, 1e6, "of q0 - f", "that leg is not longer")
    swing_noise: float = _bar(8.0, 0.0, 1e6, "sigma", "least leg of a swing")
    swing_reversals: int = _bar(2, 1, 1000, "reversals", "least number of them")
    # A narrow cloud that wanders touches one mode after the other, and none on the way: few of its samples
    # are good, but they are no strays. It is told by three modes in the last 2 W, in sets of which most keep
    # less than half of the one before (of the smaller), and by a time at which a quarter of its samples is
    # good: a resting cloud that grazes some modes has few good samples always, and what is good of another
    # one stays. For sets that move on, one change is not enough: what one jump led to may be there to stay.
    wander_spread: float = _bar(0.5, 0.0, 10.0, "of the data's spread", "a cloud below it is narrow")
    wander_modes: int = _bar(3, 2, 10000, "modes", "least number that it touches in the last 2 W")

    # partial_collapse. Half of the samples are good, so what is missing is missing and not merely blurred.
    # Not while the covered modes still rise, by the test of `undertrained`: those are being found.
    # Without modes: precision within 10 % of its floor, coverage below 0.7 of its floor.
    partial_hq: float = _bar(0.5, 0.0, 1.0, "share of the samples", "least share of good samples")
    partial_precision: float = _bar(0.9, 0.0, 10.0, "of its floor", "least precision, without modes")
    partial_coverage: float = _bar(0.7, 0.0, 10.0, "of its floor", "coverage below it, without modes")

    # degraded. Windows of equal length, never best point against last: that is regression to the mean.
    degraded_noise: float = _bar(3.0, 0.0, 1e6, "sigma", "a rise by more than it")
    degraded_size: float = _bar(0.1, 0.0, 1e6, "of q0 - f", "a rise by more than it")
    degraded_good: float = _bar(0.2, 0.0, 1e6, "of q0 - f", "largest relative distance of a good window")

    # converged. 5 % of the way is left, or the floor itself is met within 3 of its SDs: that is for the
    # median over W. An evaluation of W may be twice as far from the floor as the bar, and 2 sigma: training
    # is noisier than one evaluation (natural runs that kept eight sharp modes left the bar now and then).
    converged_distance: float = _bar(0.05, 0.0, 1e6, "of q0 - f", "largest relative distance")
    converged_floor_sds: float = _bar(3.0, 0.0, 1e6, "SDs of the floor", "largest distance to the floor")
    converged_reach: float = _bar(2.0, 1.0, 1e6, "times the bar's distance", "how far one evaluation may be")
    converged_noise: float = _bar(2.0, 0.0, 1e6, "sigma", "by which one evaluation may be farther still")

    # undertrained. A one-sided Mann-Kendall test over the last half, and a fall (Theil-Sen) of a tenth of
    # what was left and of one sigma: a significant crawl that would need ten more runs is no improvement.
    # Or, while q does not rise, such a rise of the covered modes (by one at least) or of the share of good
    # samples (by one SD of the floor): q hardly tells 4 of 25 modes from 21 within one cloud.
    improving_p: float = _bar(0.05, 0.0, 0.5, "probability", "p of a trend below it")
    improving_share: float = _bar(0.1, 0.0, 1.0, "of the distance to the floor", "a fall by more than it")
    improving_noise: float = _bar(1.0, 0.0, 1e6, "sigma", "a fall by more than it")

    def window(self, evaluations: int) -> int:
        """Number of evaluations in W, of a run with so many."""
        # The small term keeps 0.2 * 25 from being counted as 6 for the sake of a rounding error.
        return max(self.window_least, math.ceil(self.window_share * evaluations - 1e-9))

    def changed(self) -> dict[str, float]:
        """The thresholds that are not those of this version."""
        return {name: getattr(self, name) for name in RANGES if getattr(self, name) != getattr(RULES, name)}

    @cached_property
    def label(self) -> str:
        """What a table says of its rules: the version, with a hash of what was changed: `1`, `1+5f0c1a2b`."""
        changed = self.changed()
        if not changed:
            return self.version
        text = json.dumps({name: float(value) for name, value in changed.items()}, sort_keys=True)
        return f"{self.version}+{hashlib.sha256(text.encode()).hexdigest()[:8]}"


RANGES: Mapping[str, Range] = {
    each.name: each.metadata["range"] for each in dataclasses.fields(Rules) if each.name != "version"
}
"""Threshold -> what it may be."""

RULES = Rules()
