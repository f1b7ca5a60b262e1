"""Values that single precision cannot distinguish, such as seconds since 1970, are reported when a file is read."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qfusion import data
from qfusion.data import array_chunks, importing
from qfusion.data.staged_set import Finding
from qfusion.errors import InvalidInput
from tests.support import importable

COUNT = 60
RANDOM = np.random.default_rng(5)
MORNING = 1_764_000_000 + np.round(RANDOM.uniform(0, 40_000, COUNT), 3)  # seconds since 1970
EASTING = 32_512_345.0 + RANDOM.uniform(0, 900, COUNT)  # metres, with the zone before them
DAY_IN_MS = 1_764_000_000_000 + RANDOM.integers(0, 40_000, COUNT)  # whole numbers
MINUTE = 1_764_000_000 + RANDOM.uniform(0, 9, COUNT)


def table_folder(folder: Path, ending: str, **columns: np.ndarray) -> Path:
    """Tables of one modality, `voice`, and of labels."""
    folder.mkdir()
    ids = [f"c{row:02d}" for row in RANDOM.permutation(COUNT)]
    voice = pd.DataFrame({"id": ids, "pitch": RANDOM.normal(size=COUNT), **columns})
    labels = pd.DataFrame(
        {
            "id": ids[::-1],
            "label": ["ape", "bee", "cat"] * (COUNT // 3),
            "split": (["train"] * 4 + ["valid", "test"]) * (COUNT // 6),
        }
    )
    for name, frame in (("voice", voice), ("labels", labels)):
        if ending == ".parquet":
            frame.to_parquet(folder / f"{name}.parquet", index=False)
        else:
            frame.to_csv(folder / f"{name}{ending}", index=False)
    return folder


def found(path: Path, staging: Path, **options: Any) -> list[Finding]:
    """What an import says about precision."""
    staging.mkdir()
    report = importing.examine_files([path], staging, **options).report
    return [finding for finding in report.findings if finding.code == "precision"]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize(("name", "values"), [("seen_at", MORNING), ("east", EASTING)])
def test_features_with_little_variation_give_a_warning(
    name: str, values: np.ndarray, ending: str, tmp_path: Path
) -> None:
    folder = table_folder(tmp_path / "set", ending, **{name: values})
    (finding,) = found(folder, tmp_path / "staging")
    assert (finding.severity, finding.where) == ("warning", "voice")
    assert name in finding.words
    assert "pitch" not in finding.words
    assert "Subtract a constant, such as the first time" in finding.words
    assert "seconds since the start" in finding.words


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize(("name", "values"), [("ms", DAY_IN_MS), ("clock", MINUTE)])
def test_features_whose_values_become_equal_are_an_error(
    name: str, values: np.ndarray, ending: str, tmp_path: Path
) -> None:
    folder = table_folder(tmp_path / "set", ending, **{name: values})
    (finding,) = found(folder, tmp_path / "staging")
    assert finding.severity == "error"
    assert name in finding.words
    assert "most of their different values become equal" in finding.words


@pytest.mark.parametrize(
    "values",
    [
        MORNING - MORNING.min(),
        RANDOM.normal(size=COUNT) * 1e9,
        RANDOM.normal(size=COUNT) * 1e-9,
        RANDOM.integers(0, 255, COUNT),
        np.full(COUNT, 1_764_000_000.123),
        np.tile([0.3, 0.1 + 0.2, 0.7 - 0.4], COUNT // 3),  # equal but for noise
        np.float32(MORNING).astype(float),  # already rounded
    ],
)
def test_other_features_give_no_message(values: np.ndarray, tmp_path: Path) -> None:
    folder = table_folder(tmp_path / "set", ".parquet", value=values)
    assert not found(folder, tmp_path / "staging")


def views(values: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "place": np.column_stack([RANDOM.normal(size=COUNT), values]),
        "face": RANDOM.normal(size=(COUNT, 3)),
        "y": np.arange(COUNT) % 2,
    }


@pytest.mark.parametrize("values", [MORNING, EASTING, EASTING.round().astype(np.int64)])
def test_file_by_path_states_it_in_its_description(values: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "views.npz"
    np.savez(path, **views(values))
    assert "too coarse for place 2: " in data.load(str(path)).description
    (finding,) = found(path, tmp_path / "staging")
    assert (finding.severity, finding.where) == ("warning", "place")


@pytest.mark.parametrize("values", [MINUTE, DAY_IN_MS, -DAY_IN_MS])
def test_file_by_path_is_refused_where_values_become_equal(
    values: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "views.npz"
    np.savez(path, **views(values))
    with pytest.raises(InvalidInput, match="place 2: most of their different values become equal"):
        data.load(str(path))


def test_padding_and_unknown_values_do_not_widen_the_range(tmp_path: Path) -> None:
    steps = MORNING[:, None] + np.arange(5)
    sequences = np.stack([steps, RANDOM.normal(size=steps.shape)], -1)
    sequences[0, 1, 0] = np.nan
    path = tmp_path / "sequences.npz"
    np.savez(
        path,
        clock=sequences,
        clock_lengths=np.arange(COUNT) % 5 + 1,
        y=np.arange(COUNT) % 2,
    )
    (finding,) = found(path, tmp_path / "staging")
    assert "clock 1: " in finding.words


@pytest.mark.parametrize("kind", [np.float64, np.int64, np.int32])
def test_pickles_give_the_warning(kind: type, tmp_path: Path) -> None:
    content = importable.mmsa()
    for part in content.values():
        shape = part["audio"].shape
        times = 2_000_000_000 + RANDOM.integers(0, 3600, shape)
        real = np.arange(shape[1]) < np.array(part["audio_lengths"])[:, None]
        part["audio"] = np.where(real[..., None], times, 0).astype(kind)
    path = tmp_path / "set.pkl"
    path.write_bytes(pickle.dumps(content))
    (finding,) = found(path, tmp_path / "staging")
    assert (finding.severity, finding.where) == ("error", "audio")


def test_errors_do_not_depend_on_chunks() -> None:
    values = np.column_stack([MORNING, EASTING, RANDOM.normal(size=COUNT)])
    whole = array_chunks.CastErrors(3)
    whole.add(values, values.astype(np.float32))
    for size in (7, 20, 31):
        cut = array_chunks.CastErrors(3)
        for start in range(0, COUNT, size):
            piece = values[start : start + size]
            cut.add(piece, piece.astype(np.float32))
        assert cut.imprecise.tolist() == whole.imprecise.tolist() == [True, True, False]
        assert cut.low.tolist() == whole.low.tolist()
        assert cut.error[:2].tolist() == whole.error[:2].tolist()
