"""The shape of a study file: its blocks, their types, and the JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.study.keys import FIELDS, KINDS, truth_hint
from bench.study.problems import Problems, show
from bench.study.recipes import RECIPES
from ganzoo.catalog import Key, suggest
from ganzoo.entry import number_hint

SLUG = r"^[a-z0-9][a-z0-9._-]{0,63}$"
"""What a study or a claim may be called: it becomes the name of a folder."""


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class EvaluateBlock(_Block):
    """When, on how many samples and by what every trial is measured."""

    every: int | None = Field(default=None, ge=1, description="steps between evaluations; default: steps/20")
    samples: int = Field(default=2000, ge=16, le=1_000_000, description="samples of each evaluation")
    metrics: list[str | dict[str, Any]] | None = Field(
        default=None, description="default: those of the data set"
    )


class CheckpointBlock(_Block):
    """What is kept of the weights, and how much work a kill may cost."""

    keep: Literal["none", "final"] = Field(default="final", description="weights kept of a finished trial")
    every_s: float = Field(
        default=20.0, ge=0.0, description="seconds between checkpoints of a pack, at least"
    )


class ResourcesBlock(_Block):
    """What one worker takes."""

    cpu: float = Field(default=1.0, gt=0.0, le=1024, description="cores")
    gpu: float = Field(
        default=0.0, ge=0.0, le=64, description="GPUs, or a fraction of one; 0: train on the CPU"
    )
    threads: int = Field(default=1, ge=1, le=1024, description="torch threads; part of what decides the bits")
    memory_mb: int = Field(
        default=1500, ge=256, description="memory of a worker, by which the width of packs is bounded"
    )


class ClaimBlock(_Block):
    """A hypothesis about the results; it is judged from the tables."""

    id: str = Field(pattern=SLUG)
    text: str
    effect: dict[str, Any] | None = None
    value: dict[str, Any] | None = None
    where: dict[str, Any] = Field(default_factory=dict)
    compare: dict[str, Any] | None = None
    given: dict[str, Any] | None = None
    expect: str | None = None
    margin: float | None = Field(default=None, ge=0.0)


class PublishedBlock(_Block):
    """A published number or a closed form, to stand beside what the study measures."""

    model_config = ConfigDict(allow_inf_nan=False)

    where: dict[str, Any] = Field(default_factory=dict, description="axis -> value of the cells")
    metric: str = Field(description="a column of the curves")
    source: str = Field(description="where it is published")
    at: int | None = Field(default=None, ge=0, description="step; default: the end")
    value: float | None = Field(default=None, description="the number, with `within` or `standard_errors`")
    within: float | None = Field(default=None, ge=0.0, description="largest difference that agrees")
    standard_errors: float | None = Field(default=None, gt=0.0, description="the same in SE over seeds")
    below: float | None = None
    at_least: float | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> PublishedBlock:
        said = [name for name in ("value", "below", "at_least") if getattr(self, name) is not None]
        tolerances = [name for name in ("within", "standard_errors") if getattr(self, name) is not None]
        if len(said) != 1:
            raise ValueError("expected one of value, below, at_least")
        if len(tolerances) != (said == ["value"]):
            raise ValueError("a value needs one of within, standard_errors; a bound takes neither")
        return self


class StudyFile(_Block):
    """A study: a grid of GAN trainings, how they are measured, and what is claimed of them."""

    name: str = Field(pattern=SLUG)
    seed: int = Field(default=0, ge=0, description="seed of the whole study; every stream is derived from it")
    base: dict[Any, Any] = Field(default_factory=dict, description="keys of every cell")
    grid: dict[Any, Any] = Field(
        default_factory=dict, description="axis -> list of values, or of labelled bundles"
    )
    include: list[dict[Any, Any]] = Field(default_factory=list, description="whole cells over base")
    exclude: list[dict[Any, Any]] = Field(
        default_factory=list, description="cells that match all keys of a row go"
    )
    seeds: int | list[int] = Field(default=1, description="number of seeds (0, 1, ...) or their list")
    evaluate: EvaluateBlock = Field(default_factory=EvaluateBlock)
    checkpoint: CheckpointBlock = Field(default_factory=CheckpointBlock)
    resources: ResourcesBlock = Field(default_factory=ResourcesBlock)
    plugins: list[str] = Field(
        default_factory=list,
        description="Python files that register catalogue entries; paths from the study's folder",
    )
    published: list[PublishedBlock] = Field(
        default_factory=list, description="published numbers to stand beside the results"
    )
    claims: list[ClaimBlock] = Field(default_factory=list)


def read_shape(data: Mapping[Any, Any], problems: Problems) -> StudyFile:
    """The file with what pydantic refuses told and taken away, so that the rest is checked too."""
    sound = dict(data)
    for key in [key for key in sound if not isinstance(key, str)]:
        problems.add("", f"the key {show(key)} is no text{truth_hint(key)}")
        del sound[key]
    for key in [key for key, value in sound.items() if value is None and key in StudyFile.model_fields]:
        del sound[key]  # an empty block says nothing
    try:
        return StudyFile.model_validate(sound)
    except ValidationError as error:
        for each in error.errors():
            problems.add(*_sentence(each, data))
            sound.pop(str(each["loc"][0]), None)
    sound.setdefault("name", "unnamed")
    return StudyFile.model_validate(sound)


_EXPECTED: Mapping[str, str] = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "dict_type": "keys and values",
    "list_type": "a list",
    "model_type": "keys and values",
}


def _sentence(error: Any, data: Mapping[Any, Any]) -> tuple[str, str]:
    """(dotted key, sentence) of one error of pydantic."""
    loc, kind, value = error["loc"], error["type"], error["input"]
    if loc[0] == "seeds":
        return "seeds", f"expected a number of seeds or a list of whole numbers, got {data['seeds']!r}"
    if loc[:2] == ("evaluate", "metrics"):
        return "evaluate.metrics", f"expected a list of names or {{name: ..., keys}}, got {show(value)}"
    path = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in loc).lstrip(".")
    if kind == "extra_forbidden":
        return path, _unknown(loc)
    if kind == "missing":
        return path, "missing"
    if kind == "string_pattern_mismatch":
        rule = "small letters, digits, '.', '_' and '-', at most 64, a letter or digit first"
        return path, f"{show(value)!r} is no legal name: {rule}"
    if kind in _EXPECTED:
        hint = number_hint(value, {"float_type": float, "int_type": int}.get(kind, str))
        return path, f"expected {_EXPECTED[kind]}, got {show(value)}{truth_hint(value)}{hint}"
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    return path, f"{message}, got {show(value)}"


_BLOCKS: Mapping[str, type[BaseModel]] = {
    "evaluate": EvaluateBlock,
    "checkpoint": CheckpointBlock,
    "resources": ResourcesBlock,
    "claims": ClaimBlock,
    "published": PublishedBlock,
}


def _unknown(loc: Sequence[Any]) -> str:
    key = str(loc[-1])
    block = _BLOCKS.get(str(loc[0]), StudyFile) if len(loc) > 1 else StudyFile
    legal = tuple(block.model_fields)
    if block is StudyFile and (key in FIELDS or key in KINDS):
        return f"belongs under base: base.{key}"
    return f"unknown key {key!r}{suggest(key, legal)}; legal: {', '.join(legal)}"


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a study file, with the keys of a cell spelt out."""
    schema = StudyFile.model_json_schema()
    cell: dict[str, Any] = {key: _key_schema(spec) for key, spec in FIELDS.items()}
    for kind, catalog in KINDS.items():
        names = list(catalog.names(kind))
        shape = {"type": "object", "properties": {"name": {"enum": names}}, "required": ["name"]}
        cell[kind] = {"anyOf": [{"enum": names}, {"type": "string"} if kind == "dataset" else shape, shape]}
        if kind == "model":
            recipe = {"enum": list(RECIPES), "description": "a published configuration; every other key wins"}
            cell[kind]["anyOf"].append(
                {"type": "object", "properties": {"recipe": recipe}, "required": ["recipe"]}
            )
        for entry in catalog.entries(kind):
            for key, spec in entry.keys.items():
                cell[f"{kind}.{key}"] = _key_schema(spec)
    schema["properties"]["base"] |= {"properties": cell}
    return schema


def _key_schema(spec: Key) -> dict[str, Any]:
    names = {int: "integer", float: "number", str: "string", bool: "boolean"}
    out: dict[str, Any] = {"type": [names[spec.type], "null"], "description": spec.doc}
    if spec.choices:
        out = {"enum": [*spec.choices, None], "description": spec.doc}
    if spec.type in (int, float):
        out |= {
            name: limit
            for name, limit in (("minimum", spec.low), ("maximum", spec.high))
            if abs(limit) < 1e300
        }
    if spec.default is not None:
        out["default"] = spec.default
    return out
