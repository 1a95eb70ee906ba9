import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu

from bench.data.load import Dataset
from bench.store import schema
from bench.train.build import build_game
from bench.train.monitors import INTERVAL, POINT, STATISTICS, Interval, ProbeInputs, accuracy, auc, probe
from bench.trial import Pack
from tests.train.conftest import component, make_data, make_trial


def test_auc_is_the_mann_whitney_statistic_with_ties_at_a_half() -> None:
    generator = np.random.default_rng(0)
    real, fake = generator.integers(0, 6, (2, 3, 40)).astype(float)
    ours = auc(torch.from_numpy(real), torch.from_numpy(fake))
    theirs = [mannwhitneyu(r, f).statistic / 1600 for r, f in zip(real, fake, strict=True)]
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-12)
    constant = torch.zeros(1, 5)
    assert auc(constant, constant).item() == 0.5
    assert auc(torch.ones(1, 3), torch.zeros(1, 3)).item() == 1.0
    assert auc(torch.full((1, 3), float("nan")), torch.zeros(1, 3)).isnan().all()


def test_accuracy_is_null_where_the_loss_has_no_threshold() -> None:
    real, fake = torch.tensor([[0.6, 0.4], [1.0, 1.0]]), torch.tensor([[0.2, 0.7], [0.0, 0.0]])
    share = accuracy(real, fake, torch.tensor([0.5, float("nan")]))
    assert share[0].item() == 0.5
    assert share[1].isnan()


def feed(series: list[list[float]], alive: list[list[bool]]) -> list[dict[str, float | int | None]]:
    """Every interval monitor gets the same series; [steps][K]."""
    interval = Interval(torch.zeros(len(series[0]), dtype=torch.float64))
    for values, living in zip(series, alive, strict=True):
        interval.add(torch.tensor([values] * len(INTERVAL), dtype=torch.float64), torch.tensor(living))
    return interval.columns()


def test_interval_statistics() -> None:
    row = feed([[1.0], [3.0], [2.0], [2.0], [4.0]], [[True]] * 5)[0]
    got = [row[f"d_loss.{s}"] for s in ("mean", "min", "max", "last", "flips")]
    assert got == [pytest.approx(2.4), 1.0, 4.0, 4.0, 2]


def test_steps_after_a_death_do_not_count() -> None:
    nan = float("nan")
    rows = feed([[1.0, nan], [2.0, nan], [nan, nan]], [[True, False], [True, False], [False, False]])
    assert rows[0]["g_loss.mean"] == 1.5
    assert rows[0]["g_loss.last"] == 2.0
    assert all(value is None for value in rows[1].values())


def test_probe_closed_form_of_a_linear_discriminator(data: Dataset) -> None:
    """With D(x) = w.x everywhere (hidden units made linear), d_slope is |w| and g_saturation
    sigmoid(-w.x)."""
    trial = make_trial(loss="non_saturating", model=component("model", "mlp", width=2, depth=1))
    game = build_game(Pack((trial,)), data)
    d = game.disc.stack
    with torch.no_grad():
        d.params["0.weight"].copy_(torch.eye(2, dtype=torch.float64))
        d.params["0.bias"].fill_(100.0)  # LeakyReLU stays on its slope of 1
        d.params["3.weight"].copy_(torch.tensor([[[3.0, 4.0]]]))
        d.params["3.bias"].fill_(-700.0)
    inputs = ProbeInputs(
        torch.randn(1, 8, 2, dtype=torch.float64),
        torch.ones(1, 8, 2, dtype=torch.float64) * 50,
        torch.ones(1, 8, 2, dtype=torch.float64) * -50,
    )
    row = probe(game, inputs)[0]
    assert set(row) == set(POINT)
    assert row["d_slope"] == pytest.approx(5.0)
    fake = d(game.gen.stack(inputs.latent))[..., 0]
    assert row["g_saturation"] == pytest.approx(torch.sigmoid(-fake).mean().item())
    assert row["d_auc_train"] == 1.0
    assert row["d_auc_heldout"] == 0.0
    assert row["logit_max"] == pytest.approx(350.0)


def test_probe_changes_nothing() -> None:
    pack = Pack((make_trial(model=component("model", "dcgan", width=2), dropout=0.5),))
    game = build_game(pack, make_data((1, 28, 28), n=20))
    before = {name: tensor.clone() for name, tensor in game.state().items()}
    x = torch.randn(1, 6, 1, 28, 28, dtype=torch.float64)
    probe(game, ProbeInputs(torch.randn(1, 6, 64, dtype=torch.float64), x, x))
    assert all(torch.equal(before[name], tensor) for name, tensor in game.state().items())


def test_the_tables_have_a_column_for_every_monitor() -> None:
    """The store may not import torch, so the names stand in both rooms."""
    assert schema.INTERVAL_MONITORS == INTERVAL
    assert schema.POINT_MONITORS == POINT
    assert (*schema.INTERVAL_SUFFIXES, "flips") == STATISTICS
