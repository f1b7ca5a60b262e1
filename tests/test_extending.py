"""Extensions need one file and one line: data set, model, measure, panel, attribution method; and short call
chains."""

from __future__ import annotations

import importlib
import io
import json
import pkgutil
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
import torch

from qfusion import cli, data, report
from qfusion._memory_cache import CACHE
from qfusion.app import guidance
from qfusion.data import registry, sources as data_sources
from qfusion.errors import QFusionError
from qfusion.explain import attribution, disturbances
from qfusion.figures import style
from qfusion.models import FUSION
from qfusion.quantum import measure_kinds, measures
from qfusion.quantum.measure_kinds import States, Values
from qfusion.study import performance
from qfusion.study.opening import open_sample
from qfusion.training.batches import mean_and_std
from qfusion.views.pages import catalogue, dynamics, params, rendering
from qfusion.views.pages.choices import CURSOR
from qfusion.views.pages.panel import Panel
from qfusion.views.view import View
from qfusion.views.words.names import MEASURE_TEXTS, MeasureText
from tests.support.app import plain, said, visit
from tests.support.charts import figures

ROOT = Path(__file__).resolve().parents[1]
MODEL, DATA, SAMPLE = (
    "qj-parity",
    "parity",
    "pair-1404",
)  # a sample of its own: what others followed had no measure that is added here
DYNAMICS = f"/dynamics?model={MODEL}&data={DATA}&sample={SAMPLE}"


def command(*words: str) -> str:
    """Runs a command, which must succeed, and returns what it prints."""
    out = io.StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit) as ended:
        cli.main(list(words))
    assert not ended.value.code
    return out.getvalue()


def figure(link: str, panel: str, folder: Path) -> dict[str, Any]:
    """A figure by the command line, from the page as it runs: plotly's own file."""
    command("figure", "--link", link, "--panel", panel, "--out", str(folder / "figure.json"))
    return json.loads((folder / "figure.json").read_text())


@pytest.fixture
def moons(tmp_path: Path) -> Iterator[ModuleType]:
    """The module that docs/contributing.md shows, as a file among the sources."""
    written = re.findall(r"```python\n(.*?)```", (ROOT / "docs/contributing.md").read_text(), re.S)
    (code,) = (block for block in written if "Source(" in block)
    (tmp_path / "moons.py").write_text(code)
    data_sources.__path__.append(str(tmp_path))
    CACHE.clear(registry.sources.__wrapped__)  # type: ignore[attr-defined]
    yield importlib.import_module("qfusion.data.sources.moons")
    data_sources.__path__.remove(str(tmp_path))
    del sys.modules["qfusion.data.sources.moons"]
    CACHE.clear(registry.sources.__wrapped__)  # type: ignore[attr-defined]
    CACHE.clear(registry.load_manifest.__wrapped__)  # type: ignore[attr-defined]


def test_a_data_set_takes_one_file(moons: ModuleType) -> None:
    assert data.load("moons").names == ("across", "up")
    assert "moons" in [each.name for each in data.available()]
    assert "moons" in command("data", "list")
    app = visit("Data", set="moons")
    assert not app.error
    assert "300 points on two half circles" in plain(said(app))


def test_a_model_takes_one_file_and_its_registration() -> None:
    """The linear model in states, see tests/test_third_model.py for all that it can do then."""
    names = {"StateLinear", f'"{FUSION["state-linear"].kind}"'}
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "qfusion").rglob("*.py")
        if "plugins" not in path.parts and any(name in path.read_text() for name in names)
    }
    found -= {
        "qfusion/views/words/names.py",
        "qfusion/models/kind_texts.py",
    }  # it has a short name and a description of its own beside the defaults
    assert found == {"qfusion/models/jump/kets.py", "qfusion/models/registry.py"}


def _linear_entropies(states: States) -> Values:
    yield from (
        (part, 1 - measures.purity(states.reduced_state(part))) for part in [*states.singles, ()]
    )


@pytest.fixture
def linear_entropy() -> Iterator[str]:
    """A measure as its author writes it: a function under `measure_kind`, and its texts."""
    name = "linear_entropy"
    measure_kinds.measure_kind(
        name,
        "linear entropy",
        "linear entropy",
        cohort="linear entropy of the modalities at T (mean)",
    )(_linear_entropies)
    MEASURE_TEXTS[name] = MeasureText(
        caption="1 - Tr ρ² of each modality and of all together.",
        limits="Does not show what made a state mixed.",
        source="Zurek, Habib, Paz 1993",
    )
    yield name
    del measure_kinds.KINDS[name]
    del MEASURE_TEXTS[name]


def test_a_measure_takes_one_function(linear_entropy: str, tmp_path: Path) -> None:
    sample = open_sample(MODEL, SAMPLE, DATA)
    drawn = figure(f"{DYNAMICS}&show=Correlations", f"measure-{linear_entropy}", tmp_path)
    columns = {f"{linear_entropy}[{name}]" for name in sample.modalities} | {linear_entropy}
    command("track", "--model", MODEL, "--sample", SAMPLE, "--out", str(tmp_path / "track.csv"))
    assert columns <= set(pd.read_csv(tmp_path / "track.csv", nrows=1))

    purity = sample.track(negativity=True).measures.single("purity")
    found = sample.track(negativity=True).measures.single(linear_entropy)
    assert all(
        found[name] == pytest.approx(1 - values, abs=1e-12) for name, values in purity.items()
    )
    assert len(drawn["data"]) == len(columns)

    assert (
        performance.measure_titles(sample.study)["linear entropy"]
        == "linear entropy of the modalities at T (mean)"
    )
    at_end = performance.correlations(sample.study, np.array([sample.row]), ("linear entropy",))[
        "linear entropy"
    ]
    assert at_end == pytest.approx(
        1 - np.mean([purity[name][-1] for name in sample.modalities]), abs=1e-6
    )
    assert guidance.find_entries("linear entropy")[0].term == "Linear entropy"
    assert guidance.panel_terms(f"measure-{linear_entropy}") == ("Linear entropy",)
    assert "Linear entropy" in report.sample(open_sample(MODEL, SAMPLE, DATA)).html().decode()


def spread(sample: Any, *, t: float = 1.0) -> View:
    """The smallest panel: the entropies of the modalities at a time, as bars."""
    series = sample.track().measures.single("entropy")
    place = round(t * (len(next(iter(series.values()))) - 1))
    values = [float(series[name][place]) for name in sample.modalities]
    return View(
        name="spread",
        title="Entropies at a time",
        figure=go.Figure(go.Bar(x=list(sample.modalities), y=values)),
        caption="entropies at the cursor.",
        limits="Does not show other times.",
        alternative="Bars.",
        table=lambda: pd.DataFrame({"modality": sample.modalities, "entropy": values}),
    )


@pytest.fixture
def new_panel() -> Iterator[str]:
    """A panel as its author writes it: a line in the PANELS of its module."""
    dynamics.PANELS["spread"] = Panel(
        spread,
        {"t": CURSOR},
        opens=dynamics.VIEW.is_one_of("Decision"),
        below=True,
    )
    yield "spread"
    del dynamics.PANELS["spread"]


def test_a_panel_takes_a_builder_and_a_line(new_panel: str, tmp_path: Path) -> None:
    drawn = figure(f"{DYNAMICS}&t=0.5", new_panel, tmp_path)
    address = {"model": MODEL, "data": DATA, "sample": SAMPLE, "t": "0.5"}
    built = catalogue.build_panel("Dynamics", new_panel, address)
    assert drawn["data"][0]["x"] == list(built.figure.data[0].x)  # type: ignore[union-attr]
    assert new_panel in catalogue.visible_panels(catalogue.open_page("dynamics", address).view)
    assert "t=0.5)" in rendering.program("Dynamics", new_panel, address)
    assert len(built.numbers) == 2
    # a figure without paper is drawn on white paper, and follows the theme
    assert built.figure.layout.paper_bgcolor == style.PAPER  # type: ignore[union-attr]
    assert built.in_theme("dark").figure.layout.paper_bgcolor == style.DARK[style.PAPER]  # type: ignore[union-attr]
    app = visit("Dynamics", **address)
    assert not app.error
    assert "Entropies at a time" in plain(said(app))


@pytest.fixture
def panel_with_a_choice() -> Iterator[str]:
    """A panel with a control of its own, as its author writes it: the control, and a line in the PANELS."""
    share = params.NumberParam(
        "spread.t", "Share of T", "All of it is used.", default=1.0, step=0.25
    )
    dynamics.PANELS["spread"] = Panel(
        spread, {"t": share}, opens=dynamics.VIEW.is_one_of("Decision"), below=True
    )
    yield "spread"
    del dynamics.PANELS["spread"]


def test_a_panel_with_a_control_of_its_own_takes_a_builder_and_two_lines(
    panel_with_a_choice: str, tmp_path: Path
) -> None:
    address = {"model": MODEL, "data": DATA, "sample": SAMPLE, "spread.t": "0.25"}
    half = catalogue.build_panel("Dynamics", panel_with_a_choice, address).numbers
    assert figure(f"{DYNAMICS}&spread.t=0.25", panel_with_a_choice, tmp_path)["data"][0][
        "y"
    ] == pytest.approx(half["entropy"].tolist())
    assert "t=0.25)" in rendering.program("Dynamics", panel_with_a_choice, address)
    with pytest.raises(QFusionError, match=r"`spread\.t`: Argument `Share of T` must"):
        catalogue.open_page("dynamics", address | {"spread.t": "2"})
    app = visit("Dynamics", **address)
    assert not app.error
    assert app.slider(key="spread.t").value == 0.25
    drawn = figures(app)["figure-spread"]
    app.slider(key="spread.t").set_value(1.0).run(timeout=90)
    assert not app.exception
    assert figures(app)["figure-spread"] != drawn


def _occlusion(
    term_at: attribution.TermAt, start: torch.Tensor, x: torch.Tensor, _: float
) -> tuple[torch.Tensor, int]:
    """What the term loses when one feature alone is the baseline's."""
    whole, found = term_at(x).detach(), torch.zeros_like(x)
    for place in np.ndindex(*x.shape[1:]):
        at = (slice(None), *place)
        without = x.clone()
        without[at] = start.expand_as(x)[at]
        found[at] = whole - term_at(without).detach()
    return found, int(np.prod(x.shape[1:]))


@pytest.fixture
def occlusion() -> Iterator[str]:
    """A method as its author writes it: a line in METHODS."""
    attribution.METHODS["occlusion"] = attribution.Method("occlusion", _occlusion)
    yield "occlusion"
    del attribution.METHODS["occlusion"]


def test_an_attribution_method_takes_a_function_and_a_line(occlusion: str, tmp_path: Path) -> None:
    model, dataset = "qcnn-digits", data.load("digits")
    sample = str(dataset.ids[dataset.rows("test")[0]])
    link = f"/samples?model={model}&data=digits&sample={sample}&inside=true&inside.by={occlusion}"
    assert figure(link, "inside", tmp_path)["data"]
    study = open_sample(model, sample, "digits").study
    name = study.modalities[0]
    address = {"model": model, "data": "digits", "sample": sample, "inside.by": occlusion}
    found = catalogue.build_panel("Samples", "inside", address)
    assert "by occlusion" in found.caption
    assert set(found.numbers["method"]) == {occlusion}
    assert "method='occlusion'" in rendering.program("Samples", "inside", address)

    inputs = dataset.inputs(dataset.rows("test")[:3], torch.float64)
    baseline = mean_and_std(dataset, dataset.rows("train"), name)[0]
    # the Faithfulness page's ranking
    ranked = disturbances.attributions(
        study.model, inputs, name, np.zeros(3, int), baseline, occlusion
    )
    assert ranked.shape == tuple(inputs[name].shape)  # type: ignore[union-attr]
    assert occlusion in attribution.methods_by_title()


def test_documented_words_of_the_code_exist() -> None:
    text = (
        (ROOT / "docs/contributing.md")
        .read_text()
        .partition("## Words of the code")[2]
        .partition("\n## ")[0]
    )
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ")
    ][1:]
    assert len(rows) > 15
    for word, what, where in rows:
        assert what, word
        pkgutil.resolve_name(where.strip("`"))
