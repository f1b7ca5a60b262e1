"""The figures of Why fuse: labels that fit, themes, NaN, and intervals in their cells."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go
import pytest

from qfusion.plugins.why.fusion import fusion_charts
from qfusion.plugins.why.information import information_bars
from tests.support import figure_checks
from tests.support.figure_checks import labels, page_of
from tests.support.figure_examples import HOSTILE, M

EXAMPLES: dict[str, Callable[[], go.Figure]] = {
    "information_bars": lambda: information_bars.information_bars(
        ["learned", HOSTILE],
        {
            information_bars.SHARED: np.array([[0.1, 0.0, 0.2], [0.2, 0.1, 0.3]]),
            "text": np.array([[0.3, 0.2, 0.4], [np.nan] * 3]),
            information_bars.TOGETHER: np.array([[-0.1, -0.2, 0.1], [0.5, 0.4, 0.6]]),
        },
        M,
        entropy=1.0,
    ),
    "interaction_matrix": lambda: fusion_charts.interaction_matrix(
        [(M[0], HOSTILE), (M[1], HOSTILE)],
        np.array([[0.1, 0.0, 0.2], [-0.3, -0.4, -0.2]]),
        (*M[:2], HOSTILE),
        unit=HOSTILE,
    ),
    "contribution_swarm": lambda: fusion_charts.contribution_swarm(
        {"text": np.linspace(-1, 1, 20), HOSTILE: np.zeros(20)},
        np.linspace(0, 1, 20),
        [f"{HOSTILE}{n}" for n in range(20)],
        by=HOSTILE,
        unit=HOSTILE,
    ),
    "seed_basins": lambda: fusion_charts.seed_basins(
        np.array([[0.1, 0.2], [0.2, 0.1], [0.9, -0.4]]),
        np.array([0, 0, 1]),
        ["text", HOSTILE],
        [0, 1, 2],
        unit=HOSTILE,
    ),
}
# a row without such a part, no interval of few samples, no colour
MEANT = {
    "information_bars": {"parts"},
    "contribution_swarm": {"colour"},
    "interaction_matrix": {"values"},
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_labels_fit_and_the_dark_theme_has_no_colour_of_white_paper(name: str) -> None:
    figure_checks.check_labels(EXAMPLES[name]())
    figure_checks.check_dark(EXAMPLES[name]())


@pytest.mark.parametrize("name", EXAMPLES)
def test_nan_is_refused_or_drawn_as_a_gap(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = information_bars if name == "information_bars" else fusion_charts
    meant = MEANT.get(name, set())
    count = figure_checks.check_nan(module, name, EXAMPLES[name], meant, monkeypatch)
    assert count["refused"] or meant
    assert count["drawn"] == len(meant)


@pytest.mark.parametrize("count", [3, 5, 7])
def test_intervals_of_interactions_stay_in_their_cells(count: int) -> None:
    names = [f"m{n}" for n in range(count)]
    pairs = list(itertools.combinations(names, 2))
    page = page_of(
        fusion_charts.interaction_matrix(
            pairs, np.full((len(pairs), 3), -0.25), names, unit="score"
        )
    )
    written = labels(page, "note")
    apart = np.diff(sorted({round(mark.x, 1) for mark in written})).min()
    assert all(mark.box.right - mark.box.left < apart for mark in written)
