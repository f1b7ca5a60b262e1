"""Views by name draw the numbers of the library; their tables; invalid names and choices."""

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

from qfusion import explain
from qfusion.errors import DataUnavailable, InvalidInput, NotFound
from qfusion.models import Tweak, tweak as tweaks
from qfusion.study import text
from qfusion.study.opening import load_checkpoint, load_model_and_data, open_sample
from qfusion.study.performance import compare_cohort
from qfusion.study.sample import Sample
from qfusion.views import cohort_errors, decision
from qfusion.views.pages import notebook
from qfusion.views.pages.panel import drawn
from qfusion.views.words import answers

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def jump() -> Sample:
    found, dataset = load_model_and_data("qj-planted")
    return open_sample(found, str(dataset.ids[dataset.rows("test")[3]]), dataset)


@pytest.fixture(scope="module")
def network() -> Sample:
    return open_sample("qcnn-digits", "digit-0012")


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


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("waterfall", "dividend"),
        ("shapley", "shapley"),
        ("entropies", "entropy[all]"),
        ("populations", "probability"),
        ("verdict", "prediction"),
        ("deletion-modalities", "deletion"),
        ("seed-sample", "text"),
        ("decision-over-time", "dividend[text+audio]"),
        ("built", "H[text+audio]"),
        ("built-over-time", "value"),
    ],
)
def test_every_figure_equals_its_table(name: str, column: str, jump: Sample) -> None:
    view = jump.show(name)
    assert view.figure is not None
    values = drawn_numbers(view.figure)
    assert max(np.abs(values - value).min() for value in view.numbers[column]) < 1e-6


@pytest.mark.parametrize("name", ["waterfall", "masses", "fused-entropies", "verdict", "built"])
def test_views_fit_the_model(name: str, network: Sample, jump: Sample) -> None:
    others = {"masses": jump, "fused-entropies": jump, "built": network}
    fitting = jump if name == "built" else network
    assert isinstance(fitting.show(name).figure, go.Figure)
    assert len(fitting.show(name).numbers) > 0
    if name in others:
        with pytest.raises(NotFound, match=f"has no view '{name}' of sample .* Choose one of"):
            others[name].show(name)


def test_choices_are_those_of_links(jump: Sample) -> None:
    view = jump.show("decision-over-time", above="entanglement", terms="Shapley values", t=0.5)
    assert "negativity[audio]" in view.numbers
    for choices, words in (
        ({"above": "temperature"}, "Choice `above`: Upper panel 'temperature' does not exist"),
        ({"below": "entropy"}, "Choice 'below' does not exist"),
    ):
        with pytest.raises(NotFound, match=words):
            jump.show("decision-over-time", **choices)
    with pytest.raises(InvalidInput, match=r"Choice `t`: .* between 0 and 1"):
        jump.show("decision-over-time", t=2)
    with pytest.raises(NotFound, match="Did you mean 'waterfall'"):
        jump.show("waterfal")


def test_views_of_a_model_need_no_sample(jump: Sample) -> None:
    assert jump.study.show().name == "cohort-shares"
    assert jump.study.show("seed-ranks").numbers.equals(jump.show("seed-ranks").numbers)
    with pytest.raises(NotFound, match="View 'waterfall' does not exist"):
        jump.study.show("waterfall")


def test_changing_a_figure_changes_no_other(jump: Sample) -> None:
    figure = jump.show().figure
    assert figure is not None
    figure.update_layout(title="mine")
    again = jump.show().figure
    assert again is not None
    assert again.layout.title.text is None


def test_views_show_the_changed_model(jump: Sample, network: Sample) -> None:
    for sample, tweak in ((jump, "T=0"), (network, "all:and")):
        changed = replace(sample, tweak=tweak)
        for name, column in (("waterfall", "dividend"), ("shapley", "shapley")):
            now = changed.show(name).numbers[column].tolist()
            assert now == list(
                (changed.dividends if column == "dividend" else changed.shapley).values()
            )
            assert now != sample.show(name).numbers[column].tolist()
        decided = changed.show("verdict").numbers
        shown = decided["log_odds" if sample.classes else "prediction"].tolist()
        assert shown == changed.scores.tolist()


def test_numbers_equal_explain(jump: Sample) -> None:
    found = explain.explain(jump.model, jump.inputs, jump.background)
    assert jump.show().numbers["dividend"].tolist() == found.dividends[0, :, 0].tolist()
    assert jump.show("shapley").numbers["shapley"].tolist() == found.shapley[0, :, 0].tolist()
    through = jump.show("decision-over-time").numbers
    assert through["dividend[text+audio]"].iloc[-1] == pytest.approx(
        found.dividends[0, found.coalitions.index("text+audio"), 0], abs=1e-9
    )
    assert through["entropy[all]"].iloc[0] == pytest.approx(0, abs=1e-6)
    assert jump.show("populations").numbers["probability"].sum() == pytest.approx(1)


def test_model_by_name_file_and_object_agree(jump: Sample, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for suffix in (".json", ".safetensors"):
        (folder / f"model{suffix}").write_bytes(
            (ROOT / "qfusion" / "assets" / "models" / f"qj-planted{suffix}").read_bytes()
        )
    by_name, by_folder = (
        open_sample(model, jump.id).show().numbers for model in ("qj-planted", folder)
    )
    # a model by name may have been explained before, among other samples: the same but for its rounding
    same = functools.partial(pd.testing.assert_frame_equal, by_name, rtol=0, atol=1e-6)
    same(by_folder)
    same(open_sample(load_checkpoint(jump.name), jump.id, jump.dataset).show().numbers)


@pytest.mark.parametrize(
    ("tweak", "words"),
    [
        ("H.text-audio=0, T=0.5", "H.text-audio=0,T=0.5"),
        (Tweak({"text+audio": 0.0}, duration=0.5), "H.text-audio=0,T=0.5"),
        ("H.text=1,D.text=1", ""),
    ],
)
def test_tweak_changes_the_model_and_is_shown(tweak: Any, words: str, jump: Sample) -> None:
    changed = open_sample(load_checkpoint(jump.name), jump.id, jump.dataset, tweak=tweak)
    assert changed.tweak_text == words
    if words:
        assert changed.score == pytest.approx(float(changed.model(jump.inputs)[0, 0]))
        assert abs(changed.score - jump.score) > 1e-4
    else:
        assert changed.score == jump.score


def test_edited_rules_change_a_network(network: Sample) -> None:
    changed = open_sample(
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
        open_sample(
            load_checkpoint(jump.name), **({"sample": jump.id, "data": jump.dataset} | chosen)
        )


def test_figures_are_imported_lazily() -> None:
    code = "import sys, qfusion.figures; print(sorted({'torch', 'plotly', 'qutip'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


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
        assert text.strip_markup(answers.answer_conflict(sample.verdict)) in page.words[2]
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
    assert Page(drawn(cohort_errors.wrong)(compare_cohort(jump))._repr_html_()).tags >= {
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
    assert "H: text + audio × 0.5: mutual information" in box.children[1].value
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
