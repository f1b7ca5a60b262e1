"""Sets of the sizes of CMU-MOSEI and CH-SIMS from a pickle to explained samples: seconds and memory.

`pytest -m large` runs them, and nothing else does: they take minutes and 12 GB of disk, and the seconds hold where
nothing else runs.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import mosei
from qfusion import data

SIZES: dict[str, tuple[dict[str, tuple[int, int]], dict[str, int]]] = {
    "mosei": (
        {"text": (50, 768), "audio": (50, 74), "vision": (50, 35)},
        {"train": 16326, "valid": 1871, "test": 4659},
    ),
    "sims": (
        {"text": (39, 768), "audio": (400, 33), "vision": (55, 709)},
        {"train": 1368, "valid": 456, "test": 457},
    ),
}
BLOCK = 256  # samples that are drawn at a time
SECONDS = {"import": 150, "train": 60, "explain": 8}  # training took 41 to 44 on two slow cores
MEMORY = 2.5e9


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for everything that is written, removed afterwards; pytest keeps its own."""
    with tempfile.TemporaryDirectory() as name:
        for part in ("IMPORTED", "MODELS", "RUNS", "CACHE"):
            monkeypatch.setenv(f"QFUSION_{part}", os.path.join(name, part.lower()))
        yield Path(name)


@pytest.mark.large
@pytest.mark.parametrize("name", SIZES)
def test_sets_of_published_sizes_are_imported_trained_on_and_explained(
    name: str, folder: Path
) -> None:
    write(folder / "set.pkl", *SIZES[name])
    measure("data", "import", folder / "set.pkl", "--name", name)
    measure("train", "--data", name, "--set", "epochs=2", "--name", "model")
    dataset = data.load(name)
    assert len(dataset) == sum(SIZES[name][1].values())
    for row in dataset.rows("test")[:2]:
        measure("explain", "--model", "model", "--sample", dataset.ids[row])


def measure(*words: Any) -> None:
    """Run a command in a process of its own, and check its seconds and its memory."""
    measured = mosei.run(*words)
    step = "import" if words[0] == "data" else words[0]
    print(f"{step}: {measured.seconds:.0f} s, {measured.memory / 1e9:.2f} GB")
    assert measured.memory <= MEMORY, (step, measured.memory)
    assert measured.seconds <= SECONDS[step], (step, measured.seconds)


def write(path: Path, shapes: dict[str, tuple[int, int]], counts: dict[str, int]) -> None:
    """Write a pickle as MMSA lays it out, whose arrays are drawn in blocks.

    Each modality carries one number along one direction of its features; the score adds them.
    """
    rng = np.random.default_rng(0)
    content: dict[str, Any] = {}
    for split, count in counts.items():
        hidden = rng.normal(size=(count, len(shapes)))
        part: dict[str, Any] = {
            "id": [f"{split}{row // 10:05d}$_${row % 10}" for row in range(count)],
            "raw_text": [f"opinion {row}" for row in range(count)],
            "regression_labels": np.clip(hidden.sum(1), -3, 3).astype(np.float32),
        }
        for place, (name, (steps, size)) in enumerate(shapes.items()):
            along = np.random.default_rng(place).normal(size=size) * 2 / np.sqrt(size)
            lengths = rng.integers(steps // 5, steps + 1, count)
            values = np.memmap(
                path.with_name(f"{split}-{name}"), np.float32, "w+", shape=(count, steps, size)
            )
            for start in range(0, count, BLOCK):
                rows = slice(start, start + BLOCK)
                block = rng.standard_normal(values[rows].shape, np.float32)
                block += (hidden[rows, place, None, None] * along).astype(np.float32)
                block[np.arange(steps) >= lengths[rows, None]] = 0
                values[rows] = block
            part |= {name: np.asarray(values), f"{name}_lengths": lengths.tolist()}
        content[split] = part
    with path.open("wb") as file:
        pickle.dump(content, file, protocol=5)
