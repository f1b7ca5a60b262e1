"""NaN and infinity in any argument of any drawing function are refused or drawn as a gap."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections import Counter
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from qfusion.errors import InvalidInput
from qfusion.figures.files.export import ExportStyle, save
from qfusion.figures.guards import check_finite
from qfusion.views.view import View
from tests.support import figure_examples

# Where no number says something: no slope, no state that turns the decision, no other sample, a run that never ended,
# no such part of the bits, no colour, no interval of few samples.
MEANT = {
    "scatter_map.nearest_bars": {"typical"},
    "model_charts.interval_dots": {"series", "band"},
    "term_effects.tornado": {"weaker", "half"},
    "term_effects.term_response": {"slopes"},
    "state_changes.flip_distances": {"states", "donors"},
    "model_quality.information_bars": {"parts"},
    "model_charts.contribution_swarm": {"colour"},
    "model_charts.interaction_matrix": {"values"},
}


def spoilt(value: Any, bad: float, done: list[bool]) -> Any:
    """A value with one of its numbers replaced."""
    if done:
        return value
    if isinstance(value, float | np.floating):
        done.append(True)
        return bad
    if isinstance(value, np.ndarray) and value.dtype.kind in "fc" and value.size:
        value = value.copy()
        value.flat[-1] = bad
        done.append(True)
        return value
    if isinstance(value, dict):
        return {key: spoilt(each, bad, done) for key, each in value.items()}
    return (
        type(value)(spoilt(each, bad, done) for each in value)
        if type(value) in (list, tuple)
        else value
    )


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
        module, seen = module_of(place), []
        real = getattr(module, name)

        def record(
            *args: Any, real: Any = real, seen: list[Any] = seen, **kwargs: Any
        ) -> go.Figure:
            seen.append(inspect.signature(real).bind(*args, **kwargs).arguments)
            return real(*args, **kwargs)

        with monkeypatch.context() as patched:
            patched.setattr(module, name, record)
            drawn = check_finite(make())
            assert type(drawn.layout.height) is int, example  # sent to browsers as a number of JSON
        for argument, value in seen[0].items():
            for bad in (np.nan, np.inf):
                done: list[bool] = []
                given = {**seen[0], argument: spoilt(value, bad, done)}
                if not done:
                    continue
                if argument in MEANT.get(example, ()):
                    count["drawn"] += (
                        bool(np.isnan(bad)) and check_finite(real(**given)) is not None
                    )
                else:
                    with pytest.raises(InvalidInput, match="NaN or infin"):
                        check_finite(real(**given))
                    count["refused"] += 1
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
