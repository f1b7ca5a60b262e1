"""Names, texts and messages of visitors: findings of two code reviews."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qfusion import _read_only, data, model_export, runs
from qfusion._checks import choose
from qfusion.app import state
from qfusion.app.models import tweaks
from qfusion.app.samples import boxes
from qfusion.data import importing
from qfusion.data.store import manifest
from qfusion.data.synthetic import planted_editing
from qfusion.errors import InvalidInput, NotFound
from qfusion.models import Tweak
from qfusion.models.tweak import MAX_TEXT
from qfusion.runs import plans
from qfusion.study import opening
from qfusion.training import checkpoint
from qfusion.views import cohort_quality
from qfusion.views.pages import address
from tests.support import importable

# ---- names


def test_links_open_no_paths(tmp_path: Path) -> None:
    views = np.random.default_rng(0).normal(size=(2, 9, 2))
    np.savez(tmp_path / "set.npz", salary=views[0], b=views[1], Y=np.arange(9) % 3)
    path = str(tmp_path / "set.npz")
    assert data.load(path).names == ("salary", "b")
    assert address.misfit("qj-planted", path) == ""
    assert address.misfit(path, "planted") == ""
    assert "modality" in address.misfit("qj-planted", "digits")


def test_models_are_written_under_the_checked_name(tmp_path: Path) -> None:
    found = checkpoint.load("qj-planted")
    written = model_export.save_checkpoint(tmp_path / "mine.v2", found, "", data.load("planted"))
    assert written == tmp_path / "mine.v2.json"
    assert checkpoint.load(written).card["weights_sha256"] == found.card["weights_sha256"]
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "mine.v2.json",
        "mine.v2.safetensors",
    ]


# ---- what others see


def test_shared_cache_keys_distinguish_texts() -> None:
    base = data.load("parity")
    rows = pd.DataFrame({"text": [f"of ada {n}" for n in range(len(base))]}, index=base.table.index)
    ada = replace(base, name="a", title="Ada's", table=rows)
    ben = replace(base, name="b", title="Ben's", table=rows.replace("ada", "ben", regex=True))
    again = replace(base, name="b", title="Ben's", table=rows.replace("ada", "ben!", regex=True))
    assert ada.digest == ben.digest  # of the same numbers
    assert len({each.identity for each in (base, ada, ben, again)}) == 4
    lists = replace(base, table=pd.DataFrame({"bag": [[1]] * len(base)}, index=base.table.index))
    assert lists.identity != base.identity
    found = checkpoint.load("qcnn-parity")
    applied = [
        opening.build_study("qcnn-parity", found.card, found.model, each).precompute()
        for each in (ada, ben)
    ]
    assert [each.frame()["text"].iloc[0] for each in applied] == ["of ada 0", "of ben 0"]
    assert [opening.with_background(each, "mixed").dataset.name for each in applied] == [
        "a",
        "b",
    ]


def test_read_only_server_removes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QFUSION_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "sets"))
    run = runs.create_run(plans.make_plan("planted", "concatenation", {}), name="mine")
    (run.path / "lock").unlink(missing_ok=True)
    (run.path / "record.json").write_text('{"state": "running"}')
    (tmp_path / "sets" / ".old-mine.0a1b2c3d").mkdir(parents=True)
    before = sorted(map(str, tmp_path.rglob("*")))
    _read_only.set_rule(lambda: True)
    try:
        assert run.record().state == "interrupted"
        assert not run.is_held()
        assert manifest.imported_names() == ()
        assert sorted(map(str, tmp_path.rglob("*"))) == before
    finally:
        _read_only.set_rule(lambda: False)


# ---- time and memory


@pytest.mark.parametrize(
    "words", [" " * 15_000 + "+", "H.text" + " " * 15_000 + "x", "=" * 15_000, "+" * 15_001]
)
def test_tweak_parsing_is_fast(words: str) -> None:
    model, began = checkpoint.load("qj-planted").model, time.perf_counter()
    with pytest.raises((InvalidInput, NotFound)):
        Tweak.parse(words, model)
    assert time.perf_counter() - began < 1
    with pytest.raises(InvalidInput, match="must have at most 20,000 letters"):
        Tweak.parse("T=1," * 5001, model)
    assert Tweak.parse(" H.text = 0.5 , T =1.2", model) == Tweak.parse("H.text=0.5,T=1.2", model)


def test_long_names_are_looked_up_once() -> None:
    began = time.perf_counter()
    with pytest.raises(NotFound, match="Choose one of"):
        choose("Sample", "x" * 10**6, [f"{n}" + "y" * 200 for n in range(5000)])
    with pytest.raises(NotFound, match="Did you mean 'apple'"):
        choose("Sample", "appel", ["apple", "z" * 10**5])
    assert time.perf_counter() - began < 1


def test_huge_ids_are_refused_quickly() -> None:
    dataset, began = data.load("digits"), time.perf_counter()
    ids = [str(each) for each in dataset.ids[:3]]
    assert dataset.known_ids(["x" * 10**6, *(str(n) for n in range(1000)), *ids, ids[0]]) == ids
    assert not boxes.exists(dataset, "x" * 10**6)
    assert time.perf_counter() - began < 1


def test_oversized_text_is_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="must have at most 2,000 letters, but has 10,004"):
        planted_editing.replace_words("good" + " " * 10_000)
    said: dict[str, object] = {"phi": "x" * (MAX_TEXT + 1)}
    monkeypatch.setattr(state, "get", lambda key, default=None: said.get(key, default))
    monkeypatch.setattr(state, "put", said.__setitem__)
    found = checkpoint.load("qcnn-digits")
    study = opening.build_study("qcnn-digits", found.card, found.model, data.load("digits"))
    tweaks.record_tweak(study)
    assert said[tweaks.HISTORY] == ("qcnn-digits", [{}], 0)


def test_confusions_of_many_classes_show_the_most_frequent() -> None:
    counts = np.diag(np.arange(100))
    assert cohort_quality.shown_classes(counts) == list(range(40, 100))
    assert cohort_quality.shown_classes(counts[:5, :5]) == list(range(5))


@pytest.mark.parametrize("words", [{"title": "x" * 101}, {"licence": "x" * 201}])
def test_titles_are_limited(
    words: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "sets"))
    with pytest.raises(InvalidInput, match="must have at most"):
        importing.import_set([importable.write_mmsa(tmp_path / "m.pkl")], "own", **words)
    assert manifest.imported_names() == ()
