"""What a machine has and lacks for studies, and whether a results folder is whole."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from bench.data import idx
from bench.data.fingerprint import fingerprint
from bench.errors import UserError
from bench.metrics.catalog import METRICS
from bench.store import ledger, manifest, tables
from bench.study import examples
from bench.trial import Component
from ganzoo.catalog import CatalogError

NEEDED = ("torch", "ray", "numpy", "pandas", "pyarrow", "scipy", "mlxtend")

Row = dict[str, Any]


def machine() -> list[Row]:
    """One row for each thing: `good`, `absent` (optional) or `bad` (no study can run), with a detail."""
    versions = manifest.versions()
    rows = [_row(name, name in versions, versions.get(name, "not installed")) for name in ("python", *NEEDED)]
    rows.append(_row("torch-fidelity", versions.get("torch-fidelity"), "needed by fid only", optional=True))
    about = manifest.machine()
    rows.append(_row("cores", True, str(about["cores"])))
    rows.append(
        _row("memory", about["memory_mb"] >= 2000, f"{about['memory_mb']} MB; a study wants 2000 or more")
    )
    rows.append(_row("gpu", about["gpus"], "none: studies train on the CPU", optional=True))
    rows += [_data(name) for name in ("digits", "mnist", "fashion_mnist")]
    rows.append(_fid())
    weights = sorted(each.name for each in resources.files("bench.metrics").joinpath("weights").iterdir())
    rows.append(
        _row("classifiers", [each for each in weights if each.endswith(".safetensors")], "not in the package")
    )
    rows.append(_row("example studies", list(examples.shipped()), "not in the package"))
    return rows


def verify(results: Path) -> list[Row]:
    """One row per finished pack whose files were read and checked against the ledger, `bad` where damaged.

    Of tables that were handed on without a ledger, one row a table.
    """
    outline = ledger.read_outline(results)
    if outline is None:
        return _tables(results)
    rows = []
    for pack in outline[0]:
        state = ledger.pack_status(results, pack.id)
        damage = ledger.damage_of(results, pack.id, pack.trials)
        if damage:
            rows.append({"check": pack.id, "state": "bad", "detail": damage})
        elif state == "crashed":
            error = ledger.read_crash(ledger.pack_folder(results, pack.id)) or ""
            rows.append(
                {"check": pack.id, "state": "bad", "detail": f"crashed: {error.strip().splitlines()[:1]}"}
            )
        else:
            rows.append({"check": pack.id, "state": "good", "detail": state})
    return rows


def _tables(results: Path) -> list[Row]:
    if not (results / tables.TRIALS).exists():
        raise UserError(f"{results} holds no plan.json; is it a results folder?")
    found = tables.load(results)
    named = ((tables.TRIALS, found.trials), (tables.CURVES, found.curves), (tables.ATTEMPTS, found.attempts))
    return [_row(name, True, f"{len(frame)} rows") for name, frame in named if (results / name).exists()]


def _row(check: str, value: Any, otherwise: str, optional: bool = False) -> Row:
    """A truthy `value` is good and, unless it is True, the detail; else `otherwise` is."""
    if not value:
        return {"check": check, "state": "absent" if optional else "bad", "detail": otherwise}
    detail = otherwise if value is True else ", ".join(value) if isinstance(value, list) else str(value)
    return {"check": check, "state": "good", "detail": detail}


def _data(name: str) -> Row:
    # A data set that could be fetched is only looked for: a check downloads nothing.
    if name == "fashion_mnist":
        folders = [each for each in idx.search_path(name) if any(each.glob("train-images-idx3-ubyte*"))]
        return _row(name, [str(each) for each in folders[:1]], "fetched when a study needs it", optional=True)
    try:
        return _row(name, fingerprint(Component(name, (("size", 28),)))[:12], "")
    except UserError as error:
        return _row(name, None, str(error), optional=name != "digits")


def _fid() -> Row:
    entry = METRICS.get("metric", "fid")
    module, _, attribute = str(entry.facts["check"]).partition(":")
    try:
        from importlib import import_module

        return _row("fid", str(getattr(import_module(module), attribute)(**entry.resolve({}))), "")
    except (UserError, CatalogError, ImportError) as error:
        return _row("fid", None, str(error), optional=True)
