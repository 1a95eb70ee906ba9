"""Claims beside results: what the folder remembers, the section of the page, the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from synthetic_results import synthetic

from bench import cli
from bench.judge.claim import VERDICTS, Judged
from bench.judge.claims import Evidence
from bench.judge.rules import Rules
from bench.report import claim_figures, claim_section, claim_sentences, claim_text, first, page
from bench.report.claim_scope import scope_of
from bench.report.claims import changes, judged, read, remember, removed
from bench.report.template import environment
from bench.report.view import View
from bench.store import cover, manifest
from bench.store.tables import Results
from bench.study.claims import fingerprints, to_claim
from bench.study.shape import ClaimBlock

CLAIMS: list[dict[str, Any]] = [
    {
        "id": "strong-d-fails", "text": "A strong D starves G", "effect": {"flag": "vanishing_gradient"},
        "compare": {"lr_ratio": [64.0, 1.0]}, "expect": "more", "margin": 0.15,
    },
    {
        "id": "dropout-helps", "text": "Dropout helps", "effect": {"outcome": "failure"},
        "compare": {"dropout": [0.4, 0.0]}, "expect": "less", "margin": 0.15,
        "given": {"outcome": "failure", "above": 0.1},
    },
    {
        "id": "closer", "text": "Dropout brings it closer", "effect": {"metric": "fd"},
        "compare": {"dropout": [0.4, 0.0]}, "where": {"lr_ratio": 1.0}, "expect": "less", "margin": 0.1,
    },
    {
        "id": "modes", "text": "Good runs cover all", "belief": 3,
        "value": {"metric": "modes.covered", "among": {"outcome": "converged"}, "within": [9, 11]},
    },
]  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    made = synthetic(tmp_path_factory.mktemp("claimed"), seeds=6)
    made.study["claims"] = CLAIMS
    return made


def section(results: Results) -> str:
    """The part of the page; empty where it is left out."""
    content = claim_section.content(View(results))
    if not content["claims_any"]:
        return ""
    return environment().get_template("sections/claims.html.j2").render(**content)


def test_every_claim_gets_a_verdict_and_a_sentence(results: Results) -> None:
    made = judged(results)
    assert [each.id for each in made] == [each["id"] for each in CLAIMS]
    assert all(each.verdict in VERDICTS for each in made)
    first, _, distance, value = made
    assert first.estimate.n == 6
    assert distance.unit == "log-ratio"
    assert value.belief == 3
    told = claim_sentences.sentence(first)
    assert told.startswith("Vanishing gradient in ")
    assert " of 24 at lr_ratio 64, in " in told
    assert told.endswith(" over 6 seeds (24 pairs).")
    assert "points more" in claim_sentences.failures(first)
    assert claim_sentences.failures(made[1]) == ""
    assert claim_sentences.sentence(value).endswith("; claimed: 9 to 11.")
    rows = claim_text.rows(made)
    assert json.loads(json.dumps(rows)) == rows
    assert set(claim_text.SHORT) <= set(rows[0])


def test_a_study_without_claims(tmp_path: Path) -> None:
    made = synthetic(tmp_path, seeds=2)
    assert judged(made) == ()
    assert section(made) == ""
    assert claim_text.of(tmp_path) == ()
    assert claim_text.is_settled(())
    assert not claim_text.is_refuted(())


def test_one_seed_is_untestable_and_shown(tmp_path: Path) -> None:
    made = synthetic(tmp_path, seeds=1)
    made.study["claims"] = CLAIMS
    assert {each.verdict for each in judged(made)} == {"untestable"}
    assert "Untestable:" in section(made)


# --- what the folder remembers


def blocks(claims: list[dict[str, Any]] = CLAIMS) -> list[ClaimBlock]:
    return [ClaimBlock.model_validate(each) for each in claims]


def test_a_claim_that_was_changed_after_the_first_results(results: Results) -> None:
    earlier = {"sessions": [{"claims": dict(fingerprints(blocks(CLAIMS[:3]), {}))}, {"claims": {}}]}
    edited = [CLAIMS[0], {**CLAIMS[1], "margin": 0.1}, {**CLAIMS[2], "text": "else"}, CLAIMS[3]]
    assert changes(blocks(edited), {}, earlier) == {
        "dropout-helps": "changed after the first results",
        "modes": "added after the first results",
    }
    assert changes(blocks(), {}, {"sessions": [{}]}) == changes(blocks(), {}, {}) == {}
    assert len(changes(blocks(CLAIMS[:3]), {"dropout": 0.0}, earlier)) == 3
    old = Results(**{**vars(results), "manifest": earlier, "study": {**results.study, "claims": edited}})
    assert [each.changed for each in judged(old)][1] == "changed after the first results"
    assert "was changed after the first results." in section(old)


def test_looks_are_counted_once_for_the_same_seeds(tmp_path: Path) -> None:
    assert manifest.look_of({}, [0, 1]) == 1
    manifest.record_look(tmp_path, [0, 1])
    before = (tmp_path / manifest.FILE).read_bytes()
    manifest.record_look(tmp_path, [1, 0])
    assert (tmp_path / manifest.FILE).read_bytes() == before
    assert manifest.look_of(manifest.read(tmp_path), [0, 1]) == 1
    assert manifest.look_of(manifest.read(tmp_path), [0, 1, 2]) == 2
    manifest.record_look(tmp_path, [0, 1, 2])
    assert manifest.look_of(manifest.read(tmp_path), [0, 1]) == 1
    manifest.open_session(tmp_path, {}, ["--limit 5"])
    assert len(manifest.read(tmp_path)["looks"]) == 2  # a start forgets nothing


def test_only_what_was_tested_is_a_look(tmp_path: Path) -> None:
    made = synthetic(tmp_path / "few", seeds=2)
    made.study["claims"] = CLAIMS
    remember(made, judged(made))
    assert "looks" not in manifest.read(made.path)
    made = synthetic(tmp_path / "many", seeds=6)
    made.study["claims"] = CLAIMS
    remember(made, judged(made))
    assert [each["seeds"] for each in manifest.read(made.path)["looks"]] == [list(range(6))]
    again = Results(**{**vars(made), "manifest": {"looks": [{"seeds": [0, 1]}]}})
    assert {(each.look, each.level) for each in judged(again)} == {(2, 0.0125)}


def test_a_whole_start_after_a_partial_one_makes_good(tmp_path: Path) -> None:
    manifest.open_session(tmp_path, {}, ["--limit 5"])
    assert manifest.partial_now(manifest.read(tmp_path)) == ["--limit 5"]
    manifest.open_session(tmp_path, {}, [])
    assert manifest.partial_now(manifest.read(tmp_path)) == []
    assert manifest.partial_now({"partial": ["--seeds 2"], "sessions": [{}]}) == ["--seeds 2"]
    assert manifest.partial_now({}) == []


def test_partial_starts_that_cover_the_grid_together_are_whole(results: Results) -> None:
    axes = View(results).all_axes
    keys = cover.keys(results.trials, axes)
    start = {"partial": ["--where lr_ratio == 1"], "cells": sorted(set(keys)), "seeds": list(range(6))}
    whole = Results(**{**vars(results), "manifest": {"last_start": start}})
    assert View(whole).partial == ()
    assert {each.verdict for each in judged(whole)} != {"untestable"}
    for lacks in ({"cells": [*start["cells"], cover.key({"lr_ratio": 999})]}, {"seeds": list(range(7))}):
        part = Results(**{**vars(results), "manifest": {"last_start": {**start, **lacks}}})
        assert View(part).partial == ("--where lr_ratio == 1",)
        assert {each.verdict for each in judged(part)} == {"untestable"}
        assert first.content(View(part))["partial"] == ["--where lr_ratio == 1"]
    good = {"partial": ["--limit 5"], "last_start": {"partial": []}}  # made good by a whole start
    assert first.content(View(Results(**{**vars(results), "manifest": good})))["partial"] == []


def test_cells_are_the_same_in_the_study_and_in_the_table() -> None:
    for study, table in ((1, 1.0), (1, "1"), (0.5, "0.5"), (True, "True"), (None, float("nan")), ("a", "a")):
        assert cover.key({"axis": study}) == cover.key({"axis": table})
    assert cover.key({"axis": 1}) != cover.key({"axis": 2})
    assert cover.key({"axis": 1}) != cover.key({"other": 1})


def other(results: Results, **changes: Any) -> Results:
    """The same results with other claims, trials, rules or record."""
    claims = changes.pop("claims", results.study.get("claims"))
    return Results(**{**vars(results), "study": {**results.study, "claims": claims}, **changes})


def started(results: Results) -> dict[str, Any]:
    """The record of a first start with all claims and these results' cells."""
    evidence = Evidence(results.trials, results.curves, View(results).all_axes, results.meta)
    scopes = {each.id: scope_of(to_claim(each), evidence, {}) for each in blocks()}
    cells = {name: scope.cells for name, scope in scopes.items() if scope}
    return {"sessions": [{"claims": fingerprints(blocks(), {}), "claim_cells": cells}]}


def test_the_family_is_that_of_the_first_start(results: Results) -> None:
    """To drop claims, or to break them, loosens nothing."""
    first = started(results)
    alone = other(results, claims=CLAIMS[:1], manifest=first)
    (one,) = judged(alone)
    assert one.family == judged(results)[0].family == 4
    assert one.confidence == pytest.approx(1 - 0.025 / 4)
    told = "removed after the first results: closer, dropout-helps, modes"
    assert removed(alone.study, first) == told
    assert told in section(alone)
    assert told in section(other(results, claims=None, manifest=first))
    broken = [CLAIMS[0], {**CLAIMS[1], "margin": "x"}, CLAIMS[0], 3]
    made = judged(other(results, claims=broken, manifest=first))
    assert [(each.id, each.family) for each in made] == [
        ("strong-d-fails", 6),
        ("dropout-helps", 6),
        ("claims[2]", 6),
        ("claims[3]", 6),
    ]
    assert {each.verdict for each in made[1:]} == {"untestable"}
    assert made[1].changed == "changed after the first results"
    assert made[3].changed == "added after the first results"
    assert made[1].reason.startswith("it cannot be read (study.yaml: claims[1].margin: ")
    assert not claim_text.is_settled(made[1:])
    assert json.dumps(claim_text.rows(made))
    assert removed(results.study, {}) == ""


def test_a_claim_that_is_judged_on_other_cells_was_changed(results: Results) -> None:
    first = started(results)
    assert not any(each.changed for each in judged(other(results, manifest=first)))
    more = results.trials[results.trials["lr_ratio"] == 1.0].assign(lr_ratio=128.0)
    more = more.assign(trial=more["trial"] + "x", cell=more["cell"] + "x")
    grown = other(results, manifest=first, trials=pd.concat([results.trials, more], ignore_index=True))
    changed = {each.id: each.changed for each in judged(grown)}
    assert changed["dropout-helps"] == "changed after the first results (it has other cells)"
    assert changed["closer"] == changed["strong-d-fails"] == ""
    first["last_start"] = {"partial": ["--limit 5"]}  # cells may be missing, so they tell nothing
    assert not any(each.changed for each in judged(grown))


def test_other_trials_and_other_rules_are_new_looks(tmp_path: Path) -> None:
    made = other(synthetic(tmp_path, seeds=6), claims=CLAIMS)

    def look(**changes: Any) -> int:
        now = other(made, manifest=manifest.read(made.path), **changes)
        verdicts = judged(now)
        remember(now, verdicts)
        return verdicts[0].look

    assert look() == look() == 1
    before = (tmp_path / manifest.FILE).read_bytes()
    assert look(claims=CLAIMS[:2]) == 1
    assert (tmp_path / manifest.FILE).read_bytes() == before
    assert look(rules=Rules(jaccard=0.4)) == look(rules=Rules(jaccard=0.4)) == 2
    assert look(trials=made.trials[made.trials["lr_ratio"] != 64.0]) == 2 + 1
    assert look() == 1


def test_what_lacks_trials_shows_no_effect(results: Results) -> None:
    trials = results.trials.copy()
    trials.loc[trials["lr_ratio"] == 64.0, "status"] = "crashed"
    made = {each.id: each for each in judged(other(results, trials=trials))}
    assert made["closer"].estimate.n == 6
    for each in (made["strong-d-fails"], *judged(other(results, manifest={"partial": ["--limit 5"]}))):
        assert each.verdict == "untestable"
        assert "effect not shown" in each.reason
        assert (each.estimate.n, each.estimate.low, each.failure, each.cells) == (0, None, None, ())
        assert claim_sentences.sentence(each) == ""


def test_the_terminal_says_what_qualifies_a_verdict(results: Results) -> None:
    first = replace(judged(results)[0], depends="dropout", changed="changed after the first results")
    (line,) = claim_text.lines([first])
    told = "; depends on dropout; changed after the first results; failures of any kind: "
    assert told in line
    assert told in claim_text.short_rows([first])[0]["reason"]
    assert "failures of any kind" not in claim_text.lines(judged(results))[1]  # it is about them


# --- the page


def test_the_section(results: Results) -> None:
    text = section(results)
    for each in CLAIMS:
        assert each["text"] in text
        assert f'id="claim-{each["id"]}"' in text
    assert "4 claims, together (Holm); look 1" in text
    assert "Effect in each of" in text
    assert '<details class="meanings"><summary>What the five verdicts mean</summary>' in text
    assert [name for name, _ in claim_section.MEANINGS] == [
        *("supported", "refuted", "no_effect", "inconclusive", "untestable")
    ]
    content = claim_section.content(View(results))
    forest = content["claims_forest"]
    assert [row["claim"] for row in forest.rows] == [each["id"] for each in CLAIMS]


def test_claims_that_cannot_be_read_are_told(results: Results) -> None:
    broken = [{"id": "x"}, 3, *CLAIMS[:1], {**CLAIMS[1], "margin": "x"}]
    found, unreadable = read({"claims": broken})
    assert [each.id for each in found] == ["strong-d-fails"]
    assert len(unreadable) == 3
    assert read({"claims": "x"}) == ([], ["claims: expected a list"])
    assert read({"claims": None}) == ([], [])
    text = section(Results(**{**vars(results), "study": {**results.study, "claims": broken[:1]}}))
    assert "study.yaml: claims[0]" in text


HOSTILE = '"><img src=x onerror=alert(1)> =cmd()\x1b[31m\u202ex'


def test_hostile_texts_are_harmless(results: Results) -> None:
    claims = [
        {**CLAIMS[0], "text": HOSTILE, "where": {HOSTILE: [HOSTILE]}},
        {**CLAIMS[1], "text": HOSTILE, "effect": {"flag": HOSTILE}},
        {**CLAIMS[1], "id": "c", "text": HOSTILE, "compare": {HOSTILE: [HOSTILE, "b"]}},
    ]
    hostile = Results(**{**vars(results), "study": {**results.study, "claims": claims}})
    text = section(hostile)
    assert "<img src=x" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    made = judged(hostile)
    assert {each.verdict for each in made} == {"untestable"}
    assert not any("\x1b" in line or "\u202e" in line for line in claim_text.lines(made))


# --- the command line


def test_a_page_written_from_python_is_a_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = other(synthetic(tmp_path, seeds=6), claims=CLAIMS)
    monkeypatch.setattr(page, "load", lambda path: made)
    monkeypatch.setattr(page, "_render", lambda view, pictures: "")  # it takes a while
    monkeypatch.setattr("bench.report.samples.show_chosen", lambda view, group: [])
    page.write(tmp_path)
    assert [each["seeds"] for each in manifest.read(tmp_path)["looks"]] == [list(range(6))]


NULLABLE = {"int64": "Int64", "double": "Float64", "bool": "boolean"}


@pytest.fixture
def folder(tmp_path: Path, results: Results) -> Path:
    """The same as tables alone, as they are handed on."""
    import pyarrow as pa

    from bench.store import schema
    from bench.store.tables import CURVES, TRIALS

    curves = results.curves.copy()
    for name, kind in schema.curves_core().items():
        if name not in curves:
            curves[name] = None
        curves[name] = curves[name].astype(NULLABLE.get(str(kind), object))
    ordered = [*schema.curves_core(), *(n for n in curves if n not in schema.curves_core())]
    fields = [pa.field(n, schema.curves_core().get(n, schema.metric_type(n))) for n in ordered]
    table = pa.Table.from_pandas(curves[ordered], schema=pa.schema(fields), preserve_index=False)
    schema.write(tmp_path / CURVES, table.replace_schema_metadata(None), results.meta)
    trials = pa.Table.from_pandas(results.trials, preserve_index=False).replace_schema_metadata(None)
    schema.write(tmp_path / TRIALS, trials, results.meta)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({**results.study, "claims": CLAIMS}))
    return tmp_path


def test_judge_prints_claims_and_strict_sets_the_exit_code(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.invoke(["judge", str(folder), "--claims", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["claim"] for row in rows] == [each["id"] for each in CLAIMS]
    assert json.loads((folder / "manifest.json").read_text())["looks"][0]["seeds"] == list(range(6))
    verdicts = {row["verdict"] for row in rows}
    expected = 3 if "refuted" in verdicts else 4 if verdicts & {"inconclusive", "untestable"} else 0
    assert cli.invoke(["judge", str(folder), "--strict"]) == expected
    assert "strong-d-fails" in capsys.readouterr().out
    assert cli.invoke(["judge", str(folder), "--claims", "--format", "csv"]) == 0
    assert capsys.readouterr().out.startswith("claim,text,belief,verdict,")
    monkeypatch.setattr(page, "_render", lambda view, pictures: "")  # it takes a while
    monkeypatch.setattr("bench.report.samples.show_chosen", lambda view, group: [])
    assert cli.invoke(["report", str(folder), "--strict"]) == expected
    assert "claim strong-d-fails: " in capsys.readouterr().err


def test_a_report_judges_its_claims_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Results] = []

    def counted(results: Results) -> tuple[Judged, ...]:
        calls.append(results)
        return judged(results)

    monkeypatch.setattr("bench.report.claims.judged", counted)
    monkeypatch.setattr(
        page, "_render", lambda view, pictures: str(claim_section.content(view)["claims_any"])
    )
    made = page.written(folder)
    assert len(calls) == 1
    assert [each.id for each in made.claims] == [each["id"] for each in CLAIMS]
    assert made.is_whole
    assert made.told == tuple(claim_text.lines(made.claims))
    assert made.path.read_text() == "True"
    manifest.open_session(folder, {"claims": {"gone": "abc"}}, [])
    assert page.written(folder).told[-1].startswith("claims removed after the first results: gone; ")


def test_the_first_screen_has_one_claim_of_each_verdict() -> None:
    verdicts = ["supported"] * 9 + ["inconclusive"] * 3 + ["no_effect"]
    shown = [{"verdict": verdict, "id": i} for i, verdict in enumerate(verdicts)]
    chosen = [each["verdict"] for each in claim_section.first_ones(shown)]
    assert chosen == ["supported"] * 4 + ["no_effect", "inconclusive"]
    assert claim_section.first_ones(shown[:2]) == shown[:2]


def test_the_forest_draws_both_readings_of_the_undecided(results: Results) -> None:
    made = judged(results)[1]
    other = replace(made.estimate, mean=made.estimate.mean + 0.2)
    one, two = (claim_figures.forest([replace(made, all_failed=each)]) for each in (None, other))
    assert one is not None
    assert two is not None
    assert one.svg.count("<use") + one.svg.count("<path") < two.svg.count("<use") + two.svg.count("<path")
    assert two.rows[0]["effect_all_failed"] == pytest.approx(made.estimate.mean + 0.2)
