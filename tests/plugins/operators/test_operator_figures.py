"""The figures of decision operators: labels that fit, NaN, samples at one place, names, patterns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from qfusion.plugins.operators import figures, sample_votes, views
from qfusion.study.opening import open_sample
from tests.support import figure_checks
from tests.support.figure_examples import CLASSES, HOSTILE, IDS, M, R, X, Y

EXAMPLES: dict[str, Callable[[], go.Figure]] = {
    "spectrum": lambda: figures.spectrum(
        np.linspace(-1, 1, 16), np.full(16, 1 / 16), np.full(16, 0.06), unit=HOSTILE
    ),
    "eigenvector_bars": lambda: figures.eigenvector_bars(np.exp(1j * np.arange(64)) / 8, (4, 4, 4)),
    "outcome_patterns": lambda: figures.outcome_patterns(
        R.integers(0, 2, (5, 2, 4)), np.array([2, 1, 0.5, -1, -2]), CLASSES, M[:2], M
    ),
    "element_effects": lambda: figures.element_effects(R.normal(size=(2, 4)), CLASSES, M[:2], M),
    "extreme_plane": lambda: figures.extreme_plane(
        IDS, X, Y, "weight", HOSTILE, truth=X, truth_name="truth", chosen="s4"
    ),
    "extreme_plane, split": lambda: figures.extreme_plane(
        IDS, X, Y, "x", "y", truth=X > 0, truth_name="7", split=True
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_labels_fit_and_the_dark_theme_has_no_colour_of_white_paper(name: str) -> None:
    figure_checks.check_labels(EXAMPLES[name]())
    figure_checks.check_dark(EXAMPLES[name]())


@pytest.mark.parametrize("name", EXAMPLES)
def test_nan_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function = name.partition(",")[0]
    assert figure_checks.check_nan(figures, function, EXAMPLES[name], (), monkeypatch)["refused"]


def test_elements_with_a_common_prefix_have_separate_bars() -> None:
    names = [f"a class whose name is very long indeed: {n}" for n in range(3)]
    bars = figures.element_effects(np.ones((1, 3)), names, ["text"], ["text"])
    assert list(bars.data[0].x) == [0, 1, 2] == list(bars.layout.xaxis.tickvals)
    assert bars.layout.xaxis.ticktext[0] == bars.layout.xaxis.ticktext[1]


@pytest.mark.parametrize("places", [[0.1, 0.1], [0.2, 0.5, 0.2, 0.5]])
def test_samples_at_the_same_place_are_all_seen(places: list[float]) -> None:
    x, half = np.array(places), len(places) // 2
    truth = np.repeat([0, 1], half)
    figure = figures.extreme_plane(
        [f"s{n}" for n in range(len(x))],
        x,
        x,
        "for",
        "against",
        truth=truth,
        truth_name="yes",
        split=True,
        shared=views.count_shared_places(x, x, truth),
    )
    below, above, both = figure.data[:3]
    assert np.array_equal(below.x, above.x)
    assert above.marker.symbol.endswith("-open")
    assert above.marker.size > below.marker.size
    assert both.name == f"both at one place ({half})"


@pytest.mark.parametrize(("patterns", "side"), [(2, 1), (4, 2), (8, 4), (1024, 5)])
def test_highest_and_lowest_patterns_are_disjoint(
    patterns: int, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = open_sample("qcnn-digits", "digit-0004")
    whole = sample_votes.group_operator(sample)
    few = replace(whole, values=whole.values[:patterns], basis=whole.basis[:patterns])
    monkeypatch.setattr(sample_votes, "group_operator", lambda *_: few)
    picture = views.outcome_patterns(sample)
    votes = picture.numbers["vote"].tolist()
    assert len(set(picture.numbers["pattern"])) == len(votes) == 2 * side
    assert votes == sorted(votes, reverse=True)
    assert (
        f"the {side} outcome pattern{'s' if side > 1 else ''} with the highest" in picture.caption
    )
