"""The layers of a cell, merged: recipe < base < axes (or an included row). Whatever comes later wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from bench.study.keys import DEFAULT_COMPONENTS, Setting, Settings, Whole, read_settings
from bench.study.problems import Problems
from bench.study.recipes import RECIPES

RIVALS: Mapping[str, tuple[str, ...]] = {"lr_d": ("lr_ratio",), "lr_mean": ("lr_g",)}
"""Key -> keys of a recipe that make way for it: they would say the same thing twice."""

BELONGING: Mapping[str, tuple[str, ...]] = {"optimizer": ("beta1", "beta2")}
"""Component -> flat keys of a recipe that go with it: another optimizer does not inherit Adam's betas."""


def settle(layers: Sequence[Settings]) -> Settings:
    """The settings of a cell: its layers merged, over those of the recipe that its model names."""
    given = merge(layers)
    model = given.get("model")
    if model is None or not isinstance(model.value, Whole) or not model.value.recipe:
        return given
    below = _below(model, given)
    of_recipe = below.pop("model").value
    out = merge([below, *layers])
    keys = dict(of_recipe.keys) if of_recipe.name == model.value.name else {}
    whole = Whole(model.value.name, tuple((keys | dict(model.value.keys)).items()), model.value.recipe)
    out["model"] = Setting(whole, model.path, model.axis)
    return out


def _below(model: Setting, given: Settings) -> Settings:
    """The settings of a recipe that the cell's own do not push aside, as if they stood where it is named."""
    name = model.value.recipe
    found = settings_of(name)
    gone = {rival for key, rivals in RIVALS.items() if key in given for rival in rivals}
    for kind, keys in BELONGING.items():
        if kind in given and _name_of(kind, given) != _name_of(kind, found):
            gone |= set(keys)
    return {
        key: Setting(each.value, f"{model.path} (recipe {name}).{key}", model.axis)
        for key, each in found.items()
        if key not in gone
    }


def _name_of(kind: str, settings: Settings) -> str | None:
    value = settings[kind].value if kind in settings else None
    return value.name if isinstance(value, Whole) else DEFAULT_COMPONENTS.get(kind)


@cache
def settings_of(recipe: str) -> Settings:
    """The settings of a recipe, through the checks of `base`; StudyError where one is not legal."""
    problems = Problems(f"recipe {recipe}")
    found = read_settings(RECIPES[recipe].settings, "", problems)
    problems.check()
    return found


def merge(layers: Sequence[Settings]) -> Settings:
    """Later layers over earlier ones.

    A whole component replaces an earlier one with its keys; an earlier dotted key stays unless the new
    component gives it too. None takes a key away.
    """
    out: Settings = {}
    for layer in layers:
        for key, setting in layer.items():
            if isinstance(setting.value, Whole):
                for sub, _ in setting.value.keys:
                    out.pop(f"{key}.{sub}", None)
        for key, setting in layer.items():
            if setting.value is None:
                out.pop(key, None)
            else:
                out[key] = setting
    return out
