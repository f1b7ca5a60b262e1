"""Questions asked of ten digits in views of two features, and what holds for every question."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from qfusion import data
from qfusion.data import DataSet, Modality, Target
from qfusion.data.array_chunks import numbered_ids
from qfusion.data.sources.digit_questions import Question

SMALL = {"train": 400, "valid": 200, "test": 200}
PARTS = ("train", "valid", "test")


def base_of(count: int = 10) -> DataSet:
    """Ten digits of `count` samples in each part, in views of two features: the digit and the number of the sample."""
    y = np.tile(np.arange(10), 3 * count)
    values = np.column_stack([y, np.arange(len(y))]).astype(np.float32)
    ids = numbered_ids("item", len(y))
    return DataSet(
        "base",
        "Base",
        "",
        "of the base",
        "free",
        tuple(
            Modality(name, values, None, ("digit", "number"))
            for name in ("pixels", "mnist", "usps", "audio")
        ),
        Target("classification", "digit", None, tuple("0123456789")),
        y,
        ids,
        np.repeat(PARTS, 10 * count),
        pd.DataFrame({"speaker": [f"of {i}" for i in ids]}, index=ids),
        content_of=lambda row: {
            name: data.Text(f"{name} {row}") for name in ("pixels", "mnist", "usps", "audio")
        },
    )


def column(ds: DataSet, end: str) -> np.ndarray:
    """The columns NAME_digit or NAME_item of the table, (N, M)."""
    return ds.table[[f"{name}_{end}" for name in ds.names]].to_numpy(
        dtype=np.int64 if end == "digit" else np.str_
    )


def knows_nothing(values: np.ndarray, y: np.ndarray) -> bool:
    """Whether every row of values (N, ...) that occurs does so equally often with class 0 and with class 1."""
    _, which = np.unique(values, axis=0, return_inverse=True)
    return bool((np.bincount(which, weights=2 * y - 1.0) == 0).all())


def check_balance(ds: DataSet) -> None:
    """Digits, all but one of them together, and items say nothing; items are drawn equally often to within two rows."""
    digits, items = column(ds, "digit"), column(ds, "item")
    for part in PARTS:
        rows = ds.rows(part)
        y = ds.y[rows]
        assert np.bincount(y).tolist() == [len(rows) / 2] * 2
        for m, name in enumerate(ds.names):
            some = [n for n in range(len(ds.names)) if n != m]
            assert knows_nothing(digits[rows][:, some], y), name
            assert knows_nothing(items[rows, m], y), name
            assert np.bincount(digits[rows, m]).tolist() == [len(rows) / 10] * 10
            for digit in range(10):
                _, counts = np.unique(items[rows[digits[rows, m] == digit], m], return_counts=True)
                assert counts.max() - counts.min() <= 2


def check_apart(ds: DataSet) -> None:
    """No item is in two parts; no row is there twice."""
    items = column(ds, "item")
    for one, other in combinations(PARTS, 2):
        for m in range(len(ds.names)):
            assert not np.intersect1d(items[ds.rows(one), m], items[ds.rows(other), m]).size
    assert len(np.unique(items, axis=0)) == len(ds)


def check_items(asked: DataSet, question: Question) -> None:
    """Values and content are those of the items that the table names."""
    base, views = base_of(), question.views
    for row in (0, 250, len(asked) - 1):
        content = asked.content(row)
        for m in asked.modalities:
            item = base.row(asked.table[f"{m.name}_item"].iloc[row])
            assert m.values[row].tolist() == [asked.table[f"{m.name}_digit"].iloc[row], item]
            assert content[m.name] == data.Text(f"{views[m.name]} {item}")
            assert base.split[item] == asked.split[row]
            if m.name == "audio":
                assert asked.table["speaker"].iloc[row] == f"of {base.ids[item]}"
    assert list(asked.content(0)) == list(asked.names)
