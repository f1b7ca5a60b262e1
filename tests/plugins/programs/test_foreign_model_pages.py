"""Imported ONNX files and factories on every page, in Streamlit's test runner; numbers are those of plain loops."""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion import cli, data
from qfusion.study.opening import open_study
from qfusion.views import overview
from tests.plugins.programs.foreign_models import DATA, assert_explained, factory, looped, network
from tests.support import charts, importable
from tests.support.app import plain, said, visit

# A program that is uploaded comes in by test_browser_programs.py. Past the door all three are of one class,
# `Imported`: each format's numbers are read on Samples, and the other pages show one of them.
OTHERS = (
    "Overview",
    "Faithfulness",
    "Dynamics",
    "Train",
    "Decision operators",
    "Leaderboard",
    "Data",
    "Cohorts",
    "Circuit",
    "What if",
    "Compare",
)
WHY = {
    "Dynamics": "no evolution in time",
    "Circuit": "no circuit of gates",
    "Decision operators": "decision of this model is not linear in states",
}


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Models by name and their data, imported by the command line."""
    folder = tmp_path_factory.mktemp("imported")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MODELS", "IMPORTED"):
            patch.setenv(f"QFUSION_{name}", str(folder / name.lower()))
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        run(
            "data", "import", str(importable.tables(folder / "tables")), "--name", DATA, "--replace"
        )
        models = {
            "own-network": network(folder / "crossed.onnx"),
            "own-factory": factory(folder),
        }
        sources = {
            "own-network": ["crossed.onnx"],
            "own-factory": ["own_factory:make", "--weights", "gated.safetensors"],
        }
        for name, words in sources.items():
            run("model", "import", *words, "--data", DATA, "--name", name, "--replace")
        yield {name: (forward, data.load(DATA)) for name, forward in models.items()}
        sys.modules.pop("own_factory", None)


def run(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert not ended.value.code, words


@pytest.mark.parametrize(("name", "within"), [("own-network", 1e-5), ("own-factory", 1e-10)])
def test_a_model_is_found_and_explored(
    imported: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str, within: float
) -> None:
    """Also where the module of its factory is not to be had, as in a server that runs elsewhere."""
    forward, dataset = imported[name]
    monkeypatch.delitem(sys.modules, "own_factory")
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(Path.cwd())])
    assert importlib.util.find_spec("own_factory") is None
    row = int(dataset.rows("test")[1])
    app = visit("Samples", whole=False, model=name, data=DATA, sample=dataset.ids[row])
    nodes = [each for each in app.main if each.type in ("markdown", "bidi_component")]
    place = [charts.key_of(each) for each in nodes].index("figure-waterfall")
    title = nodes[place - 1]  # its panel is headed by it
    bars = next(
        trace
        for trace in json.loads(charts.figures(app)["figure-waterfall"])["data"]
        if trace["type"] == "bar"
    )
    sizes = np.frombuffer(base64.b64decode(bars["x"]["bdata"]), bars["x"]["dtype"])
    terms = [words[0] for words in bars["customdata"]]
    shown = dict(zip(terms[:-1], sizes[:-1], strict=True))  # the last is their sum
    assert_explained(shown, plain(title.value), looped(forward, dataset, row), dataset, within)


@pytest.mark.parametrize("title", OTHERS)
def test_every_other_page_shows_it_or_says_why_not(title: str, imported: dict[str, Any]) -> None:
    dataset = imported["own-factory"][1]
    row = dataset.ids[dataset.rows("test")[1]]
    app = visit(title, model="own-factory", data=DATA, sample=row)
    assert not app.error
    assert not app.warning
    assert WHY.get(title, "") in plain(said(app))
    if title not in ("Data", "Train", "Leaderboard"):
        assert app.selectbox(key="model").value == "own-factory"
        assert app.selectbox(key="sample").value == row


def test_metrics_of_an_imported_model_name_no_seed() -> None:
    study = open_study("qj-planted")
    card = study.card | {"seeds": [0], "model": "imported"}
    shows = overview.test_metrics(replace(study, card=card)).caption
    assert shows.endswith("values of the loaded weights.")
    assert "seed" not in shows
