"""The settings of one cell -> the fields of its trials."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.data.catalog import MODALITIES
from bench.metrics.catalog import METRICS
from bench.study.keys import BAD, DEFAULT_COMPONENTS, FIELDS, KINDS, Settings, Whole
from bench.study.rules import PLURAL, RULES, Complain, Complaint, Parts, value_of
from bench.trial import Component, Evaluate
from ganzoo.catalog import CatalogError, Entry, suggest


@dataclass(frozen=True)
class Evaluation:
    """The `evaluate` block, every name checked. None: the default (steps/20; the data set's metrics)."""

    every: int | None = None
    samples: int = 2000
    metrics: tuple[Component, ...] | None = None


MANY_MODES, SAMPLES_A_MODE = 100, 10
"""A mode expected 10 times is missed by a perfect generator once in 22,000 (e^-10)."""


def resolve(settings: Settings, evaluation: Evaluation) -> tuple[dict[str, Any], list[Complaint]]:
    """Every field of Trial but seeds and data hash, and what is wrong; fields count only if nothing is."""
    complaints: list[Complaint] = []

    def complain(key: str, involved: tuple[str, ...], sentence: str) -> None:
        complaints.append(Complaint(key, involved, sentence))

    parts = {kind: part for kind in KINDS if (part := _component(kind, settings, complain)) is not None}
    for rule in RULES:
        rule(settings, parts, complain)
    fields: dict[str, Any] = {kind: parts[kind][1] if kind in parts else None for kind in KINDS}
    for key in FIELDS:
        if key not in ("lr_g", "lr_d", "lr_ratio", "lr_mean"):
            fields[key] = value_of(settings, key)
    fields["lr_g"], fields["lr_d"] = rates(settings)
    _neutralise(fields, parts)
    fields["evaluate"] = _evaluate(evaluation, fields["steps"], parts, complain)
    return fields, complaints


def rates(settings: Settings) -> tuple[float, float]:
    """(lr_g, lr_d) from whichever of lr_g, lr_d, lr_ratio, lr_mean are given.

    lr_d = lr_g * lr_ratio; with lr_mean m: lr_g = m / sqrt(lr_ratio), lr_d = m * sqrt(lr_ratio).
    """
    ratio: float = value_of(settings, "lr_ratio")
    mean = value_of(settings, "lr_mean")
    if mean is not None:
        return mean / math.sqrt(ratio), mean * math.sqrt(ratio)
    lr_g: float = value_of(settings, "lr_g")
    lr_d = value_of(settings, "lr_d")
    return lr_g, lr_g * ratio if lr_d is None else lr_d


def _component(kind: str, settings: Settings, complain: Complain) -> tuple[Entry, Component] | None:
    """The cell's component of a kind, with all keys; None if it has none or it is refused already."""
    if kind in settings and settings[kind].value is BAD:
        return None
    whole: Whole | None = settings[kind].value if kind in settings else None
    if whole is None:
        if kind not in DEFAULT_COMPONENTS:
            complain(kind, (kind,), f"missing; legal: {', '.join(KINDS[kind].names(kind))}")
            return None
        whole = Whole(DEFAULT_COMPONENTS[kind] or "none")
    dotted = {key: each.value for key, each in settings.items() if key.startswith(kind + ".")}
    if whole.name == "none":
        for key, value in dotted.items():
            if value is not BAD and not _is_zero(value):
                complain(key, (key, kind), f"{value!r} means nothing without a {kind}")
        return None
    entry = KINDS[kind].get(kind, whole.name)
    given = dict(whole.keys)
    for key, value in dotted.items():
        sub = key.removeprefix(kind + ".")
        if value is BAD or (sub not in entry.keys and _is_zero(value)):
            continue
        if sub not in entry.keys:
            legal = ", ".join(f"{kind}.{each}" for each in entry.keys) or "it has no keys"
            sentence = (
                f"{value!r} means nothing for {kind} {entry.name}{suggest(sub, entry.keys)}; legal: {legal}"
            )
            complain(key, (key, kind), sentence)
            continue
        try:
            given[sub] = entry.keys[sub].check(value)
        except CatalogError as error:
            complain(key, (key, kind), str(error))
    try:
        return entry, Component(entry.name, tuple(entry.resolve(given).items()))
    except CatalogError:  # the layer that gives the component has said it
        return None


def _is_zero(value: Any) -> bool:
    return value == "none" or (isinstance(value, (int, float)) and value == 0)


def _neutralise(fields: dict[str, Any], parts: Parts) -> None:
    """Fields that decide nothing take one value, so that equal runs have equal ids."""
    if fields["label_jitter"] == 0.0:
        fields["label_jitter_sign"] = FIELDS["label_jitter_sign"].default
    if "update" in parts and parts["update"][0].facts.get("one_each"):
        fields["order"] = FIELDS["order"].default
    if fields["instance_noise"] == 0.0:
        fields["instance_noise_until"] = 0
    if "optimizer" in parts and not parts["optimizer"][0].facts.get("betas", False):
        fields["beta1"] = fields["beta2"] = 0.0
    if "model" not in parts or parts["model"][1].kwargs.get("condition") != "auxiliary":
        fields["aux_weight"] = FIELDS["aux_weight"].default
    if {"model", "dataset"} <= set(parts):
        component = parts["model"][1]
        if component.kwargs.get("latent_dim") == 0:
            latent = MODALITIES[parts["dataset"][0].facts["modality"]].latent
            keys = tuple((key, latent if key == "latent_dim" else value) for key, value in component.keys)
            fields["model"] = Component(component.name, keys)


def _evaluate(evaluation: Evaluation, steps: int | None, parts: Parts, complain: Complain) -> Evaluate | None:
    if "dataset" not in parts:
        return None
    entry = parts["dataset"][0]
    metrics = evaluation.metrics
    if metrics is None:
        metrics = tuple(metric(name, {}) for name in entry.facts["default_metrics"])
    else:
        modality, primary = entry.facts["modality"], entry.facts["primary"]
        for each in metrics:
            facts, fit = METRICS.get("metric", each.name).facts, ", ".join(_metrics_of(modality))
            if modality not in facts["modalities"]:
                measures, has = " and ".join(PLURAL[m] for m in facts["modalities"]), PLURAL[modality]
                sentence = f"{each.name} measures {measures}, and {entry.name} has {has}; legal: {fit}"
                complain("evaluate.metrics", ("dataset",), sentence)
            elif facts["needs_modes"] and entry.facts["modes"] is None:
                complain(
                    "evaluate.metrics", ("dataset",), f"{each.name} needs modes, and {entry.name} has none"
                )
            elif facts.get("conditional") and str(entry.facts["extractor"]).endswith("_by_channel"):
                sentence = f"{each.name} needs one picture a sample, and {entry.name} has one in each channel"
                complain("evaluate.metrics", ("dataset",), sentence)
            elif facts.get("conditional") and not _is_conditional(parts):
                sentence = f"{each.name} measures conditional models: set model.condition"
                complain("evaluate.metrics", ("model", "model.condition"), sentence)
        if primary not in [each.name for each in metrics]:
            sentence = f"must hold {primary}, by which the outcomes of {entry.name} are judged"
            complain("evaluate.metrics", ("dataset",), sentence)
    _enough_samples(evaluation.samples, metrics, entry, complain)
    if evaluation.every is not None and steps is not None and evaluation.every > steps:
        sentence = f"{evaluation.every} is more than the {steps} steps of a trial"
        complain("evaluate.every", ("steps",), sentence)
    return Evaluate(evaluation.every or max(1, (steps or 1) // 20), evaluation.samples, metrics)


def _is_conditional(parts: Parts) -> bool:
    return "model" not in parts or parts["model"][1].kwargs.get("condition", "none") != "none"


def _enough_samples(samples: int, metrics: tuple[Component, ...], dataset: Entry, complain: Complain) -> None:
    """Of many modes each needs its share of samples, or perfect samples would miss some by chance."""
    modes = dataset.facts["modes"] or 0
    counted = [each.name for each in metrics if METRICS.get("metric", each.name).facts["needs_modes"]]
    needed = SAMPLES_A_MODE * modes
    if modes >= MANY_MODES and counted and samples < needed:
        sentence = (
            f"{samples:,} is too few to count the {modes:,} modes of {dataset.name}: {needed:,} are needed,"
            f" {SAMPLES_A_MODE} a mode, or leave {counted[0]} out of evaluate.metrics"
        )
        complain("evaluate.samples", ("dataset",), sentence)


def metric(name: str, keys: Mapping[str, Any]) -> Component:
    """A metric with all its keys; raises CatalogError."""
    return Component(name, tuple(METRICS.get("metric", name).resolve(keys).items()))


def _metrics_of(modality: str) -> Iterator[str]:
    for entry in METRICS.entries("metric"):
        if modality in entry.facts["modalities"]:
            yield entry.name
