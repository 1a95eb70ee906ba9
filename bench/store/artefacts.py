"""Pictures' raw material and final weights of a pack: previews (npz) and final.safetensors."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from bench.errors import UserError
from bench.store import atomic, ledger
from bench.store.checkpoint import load_arrays
from bench.store.segments import Part, read_part, write_part


def write_preview(folder: Path, step: int, samples: np.ndarray) -> Part:
    """Store samples of the fixed latents at `step`.

    Shapes: [K, n, *shape]. Images are kept in half precision: they are shown, never measured.
    """
    stored = samples.astype(np.float16 if samples.ndim > 3 else np.float32)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, samples=stored)
    return write_part(folder, f"preview-{step:09d}.npz", buffer.getvalue(), step=step)


def read_preview(folder: Path, part: Part) -> np.ndarray:
    """Samples [K, n, *shape] as float32, hash checked."""
    with np.load(io.BytesIO(read_part(folder, part)), allow_pickle=False) as archive:
        return np.asarray(archive["samples"], dtype=np.float32)


def trial_previews(results: Path, trial: str) -> dict[int, np.ndarray]:
    """Step -> samples [n, *shape] of one finished trial; empty when it is not done."""
    found = _locate(results, trial)
    if found is None:
        return {}
    folder, done, member = found
    return {part.step: read_preview(folder, part)[member] for part in done.previews}


def trial_final(results: Path, trial: str) -> dict[str, np.ndarray]:
    """The final arrays of one finished trial, without the member dimension; empty when none were kept."""
    found = _locate(results, trial)
    if found is None or found[1].final is None:
        return {}
    folder, done, member = found
    assert done.final is not None
    return {name: value[member] for name, value in load_arrays(folder, done.final).items()}


def _locate(results: Path, trial: str) -> tuple[Path, ledger.Done, int] | None:
    """Folder, manifest and place in it of a trial, by the ids that `plan.json` states: a picture needs no
    record of settings, so that it is found in a plan of another version, too."""
    path = results / "plan.json"
    plan = atomic.read_json(path) if path.exists() else {"packs": []}
    try:
        packs = {str(pack["id"]): [str(each["id"]) for each in pack["trials"]] for pack in plan["packs"]}
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged: {error!r}") from error
    for pack, ids in packs.items():
        if trial in ids:
            folder = ledger.pack_folder(results, Path(pack).name)
            done = ledger.read_done(folder)
            return (folder, done, ids.index(trial)) if done else None
    return None
