"""The `published` block of a study: what it may say, and one sentence for each mistake."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.study.problems import StudyError
from bench.study.shape import json_schema
from bench.study.spec import Study, load_study, read_study
from bench.study.trials import trials

STUDY: dict[str, Any] = {
    "name": "x",
    "base": {"dataset": "dirac", "model": "dirac", "loss": "non_saturating", "steps": 100},
    "grid": {
        "method": [{"as": "gan", "loss": "minimax"}, {"as": "ns", "loss": "non_saturating"}],
        "lr_ratio": [1, 4],
    },
    "exclude": [{"method": "ns", "lr_ratio": 4}],
    "evaluate": {"every": 20, "samples": 20, "metrics": ["sw1", "orbit"]},
}
GOOD: dict[str, Any] = {
    "where": {"method": "gan", "lr_ratio": 1},
    "metric": "orbit.radius",
    "at": 100,
    "value": 1.5,
    "within": 0.1,
    "source": "a paper",
}


def read(*blocks: Any, **changes: Any) -> Study:
    return read_study(
        yaml.safe_dump({**STUDY, **changes, "published": list(blocks)}, sort_keys=False), "s.yaml"
    )


def problems(*blocks: Any, **changes: Any) -> Sequence[str]:
    with pytest.raises(StudyError) as caught:
        read(*blocks, **changes)
    return caught.value.problems


def changed(**changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**GOOD, **changes}.items() if value is not ...}


@pytest.mark.parametrize(
    "block",
    [
        GOOD,
        changed(at=...),
        changed(where=...),
        changed(where={"method": "ns"}),
        changed(within=..., standard_errors=3),
        changed(value=..., within=..., below=1),
        changed(value=..., within=..., at_least=0.0),
        changed(value=1, within=0),
        changed(within=..., standard_errors=3, statistic="median", of=400),
        changed(within=..., standard_errors=2, se=0.5, reduced="100 of 400 steps", note="a finer ring"),
        changed(value=0.465, within=..., standard_errors=2, rate={"at_least": 8}, of=200),
        changed(value=..., within=..., rate={"at_most": 0}, below=0.5),
        changed(value=..., within=..., lower_than={"method": "ns"}),
        *(
            changed(metric=name)
            for name in ("sw1", "sw1.noise", "d_auc.mean", "logit_max", "spread", "d_updates")
        ),
    ],
)
def test_good_blocks(block: dict[str, Any]) -> None:
    assert read(block).document["published"] == [block]


LEGAL = (
    "where, metric, source, at, value, within, standard_errors, below, at_least, lower_than, statistic, rate,"
    " of, se, reduced, note"
)
BELONGS = "published[0]: of and se exclude each other, and belong to a value with standard_errors"


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        (
            changed(where={"mehtod": "gan"}),
            "published[0].where.mehtod: no axis of the grid, did you mean 'method'?; it has method, lr_ratio",
        ),
        (
            changed(where={"loss": "minimax"}),
            "published[0].where.loss: no axis of the grid; it has method, lr_ratio",
        ),
        (
            changed(where={"method": "gam"}),
            "published[0].where.method: gam is no value of the axis, did you mean 'gan'?; gan, ns",
        ),
        (changed(where={"lr_ratio": 3}), "published[0].where.lr_ratio: 3 is no value of the axis; 1, 4"),
        (
            changed(where={"method": ["gan", "ns"]}),
            "published[0].where.method: [gan, ns] is no value of the axis; gan, ns",
        ),
        (
            changed(where={"method": "ns", "lr_ratio": 4}),
            "published[0].where: no cell of the grid is there: all such cells are excluded",
        ),
        (
            changed(metric="orbit.radios"),
            "published[0].metric: 'orbit.radios' is no number that this study measures, did you mean"
            " 'orbit.radius'?",
        ),
        (
            changed(metric="fd"),
            "published[0].metric: 'fd' is no number that this study measures; name one of its"
            " metrics or monitors",
        ),
        (
            changed(metric="orbit_status"),
            "published[0].metric: 'orbit_status' is no number that this study measures, did you mean"
            " 'orbit.radius'?",
        ),
        (
            changed(at=90),
            "published[0].at: these cells are not measured at step 90; the nearest is 80",
        ),
        (changed(value=...), "published[0]: expected one of value, below, at_least, lower_than"),
        (changed(below=2.0), "published[0]: expected one of value, below, at_least, lower_than"),
        (
            changed(within=...),
            "published[0]: a value needs one of within, standard_errors; other statements take neither",
        ),
        (
            changed(standard_errors=2),
            "published[0]: a value needs one of within, standard_errors; other statements take neither",
        ),
        (
            changed(value=..., below=1.0),
            "published[0]: a value needs one of within, standard_errors; other statements take neither",
        ),
        (changed(metric=...), "published[0].metric: missing"),
        (
            changed(value=..., within=..., lower_than={"method": "nt"}),
            "published[0].lower_than.method: nt is no value of the axis; gan, ns",
        ),
        (
            changed(value=..., within=..., lower_than={"method": "ns", "lr_ratio": 4}),
            "published[0].lower_than: no cell of the grid is there: all such cells are excluded",
        ),
        (changed(lower_than={"method": "ns"}), "published[0]: expected one of value, below, at_least"),
        (changed(of=10), BELONGS),
        (changed(within=..., standard_errors=2, of=10, se=0.5), BELONGS),
        (changed(value=..., within=..., below=1, se=0.5), BELONGS),
        (changed(within=0.1, value=1.5, rate={"at_most": 1}), "published[0]: a rate is a share, from 0 to 1"),
        (
            changed(value=0.5, statistic="median", rate={"at_most": 1}),
            "published[0]: a rate takes neither statistic nor se; say of how many seeds it is",
        ),
        (changed(rate={}), "published[0].rate: expected one of at_least, at_most"),
        (changed(rate={"at_most": 1, "at_least": 1}), "published[0].rate: expected one of at_least, at_most"),
        (changed(statistic="mode"), "published[0].statistic: expected 'mean' or 'median', got mode"),
        (changed(within=..., standard_errors=7), "published[0].standard_errors: expected less than or equal"),
        (changed(reduced=""), "published[0].reduced: "),
        (changed(source=...), "published[0].source: missing"),
        (
            changed(withn=0.1),
            f"published[0].withn: unknown key 'withn', did you mean 'within'?; legal: {LEGAL}",
        ),
        (changed(value="1e-3"), "published[0].value: expected a number, got 1e-3"),
        (changed(at=1.5), "published[0].at: expected a whole number, got 1.5"),
        (changed(where=["method"]), "published[0].where: expected keys and values, got [method]"),
        (changed(within=float("inf")), "published[0].within: inf is no finite number"),
        (changed(value=float("nan")), "published[0].value: nan is no finite number"),
        (changed(within=-1.0), "published[0].within: expected greater than or equal to 0, got -1"),
        ("method", "published[0]: expected keys and values, got method"),
    ],
)
def test_each_mistake_is_one_sentence(block: Any, problem: str) -> None:
    (found,) = problems(block)
    assert found.startswith(f"s.yaml: {problem}")
    assert "\n" not in found
    assert "PublishedBlock" not in found


def test_all_mistakes_are_told_at_once() -> None:
    found = problems(changed(metric="p"), GOOD, changed(where={"a": 1, "b": 2}), changed(at=1))
    assert [line.split(": ")[1] for line in found] == [
        *("published[0].metric", "published[2].where.a", "published[2].where.b", "published[3].at")
    ]


def test_the_block_is_a_list() -> None:
    with pytest.raises(StudyError) as caught:
        read_study(yaml.safe_dump({**STUDY, "published": GOOD}), "s.yaml")
    assert caught.value.problems[0].startswith("s.yaml: published: expected a list, got")


def test_a_study_without_a_grid() -> None:
    (found,) = problems(GOOD | {"where": {"loss": "minimax"}}, grid={}, exclude=[])
    assert found == "s.yaml: published[0].where.loss: no axis of the grid; it has none"
    assert read(changed(where=...), grid={}, exclude=[])


def test_averaged_weights_have_columns_where_they_are_kept() -> None:
    assert "did you mean" in problems(changed(metric="ema.sw1"))[0]
    assert read(changed(metric="ema.sw1"), base={**STUDY["base"], "ema": 0.9})


def test_it_is_no_part_of_a_trials_id() -> None:
    ids = [[trial.id for trial in trials(study, lambda _: "0" * 64)] for study in (read(), read(GOOD))]
    assert ids[0] == ids[1]


def test_it_stands_in_the_json_schema() -> None:
    schema = json_schema()
    assert schema["properties"]["published"]["items"] == {"$ref": "#/$defs/PublishedBlock"}
    block = schema["$defs"]["PublishedBlock"]
    assert set(block["required"]) == {"metric", "source"}
    assert ", ".join(block["properties"]) == LEGAL
    assert block["additionalProperties"] is False
    json.dumps(schema, allow_nan=False)


def test_it_survives_in_the_results(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(read(GOOD).to_yaml())
    assert load_study(tmp_path / "study.yaml").document["published"] == [GOOD]


def test_the_shipped_study_of_theory_is_sound(repository: Path) -> None:
    study = load_study(repository / "studies" / "replications" / "dirac.yaml")
    assert len(study.document["published"]) > 60
