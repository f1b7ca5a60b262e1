"""One table gives one data set, whichever way it comes in: an import, the path of a CSV or Parquet file, a frame."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings, strategies as st

from qfusion import data
from qfusion.data import importing, parsing
from qfusion.data.data_set import DataSet
from qfusion.data.in_memory import data_set_of

COUNT = 60
LABELS: dict[str, Any] = {
    "classes": lambda rng: rng.integers(0, 3, COUNT),
    "classes from one": lambda rng: rng.integers(1, 4, COUNT),
    "words": lambda rng: rng.choice(["no", "yes", "it is"], COUNT),
    "truth": lambda rng: rng.random(COUNT) > 0.5,
    "amounts": lambda rng: rng.normal(size=COUNT),
    "whole floats": lambda rng: rng.integers(0, 2, COUNT).astype(float),
}
IDS: dict[str, Any] = {
    "none": None,
    "words": lambda _: [f"clip {row}" for row in range(COUNT)],
    "numbers": lambda rng: rng.permutation(1000)[:COUNT],
    "accents": lambda _: [f"e\u0301te\u0301 {row}" for row in range(COUNT)],
}
SPLITS: dict[str, Any] = {
    "none": None,
    "whole": ["train", "train", "train", "train", "valid", "test"],
    "other words": ["Train", "TRAIN", "train ", "training", "val", "Test"],
    "no validation": ["train", "train", "train", "train", "test", "test"],
}
TYPES = ("float64", "float32", "int64", "bool", "Float64")


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Tables of two or three modalities whose names of columns, order, types and splits are drawn."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    columns: dict[str, Any] = {}
    prefixes = draw(st.permutations(["text", "voice", "face_"]))[: draw(st.integers(1, 3))]
    for prefix in prefixes:
        kind = draw(st.sampled_from(TYPES))
        separator = draw(st.sampled_from(["_", ".", ":", ""]))
        for number in range(draw(st.integers(2, 4))):
            values = np.round(3 * rng.normal(size=COUNT), 3)
            columns[f"{prefix}{separator}{number}"] = pd.array(
                values > 0
                if kind == "bool"
                else np.round(values).astype(int)
                if kind == "int64"
                else values,
                dtype=kind,
            )
    label = draw(st.sampled_from(parsing.LABEL_NAMES))
    columns[_spelt(draw, label)] = LABELS[draw(st.sampled_from(sorted(LABELS)))](rng)
    make_ids = IDS[draw(st.sampled_from(sorted(IDS)))]
    if make_ids is not None:
        columns[_spelt(draw, draw(st.sampled_from(parsing.ID_NAMES)))] = make_ids(rng)
    parts = SPLITS[draw(st.sampled_from(sorted(SPLITS)))]
    if parts is not None:
        columns[_spelt(draw, draw(st.sampled_from(parsing.SPLIT_NAMES)))] = parts * (COUNT // 6)
    if draw(st.booleans()):
        columns["Unnamed: 0"] = np.arange(COUNT)
    if draw(st.booleans()):
        columns["transcript"] = [f"words of {row}" for row in range(COUNT)]
    return pd.DataFrame(columns)[draw(st.permutations(list(columns)))]


def _spelt(draw: st.DrawFn, name: str) -> str:
    """A name with other capitals."""
    return draw(st.sampled_from([name, name.upper(), name.capitalize()]))


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(frame=tables())
def test_every_way_in_gives_the_same_set(frame: pd.DataFrame) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, {"QFUSION_IMPORTED": f"{folder}/imported"}),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        csv = Path(folder) / "table.csv"
        parquet = Path(folder) / "table.parquet"
        frame.to_csv(csv, index=False)
        frame.to_parquet(parquet, index=False)
        expected = _import(csv)
        for door in (_import(parquet), data.load(csv), data.load(parquet), data_set_of(frame)):
            assert_same(door, expected)


def _import(path: Path) -> DataSet:
    """The set that is stored, with the repairs that a missing split needs."""
    repairs = ["make-split"] if _needs_split(path) else []
    importing.import_set([path], "kept", repair=repairs, replace=True)
    return data.load("kept")


def _needs_split(path: Path) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        report = importing.examine_files([path], Path(folder)).report
    return "make-split" in report.repairs


def assert_same(found: DataSet, expected: DataSet) -> None:
    """Two sets are the same, but for their names and sources."""
    assert found.names == expected.names
    for one, other in zip(found.modalities, expected.modalities, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        assert one.feature_names == other.feature_names
    assert found.target == expected.target
    assert found.y.tolist() == expected.y.tolist()
    assert found.ids.tolist() == expected.ids.tolist()
    assert found.split.tolist() == expected.split.tolist()
    assert list(found.table.columns) == list(expected.table.columns)
    assert found.digest == expected.digest
