"""Data sets are validated when they are created and give model inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from qfusion import data
from qfusion.data import DataSet, Modality, Target, Text
from qfusion.errors import InvalidInput, NotFound

IDS = ["a1", "a2", "b1", "<b>&$x"]


def small(**changes: Any) -> DataSet:
    """Four samples, one vector and one sequence modality."""
    steps = np.arange(24, dtype=float).reshape(4, 3, 2) + 1
    steps[1, 1:] = 0
    parts: dict[str, Any] = {
        "name": "small",
        "title": "Small",
        "description": "",
        "source": "",
        "licence": "",
        "modalities": (
            Modality("text", np.arange(8.0).reshape(4, 2), None, ("f", "g")),
            Modality("audio", steps, np.array([3, 1, 3, 3]), ("p", "e")),
        ),
        "target": Target("regression", "score", (-3, 3)),
        "y": np.array([0.5, -1, 2, 3]),
        "ids": np.array(IDS),
        "split": np.array(["train", "valid", "test", "train"]),
        "table": pd.DataFrame({"text": IDS}, index=IDS),
    }
    return DataSet(**{**parts, **changes})


def with_text(values: np.ndarray) -> tuple[Modality, ...]:
    return (Modality("text", values, None, ("f", "g")), small().modalities[1])


def test_rows_of_splits() -> None:
    ds = small()
    assert ds.rows("train").tolist() == [0, 3]
    assert ds.rows("train+valid").tolist() == [0, 1, 3]
    assert ds.rows().tolist() == [0, 1, 2, 3]
    assert ds.row("b1") == 2
    assert ds.find_rows(["b1", "a1"]).tolist() == [ds.row("b1"), ds.row("a1")]
    with pytest.raises(NotFound, match=r"sample 'b7'.*Did you mean 'b1'"):
        ds.find_rows(["a1", "b7"])
    with pytest.raises(InvalidInput, match="must hold row numbers, but has type float64"):
        ds.inputs([0.5])
    assert len(ds) == 4
    assert ds.names == ("text", "audio")
    assert ds.input_specs == {
        "text": {"size": 2, "sequence": False},
        "audio": {"size": 2, "sequence": True},
    }


def test_inputs_are_tensors_with_masks() -> None:
    inputs = small().inputs([1, 0], dtype=torch.float64)
    assert inputs["text"].tolist() == [[2, 3], [0, 1]]
    values, mask = inputs["audio"]
    assert values.dtype == torch.float64
    assert values.shape == (2, 3, 2)
    assert mask.tolist() == [[True, False, False], [True, True, True]]
    assert not values[~mask].any()
    assert small().inputs()["text"].shape == (4, 2)
    assert small().inputs([])["text"].shape == (0, 2)
    assert small().inputs(2)["text"].shape == (1, 2)


def test_inputs_are_copies_and_arrays_are_read_only() -> None:
    ds = small()
    ds.inputs()["text"].zero_()
    assert ds.modalities[0].values[1, 1] == 3
    for array in (ds.y, ds.ids, ds.split, ds.modalities[0].values, ds.modalities[1].lengths):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1]


def test_digest_distinguishes_data() -> None:
    assert small().digest == small().digest
    values = np.arange(8.0).reshape(4, 2)
    values[3, 1] += 1e-3
    others = [
        small(modalities=with_text(values)),
        small(y=np.array([0.5, -1, 2, 2.9])),
        small(split=np.array(["train", "train", "test", "valid"])),
        small(ids=np.array([*IDS[:3], "z"]), table=pd.DataFrame(index=[*IDS[:3], "z"])),
    ]
    assert len({small().digest, *(ds.digest for ds in others)}) == 5


def test_content_is_empty_by_default_and_checked() -> None:
    assert small().content(0) == {}
    ds = small(content_of=lambda row: {"text": Text(IDS[row])})
    assert ds.content(3) == {"text": Text("<b>&$x")}
    for wrong in (4, -1):
        with pytest.raises(InvalidInput, match=r"must lie in 0\.\.3"):
            ds.content(wrong)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda ds: ds.row("a3"), r"sample 'a3' does not exist\. Did you mean 'a[12]'"),
        (lambda ds: ds.rows("tset"), "Split 'tset' does not exist. Did you mean 'test'"),
        (
            lambda ds: data.load("plantd"),
            "Data set 'plantd' does not exist. Did you mean 'planted'",
        ),
    ],
)
def test_unknown_names_suggest_similar_ones(ask: Any, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        ask(small())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": np.array(["a1", "a1", "b1", "c"])}, r"`ids` must be unique, but \['a1'\]"),
        ({"ids": np.array(["a1", "", "b1", "c"])}, "must not hold empty names"),
        (
            {"y": np.array([0.5, -1, 2])},
            r"`y` must have shape \(4,\) like `ids`, but has shape \(3,\)",
        ),
        ({"y": np.array([0.5, np.nan, 2, 1])}, "`y` must be finite, but is not for sample 'a2'"),
        ({"y": np.array([0.5, -1, 2, 3.5])}, r"`y` must lie in \[-3, 3\]"),
        ({"y": np.array(["x", "y", "z", "w"])}, "must be readable as float64"),
        (
            {"split": np.array(["train", "train", "test", "train"])},
            "at least one sample in 'valid'",
        ),
        (
            {"table": pd.DataFrame(index=["a1", "b1", "a2", "c"])},
            "`table` must have the ids as its index",
        ),
        ({"truth": pd.DataFrame({"text": range(4)}, index=IDS)}, "`truth` must have columns"),
        ({"modalities": ()}, "at least one modality"),
        ({"target": Target("classification", "digit", classes=("0", "1"))}, "whole numbers"),
    ],
)
def test_inconsistent_parts_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        small(**change)


def test_unknown_split_is_refused() -> None:
    with pytest.raises(NotFound, match="Split 'dev' does not exist"):
        small(split=np.array(["train", "dev", "test", "valid"]))


def test_nan_message_names_modality_sample_and_feature() -> None:
    values = np.arange(8.0).reshape(4, 2)
    values[2:, 1] = np.nan
    with pytest.raises(
        InvalidInput, match=r"'text' must be finite, but holds 2 NaN .* in sample 'b1', feature 'g'"
    ):
        small(modalities=with_text(values))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("text", np.zeros((4, 2, 2)), None, ("f", "g")),
            r"must have shape \(N, F\), but has shape \(4, 2, 2\)",
        ),
        (("text", np.zeros((4, 2)), None, ("f",)), "must hold 2 names, but holds 1"),
        (
            ("audio", np.zeros((4, 3, 2)), np.array([3, 0, 3, 3]), ("f", "g")),
            r"must lie in 1\.\.3, but goes from 0 to 3",
        ),
        (
            ("audio", np.ones((4, 3, 2)), np.array([3, 1, 3, 3]), ("f", "g")),
            "must be zero beyond each sample's length",
        ),
        (("audio", np.ones((4, 3, 2)), np.array([3, 1.5, 3, 3]), ("f", "g")), "not whole numbers"),
        (("a+b", np.zeros((4, 2)), None, ("f", "g")), "without '\\+'"),
    ],
)
def test_a_modality_checks_its_shape(arguments: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Modality(*arguments)


def test_coalitions_are_ordered() -> None:
    assert data.coalition_names(("t", "a", "v")) == (
        "",
        "t",
        "a",
        "v",
        "t+a",
        "t+v",
        "a+v",
        "t+a+v",
    )


def test_available_lists_missing_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("QFUSION_DATA", str(tmp_path))
    found = {source.name: source for source in data.available()}
    assert found["planted"].available
    assert found["digits"].available
    assert found["planted"].reason == ""
    assert not found["mosi"].available
    assert "10 files" in found["mosi"].reason
    assert "python -m qfusion data get mosi" in found["mosi"].remedy
    assert data.names() == tuple(found)


def test_shape_must_match_the_features() -> None:
    picture = Modality("text", np.zeros((4, 6)), None, tuple("abcdef"), [2, 3])  # type: ignore[arg-type]
    assert picture.shape == (2, 3)
    ds = small(modalities=(picture,))
    assert ds.input_specs == {"text": {"size": 6, "sequence": False, "shape": (2, 3)}}
    assert (
        ds.digest
        != small(modalities=(Modality("text", np.zeros((4, 6)), None, tuple("abcdef")),)).digest
    )
    with pytest.raises(
        InvalidInput, match=r"must have the product 6 of its features .* but is \(2, 2\)"
    ):
        Modality("text", np.zeros((4, 6)), None, tuple("abcdef"), (2, 2))
