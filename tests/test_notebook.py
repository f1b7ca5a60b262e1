"""Figures by name draw the numbers of the library; tables; invalid names."""

from __future__ import annotations

import base64
import functools
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from qfusion import explain, figures
from qfusion.errors import DataUnavailable, InvalidInput, NotFound
from qfusion.figures import numbers
from qfusion.models import Tweak, tweak as tweaks
from qfusion.study import text
from qfusion.study.opening import load_checkpoint, load_model_and_data
from qfusion.study.performance import build_levels
from qfusion.study.sample import Sample
from qfusion.views import cohort_errors, decision
from qfusion.views.pages import notebook
from qfusion.views.pages.panel import drawn
from qfusion.views.words import answers

ROOT = Path(__file__).resolve().parent.parent
ONLY_JUMP, ONLY_NETWORK = (
    {
        "populations",
        "density_matrix",
        "built",
        "built_over_time",
        "built_flow",
    },
    {"masses"},
)
NAMES = [name for name in figures.__all__ if name not in ("numbers", "open_sample")]


@pytest.fixture(scope="module")
def jump() -> Sample:
    found, dataset = load_model_and_data("qj-planted")
    return figures.open_sample(found, str(dataset.ids[dataset.rows("test")[3]]), dataset)


@pytest.fixture(scope="module")
def network() -> Sample:
    return figures.open_sample("qcnn-digits", "digit-0012")


def drawn_numbers(figure: go.Figure) -> np.ndarray:
    """Every number that a figure draws."""
    found = [
        np.asarray(trace[axis], dtype=object).ravel()
        for trace in figure.data
        for axis in ("x", "y", "z")
        if axis in trace
    ]
    return np.array(
        [
            float(value)
            for values in found
            for value in values
            if isinstance(value, (int, float, np.number))
        ]
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_equals_its_table(name: str, jump: Sample) -> None:
    if name in ONLY_NETWORK:
        with pytest.raises(InvalidInput, match="Choose an entangled-qcnn"):
            getattr(figures, name)(jump)
        return
    drawn, table = getattr(figures, name)(jump), getattr(numbers, name)(jump)
    assert isinstance(drawn, go.Figure)
    assert len(table) > 0
    if name in (
        "diagram",
        "density_matrix",
        "built_flow",
    ):  # gates, complex numbers of which moduli are drawn, widths
        return
    wanted = {
        "contributions": "dividend",
        "shapley": "shapley",
        "entropies": "entropy[all]",
        "populations": "probability",
        "verdict": "prediction",
        "deletion": "deletion",
        "stability": "text",
        "over_time": "dividend[text+audio]",
        "built": "H[text+audio]",
        "built_over_time": "value",
    }[name]
    values = drawn_numbers(drawn)
    assert max(np.abs(values - value).min() for value in table[wanted]) < 1e-6


@pytest.mark.parametrize("name", ["contributions", "masses", "entropies", "verdict"])
def test_figures_of_networks(name: str, network: Sample) -> None:
    assert isinstance(getattr(figures, name)(network), go.Figure)
    assert len(getattr(numbers, name)(network)) > 0


def test_network_has_no_evolving_state(network: Sample) -> None:
    for name in ONLY_JUMP:
        with pytest.raises(InvalidInput, match="Choose a quantum-jump model"):
            getattr(figures, name)(network)


def test_numbers_equal_explain(jump: Sample) -> None:
    found = explain.explain(jump.model, jump.inputs, jump.background)
    assert numbers.contributions(jump)["dividend"].tolist() == found.dividends[0, :, 0].tolist()
    assert numbers.shapley(jump)["shapley"].tolist() == found.shapley[0, :, 0].tolist()
    through = numbers.over_time(jump)
    assert through["dividend[text+audio]"].iloc[-1] == pytest.approx(
        found.dividends[0, found.coalitions.index("text+audio"), 0], abs=1e-9
    )
    assert through["entropy[all]"].iloc[0] == pytest.approx(0, abs=1e-6)
    assert numbers.populations(jump)["probability"].sum() == pytest.approx(1)
    rho = numbers.density_matrix(jump, at=0.5)
    assert rho.loc[rho["row"] == rho["column"], "real"].sum() == pytest.approx(1)


def test_model_by_name_file_and_object_agree(jump: Sample, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for suffix in (".json", ".safetensors"):
        (folder / f"model{suffix}").write_bytes(
            (ROOT / "qfusion" / "assets" / "models" / f"qj-planted{suffix}").read_bytes()
        )
    by_name, by_folder = (numbers.contributions(model, jump.id) for model in ("qj-planted", folder))
    # a model by name may have been explained before, among other samples: the same but for its rounding
    same = functools.partial(pd.testing.assert_frame_equal, by_name, rtol=0, atol=1e-6)
    same(by_folder)
    same(numbers.contributions(load_checkpoint(jump.name), jump.id, data=jump.dataset))


@pytest.mark.parametrize(
    ("tweak", "words"),
    [
        ("H.text-audio=0, T=0.5", "H.text-audio=0,T=0.5"),
        (Tweak({"text+audio": 0.0}, duration=0.5), "H.text-audio=0,T=0.5"),
        ("H.text=1,D.text=1", ""),
    ],
)
def test_tweak_changes_the_model_and_is_shown(tweak: Any, words: str, jump: Sample) -> None:
    changed = figures.open_sample(load_checkpoint(jump.name), jump.id, jump.dataset, tweak=tweak)
    assert changed.tweak_text == words
    if words:
        assert changed.score == pytest.approx(float(changed.model(jump.inputs)[0, 0]))
        assert abs(changed.score - jump.score) > 1e-4
    else:
        assert changed.score == jump.score


def test_edited_rules_change_a_network(network: Sample) -> None:
    changed = figures.open_sample(
        load_checkpoint(network.name), network.id, network.dataset, tweak="all:and", output="1"
    )
    assert changed.score == pytest.approx(float(changed.model(network.inputs)[0, 1]))
    assert changed.score != network.score


@pytest.mark.parametrize(
    ("chosen", "error", "words"),
    [
        ({"sample": "nobody"}, NotFound, "nobody"),
        ({"output": "mood"}, NotFound, "mood"),
        ({"background": "mean"}, NotFound, "mean"),
        ({"background": "cohort"}, InvalidInput, "Cohort"),
        ({"contrast": "p0031", "background": "mixed"}, InvalidInput, "either"),
        ({"tweak": "H.tex=1"}, NotFound, "H.text"),
        ({"tweak": "T"}, InvalidInput, "must look like"),
        ({"tweak": "T=25"}, InvalidInput, "20"),
        ({"tweak": "D.text=-1"}, InvalidInput, "0 and 4"),
    ],
)
def test_invalid_arguments_are_refused(
    chosen: dict[str, str], error: type[Exception], words: str, jump: Sample
) -> None:
    with pytest.raises(error, match=words):
        figures.contributions(
            load_checkpoint(jump.name), **({"sample": jump.id, "data": jump.dataset} | chosen)
        )


def test_sample_object_knows_its_sample(jump: Sample) -> None:
    with pytest.raises(InvalidInput, match="either an opened sample"):
        figures.shapley(jump, "p0031")
    with pytest.raises(InvalidInput, match="must be the id"):
        figures.shapley("qj-planted")
    with pytest.raises(NotFound, match="Measure"):
        figures.entropies(jump, measure="temperature")
    with pytest.raises(AttributeError, match="nothing"):
        figures.nothing  # noqa: B018


def test_figures_are_imported_lazily() -> None:
    code = "import sys, qfusion.figures; print(sorted({'torch', 'plotly', 'qutip'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
    assert set(numbers.__dict__) >= set(NAMES)


# How a notebook shows a sample, a model and a panel, and the widget.


class Page(HTMLParser):
    """The texts, the tags and the images of an HTML fragment."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.images: list[bytes] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps a tag, of an image its content."""
        self.tags.add(tag)
        if tag == "img":
            address = dict(attrs)["src"] or ""
            self.images.append(base64.b64decode(address.removeprefix("data:image/svg+xml;base64,")))

    def handle_data(self, data: str) -> None:
        """Keeps a text."""
        self.words += [data.strip()] if data.strip() else []


PLAIN = {"p", "b", "table", "thead", "tbody", "tr", "th", "td", "img"}


def test_sample_shows_verdict_terms_and_figure(jump: Sample, network: Sample) -> None:
    for sample in (jump, network):
        page = Page(sample._repr_html_())
        assert page.tags == PLAIN
        [svg] = page.images
        assert b"<svg" in svg
        assert b"<script" not in svg
        assert page.words[0].startswith(f"{sample.id}: ")
        assert text.strip_markup(answers.answer_conflict(sample)) in page.words[2]
        for term, value in sample.dividends.items():
            place = page.words.index(term or "baseline")
            assert page.words[place + 1] == f"{value:.3f}"
            if term and sample.seed_uncertainty:
                spread = sample.seed_uncertainty.spread[0, sample.study.coalitions.index(term)]
                assert page.words[place + 2] == f"{spread:.3f}"


def test_model_shows_description_and_ranking_with_intervals(jump: Sample) -> None:
    page = Page(jump.study._repr_html_())
    assert page.tags == PLAIN
    assert page.words[0] == "qj-planted on Planted opinions"
    assert "On 600 test samples: Acc-2 (non-zero) 0.926, mean of 5 seeds." in page.words
    for name in jump.modalities:
        value, low, high = map(float, page.words[page.words.index(name) + 1 :][:3])
        assert low < value < high
    # as a checkpoint that is loaded it opens the same study
    assert load_checkpoint("qj-planted")._repr_html_() == jump.study._repr_html_()


def test_panel_shows_figure_and_text(jump: Sample, network: Sample) -> None:
    page = Page(drawn(decision.verdict)(network)._repr_html_())
    assert page.tags == {"p", "b", "img"}
    assert page.words[-1].startswith("Shows the classes of this")
    assert Page(drawn(cohort_errors.wrong)(build_levels(jump))._repr_html_()).tags >= {
        "table",
        "td",
    }


def test_texts_of_data_are_escaped(network: Sample) -> None:
    evil = "<script>alert(1)</script>"
    study = replace(network.study, dataset=replace(network.dataset, title=evil))
    html = replace(network, study=study)._repr_html_()
    assert evil not in html
    assert evil in "".join(Page(html).words)


@pytest.mark.parametrize("words", ["H.text-audio=-1", "H.text-audio=8", "D.text=4"])
def test_widget_starts_with_the_whole_tweak(words: str, jump: Sample) -> None:
    sample = replace(jump, tweak=words)
    box = notebook.tweak_widget(sample)
    assert box.sample.tweak_text == sample.tweak_text == words
    assert box.sample.dividends == sample.dividends
    box.children[0].children[1].value = 0.5
    assert words in box.sample.tweak_text


def test_changed_coupling_changes_the_decision(
    jump: Sample, network: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = notebook.tweak_widget(jump)
    sliders = {knob.description: knob for knob in box.children[0].children}
    assert list(sliders) == list(tweaks.learned_values(jump.model))
    assert box.sample.tweak_text == ""
    sliders["H.text-audio"].value = 0.5
    assert box.sample.tweak_text == "H.text-audio=0.5"
    assert "H: text+audio × 0.5: mutual information" in box.children[1].value
    assert f"{box.sample.dividends['text+audio']:.3f}" in Page(box.children[1].value).words
    assert "training seeds" not in box.children[1].value  # of this change nothing was measured

    rules = notebook.tweak_widget(network)
    [edits] = rules.children[0].children
    edits.value = "all:and"
    assert rules.sample.tweak_text == "all:and"
    edits.value = "all:<b>"
    assert "Fusion rule &#x27;&lt;b&gt;&#x27; does not exist" in rules.children[1].value
    assert rules.sample.tweak_text == "all:and"

    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(DataUnavailable, match=r"pip install 'qfusion\[notebook\]'"):
        notebook.tweak_widget(jump)
