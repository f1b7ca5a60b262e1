"""A file by path equals its import: split, ids, lengths, targets and names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from qfusion import data
from qfusion.data import importing
from qfusion.data.store import reading
from qfusion.errors import InvalidInput

COUNT = 60


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a file under a name, and returns the set."""
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))

    def keep(path: Path, *repairs: str) -> Any:
        importing.import_set([path], "kept", repair=list(repairs), replace=True)
        return reading.open_imported("kept")

    return keep


def views(seed: int = 0) -> dict[str, np.ndarray]:
    """Two views and classes that are not quite told by the first."""
    random = np.random.default_rng(seed)
    a = random.normal(size=(COUNT, 4))
    return {
        "A": a,
        "b": random.normal(size=(COUNT, 3)),
        "y": (a[:, 0] + random.normal(size=COUNT) > 0).astype(int),
    }


def sequences(seed: int = 0) -> np.ndarray:
    """(N, T, F) with zeros after the end of each."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(COUNT, 7, 3))
    ends = random.integers(2, 8, COUNT)
    values[np.arange(7) >= ends[:, None]] = 0
    return values


def parts() -> np.ndarray:
    return np.array((["train"] * 4 + ["valid", "test"]) * (COUNT // 6))


def assert_same(ours: Any, theirs: Any) -> None:
    """Two sets are the same, but for their names and sources."""
    assert ours.names == theirs.names
    for one, other in zip(ours.modalities, theirs.modalities, strict=True):
        assert np.array_equal(one.values, other.values)
        assert one.is_sequence == other.is_sequence
        assert not one.is_sequence or np.array_equal(one.lengths, other.lengths)
        assert one.shape == other.shape
    assert np.array_equal(ours.y, theirs.y)
    assert ours.target.classes == theirs.target.classes
    assert ours.target.kind == theirs.target.kind
    assert ours.ids.tolist() == theirs.ids.tolist()
    assert ours.split.tolist() == theirs.split.tolist()
    assert ours.digest == theirs.digest


FILES: dict[str, dict[str, Any]] = {
    "ids, split and lengths": {
        **views(),
        "text": np.random.default_rng(1).normal(size=(COUNT, 5, 3)),
        "text_lengths": np.arange(COUNT) % 5 + 1,
        "ids": np.array([f"clip{n:02d}" for n in range(COUNT)]),
        "split": parts(),
    },
    "split alone": {**views(1), "split": parts()},
    "numbers as target": {
        **views(2),
        "y": np.random.default_rng(2).normal(size=COUNT),
        "split": parts(),
    },
    "padded sequences": {**views(3), "voice": sequences(), "split": parts()},
    "padded sequences of float32": {
        **views(4),
        "voice": sequences(4).astype(np.float32),
        "split": parts(),
    },
    "pictures": {
        **views(5),
        "image": np.random.default_rng(5).integers(0, 256, (COUNT, 5, 4), dtype=np.uint8),
        "split": parts(),
    },
}


@pytest.mark.parametrize("variables", FILES.values(), ids=FILES)
def test_file_by_path_equals_its_import(
    variables: dict[str, Any], tmp_path: Path, imported: Any
) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, **variables)
    found = data.load(path)
    assert_same(found, imported(path))
    assert found.split.tolist() == parts().tolist()
    assert "Split as the file says" in found.description


@pytest.mark.parametrize("ending", [".npz", ".mat"])
def test_file_without_a_split_is_split_like_the_repair(
    ending: str, tmp_path: Path, imported: Any
) -> None:
    path = tmp_path / f"set{ending}"
    save = (
        np.savez if ending == ".npz" else lambda place, **content: scipy.io.savemat(place, content)
    )
    save(path, **views())
    assert_same(data.load(path), imported(path, "make-split"))


def test_zeros_at_the_end_of_sequences_are_padding(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, **views(), voice=sequences())
    voice = next(m for m in data.load(path).modalities if m.name == "voice")
    ends = (sequences() != 0).any(-1).sum(1)
    assert np.array_equal(voice.lengths, ends)


def test_black_rows_of_pictures_are_no_padding(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pictures = random.uniform(size=(COUNT, 6, 4))
    pictures[random.uniform(size=(COUNT, 6)) < 0.3] = 0
    path = tmp_path / "set.npz"
    np.savez(path, **views(), image=pictures)
    image = next(m for m in data.load(path).modalities if m.name == "image")
    assert image.shape == (6, 4)
    assert not image.is_sequence


def test_files_that_import_refuses_are_refused(tmp_path: Path) -> None:
    content = views()
    noise = np.random.default_rng(0).normal(size=(COUNT, 2))
    content["code"] = noise * [0, 1] + 100 * content["y"][:, None] * [1, 0]
    path = tmp_path / "leak.npz"
    np.savez(path, **content, split=parts())
    with pytest.raises(
        InvalidInput, match=r"cannot be used as it is: code: .*import the file with `data import`"
    ):
        data.load(path)


def test_arrays_of_tables_are_padded(tmp_path: Path, imported: Any) -> None:
    rows = "".join(f"s{n},{n % 3 - 1 + n / 100},{part}\n" for n, part in enumerate(parts()))
    (tmp_path / "labels.csv").write_text(f"id,label,split\n{rows}")
    np.save(tmp_path / "voice.npy", sequences())
    kept = importing.import_set(
        [tmp_path / "labels.csv", tmp_path / "voice.npy"], "padded", target="regression"
    )
    assert kept is not None
    voice = reading.open_imported("padded").modalities[0]
    assert np.array_equal(voice.lengths, (sequences() != 0).any(-1).sum(1))
