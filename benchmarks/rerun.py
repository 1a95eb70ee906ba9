"""Runs the published studies again and keeps what is published of them.

`make folklore` runs every study of studies/folklore/, `make folklore STUDY=NAME` one of them. A run stands in
results/NAME: stopped, it goes on with the same command; to train anew, remove that folder. When it is done,
its tables, its report and what says how they came about replace those in results/folklore/NAME, and
docs/make_verdicts.py writes the table of README.md anew. Not kept are the weights and segments of `packs/`,
the least, largest and last value of each monitor within an interval, which no rule reads, and the digits of a
number beyond the seventh. The kept curves are judged again, and must say of every trial what the run said.
`make replications` does so for studies/replications/ and results/replications/, and docs/make_published.py
writes the tables of docs/measured.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from bench.errors import UserError
from bench.judge.outcomes import OUTCOMES
from bench.store import schema, tables
from bench.store.rejudge import judge_again
from bench.study import examples
from ganzoo.catalog import suggest

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"folklore": "make_verdicts.py", "replications": "make_published.py"}
"""Folder of studies -> the script that writes a page from their results."""

FILES = (
    tables.TRIALS,
    tables.CURVES,
    tables.ATTEMPTS,
    "study.yaml",
    "manifest.json",
    "floors.json",
    "report.html",
)
"""What is kept of a run, beside its plugins."""

NOT_KEPT = (".min", ".max", ".last", ".flips")
"""Statistics of the monitors within an interval: half of the curves' bytes, in no rule or figure."""

NAMED = 5
"""Trials that a refusal names, at most."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("group", choices=tuple(PAGES))
    parser.add_argument("names", nargs="*", metavar="NAME", help="studies; all of the group when left out")
    parser.add_argument("--runs", type=Path, default=ROOT / "results", help="where the runs stand: results/")
    parser.add_argument("--keep-only", action="store_true", help="run nothing: keep what RUNS/NAME holds")
    given = parser.parse_args(arguments)
    runs = given.runs.absolute()
    try:
        if not given.keep_only and not runs.is_relative_to(ROOT):
            raise UserError(f"--runs {given.runs} is not in the repository, and would be published as it is")
        for name, study in chosen(ROOT / "studies" / given.group, given.names).items():
            code = 0 if given.keep_only else run(study, runs / name)
            if code:
                print(f"{name} ended with exit code {code}; what was published of it stays", file=sys.stderr)
                return code
            kept = ROOT / "results" / given.group / name
            size = keep(runs / name, kept)
            print(f"{kept.relative_to(ROOT)}: {size / 1e6:.1f} MB")
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    subprocess.run([sys.executable, ROOT / "docs" / PAGES[given.group]], check=True)
    return 0


def chosen(folder: Path, names: Sequence[str]) -> dict[str, Path]:
    """Name -> file of the studies in a folder; those of `names` in their order, or all."""
    known = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    for name in names:
        if name not in known:
            legal = ", ".join(known) or "none"
            raise UserError(f"{folder.name} has no study {name!r}{suggest(name, known)}; studies: {legal}")
    return {name: known[name] for name in names} if names else known


def run(study: Path, out: Path) -> int:
    """`ganbench run`, as anyone would call it from the root of the repository."""
    print(f"== {study.stem}: {examples.question(study)}", flush=True)
    command = ["ganbench", "run", str(study.relative_to(ROOT)), "--out", str(out.relative_to(ROOT))]
    print("   " + " ".join(command), flush=True)
    return subprocess.run([sys.executable, "-m", "bench.cli", *command[1:]], cwd=ROOT).returncode


def keep(results: Path, kept: Path) -> int:
    """Replace `kept` by the small files of a whole run; returns their bytes.

    Raises:
        UserError: the run is not whole, or what would be kept of it says something else. `kept` is then left
            as it was.
    """
    _refuse_unfinished(results)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix=f".{kept.name}-") as made:
        new = Path(made) / "new"
        new.mkdir()
        for name in FILES:
            shutil.copyfile(results / name, new / name)
        _thin(new / tables.CURVES)
        judged = judge_again(new, tables.kept_rules(results)).trials
        _refuse_changed(results, schema.read_trials(results / tables.TRIALS), judged)
        trials = new / tables.TRIALS
        schema.write(trials, judged, schema.read_metadata(trials), small=True)
        if (results / "plugins").is_dir():
            shutil.copytree(results / "plugins", new / "plugins")
        if kept.exists():
            kept.rename(Path(made) / "old")
        new.rename(kept)
    return sum(path.stat().st_size for path in kept.rglob("*") if path.is_file())


def _thin(curves: Path) -> None:
    """Make NOT_KEPT null and round the other numbers to float32, seven digits; the columns stay, so that the
    table has the schema of every other.

    Shares and counts stay exact: a threshold may be one of their values (0.9 is less as a float32), and their
    repeating values take less room as they are.
    """
    data = parquet.read_table(curves)
    metadata = json.loads((data.schema.metadata or {}).get(schema.METADATA_KEY, b"null"))
    for at, column in enumerate(data.schema):
        if column.name.endswith(NOT_KEPT):
            data = data.set_column(at, column, pa.nulls(len(data), column.type))
        elif column.type == pa.float64() and not schema.repeats(data.column(at)):
            data = data.set_column(at, column, _rounded(data.column(at)))
    schema.write(curves, data, metadata, small=True)


def _rounded(numbers: pa.ChunkedArray) -> pa.ChunkedArray:
    """Seven digits; as they are where one of them would turn infinite or 0."""
    exact = numbers.to_numpy()
    with np.errstate(over="ignore", under="ignore"):
        rounded = exact.astype(np.float32).astype(np.float64)
    is_lost = (np.isinf(rounded) != np.isinf(exact)) | ((rounded == 0) != (exact == 0))
    return numbers if is_lost.any() else numbers.cast(pa.float32(), safe=False).cast(pa.float64())


def _refuse_changed(results: Path, before: pa.Table, after: pa.Table) -> None:
    """What is kept must give every trial the outcome and the signs that the run gave it."""
    said = ["outcome", "outcome_step", *(f"flag.{name}" for name in OUTCOMES)]
    now = {row["trial"]: row for row in after.select(["trial", *said]).to_pylist()}
    changed = [
        f"{row['trial']} ({name}: {row[name]}, now {now[row['trial']][name]})"
        for row in before.select(["trial", *said]).to_pylist()
        for name in said
        if row[name] != now[row["trial"]][name]
    ]
    if changed:
        more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
        raise UserError(
            f"{results} is judged otherwise by what would be kept of it: {', '.join(changed[:NAMED])}{more}; "
            f"`ganbench judge` and `ganbench report` with it if the rules have changed since"
        )


def _refuse_unfinished(results: Path) -> None:
    missing = [name for name in FILES if not (results / name).is_file()]
    if missing:
        raise UserError(f"{results} has no {', '.join(missing)}: it holds no finished run")
    loaded = tables.load(results)
    status = loaded.trials["status"].value_counts().to_dict()
    if set(status) != {"done"}:
        counts = ", ".join(f"{count} {name}" for name, count in status.items())
        raise UserError(f"{results} is not finished ({counts}): run its study again, it goes on from there")
    if partial := loaded.partial:
        raise UserError(
            f"{results} covers its study in part ({', '.join(partial)}): run it again without, it goes on"
        )
    argv = [each for start in loaded.manifest.get("sessions", []) for each in start.get("argv") or []]
    said = [each.partition("=")[2] or each for each in argv]  # `--out=PATH` in one word
    if paths := sorted({each for each in said if Path(each).is_absolute()}):
        raise UserError(
            f"{results} would publish where it stood ({', '.join(paths)}): give --out a relative path"
        )


if __name__ == "__main__":
    sys.exit(main())
