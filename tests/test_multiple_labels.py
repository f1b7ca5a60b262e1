"""Multi-label data: label sets as classes, and every label as a binary target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qfusion import cli, data
from qfusion.data import importing
from qfusion.data.examine import repairs
from qfusion.data.target_spec import Target
from qfusion.data.targets import encode_label_sets
from qfusion.errors import InvalidInput, NotFound
from qfusion.training import train
from tests.support import importable
from tests.support.app import plain, said, visit

LABELS = ("anger", "joy", "surprise")


@pytest.fixture(scope="module")
def has(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Which of 120 samples have which labels, and none in sample 5."""
    found = np.random.default_rng(0).random((120, 3)) < 0.4
    found[5] = False
    return found


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, has: np.ndarray) -> Path:
    folder = importable.tables(tmp_path_factory.mktemp("several") / "tables", 120)
    table = pd.read_csv(folder / "labels.csv")
    table["label"] = ["; ".join(np.array(LABELS)[row]) or "None" for row in has]
    table.to_csv(folder / "labels.csv", index=False)
    return folder


@pytest.fixture(autouse=True)
def own(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders of imported sets and models, of these tests alone."""
    for name in ("IMPORTED", "MODELS", "RUNS"):
        monkeypatch.setenv(f"QFUSION_{name}", str(tables.parent / name.lower()))
    if "emotions" not in data.names():
        run("data", "import", str(tables), "--name", "emotions", "--target", "labels")


def run(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert not ended.value.code, words


def test_label_set_is_the_class(has: np.ndarray) -> None:
    dataset = data.load("emotions")
    target = dataset.target
    assert target.labels == LABELS
    assert target.classes[0] == "none"
    assert [len(each) for each in target.sets] == sorted(len(each) for each in target.sets)
    assert all(
        name == (" + ".join(LABELS[i] for i in each) or "none")
        for name, each in zip(target.classes, target.sets, strict=True)
    )
    assert [set(target.sets[y]) for y in dataset.y] == [set(np.flatnonzero(row)) for row in has]
    assert data.names()[-4:] == ("emotions", *(f"emotions:{label}" for label in LABELS))
    assert [each.title for each in data.available()][-1] == "emotions: surprise"


def test_every_label_is_a_binary_target(has: np.ndarray) -> None:
    dataset = data.load("emotions")
    for place, label in enumerate(LABELS):
        asked = data.load(f"emotions:{label}")
        assert asked.target.classes == (f"not {label}", label)
        assert asked.target.label == label
        assert np.array_equal(asked.y, has[:, place])
        assert asked.ids.tolist() == dataset.ids.tolist()
        assert asked.digest not in (
            dataset.digest,
            data.load(f"emotions:{LABELS[place - 1]}").digest,
        )
        assert asked is data.load(f"emotions:{label}")
    assert dataset.target.label == ""
    with pytest.raises(NotFound, match="emotions:fear"):
        data.load("emotions:fear")
    with pytest.raises(NotFound, match="Label of data set 'planted'"):
        data.load("planted").select_label("joy")
    with pytest.raises(InvalidInput, match="`sets` must say of each of the 2 classes"):
        Target("classification", "x", None, ("a", "b"), "", ("l",), ((0,),))
    model = train("late", data.load("emotions:joy"), {}, {"epochs": 1}, 0).model
    assert tuple(model.outputs) == ("not joy", "joy")


def test_columns_of_zeros_and_ones(tmp_path: Path, has: np.ndarray) -> None:
    rng, path = np.random.default_rng(1), tmp_path / "views.npz"
    views = {"text": rng.normal(size=(120, 4)), "audio": rng.normal(size=(120, 3))}
    names = ("b", "a", "c c")
    np.savez(path, **views, y=has.astype(int), label_names=np.array(names))
    examined = importing.examine_files([path], tmp_path, target="labels")
    assert examined.staged.labels == names  # in the order of the columns
    assert [set(examined.staged.sets[y]) for y in examined.staged.y] == [
        set(np.flatnonzero(row)) for row in has
    ]
    assert [part.name for part in examined.staged.parts] == ["text", "audio"]
    np.savez(path, **views, y=has * 2, label_names=np.array(names))
    with pytest.raises(InvalidInput, match="must hold 0 and 1"):
        importing.examine_files([path], tmp_path, target="labels")
    np.savez(path, **views, y=np.ones((120, 65)))
    with pytest.raises(InvalidInput, match="a column for each of at most 64 labels"):
        importing.examine_files([path], tmp_path, target="labels")
    np.savez(path, **views, y=has, label_names=np.array(names[:2]))
    with pytest.raises(InvalidInput, match="must name each of the 3 columns"):
        importing.examine_files([path], tmp_path, target="labels")
    np.savez(path, **views, y=has[:, 0])
    with pytest.raises(InvalidInput, match=r"`y` \(N, L\) of 0 and 1"):
        importing.examine_files([path], tmp_path, target="labels")


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ([["a"], ["a"]], "must name 2 to 64 different ones, but name 1"),
        ([["a/b"], ["c"]], "Label 'a/b' must be at most 40 letters"),
        ([["x" * 41], ["c"]], "must be at most 40 letters"),
    ],
)
def test_invalid_labels_are_refused(named: list[list[str]], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        encode_label_sets(named)


def test_unknown_labels_and_repairs(tables: Path, tmp_path: Path, has: np.ndarray) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    for each in tables.iterdir():
        (folder / each.name).write_bytes(each.read_bytes())
    table = pd.read_csv(folder / "labels.csv", keep_default_na=False)
    table.loc[3, "label"] = ""
    table.to_csv(folder / "labels.csv", index=False)
    examined = importing.examine_files([folder], tmp_path, target="labels")
    kept = {finding.code for finding in examined.report.findings}
    assert "labels" in kept
    rare = (
        next(f for f in examined.report.findings if f.code == "rare-class")
        if "rare-class" in kept
        else None
    )
    staged = examined.staged
    mended = repairs.select_samples(staged, np.arange(len(staged)) % 9 > 0)
    assert len(mended.sets) == len(mended.classes)
    assert all(
        name == (" + ".join(LABELS[i] for i in each) or "none")
        for name, each in zip(mended.classes, mended.sets, strict=True)
    )
    assert rare is None or rare.repairs == ("drop-rare",)
    with pytest.raises(InvalidInput, match="not from MMSA pickles"):
        importing.examine_files(
            [importable.write_mmsa(tmp_path / "x.pkl", importable.mmsa())],
            tmp_path,
            target="labels",
        )
    words = importing.examine_files([folder], tmp_path).report.findings
    assert any("--target labels" in finding.words for finding in words)


def test_pages_show_one_label(tables: Path) -> None:
    run(
        "train",
        "--data",
        "emotions:joy",
        "--model",
        "quantum-jump",
        "--set",
        "epochs=1",
        "--set",
        "dims=[2,2]",
        "--name",
        "joyful",
    )
    link: dict[str, Any] = {"model": "joyful", "data": "emotions:joy"}
    for title in ("Cohorts", "Samples"):
        app = visit(title, **link)
        assert not app.error, [plain(each.value) for each in app.error]
    assert "‘joy’" in plain(said(app)) or "‘not joy’" in plain(said(app))
    app = visit("Data", set="emotions:joy")
    assert not app.error
    assert "emotions: joy" in plain(said(app))
