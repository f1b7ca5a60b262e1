"""Tables in layouts drawn at random, of the kinds that spreadsheets and pandas write, and what an import of them must
come to: for `scripts/fuzz.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


@dataclass
class Expected:
    """What must come out: ids, targets, parts of the split, and of every modality names, lengths and values."""

    ids: list[str]
    y: np.ndarray
    split: list[str]
    modalities: dict[str, tuple[list[str], np.ndarray, np.ndarray | None]]
    codes: set[str] = field(default_factory=set)

    def check(self, examined: Any) -> None:
        """Asserts that an import has all of it, and says what it has left out."""
        staged, report = examined.staged, examined.report
        assert staged.ids.tolist() == self.ids, "ids are lost"
        assert staged.split.tolist() == self.split, "the split is lost"
        assert not staged.classes, "amounts became classes"
        assert np.allclose(staged.y, self.y, equal_nan=True), "targets are changed"
        codes = {finding.code for finding in report.findings}
        assert self.codes <= codes, f"{self.codes - codes} is not said"
        assert {part.name for part in staged.parts} == set(self.modalities), "a modality is lost"
        for part in staged.parts:
            names, values, lengths = self.modalities[part.name]
            assert list(part.feature_names) == names, f"features {part.feature_names} for {names}"
            read = np.concatenate(list(part.pieces()))
            assert read.shape == values.shape, f"shape {read.shape} for {values.shape}"
            assert np.allclose(read, values, rtol=1e-5, atol=1e-6, equal_nan=True), "values changed"
            if lengths is not None:
                assert part.lengths.tolist() == lengths.tolist(), "lengths are lost"


def write(folder: Path, rng: np.random.Generator) -> Expected:
    """Writes tables to a folder and returns what an import of them must come to."""
    samples = int(rng.integers(12, 50))
    ids = [f"clip {number}" for number in rng.permutation(900)[:samples]]
    expected = Expected(
        ids,
        np.round(rng.normal(size=samples) * 2, 3),
        [("train", "valid", "test")[part] for part in rng.permutation(np.arange(samples) % 3)],
        {},
    )
    labels = pd.DataFrame({"id": ids, "label": expected.y, "split": expected.split})
    if rng.random() < 0.3:
        gone = int(rng.integers(samples))
        expected.y[gone] = np.nan
        labels["label"] = expected.y
        expected.codes.add("no-target")
    if rng.random() < 0.3:
        labels["age"] = np.arange(samples) + 20
    _write(labels, folder / "labels", rng, expected)
    for name in ("voice", "face", "words")[: rng.integers(1, 4)]:
        _modality(name, folder, ids, rng, expected)
    return expected


def _modality(
    name: str, folder: Path, ids: list[str], rng: np.random.Generator, expected: Expected
) -> None:
    size = int(rng.integers(2, 5))
    features = [("pitch", "2019", "x y", "Energy", "index2")[number] for number in range(size)]
    features = [f"{feature} {name}" for feature in features]
    lengths = rng.integers(1, 6, len(ids))
    kind = rng.choice(["vectors", "steps", "lists", "nested", "step lists"])
    rows = np.arange(len(ids))
    if rng.random() < 0.2:  # a sample is missing
        rows = np.delete(rows, rng.integers(len(ids)))
        expected.codes.add("incomplete")
    if rng.random() < 0.5:
        rows = rng.permutation(rows)
    values = np.zeros((len(ids), int(lengths[rows].max()), size))
    for row in rows:
        values[row, : lengths[row]] = np.round(rng.normal(size=(lengths[row], size)), 4)
    absent = np.setdiff1d(np.arange(len(ids)), rows)
    lengths[absent] = 1
    numbered = [f"{name} {number + 1}" for number in range(size)]
    if kind in ("vectors", "lists"):
        vectors = values[:, 0]
        frame = pd.DataFrame({"id": [ids[row] for row in rows]})
        if kind == "vectors":
            frame[features] = vectors[rows]
        else:
            frame["v"] = vectors[rows].tolist()
        expected.modalities[name] = (features if kind == "vectors" else numbered, vectors, None)
    elif kind == "nested":
        cells = [values[row, : lengths[row]].tolist() for row in rows]
        frame = pd.DataFrame({"id": [ids[row] for row in rows], "v": cells})
        expected.modalities[name] = (numbered, values, lengths)
    else:
        places = [(row, step) for row in rows for step in range(lengths[row])]
        steps = np.array([values[row, step] for row, step in places])
        frame = pd.DataFrame(
            {"id": [ids[row] for row, _ in places], "step": [step for _, step in places]}
        )
        if kind == "steps":
            frame[features] = steps
        else:
            frame["v"] = steps.tolist()
        expected.modalities[name] = (features if kind == "steps" else numbered, values, lengths)
    if rng.random() < 0.3:
        for column in rng.permutation(["label", "fold", "Label_T", "split", "sample_id"])[:2]:
            frame[column] = rng.integers(0, 3, len(frame))
        expected.codes.add("target-column")
    if rng.random() < 0.3 and "v" not in frame:
        frame["utterance"] = np.arange(len(frame)) * rng.choice([1, 5, 0.5])
        expected.codes.add("row-number")
    _write(frame, folder / name, rng, expected)


def _write(frame: pd.DataFrame, path: Path, rng: np.random.Generator, expected: Expected) -> None:
    """Writes a table in one of the ways in which programs do."""
    if rng.random() < 0.3:
        blank = str(rng.choice([" ", "\u00a0", "  ", "\ufeff"]))
        frame["id"] = [f"{blank * (rng.random() < 0.5)}{word}{blank}" for word in frame["id"]]
    index = str(rng.choice(["none", "none", "unnamed", "Unnamed: 0", "index", "Index"]))
    if index not in ("none", "unnamed"):
        frame.insert(0, index, np.arange(len(frame)) + int(rng.integers(0, 2)))
    if index != "none":
        expected.codes.add("row-number")
    if "v" in frame or rng.random() < 0.3:
        if index == "unnamed":
            frame = frame.set_index(pd.Index(np.arange(len(frame)) * 2 + 1))
        table = pa.Table.from_pandas(frame, preserve_index=index == "unnamed")
        pq.write_table(table, path.with_suffix(".parquet"), row_group_size=int(rng.integers(5, 99)))
        return
    ending = str(rng.choice([".csv", ".tsv"]))
    delimiter = "\t" if ending == ".tsv" else str(rng.choice([",", ";"]))
    decimal = "," if delimiter != "," and rng.random() < 0.5 else "."
    text = frame.to_csv(None, sep=delimiter, decimal=decimal, index=index == "unnamed")
    lines = text.splitlines()
    if rng.random() < 0.2:  # every line ends with a delimiter, the header perhaps not
        head = lines[0] + delimiter * int(rng.integers(0, 2))
        lines = [head, *(line + delimiter for line in lines[1:])]
        expected.codes.add("row-number")
    end = str(rng.choice(["\n", "\r\n"]))
    text = end.join(lines) + end * int(rng.integers(0, 3))
    if rng.random() < 0.2:
        text = "\ufeff" + text
    path.with_suffix(ending).write_bytes(text.encode())
