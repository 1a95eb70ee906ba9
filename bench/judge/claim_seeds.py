"""How many seeds would settle a claim that is open."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import special

from bench.errors import UserError
from bench.judge import intervals, planning
from bench.judge.claim import Claim
from bench.judge.stats import Estimate

PROMISE = 0.8
"""With the seeds that are named, so large a share of such claims is settled."""


CAUTION = 0.6
"""Confidence of the limit that stands for the standard deviation; with 1/2 the promise holds just so."""


def settling(claim: Claim, estimates: Sequence[Estimate], confidence: float) -> int | None:
    """The seeds, those that are there included, with which the claim is settled in 80 % of such studies.

    Adding seeds is another look, so they are counted at half the error rate of now. The standard deviation
    is read off the interval, at its upper limit of 60 % confidence: few seeds tell it roughly. An effect is
    settled, whatever it is, by an interval shorter than the margin; a value, if it is what it seems, by one
    that does not reach the nearer bound. None: nobody knows.
    """
    later = 1 - (1 - confidence) / 2
    needed = [_one(claim, each, confidence, later) for each in estimates]
    known = [each for each in needed if each is not None]
    return max(known) if len(known) == len(needed) else None


def _one(claim: Claim, estimate: Estimate, confidence: float, later: float) -> int | None:
    n = estimate.n
    if estimate.low is None or estimate.high is None or n < 2:
        least = intervals.seeds_for_median(later)
        return least if n < least else None
    half = max(estimate.high - estimate.mean, estimate.mean - estimate.low)
    if not math.isfinite(half):
        least = intervals.seeds_for_median(later)
        return least if n < least else None
    sd = half * math.sqrt(n) / float(special.stdtrit(n - 1, (1 + confidence) / 2))
    sd *= math.sqrt((n - 1) / float(special.chdtri(n - 1, CAUTION)))
    try:
        if claim.within is not None:
            distance = min(abs(estimate.mean - bound) for bound in claim.within)
            return max(n + 1, planning.seeds_for_power(sd, distance, PROMISE, later))
        return max(n + 1, planning.seeds_to_settle(sd, claim.margin or 0.0, PROMISE, later))
    except UserError:
        return None
