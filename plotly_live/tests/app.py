"""The app that the tests in a browser visit: one scene an address, `?scene=...`."""

import json
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import plotly.graph_objects as go
import plotly_live
import streamlit as st

HOSTILE = "<img src=x onerror=window.hacked=1></script><script>window.hacked=1</script>"


def report(choice: plotly_live.Choice) -> None:
    """Write a choice where the test reads it; each stays until the next one."""
    if choice:
        st.session_state["said"] = json.dumps(asdict(choice))
    st.code(st.session_state.get("said", ""), language=None)


def scatter(dragmode: str, moved: float = 0.0) -> go.Figure:
    """Four points, three of them on a line; the last trace moves."""
    figure = go.Figure(layout={"dragmode": dragmode, "template": "plotly", "showlegend": False})
    figure.add_scatter(x=[1, 2, 3], y=[1, 2, 3], mode="markers", customdata=["a", "b", "c"])
    figure.add_scatter(x=[4], y=[1 + moved], mode="markers", marker={"size": 30})
    figure.update_xaxes(range=[0, 5])
    figure.update_yaxes(range=[0, 5])
    return figure


def changes() -> None:
    """A button moves one trace of two."""
    clicks = st.session_state.get("clicks", 0)
    st.button("Move", on_click=lambda: st.session_state.update(clicks=clicks + 1))
    plotly_live.live_figure(scatter("pan", clicks), "points")


def chooses(dragmode: str) -> Callable[[], None]:
    """A scene with a figure that reports what is chosen."""

    def scene() -> None:
        report(
            plotly_live.live_figure(scatter(dragmode), "points", on_select="rerun", on_zoom="rerun")
        )

    return scene


def calls() -> None:
    """A callback counts points before the script runs."""

    def count(choice: plotly_live.Choice) -> None:
        st.session_state["count"] = len(choice.points)

    plotly_live.live_figure(scatter("pan"), "points", on_select=count)
    st.code(st.session_state.get("count", ""), language=None)


TIMES = np.linspace(0, 1, 60)


def curve(x: float) -> dict[int | str, np.ndarray]:
    """Values of the three traces of `follows`."""
    return {
        "wave": 3 * x * np.sin(5 * TIMES * x),
        1: np.array([x, -x, 2 * x]),
        "bars": np.array([x**2, 1, -x]),
    }


def follows() -> None:
    """A line, markers and bars that follow a slider, with a cursor at its value."""
    x = st.slider("x", 0.0, 1.0, 0.25, step=0.01, key="a slider")
    values = curve(x)
    figure = go.Figure(layout={"template": "plotly", "height": 500})
    figure.set_subplots(rows=2, cols=1)
    figure.add_scatter(x=TIMES, y=values["wave"], name="wave", row=1, col=1)
    figure.add_scatter(x=[0.2, 0.5, 0.8], y=values[1], mode="markers", row=1, col=1)
    figure.add_bar(x=["a", "b", "c"], y=values["bars"], name="bars", row=2, col=1)
    plotly_live.live_figure(
        figure,
        "waves",
        follow=plotly_live.follow_slider("a slider", 0, 1, curve),
        cursor="a slider",
    )
    st.code(x, language=None)


def pair() -> None:
    """Two figures of Streamlit's template; the second has a hostile title and a cursor at the mouse."""
    first = go.Figure(go.Bar(x=["a", "b"], y=[1, 2]))
    second = go.Figure(go.Scatter(x=[1, 2], y=[1, 2], name=HOSTILE), layout={"title": HOSTILE})
    second.update_xaxes(title=HOSTILE)
    report(plotly_live.live_figure(first, "one", on_select="rerun", alt="Bars"))
    plotly_live.live_figure(second, "two", alt=HOSTILE, cursor="mouse")


def extended() -> None:
    """A script of the app's own adds a button and changes the layout."""
    script = """extend({
      update(host, data, parent, setTrigger) {
        if (parent.querySelector('button')) return;
        const button = document.createElement('button');
        Object.assign(button, {textContent: data.words, onclick: () => setTrigger('press', 'pressed')});
        parent.append(button);
      },
      arrange: (data, layout) => ({...layout, showlegend: true}),
      drawn(host) { host.dataset.drawn = 'yes'; },
    });"""
    extension = plotly_live.Extension("tests_figure", script, "mine", follows=False)
    plotly_live.live_figure(
        scatter("pan"),
        "points",
        extension=extension,
        data={"words": "Press me"},
        events={"press": lambda: st.session_state.update(pressed=True)},
    )
    st.code(st.session_state.get("pressed", ""), language=None)


SCENES = {
    "changes": changes,
    **{mode: chooses(mode) for mode in ("pan", "select", "lasso", "zoom")},
    "calls": calls,
    "follows": follows,
    "pair": pair,
    "extended": extended,
}
SCENES[st.query_params["scene"]]()
