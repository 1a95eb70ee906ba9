"""Each rule in words and as a formula, with the thresholds of the rules that are used.

`{name}` in a text stands for a threshold of `Rules`, `{name:share}` for one as a percentage. A test holds
that every threshold stands in some text: a rule that gets a new one gets its words here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.judge.rules import RANGES, RULES, Rules


@dataclass(frozen=True)
class Wording:
    """`rule`: when the flag holds; `formula`: the same, each line one condition; `notes`: the fine print."""

    rule: str
    formula: tuple[str, ...]
    notes: tuple[str, ...] = ()


WINDOW = "W is the last {window_share:share} of the evaluations, and at least {window_least} of them."

WORDING: Mapping[str, Wording] = {
    "diverged": Wording(
        "anything was not finite; or at the end weights exceed {weight_growth} times their initial norm, "
        "logits exceed {logit_max}, or samples exceed {sample_rms} times the data's RMS",
        (
            "a loss, gradient, weight, sample or monitor is not finite, ever",
            "or at the end: |weights| > {weight_growth} |weights at first|, or max |D(x)| > {logit_max}, "
            "or RMS of samples > {sample_rms} RMS of data",
        ),
        (
            "A limit that was passed and left again is recorded as onset and recovery; what was not finite "
            "never recovers.",
            "Where several limits are passed at the end, step and sentence are those of the quantity that "
            "has been beyond its own for longest.",
        ),
    ),
    "total_collapse": Wording(
        "over W one covered mode, the same one (with at least {collapse_hq:share} of the samples in any "
        "mode), or a spread below {collapse_spread} of the data's",
        (
            "throughout W: modes.covered = 1, the same mode, and modes.hq ≥ {collapse_hq}",
            "or spread < {collapse_spread}",
        ),
        (
            "A generator of noise that puts one per cent of its samples into one mode has collapsed "
            "nowhere: hence the least share of samples in modes. One mode now and another one then is "
            "hopping.",
        ),
    ),
    "vanishing_gradient": Wording(
        "over W: `d_auc` at least {vanishing_auc} and `g_saturation` times `d_slope` below "
        "{vanishing_signal:share} of its early value (medians), relative distance above "
        "{vanishing_distance} throughout, and not improving",
        (
            "median over W of d_auc ≥ {vanishing_auc}",
            "and median over W of g_saturation · d_slope < {vanishing_signal} of its early value",
            "and q̃ > {vanishing_distance} throughout W, and not improving",
        ),
        (
            "The early value of `g_saturation` times `d_slope` is its maximum over the first "
            "{early_share:share} of the evaluations, at least {early_least}. A strong D can win before the "
            "second evaluation; a median over the same evaluations would then be the vanished value itself.",
            "AUC and signal are read as medians over W: one sample that strays near the data lifts the "
            "signal tenfold.",
        ),
    ),
    "oscillating": Wording(
        "the covered set keeps changing (median Jaccard index of successive sets over W below {jaccard}), "
        "or moves on (over some lag within W less than {overlap:share} of the smaller set is common, and the "
        "set changes twice in W); or a narrow cloud wanders from mode to mode (with {collapse_hq:share} of "
        "its samples in modes at some evaluation); or q "
        "swings far beyond σ without trend: at least {swing_reversals} reversals in the last "
        "{swing_windows} W",
        (
            "median over W of |A ∩ B| / |A ∪ B| < {jaccard} for successive covered sets A, B",
            "or median over W of |A ∩ B| / min(|A|, |B|) < {overlap} over some lag within W, in which A "
            "changes at least twice",
            "or throughout the last {swing_windows} W spread < {wander_spread}, and there: modes.hq ≥ "
            "{collapse_hq} at some evaluation, ≥ {wander_modes} modes in the sets that are not empty, and "
            "most of these with |A ∩ B| / min(|A|, |B|) < {overlap} to the one before, one such step in W",
            "or ≥ {swing_reversals} reversals of q in the last {swing_windows} W between legs of at least "
            "{swing_level} (median q - f), which is taken as {swing_least} to {swing_size} (q₀ - f), and "
            "of at least {swing_noise} σ; without trend",
        ),
        (
            "Sets of mostly stray samples (less than {collapse_hq:share} of them in modes) flicker by "
            "chance and do not count. Those of a narrow cloud are no strays: they tell where it is, if at "
            "some time it is in a mode rather than at the edges of several.",
            "A swing has no trend when neither a rise nor a fall is significant at p = {improving_p}, and "
            "W still moves by half a leg. While modes or good samples still rise, swings of q are steps on "
            "a way.",
        ),
    ),
    "partial_collapse": Wording(
        "over W at least {partial_hq:share} good samples and fewer modes covered than real data show, and "
        "their number no longer rising; without modes: precision at least {partial_precision} of its floor "
        "and coverage below {partial_coverage} of its floor",
        (
            "throughout W: modes.hq ≥ {partial_hq} and modes.covered < all, and modes.covered does not rise",
            "without modes: precision ≥ {partial_precision} of its floor and coverage < {partial_coverage} "
            "of its floor",
        ),
        (
            "“All” is what real held-out data of the same size show, less 3 SD of its floor where they "
            "miss some by chance.",
        ),
    ),
    "degraded": Wording(
        "the median over W exceeds the best earlier window by more than {degraded_noise} σ and "
        "{degraded_size:share} of q₀ - f, and that window was good: relative distance at most "
        "{degraded_good}",
        (
            "median over W of q > best + max({degraded_noise} σ, {degraded_size} (q₀ - f))",
            "best: the least median of an earlier window of W's length; best q̃ ≤ {degraded_good}",
        ),
        (
            "Windows of equal length are compared. The best point against the last one would always find a "
            "decay: that is regression to the mean.",
        ),
    ),
    "converged": Wording(
        "the median over W has a relative distance of at most {converged_distance}, or q at most f + "
        "{converged_floor_sds} s, and no evaluation of W is far from it",
        (
            "median over W of q ≤ bar = max(f + {converged_distance} (q₀ - f), f + {converged_floor_sds} s)",
            "and q ≤ f + {converged_reach} (bar - f) + {converged_noise} σ throughout W",
        ),
        (
            "A single evaluation of W may be {converged_reach} times as far from the floor as the bar, and "
            "{converged_noise} σ: training is noisier than one evaluation.",
            "The onset lies in the first window of W's length from which on all windows meet both "
            "conditions: it is the first evaluation there that is at the bar. Single evaluations after it "
            "may be above.",
            "Quality was reached and kept, which need not be a stationary point. It is judged by q alone: "
            "how many samples are good stands beside it (`modes.hq`), and may be low where q hardly sees "
            "bridges between modes.",
        ),
    ),
    "undertrained": Wording(
        "not converged, and still improving over the last half: q falls, or the covered modes or the share "
        "of good samples rise while q does not",
        (
            "not converged, and over the last half (trends: one-sided Mann-Kendall p < {improving_p}):",
            "q falls (Theil-Sen) by more than {improving_share} (q - f) at its start and {improving_noise} σ",
            "or q does not rise and modes.covered does, by {improving_share} of those that are missing and "
            "by one",
            "or q does not rise and modes.hq does, by {improving_share} of what it lacks of its floor and by "
            "one SD of it",
        ),
        (
            "The last half has at least {window_least} evaluations. Neither success nor failure: rates are "
            "given twice.",
        ),
    ),
    "stalled": Wording(
        "none of these: no longer improving, above the bar",
        ("not converged, and not improving",),
        (
            "The onset is the first step at which the final level was reached.",
            "A run that ends further from the data than it began is stalled, too, unless it diverged; its "
            "onset is the step from which it was further away.",
        ),
    ),
}


class _Said(float):
    """A threshold in a text: `0.05`, or as a percentage."""

    def __format__(self, spec: str) -> str:
        return f"{100 * self:.10g} %" if spec == "share" else f"{float(self):.10g}"


def said(text: str, rules: Rules = RULES) -> str:
    """A text with the thresholds of these rules in it."""
    return text.format_map({name: _Said(getattr(rules, name)) for name in RANGES})


def rule(outcome: str, rules: Rules = RULES) -> str:
    """When the flag of an outcome holds, as a sentence without its point."""
    return said(WORDING[outcome].rule, rules)


def plain(text: str) -> str:
    """A text without the marks that pages give to names of columns."""
    return text.replace("`", "")


def thresholds(outcome: str, rules: Rules = RULES) -> dict[str, float]:
    """The thresholds that stand in the texts of an outcome."""
    texts = (WORDING[outcome].rule, *WORDING[outcome].formula, *WORDING[outcome].notes)
    joined = " ".join(texts)
    return {
        name: getattr(rules, name) for name in RANGES if any(f"{{{name}{end}" in joined for end in ("}", ":"))
    }
