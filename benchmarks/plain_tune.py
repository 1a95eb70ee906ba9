"""The baseline of vs_plain_tune.py: a textbook PyTorch GAN under plain Ray Tune, written by a competent user.

One process a trial (Tune's default), or processes that go on to the next trial (`reuse`, which saves
imports); one torch thread each. The data and the evaluation are ganbench's own functions at the same steps,
so neither side is favoured there. Tune's CSV, JSON and TensorBoard loggers are off; nothing is saved but
the rows, at the end.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")

import numpy as np
import ray
import torch
from ray import tune
from torch import nn

from bench.data.catalog import DATA
from bench.data.load import Dataset, load
from bench.metrics.catalog import METRICS
from bench.metrics.evaluate import Evaluator, build
from bench.trial import Component, evaluation_steps


@functools.cache
def task(samples: int, cache: str) -> tuple[Dataset, Evaluator]:
    """The data and the evaluation, made once in each process; `cache` keeps what the metrics compare with."""
    dataset = Component("ring8", tuple(DATA.get("dataset", "ring8").resolve({}).items()))
    metrics = tuple(
        Component(name, tuple(METRICS.get("metric", name).resolve({}).items())) for name in ("sw1", "modes")
    )
    data = load(dataset)
    return data, build(data, metrics, samples, Path(cache))


def train(config: dict[str, Any]) -> None:
    """One trial: a D step and a G step in turn, on the same fake batch, with torch's own Adam."""
    started = time.time()
    torch.set_num_threads(1)
    torch.manual_seed(config["seed"])
    width, latent, batch = config["width"], config["latent"], config["batch"]
    data, evaluator = task(config["samples"], config["cache"])
    train_set = torch.from_numpy(np.array(data.train))

    gen = nn.Sequential(
        nn.Linear(latent, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2)
    )
    disc = nn.Sequential(
        nn.Linear(2, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, 1),
    )
    lr_g = config["lr_g"]
    adam = functools.partial(torch.optim.Adam, betas=(0.5, 0.999), fused=config["fused"] or None)
    optimizer_g = adam(gen.parameters(), lr=lr_g)
    optimizer_d = adam(disc.parameters(), lr=lr_g * config["lr_ratio"])
    bce = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(batch, 1), torch.zeros(batch, 1)

    rows: list[dict[str, Any]] = []
    due = set(evaluation_steps(config["steps"], config["every"]))
    for step in range(config["steps"] + 1):
        if step > 0:
            real = train_set[torch.randint(len(train_set), (batch,))]
            fake = gen(torch.randn(batch, latent))
            optimizer_d.zero_grad()
            d_loss = bce(disc(real), ones) + bce(disc(fake.detach()), zeros)
            d_loss.backward()
            optimizer_d.step()

            optimizer_g.zero_grad()
            g_loss = bce(disc(fake), ones)
            g_loss.backward()
            optimizer_g.step()
        if step in due:
            with torch.no_grad():
                samples = gen(torch.randn(config["samples"], latent)).numpy()
            rows.append({"step": step, **evaluator(samples)})
            if step < config["steps"]:
                tune.report({"step": step, "sw1": rows[-1]["sw1"]})
    tune.report({"step": config["steps"], "sw1": rows[-1]["sw1"], "started": started, "rows": rows})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="JSON: the settings, with lists `lr_ratio` and `seed`")
    parser.add_argument("out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    config = json.loads(arguments.config.read_text())
    concurrent, reuse = config.pop("concurrent"), config.pop("reuse")
    config["cache"] = str(arguments.out.resolve().parent / "cache")
    space = {k: tune.grid_search(v) if k in ("lr_ratio", "seed") else v for k, v in config.items()}

    ray.init(num_cpus=concurrent, include_dashboard=False, log_to_driver=False)
    tuner = tune.Tuner(
        tune.with_resources(train, {"cpu": 1}),
        param_space=space,
        tune_config=tune.TuneConfig(max_concurrent_trials=concurrent, reuse_actors=reuse),
        run_config=tune.RunConfig(
            name="plain_tune", storage_path=str(arguments.out.resolve().parent / "tune"), verbose=0
        ),
    )
    results = tuner.fit()
    if results.errors:
        raise SystemExit(f"{len(results.errors)} trials failed: {results.errors[0]}")
    trials = [
        {
            "lr_ratio": result.config["lr_ratio"],
            "seed": result.config["seed"],
            "started": result.metrics["started"],
            "rows": result.metrics["rows"],
        }
        for result in results
    ]
    arguments.out.write_text(json.dumps(trials))
    ray.shutdown()


if __name__ == "__main__":
    # Imported by name, so that Ray's workers import it too: the cache of `task` cannot be pickled.
    import plain_tune

    plain_tune.main()
