"""The keys of a cell: what may stand in `base`, `grid`, `include` and `exclude`, and how it is read.

A flat key (`lr_g`) has its type and range here; a component (`model: dcgan`) and its dotted keys
(`model.width`) have theirs in the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.data.catalog import DATA
from bench.study.problems import Problems, show
from bench.study.recipes import RECIPES
from ganzoo.catalog import ZOO, Catalog, CatalogError, Entry, Key, suggest

FIELDS: Mapping[str, Key] = {
    "lr_g": Key(float, 2e-4, "learning rate of the generator", low=1e-12, high=100.0),
    "lr_d": Key(float, None, "learning rate of the discriminator", low=1e-12, high=100.0),
    "lr_ratio": Key(float, 1.0, "lr_d / lr_g", low=1e-6, high=1e6),
    "lr_mean": Key(float, None, "geometric mean of lr_g and lr_d", low=1e-12, high=100.0),
    "lr_decay": Key(float, 0.0, "share of both rates that is gone at the end; linear", low=0.0, high=1.0),
    "dropout": Key(float, 0.0, "dropout rate in the discriminator", low=0.0, high=0.99),
    "label_noise": Key(float, 0.0, "probability that D is told the wrong label", low=0.0, high=0.499),
    "label_smoothing": Key(float, 0.0, "s: D's target for real is 1 - s", low=0.0, high=0.5),
    "label_jitter": Key(float, 0.0, "width of the uniform noise on D's targets", low=0.0, high=1.0),
    "label_jitter_sign": Key(str, "inward", "towards 1/2 or away from it", choices=("inward", "outward")),
    "instance_noise": Key(float, 0.0, "noise on D's inputs, in units of the data's SD", low=0.0, high=100.0),
    "instance_noise_until": Key(int, 0, "step at which the noise has annealed to 0; 0: it stays", low=0),
    "n_critic": Key(int, 1, "D updates a step", low=1, high=1000),
    "g_steps": Key(int, 1, "G updates a step", low=1, high=1000),
    "order": Key(str, "d_first", "who moves first in a step", choices=("d_first", "g_first")),
    "d_batch": Key(
        str, "split", "real and fake in two D batches or in one (BatchNorm)", choices=("split", "joint")
    ),
    "g_batch": Key(
        str,
        "fresh",
        "G learns from latents of its own or from those of the step's D batches, the last one first",
        choices=("fresh", "same"),
    ),
    "beta1": Key(float, 0.5, "decay of the first moment", low=0.0, high=0.999999),
    "beta2": Key(float, 0.999, "decay of the second moment", low=0.0, high=0.99999999),
    "weight_decay": Key(
        float,
        0.0,
        "decoupled decay c of D's weights: w -= lr_d c w in each of its updates",
        low=0.0,
        high=10.0,
    ),
    "aux_weight": Key(
        float, 1.0, "weight of the classes in both losses (condition: auxiliary)", low=0.0, high=1e3
    ),
    "ema": Key(float, 0.0, "decay of the average of G's weights; 0: none", low=0.0, high=0.99999999),
    "batch": Key(
        int,
        64,
        "real samples of one D update, and fakes of one update; with packing (model.pac) a multiple of it",
        low=2,
        high=65536,
    ),
    "steps": Key(int, None, "rounds of n_critic D updates and g_steps G updates", low=1, high=100_000_000),
    "dtype": Key(str, "float32", "floating-point type of the training", choices=("float32", "float64")),
}
"""Flat keys. A default of None: derived from the others, or to be given by the study."""

KINDS: Mapping[str, Catalog] = {
    "dataset": DATA,
    "model": ZOO,
    "loss": ZOO,
    "penalty": ZOO,
    "update": ZOO,
    "optimizer": ZOO,
}
"""Keys whose value is a component, and the catalogue that knows it."""

DEFAULT_COMPONENTS: Mapping[str, str | None] = {"penalty": None, "update": "alternating", "optimizer": "adam"}

RENAMED: Mapping[str, str] = {
    "label_jitter.amount": "label_jitter",
    "label_jitter.sign": "label_jitter_sign",
    "instance_noise.sigma": "instance_noise",
    "instance_noise.until": "instance_noise_until",
}
"""Nested spellings of flat keys: `label_jitter: {amount: 0.1, sign: outward}`."""

NEUTRAL: Mapping[str, Any] = {
    "lr_decay": 0.0,
    "dropout": 0.0,
    "label_noise": 0.0,
    "label_smoothing": 0.0,
    "label_jitter": 0.0,
    "instance_noise": 0.0,
    "weight_decay": 0.0,
    "ema": 0.0,
}
"""What `none` means for a flat key. For every other key it means: as if the key were not given."""


BAD: Any = object()
"""Stands for a value that was refused, so that what depends on it raises no second complaint."""


@dataclass(frozen=True)
class Whole:
    """A component as a study writes it: its name and the keys given with it.

    `recipe`: the recipe that a model names; `name` is then that of the recipe's model, unless the study says
    another one.
    """

    name: str
    keys: tuple[tuple[str, Any], ...] = ()
    recipe: str = ""

    @property
    def called(self) -> str:
        """How a table calls it when no keys tell it from others."""
        return self.recipe or self.name

    def written(self) -> dict[str, Any]:
        """What the study says of it, as keys and values."""
        own = self.recipe and self.name == RECIPES[self.recipe].model
        name = {} if own else {"name": self.name}
        return {**({"recipe": self.recipe} if self.recipe else {}), **name, **dict(self.keys)}


@dataclass(frozen=True)
class Setting:
    """The value of one key, where the study gives it, and by which axis if any. None: as if not given."""

    value: Any
    path: str
    axis: str = ""


Settings = dict[str, Setting]


def read_settings(
    mapping: Mapping[Any, Any], path: str, problems: Problems, axis: str = "", place_of_all: str = ""
) -> Settings:
    """One layer of a cell (`base`, a value of the grid, a bundle, an included cell), every value checked."""
    out: Settings = {}
    for key, value, place in _flattened(mapping, path, place_of_all):
        if not isinstance(key, str):
            problems.add(path, f"the key {show(key)} is no text{truth_hint(key)}")
        elif key in out:
            problems.add(place, f"{key} is given twice, in two spellings")
        elif key in FIELDS:
            out[key] = Setting(_read_flat(key, value, place, problems), place, axis)
        elif key in KINDS:
            out[key] = Setting(_read_component(key, value, place, problems), place, axis)
        elif key.partition(".")[0] in KINDS:
            known = _check_dotted(key, place, problems)
            out[key] = Setting(_read_dotted(key, value) if known else BAD, place, axis)
        else:
            problems.add(place, unknown_key(key))
    for key, setting in out.items():
        kind, dot, sub = key.partition(".")
        whole = out.get(kind)
        if dot and whole and isinstance(whole.value, Whole) and sub in dict(whole.value.keys):
            problems.add(setting.path, f"also given by {kind}: {show_component(whole.value)}")
    return out


def is_key(name: str) -> bool:
    """Whether a cell can have such a flat key, component or dotted key."""
    kind, dot, sub = name.partition(".")
    if not dot:
        return name in FIELDS or name in KINDS
    return kind in KINDS and any(sub in entry.keys for entry in KINDS[kind].entries(kind))


def _flattened(mapping: Mapping[Any, Any], path: str, place_of_all: str) -> Iterator[tuple[Any, Any, str]]:
    for key, value in mapping.items():
        place = place_of_all or (f"{path}.{key}" if path else str(key))
        if isinstance(value, dict) and (f"{key}.amount" in RENAMED or f"{key}.sigma" in RENAMED):
            for sub, each in value.items():
                yield RENAMED.get(f"{key}.{sub}", f"{key}.{sub}"), each, f"{place}.{sub}"
            continue
        yield RENAMED.get(key, key) if isinstance(key, str) else key, value, place


def is_none(value: Any) -> bool:
    """YAML's null, or the word none."""
    return value is None or (isinstance(value, str) and value.lower() in ("none", "null"))


def truth_hint(value: Any) -> str:
    """The sentence that explains a false or true where text was meant."""
    if not isinstance(value, bool):
        return ""
    words = "yes, on and true as true" if value else "no, off and false as false"
    return f" (YAML reads {words}: write 'none', or put the word in quotes)"


def _read_flat(key: str, value: Any, path: str, problems: Problems) -> Any:
    if is_none(value):
        return NEUTRAL.get(key)
    try:
        return FIELDS[key].check(value)
    except CatalogError as error:
        problems.add(path, f"{error}{truth_hint(value)}{_list_hint(value)}")
        return BAD


def _list_hint(value: Any) -> str:
    return " (a list of values to try belongs under grid)" if isinstance(value, list) else ""


def _read_component(kind: str, value: Any, path: str, problems: Problems) -> Any:
    if kind == "penalty" and (is_none(value) or (value == 0 and not isinstance(value, bool))):
        return Whole("none")
    if is_none(value):
        return None
    name, keys, recipe = value, {}, ""
    if isinstance(value, dict):
        keys = dict(value)
        if "recipe" in keys:
            recipe = _read_recipe(kind, keys.pop("recipe"), path, problems)
            if not recipe:
                return BAD
        if "name" not in keys and not recipe:
            problems.add(
                path, f"needs a name: {{name: {KINDS[kind].names(kind)[0]}, ...}}; one key alone: {kind}.key"
            )
            return BAD
        name = keys.pop("name", None) or RECIPES[recipe].model
    if not isinstance(name, str):
        legal = ", ".join(KINDS[kind].names(kind))
        hint = truth_hint(name) or _list_hint(name)
        problems.add(path, f"expected the name of a {kind}, got {show(name)}{hint}; legal: {legal}")
        return BAD
    if kind == "dataset" and name.startswith("folder:"):
        keys = {**keys, "path": name.removeprefix("folder:")}
        name = "folder"
    try:
        entry = KINDS[kind].get(kind, name)
    except CatalogError as error:
        hint = f"; a recipe is written {{recipe: {name}}}" if kind == "model" and name in RECIPES else ""
        problems.add(path, f"{error}{hint}")
        return BAD
    checked = [
        (str(key), check_key(entry, str(key), each, f"{path}.{key}", problems)) for key, each in keys.items()
    ]
    return Whole(name, tuple(checked), recipe)


def _read_recipe(kind: str, name: Any, path: str, problems: Problems) -> str:
    """The name of a recipe; empty, with the reason in `problems`, when there is none of that name."""
    if kind != "model":
        problems.add(f"{path}.recipe", _RECIPE_HINT)
        return ""
    if not isinstance(name, str) or name not in RECIPES:
        legal = ", ".join(RECIPES)
        problems.add(
            f"{path}.recipe", f"unknown recipe {show(name)!r}{suggest(name, RECIPES)}; legal: {legal}"
        )
        return ""
    return name


def check_key(entry: Entry, key: str, value: Any, path: str, problems: Problems) -> Any:
    """`value` in the type of a component's key; what is wrong goes to `problems`."""
    if key not in entry.keys:
        legal = ", ".join(entry.keys) or "it has no keys"
        problems.add(
            path, f"{entry.kind} {entry.name} has no key {key!r}{suggest(key, entry.keys)}; legal: {legal}"
        )
        return value
    if is_none(value) and not (isinstance(value, str) and value in entry.keys[key].choices):
        return entry.keys[key].default
    try:
        return entry.keys[key].check(value)
    except CatalogError as error:
        problems.add(path, f"{error}{truth_hint(value)}{_list_hint(value)}")
        return entry.keys[key].default


def _read_dotted(key: str, value: Any) -> Any:
    """None takes the key away, unless the word is one of its own values (`model.norm_d: none`)."""
    kind, _, sub = key.partition(".")
    specs = (entry.keys[sub] for entry in KINDS[kind].entries(kind) if sub in entry.keys)
    if isinstance(value, str) and any(value in spec.choices for spec in specs):
        return value
    return None if is_none(value) else value


def _check_dotted(key: str, path: str, problems: Problems) -> bool:
    """Whether some component of the kind knows the dotted key; whether the cell's own does is seen later."""
    kind, _, sub = key.partition(".")
    if sub in ("name", "recipe"):
        problems.add(path, f"write {kind} itself" if sub == "name" else _RECIPE_HINT)
        return False
    legal = dict.fromkeys(f"{kind}.{each}" for entry in KINDS[kind].entries(kind) for each in entry.keys)
    if key not in legal:
        names = ", ".join(legal) or f"no {kind} has keys"
        problems.add(path, f"unknown key {key!r}{suggest(key, legal)}; legal: {names}")
    return key in legal


_RECIPE_HINT = "a recipe is named by the model: model: {recipe: NAME}"


def unknown_key(key: str) -> str:
    """The sentence about a key that no cell has."""
    if key in ("recipe", "model.recipe"):
        return f"unknown key {key!r}: {_RECIPE_HINT}"
    legal = (*FIELDS, *KINDS)
    owners = [
        f"{kind}.{key}"
        for kind, catalog in KINDS.items()
        if any(key in entry.keys for entry in catalog.entries(kind))
    ]
    hint = f", did you mean {owners[0]!r}?" if owners else suggest(key, legal)
    return f"unknown key {key!r}{hint}; legal: {', '.join(legal)}, and their keys with a dot"


def show_component(whole: Whole) -> str:
    """`dcgan`, `{name: dcgan, width: 16}` or `{recipe: wgan}`."""
    return show(whole.written()) if whole.keys or whole.recipe else whole.name
