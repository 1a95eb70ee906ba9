"""Which confidence each claim of a study is judged at: Holm's step-down, and a level that halves by look."""

from __future__ import annotations

from collections.abc import Callable, Sequence

ALPHA = 0.05
"""Error rate of a study's claims over all looks at it."""


def level_of(look: int) -> float:
    """The family's error rate at look k = 1, 2, ...: 0.05 2^-k, at most 0.05 together.

    Raises:
        ValueError: the look is below 1.
    """
    if look < 1:
        raise ValueError(f"looks are counted from 1, not {look}")
    return float(ALPHA * 2.0**-look)


def step_down(decided: Sequence[Callable[[float], bool]], p: Sequence[float], level: float) -> list[float]:
    """The confidence of each claim's interval, by Holm's procedure (1979, Scand. J. Stat. 6, 65).

    In order of p, the j-th of m claims is looked at with the confidence 1 - level / (m - j + 1), as long as
    all before it are decided; the first that is not, and all after it, keep that confidence. So a printed
    interval leaves 0 out exactly where Holm rejects, and the probability that any claim without an effect
    is called one is at most `level`, however the claims depend on each other.

    Args:
        decided: maps a confidence to whether the claim is decided there; true below some confidence.
        p: 1 - that confidence; 1 for what cannot be tested (it stays in the family all the same).
    """
    left, going = len(p), True
    confidence = [1 - level] * len(p)
    for i in sorted(range(len(p)), key=lambda i: (p[i], i)):
        confidence[i] = 1 - level / left
        going = going and decided[i](confidence[i])
        left -= going
    return confidence
