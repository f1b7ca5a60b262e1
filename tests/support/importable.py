"""Files to import, made by the tests: MMSA pickles in the public format, tables, multi-view files."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qfusion.data import importing
from qfusion.data.readers import multiview
from qfusion.data.staged_set import stage_set

COUNTS = {"train": 40, "valid": 10, "test": 20}
SIZES = {"text": 8, "audio": 5, "vision": 6}
STEPS = {"text": 12, "audio": 30, "vision": 20}


def mmsa(
    seed: int = 0, aligned: bool = False, sims: bool = False, counts: dict[str, int] = COUNTS
) -> dict[str, Any]:
    """What an MMSA pickle holds: sequences with lengths, or aligned ones padded with zeros; CH-SIMS adds unimodal
    labels."""
    rng, content = np.random.default_rng(seed), {}
    for split, count in counts.items():
        y = rng.uniform(-3, 3, count) / (3 if sims else 1)
        words = rng.integers(3, STEPS["text"] + 1, count)
        part: dict[str, Any] = {
            "raw_text": np.array([f"opinion {row} of {split}" for row in range(count)]),
            "id": [f"clip{split}$_${row}" for row in range(count)],
            "regression_labels": y,
            "classification_labels": (np.sign(y) + 1).astype(int),
            "annotations": [
                ("Negative", "Neutral", "Positive")[int(np.sign(each)) + 1] for each in y
            ],
        }
        for name, size in SIZES.items():
            steps = STEPS["text"] if aligned else STEPS[name]
            lengths = words if aligned or name == "text" else rng.integers(2, steps + 1, count)
            values = rng.normal(size=(count, steps, size)).astype(np.float32) + y[
                :, None, None
            ].astype(np.float32)
            values[np.arange(steps) >= lengths[:, None]] = 0
            part[name] = values
            if not aligned and name != "text":
                part[f"{name}_lengths"] = lengths.tolist()
        bert = np.zeros((count, 3, STEPS["text"]), np.float32)
        bert[:, 0], bert[:, 1] = 101, np.arange(STEPS["text"]) < words[:, None]
        part["text_bert"] = bert
        if sims:
            part |= {
                f"regression_labels_{letter}": rng.uniform(-1, 1, count).astype(np.float32)
                for letter in "TAV"
            }
        content[split] = part
    return content


def write_mmsa(path: Path, content: Any = None, protocol: int = 4, **options: Any) -> Path:
    """Writes an MMSA pickle and returns its path."""
    path.write_bytes(
        pickle.dumps(mmsa(**options) if content is None else content, protocol=protocol)
    )
    return path


def tables(folder: Path, count: int = 60, suffix: str = ".csv", **label_columns: Any) -> Path:
    """Writes a table a modality and one of labels, and returns their folder."""
    rng = np.random.default_rng(1)
    folder.mkdir(exist_ok=True)
    ids = [f"s{row:03d}" for row in range(count)]
    label = np.arange(count) % 3
    for name, size in (("text", 4), ("audio", 3)):
        frame = pd.DataFrame(
            rng.normal(size=(count, size)) + label[:, None],
            columns=[f"{name} {i}" for i in range(size)],
        )
        write_table(
            pd.concat([pd.Series(ids, name="id"), frame], axis=1), folder / f"{name}{suffix}"
        )
    parts = np.array(["train", "valid", "test"])[
        np.searchsorted([0.6, 0.8], np.arange(count) / count, side="right")
    ]
    columns = {
        "id": ids,
        "label": np.array(["low", "mid", "high"])[label],
        "split": parts,
        "text": [f"said {i}" for i in ids],
    } | label_columns
    write_table(
        pd.DataFrame({key: value for key, value in columns.items() if value is not None}),
        folder / f"labels{suffix}",
    )
    return folder


def single_table(count: int = 60) -> pd.DataFrame:
    """A table with id, label, split, two features of text, one of audio, and columns to show."""
    rng = np.random.default_rng(2)
    label = np.arange(count) % 3
    parts = np.repeat(["train", "valid", "test"], [3 * count // 5, count // 5, count // 5])
    return pd.DataFrame(
        {
            "id": [f"s{row:03d}" for row in range(count)],
            "label": np.array(["low", "mid", "high"])[label],
            "split": parts,
            "text": [f"words {row}" for row in range(count)],
            "age": rng.integers(20, 60, count),
            "text_0": rng.normal(size=count) + label,
            "text_1": rng.normal(size=count),
            "audio.x": rng.normal(size=count) - label,
        }
    )


def write_table(frame: pd.DataFrame, path: Path) -> Path:
    """Writes a table as its ending says and returns its path."""
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)
    return path


def views_of(path: Path) -> tuple[dict[str, np.ndarray], np.ndarray, tuple[str, ...], list[str]]:
    """The views of a multi-view file by name, classes (N,) and their names, and what is said of what is left out."""
    staged = stage_set(multiview.read_multiview(path), None)
    views = {part.name: part.values for part in staged.parts}
    said = [each.words for each in staged.findings if each.code == "left-out"]
    return views, staged.y, staged.classes, said


def import_sensors(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Imports `sensors`, a set whose class is the XOR of two sensors, into folders below `root` that hold all else that
    a test keeps, too."""
    for name in ("CACHE", "RUNS", "MODELS", "IMPORTED"):
        patch.setenv(f"QFUSION_{name}", str(root / name.lower()))
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, (2, 120))
    features = {"radar": a[:, None] + rng.normal(size=(120, 3)), "camera": b[:, None] * 2.0}
    np.savez(root / "sensors.npz", **features, y=a ^ b)
    importing.import_set(
        [root / "sensors.npz"], "sensors", repair=["make-split"], target="classification"
    )
