"""Conventions of metrics: CH-SIMS by its definition, inference from files, explicit choice, refused combinations."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qfusion import cli, data
from qfusion.app.forms import data_import
from qfusion.data import importing
from qfusion.data.store import manifest
from qfusion.data.target_spec import Target
from qfusion.errors import InvalidInput, NotFound
from qfusion.training import metrics
from qfusion.views.words.training import describe_metric
from tests.support import importable
from tests.support.app import plain, said, visit
from tests.support.data_page import press

EDGES = [-1.5, -1.01, -1.0, -0.7, -0.1, -1e-9, 0.0, 1e-9, 0.1, 0.7, 1.0, 1.01, 1.5]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))


def as_mmsa(prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """The metrics of CH-SIMS by their definition, class by class: an independent transcription."""
    p, y = np.minimum(np.maximum(prediction, -1.0), 1.0), np.minimum(np.maximum(truth, -1.0), 1.0)
    cuts = {
        "acc2": [-1.01, 0.0, 1.01],
        "acc3": [-1.01, -0.1, 0.1, 1.01],
        "acc5": [-1.01, -0.7, -0.1, 0.1, 0.7, 1.01],
    }
    found, two = {}, ([], [])
    for name, edges in cuts.items():
        classes = []
        for values in (p, y):
            own = [
                next(k for k in range(len(edges) - 1) if edges[k] < value <= edges[k + 1])
                for value in values
            ]
            classes.append(own)
        found[name] = sum(a == b for a, b in zip(*classes, strict=True)) / len(p)
        if name == "acc2":
            two = classes
    f1 = 0.0
    for each in (0, 1):
        right = sum(a == b == each for a, b in zip(*two, strict=True))
        taken, true = two[0].count(each), two[1].count(each)
        precision, recall = right / taken if taken else 0.0, right / true if true else 0.0
        f1 += (
            true
            / len(p)
            * (2 * precision * recall / (precision + recall) if precision + recall else 0.0)
        )
    return found | {
        "f1": f1,
        "mae": float(np.mean(np.abs(p - y))),
        "corr": float(np.corrcoef(p, y)[0][1]),
    }


@pytest.mark.parametrize("seed", range(12))
def test_metrics_of_sims_equal_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    prediction, truth = (
        rng.uniform(-1.6, 1.6, 400),
        rng.choice([*EDGES, *rng.uniform(-1, 1, 20)], 400),
    )
    if seed % 2:
        prediction[::2] = rng.choice(EDGES, 200)
    found = metrics.sims(prediction, truth)
    assert found == pytest.approx(as_mmsa(prediction, truth), abs=1e-12)
    assert set(found) == {"acc2", "acc3", "acc5", "f1", "mae", "corr"} == set(metrics.NAMES["sims"])


def test_bin_edges_belong_to_the_lower_class() -> None:
    for edge in (-0.7, -0.1, 0.0, 0.1, 0.7):
        at, above, below = (
            metrics.sims(np.array([edge, 1.0]), np.array([truth, 1.0]))
            for truth in (edge, edge + 1e-4, edge - 1e-4)
        )
        assert at["acc5"] == at["acc3"] == at["acc2"] == 1
        lost = {-0.7: {"acc5"}, 0.7: {"acc5"}, 0.0: {"acc2"}}.get(edge, {"acc3", "acc5"})
        assert {key for key in ("acc2", "acc3", "acc5") if above[key] < 1} == lost
        assert all(below[key] == 1 for key in ("acc2", "acc3", "acc5"))


def test_single_precision_labels_fall_into_the_bins_of_mmsa() -> None:
    """MMSA compares in single precision: a label of 0.1 that was kept so is in the class up to 0.1."""
    stored = np.array([0.1, 0.7, -0.1, -0.7], np.float32).astype(np.float64)
    assert stored[0] > 0.1
    assert metrics.sims(stored, np.array([0.0, 0.2, -0.2, -0.8]))["acc5"] == 1


def test_constant_scores_have_no_correlation_and_one_class_has_an_f1() -> None:
    found = metrics.sims(np.full(5, 0.3), np.full(5, 0.2))
    assert (found["corr"], found["f1"], found["acc2"]) == (0.0, 1.0, 1.0)
    with pytest.raises(InvalidInput):
        metrics.sims(np.array([np.nan]), np.zeros(1))


def test_plain_numbers_have_no_sentiment_accuracies() -> None:
    p, y = np.array([1.0, -2.0, 0.5, 0.0]), np.array([10.0, -20.0, -1.0, 0.0])
    found = metrics.plain(p, y)
    assert set(found) == {"mae", "corr", "r2", "sign"}
    assert found["sign"] == pytest.approx(2 / 3)
    assert found["r2"] == pytest.approx(metrics.regression(p, y)["r2"])


def sims_set(tmp_path: Path, name: str = "sims", **options: object) -> data.DataSet:
    importing.import_set(
        [importable.write_mmsa(tmp_path / f"{name}.pkl", sims=True)], name, **options
    )
    return data.load(name)


def test_file_contents_determine_the_convention(tmp_path: Path) -> None:
    found = sims_set(tmp_path)
    assert found.target.convention == "sims"
    assert manifest.imported_manifest("sims").target.convention == "sims"
    words = [
        each["words"]
        for each in manifest.imported_manifest("sims").report["findings"]
        if each["code"] == "convention"
    ]
    assert words == [
        "Metrics are those of CH-SIMS (Acc-2, Acc-3, Acc-5, F1, MAE, correlation), since every modality "
        "has its own targets and scores lie in [-1, 1]. Another is one of mosi, sims, plain "
        "(--convention)."
    ]
    importing.import_set([importable.write_mmsa(tmp_path / "m.pkl")], "mosi-like")
    assert data.load("mosi-like").target.convention == "mosi"
    content = importable.mmsa(sims=True)
    for part in content.values():
        del part["regression_labels_A"]
    importing.import_set([importable.write_mmsa(tmp_path / "p.pkl", content)], "part")
    assert data.load("part").target.convention == "plain"
    for part in content.values():
        part["regression_labels"] = part["regression_labels"] * 40
    importing.import_set([importable.write_mmsa(tmp_path / "w.pkl", content)], "wide")
    assert (data.load("wide").target.convention, data.load("wide").target.range) == ("plain", None)
    assert metrics.names(data.load("wide")) == ("mae", "corr", "r2", "sign")


def test_chosen_convention_must_fit(tmp_path: Path) -> None:
    found = sims_set(tmp_path, "chosen", convention="plain")
    assert metrics.names(found) == ("mae", "corr", "r2", "sign")
    assert found.digest == sims_set(tmp_path, "own").digest  # the numbers are the same
    assert replace(found, name="own", title="own").identity != data.load("own").identity
    path = importable.write_mmsa(tmp_path / "m.pkl")
    with pytest.raises(
        InvalidInput,
        match=r"`convention` must fit the targets: scores of CH-SIMS lie in \[-1, 1\], "
        r"but these go from -2\.\d+ to 2\.\d+\. Choose another of mosi, sims, ",
    ):
        importing.import_set([path], "never", convention="sims")
    with pytest.raises(NotFound, match="Convention 'mosei'"):
        importing.import_set([path], "never", convention="mosei")
    with pytest.raises(InvalidInput, match="`convention` is of scores"):
        importing.import_set([path], "never", convention="sims", target="classification")
    assert "never" not in manifest.imported_names()


def test_data_set_made_in_python_must_fit(tmp_path: Path) -> None:
    found = sims_set(tmp_path)
    with pytest.raises(InvalidInput, match="must fit the targets"):
        replace(
            found,
            y=np.linspace(-2, 2, len(found)),
            target=Target("regression", "s", convention="sims"),
        )
    with pytest.raises(InvalidInput, match="is of scores"):
        Target("classification", "c", classes=("a", "b"), convention="sims")
    assert Target("regression", "s").convention == "mosi"
    assert Target("classification", "c", classes=("a", "b")).convention == "classes"
    positive = replace(
        found, y=np.abs(found.y), target=Target("regression", "s", convention="plain")
    )
    assert metrics.names(positive) == ("mae", "corr", "r2")


def test_conventions_are_distinguished() -> None:
    for name, keys in metrics.NAMES.items():
        assert metrics.find_convention(keys) == name
        assert set(metrics.labels(keys)) == set(keys)
        assert metrics.headlines(keys) == list(metrics.HEADLINES[name])
    assert describe_metric("acc5", metrics.NAMES["sims"]) != describe_metric(
        "acc5", metrics.NAMES["mosi"]
    )
    assert metrics.labels(metrics.NAMES["classes"])["f1"].short == "F1 (macro)"
    assert metrics.labels(metrics.NAMES["sims"])["f1"].short == "F1 (weighted)"
    assert "acc7" not in metrics.labels(metrics.NAMES["sims"])


def test_stored_sets_keep_their_convention(tmp_path: Path) -> None:
    sims_set(tmp_path)
    importing.import_set([importable.write_mmsa(tmp_path / "m.pkl")], "mosi-like")
    importing.import_set(
        [importable.tables(tmp_path / "t", label=np.arange(60) / 30 - 1)],
        "table",
        target="regression",
    )
    importing.import_set(
        [importable.write_mmsa(tmp_path / "c.pkl", sims=True)], "classes", target="classification"
    )
    expected = {"sims": "sims", "mosi-like": "mosi", "table": "plain", "classes": "classes"}
    assert {name: data.load(name).target.convention for name in expected} == expected


def test_embedded_data_use_the_default_convention() -> None:
    for name in ("planted",):
        found = data.load(name)
        assert metrics.names(found) == metrics.NAMES["mosi"]


def test_commands_print_the_metrics_of_the_convention(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFUSION_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("QFUSION_MODELS", str(tmp_path / "models"))

    def told(*words: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main([*words])
        assert not ended.value.code
        return capsys.readouterr().out

    path = importable.write_mmsa(tmp_path / "s.pkl", sims=True)
    assert (
        json.loads(told("data", "import", str(path), "--name", "cli", "--json"))["convention"]
        == "sims"
    )
    assert json.loads(told("data", "check", "cli", "--json"))["convention"] == "sims"
    out = tmp_path / "run"
    made = json.loads(
        told(
            "train",
            "--data",
            "cli",
            "--model",
            "late",
            "--out",
            str(out),
            "--set",
            "epochs=1",
            "--json",
        )
    )
    assert list(made["metrics"]["test"]) == list(metrics.NAMES["sims"])
    model = str(out / "model.json")
    found = json.loads(told("evaluate", "--model", model, "--json"))
    assert found["convention"] == "sims"
    assert list(found["metrics"]) == ["acc2", "acc3", "acc5", "f1", "mae", "corr"]
    printed = told("evaluate", "--model", model)
    assert "Acc-3" in printed
    assert "F1 (weighted)" in printed
    assert "Acc-7" not in printed
    shown = told("models", "--json")
    assert "acc7" in shown  # of the shipped ones
    told("data", "import", str(path), "--name", "cli", "--replace", "--convention", "plain")
    found = json.loads(told("evaluate", "--model", model, "--json"))
    assert (found["convention"], list(found["metrics"])) == ("plain", ["mae", "corr", "r2", "sign"])


def test_ids_with_dollars_slashes_and_quotes(tmp_path: Path) -> None:
    content = importable.mmsa(sims=True)
    odd = ["a$_$1", "a/b$_$2", 'it\'s "so"$_$3', "back\\slash", "a$_$4/..", "<b>&amp;"]
    content["test"]["id"][: len(odd)] = odd
    path = tmp_path / "odd.pkl"
    path.write_bytes(pickle.dumps(content, protocol=4))
    importing.import_set([path], "odd")
    found = data.load("odd")
    assert set(odd) <= set(found.ids.tolist())
    assert [found.ids[found.row(each)] for each in odd] == odd


def test_page_accepts_only_a_fitting_convention(tmp_path: Path) -> None:
    app = visit("Data")
    app.segmented_control(key="_import_from").set_value(data_import.PATH).run()
    app.text_input(key="_import_path").set_value(str(importable.write_mmsa(tmp_path / "m.pkl")))
    app.selectbox(key="_import_convention").set_value("CH-SIMS: Acc-2, 3, 5")
    press(app, "Examine")
    assert "must fit the targets" in plain(app.error[0].value)
    app.text_input(key="_import_path").set_value(
        str(importable.write_mmsa(tmp_path / "s.pkl", sims=True))
    )
    app.selectbox(key="_import_convention").set_value("detect automatically")
    press(app, "Examine")
    assert "Metrics are those of CH-SIMS" in plain(said(app))
    app.text_input(key="_import_name").set_value("paged").run()
    press(app, "Save data set")
    assert data.load("paged").target.convention == "sims"
    assert "CH-SIMS" in plain(said(visit("Data", set="paged")))
