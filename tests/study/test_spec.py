"""What a study may say, and how it is told what it may not."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bench.study.problems import StudyError
from bench.study.shape import json_schema
from bench.study.spec import Study, load_study, read_study

BASE = """
name: x
base: {dataset: ring8, model: mlp, loss: non_saturating, steps: 100}
"""


def read(text: str, *overrides: str, **options: object) -> Study:
    return read_study(textwrap.dedent(text), "s.yaml", overrides, **options)  # type: ignore[arg-type]


def problems(text: str, *overrides: str, **options: object) -> Sequence[str]:
    with pytest.raises(StudyError) as caught:
        read(text, *overrides, **options)
    return caught.value.problems


def fields(text: str, *overrides: str) -> dict[str, object]:
    (cell,) = read(text, *overrides).cells
    return dict(cell.fields)


def test_the_defaults_are_those_of_the_design() -> None:
    found = fields(BASE)
    evaluate = found.pop("evaluate")
    assert (evaluate.every, evaluate.samples) == (5, 2000)  # type: ignore[attr-defined]
    assert [m.name for m in evaluate.metrics] == ["sw1", "modes"]  # type: ignore[attr-defined]
    wanted = {
        **{
            "lr_g": 2e-4,
            "lr_d": 2e-4,
            "beta1": 0.5,
            "beta2": 0.999,
            "batch": 64,
            "n_critic": 1,
            "g_steps": 1,
        },
        **{"order": "d_first", "dtype": "float32", "d_batch": "split", "penalty": None, "ema": 0.0},
        **{"dropout": 0.0, "label_noise": 0.0, "label_smoothing": 0.0, "label_jitter": 0.0},
        **{"instance_noise": 0.0, "weight_decay": 0.0, "steps": 100},
    }
    assert {key: found[key] for key in wanted} == wanted
    assert found["model"].kwargs["latent_dim"] == 2  # type: ignore[attr-defined]
    assert found["model"].kwargs["latent"] == "normal"  # type: ignore[attr-defined]
    assert found["optimizer"].name == "adam"  # type: ignore[attr-defined]
    assert found["update"].name == "alternating"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("keys", "rates"),
    [
        ("lr_g: 0.001", (0.001, 0.001)),
        ("lr_g: 0.001, lr_ratio: 8", (0.001, 0.008)),
        ("lr_g: 0.001, lr_d: 0.5", (0.001, 0.5)),
        ("lr_mean: 0.01, lr_ratio: 4", (0.005, 0.02)),
        ("lr_mean: 0.01", (0.01, 0.01)),
        ("lr_d: null, lr_ratio: 2", (2e-4, 4e-4)),
    ],
)
def test_rates(keys: str, rates: tuple[float, float]) -> None:
    found = fields(BASE.replace("steps: 100", f"steps: 100, {keys}"))
    assert (found["lr_g"], found["lr_d"]) == pytest.approx(rates)


def test_nested_spellings_and_dotted_keys() -> None:
    found = fields(
        BASE,
        "model.width=32",
        "label_jitter={amount: 0.1, sign: outward}",
        "instance_noise.sigma=0.2",
        "instance_noise.until=50",
        "penalty={name: weight_clip, value: 0.1}",
    )
    assert found["model"].kwargs["width"] == 32  # type: ignore[attr-defined]
    assert (found["label_jitter"], found["label_jitter_sign"]) == (0.1, "outward")
    assert (found["instance_noise"], found["instance_noise_until"]) == (0.2, 50)
    assert found["penalty"].to_json() == {"name": "weight_clip", "value": 0.1}  # type: ignore[attr-defined]


def test_none_is_a_value_where_a_key_has_it() -> None:
    text = BASE.replace("ring8", "digits").replace("model: mlp", "model: dcgan")
    for change in ("model={name: dcgan, norm_d: none}", "model.norm_d=none"):
        assert fields(text, change)["model"].kwargs["norm_d"] == "none"  # type: ignore[attr-defined]
    assert (
        fields(text, "model.norm_d=null") == fields(text, "model={name: dcgan, norm_d: null}") == fields(text)
    )
    assert fields(BASE + "grid: {model.norm_d: [none]}")["model"].kwargs["norm_d"] == "none"  # type: ignore[attr-defined]
    neutral = text.replace("dcgan", "resnet")
    assert fields(neutral.replace("steps: 100", "steps: 100, model.condition: none")) == fields(neutral)
    both = read(text + "grid: {model.norm_d: [batch, none]}").cells
    assert [dict(cell.axes) for cell in both] == [{"model.norm_d": "batch"}, {"model.norm_d": "none"}]


def test_what_decides_nothing_takes_one_value() -> None:
    plain = fields(BASE)
    assert fields(BASE, "label_jitter_sign=outward", "instance_noise_until=7") == plain
    sgd = fields(BASE, "optimizer=sgd")
    assert (sgd["beta1"], sgd["beta2"]) == (0.0, 0.0)


def test_a_folder_is_a_data_set() -> None:
    found = fields(BASE.replace("ring8", '"folder:some/where"').replace("model: mlp", "model: dcgan"))
    assert found["dataset"].kwargs["path"] == "some/where"  # type: ignore[attr-defined]
    assert found["model"].kwargs["latent_dim"] == 64  # type: ignore[attr-defined]
    assert problems(BASE.replace("ring8", "folder")) == [
        "s.yaml: base.dataset: which folder? write folder:PATH"
    ]


@pytest.mark.parametrize("neutral", ["0", "none", "null"])
def test_a_neutral_value_is_legal_everywhere(neutral: str) -> None:
    text = BASE.replace("non_saturating", "wasserstein")
    found = fields(text.replace("steps: 100", f"steps: 100, label_smoothing: {neutral}, penalty: {neutral}"))
    assert (found["label_smoothing"], found["penalty"]) == (0.0, None)
    assert found == fields(text)


# --- bad input


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2", "s.yaml: no valid YAML: line 1, column 9: expected ',' or ']'"),
        ("", "s.yaml: no study: expected keys such as name, base, grid; the file is empty"),
        ("just words", "s.yaml: no study: expected keys such as name, base, grid; the file is just words"),
        ("x: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("x: \x00", "s.yaml: no valid YAML: unacceptable character"),
        ("x: " + "[" * 2000, "s.yaml: no valid"),
        ("x: &x [*x]", "no valid YAML: line 1, column 4: an alias contains itself"),
    ],
)
def test_no_yaml(text: str, message: str) -> None:
    assert message in problems(text)[0]


def test_an_alias_bomb_is_refused_before_it_is_built() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
    assert "its aliases expand to more than 100000 values" in problems("\n".join(lines))[0]


def test_a_key_given_twice_is_told_with_both_lines() -> None:
    text = "name: x\nbase:\n  lr_g: 1.0e-3\n  steps: 1\n  lr_g: 1.0e-4\nname: y\n"
    assert problems(text) == [
        "s.yaml: name: given twice, on lines 1 and 6",
        "s.yaml: base.lr_g: given twice, on lines 3 and 5",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "lr_g: 1e-4",
            "s.yaml: base.lr_g: expected a number, got '1e-4' (YAML reads 1e-4 as text: write 1.0e-4)",
        ),
        ("batch: 64.5", "s.yaml: base.batch: expected a whole number, got 64.5"),
        (
            "batch: yes",
            "s.yaml: base.batch: expected a whole number, got True (YAML reads yes, on and true as true",
        ),
        ("dropout: 1.5", "s.yaml: base.dropout: got 1.5; legal: 0 to 0.99"),
        ("label_noise: 0.5", "s.yaml: base.label_noise: got 0.5; legal: 0 to 0.499"),
        ("lr_ratio: [1, 2]", "(a list of values to try belongs under grid)"),
        ("lr_g: .nan", "s.yaml: base.lr_g: nan is no finite number"),
        ("lr_G: 1.0", "s.yaml: base.lr_G: unknown key 'lr_G', did you mean 'lr_g'?; legal: lr_g, lr_d, "),
        ("width: 3", "s.yaml: base.width: unknown key 'width', did you mean 'model.width'?"),
        (
            "model.widht: 3",
            "s.yaml: base.model.widht: unknown key 'model.widht', did you mean 'model.width'?",
        ),
        (
            "penalty: no",
            "s.yaml: base.penalty: expected the name of a penalty, got false (YAML reads no, off and",
        ),
        (
            "penalty: weight_clop",
            "s.yaml: base.penalty: unknown penalty 'weight_clop', did you mean 'weight_clip'?",
        ),
        ("penalty: {value: 1.0}", "s.yaml: base.penalty: needs a name"),
        (
            "order: dfirst",
            "s.yaml: base.order: got 'dfirst', did you mean 'd_first'?; legal: d_first, g_first",
        ),
        ("off: 3", "s.yaml: base: the key false is no text (YAML reads no, off and false as false"),
        ("lr_d: 0.1, lr_ratio: 2", "s.yaml: base.lr_ratio: lr_d is given too: give one of them"),
        (
            "lr_g: 0.1, lr_mean: 2",
            "s.yaml: base.lr_mean: lr_g is given too: lr_mean and lr_ratio fix both rates",
        ),
        ("penalty.value: 0.5", "s.yaml: base.penalty.value: 0.5 means nothing without a penalty"),
        (
            "optimizer: sgd, beta1: 0.9",
            "base.beta1: 0.9 means nothing with the optimizer sgd, which has no betas",
        ),
        ("optimizer: sgd, optimizer.alpha: 0.9", "base.optimizer.alpha: 0.9 means nothing for optimizer sgd"),
    ],
)
def test_a_bad_key(change: str, message: str) -> None:
    assert any(message in line for line in problems(BASE.replace("steps: 100", f"steps: 100, {change}")))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "loss: non_saturating",
            "loss: wassertein",
            "base.loss: unknown loss 'wassertein', did you mean 'wasserstein'?",
        ),
        (
            "model: mlp",
            "model: mpl",
            "base.model: unknown model 'mpl', did you mean 'mlp'?; legal: mlp, dcgan",
        ),
        ("dataset: ring8", "dataset: ring9", "base.dataset: unknown dataset 'ring9', did you mean 'ring8'?"),
        (
            "model: mlp",
            "model: {name: mlp, widht: 3}",
            "base.model.widht: model mlp has no key 'widht', did you mean",
        ),
        (
            "model: mlp",
            "model: {name: mlp, width: big}",
            "base.model.width: expected a whole number, got 'big'",
        ),
        ("steps: 100", "batch: 64", "s.yaml: base.steps: missing"),
        ("loss: non_saturating, ", "", "s.yaml: base.loss: missing; legal: minimax"),
        ("name: x", "name: ../x", "s.yaml: name: '../x' is no legal name: small letters, digits"),
        (
            "name: x",
            "name: no",
            "s.yaml: name: expected text, got false (YAML reads no, off and false as false",
        ),
        ("name: x", "steps: 3", "s.yaml: name: missing"),
        ("name: x", "name: x\nsteps: 3", "s.yaml: steps: belongs under base: base.steps"),
        (
            "name: x",
            "name: x\ngird: {}",
            "s.yaml: gird: unknown key 'gird', did you mean 'grid'?; legal: name, seed",
        ),
        ("name: x", "name: x\nbase_: 3", "s.yaml: base_: unknown key 'base_', did you mean 'base'?"),
        ("name: x", "name: x\nseeds: 0", "s.yaml: seeds: expected at least one seed, got 0"),
        ("name: x", "name: x\nseeds: [1, 1]", "s.yaml: seeds: lists a seed twice: [1, 1]"),
        (
            "name: x",
            "name: x\nseeds: 1.0",
            "s.yaml: seeds: expected a number of seeds or a list of whole numbers",
        ),
        ("name: x", "name: x\nseeds: 2000000000", "are more than 100000 trials"),
        (
            "name: x",
            "name: x\nevaluate: {evry: 3}",
            "s.yaml: evaluate.evry: unknown key 'evry', did you mean 'every'?",
        ),
        (
            "name: x",
            "name: x\nevaluate: {metrics: [sw2]}",
            "evaluate.metrics[0]: unknown metric 'sw2', did you mean",
        ),
        (
            "name: x",
            "name: x\nevaluate: {metrics: [sw1, fd]}",
            "evaluate.metrics: fd measures images, and ring8 has",
        ),
        (
            "name: x",
            "name: x\nevaluate: {metrics: [modes]}",
            "must hold sw1, by which the outcomes of ring8 are judged",
        ),
        (
            "name: x",
            "name: x\nplugins: [no_such_module]",
            "plugins[0]: no_such_module: no such file; looked in",
        ),
        ("model: mlp", "model: dcgan", "s.yaml: base.model: dcgan makes images, and ring8 has points"),
        ("name: x", "name: x\nclaims: [{id: a, text: b}]", "claims[0]: needs either effect or value"),
    ],
)
def test_a_bad_study(old: str, new: str, message: str) -> None:
    assert any(message in line for line in problems(BASE.replace(old, new)))


def test_every_problem_is_told_at_once() -> None:
    text = """
        name: ../x
        base: {dataset: digit, model: {name: dcgan, widht: 3}, loss: hinge, lr_g: 1e-4, label_smoothing: 0.1}
        grid: {lr_ratio: [], n_critic: [1, 1]}
        seeds: x
        exclude: [{lr: 3}]
    """
    places = [line.split(": ")[1] for line in problems(text)]
    assert places == [
        *("name", "seeds", "base.dataset", "base.model.widht", "base.lr_g", "grid.lr_ratio", "grid.n_critic"),
        *("exclude[0].lr", "base.steps", "base.label_smoothing"),
    ]


def test_control_characters_do_not_reach_the_terminal() -> None:
    (line,) = problems(BASE.replace("model: mlp", 'model: "\\e[31mmlp"'))
    assert "\x1b" not in line


@given(st.text(max_size=200))
def test_any_text_is_a_study_or_a_list_of_problems(text: str) -> None:
    with pytest.raises(StudyError) as caught:
        read_study(text, "s.yaml")
    assert all(line.startswith("s.yaml: ") for line in caught.value.problems)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda s: st.lists(s, max_size=3)
    )
)
def test_any_value_anywhere_is_a_study_or_a_list_of_problems(value: object) -> None:
    for key in ("name", "base", "grid", "include", "exclude", "seeds", "evaluate", "claims", "resources"):
        data = yaml.safe_load(BASE) | {key: value}
        with suppress(StudyError):
            read_study(yaml.safe_dump(data), "s.yaml")


# --- the command line


def test_overrides() -> None:
    text = BASE + "grid: {lr_ratio: [1, 2, 4], dropout: [0, 0.4]}\nevaluate: {every: 10}\n"
    study = read(
        text, "lr_g=1e-3", "grid.lr_ratio=[1e-1,4]", "grid.dropout=null", "seeds=2", "evaluate.samples=64"
    )
    assert [cell.axes for cell in study.cells] == [(("lr_ratio", 0.1),), (("lr_ratio", 4.0),)]
    assert study.seeds == (0, 1)
    assert study.cells[0].fields["lr_g"] == 1e-3
    assert (study.evaluation.every, study.evaluation.samples) == (10, 64)


def test_bad_overrides_are_told_by_their_origin() -> None:
    text = BASE + "grid: {lr_ratio: [1, 2]}\n"
    assert problems(text, "lr_ratio=3") == [
        "--set lr_ratio=3: lr_ratio is set by the grid's axis lr_ratio: write grid.lr_ratio=[...], "
        "or grid.lr_ratio=null"
    ]
    assert problems(text, "lr_g") == ["--set lr_g: expected key=value"]
    assert problems(text, "lr_g=x")[0].startswith("--set: base.lr_g: expected a number, got 'x'")
    assert problems(text, "lr_q=1")[0].startswith(
        "--set: base.lr_q: unknown key 'lr_q', did you mean 'lr_g'?"
    )


def test_an_override_of_one_key_keeps_the_others() -> None:
    text = BASE.replace("model: mlp", "model: {name: mlp, width: 8, depth: 3}")
    model = fields(text, "model.width=16")["model"]
    assert (model.kwargs["width"], model.kwargs["depth"]) == (16, 3)  # type: ignore[attr-defined]
    assert fields(text, "model=mlp")["model"].kwargs["width"] == 128  # type: ignore[attr-defined]


GRID = BASE + "grid: {lr_ratio: [1, 2, 4], loss: [hinge, minimax], penalty: [none, weight_clip]}\n"


@pytest.mark.parametrize(
    ("where", "number"),
    [
        ("lr_ratio > 1", 8),
        ("lr_ratio > 1 and loss == hinge", 4),
        ("lr_ratio == 1e0 and loss != 'hinge'", 2),
        ("penalty == none", 6),
        ("penalty.value == 0.01", 6),
        ("penalty.value != 0.01", 6),
        ("lr_d <= 0.0004 and steps >= 100", 8),
    ],
)
def test_where(where: str, number: int) -> None:
    study = read(GRID, where=where)
    assert len(study.cells) == number
    assert study.all_cells == 12
    assert study.partial == (f"--where {where}",)
    assert len(set(study.whole["cells"])) == len(study.whole_cells) == 12


def test_where_that_leaves_every_cell_is_whole() -> None:
    assert read(GRID, where="steps >= 1").partial == ()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("lr_ratio", "expected: key op literal"),
        ("lr_ratio = 1", "write lr_ratio == 1"),
        ("lr_ration > 1", "unknown key 'lr_ration', did you mean 'lr_ratio'?"),
        ("lr_ratio > 9", "selects no cell"),
        ("loss > hinge", "text can only be == or !="),
        ("lr_ratio > 1 or loss == hinge", "expected `and` before 'or loss == hinge'"),
        ("__import__('os').system('ls') == 0", "expected: key op literal"),
    ],
)
def test_bad_where(where: str, message: str) -> None:
    (line,) = problems(GRID, where=where)
    assert message in line


def test_seeds_and_limit_make_a_study_partial() -> None:
    text = BASE + "seeds: [5, 7, 9]\n"
    assert read(text).partial == ()
    assert (read(text, seeds=2).seeds, read(text, seeds=2).partial) == ((5, 7), ("--seeds 2",))
    assert read(text, limit=1).partial == ("--limit 1",)
    assert read(text, limit=3).partial == ()
    assert read(text, seeds=3).partial == ()
    assert "the study lists 3 seeds" in problems(text, seeds=4)[0]
    assert read(BASE, seeds=4).seeds == (0, 1, 2, 3)


def test_the_schema_names_the_keys_of_a_cell() -> None:
    schema = json_schema()
    base = schema["properties"]["base"]["properties"]
    assert base["dropout"]["maximum"] == 0.99
    assert "model.width" in base
    assert schema["additionalProperties"] is False


def test_a_study_is_found_by_path_or_by_name(tmp_path: object) -> None:
    assert load_study("studies/smoke.yaml").name == load_study("smoke").name == "smoke"
    with pytest.raises(StudyError, match="no such file, did you mean 'smoke'"):
        load_study("smok")
    with pytest.raises(StudyError, match="is a folder"):
        load_study(str(tmp_path))


def hidden(text: str) -> tuple[Sequence[str], str]:
    """What could not be read, and the last line of what is told."""
    with pytest.raises(StudyError) as caught:
        read(text)
    return caught.value.unread, str(caught.value).splitlines()[-1]


CLAIM = "{id: ID, text: t, effect: {flag: FLAG}, compare: {lr_ratio: [1, 2]}, expect: less, margin: 0.1}"


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("name: x\nbase: {dataset: ring8\ngrid: [", []),
        (BASE + "plugins: [no_such_file.py]", []),
        (BASE + f"grid: {{lr_ratio: 3}}\nclaims: [{CLAIM}]", ["claims[0]"]),
        (BASE + "evaluate: {every: 0}", ["evaluate"]),
        (BASE + "losss: hinge", []),
    ],
)
def test_problems_that_hide_others_say_that_more_may_follow(text: str, unread: list[str]) -> None:
    found, last = hidden(text)
    assert found == unread
    assert last.startswith("more may follow once ") == bool(unread)


def test_a_grid_that_cannot_be_read_is_told_once() -> None:
    """Every name of an axis would be unknown without it."""
    sound = CLAIM.replace("ID", "a").replace("FLAG", "diverged")
    found, last = hidden(BASE + f"gird: {{lr_ratio: [1, 2]}}\nclaims: [{sound}]")
    assert found == ["the grid"]
    assert (
        "gird: unknown key 'gird', did you mean 'grid'?"
        in problems(BASE + f"gird: {{}}\nclaims: [{sound}]")[0]
    )
    assert last == "more may follow once the grid can be read"
    assert len(problems(BASE + f"gird: {{}}\nclaims: [{sound}]")) == 1


CONTROLLED = """
positive_control: {loss: lsgan, lr_ratio: 1}
published:
  - {where: {loss: lsgan, lr_ratio: 1}, metric: sw1, below: 0.1, source: s}
claims:
  - id: a
    text: t
    effect: {outcome: failure}
    where: {loss: [lsgan, hinge]}
    compare: {loss: [lsgan, hinge]}
    expect: less
    margin: 0.1
  - {id: b, text: t, effect: {flag: no_flag}, compare: {lr_ratio: [1, 3]}, expect: less, margin: 0.1}
"""


@pytest.mark.parametrize("name", ["lsgan", "lsgn"])
def test_what_names_a_refused_value_is_told_once(name: str) -> None:
    """A value that the catalogue lacks is no value of its axis either; what else is wrong is told."""
    grid = f"grid: {{loss: [{name}, hinge], lr_ratio: [1, 2]}}\n"
    told = problems(BASE + grid + CONTROLLED)
    places = [each.removeprefix("s.yaml: ").partition(": ")[0] for each in told]
    assert places == ["grid.loss[0]", "claims[1].compare.lr_ratio", "claims[1].effect.flag"]
    assert not any("none" in each for each in told)


@pytest.mark.parametrize("dataset", ["dataset: rin8", ""])
def test_a_claim_about_a_metric_of_no_data_set_is_told_by_the_data_set(dataset: str) -> None:
    claim = CLAIM.replace("ID", "a").replace("flag: FLAG", "metric: sw1")
    base = f"name: x\nbase: {{model: mlp, loss: minimax, steps: 10, {dataset}}}\ngrid: {{lr_ratio: [1, 2]}}\n"
    (told,) = problems(f"{base}claims: [{claim}]")
    assert "base.dataset: " in told
    assert hidden(f"{base}claims: [{claim}]")[0] == ["the grid"]
