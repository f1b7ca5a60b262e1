"""Without a browser: what is sent to the component, what is read from it, curves, and what is refused."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly_live
import pytest
from numpy.polynomial import chebyshev
from plotly_live import LiveError, choices, curves, scripts
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
TIMES = np.linspace(0, 1, 20)


def line(**settings: Any) -> go.Figure:
    """A figure of one line of 20 points."""
    return go.Figure(go.Scatter(x=TIMES, y=TIMES, name="line", **settings))


def wave(x: float) -> dict[int | str, np.ndarray]:
    """Values of that line at x."""
    return {"line": np.sin(x * TIMES)}


def drawn(**arguments: Any) -> plotly_live.Choice:
    """What `live_figure` returns without a server."""
    return plotly_live.live_figure(line(), "key", **arguments)


def test_program_of_the_readme_runs() -> None:
    text = (ROOT / "plotly_live" / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    test = AppTest.from_string(program, default_timeout=30).run()
    assert not test.exception
    assert test.slider[0].value == 0.5
    test.slider[0].set_value(1.0).run()
    assert not test.exception


def test_two_figures_are_sent_with_what_they_need() -> None:
    def app() -> None:
        import plotly.graph_objects as go
        import plotly_live
        import streamlit as st

        figure = go.Figure(go.Bar(x=[1, 2], y=[3, 4]), layout={"height": 333})
        first = plotly_live.live_figure(figure, "first", alt="Bars", on_select="rerun")
        second = plotly_live.live_figure(figure, "second", height=222, cursor="a key")
        st.write(bool(first), bool(second))

    test = AppTest.from_function(app, default_timeout=30).run()
    assert not test.exception
    sent = [
        json.loads(element.proto.json) for element in test.main if element.type == "bidi_component"
    ]
    first, second = sent
    assert (first["height"], second["height"]) == (333, 222)
    assert (first["alt"], first["chosen"], first["cursor"]) == ("Bars", True, None)
    assert (second["chosen"], second["zooms"]) == (False, False)
    assert second["cursor"] == {"slider": "a-key"}
    assert json.loads(first["figure"])["data"][0]["type"] == "bar"
    assert re.fullmatch(
        r"/component/plotly_live\.scripts\.library/plotly\.min\.js\?v=[\d.]+", first["library"]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"height": 5}, "`height` is 5"),
        ({"height": 10.5}, "`height` is 10.5"),
        ({"most_points": 0}, "`most_points` is 0"),
        ({"on_select": "points"}, "`on_select` is 'points'"),
        ({"on_zoom": 3}, "`on_zoom` is 3"),
        ({"cursor": 3}, "`cursor` is 3"),
        ({"follow": [1]}, "`follow` holds a int"),
        ({"data": {"figure": 1}}, "`data` is"),
        ({"data": 3}, "`data` is 3"),
        ({"events": {"zoom": print}}, "`events` is"),
        ({"extension": plotly_live.Extension("x", follows=False), "cursor": "a"}, "follows=False"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(LiveError, match=re.escape(message)):
        drawn(**arguments)


@pytest.mark.parametrize("key", ["", "a__b", "a_", 3, None])
def test_a_key_that_streamlit_does_not_take_is_refused(key: Any) -> None:
    with pytest.raises(LiveError, match="`key` is"):
        plotly_live.live_figure(line(), key)


@pytest.mark.parametrize("figure", [None, {"data": []}, "figure"])
def test_what_is_no_figure_is_refused(figure: Any) -> None:
    with pytest.raises(LiveError, match="`figure` is a"):
        plotly_live.live_figure(figure, "key")


def read(**sent: Any) -> plotly_live.Choice:
    return choices.read_choice(sent, traces=2)


POINT = {"curve_number": 1, "point_index": 3.0, "x": 1, "y": "a", "customdata": [1]}


def test_what_a_reader_did_is_read() -> None:
    corners = {"x": [0, 1], "y": [2, 3]}
    choice = read(
        selection={"points": [POINT], "box": [corners], "lasso": []},
        zoom={"xaxis": [0, 1], "yaxis2": None},
    )
    assert choice.points == ({**POINT, "point_index": 3},)
    assert (choice.box, choice.lasso) == (corners, None)
    assert choice.zoom == {"xaxis": (0, 1), "yaxis2": None}
    assert choice
    assert not plotly_live.Choice()


@pytest.mark.parametrize(
    "sent",
    [
        None,
        3,
        {"selection": 3, "zoom": "xaxis"},
        {"selection": {"points": 3, "box": [3], "lasso": [{"x": [1]}]}},
        {"selection": {"points": [3, {}, {**POINT, "curve_number": 2}]}},
        {"selection": {"points": [{**POINT, "curve_number": -1}]}},
        {"selection": {"points": [{**POINT, "curve_number": True}]}},
        {"selection": {"points": [{**POINT, "point_index": [1, 2, 3]}]}},
        {"selection": {"points": [{**POINT, "point_index": float("nan")}]}},
        {"selection": {"box": [{"x": [0, float("inf")], "y": [0, 1]}]}},
        {"selection": {"box": [{"x": [0, 1], "y": [0]}]}},
        {"zoom": {"xaxis": [0], "scene": [0, 1], "xaxis; DROP": [0, 1], "yaxis": [0, True]}},
    ],
)
def test_what_no_reader_can_do_is_left_out(sent: Any) -> None:
    assert not choices.read_choice(sent, traces=2)


def test_a_point_of_a_heatmap_has_a_row_and_a_column() -> None:
    (point,) = read(selection={"points": [{**POINT, "point_index": [2, 1]}]}).points
    assert point["point_index"] == [2, 1]


def test_polynomials_follow_a_smooth_curve() -> None:
    result = plotly_live.follow_slider("x", 0, 6, wave)
    assert result.values["line"].shape == (17, 20)
    assert result.error < 1e-10
    for x in (0.0, 1.234, 6.0):
        assert np.allclose(chebyshev.chebval(2 * x / 6 - 1, result.values["line"]), wave(x)["line"])


def test_a_table_follows_a_curve_that_jumps() -> None:
    def jump(x: float) -> dict[int | str, Any]:
        return {0: [float(x > 0.5)] * 20}

    with pytest.raises(LiveError, match="between 17 points"):
        plotly_live.follow_slider("x", 0, 1, jump)
    result = plotly_live.follow_slider("x", 0, 1, jump, step=0.25)
    assert result.values[0][:, 0].tolist() == [0, 0, 0, 1, 1]
    assert (result.table, result.error) == (True, 0)


def test_curves_are_sent_as_float32() -> None:
    values = np.arange(12.0).reshape(2, 2, 3)
    sent = curves.encode_curves(0, 1, ["a", "b"], values, table=True)
    numbers = np.frombuffer(base64.b64decode(sent.pop("numbers")), "<f4")
    assert numbers.tolist() == list(range(12))
    assert (sent["count"], sent["names"], sent["length"]) == (2, ["a", "b"], 3)
    described = curves.describe_followed(
        plotly_live.follow_slider("my key!", 0, 6, wave), line().data, False
    )
    assert described["slider"] == "my-key-"
    assert described["series"] == {"0": {"group": "0", "names": ["values"]}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("", 0, 1, wave), "`slider` is ''"),
        (("x", 1, 1, wave), "`low` is 1 and `high` is 1"),
        (("x", float("nan"), 1, wave), "`low` is nan"),
        (("x", 0, "1", wave), "`high` is '1'"),
        (("x", 0, 1, 3), "`evaluate` is not callable"),
        (("x", 0, 1, lambda x: [x]), "`evaluate` returned [1.0]"),
        (("x", 0, 1, lambda x: {}), "`evaluate` returned {}"),
        (("x", 0, 1, lambda x: {0: ["a"]}), "that are not numbers"),
        (("x", 0, 1, lambda x: {0: [float("nan")]}), "with the shape (1,)"),
        (("x", 0, 1, lambda x: {0: np.ones(4000)}), "with the shape (4000,)"),
        (("x", 0, 1, lambda x: {0: np.ones(1 + (x > 0.5))}), "Return as many"),
        (("x", 0, 1, lambda x: {int(x > 0.5): [1]}), "the same traces"),
        (("x", 0, 1, lambda x: {n: np.ones(3000) for n in range(50)}), "numbers in all"),
    ],
)
def test_curves_that_cannot_be_followed_are_refused(
    arguments: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(LiveError, match=re.escape(message)):
        plotly_live.follow_slider(*arguments)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"nodes": 1}, "`nodes` is 1"),
        ({"nodes": 2.0}, "`nodes` is 2.0"),
        ({"step": 0}, "`step` is 0"),
        ({"step": 0.3}, "`step` is 0.3"),
        ({"step": 1e-9}, "`step` is 1e-09"),
    ],
)
def test_settings_of_curves_are_checked(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(LiveError, match=re.escape(message)):
        plotly_live.follow_slider("x", 0, 1, wave, **settings)


def stacked() -> go.Figure:
    bars = [go.Bar(x=TIMES, y=TIMES, name=name) for name in ("line", "other")]
    return go.Figure(bars, layout={"barmode": "stack"})


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        (go.Figure(), "the figure has 0 of that name"),
        (go.Figure(go.Pie(values=[1], name="line")), "of the kind 'pie'"),
        (go.Figure(go.Scatter(y=[1, 2], name="line")), "which has 2 points"),
        (line(line={"shape": "spline"}), "whose lines are 'spline'"),
        (line(fill="tozeroy"), "which is filled"),
        (go.Figure(go.Scatter(y=[None, *TIMES[1:]], name="line")), "not all numbers"),
        (stacked(), "which are stacked"),
    ],
)
def test_traces_that_are_not_followed_are_named(figure: go.Figure, message: str) -> None:
    follow = plotly_live.follow_slider("x", 0, 1, wave)
    with pytest.raises(LiveError, match=message):
        plotly_live.live_figure(figure, "key", follow=follow)
    by_number = plotly_live.follow_slider("x", 0, 1, lambda x: {7: [x]})
    with pytest.raises(LiveError, match="`follow` has the trace 7"):
        plotly_live.live_figure(line(), "key", follow=by_number)
    with pytest.raises(LiveError, match="Give the curves of each slider at once"):
        plotly_live.live_figure(line(), "key", follow=[follow, follow])


def test_the_package_needs_no_qfusion_and_loads_what_it_needs_late() -> None:
    code = (
        "import sys, plotly_live, plotly_live.scripts\n"
        "assert not {'streamlit', 'plotly', 'numpy'} & sys.modules.keys()\n"
        "assert sorted(plotly_live.__all__) == plotly_live.__all__\n"
        "[getattr(plotly_live, name) for name in plotly_live.__all__]\n"
        "assert not [name for name in sys.modules if name.startswith('qfusion')]"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    with pytest.raises(AttributeError, match="it has Choice, Curves"):
        _ = plotly_live.nothing


def test_scripts_name_no_other_host() -> None:
    for path in (ROOT / "plotly_live").glob("*.js"):
        assert not re.findall(r"https?://(?!www\.w3\.org/)", scripts.script_text(path.stem))
