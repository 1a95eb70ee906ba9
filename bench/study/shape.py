"""The shape of a study file: its blocks, their types, and the JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    field_validator,
    model_validator,
)

from bench.study.keys import FIELDS, KINDS, truth_hint
from bench.study.problems import Problems, show
from bench.study.recipes import RECIPES
from ganzoo.catalog import Key, suggest
from ganzoo.entry import number_hint

SLUG = r"^[a-z0-9][a-z0-9._-]{0,63}$"
"""What a study or a claim may be called: it becomes the name of a folder."""

QUANTITIES = ("flag", "outcome", "metric", "monitor")
BOUNDS = ("above", "below", "at_least", "at_most")
_COUNTS = "the share of trials with a number on this side; of a premise the number itself is on it"


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


class QuantityBlock(_Block):
    """What of a trial is looked at: exactly one of four; of a number, maybe on which side of a bound."""

    flag: str | None = Field(default=None, description="share of trials whose sign of this name holds")
    outcome: list[str] | None = Field(
        default=None,
        description="share of trials that end so, or in one of several ways; `failure`: in any of them",
    )
    metric: str | None = Field(default=None, description="final.<metric>: the median over W")
    monitor: str | None = Field(default=None, description="the median over W of a monitor")
    above: FiniteFloat | None = Field(default=None, description=_COUNTS)
    below: FiniteFloat | None = Field(default=None, description=_COUNTS)
    at_least: FiniteFloat | None = Field(default=None, description=_COUNTS)
    at_most: FiniteFloat | None = Field(default=None, description=_COUNTS)

    @field_validator("outcome", mode="before")
    @classmethod
    def _listed(cls, outcome: Any) -> Any:
        return [outcome] if isinstance(outcome, str) else outcome

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        named = [name for name in QUANTITIES if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError(f"expected one of {', '.join(QUANTITIES)}")
        if len(self.bounds) > 1:
            raise ValueError(f"expected one of {', '.join(BOUNDS)}")
        return self

    @property
    def bounds(self) -> dict[str, float]:
        """Those that are given, by their side."""
        return {side: value for side in BOUNDS if (value := getattr(self, side)) is not None}


class EffectBlock(QuantityBlock):
    """What the treatment is claimed to change."""

    scale: Literal["difference", "log_ratio"] | None = Field(
        default=None, description="default: log_ratio for distances, else difference"
    )


class AmongBlock(_Block):
    """Which trials a value is claimed of."""

    outcome: list[str] = Field(min_length=1, description="those that end so")

    @field_validator("outcome", mode="before")
    @classmethod
    def _listed(cls, outcome: Any) -> Any:
        return [outcome] if isinstance(outcome, str) else outcome


class ValueBlock(QuantityBlock):
    """A quantity that is claimed to lie within bounds."""

    within: list[float] = Field(min_length=2, max_length=2, description="lowest and highest value")
    among: AmongBlock | None = Field(default=None, description="default: all trials")


class PremiseBlock(QuantityBlock):
    """What must hold of one of the arms for the claim to be tested at all; exactly one bound, of the arm."""

    arm: Literal["control", "treatment"] = Field(default="control", alias="in")

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        if not self.bounds:
            raise ValueError(f"expected one of {', '.join(BOUNDS)}")
        return self


class ClaimBlock(_Block):
    """A hypothesis about the results; it is judged from the tables (docs/claims.md)."""

    model_config = ConfigDict(allow_inf_nan=False)

    id: str = Field(pattern=SLUG)
    text: str
    effect: EffectBlock | None = Field(default=None, description="what the treatment changes")
    value: ValueBlock | None = Field(default=None, description="or: what lies within bounds")
    where: dict[str, Any] = Field(default_factory=dict, description="axis or key -> value, or list of them")
    compare: dict[str, Any] | None = Field(
        default=None, description="axis -> [treatment, control]; several axes change together"
    )
    given: list[PremiseBlock] = Field(
        default_factory=list,
        description="premises; one alone needs no list",
    )
    expect: Literal["less", "more"] | None = Field(default=None, description="of the treatment")
    margin: float | None = Field(default=None, gt=0.0, description="smaller effects count as none")
    belief: int | None = Field(default=None, ge=1, description="row of the table of beliefs in the docs")

    @field_validator("given", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        return [given] if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _is_whole(self) -> ClaimBlock:
        if (self.effect is None) == (self.value is None):
            raise ValueError("needs either effect or value")
        given = {name for name in ("compare", "expect", "margin") if getattr(self, name) is not None}
        if self.effect is not None and len(given) < 3:
            lacks = [name for name in ("compare", "expect", "margin") if name not in given]
            raise ValueError(f"an effect also needs {', '.join(lacks)}")
        if self.value is not None and (given or self.given):
            extra = [
                *(n for n in ("compare", "expect", "margin") if n in given),
                *["given"] * bool(self.given),
            ]
            raise ValueError(f"a value takes no {', '.join(extra)}")
        return self


class RateBlock(_Block):
    """What must hold of a seed's number for the seed to count; exactly one bound."""

    model_config = ConfigDict(allow_inf_nan=False)

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _has_one_bound(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("expected one of at_least, at_most")
        return self


class PublishedBlock(_Block):
    """A published number or a closed form, to stand beside what the study measures."""

    model_config = ConfigDict(allow_inf_nan=False)

    where: dict[str, Any] = Field(default_factory=dict, description="axis -> value of the cells")
    metric: str = Field(description="a column of the curves")
    source: str = Field(description="where it is published")
    at: int | None = Field(default=None, ge=0, description="step; default: the end")
    value: float | None = Field(default=None, description="the number, with `within` or `standard_errors`")
    within: float | None = Field(default=None, ge=0.0, description="largest difference that agrees")
    standard_errors: float | None = Field(
        default=None, gt=0.0, le=6.0, description="the same in SE over seeds"
    )
    below: float | None = None
    at_least: float | None = None
    lower_than: dict[str, Any] | None = Field(
        default=None, description="axis -> value of the cells that have a higher number, paired by seed"
    )
    statistic: Literal["mean", "median"] = Field(default="mean", description="over the seeds")
    rate: RateBlock | None = Field(default=None, description="or the share of seeds whose number is so")
    of: int | None = Field(default=None, ge=1, description="seeds behind the published number")
    se: float | None = Field(default=None, gt=0.0, description="its own standard error")
    reduced: str | None = Field(
        default=None, min_length=1, description="what this run has less of, than theirs"
    )
    note: str | None = Field(default=None, min_length=1, description="what to know of a difference")

    @model_validator(mode="after")
    def _says_one_thing(self) -> PublishedBlock:
        kinds = ("value", "below", "at_least", "lower_than")
        said = [name for name in kinds if getattr(self, name) is not None]
        tolerances = [name for name in ("within", "standard_errors") if getattr(self, name) is not None]
        if len(said) != 1:
            raise ValueError("expected one of value, below, at_least, lower_than")
        if len(tolerances) != (said == ["value"]):
            raise ValueError("a value needs one of within, standard_errors; other statements take neither")
        if (self.of is not None) + (self.se is not None) > (tolerances == ["standard_errors"]):
            raise ValueError("of and se exclude each other, and belong to a value with standard_errors")
        if self.rate is not None and (self.statistic != "mean" or self.se is not None):
            raise ValueError("a rate takes neither statistic nor se; say of how many seeds it is")
        if self.rate is not None and self.value is not None and not 0.0 <= self.value <= 1.0:
            raise ValueError("a rate is a share, from 0 to 1")
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
        default_factory=list, description="cells that match all keys of a row go; a key may list values"
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
    positive_control: dict[str, Any] = Field(
        default_factory=dict,
        description="axis -> value: cells that must converge in 80 % of their seeds, else no claim is tested",
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
        refused = [each["loc"] for each in error.errors()]
        for each in error.errors():
            problems.add(*_sentence(each, data))
        whole = {str(loc[0]) for loc in refused if loc[0] != "claims" or len(loc) < 2}
        # Of claims those alone, so that the others are checked too.
        bad = {loc[1] for loc in refused if loc[0] == "claims" and len(loc) > 1}
        if bad:
            problems.hide(*(f"claims[{i}]" for i in sorted(bad)))
            sound["claims"] = [each for i, each in enumerate(sound["claims"]) if i not in bad]
        problems.hide(*(key for key in sound if key in whole and key in _NAMED_BY_OTHERS))
        sound = {key: each for key, each in sound.items() if key not in whole}
    sound.setdefault("name", "unnamed")
    return StudyFile.model_validate(sound)


_NAMED_BY_OTHERS = ("base", "grid", "include", "exclude", "evaluate", "plugins", "published", "claims")
"""Blocks of which more is checked than their shape."""

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
    if loc[0] == "claims" and isinstance(value, dict):
        return path, message  # a whole claim would hide it
    return path, f"{message}, got {show(value)}"


_BLOCKS: Mapping[str, type[BaseModel]] = {
    "evaluate": EvaluateBlock,
    "checkpoint": CheckpointBlock,
    "resources": ResourcesBlock,
    "claims": ClaimBlock,
    "published": PublishedBlock,
}


_PARTS: Mapping[str, type[BaseModel]] = {
    "effect": EffectBlock,
    "value": ValueBlock,
    "among": AmongBlock,
    "given": PremiseBlock,
}
"""Blocks inside of a claim."""


def _unknown(loc: Sequence[Any]) -> str:
    key = str(loc[-1])
    block = _BLOCKS.get(str(loc[0]), StudyFile) if len(loc) > 1 else StudyFile
    if loc[0] == "claims":
        block = next((_PARTS[str(each)] for each in reversed(loc[:-1]) if str(each) in _PARTS), block)
    legal = tuple(each.alias or name for name, each in block.model_fields.items())
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
    blocks = schema["$defs"]
    _one_or_more(blocks["ClaimBlock"]["properties"]["given"])
    for name in ("EffectBlock", "ValueBlock", "PremiseBlock", "AmongBlock"):
        _one_or_more(blocks[name]["properties"]["outcome"])
    return schema


def _one_or_more(schema: dict[str, Any]) -> None:
    """Change the schema of a list: one alone needs no list."""
    given = schema.pop("anyOf", None) or [{"type": schema.pop("type"), "items": schema.pop("items")}]
    schema["anyOf"] = [*(each["items"] for each in given if "items" in each), *given]


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
