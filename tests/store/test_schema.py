from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.errors import UserError
from bench.store import schema

CURVES = schema.curves(("sw1", "sw1_status", "modes.set"))
ROW = {"trial": "a", "step": 0, "alive": True, "sw1": math.nan, "d_loss.mean": math.inf, "sw1_status": "ok"}


def test_columns_are_those_of_the_documents() -> None:
    types = {column.name: str(column.type) for column in CURVES}
    assert types["first_bad_step"] == "int64"
    assert types["d_auc.flips"] == "int64"
    assert types["g_update.last"] == "double"
    assert types["sw1"] == "double"
    assert types["modes.set"] == types["sw1_status"] == types["trial"] == "string"
    assert len(types) == 6 + 8 * 5 + 8 + 3 + 2


def test_nan_is_null_infinity_stays_and_bytes_are_equal(tmp_path: Path) -> None:
    table = schema.table([ROW], CURVES)
    assert table["sw1"].null_count == 1
    assert table["d_loss.mean"].to_pylist() == [math.inf]
    assert schema.to_bytes(table, {"b": 1, "a": 2}) == schema.to_bytes(table, {"a": 2, "b": 1})
    schema.write(tmp_path / "t", table, {"a": [1]})
    assert schema.read(tmp_path / "t", CURVES).equals(table)
    assert schema.read_metadata(tmp_path / "t") == {"a": [1]}
    assert schema.read(tmp_path / "t", schema.curves_core(), open_ended=True).equals(table)


def test_small_bytes_hold_the_same_table(tmp_path: Path) -> None:
    random = np.random.default_rng(0).normal(size=4000)
    rows = [{**ROW, "step": i, "sw1": i % 50 / 50, "d_slope": each} for i, each in enumerate(random)]
    table = schema.table(rows, CURVES)
    assert schema.repeats(table["sw1"])
    assert not schema.repeats(table["d_slope"])
    schema.write(tmp_path / "t", table, {"a": [1]}, small=True)
    assert schema.read(tmp_path / "t", CURVES).equals(table)
    assert schema.read_metadata(tmp_path / "t") == {"a": [1]}
    assert (tmp_path / "t").stat().st_size < len(schema.to_bytes(table, {"a": [1]}))


def test_an_unknown_column_is_an_error() -> None:
    with pytest.raises(ValueError, match="surprise"):
        schema.table([{"surprise": 1}], CURVES)


def test_other_columns_are_refused(tmp_path: Path) -> None:
    schema.write(tmp_path / "t", schema.table([ROW], CURVES))
    with pytest.raises(UserError, match="fid is missing"):
        schema.read(tmp_path / "t", schema.curves(("sw1", "sw1_status", "modes.set", "fid")))
    with pytest.raises(UserError, match=r"sw1 .* is unknown"):
        schema.read(tmp_path / "t", schema.curves(()))
    with pytest.raises(UserError, match="another order"):
        schema.read(tmp_path / "t", schema.curves(("modes.set", "sw1", "sw1_status")))


def test_what_is_no_table_of_ours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t"
    with pytest.raises(UserError, match="not there"):
        schema.read(path, CURVES)
    path.write_bytes(b"nonsense")
    with pytest.raises(UserError, match="damaged"):
        schema.read(path, CURVES)
    pq.write_table(pa.table({"trial": ["a"]}), path)  # embeds an Arrow schema, which may name extension types
    with pytest.raises(UserError, match="embeds a schema"):
        schema.read(path, {"trial": pa.string()})
    pq.write_table(pa.table({"trial": ["a"], "list": [[1]]}), path, store_schema=False)
    with pytest.raises(UserError, match=r"list .* is unknown"):
        schema.read(path, {"trial": pa.string()}, open_ended=True)
