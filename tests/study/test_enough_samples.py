"""With 1,000 modes a study must ask for ten samples a mode, or not count modes."""

from __future__ import annotations

import pytest

from bench.study.problems import StudyError
from bench.study.spec import Study, read_study


def read(dataset: str, samples: int, metrics: str = "[fd, modes]") -> Study:
    text = f"""
name: x
base: {{dataset: {dataset}, model: dcgan, loss: non_saturating, steps: 100}}
seeds: 1
evaluate: {{samples: {samples}, metrics: {metrics}}}
"""
    return read_study(text, "s.yaml")


@pytest.mark.parametrize("dataset", ["stacked_digits", "stacked_clothes"])
def test_too_few_samples_for_the_modes(dataset: str) -> None:
    with pytest.raises(StudyError) as caught:
        read(dataset, 9_999)
    (problem,) = caught.value.problems
    assert "evaluate.samples" in problem
    assert f"9,999 is too few to count the 1,000 modes of {dataset}: 10,000 are needed, 10 a mode" in problem
    assert "or leave modes out of evaluate.metrics" in problem


def test_the_default_number_is_too_few_and_said_so() -> None:
    with pytest.raises(StudyError, match="2,000 is too few to count the 1,000 modes"):
        read_study(
            "name: x\nbase: {dataset: stacked_digits, model: dcgan, loss: hinge, steps: 9}\nseeds: 1\n",
            "s.yaml",
        )


@pytest.mark.parametrize(
    ("dataset", "samples", "metrics"),
    [
        ("stacked_digits", 10_000, "[fd, modes]"),
        ("stacked_digits", 500, "[fd]"),
        ("digits", 64, "[fd, modes]"),
    ],
)
def test_enough_samples_or_no_count_of_modes(dataset: str, samples: int, metrics: str) -> None:
    assert read(dataset, samples, metrics).cells
