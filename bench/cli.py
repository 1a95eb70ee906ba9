"""The command line: each verb parses, makes one call and gives an exit code of `bench.errors`.

Heavy packages are imported inside the verbs that need them: listing, planning and reading need neither
torch nor ray.
"""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from bench import __version__, terminal
from bench.errors import CRASHED, DONE, INCOMPLETE, REFUTED
from bench.listing import dumps, render
from bench.options import (
    FORMAT,
    RESULTS,
    RESULTS_OR_RUN,
    STRICT,
    Choice,
    Duration,
    Folder,
    Packing,
    choosing,
    packing,
    trials_of,
)
from bench.terminal import put, say

if TYPE_CHECKING:
    from bench.judge.claim import Judged
    from bench.study.plan import Plan
    from bench.study.spec import Study


def main() -> None:
    """Entry point: what the user can mend is one sentence (or all problems of a study), never a traceback."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    sys.exit(invoke(sys.argv[1:]))


def invoke(arguments: list[str]) -> int:
    """Run one command line; returns its exit code."""
    return terminal.invoke(cli, arguments)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="ganbench")
def cli() -> None:
    """Why did this GAN fail to train, and which knob would have saved it?

    A study (a YAML file) names a grid of trainings. ganbench trains every cell with several seeds, says how
    each run ended and why, and reports failure rates along every axis.
    """


@cli.command()
@choosing
@packing
@click.option("--out", type=Folder(), help="Results folder.  [default: results/<name>]")
@click.option("--backend", type=click.Choice(["ray", "inline"]), default="ray", show_default=True)
@click.option("--address", help="Join the Ray cluster at this address.")
@click.option("--budget", type=Duration(), help="Stop after this time, resumable: 90s, 20m, 2h.")
@click.option("--retry", is_flag=True, help="Run packs again that are marked crashed.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first crashed pack.")
@click.option("--dry-run", is_flag=True, help="Say what would run, as `plan` does, and stop.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def run(
    choice: Choice,
    packing: Packing,
    out: Path | None,
    backend: Literal["ray", "inline"],
    address: str | None,
    budget: float | None,
    retry: bool,
    fail_fast: bool,
    dry_run: bool,
    quiet: bool,
) -> int:
    """Run STUDY, a YAML file or a shipped name; run again, it goes on where it stopped."""
    if backend == "inline" and (address or (packing.workers or 1) > 1):
        raise click.UsageError("the backend inline runs one pack at a time, here: no --address, no --workers")
    spec = _load(choice)
    if dry_run:
        put(_plan_text(packing.plan(spec, out)))
        return DONE
    from bench.launch.run import Options
    from bench.launch.run import run as launch

    options = Options(
        backend=backend,
        address=address,
        retry=retry,
        fail_fast=fail_fast,
        budget_s=budget,
        cores=None if packing.workers is None else max(1, math.ceil(packing.workers * spec.resources.cpu)),
        quiet=quiet,
    )
    at_a_time = 1 if backend == "inline" else packing.at_a_time(spec)
    return launch(
        spec,
        trials_of(spec),
        lambda new: packing.packs(spec, new, at_a_time),
        out or Path("results") / spec.name,
        options,
    )


@cli.command()
@choosing
@packing
@click.option("--out", type=Folder(), help="Results folder whose neighbours tell the time.")
@click.option("--probe", is_flag=True, help="Train a few steps of each kind of pack to measure the time.")
@click.option(
    "--claims", is_flag=True, help="Only how well each claim would be known, and what that settles."
)
@FORMAT
def plan(choice: Choice, packing: Packing, out: Path | None, probe: bool, claims: bool, form: str) -> int:
    """Say what STUDY would train: axes, cells, packs, memory, time, and how well its claims would be known.

    Trains nothing without --probe.
    """
    from bench.study import claim_plan
    from bench.study import plan as plans

    if claims:
        put(render(claim_plan.rows(_load(choice)), form))
        return DONE
    measure = import_module("bench.train.timing").step_s if probe else None
    made = packing.plan(_load(choice), out, measure)
    put({"table": _plan_text, "json": plans.as_json, "csv": plans.as_csv}[form](made))
    return DONE


@cli.command()
@choosing
def validate(choice: Choice) -> int:
    """Check STUDY and report every problem at once; reads no data."""
    spec = _load(choice)
    trials = min(len(spec.cells) * len(spec.seeds), spec.limit or sys.maxsize)
    sizes = ((len(spec.cells), "cell"), (len(spec.seeds), "seed"), (trials, "trial"))
    counted = ", ".join(f"{n} {name}" if n == 1 else f"{n} {name}s" for n, name in sizes)
    put(f"{spec.source}: good: {counted}")
    return DONE


@cli.command()
@RESULTS
@click.option("--watch", is_flag=True, help="Every two seconds, until nothing is left to run.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@FORMAT
def status(results: Path, watch: bool, as_json: bool, form: str) -> int:
    """How many trials of RESULTS are pending, running, done or crashed, pack by pack."""
    from bench.status import origin, packs_of, summary

    form = "json" if as_json else form
    if told := origin(results):
        say(told)
    while True:
        rows = packs_of(results)
        if form == "table":
            say(summary(rows))
        put(render(rows, form))
        if not watch or all(row["status"] in ("done", "crashed") for row in rows):
            return DONE
        time.sleep(2.0)


@cli.command()
@RESULTS_OR_RUN
@click.argument("trial", required=False)
@FORMAT
def show(results: Path, trial: str | None, form: str) -> int:
    """Everything about one TRIAL of RESULTS; the first characters of its id are enough.

    RESULTS may be the file of one run, which has one trial.
    """
    from bench.report.show import show as page
    from bench.store.tables import load

    tables = load(results)
    if trial is None:
        if len(tables.trials) != 1:
            raise click.UsageError("say which TRIAL; ids stand in trials.parquet and in the report")
        trial = str(tables.trials["trial"].iloc[0])
    text = page(tables, trial)  # refuses what is no trial, or several
    if form == "table":
        put(text)
        return DONE
    rows = tables.trials[tables.trials["trial"].str.startswith(trial)]
    put(render([{str(key): value for key, value in row.items()} for _, row in rows.iterrows()], form))
    return DONE


@cli.command()
@RESULTS_OR_RUN
@click.option(
    "--rules",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML with thresholds in place of the rules' own (`ls rules`): `converged_distance: 0.1`.",
)
@click.option("--all", "whole", is_flag=True, help="List every trial, not just those that changed.")
@click.option("--claims", "only_claims", is_flag=True, help="Print the claims instead of the trials.")
@STRICT
@FORMAT
def judge(results: Path, file: Path | None, whole: bool, only_claims: bool, strict: bool, form: str) -> int:
    """Judge every finished trial of RESULTS again, from its stored curves, and its claims; say what changed.

    Without --rules by the rules of this version, whatever rules the tables were made by. A table of trials is
    followed by that of the claims; JSON and CSV hold one of the two.
    """
    from bench.store import manifest
    from bench.store.rejudge import judge_again, listed, summary
    from bench.store.tables import study_of
    from bench.study.rules_file import load_rules

    # Damage is told before anything is written.
    study, record = study_of(results), {} if results.is_file() else manifest.read(results)
    made = judge_again(results, load_rules(file)) if file else judge_again(results)
    claims: Sequence[Judged] = ()
    notes: list[str] = []
    if study.get("claims") or manifest.first_start(record, "claims"):
        from bench.report import claim_text  # loads scipy, which judging outcomes does without

        claims, notes = claim_text.of(results), claim_text.notes(study, record)
    for line in made.notes:
        say(line)
    if not only_claims:
        columns, rows = listed(made, changed=not whole and results.is_dir())
        put(render(rows, form, columns))
    if only_claims or (claims and form == "table"):
        from bench.report.claim_text import listed as listed_claims

        shown, rows = listed_claims(claims, short=form == "table")
        put(render(rows, form, shown))
    for line in (*notes, *summary(made)):
        say(line)
    if made.moves and (results / "report.html").exists():
        say(f"report.html still shows the outcomes of before: `ganbench report {results}` writes it anew")
    return _strictly(claims, made.is_whole) if strict else DONE


def _strictly(claims: Sequence[Judged], is_whole: bool) -> int:
    """The exit code under --strict."""
    from bench.report.claim_text import is_refuted, is_settled

    if is_refuted(claims):
        return REFUTED
    return DONE if is_whole and is_settled(claims) else INCOMPLETE


@cli.command()
@RESULTS_OR_RUN
@click.option("--open", "opened", is_flag=True, help="Show the page in a browser, too.")
@STRICT
def report(results: Path, opened: bool, strict: bool) -> int:
    """Write RESULTS/report.html, one offline page, from the tables; prints its path.

    RESULTS may be the file of one run: RUN.parquet gives RUN.html.
    """
    code = DONE
    if results.is_file():
        from bench.report.run import write as write_run

        put(str(page := write_run(results)))
    else:
        from bench.report.page import written

        made = written(results)
        put(str(page := made.path))
        for line in made.told:
            say(line)
        code = _strictly(made.claims, made.is_whole) if strict else DONE
    if opened:
        from bench.report.browser import show as show_page

        if told := show_page(page):
            say(told)
    return code


@cli.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--by", metavar="AXIS", help="Compare the values of this axis of one study.")
@click.option("--metric", metavar="NAME", help="By this metric.  [default: the primary distance]")
@click.option("--where", metavar="TEXT", help='Only these trials: "dataset == ring8 and lr_ratio > 1".')
@click.option("--out", type=Folder(), metavar="PAGE.html", help="Write a page with figures, too; one file.")
@FORMAT
def compare(
    results: tuple[Path, ...],
    by: str | None,
    metric: str | None,
    where: str | None,
    out: Path | None,
    form: str,
) -> int:
    """Compare the studies RESULTS..., or with --by the values of an axis (losses, say) of one.

    Failure rates over the cells that all have, the cell that each would choose on fresh seeds, and every
    pair with Holm's correction; paired by seed and cell where both have them. RESULTS may be files of single
    runs.
    What was measured otherwise (data, samples, extractor, protocol, rules) is not compared.
    """
    from bench.report import compare as comparing
    from bench.report.compared import as_json, compared, tidy

    several = comparing.load_all(results)
    it = compared(comparing.ask(several, by, metric, where))
    if form == "json":
        put(dumps(as_json(it)))
    elif form == "csv":
        put(render(tidy(it), form))
    else:
        from bench.report.compare_text import text

        put(text(it))
    if out is not None:
        say(f"page: {comparing.write(it, several, out)}")
    return DONE


LISTS = (
    *("models", "losses", "penalties", "updates", "optimizers", "datasets", "metrics"),
    *("outcomes", "rules", "recipes", "studies"),
)


@cli.command()
@click.argument("what", type=click.Choice(LISTS), required=False)
@FORMAT
def ls(what: str | None, form: str) -> int:
    """List what a study may name."""
    from bench.catalogs import LONG, listing

    if what is None:
        put(render([{"list": each, "entries": len(listing(each))} for each in LISTS], form))
        return DONE
    rows = listing(what)
    if not rows and form == "table":
        say(f"no {what} yet")
        return DONE
    short = [name for name in rows[0] if name not in LONG] if form == "table" else []
    put(render(rows, form, short))
    return DONE


@cli.command()
def schema() -> int:
    """Print the JSON Schema of a study, for editors."""
    import json

    from bench.study.shape import json_schema

    put(json.dumps(json_schema(), indent=2))
    return DONE


@cli.command()
@click.argument("results", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@FORMAT
def doctor(results: Path | None, form: str) -> int:
    """Say what this machine has and lacks; with RESULTS, check the files of the folder."""
    from bench.doctor import machine, verify
    from bench.status import origin

    if results and (told := origin(results)):
        say(told)
    rows = verify(results) if results else machine()
    put(render(rows, form))
    return CRASHED if any(row["state"] == "bad" for row in rows) else DONE


def _load(choice: Choice) -> Study:
    """The study; says which plugins were loaded for it."""
    spec = choice.load()
    for plugin in spec.plugins:
        say(str(plugin))
    return spec


def _plan_text(made: Plan) -> str:
    from bench.study import examples
    from bench.study.plan import text

    return text(made, examples.question(examples.find(made.study.source)))


if __name__ == "__main__":
    main()
