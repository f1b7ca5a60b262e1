"""Data sets with many views: coalitions in passes over views, twelve explained within a second, more refused."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from qfusion import data, explain
from qfusion.cli import main
from qfusion.data import DataSet, Modality, Target, importing
from qfusion.data.array_chunks import numbered_ids
from qfusion.data.store import manifest
from qfusion.errors import InvalidInput
from qfusion.explain import backgrounds
from qfusion.figures import decision_charts
from qfusion.models import build, coalition_algebra
from qfusion.models.base import log_odds_against_others
from qfusion.models.network import contractions, mass_algebra
from qfusion.models.network.truth_tables import probabilities
from qfusion.quantum import decomposition
from qfusion.runs import run_training
from qfusion.study import sample
from qfusion.study.backends import base
from qfusion.study.opening import open_study
from qfusion.training import Options, train

NAMES: dict[str, Callable[[int], str]] = {
    "numbered": lambda m: f"v{m}",
    "views": lambda m: f"view {m + 1}",
    "words": lambda m: "abcdefghijklmnopqrstuvwxyz"[m] * 3,
}


def arrays(views: int, name: Callable[[int], str] = NAMES["numbered"], N: int = 60) -> Any:
    """Features of so many views, a class and a split, as a file of NumPy holds them."""
    rng, y = np.random.default_rng(views), np.arange(N) % 2
    features = {
        name(m): (rng.normal(size=(N, 3)) + 0.7 * y[:, None] * (m % 3 == 0)).astype(np.float32)
        for m in range(views)
    }
    split = np.resize(["train"] * 12 + ["valid"] * 3 + ["test"] * 5, N)
    return {**features, "y": y, "split": split}


def file_of(path: Path, views: int, name: Callable[[int], str] = NAMES["numbered"]) -> Path:
    np.savez(path, **arrays(views, name))
    return path


def set_of(views: int, name: Callable[[int], str] = NAMES["numbered"]) -> DataSet:
    held = arrays(views, name)
    ids = numbered_ids("row", 60)
    return DataSet(
        "many",
        "Many views",
        "",
        "",
        "",
        tuple(Modality(name(m), held[name(m)], None, tuple("xyz"), None) for m in range(views)),
        Target("classification", "class", None, ("no", "yes")),
        held["y"],
        ids,
        held["split"],
        pd.DataFrame(index=ids),
    )


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("RUNS", "MODELS", "IMPORTED", "CACHE"):
        monkeypatch.setenv(f"QFUSION_{place}", str(tmp_path / place.lower()))


# The numbers.


@pytest.mark.parametrize("M", [1, 2, 3, 5, 7])
def test_passes_over_modalities_equal_sums_over_subsets(M: int) -> None:
    order = decomposition.subsets(M)
    values = np.random.default_rng(M).normal(size=(2, len(order), 3))
    wanted = np.stack(
        [
            sum(
                (-1.0) ** (len(S) - len(R)) * values[:, r]
                for r, R in enumerate(order)
                if set(R) <= set(S)
            )
            for S in order
        ],
        1,
    )
    found = coalition_algebra.dividends(values, M)
    assert np.allclose(found, wanted, rtol=0, atol=1e-12)
    assert np.allclose(coalition_algebra.sums(found, M), values, rtol=0, atol=1e-12)
    phi = coalition_algebra.shapley(found, M)
    assert np.allclose(phi.sum(1), values[:, -1] - values[:, 0], rtol=0, atol=1e-12)
    pairs = coalition_algebra.interaction(found, M)
    for i, j in itertools.combinations(range(M), 2):
        wanted_pair = sum(
            found[:, s] / (len(S) - 1) for s, S in enumerate(order) if {i, j} <= set(S)
        )
        assert np.allclose(pairs[:, i, j], wanted_pair, rtol=0, atol=1e-12)
        assert np.allclose(pairs[:, j, i], wanted_pair, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("M", "n"), [(4, 5), (5, 4), (7, 3), (7, 6)])
@torch.no_grad()
def test_chain_equals_single_coalitions(M: int, n: int) -> None:
    torch.manual_seed(M)
    inputs = {f"v{m}": {"size": 3, "sequence": False} for m in range(M)}
    model: Any = build("entangled-qcnn", inputs, ("a", "b"), {"elements": n}).double().eval()
    model.phi.uniform_(0.2, 2.9)
    O, phi = model.observables().double(), model.phi.double()
    masses, rows = torch.rand(3, n, M).double(), torch.rand(11, n, M).double()
    alone = torch.stack([probabilities(rows[..., m]).mean(0) for m in range(M)])
    together = torch.stack([contractions.chain_rows(O, phi, one, rows) for one in masses])
    apart = mass_algebra.chain_marginals(O, phi, masses, alone)
    value = mass_algebra.sample_by_sample(O, phi, alone)
    for s, S in enumerate(decomposition.subsets(M)):
        assert torch.allclose(
            together[:, s], contractions.row_value(O, phi, masses, rows, S), rtol=0, atol=1e-12
        )
        assert torch.allclose(apart[:, s], value(masses, S), rtol=0, atol=1e-12)


# Twelve views.


@pytest.mark.parametrize("kind", ["late", "entangled-qcnn", "concatenation"])
def test_twelve_views_are_trained_and_explained_in_time(kind: str) -> None:
    dataset = set_of(12)
    options = Options(epochs=1, loss="cross_entropy")
    began = time.process_time()
    model: Any = train(kind, dataset, {}, options).model.double().eval()
    watch = run_training.Watch(dataset)
    assert len(watch.measure(model)) >= 4095
    explained = log_odds_against_others(model)
    rows = dataset.rows("train")
    behind = backgrounds.background(explained, dataset.inputs(rows, torch.float64), "product")
    began = time.process_time()
    found = explain.explain(explained, dataset.inputs([0], torch.float64), behind)
    took = time.process_time() - began
    assert took < 3  # one second where nothing else runs; it was minutes
    assert found.dividends.shape == (1, 4096, 2)
    assert np.allclose(found.dividends.sum(1), found.prediction, rtol=0, atol=1e-9)
    assert np.allclose(found.shapley.sum(1), found.prediction - found.baseline, rtol=0, atol=1e-9)
    judged = explain.verdict(found)
    assert judged.relation in explain.RELATIONS
    # what is drawn stays readable
    own = dict(zip(found.coalitions, found.dividends[0, :, 0].tolist(), strict=True))
    figure = decision_charts.waterfall(own, dataset.names)
    assert len(figure.data[0].y) <= 1 + 12 + sample.MAX_JOINT + 2
    assert f"{4095 - 12 - sample.MAX_JOINT} other joint terms" in figure.layout.yaxis.ticktext


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main([*words])
    printed = capsys.readouterr()
    return int(ended.value.code or 0), " ".join((printed.out + printed.err).split())


def test_commands_state_the_number_of_coalitions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file_of(tmp_path / "twelve.npz", 12)
    code, words = said(capsys, "data", "import", str(path), "--name", "twelve")
    assert (code, "12 modalities have 4,096 coalitions" in words) == (0, True)
    code, words = said(
        capsys,
        *("train", "--data", "twelve", "--model", "late", "--name", "m12", "--set", "epochs=1"),
    )
    assert (code, "12 modalities have 4,096 coalitions" in words) == (0, True)
    sample = str(data.load("twelve").ids[data.load("twelve").rows("test")[0]])
    code, words = said(capsys, "explain", "--model", "m12", "--sample", sample)
    assert code == 0
    assert "(4,072 other joint terms)" in words
    code, words = said(capsys, "evaluate", "--model", "m12")
    assert (code, "Accuracy" in words) == (0, True)


@pytest.mark.parametrize(
    ("views", "words"), [(12, "entangled-qcnn"), (8, "state-linear --set dims=2"), (12, "late")]
)
def test_few_of_many_samples_are_explained_together(
    views: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MAX_COALITIONS", 2**13)
    path, model = tmp_path / "long.npz", tmp_path / "model"
    np.savez(path, **arrays(views, N=300))
    command = ["train", "--data", str(path), "--out", str(model), "--set", "epochs=1", "--model"]
    with pytest.raises(SystemExit):
        main([*command, *words.split()])
    study = open_study(str(model), str(path))
    assert 0 < len(study.explained_rows) <= 32
    assert set(study.explained_rows) < set(study.dataset.rows("test"))
    assert np.isfinite(study.frame()["dividend[v0]"]).sum() == len(study.explained_rows)


@pytest.mark.parametrize("views", [2, 3, 6])
def test_few_views_give_no_message(views: int, tmp_path: Path) -> None:
    with manifest.staging_folder() as folder:
        report = importing.examine_files([file_of(tmp_path / "few.npz", views)], folder).report
    assert "coalitions" not in " ".join(finding.words for finding in report.findings)


# More than twelve.


@pytest.mark.parametrize(("views", "names"), [(13, "numbered"), (16, "views"), (20, "words")])
def test_more_views_are_refused_at_import_and_at_training(
    views: int, names: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file_of(tmp_path / "many.npz", views, NAMES[names])
    sentence = f"must have at most 12 modalities, but has {views}"
    began = time.process_time()
    code, words = said(capsys, "data", "import", str(path), "--name", "many")
    assert (code, sentence in words, f"2^{views}" in words) == (1, True, True)
    assert not (tmp_path / "imported" / "many").exists()
    code, words = said(
        capsys, *("train", "--data", str(path), "--model", "late", "--out", str(tmp_path / "out"))
    )
    assert (code, sentence in words) == (1, True)
    with pytest.raises(InvalidInput, match=sentence):
        set_of(views, NAMES[names])
    with pytest.raises(InvalidInput, match=sentence):
        decomposition.subsets(views)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("count", [1100, 5000])
def test_thousands_of_modalities_are_refused_in_one_sentence(count: int) -> None:
    with pytest.raises(
        InvalidInput, match=rf"at most 12 modalities, but has {count}: .* 2\^{count}"
    ):
        decomposition.subsets(count)
    values = np.zeros((3, 2))
    modalities = [Modality(f"m{n}", values, None, ("x", "y")) for n in range(count)]
    with pytest.raises(InvalidInput, match=rf"at most 12 modalities, but has {count}"):
        data.DataSet(
            **dict.fromkeys(("name", "title", "description", "source", "licence"), "many"),
            modalities=tuple(modalities),
            target=Target("classification", "class", classes=("a", "b")),
            y=np.array([0, 1, 0]),
            ids=np.array(["a", "b", "c"]),
            split=np.array(["train", "valid", "test"]),
            table=pd.DataFrame(index=["a", "b", "c"]),
        )


@pytest.mark.parametrize("dims", ["4", "2", "[2,2,2,2,2,2,2,2,2,2,2,4]"])
def test_untrainable_joint_dimension_is_refused(
    dims: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file_of(tmp_path / "twelve.npz", 12)
    code, words = said(
        capsys,
        *("train", "--data", str(path), "--model", "quantum-jump", "--out", str(tmp_path / "q")),
        *("--set", f"dims={dims}", "--set", "epochs=1"),
    )
    assert code == 1
    assert "joint dimension of" in words
    assert "entangled-qcnn" in words
    assert not (tmp_path / "q").exists()
