"""A user's rows as reference and held-out part."""

from __future__ import annotations

import numpy as np
import pytest

from bench.data import own
from bench.data.own import OwnDataError, Truth, split


@pytest.mark.parametrize(("n", "samples"), [(2, 8), (1001, 100), (5000, 500), (60_000, 2000)])
def test_the_parts_are_disjoint_random_and_bounded(n: int, samples: int) -> None:
    train, rest = split(n, 4 * 784, samples, False)
    assert not set(train.tolist()) & set(rest.tolist())
    assert max(len(train), len(rest)) <= own.BLOCKS * samples
    assert abs(len(train) - len(rest)) <= 1
    if n > 1000:  # rows that came sorted are sorted no more
        assert abs(float(np.mean(train)) - n / 2) < 0.1 * n
    again, _ = split(n, 4 * 784, samples, False)
    assert np.array_equal(train, again)


def test_large_rows_are_kept_up_to_a_size_and_one_block_always() -> None:
    assert [len(part) for part in split(50_000, 10**6, 200, False)] == [256, 256]
    assert [len(part) for part in split(50_000, 10**6, 1000, False)] == [1000, 1000]


def test_with_a_held_out_set_all_rows_are_reference() -> None:
    train, rest = split(500, 8, 100, True)
    assert sorted(train.tolist()) == list(range(500))
    assert len(rest) == 0


def test_the_form_of_a_sample_decides_its_modality() -> None:
    def modality(*shape: int) -> tuple[str, str]:
        rows = np.zeros((9, *shape), np.float32)
        data = own.own(rows, rows, None, Truth())
        return data.modality, data.primary

    assert modality(2) == ("points", "sw1")
    assert modality(64) == ("signal", "sw1")
    assert modality(2, 64) == ("signal", "sw1")
    assert modality(3, 16, 16) == ("image", own.NO_DISTANCE)
    with pytest.raises(OwnDataError, match="along its first dimension"):
        modality()
