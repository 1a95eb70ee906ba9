"""Claims of a study: what they may name, every mistake with its place, and that trials do not know them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import yaml

from bench.data.fingerprint import fingerprint
from bench.judge.claim import FLAG, METRIC, MONITOR, OUTCOME, Bound, Premise, Quantity
from bench.judge.claims import Evidence
from bench.report.claim_scope import scope_of
from bench.store.tables import config_columns
from bench.study import claim_plan
from bench.study.claims import fingerprints, monitors, to_claim, to_where
from bench.study.problems import StudyError
from bench.study.shape import json_schema
from bench.study.spec import Study, read_study
from bench.study.trials import trials

STUDY = """
name: s
base: {dataset: ring8, model: mlp, steps: 100}
grid:
  lr_ratio: [1, 8]
  dropout: [0.0, 0.4]
  loss: [minimax, non_saturating]
  method: [{as: plain, n_critic: 1}, {as: strong, n_critic: 8}]
seeds: 20
"""
# The example of the docs, about a flag in place of a number with a bound, and with values that this grid has.
EXAMPLE = """
claims:
  - id: dropout-relieves-strong-d
    text: Dropout in D relieves vanishing gradients when D is too strong
    effect: {flag: vanishing_gradient}
    where: {loss: minimax, lr_ratio: [1, 8]}
    compare: {dropout: [0.4, 0.0]}
    given: {monitor: d_auc, in: control, above: 0.99}
    expect: less
    margin: 0.15
    belief: 2
  - id: d-falls-to-half
    text: As training succeeds, D cannot tell real from fake
    value: {monitor: d_auc_heldout, among: {outcome: converged}, within: [0.45, 0.6]}
"""


def read(claims: str = EXAMPLE, study: str = STUDY) -> Study:
    return read_study(study + claims, "s.yaml")


def problems(*claims: dict[str, Any], more: str = "") -> list[str]:
    with pytest.raises(StudyError) as caught:
        read_study(f"{STUDY}{more}\n{yaml.safe_dump({'claims': list(claims)})}", "s.yaml")
    return [line.removeprefix("s.yaml: ") for line in caught.value.problems]


def effect(**changes: Any) -> dict[str, Any]:
    given = {
        "id": "a", "text": "t", "effect": {"flag": "stalled"}, "compare": {"dropout": [0.4, 0.0]},
        "expect": "less", "margin": 0.15,
    }  # fmt: skip
    return {key: value for key, value in {**given, **changes}.items() if value is not None}


def value(**said: Any) -> dict[str, Any]:
    return {"id": "v", "text": "t", "value": {"within": [0.4, 0.6], **said}}


def test_the_example_is_read() -> None:
    first, second = map(to_claim, read().claims)
    assert first.quantity == Quantity(FLAG, ("vanishing_gradient",))
    assert first.where == {"loss": ("minimax",), "lr_ratio": (1, 8)}
    assert first.compare == {"dropout": (0.4, 0.0)}
    assert first.premises == (Premise(Quantity(MONITOR, ("d_auc",)), "control", "above", 0.99),)
    assert (first.expect, first.margin, first.belief, first.is_value) == ("less", 0.15, 2, False)
    assert second.is_value
    assert (second.within, second.among, second.belief) == ((0.45, 0.6), ("converged",), None)


def test_every_kind_of_quantity_and_several_axes() -> None:
    made = [
        effect(id="o", effect={"outcome": "failure"}),
        effect(id="o2", effect={"outcome": ["stalled", "degraded"]}),
        effect(
            id="m",
            effect={"metric": "sw1"},
            compare={"method": ["strong", "plain"], "loss": ["minimax", "non_saturating"]},
        ),
        effect(id="n", effect={"monitor": "d_slope", "scale": "log_ratio"}, where={"n_critic": 8}),
        value(flag="stalled"),
    ]
    study = read(yaml.safe_dump({"claims": made, "positive_control": {"method": "plain", "dropout": 0}}))
    claims = [to_claim(each) for each in study.claims]
    assert [each.quantity.kind for each in claims] == [OUTCOME, OUTCOME, METRIC, MONITOR, FLAG]
    assert claims[1].quantity.names == ("stalled", "degraded")
    assert claims[2].compare == {"method": ("strong", "plain"), "loss": ("minimax", "non_saturating")}
    assert claims[3].quantity.scale == "log_ratio"
    assert study.positive_control == {"method": "plain", "dropout": 0}


def test_a_bound_on_a_number_counts_trials_and_in_a_premise_holds_of_the_arm() -> None:
    signal = {"monitor": "g_signal", "below": 0.01}
    made = [
        effect(effect=signal, given=[signal, {"metric": "sw1", "above": 2}]),
        effect(id="b", effect={"metric": "sw1", "at_least": 2}),
        value(**signal),
        value(monitor="g_signal") | {"id": "w"},
    ]
    claims = [to_claim(each) for each in read(yaml.safe_dump({"claims": made})).claims]
    assert [each.quantity.bound for each in claims] == [
        Bound("below", 0.01), Bound("at_least", 2), Bound("below", 0.01), None,
    ]  # fmt: skip
    assert [each.quantity.is_share for each in claims] == [True, True, True, False]
    assert claims[0].premises == (
        Premise(Quantity(MONITOR, ("g_signal",)), "control", "below", 0.01),
        Premise(Quantity(METRIC, ("sw1",)), "control", "above", 2),
    )


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ({"id": "a", "text": "b"}, "claims[0]: needs either effect or value"),
        (effect(value={"flag": "stalled", "within": [0, 1]}), "claims[0]: needs either effect or value"),
        (effect(margin=None), "claims[0]: an effect also needs margin"),
        (effect(compare=None, expect=None), "claims[0]: an effect also needs compare, expect"),
        (value(flag="stalled") | {"margin": 1.0}, "claims[0]: a value takes no margin"),
        (
            value(flag="stalled") | {"given": {"flag": "stalled", "below": 1}},
            "claims[0]: a value takes no given",
        ),
        (effect(margin=0), "claims[0].margin: expected greater than 0, got 0"),
        (effect(margin=1.5), "claims[0].margin: no rate changes by 1.5"),
        (effect(margin=float("inf")), "claims[0].margin: inf is no finite number"),
        (effect(expect="fewer"), "claims[0].expect: expected 'less' or 'more', got fewer"),
        (effect(id="A b"), "claims[0].id: 'A b' is no legal name"),
        (effect(belief=0), "claims[0].belief: expected greater than or equal to 1"),
        (effect(efect=1), "claims[0].efect: unknown key 'efect', did you mean 'effect'?"),
        (effect(effect={}), "claims[0].effect: expected one of flag, outcome, metric, monitor"),
        (effect(effect={"flag": "stalled", "metric": "sw1"}), "claims[0].effect: expected one of flag"),
        (effect(effect={"flagg": "x"}), "claims[0].effect.flagg: unknown key 'flagg', did you mean 'flag'?"),
        (
            effect(effect={"flag": "stalld"}),
            "claims[0].effect.flag: unknown flag 'stalld', did you mean 'stalled'?",
        ),
        (
            effect(effect={"outcome": "fail"}),
            "claims[0].effect.outcome: unknown outcome 'fail', did you mean",
        ),
        (effect(effect={"outcome": []}), "claims[0].effect.outcome: names no outcome"),
        (
            effect(effect={"metric": "sw2"}),
            "claims[0].effect.metric: unknown metric 'sw2', did you mean 'sw1'?",
        ),
        (effect(effect={"metric": "fd"}), "claims[0].effect.metric: unknown metric 'fd'"),
        (effect(effect={"metric": "modes.set"}), "claims[0].effect.metric: unknown metric 'modes.set'"),
        (effect(effect={"metric": "d_auc"}), "it is a monitor"),
        (effect(effect={"monitor": "sw1"}), "it is a metric"),
        (
            effect(effect={"monitor": "d_acu"}),
            "claims[0].effect.monitor: unknown monitor 'd_acu', did you mean 'd_auc'?",
        ),
        (
            effect(effect={"flag": "stalled", "scale": "log_ratio"}),
            "claims[0].effect.scale: a rate has no scale",
        ),
        (
            effect(effect={"monitor": "g_signal", "below": 0.01, "scale": "difference"}),
            "claims[0].effect.scale: a rate has no scale",
        ),
        (
            effect(effect={"monitor": "g_signal", "below": 0.01, "above": 0.001}),
            "claims[0].effect: expected one of above, below, at_least, at_most",
        ),
        (
            effect(effect={"flag": "stalled", "below": 0.01}),
            "claims[0].effect.below: a flag is there or not; metrics and monitors take bounds",
        ),
        (
            value(outcome="failure", above=0.5),
            "claims[0].value.above: an outcome is there or not; metrics and monitors take bounds",
        ),
        (
            effect(effect={"monitor": "g_signal", "below": "low"}),
            "claims[0].effect.below: expected a number, got low",
        ),
        (
            effect(effect={"monitor": "g_signal", "below": float("nan")}),
            "claims[0].effect.below: nan is no finite number",
        ),
        (
            effect(effect={"monitor": "g_signal", "below": 0.01}, margin=1.5),
            "claims[0].margin: no rate changes by 1.5",
        ),
        (
            effect(effect={"monitor": "g_signl", "below": 0.01}),
            "claims[0].effect.monitor: unknown monitor 'g_signl', did you mean 'g_signal'?",
        ),
        (
            effect(given={"monitor": "g_singal", "below": 0.01}),
            "claims[0].given[0].monitor: unknown monitor 'g_singal', did you mean 'g_signal'?",
        ),
        (
            effect(where={"dropuot": 0}),
            "claims[0].where.dropuot: no axis and no key of a cell, did you mean 'dropout'?",
        ),
        (effect(where={"lr_ratio": 4}), "claims[0].where.lr_ratio: 4 is no value that cells have; 1, 8"),
        (effect(where={"loss": "minmax"}), "'minimax'?; minimax, non_saturating"),
        (effect(where={"lr_ratio": []}), "claims[0].where.lr_ratio: names no value"),
        (effect(where={"penalty": "gp"}), "claims[0].where.penalty: gp is no value that cells have; none"),
        (effect(where={"n_critic": 1, "method": "strong"}), "claims[0].where: no cell of the grid is there"),
        (effect(compare={}), "claims[0].compare: names no axis"),
        (
            effect(compare={"dropot": [0.4, 0]}),
            "claims[0].compare.dropot: no axis of the grid, did you mean 'dropout'?",
        ),
        (
            effect(compare={"n_critic": [8, 1]}),
            "claims[0].compare.n_critic: no axis of the grid; the axis method sets it",
        ),
        (
            effect(compare={"dropout": 0.4}),
            "claims[0].compare.dropout: expected [treatment, control], got 0.4",
        ),
        (
            effect(compare={"dropout": [0.4, 0.0, 0.1]}),
            "claims[0].compare.dropout: expected [treatment, control]",
        ),
        (
            effect(compare={"dropout": [0.5, 0.0]}),
            "claims[0].compare.dropout: 0.5 is no value of the axis; 0, 0.4",
        ),
        (effect(compare={"method": ["strng", "plain"]}), "did you mean 'strong'?"),
        (effect(compare={"dropout": [0.4, 0.4]}), "claims[0].compare.dropout: compares 0.4 with itself"),
        (
            effect(where={"dropout": 0.4}),
            "claims[0].compare: no pair: 8 cells of the treatment and 0 of the control",
        ),
        (
            effect(given={"flag": "stalled"}),
            "claims[0].given[0]: expected one of above, below, at_least, at_most",
        ),
        (
            effect(given={"flag": "stalled", "above": 0.1, "below": 1}),
            "claims[0].given[0]: expected one of above",
        ),
        (
            effect(given={"flag": "stalled", "above": 5}),
            "claims[0].given[0].above: a rate is between 0 and 1, got 5",
        ),
        (effect(given=[{"monitor": "x", "above": 5}]), "claims[0].given[0].monitor: unknown monitor 'x'"),
        (
            effect(given={"flag": "stalled", "in": "both", "above": 0.1}),
            "claims[0].given[0].in: expected 'control' or",
        ),
        (value(flag="stalled", within=[0.6, 0.4]), "claims[0].value.within: expected [lowest, highest]"),
        (value(flag="stalled", within=[0.6]), "claims[0].value.within: "),
        (
            value(flag="stalled", among={"outcome": "convergd"}),
            "claims[0].value.among.outcome: unknown outcome",
        ),
        (value(flag="stalled", among={}), "claims[0].value.among.outcome: missing"),
        (value(), "claims[0].value: expected one of flag"),
    ],
)
def test_a_claim_that_names_what_is_not_there(claim: dict[str, Any], message: str) -> None:
    assert any(message in line for line in problems(claim)), problems(claim)


def test_all_mistakes_at_once_each_at_its_place() -> None:
    lines = problems(
        effect(id="one", expect="fewer"),
        effect(id="two", where={"lr_ratio": 4}, effect={"flag": "x"}),
        effect(id="two"),
        more="positive_control: {lr_ratio: 3}",
    )
    places = [line.split(": ")[0] for line in lines]
    assert places == [
        "claims[0].expect", "positive_control.lr_ratio", "claims[1].where.lr_ratio", "claims[1].effect.flag",
        "claims[2].id",
    ]  # fmt: skip


def test_a_metric_of_different_data_is_not_compared_and_a_rate_is() -> None:
    study = STUDY.replace("dataset: ring8, ", "").replace("  lr_ratio: [1, 8]", "  dataset: [ring8, grid25]")
    claim = effect(effect={"metric": "sw1"}, compare={"dataset": ["grid25", "ring8"]})
    with pytest.raises(StudyError, match="of different data"):
        read(yaml.safe_dump({"claims": [claim]}), study)
    assert read(yaml.safe_dump({"claims": [{**claim, "effect": {"flag": "stalled"}}]}), study).claims


def test_an_included_cell_makes_pairs_ambiguous() -> None:
    more = "include: [{dropout: 0.4, lr_ratio: 1, loss: minimax, method: plain, batch: 32}]\n"
    assert any(
        "several cells of one arm share all other axes" in line for line in problems(effect(), more=more)
    )


def test_claims_are_no_part_of_a_trial() -> None:
    plain, claimed = (trials(read(text), fingerprint) for text in ("", EXAMPLE))
    assert [each.id for each in plain] == [each.id for each in claimed]


def test_fingerprints_know_what_is_judged_and_not_its_wording() -> None:
    def of(text: str, control: str = "") -> dict[str, str]:
        study = read(text + control)
        return fingerprints(study.claims, study.positive_control)

    first = of(EXAMPLE)
    assert list(first) == ["dropout-relieves-strong-d", "d-falls-to-half"]
    assert of(EXAMPLE.replace("Dropout in D", "In D, dropout").replace("belief: 2", "belief: 3")) == first
    changed = of(EXAMPLE.replace("margin: 0.15", "margin: 0.1"))
    assert [changed[name] == first[name] for name in first] == [False, True]
    control = of(EXAMPLE, "positive_control: {dropout: 0}\n")
    assert all(control[name] != first[name] for name in first)


def test_cells_are_told_apart_alike_in_the_study_and_in_its_table() -> None:
    study = read(EXAMPLE + "positive_control: {dropout: 0, loss: non_saturating}\n")
    rows = [
        {**config_columns(each), "trial": each.id, "status": "pending"} for each in trials(study, fingerprint)
    ]
    evidence = Evidence(pd.DataFrame(rows), pd.DataFrame(), {a.name: a.name for a in study.axes}, {})
    control = to_where(study.positive_control)
    found = {each.id: scope_of(to_claim(each), evidence, control) for each in study.claims}
    assert {name: scope.cells for name, scope in found.items() if scope} == study.claim_cells_sha256
    assert {scope.unfinished for scope in found.values() if scope} == {160, 320}
    more = read(
        study=STUDY.replace("{as: plain, n_critic: 1}", "{as: plain, n_critic: 1}, {as: so, n_critic: 2}")
    )
    assert not set(more.claim_cells_sha256.values()) & set(study.claim_cells_sha256.values())


def test_the_schema_knows_claims() -> None:
    schema = json_schema()
    claim = schema["$defs"]["ClaimBlock"]
    assert set(claim["properties"]["expect"]["anyOf"][0]["enum"]) == {"less", "more"}
    assert {"$ref": "#/$defs/PremiseBlock"} in claim["properties"]["given"]["anyOf"]
    assert "in" in schema["$defs"]["PremiseBlock"]["properties"]
    assert schema["properties"]["positive_control"]["type"] == "object"
    assert {"d_auc", "d_auc.mean", "g_saturation", "d_slope", "d_auc_heldout", "g_cosine", "g_signal"} <= set(
        monitors()
    )


def test_plan_tells_half_widths() -> None:
    rows = {row["claim"]: row for row in claim_plan.rows(read())}
    first = rows["dropout-relieves-strong-d"]
    # minimax alone, two rates, two methods: 4 pairs a seed; two claims at 0.025 / 2 each.
    assert (first["seeds"], first["cells"], first["confidence"]) == (20, 4, 0.9875)
    assert 0 < first["half_width"] < first["finds"] < first["settles"]
    assert first["seeds_needed"] > 20
    assert rows["d-falls-to-half"]["unit"] == "SD over seeds"
    wider = claim_plan.rows(read(study=STUDY.replace("seeds: 20", "seeds: 200")))[0]
    assert wider["half_width"] < 0.4 * first["half_width"]
    few = read(study=STUDY.replace("seeds: 20", "seeds: 3"))
    assert claim_plan.rows(few)[0]["half_width"] is None
    assert "no verdict: 3 seeds" in claim_plan.lines(few)[0]


@pytest.mark.parametrize(
    ("seeds", "finds", "settles", "said"),
    [
        (5, None, None, "±1 at most, 5 seeds x 1 cell; finds no effect below 1, settles no margin below 1"),
        (9, 0.98, None, "finds effects from 0.98 on, settles no margin below 1 whatever the truth is (its"),
        (20, 0.58, 0.98, "finds effects from 0.58 on, settles margins from 0.98 on whatever the truth is"),
    ],
)
def test_no_plan_promises_shares_beyond_one(
    seeds: int, finds: float | None, settles: float | None, said: str
) -> None:
    one_cell = EXAMPLE.replace("lr_ratio: [1, 8]", "lr_ratio: 1, method: plain")
    study = read(one_cell, STUDY.replace("seeds: 20", f"seeds: {seeds}"))
    row = claim_plan.rows(study)[0]
    assert row["finds"] == (finds and pytest.approx(finds, abs=0.01))
    assert row["settles"] == (settles and pytest.approx(settles, abs=0.01))
    assert said in claim_plan.lines(study)[0]


def test_the_plan_knows_a_number_with_a_bound_as_a_share() -> None:
    claim = effect(effect={"monitor": "g_signal", "below": 0.01})
    assert claim_plan.rows(read(yaml.safe_dump({"claims": [claim]})))[0]["unit"] == "share of trials"
