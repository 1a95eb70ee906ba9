"""Every threshold of the outcome rules, and why it has its value; `docs/outcomes.md` states the same."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """Thresholds of one version of the rules. Distances are meant relative to q0 - f unless said otherwise.

    f: mean of the floor, q0: distance at step 0, sigma: noise of one evaluation, W: the last evaluations.
    """

    version: str = "1"

    # W. A fifth of the run is long enough to tell "kept" from "passed through"; five points are the fewest
    # from which a median and a sign of trend mean something.
    window_share: float = 0.2
    window_least: int = 5

    # diverged. Healthy weight norms grow 2 to 10 times; a logit of 1e4 is beyond any sigmoid; samples of 100
    # times the data's RMS are no pictures any more.
    weight_growth: float = 100.0
    logit_max: float = 1e4
    sample_rms: float = 100.0

    # total_collapse. The spread of one mode of a ring of 8 is about 0.07 of the data's at sigma/r = 0.05, so
    # 0.05 is one point rather than one mode. One covered mode counts when a quarter of all samples lie in
    # modes at all: else a mode "covered" by one per cent of noise would be called a collapse.
    collapse_spread: float = 0.05
    collapse_hq: float = 0.25

    # vanishing_gradient. At an AUC of 0.99 D orders 99 of 100 pairs; a signal of 1 % of the strongest early
    # one is lost against the noise of a batch; above 0.2 of the way the run has plainly not arrived.
    # The early value is the maximum over the first fifth (at least 3 evaluations): D can win before the
    # second evaluation, and a median over the same evaluations would then be the vanished value itself.
    vanishing_auc: float = 0.99
    vanishing_signal: float = 0.01
    vanishing_distance: float = 0.2
    early_share: float = 0.2
    early_least: int = 3

    # oscillating. Jaccard below 1/2: fewer common modes than changed ones, in most of the steps of W. Swings
    # are read in the last 2 W: at least two reversals between legs of 0.2 (the same size as "good") that are
    # also 8 sigma (the range of 10 draws of pure noise exceeds 6 sigma once in 300), and no trend at 5 %.
    jaccard: float = 0.5
    swing_windows: float = 2.0
    swing_size: float = 0.2
    swing_noise: float = 8.0
    swing_reversals: int = 2

    # partial_collapse. Half of the samples are good, so what is missing is missing and not merely blurred.
    # Without modes: precision within 10 % of its floor, coverage below 0.7 of its floor.
    partial_hq: float = 0.5
    partial_precision: float = 0.9
    partial_coverage: float = 0.7

    # degraded. Windows of equal length, never best point against last: that is regression to the mean.
    degraded_noise: float = 3.0
    degraded_size: float = 0.1
    degraded_good: float = 0.2

    # converged. 5 % of the way is left, or the floor itself is met within 3 of its SDs. A single evaluation
    # of W may pass the bar by 2 sigma, which is its own noise; the median over W may not.
    converged_distance: float = 0.05
    converged_floor_sds: float = 3.0
    converged_noise: float = 2.0

    # undertrained. A one-sided Mann-Kendall test over the last half, and a fall (Theil-Sen) of a tenth of
    # what was left and of one sigma: a significant crawl that would need ten more runs is no improvement.
    improving_p: float = 0.05
    improving_share: float = 0.1
    improving_noise: float = 1.0

    def window(self, evaluations: int) -> int:
        """Number of evaluations in W, of a run with so many."""
        # The small term keeps 0.2 * 25 from being counted as 6 for the sake of a rounding error.
        return max(self.window_least, math.ceil(self.window_share * evaluations - 1e-9))


RULES = Rules()
