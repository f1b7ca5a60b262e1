"""NaN and infinity in any argument of any drawing function are refused or drawn as a gap."""

from __future__ import annotations

import importlib
import importlib.util
from collections import Counter
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from qfusion.errors import InvalidInput
from qfusion.figures.files.export import ExportStyle, save
from qfusion.figures.guards import check_finite
from qfusion.views.view import View
from tests.support import figure_checks, figure_examples

# Where no number says something: no slope, no state that turns the decision, no other sample, a run that never ended,
# no such part of the bits, no colour, no interval of few samples.
MEANT = {
    "scatter_map.nearest_bars": {"typical"},
    "model_charts.interval_dots": {"series", "band"},
    "term_effects.tornado": {"weaker", "half"},
    "term_effects.term_response": {"slopes"},
    "state_changes.flip_distances": {"states", "donors"},
}


def module_of(name: str) -> Any:
    places = ("figures", "figures.circuits")
    found = next(p for p in places if importlib.util.find_spec(f"qfusion.{p}.{name}"))
    return importlib.import_module(f"qfusion.{found}.{name}")


def test_nan_is_refused_or_drawn_as_a_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count = Counter[str]()
    for example, make in figure_examples.EXAMPLES.items():
        place, name = example.split(".")
        meant = MEANT.get(example, ())
        count += figure_checks.check_nan(module_of(place), name, make, meant, monkeypatch)
    assert count["refused"] > 300
    assert count["drawn"] == sum(map(len, MEANT.values()))


def test_every_function_that_draws_has_the_guard() -> None:
    without = {
        each
        for each in figure_examples.drawing_functions()
        if not hasattr(getattr(module_of(each.split(".")[0]), each.split(".")[1]), "__wrapped__")
    }
    # these take no numbers
    assert without == {"style.write_note", "style.base_figure"}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_figure_with_an_unintended_nan_is_refused(
    bad: float,
) -> None:
    figure = go.Figure(go.Scatter(x=[0, 1, 2], y=np.array([0.0, bad, 1.0])))
    with pytest.raises(InvalidInput, match=r"NaN or infinity \(1 times in `y` of series 1\)"):
        View(name="a", title="a", figure=figure, caption="", limits="", alternative="", table=dict)
    with pytest.raises(InvalidInput, match="NaN or infinity"):
        save(figure, ExportStyle())
    check_finite(go.Figure(go.Scatter(x=[0, 1, 2], y=[0.0, None, 1.0])))
    with pytest.raises(InvalidInput, match="places that are NaN"):
        check_finite(go.Figure(layout={"shapes": [{"type": "line", "x0": bad}]}))
    with pytest.raises(InvalidInput, match=r"error_y\.array"):
        check_finite(go.Figure(go.Scatter(x=[0], y=[0], error_y={"array": [bad]})))


def test_intended_gap_is_drawn() -> None:
    figure = go.Figure(go.Scatter(x=[0, 1, 2], y=np.array([0.0, np.nan, 1.0]), connectgaps=False))
    assert check_finite(figure) is figure
    with pytest.raises(InvalidInput):
        check_finite(figure.update_traces(y=np.array([0.0, np.inf, 1.0])))
