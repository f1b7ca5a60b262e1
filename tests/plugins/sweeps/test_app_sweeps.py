"""The Sweeps page: trials of a sweep, starting a sweep, invalid links."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from qfusion.app import guidance
from qfusion.errors import InvalidInput
from qfusion.plugins.sweeps import (
    figures as sweep_charts,
    panels as builders,
    sweep_storage,
    sweep_trials,
    sweeps,
)
from qfusion.views.pages import rendering
from tests.plugins.sweeps.support import search
from tests.support import charts
from tests.support.app import visit


@pytest.fixture
def own_places(tmp_path, monkeypatch):
    """Sweeps of the test's own."""
    monkeypatch.setenv("QFUSION_RUNS", str(tmp_path / "runs"))


def shown(**query: str) -> AppTest:
    app = visit("Sweeps", **{key.replace("_", "."): value for key, value in query.items()})
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    return "\n".join(
        str(element.value)
        for element in [*app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    )


def test_empty_page_explains_how_to_start(own_places):
    app = shown()
    assert "There is no sweep yet" in words(app)
    assert not app.error


def test_sweep_shows_trials_best_trial_and_command(own_places):
    made = sweeps.begin("first", search(), 12)
    sweeps.run_trials(made)
    best = made.best()
    app = shown()
    assert f"trial {best.number} with validation loss **{best.value:.4g}**" in words(app)
    assert "`schedule` among cosine, constant" in words(app)
    assert f"--seed {best.seed}" in app.code[0].value
    assert "train --data digits --model late" in app.code[0].value
    frame = app.dataframe[0].value
    assert frame["trial"].iloc[0] == best.number
    assert len(frame) == 12
    for view in ("Settings against value", "All settings at once"):
        app = shown(sweep_view=view, sweep="first")
        assert not app.error
        assert charts.figures(app)
    shares = sweep_trials.collect_trials(made).importance
    assert shares.keys() == {"rate", "noise", "schedule"}
    assert max(shares, key=shares.get) == "rate"
    assert sum(shares.values()) == pytest.approx(1)


def test_links_and_damaged_sweeps_leave_the_page_usable(own_places):
    sweeps.begin("good", search(), 1)
    app = shown(sweep="<b>none</b>", sweep_view="nowhere")
    assert "does not exist" in words(app)
    assert app.selectbox(key="sweep").value == "good"
    (sweep_storage.sweeps_folder() / "bad.sqlite").write_text("{}\n{}\n")
    app = shown(sweep="bad")
    assert "cannot be read as a database" in words(app)


def test_sweep_can_be_started_stopped_and_resumed(own_places, monkeypatch):
    launched: list[str] = []
    monkeypatch.setattr(sweeps, "launch_worker", lambda name, where="": launched.append(name))
    app = shown(sweep_data="digits", sweep_kind="late")
    app.text_input(key="_sweep.name").set_value("../x").run()
    app.button(key="_sweep_start").click().run()
    assert "Argument `name`" in words(app)
    app.text_input(key="_sweep.name").set_value("mine").run()
    app.number_input(key="_sweep.late.rate.low").set_value(1.0).run()
    app.button(key="_sweep_start").click().run()
    assert "must begin below its end" in words(app)
    app.number_input(key="_sweep.late.rate.low").set_value(0.001).run()
    app.button(key="_sweep_start").click().run()
    assert launched == ["mine"]
    made = sweeps.find("mine")
    assert made.search.space["rate"] == {"low": 0.001, "high": 0.008, "log": True, "whole": False}
    assert (made.trials, made.search.settings) == (20, {"epochs": 30})
    app = shown(sweep="mine")
    assert "0 of 20 trials have ended" in app.get("progress")[0].proto.text
    app.button(key="_sweep_stop").click().run()
    assert sweeps.find("mine").study.user_attrs["stopped"] is True
    app.button(key="_sweep_go_on").click().run()
    assert launched == ["mine", "mine"]
    assert sweeps.find("mine").study.user_attrs["stopped"] is False


def test_figures_refuse_invalid_input():
    with pytest.raises(InvalidInput, match="`numbers` must hold at least one entry"):
        sweep_charts.trial_history([], np.array([]), np.array([]))
    with pytest.raises(InvalidInput, match=r"`pruned` must have shape \(3,\) .* has shape \(2,\)"):
        sweep_charts.trial_history([0, 1, 2], np.ones(3), np.zeros(2))
    with pytest.raises(InvalidInput, match="must name a setting"):
        sweep_charts.setting_slices(np.ones(2), np.zeros(2), {})


def test_figures_draw_ranges_categories_and_missing_values():
    values, pruned = np.array([3.0, 0.1, 2.0, 0.05]), np.array([False, False, True, False])
    tried = {
        "rate": [1e-3, 1e-2, 1e-1, 3e-2],
        "kind": ["a<b>", "b", "b", "a<b>"],
        "late": [None, 1, 2, 3],
    }
    drawn = sweep_charts.trial_history([0, 1, 2, 5], values, pruned)
    assert list(drawn.data[0].y) == [3.0, 0.1, 0.1, 0.05]
    assert drawn.layout.yaxis.type == "log"
    drawn = sweep_charts.setting_slices(values, pruned, tried, ["rate"], best=3)
    assert drawn.layout.xaxis2.type == "log"
    assert drawn.layout.xaxis3.type == "category"
    assert "<b>" not in str(drawn.data[3].x)
    drawn = sweep_charts.parallel_coordinates(
        values[~pruned],
        {key: [given[n] for n in (0, 1, 3)] for key, given in list(tried.items())[:2]},
        ["rate"],
    )
    assert [axis.label for axis in drawn.data[0].dimensions] == ["rate", "kind", "value"]
    assert np.allclose(drawn.data[0].dimensions[0]["values"], np.log10([1e-3, 1e-2, 3e-2]))
    assert list(sweep_charts.setting_importance(["a", "b"], np.array([0.7, 0.3])).data[0].y) == [
        "b",
        "a",
    ]


def test_programs_read_sweeps(own_places):
    made = sweeps.begin("first", search(ranges=["rate=1e-3:1e-1:log"]), 9)
    sweeps.run_trials(made)
    trials = sweep_trials.collect_trials(made)
    shown = {name: panel for name, panel in builders.PANELS.items() if panel.fits(trials)}
    assert len(shown) == 3  # a single setting has no importance
    for name, panel in shown.items():
        names: dict[str, Any] = {}
        exec(rendering.program("Sweeps", name, {"sweep": "first"}), names)
        pd.testing.assert_frame_equal(names["numbers"], panel.build(trials).table())


@pytest.mark.parametrize(
    ("importance", "words"),
    [
        (
            {"rate": 0.7, "noise": 0.3},
            "`rate` matters most: it explains 70% of the differences between 9 trials",
        ),
        (
            {"rate": 0.5, "noise": 0.5},
            "`rate` and `noise` matter alike: each explains 50% of the differences between 9 trials",
        ),
        ({"rate": 0.0, "noise": 0.0}, "No setting explains the differences between 9 trials"),
    ],
)
def test_importance_in_words(importance, words):
    assert builders.describe_importance(importance, 9).startswith(words)


def test_terms_of_the_core_are_listed_with_the_page():
    assert {"Trial", "Loss"} <= {entry.term for entry in guidance.find_entries("", "Sweeps")}
