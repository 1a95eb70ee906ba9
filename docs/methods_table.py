"""What docs/measured.md says of a study's methods: `python docs/methods_table.py results/regularisers`.

For each data set: failures, convergence and covered modes by method, paired differences from the first
method, and D's slope at the end. Everything is averaged within a seed first; intervals are Student's t.
"""

from __future__ import annotations

import sys

import pandas as pd
from scipy import stats

import bench
from bench.judge.outcomes import FAILURES

COVERED = "final.modes.covered"


def interval(values: pd.Series) -> str:
    """`mean [low, high]` over seeds, 95 %."""
    mean, half = values.mean(), stats.t.ppf(0.975, len(values) - 1) * values.sem()
    return f"{mean:.2f} [{mean - half:.2f}, {mean + half:.2f}]"


def main(folder: str) -> None:
    results = bench.load(folder)
    trials = results.trials.assign(
        failed=results.trials["outcome"].isin(FAILURES) * 100.0,
        undecided=(results.trials["outcome"] == "undertrained") * 100.0,
        converged=(results.trials["outcome"] == "converged") * 100.0,
    )
    ends = results.curves.sort_values("step").groupby("trial").last()
    trials = trials.join(ends[["d_slope", "d_auc.mean"]], on="trial")
    methods = [each["as"] for each in results.study["grid"]["method"]]
    for data, some in trials.groupby("dataset", sort=False):
        print(
            f"{data}: failed %, with undecided %, converged %, covered modes, less {methods[0]}, slope, AUC"
        )
        seeds = some.groupby(["method", "seed"])[["failed", "undecided", "converged", COVERED]].mean()
        for method in methods:
            own = seeds.loc[method]
            paired = own[COVERED] - seeds.loc[methods[0]][COVERED]
            last = some[some["method"] == method][["d_slope", "d_auc.mean"]].median()
            failed = own["failed"].mean()
            print(
                f"  {method:<22}{failed:5.0f} {failed + own['undecided'].mean():5.0f}  "
                f"{interval(own['converged'])}  {interval(own[COVERED])}  {interval(paired)}  "
                f"{last['d_slope']:.3f}  {last['d_auc.mean']:.3f}"
            )


if __name__ == "__main__":
    main(sys.argv[1])
