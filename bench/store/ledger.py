"""The ledger: what was planned, what is done, what crashed. Only what a manifest names counts.

`plan.json` is frozen at the first start and only ever grows. A trial is done when the `done.json` of its
pack, fsynced and renamed into place, names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.store import atomic, checkpoint, lock
from bench.store.segments import Corrupt, Part, read_part
from bench.trial import PROTOCOL, Pack, Trial, canonical_json

MakePacks = Callable[[list[Trial]], Sequence[Pack]]
PACKS = "packs"


class OtherVersion(UserError):
    """A plan that another version of ganbench made: nothing can be trained on in its folder.

    `made` says how it was made, for readers, who need no advice on training.
    """

    def __init__(self, sentence: str, made: str) -> None:
        super().__init__(sentence)
        self.made = made


@dataclass(frozen=True)
class Plan:
    """The name of the study and all its packs, in the order in which they were planned."""

    study: str
    packs: tuple[Pack, ...]

    @property
    def trials(self) -> dict[str, Trial]:
        return {trial.id: trial for pack in self.packs for trial in pack.trials}


@dataclass(frozen=True)
class Done:
    """A finished pack: rows of each trial, columns of its metrics, and every file that holds its results."""

    rows: Mapping[str, int]
    columns: tuple[str, ...]
    segments: tuple[Part, ...]
    previews: tuple[Part, ...]
    final: Part | None

    @property
    def parts(self) -> tuple[Part, ...]:
        return (*self.segments, *self.previews, *((self.final,) if self.final else ()))


@dataclass(frozen=True)
class Planned:
    """A pack as every version of ganbench has planned it: its id, its trials, and the steps they train."""

    id: str
    trials: tuple[str, ...]
    steps: int


def pack_folder(results: Path, pack_id: str) -> Path:
    return results / PACKS / pack_id


# --- the plan


def open_plan(results: Path, study: str, trials: Iterable[Trial], make_packs: MakePacks) -> list[Pack]:
    """Reuse the plan of this folder, add packs for the trials it lacks, return the packs that hold `trials`.

    Raises:
        UserError: the folder belongs to another study; the message shows the difference.
    """
    wanted = {trial.id: trial for trial in trials}
    plan = read_plan(results) or Plan(study, ())
    differences = foreign(plan, study, list(wanted.values()))
    if differences:
        lines = "\n".join(f"  {line}" for line in differences)
        raise UserError(
            f"{results} belongs to another study, nothing was touched:\n{lines}\n"
            "Give another folder with --out, or another name to the study"
        )
    known = plan.trials
    new = [trial for identity, trial in wanted.items() if identity not in known]
    if new:
        plan = Plan(study, (*plan.packs, *make_packs(new)))
        if len(plan.trials) != sum(pack.width for pack in plan.packs):
            raise ValueError("a trial stands in two packs")
        write_plan(results, plan)
    return [pack for pack in plan.packs if any(trial.id in wanted for trial in pack.trials)]


def write_plan(results: Path, plan: Plan) -> None:
    packs = [
        {
            "id": pack.id,
            "threads": pack.threads,
            "device": pack.device,
            "trials": [{"id": t.id, "axes": dict(t.axes), "record": t.record()} for t in pack.trials],
        }
        for pack in plan.packs
    ]
    atomic.write_json(results / "plan.json", {"protocol": PROTOCOL, "study": plan.study, "packs": packs})


def read_plan(results: Path) -> Plan | None:
    """The plan in `plan.json`, every id checked against its record; None when there is none."""
    path = results / "plan.json"
    if not path.exists():
        return None
    advice = "Put a copy of it back, or give another folder with --out: only it says what the packs hold"
    try:
        record = atomic.read_json(path)
    except UserError as error:
        raise UserError(f"{error}. {advice}") from error
    try:
        if other := _unlike_ours(record):
            raise OtherVersion(
                f"{results} was made by another version of ganbench: the settings of its trials differ from "
                f"this one's ({', '.join(other)}). Its tables and its report can be read; to train, give "
                "another folder with --out",
                made="by another version of ganbench",
            )
        packs = tuple(_pack_from(each) for each in record["packs"])
        plan = Plan(str(record["study"]), packs)
        protocol = record["protocol"]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is damaged: {error!r}. {advice}") from error
    if protocol != PROTOCOL:
        raise OtherVersion(
            f"{results} was made with protocol {protocol}, this ganbench measures by protocol {PROTOCOL}: "
            "their numbers must not be mixed. Its tables and its report can be read; to train, give another "
            "folder with --out",
            made=f"with protocol {protocol}",
        )
    for given, pack in zip(record["packs"], packs, strict=True):
        if given["id"] != pack.id or [t["id"] for t in given["trials"]] != [t.id for t in pack.trials]:
            raise UserError(f"{path} was changed by hand: pack {given['id']} is not the hash of its record")
    return plan


def read_outline(results: Path) -> tuple[list[Planned], str] | None:
    """The packs of `plan.json`, also of one that another version made, and how it was made (empty: by ours).

    None when there is no plan.
    """
    try:
        plan = read_plan(results)
    except OtherVersion as error:
        try:
            packs = atomic.read_json(results / "plan.json")["packs"]
            return [_planned(each) for each in packs], error.made
        except (KeyError, TypeError, ValueError, IndexError):
            raise error from None
    if plan is None:
        return None
    return [Planned(p.id, tuple(t.id for t in p.trials), p.trials[0].steps) for p in plan.packs], ""


def _planned(record: Mapping[str, Any]) -> Planned:
    trials = record["trials"]
    return Planned(
        str(record["id"]), tuple(str(each["id"]) for each in trials), int(trials[0]["record"]["steps"])
    )


def _unlike_ours(plan: Mapping[str, Any]) -> list[str]:
    """Names of settings that only the trials of the plan, or only ours, have; empty where they agree."""
    ours = {each.name for each in fields(Trial)} - {"axes"}
    # `plugins` stands in the records of trials that have some.
    theirs = {name for pack in plan["packs"] for trial in pack["trials"] for name in trial["record"]}
    return sorted((ours ^ theirs) - {"plugins"}) if theirs else []


def _pack_from(record: Mapping[str, Any]) -> Pack:
    trials = tuple(Trial.from_record(t["record"], tuple(t["axes"].items())) for t in record["trials"])
    return Pack(trials, int(record["threads"]), str(record["device"]))


def read_pack(results: Path, pack_id: str) -> Pack:
    plan = read_plan(results)
    for pack in plan.packs if plan else ():
        if pack.id == pack_id:
            return pack
    raise UserError(f"{results}/plan.json has no pack {pack_id}")


def foreign(plan: Plan, study: str, trials: Sequence[Trial]) -> list[str]:
    """What tells the study in a folder from the one to be run, a line each: name, data, evaluation."""
    if not plan.packs:
        return []
    lines = []
    if plan.study != study:
        lines.append(f"name: {plan.study!r} in the folder, {study!r} now")
    there, here = list(plan.trials.values()), list(trials)
    data_there = {canonical_json(t.dataset.to_json()): t.data_sha256 for t in there}
    data_here = {canonical_json(t.dataset.to_json()): t.data_sha256 for t in here}
    if here and not data_there.keys() & data_here.keys():
        lines.append(f"data: {', '.join(data_there)} in the folder, {', '.join(data_here)} now")
    for name in data_there.keys() & data_here.keys():
        if data_there[name] != data_here[name]:
            lines.append(
                f"data: sha256 of {name}: {data_there[name][:12]} in the folder, {data_here[name][:12]} now"
            )
    plugins = [sorted({each for t in trials for each in t.plugins}) for trials in (there, here)]
    if here and plugins[0] != plugins[1]:
        texts = [", ".join(each[:12] for each in hashes) or "none" for hashes in plugins]
        lines.append(
            f"plugins: {texts[0]} in the folder, {texts[1]} now (sha256): they decide every trial's id"
        )
    measured_there = {_measured(t): canonical_json(t.record()["evaluate"]) for t in there}
    measured_here = {_measured(t): canonical_json(t.record()["evaluate"]) for t in here}
    for key in measured_there.keys() & measured_here.keys():
        if measured_there[key] != measured_here[key]:
            lines.append(f"evaluate: {measured_there[key]} in the folder, {measured_here[key]} now")
            break
    return lines


def _measured(trial: Trial) -> tuple[str, int]:
    # The default of `every` follows from the steps, which may be an axis.
    return canonical_json(trial.dataset.to_json()), trial.steps


# --- what is done


def write_done(folder: Path, done: Done) -> None:
    """Declare a pack finished. All files that `done` names must be durable already."""
    atomic.write_json(
        folder / "done.json",
        {
            "trials": dict(done.rows),
            "columns": list(done.columns),
            "segments": [part.to_json() for part in done.segments],
            "previews": [part.to_json() for part in done.previews],
            "final": done.final.to_json() if done.final else None,
        },
    )


def read_done(folder: Path) -> Done | None:
    """What `done.json` declares, or None; Corrupt when it cannot be read."""
    path = folder / "done.json"
    if not path.exists():
        return None
    try:
        record = atomic.read_json(path)
        return Done(
            {str(k): int(v) for k, v in record["trials"].items()},
            tuple(str(each) for each in record["columns"]),
            tuple(Part.from_json(each) for each in record["segments"]),
            tuple(Part.from_json(each) for each in record["previews"]),
            Part.from_json(record["final"]) if record["final"] else None,
        )
    except Corrupt:
        raise
    except (UserError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Corrupt(f"{path} is damaged") from error


def damage(results: Path, packs: Iterable[Pack]) -> dict[str, str]:
    """Pack id -> sentence, for every pack declared done whose files no longer verify."""
    told = {pack.id: damage_of(results, pack.id, (trial.id for trial in pack.trials)) for pack in packs}
    return {pack: sentence for pack, sentence in told.items() if sentence}


def damage_of(results: Path, pack_id: str, trials: Iterable[str]) -> str:
    """What is wrong with the files of a pack of these trials that is declared done; else empty."""
    folder = pack_folder(results, pack_id)
    try:
        done = read_done(folder)
        if done is None:
            return ""
        if set(done.rows) != set(trials):
            raise Corrupt(f"{folder / 'done.json'} does not name the trials of its pack")
        for part in done.parts:
            read_part(folder, part)
    except Corrupt as error:
        return str(error)
    return ""


def reopen_damaged(results: Path, packs: Sequence[Pack]) -> list[str]:
    """Make every damaged pack pending again, and no other; a sentence for each. For the driver only."""
    sentences = []
    widths = {pack.id: pack.width for pack in packs}
    for pack_id, sentence in damage(results, packs).items():
        folder = pack_folder(results, pack_id)
        (folder / "done.json").unlink(missing_ok=True)
        checkpoint.clear(folder)
        atomic.sync_folder(folder)
        sentences.append(
            f"{sentence}. Pack {pack_id} ({widths[pack_id]} trials) is pending again; no other trial is lost"
        )
    return sentences


# --- what crashed, and the state of each trial


def write_crash(folder: Path, text: str) -> None:
    """Mark a pack as crashed for good; `text` says what happened, traceback included."""
    atomic.write_text(folder / "error.txt", text.rstrip() + "\n")


def read_crash(folder: Path) -> str | None:
    try:
        return (folder / "error.txt").read_text()
    except FileNotFoundError:
        return None


def clear_crash(folder: Path) -> None:
    (folder / "error.txt").unlink(missing_ok=True)


def pack_status(results: Path, pack_id: str) -> str:
    """`pending`, `running`, `done` or `crashed`."""
    folder = pack_folder(results, pack_id)
    if (folder / "done.json").exists():
        return "done"
    if (folder / "error.txt").exists():
        return "crashed"
    return "running" if lock.is_held(folder / "lock") else "pending"


def statuses(results: Path) -> dict[str, str]:
    """Trial id -> status, for every planned trial."""
    plan = read_plan(results)
    found = {}
    for pack in plan.packs if plan else ():
        status = pack_status(results, pack.id)
        found.update({trial.id: status for trial in pack.trials})
    return found
