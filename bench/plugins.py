"""Plugins: files of the user's own that register catalogue entries. Loading one runs its code.

Only files that a study or the command line names are loaded, by `validate`, `plan` and `run` and by the
workers of a run. A plugin is one self-contained file; its sha256 is part of the id of its study's trials.
"""

from __future__ import annotations

import hashlib
import inspect
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

from bench.data.catalog import DATA
from bench.errors import UserError
from bench.listing import printable
from bench.metrics.catalog import METRICS
from ganzoo.catalog import ZOO, Catalog, CatalogError, Entry, suggest

MAX_BYTES = 1_000_000
PREFIX = "ganbench_plugin_"
FOLDER = "plugins"
CATALOGS: tuple[Catalog, ...] = (ZOO, DATA, METRICS)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_KEY = re.compile(r"[a-z_][A-Za-z0-9_]{0,63}")
_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,63}(\.[a-z][a-z0-9_]{0,63})?")


class PluginError(UserError):
    """A plugin that cannot be loaded, in one sentence."""


@dataclass(frozen=True)
class Plugin:
    """A loaded plugin: its file, the sha256 of its content, and what it added (`loss my_loss`)."""

    path: str
    sha256: str
    adds: tuple[str, ...] = ()
    source: bytes = field(default=b"", repr=False, compare=False)

    @property
    def file(self) -> str:
        return Path(self.path).name

    def __str__(self) -> str:
        adds = ", ".join(self.adds) or "nothing"
        return f"plugin {printable(self.file)}, sha256 {self.sha256[:12]}, adds {adds}"

    def to_json(self) -> dict[str, object]:
        """What the manifest says of it."""
        return {"file": self.file, "sha256": self.sha256, "adds": list(self.adds)}


def find(text: str, folder: Path) -> Path:
    """The file that a study means: relative to `folder` (the study's), else to the working directory."""
    if not text.strip():
        raise PluginError("which file? a plugin is the path of a Python file")
    for base in (folder, Path()):
        path = base / Path(text).expanduser()
        if path.is_file():
            _read(path)  # what cannot be read is told here
            return path
    places = " and ".join(dict.fromkeys(str(each.resolve()) for each in (folder, Path())))
    raise PluginError(f"{text}: no such file; looked in {places}")


def load_plugin(path: str | Path) -> Plugin:
    """Run a plugin's file, so that what it registers can be named; equal content is run once.

    A file that changed since it was loaded takes the place of what it was.

    Raises:
        PluginError: the file cannot be read, raises, takes a name that is taken, or adds what cannot work.
    """
    file = Path(path)
    source = _read(file)
    sha256 = hashlib.sha256(source).hexdigest()
    known = _of_content(sha256)
    if known is not None:
        return replace(known, path=str(file))
    for old in loaded():
        if Path(old.path).resolve() == file.resolve():
            unload(old)
    kept = {place: _entry(place) for place in _entries()}
    before = set(kept)
    module = _run(file, source, PREFIX + sha256[:16], before)
    added = [each for each in _entries() if each not in before]
    if touched := _restore(kept):
        _take_away((), module.__name__)
        raise PluginError(
            f"{file.name}: may add to the catalogue, and changed {printable(', '.join(touched))}"
        )
    plugin = Plugin(str(file), sha256, tuple(f"{kind} {name}" for _, kind, name in added), source)
    built_in = before - {each for other in loaded() for each in _places(other)}
    problems = [each for place in added for each in _complaints(place, built_in)]
    if problems:
        _take_away(added, module.__name__)
        raise PluginError(f"{file.name}: {printable('; '.join(problems))}")
    module.__dict__["__plugin__"] = plugin
    return plugin


def _restore(kept: Mapping[_Place, Entry]) -> list[str]:
    """Say which entries are gone or another by now, and put all back as they were, in their order."""
    there = set(_entries())
    gone = [place for place, entry in kept.items() if place not in there or _entry(place) is not entry]
    if gone:
        for at, kind, name in there:
            CATALOGS[at].remove(kind, name)
        for (at, _, _), entry in kept.items():
            CATALOGS[at].register(entry)
    return [f"{kind} {name!r}" for _, kind, name in gone]


def _entry(place: _Place) -> Entry:
    at, kind, name = place
    return CATALOGS[at].get(kind, name)


def unload(plugin: Plugin) -> None:
    """Take a plugin's entries out of the catalogues again."""
    _take_away(_places(plugin), PREFIX + plugin.sha256[:16])


def forget_all_but(files: Iterable[Path]) -> None:
    """Unload every other plugin: a study knows the plugins that it names, and no more."""
    wanted = {hashlib.sha256(_read(file)).hexdigest() for file in files}
    for plugin in loaded():
        if plugin.sha256 not in wanted:
            unload(plugin)


def is_loaded(sha256: str) -> bool:
    """Whether the plugin with this content is loaded in this process."""
    return _of_content(sha256) is not None


def kept_name(plugin: Plugin) -> str:
    """Where a results folder keeps a plugin's copy, relative to the folder."""
    return f"{FOLDER}/{plugin.sha256[:12]}/{plugin.file}"


def _read(file: Path) -> bytes:
    if file.suffix != ".py":
        raise PluginError(f"{printable(str(file))}: a plugin is a Python file, NAME.py")
    try:
        with file.open("rb") as opened:
            source = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise PluginError(f"{printable(str(file))}: cannot be read: {error.strerror}") from error
    if len(source) > MAX_BYTES:
        raise PluginError(f"{file.name}: too long for a plugin: more than {MAX_BYTES} bytes")
    if b"\0" in source:  # said here: releases of Python differ in what they raise
        raise PluginError(f"{file.name}: no Python file: it holds a null byte")
    return source


def _run(file: Path, source: bytes, name: str, before: set[_Place]) -> ModuleType:
    """Execute the file as a module called `name`; what it registered is taken back when it fails."""
    module = ModuleType(name)
    module.__file__ = str(file.resolve())
    sys.modules[name] = module
    try:
        with redirect_stdout(sys.stderr):  # data goes to stdout, and a plugin's talk is none
            exec(compile(source, module.__file__, "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:
        _take_away([each for each in _entries() if each not in before], name)
        if isinstance(error, KeyboardInterrupt):
            raise
        raise PluginError(_sentence(file, module.__file__, error)) from error
    return module


def _sentence(file: Path, ran: str, error: BaseException) -> str:
    """What went wrong, in which line of the plugin."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == ran:
            line = frame.lineno
    where = f"{file.name}, line {line}" if line else file.name
    if isinstance(error, CatalogError):
        return printable(f"{where}: {' '.join(str(error).split())}{_owner(str(error))}")
    text = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
    return printable(f"{where}: {type(error).__name__}{': ' if text else ''}{text[:300]}")


def _owner(message: str) -> str:
    """Which other plugin has taken the name that a message is about, and what to do."""
    for plugin in loaded():
        for each in plugin.adds:
            kind, _, name = each.partition(" ")
            if f"{kind} {name!r}" in message:
                return f": {plugin.file} has registered it already; give one of them another name"
    return "; give yours another name"


# --- what is in the catalogues

_Place = tuple[int, str, str]
"""Position of the catalogue, kind, name."""


def _entries() -> Iterator[_Place]:
    for position, catalog in enumerate(CATALOGS):
        for kind in catalog.kinds():
            for name in catalog.names(kind):
                yield position, kind, name


def _places(plugin: Plugin) -> list[_Place]:
    """What a loaded plugin added, where it still is."""
    return [each for each in _entries() if f"{each[1]} {each[2]}" in plugin.adds]


def _take_away(places: Iterable[_Place], module: str) -> None:
    for position, kind, name in list(places):
        CATALOGS[position].remove(kind, name)
    sys.modules.pop(module, None)


def _of_content(sha256: str) -> Plugin | None:
    found = getattr(sys.modules.get(PREFIX + sha256[:16]), "__plugin__", None)
    return found if isinstance(found, Plugin) else None


def loaded() -> list[Plugin]:
    """The plugins that are loaded in this process."""
    found = [
        getattr(module, "__plugin__", None)
        for name, module in list(sys.modules.items())
        if name.startswith(PREFIX)
    ]
    return [each for each in found if isinstance(each, Plugin)]


# --- whether an entry can work


def _complaints(place: _Place, built_in: set[_Place]) -> Iterator[str]:
    """What would fail later, in the middle of a run, or write strange names into files and pages."""
    position, kind, name = place
    catalog = CATALOGS[position]
    entry = catalog.get(kind, name)
    called = f"{kind} {name!r}"
    kinds = list(dict.fromkeys(each for at, each, _ in sorted(built_in) if at == position))
    if kind not in kinds:
        yield f"{called}: no such kind{suggest(kind, kinds)}; legal in this catalogue: {', '.join(kinds)}"
        return
    if not _NAME.fullmatch(str(name)):
        yield f"{called}: a name has letters, digits, '_' and '-', at most 64, a letter first"
    examples = [
        set(catalog.get(kind, each).facts) for at, of, each in built_in if (at, of) == (position, kind)
    ]
    if lacking := sorted(set.intersection(*examples) - set(entry.facts)):
        yield f"{called}: its facts lack {', '.join(lacking)}"
    for key in entry.keys:
        if not _KEY.fullmatch(str(key)) or key in ("name", "recipe", "as"):
            yield f"{called}: {key!r} is no name for a key"
    for column in entry.facts.get("columns", ()):
        yield from (f"{called}: {each}" for each in _column_complaints(column, catalog, entry))
    yield from (f"{called}: {each}" for each in _target_complaints(entry))


def _column_complaints(column: Sequence[str], catalog: Catalog, entry: Entry) -> Iterator[str]:
    from bench.store.schema import curves  # only for metrics: it imports pyarrow

    taken = {
        each[0]
        for other in catalog.entries(entry.kind)
        if other is not entry
        for each in other.facts["columns"]
    }
    if not _COLUMN.fullmatch(str(column[0])):
        yield f"{column[0]!r} is no name for a column: small letters, digits and '_', one dot"
    elif column[0] in taken or column[0] in curves(()).names:
        yield f"the column {column[0]} is taken"


def _target_complaints(entry: Entry) -> Iterator[str]:
    """The target is there and takes every key of the entry by keyword, and needs no other."""
    try:
        target = entry.load()
        parameters = inspect.signature(target).parameters.values()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        yield f"its target {entry.target} cannot be called: {' '.join(str(error).split())}"
        return
    if not any(each.kind is each.VAR_KEYWORD for each in parameters):
        strange = set(entry.keys) - {each.name for each in parameters if each.kind is not each.VAR_POSITIONAL}
        if strange:
            yield f"{entry.target.partition(':')[2]} does not take {', '.join(sorted(strange))}"
    needed = [
        each.name for each in parameters if each.kind is each.KEYWORD_ONLY and each.default is each.empty
    ]
    if missing := [each for each in needed if each not in entry.keys]:
        yield f"{entry.target.partition(':')[2]} needs {', '.join(missing)}, which the entry has no key for"
