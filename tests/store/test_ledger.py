from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from fake_training import RING, packs_of_two, trial

from bench.errors import UserError
from bench.store import atomic, attempts, ledger
from bench.store.ledger import Done
from bench.store.segments import write_part
from bench.trial import PROTOCOL, Component, Evaluate

TRIALS = [trial(seed) for seed in range(4)]


def finish(results: Path, pack) -> None:
    folder = ledger.pack_folder(results, pack.id)
    part = write_part(folder, "segment-001-000000000.parquet", pack.id.encode())
    ledger.write_done(folder, Done({t.id: 0 for t in pack.trials}, ("sw1",), (part,), (), None))


def test_the_plan_is_frozen_and_grows(tmp_path: Path) -> None:
    first = ledger.open_plan(tmp_path, "s", TRIALS, packs_of_two)
    before = (tmp_path / "plan.json").read_bytes()

    def refuse(new: list) -> list:
        raise AssertionError("packed again")

    assert ledger.open_plan(tmp_path, "s", TRIALS[::-1], refuse) == first
    assert (tmp_path / "plan.json").read_bytes() == before
    more = [*TRIALS, trial(4), trial(5), trial(6)]
    both = ledger.open_plan(tmp_path, "s", more, packs_of_two)
    assert both[:2] == first
    assert [[t.seed for t in pack.trials] for pack in both[2:]] == [[4, 5], [6]]
    assert both[0].trials[0].axes == (("lr_ratio", 8.0),)
    only = ledger.open_plan(tmp_path, "s", [trial(3)], refuse)
    assert only == [first[1]]


@pytest.mark.parametrize(
    ("study", "other", "words"),
    [
        ("t", trial(0), "name: 's' in the folder, 't' now"),
        ("s", trial(0, dataset=Component("grid25")), "data: .*ring8.*grid25"),
        ("s", trial(0, data_sha256="e" * 64), "sha256 of .*ring8.*dddd.*eeee"),
        ("s", trial(0, evaluate=Evaluate(5, 100, ())), "evaluate: .*100.* in the folder"),
    ],
)
def test_another_study_is_refused_with_the_difference(tmp_path: Path, study, other, words) -> None:
    ledger.open_plan(tmp_path, "s", TRIALS, packs_of_two)
    before = (tmp_path / "plan.json").read_bytes()
    with pytest.raises(UserError, match=words):
        ledger.open_plan(tmp_path, study, [other], packs_of_two)
    assert (tmp_path / "plan.json").read_bytes() == before


def test_a_new_value_on_an_axis_is_no_other_study(tmp_path: Path) -> None:
    ledger.open_plan(tmp_path, "s", TRIALS, packs_of_two)
    grown = [*TRIALS, trial(0, lr_d=1.0), trial(0, dataset=replace(RING, name="grid25"))]
    assert len(ledger.open_plan(tmp_path, "s", grown, packs_of_two)) == 3


def test_a_plan_changed_by_hand_or_of_another_protocol_is_refused(tmp_path: Path) -> None:
    ledger.open_plan(tmp_path, "s", TRIALS, packs_of_two)
    path = tmp_path / "plan.json"
    text = path.read_text()
    path.write_text(text.replace('"batch": 8', '"batch": 9', 1))
    with pytest.raises(UserError, match="changed by hand"):
        ledger.read_plan(tmp_path)
    path.write_text(text.replace(f'"protocol": {PROTOCOL}', '"protocol": 0', 1))
    with pytest.raises(UserError, match="protocol 0"):
        ledger.read_plan(tmp_path)
    path.write_text("{}")
    with pytest.raises(UserError, match="damaged"):
        ledger.read_plan(tmp_path)


def test_a_plan_of_another_version_is_not_called_damaged(tmp_path: Path) -> None:
    ledger.open_plan(tmp_path, "s", TRIALS, packs_of_two)
    path = tmp_path / "plan.json"
    path.write_text(re.sub(r' *"lr_decay": [^,\n]*,\n', "", path.read_text()))
    with pytest.raises(UserError, match=r"another version of ganbench.*lr_decay") as error:
        ledger.read_plan(tmp_path)
    assert "damaged" not in str(error.value)


def test_damage_reopens_its_pack_and_no_other(tmp_path: Path) -> None:
    packs = ledger.open_plan(tmp_path, "s", [*TRIALS, trial(4), trial(5)], packs_of_two)
    for pack in packs:
        finish(tmp_path, pack)
    assert ledger.reopen_damaged(tmp_path, packs) == []
    segment = ledger.pack_folder(tmp_path, packs[0].id) / "segment-001-000000000.parquet"
    segment.write_bytes(b"other")
    (ledger.pack_folder(tmp_path, packs[1].id) / "done.json").write_text("{")
    sentences = ledger.reopen_damaged(tmp_path, packs)
    assert len(sentences) == 2
    assert "segment-001-000000000.parquet is damaged" in sentences[0]
    assert "2 trials" in sentences[0]
    assert [ledger.pack_status(tmp_path, pack.id) for pack in packs] == ["pending", "pending", "done"]


def test_statuses(tmp_path: Path) -> None:
    packs = ledger.open_plan(tmp_path, "s", TRIALS, packs_of_two)
    finish(tmp_path, packs[0])
    folder = ledger.pack_folder(tmp_path, packs[1].id)
    ledger.write_crash(folder, "boom")
    ids = [t.id for t in TRIALS]
    assert ledger.statuses(tmp_path) == dict(zip(ids, ["done", "done", "crashed", "crashed"], strict=True))
    assert ledger.read_crash(folder) == "boom\n"
    ledger.clear_crash(folder)
    assert ledger.pack_status(tmp_path, packs[1].id) == "pending"


def test_attempts_survive_a_torn_line(tmp_path: Path) -> None:
    assert attempts.start(tmp_path, {"pid": 1}) == 1
    with (tmp_path / attempts.FILE).open("a") as file:
        file.write('{"attempt": 2, "pi')
    assert attempts.start(tmp_path, {"pid": 2}) == 2
    attempts.end(tmp_path, 2, {"ending": "done"})
    assert attempts.read(tmp_path) == [
        {"attempt": 1, "pid": 1},
        {"attempt": 2, "pid": 2, "ending": "done"},
    ]


def test_an_id_not_in_the_plan_is_a_user_error(tmp_path: Path) -> None:
    atomic.make_folder(tmp_path)
    with pytest.raises(UserError, match="no pack"):
        ledger.read_pack(tmp_path, "x")
