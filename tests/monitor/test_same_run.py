"""The same run gets the same outcome from the harness and from the monitor in a plain PyTorch loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from bench.data.load import load
from bench.judge.outcomes import Verdict, judge
from bench.judge.tables import context, curves_by_trial
from bench.metrics.evaluate import build
from bench.monitor import StabilityMonitor
from bench.store import schema
from bench.train.loop import train
from bench.trial import Component, Evaluate, Pack, Trial
from tests.monitor.plain import loop
from tests.train.conftest import component, make_trial

METRICS = (Component("sw1"), Component("modes", (("neighbours", 5),)))


def of_harness(trial: Trial) -> tuple[Verdict, pd.DataFrame]:
    data = load(trial.dataset)
    evaluator = build(data, trial.evaluate.metrics, trial.evaluate.samples, None)
    rows = [row for tick in train(Pack((trial,)), data, evaluator) for row in tick.rows]
    table = schema.table(rows, schema.curves(evaluator.columns))
    ((_, curve),) = curves_by_trial(table)
    measure = {"floors": evaluator.floors(), "primary": data.primary, "n_modes": data.n_modes}
    return judge(curve, context(measure, trial.steps)), table.to_pandas()


def of_monitor(trial: Trial) -> tuple[StabilityMonitor, pd.DataFrame]:
    monitor = StabilityMonitor(
        data=trial.dataset.to_json(),
        loss=trial.loss.to_json(),
        every=trial.evaluate.every,
        steps=trial.steps,
        samples=trial.evaluate.samples,
    )

    def after_step(step: int, gen: nn.Module, disc: nn.Module) -> None:
        first = next(gen.parameters())
        monitor.update(
            step,
            gen=gen,
            disc=disc,
            samples=lambda n: gen(torch.randn(n, first.shape[1], dtype=first.dtype)),
        )

    torch.manual_seed(0)
    with monitor:
        loop(trial, load(trial.dataset), after_step)
    return monitor, monitor._table().to_pandas()


RUNS: dict[str, dict[str, Any]] = {
    "converged": {
        "sigma": 0.5, "every": 25, "steps": 500, "batch": 64, "lr_g": 2e-3, "lr_d": 8e-3, "lr_decay": 1.0,
        "model": component("model", "mlp", width=32, activation="relu"),
    },
    "vanishing_gradient": {
        "sigma": 0.05, "every": 10, "steps": 200, "batch": 32, "lr_g": 1e-6, "lr_d": 1e-2, "n_critic": 4,
        "loss": "minimax", "model": component("model", "mlp", width=8, width_d=64),
    },
    "diverged": {
        "sigma": 0.05, "every": 10, "steps": 200, "batch": 32, "lr_g": 1.0, "lr_d": 1.0,
        "loss": "least_squares", "optimizer": "sgd", "model": component("model", "mlp", width=16),
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "outcome", [pytest.param("converged", marks=pytest.mark.slow), "vanishing_gradient", "diverged"]
)
def test_harness_and_monitor_agree_on_the_same_run(outcome: str) -> None:
    given = dict(RUNS[outcome])
    ring = Component("ring8", (("radius", 1.0), ("sigma", given.pop("sigma"))))
    evaluate = Evaluate(given.pop("every"), 500, METRICS)
    trial = make_trial(dataset=ring, evaluate=evaluate, dtype="float32", **given)
    verdict, theirs = of_harness(trial)
    monitor, mine = of_monitor(trial)
    found = monitor.outcome()
    assert (verdict.outcome, found.outcome) == (outcome, outcome), (verdict.reason, str(found))
    assert found.flags.keys() == verdict.flags.keys()
    if outcome == "diverged":
        assert found.step == verdict.step
        return
    assert found.unknown == {}
    assert mine["step"].tolist() == theirs["step"].tolist()
    start = mine.iloc[:3], theirs.iloc[:3]
    for name in ("d_weight", "g_weight"):  # the same weights, but for rounding
        np.testing.assert_allclose(*(each[name] for each in start), rtol=1e-4)
    for name in ("d_grad.mean", "g_grad.max", "g_grad.flips"):
        a, b = (each[name].to_numpy(dtype=float)[1:] for each in start)
        if trial.n_critic == 1 or name.startswith("g"):
            np.testing.assert_allclose(a, b, rtol=1e-3)
    for name in ("sw1", "spread", "logit_max", "d_slope"):  # other latents of the same networks
        np.testing.assert_allclose(*(each[name] for each in start), rtol=0.5)
