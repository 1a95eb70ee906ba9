"""What docs/measured.md says of a study's methods: `python docs/methods_table.py results/regularisers`.

A Markdown row for each method, then covered modes less those of the first method (paired by seed and cell)
and D at the end. The seed is the unit: everything is averaged within a seed first.
"""

from __future__ import annotations

import sys

import pandas as pd

import bench
from bench.judge.outcomes import FAILURES
from bench.judge.stats import Estimate, by_seed, failure_bounds, over_seeds, rate

COVERED = "final.modes.covered"


def percent(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{100 * estimate.mean:.0f}"
    return f"{100 * estimate.mean:.0f} [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]"


def mean(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.mean:.1f} (all {estimate.n} seeds)"
    return f"{estimate.mean:.1f} [{estimate.low:.1f}, {estimate.high:.1f}]"


def failed(trials: pd.DataFrame) -> str:
    """`55 to 65`: with none and with all of the undecided failed."""
    failure = [None if each == "undertrained" else each in FAILURES for each in trials["outcome"]]
    bounds = failure_bounds(trials["seed"].tolist(), failure, pooled=True)
    low, high = round(100 * bounds.low.mean), round(100 * bounds.high.mean)
    return str(low) if low == high else f"{low} to {high}"


def cells(trials: pd.DataFrame) -> str:
    seeds = trials["seed"].tolist()
    converged = rate(seeds, (trials["outcome"] == "converged").tolist(), pooled=True)
    covered = over_seeds(list(by_seed(seeds, trials[COVERED]).values()))
    return f"{failed(trials)} | {percent(converged)} | {mean(covered)}"


def main(folder: str) -> None:
    results = bench.load(folder)
    ends = results.curves.sort_values("step").groupby("trial").last()
    trials = results.trials.join(ends[["d_slope", "d_auc.mean"]], on="trial")
    methods = [each["as"] for each in results.study["grid"]["method"]]
    data = list(dict.fromkeys(trials["dataset"]))
    print("| method |" + "".join(f" {name}: failed, % | converged, % | modes |" for name in data))
    print("|---|" + "---|" * 3 * len(data))
    for method in methods:
        own = trials[trials["method"] == method]
        print(f"| `{method}` | " + " | ".join(cells(own[own["dataset"] == name]) for name in data) + " |")
    for name in data:
        print(
            f"\n{name}: covered modes less those of {methods[0]}; slope of D at fakes and its AUC at the end"
        )
        keyed = trials[trials["dataset"] == name].set_index(["method", "seed", "lr_ratio"])
        for method in methods:
            less = (keyed.loc[method][COVERED] - keyed.loc[methods[0]][COVERED]).groupby("seed").mean()
            last = keyed.loc[method][["d_slope", "d_auc.mean"]].median()
            print(f"  {method:<22}{mean(over_seeds(less.tolist())):<24}", end="")
            print(f"{last['d_slope']:.3f}  {last['d_auc.mean']:.3f}")


if __name__ == "__main__":
    main(sys.argv[1])
