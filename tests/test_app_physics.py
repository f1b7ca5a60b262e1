"""The view "Sensitivity" equals the library on both systems: cohorts, sliders, invalid links."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from qfusion import data, explain
from qfusion.errors import InvalidInput
from qfusion.explain import sensitivity as method
from qfusion.figures import term_effects
from qfusion.models import Tweak
from qfusion.models.tweak import LEARNED
from qfusion.study import physics_terms
from qfusion.study.opening import open_study
from qfusion.study.sample import build_sample
from qfusion.training import checkpoint
from qfusion.views import sensitivity
from qfusion.views.pages.page_state import PageState
from tests.support.app import plain, said, visit

VIEW = "Sensitivity"


def test_view_equals_the_library_for_slider_values() -> None:
    dataset, model = data.load("planted"), checkpoint.load("qj-planted").model
    row = int(dataset.rows("test")[3])
    app = visit(
        "Dynamics",
        whole=False,
        data="planted",
        sample=str(dataset.ids[row]),
        view=VIEW,
        **{"H.text-audio": "0.5", "D.text-vision": "0"},
    )
    tweak = Tweak({"text+audio": 0.5}, dissipations={"text+vision": 0.0})
    background = explain.background(
        model, dataset.inputs(dataset.rows("train"), dtype=torch.float64)
    )
    found = method.sensitivity(
        model.tweaked(tweak),
        dataset.inputs([row], dtype=torch.float64),
        background,
        targets=["score"],
    )
    most = int(np.argmax(np.abs(found.effects[:, 0])))
    words = plain(said(app))
    assert not app.error
    assert re.search(f"(The )?{found.parameters[most].title} matters most: without it", words)
    way = "higher" if found.effects[most, 0] > 0 else "lower"
    assert f"is {abs(found.effects[most, 0]):.2g} {way}" in words
    assert f"({found.values[0]:+.3f} now" in words
    big = np.abs(found.effects[:, 0]) > 0.06
    assert (
        f"the same sign for {int((big & found.agrees()[:, 0]).sum())} of the {int(big.sum())} terms"
        in words
    )
    table = app.dataframe[0].value.set_index("term")
    assert table.loc["dissipation: text + vision", "factor"] == 0
    assert np.isclose(table.loc["H: text + audio", "removed"], found.effects[3, 0])


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("Dynamics", {"data": "planted", "effect": "log-negativity of text at T"}),
        ("Dynamics", {"data": "planted", "effect": "entanglement of text at T"}),  # an older link
        (
            "Dynamics",
            {
                "data": "planted",
                "over": "test samples of its planted type",
                "effect": "contribution of text + audio",
                "terms": "dynamics",
            },
        ),
        (
            "Circuit",
            {
                "data": "parity",
                "over": "test samples of its class",
                "effect": "log-odds",
                "terms": "fusion",
                "half": "true",
            },
        ),
        (
            "Circuit",
            {"data": "parity", "effect": "contribution of left + right", "phi": "all:or"},
        ),
        (
            "Circuit",
            {
                "data": "parity",
                "over": "all test samples",
                "effect": "entropy of fused qubit ‘element 3’",
                "terms": "weight of a modality",
            },
        ),
    ],
)
def test_every_effect_and_cohort_opens(title: str, query: dict[str, str]) -> None:
    app = visit(
        title, whole=False, **({"view": VIEW} if title == "Dynamics" else {"part": VIEW}), **query
    )
    assert not app.error
    assert not app.warning
    words, terms = plain(said(app)), query.get("terms")
    assert "matters most" in words or "matter most" in words
    assert not terms or f"Of the terms “{terms}”, " in words
    assert ("slope half-way has the sign" in words) == ("half" in query)
    assert "Slope and removal have the same sign" in words or "No removal changes it" in words


@pytest.mark.parametrize(
    ("old", "present"),
    [
        ("entanglement of text at T", "log-negativity of text at T"),
        ("entanglement of text at T at T", "log-negativity of text at T at T"),
        ("log-negativity of text at T", "log-negativity of text at T"),
        ("contribution of text + audio", "contribution of text + audio"),
    ],
)
def test_older_links_choose_the_same_effect(old: str, present: str) -> None:
    study = open_study("qj-planted", "planted")
    effect = sensitivity.EFFECT
    if present in physics_terms.targets(study):
        effect.require(study, old)
    assert effect.read([old]) == present
    assert effect(PageState("dynamics", {"effect": old})) == present


@pytest.mark.parametrize(
    ("title", "source", "first"),
    [("Dynamics", "planted", "mae"), ("Circuit", "parity", "accuracy")],
)
def test_test_metrics_without_each_term(title: str, source: str, first: str) -> None:
    app = visit(
        title,
        data=source,
        without="true",
        **({"view": VIEW} if title == "Dynamics" else {"part": VIEW}),
    )
    assert not app.error
    table = app.dataframe[0].value
    columns = [name for name in table.columns if str(name).startswith("test ")]
    assert len(columns) == 2
    assert table[columns[0]].nunique() > 5
    study = open_study(f"{'qj' if source == 'planted' else 'qcnn'}-{source}", source)
    where = LEARNED if source == "planted" else ""
    scored = physics_terms.removal_metrics(study, where)
    assert np.isclose(
        scored[first].loc[""], study.split_metrics(study.scores[study.dataset.rows("test")])[first]
    )
    if source == "planted":
        tweaked = study.model.tweaked(Tweak({"text+audio+vision": 0.0}))
        with torch.no_grad():
            scores = tweaked(
                study.dataset.inputs(study.dataset.rows("test"), dtype=torch.float64)
            ).numpy()
        assert np.isclose(
            scored["mae"].loc["H[text+audio+vision]"], study.split_metrics(scores)["mae"]
        )


def test_cohorts_contain_the_sample() -> None:
    study = open_study("qcnn-parity", "parity")
    row = int(study.dataset.rows("train")[0])
    alike = physics_terms.cohort_rows(study, row, physics_terms.CLASS, lambda: study.frame(0))
    assert row in alike
    assert set(study.dataset.y[alike]) == {study.dataset.y[row]}
    assert physics_terms.cohort_rows(
        study, row, physics_terms.THIS, lambda: study.frame(0)
    ).tolist() == [row]
    with pytest.raises(InvalidInput, match="its relation is not known"):
        physics_terms.cohort_rows(study, row, physics_terms.RELATION, lambda: study.frame(0))
    others = f"this sample and {len(alike) - 1:,} test samples of its class"
    outside = build_sample(study, row, 0)
    assert sensitivity.cohort_words(outside, physics_terms.CLASS, len(alike), len(alike)) == others
    assert (
        sensitivity.cohort_words(outside, physics_terms.ALL, 40, 1200) == "40 of 1,200 test samples"
    )
    inside = build_sample(study, int(study.dataset.rows("test")[0]), 0)
    assert (
        sensitivity.cohort_words(inside, physics_terms.CLASS, 1, 1) == "1 test sample of its class"
    )


def test_invalid_link_values_show_a_notice() -> None:
    app = visit(
        "Dynamics",
        whole=False,
        data="planted",
        view=VIEW,
        effect="beauty",
        over="everyone",
        terms="magic",
        term="$x$ [y](z)",
    )
    words = plain(said(app))
    assert all(f"In the link, `{key}`" in words for key in ("effect", "over", "terms", "term"))
    assert "matters most" in words


def test_tornado_axes_are_scaled_for_linear_responses() -> None:
    drawn = term_effects.tornado(
        ["a", "b <b>", "c"],
        np.array([0.05, np.nan, -0.01]),
        np.array([0.5, 0.2, 0.3]),
        ["text", "text+audio", ""],
        ["text", "audio"],
        bends=[False, False, True],
    )
    left, right = drawn.data
    assert np.isclose(drawn.layout.xaxis2.range[1], 10 * drawn.layout.xaxis.range[1])
    assert np.isclose(
        left.x[0] / drawn.layout.xaxis.range[1], right.x[0] / drawn.layout.xaxis2.range[1]
    )
    assert left.text[1] == "no slope"
    assert right.text == ("+0.500", "+0.200", "+0.300")
    assert [(note.y, note.xref) for note in drawn.layout.annotations if note.text == "bends"] == [
        (2, "x2")
    ]
    assert "<b>" not in drawn.layout.yaxis.ticktext[1]


def test_response_curve_interpolates_values_and_slopes() -> None:
    x = np.array([0.0, 0.3, 1.0])
    drawn = term_effects.term_response(x, x**3, 3 * x**2, "text", ["text"])
    curve = drawn.data[0]
    assert np.allclose(np.asarray(curve.y), np.asarray(curve.x) ** 3, atol=1e-12)
