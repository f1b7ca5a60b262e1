"""Features that contain the target are found in every kind of file, with few false alarms."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.io
from hypothesis import given, settings, strategies as st
from sklearn import datasets
from sklearn.linear_model import LogisticRegression

from qfusion import data
from qfusion.data import importing
from qfusion.data.examine import report as import_report, value_scans
from qfusion.data.examine.report import Report
from qfusion.data.store import manifest
from qfusion.errors import InvalidInput
from tests.support import importable
from tests.support.command_line import run

__all__ = ["run"]  # a fixture


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))


def equal(values: np.ndarray, y: np.ndarray, is_class: bool = True) -> list[int]:
    """The features that equal the target."""
    return value_scans.find_leaks(values, y, is_class).tolist()


def examined(*paths: Path, **options: Any) -> import_report.ExaminedSet:
    with manifest.staging_folder() as place:
        return importing.examine_files(paths, place, **options)


def leaking(report: Report) -> list[tuple[str, str, str]]:
    """Code, severity and modality of what gives the target away."""
    return [
        (finding.code, finding.severity, finding.where)
        for finding in report.findings
        if finding.code == "target-leak"
    ]


# ---- leaks that are added to noise are found


CLASS_LEAKS = {
    "label": lambda y, rng: y[:, None],
    "renamed classes": lambda y, rng: rng.permutation(99)[y][:, None],
    "one-hot": lambda y, rng: np.eye(y.max() + 1)[y],
    "one-hot without the first": lambda y, rng: np.eye(y.max() + 1)[y][:, 1:],
    "bits": lambda y, rng: y[:, None] >> np.arange(3) & 1,
    "one-hot, mixed": lambda y, rng: np.eye(y.max() + 1)[y] @ rng.normal(size=(y.max() + 1, 6)),
}


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(CLASS_LEAKS)),
    st.integers(0, 2**32 - 1),
    st.integers(2, 6),
    st.integers(120, 400),
    st.integers(1, 30),
)
def test_class_code_is_found_in_noise(
    kind: str, seed: int, classes: int, samples: int, features: int
) -> None:
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, samples - classes)])
    noise = rng.normal(size=(samples, features))
    leak = CLASS_LEAKS[kind](y, rng)
    assert equal(noise, y) == []
    varying = np.flatnonzero(leak.max(0) > leak.min(0)) + features
    assert equal(np.concatenate([noise, leak], axis=1), y) == varying.tolist()


AMOUNT_LEAKS = {
    "copy": lambda y, rng: y,
    "scaled": lambda y, rng: 100 - 7 * y,
    "in single precision": lambda y, rng: y.astype(np.float32),
}


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(AMOUNT_LEAKS)),
    st.integers(0, 2**32 - 1),
    st.integers(60, 400),
    st.integers(1, 30),
)
def test_a_copy_of_amounts_is_found_in_noise(
    kind: str, seed: int, samples: int, features: int
) -> None:
    rng = np.random.default_rng(seed)
    y = rng.uniform(-3, 3, samples)
    noise = rng.normal(size=(samples, features))
    place = int(rng.integers(0, features + 1))
    values = np.insert(noise, place, AMOUNT_LEAKS[kind](y, rng), axis=1)
    assert equal(noise, y, is_class=False) == []
    assert equal(values, y, is_class=False) == [place]


# ---- the same check for every kind of file


def noise(seed: int, samples: int = 90) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    views = {"voice": rng.normal(size=(samples, 4)), "words": rng.normal(size=(samples, 3))}
    split = np.array(["train", "valid", "test"])[np.digitize(np.arange(samples) % 10, [6, 8])]
    return views, np.arange(samples) // 3 % 3, split


def as_npz(folder: Path, views: dict[str, np.ndarray], y: np.ndarray, split: np.ndarray) -> Path:
    np.savez(folder / "set.npz", **views, y=y, split=split)  # type: ignore[arg-type]
    return folder / "set.npz"


def as_mat(folder: Path, views: dict[str, np.ndarray], y: np.ndarray, split: np.ndarray) -> Path:
    scipy.io.savemat(folder / "set.mat", views | {"Y": y[:, None]})
    return folder / "set.mat"


def as_tables(folder: Path, views: dict[str, np.ndarray], y: np.ndarray, split: np.ndarray) -> Path:
    folder = folder / "tables"
    folder.mkdir()
    ids = pd.Series([f"s{row}" for row in range(len(y))], name="id")
    for name, values in views.items():
        columns = [f"{name} {number}" for number in range(values.shape[1])]
        table = pd.concat([ids, pd.DataFrame(values, columns=columns)], axis=1)
        importable.write_table(table, folder / f"{name}.csv")
    labels = pd.DataFrame({"id": ids, "label": [f"class {k}" for k in y], "split": split})
    importable.write_table(labels, folder / "labels.csv")
    return folder


def as_pickle(folder: Path, views: dict[str, np.ndarray], y: np.ndarray, split: np.ndarray) -> Path:
    names = dict(zip(views, ("audio", "text"), strict=True))
    content = {
        part: {names[name]: values[split == part] for name, values in views.items()}
        | {
            "id": [f"{part}{row}" for row in range(int((split == part).sum()))],
            "classification_labels": y[split == part],
        }
        for part in ("train", "valid", "test")
    }
    (folder / "set.pkl").write_bytes(pickle.dumps(content))
    return folder / "set.pkl"


def options_of(write: Any) -> dict[str, Any]:
    return {"target": "classification"} if write is as_pickle else {}


@pytest.mark.parametrize("write", [as_npz, as_mat, as_tables, as_pickle])
@pytest.mark.parametrize(
    "leak",
    [
        lambda y: 2.0 * y[:, None] - 1,
        lambda y: np.eye(3)[y] * 5,
        lambda y: np.array([[0.0, 1], [1, 0], [1, 1]])[y],
    ],
)
def test_every_reader_reports_leaks_and_repairs(write: Any, leak: Any, tmp_path: Path) -> None:
    views, y, split = noise(4)
    views["voice"] = np.concatenate([views["voice"], leak(y)], axis=1)
    path = write(tmp_path, views, y, split)
    options = options_of(write)
    report = examined(path, **options).report
    assert [(code, severity) for code, severity, _ in leaking(report)] == [("target-leak", "error")]
    with pytest.raises(InvalidInput, match=r"follows? from the target.* drop-leaks, keep-leaks"):
        importing.import_set([path], "never", repair=["make-split"], **options)
    clean = importing.import_set([path], "clean", repair=["make-split", "drop-leaks"], **options)
    assert leaking(clean) == []
    sizes = {m["name"]: m["shape"][-1] for m in clean.modalities}
    assert sorted(sizes.values()) == [3, 4]
    meant = importing.import_set([path], "meant", repair=["make-split", "keep-leaks"], **options)
    assert [(code, severity) for code, severity, _ in leaking(meant)] == [
        ("target-leak", "warning")
    ]


@pytest.mark.parametrize("write", [as_npz, as_mat, as_tables, as_pickle])
def test_modality_of_labels_is_dropped(write: Any, tmp_path: Path) -> None:
    views, y, split = noise(7)
    views["words"] = np.eye(3)[y][:, [2, 0, 1]] + 0.0
    path = write(tmp_path, views, y, split)
    report = importing.import_set(
        [path], "rest", repair=["make-split", "drop-leaks"], **options_of(write)
    )
    assert len(report.modalities) == 1
    assert report.modalities[0]["shape"][-1] == 4


def test_sequences_are_checked_by_means_and_first_steps(tmp_path: Path) -> None:
    views, y, split = noise(2)
    rng = np.random.default_rng(0)
    for place, steps in (("every step", slice(None)), ("the first step", slice(0, 1))):
        sequences = rng.normal(size=(90, 6, 3))
        sequences[:, steps, 1] = y[:, None]
        path = as_npz(tmp_path, views | {"voice": sequences}, y, split)
        assert leaking(examined(path).report) == [("target-leak", "error", "voice")], place


def test_noise_without_leaks_is_not_learned(tmp_path: Path) -> None:
    """Test accuracy stays within chance and four standard errors."""
    leaks_of = {
        "label": lambda y: y[:, None] * 1.0,
        "one-hot": lambda y: np.eye(3)[y],
    }
    for kind, leak in leaks_of.items():
        views, _, split = noise(11, 600)
        y = np.arange(600) // 200
        views["voice"] = np.concatenate([views["voice"], leak(y)], axis=1)
        (tmp_path / kind).mkdir()
        path = as_npz(tmp_path / kind, views, y, split)
        name = kind.replace(" ", "-")
        importing.import_set([path], name, repair=["drop-leaks"])
        kept = data.load(name)
        train, test = kept.rows("train"), kept.rows("test")
        x = np.concatenate([modality.values for modality in kept.modalities], axis=1)
        accuracy = LogisticRegression().fit(x[train], y[train]).score(x[test], y[test])
        assert accuracy < 1 / 3 + 4 * np.sqrt(2 / 9 / len(test)), kind


# ---- what is no leak


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from((4, 8, 15, 30, 120)),
    st.sampled_from((1, 10, 300)),
    st.integers(2, 12),
    st.sampled_from((0.0, 0.02, 0.5)),
)
def test_noise_is_no_leak(
    seed: int, samples: int, features: int, classes: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(samples, features))
    if share:  # few values, such as words that occur
        values = (rng.random((samples, features)) < share).astype(float)
    assert equal(values, rng.integers(0, classes, samples)) == []
    assert equal(values, rng.normal(size=samples), is_class=False) == []
    assert equal(values, np.round(rng.normal(size=samples)), is_class=False) == []


def test_good_features_are_no_leak() -> None:
    for load in (datasets.load_iris, datasets.load_breast_cancer, datasets.load_digits):
        known = load()
        assert equal(known.data, known.target) == []
    diabetes = datasets.load_diabetes()
    assert equal(diabetes.data, diabetes.target, is_class=False) == []


@pytest.mark.parametrize("name", ["planted", "digits", "parity"])
def test_built_in_sets_have_no_leak(name: str) -> None:
    known = data.load(name)
    is_class = known.target.kind == "classification"
    for modality in known.modalities:
        if modality.lengths is None:
            values = modality.values[:1000].reshape(1000, -1)
            assert equal(values, np.asarray(known.y)[:1000], is_class) == []


def test_missing_and_infinite_values_do_not_hide_a_leak() -> None:
    rng = np.random.default_rng(5)
    y = rng.integers(0, 3, 200)
    values = rng.normal(size=(200, 4))
    values[:, 3] = y
    values[7, :3] = np.nan
    values[9, 0] = -np.inf
    assert equal(values, y) == [3]
    assert equal(np.full((200, 2), np.nan), y) == []
    values[:, :3] *= 1e38
    assert equal(values, y) == [3]


def test_large_set_is_checked_in_part() -> None:
    known = np.ones(1_000_000, bool)
    known[::2] = False
    rows = value_scans.select_rows(known, 100)
    assert len(rows) == value_scans.MAX_ROWS
    assert (np.diff(rows) > 0).all()
    assert (rows % 2 == 1).all()
    assert len(value_scans.select_rows(known, 10**7)) == value_scans.MIN_ROWS


# ---- classes that are amounts


@pytest.mark.parametrize("samples", [30, 61, 200])
def test_more_classes_than_a_third_of_the_samples_are_an_error(
    samples: int, tmp_path: Path
) -> None:
    views, _, split = noise(1, samples)
    few, many = np.arange(samples) % (samples // 3), np.arange(samples) % (samples // 3 + 1)
    assert "many-classes" not in [
        f.code for f in examined(as_npz(tmp_path, views, few, split)).report.findings
    ]
    report = examined(as_npz(tmp_path, views, many, split)).report
    assert "many-classes" in [finding.code for finding in report.errors]


def test_command_line_lists_repairs(run: Any, tmp_path: Path) -> None:
    views, y, split = noise(3)
    views["words"][:, 1] = y
    path = as_npz(tmp_path, views, y, split)
    result = run("data", "import", path, "--name", "mine")
    assert result.code == 1
    assert "drop-leaks, keep-leaks" in result.err
    told = run("data", "import", path, "--name", "mine", "--repair", "drop-leaks", "--json").json
    assert told["repairs"] == ["drop-leaks: 1 of 3 features of words"]
