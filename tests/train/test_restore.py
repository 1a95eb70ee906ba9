"""A finished trial's modules come back as they were trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import bench
from bench.data.load import load
from bench.errors import UserError
from bench.store import ledger
from bench.store.checkpoint import save_arrays
from bench.train.loop import PREVIEW_SAMPLES, train
from bench.train.streams import latents, stream
from bench.trial import Pack
from tests.train.conftest import MeanEvaluator, component, make_data, make_trial


@pytest.mark.parametrize("name", ["mlp", "dcgan"])
def test_the_modules_make_the_last_preview_again(name: str, tmp_path: Path) -> None:
    dataset = load(make_trial().dataset).component if name == "mlp" else bench_digits()
    data = make_data((2,) if name == "mlp" else (1, 28, 28), n=40)
    fixed = {"model": component("model", name, width=4), "dataset": dataset, "batch": 4, "steps": 4}
    pack = Pack((make_trial(seed=0, **fixed), make_trial(seed=1, **fixed)))
    *_, last = train(pack, data, MeanEvaluator())  # type: ignore[arg-type]
    assert last.preview is not None
    _store(tmp_path, pack, {k: v.numpy() for k, v in last.state().items()})

    trial = pack.trials[1]
    models = bench.load_trial(tmp_path, trial.id)  # type: ignore[operator]
    kind = PREVIEW_SAMPLES[data.modality]
    z = latents(models.latent, stream(0, 0, "preview"), (kind, models.latent_dim))
    with torch.no_grad():
        samples = models.gen(torch.from_numpy(z).double()).float().numpy()
    np.testing.assert_allclose(samples, last.preview[1], rtol=1e-5, atol=1e-6)
    assert not models.disc.training


def test_an_unknown_trial_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no trial 'nothing'"):
        bench.load_trial(tmp_path, "nothing")  # type: ignore[operator]


def bench_digits() -> object:
    from bench.data.catalog import DATA
    from bench.trial import Component

    return Component("digits", tuple(DATA.get("dataset", "digits").resolve({}).items()))


def _store(results: Path, pack: Pack, state: dict[str, np.ndarray]) -> None:
    """A results folder that holds this one pack, done."""
    ledger.open_plan(results, "one", pack.trials, lambda trials: [pack])
    folder = ledger.pack_folder(results, pack.id)
    folder.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in state.items() if name.startswith(("gen.", "disc."))}
    final = save_arrays(folder, "final.safetensors", kept, 4)
    ledger.write_done(folder, ledger.Done({t.id: 0 for t in pack.trials}, (), (), (), final))
