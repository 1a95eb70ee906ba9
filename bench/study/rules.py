"""Keys that belong together: each rule says what is wrong with a cell whose keys are legal one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.data.catalog import MODALITIES, classes_of, shape_of
from bench.study.keys import BAD, FIELDS, Settings
from bench.trial import Component
from ganzoo.catalog import Entry


@dataclass(frozen=True)
class Complaint:
    """What is wrong with a cell: the key to blame, all keys that decide it, and one sentence."""

    key: str
    involved: tuple[str, ...]
    sentence: str


Parts = Mapping[str, tuple[Entry, Component]]
"""Kind -> entry and component of the cell, for the kinds that the cell has."""

Complain = Callable[[str, tuple[str, ...], str], None]


PLURAL: Mapping[str, str] = {name: modality.plural for name, modality in MODALITIES.items()}


def value_of(settings: Settings, key: str) -> Any:
    """The value of a flat key, its default where it is not given or was refused."""
    value = settings[key].value if key in settings else FIELDS[key].default
    return FIELDS[key].default if value is BAD else value


def _steps_are_given(settings: Settings, parts: Parts, complain: Complain) -> None:
    if "steps" not in settings:
        complain("steps", ("steps",), "missing: how many steps to train")


def _one_way_to_give_the_rates(settings: Settings, parts: Parts, complain: Complain) -> None:
    if "lr_d" in settings and "lr_ratio" in settings:
        complain(
            "lr_ratio", ("lr_ratio", "lr_d"), "lr_d is given too: give one of them (none takes a key away)"
        )
    for key in ("lr_g", "lr_d"):
        if key in settings and "lr_mean" in settings:
            complain("lr_mean", ("lr_mean", key), f"{key} is given too: lr_mean and lr_ratio fix both rates")


def _noise_on_targets_needs_targets(settings: Settings, parts: Parts, complain: Complain) -> None:
    if "loss" not in parts or parts["loss"][0].facts["has_targets"]:
        return
    name = parts["loss"][0].name
    for key in ("label_smoothing", "label_jitter"):
        if value := value_of(settings, key):
            sentence = f"{value:g} means nothing with the loss {name}, which has no targets"
            complain(key, (key, "loss"), sentence)


def _targets_are_in_order(settings: Settings, parts: Parts, complain: Complain) -> None:
    if "loss" not in parts or "above" not in parts["loss"][0].facts:
        return
    entry, loss = parts["loss"]
    high, low = entry.facts["above"]
    above, below = float(loss.kwargs[high]), float(loss.kwargs[low])
    if not above > below:
        sentence = f"{above:g} is not above {low} ({below:g}): what D answers to real samples must be higher"
        complain(f"loss.{high}", (f"loss.{high}", f"loss.{low}", "loss"), sentence)


def _compared_samples_share_no_norm(settings: Settings, parts: Parts, complain: Complain) -> None:
    if not {"model", "loss"} <= set(parts) or not parts["loss"][0].facts["compares"]:
        return
    keys = parts["model"][1].kwargs
    meets = keys.get("norm_d") == "batch" or keys.get("minibatch_std")
    if meets and value_of(settings, "d_batch") == "joint":
        name = parts["loss"][0].name
        sentence = f"joint means nothing with {name} where D mixes samples: G's update has no such batch"
        complain("d_batch", ("d_batch", "loss", "model.norm_d", "model"), sentence)


def _betas_need_an_optimizer_with_betas(settings: Settings, parts: Parts, complain: Complain) -> None:
    if "optimizer" not in parts or parts["optimizer"][0].facts.get("betas", False):
        return
    name = parts["optimizer"][0].name
    for key in ("beta1", "beta2"):
        if key in settings and (value := value_of(settings, key)):
            complain(
                key,
                (key, "optimizer"),
                f"{value:g} means nothing with the optimizer {name}, which has no betas",
            )


def _model_fits_the_data(settings: Settings, parts: Parts, complain: Complain) -> None:
    if not {"model", "dataset"} <= set(parts):
        return
    (model, _), (dataset, component) = parts["model"], parts["dataset"]
    modality = dataset.facts["modality"]
    if model.facts.get("shapes", "any") not in ("any", modality):
        sentence = (
            f"{model.name} makes {PLURAL[model.facts['shapes']]}, and {dataset.name} has {PLURAL[modality]}"
        )
        complain("model", ("model", "dataset"), sentence)
        return
    dims, multiple = model.facts.get("dims"), model.facts.get("multiple", 1)
    sizes, size = model.facts.get("sizes", ()), shape_of(component)[-1]
    if dims is not None and size != dims:
        sentence = f"{model.name} makes points of {dims} coordinate, and those of {dataset.name} have {size}"
        complain("model", ("model", "dataset"), sentence)
    if modality == "signal" and size % multiple:
        sentence = f"{model.name} makes signals of a multiple of {multiple}, and {dataset.name} has {size}"
        complain("model", ("model", "dataset"), sentence)
    if sizes and modality == "image" and size not in sizes:
        legal = " or ".join(str(each) for each in sizes)
        sentence = f"{model.name} makes images of {legal} pixels, and {dataset.name} has {size}"
        complain("model", ("model", "dataset"), sentence)


def _a_folder_has_a_path(settings: Settings, parts: Parts, complain: Complain) -> None:
    if "dataset" in parts and parts["dataset"][1].kwargs.get("path") == "":
        complain("dataset", ("dataset",), "which folder? write folder:PATH")


def _the_model_takes_what_is_asked(settings: Settings, parts: Parts, complain: Complain) -> None:
    if "model" not in parts:
        return
    entry, model = parts["model"]
    keys = model.kwargs
    for key, values, other, clashing, why in entry.facts.get("clashes", ()):
        if keys[key] in values and keys[other] in clashing:
            involved = (f"model.{key}", f"model.{other}", "model")
            complain(
                f"model.{other}",
                involved,
                f"{keys[other]!r} and {key} {keys[key]!r} exclude each other: {why}",
            )
    if (rate := value_of(settings, "dropout")) and not entry.facts.get("dropout", True):
        complain(
            "dropout", ("dropout", "model"), f"{rate:g} means nothing: the D of {entry.name} has no dropout"
        )
    pac, batch = int(keys.get("pac", 1)), value_of(settings, "batch")
    below = batch - batch % pac
    if batch != below:
        complain(
            "batch",
            ("batch", "model.pac", "model"),
            f"{batch} is no multiple of model.pac {pac}: take {below or pac} or {below + pac}",
        )
    elif batch == pac and keys.get("norm_d") == "batch":
        sentence = f"{batch} samples make one pack of {pac}, and the BatchNorm in D needs more than one"
        complain("batch", ("batch", "model.pac", "model.norm_d", "model"), sentence)
    weight = value_of(settings, "aux_weight")
    if weight not in (0.0, FIELDS["aux_weight"].default) and keys.get("condition") != "auxiliary":
        sentence = f"{weight:g} means nothing without model.condition: auxiliary"
        complain("aux_weight", ("aux_weight", "model"), sentence)


def _conditional_models_need_labels(settings: Settings, parts: Parts, complain: Complain) -> None:
    if not {"model", "dataset"} <= set(parts):
        return
    (model, component), (dataset, data) = parts["model"], parts["dataset"]
    condition = component.kwargs.get("condition", "none")
    if condition != "none" and not classes_of(data):
        sentence = f"{condition} means nothing: {dataset.name} has no labels to ask {model.name} for"
        complain("model.condition", ("model.condition", "model", "dataset"), sentence)


def _slopes_are_of_single_samples(settings: Settings, parts: Parts, complain: Complain) -> None:
    if not {"model", "penalty"} <= set(parts) or not parts["penalty"][0].facts.get("per_sample"):
        return
    (model, component), name = parts["model"], parts["penalty"][0].name
    if component.kwargs.get("norm_d") == "batch":
        sentence = (
            f"{name} needs D's slope at single samples, and the BatchNorm in D of {model.name} mixes them:"
            " set model.norm_d: none"
        )
        complain("penalty", ("penalty", "model.norm_d", "model"), sentence)


def _an_update_fits_turns_and_penalty(settings: Settings, parts: Parts, complain: Complain) -> None:
    if "update" not in parts:
        return
    update = parts["update"][0]
    for key in ("n_critic", "g_steps") if update.facts.get("one_each") else ():
        if (number := value_of(settings, key)) != 1:
            sentence = f"{number} means nothing: a step of the update {update.name} is one of each player"
            complain(key, (key, "update"), sentence)
    if "penalty" in parts and (name := parts["penalty"][0].name) in update.facts.get("refuses", ()):
        sentence = f"{name} is a term of both players' losses, and {update.name} looks ahead along D's alone"
        complain("penalty", ("penalty", "update"), sentence)


RULES: tuple[Callable[[Settings, Parts, Complain], None], ...] = (
    _steps_are_given,
    _one_way_to_give_the_rates,
    _noise_on_targets_needs_targets,
    _targets_are_in_order,
    _compared_samples_share_no_norm,
    _betas_need_an_optimizer_with_betas,
    _model_fits_the_data,
    _a_folder_has_a_path,
    _the_model_takes_what_is_asked,
    _conditional_models_need_labels,
    _slopes_are_of_single_samples,
    _an_update_fits_turns_and_penalty,
)
