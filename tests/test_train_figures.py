"""Figures of runs, and what the Train page computes from their records."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from qfusion._settings import bounds, choices
from qfusion.errors import InvalidInput
from qfusion.figures import training_charts
from qfusion.models import registry
from qfusion.models.kind_texts import describe_kind, kind_text
from qfusion.runs import Plan, plans
from qfusion.study import seeds, trainings
from qfusion.training import Options
from qfusion.views import learning
from qfusion.views.pages.train import MAIN
from tests.support.runs import record_of

EPOCHS = np.arange(1.0, 6.0)
FALLING = {"a": (EPOCHS, 1 / EPOCHS), "b": (EPOCHS[:3], np.array([0.5, 0.4, 0.45]))}
HUES = {"a": training_charts.run_colour(0), "b": training_charts.run_colour(1)}


def test_runs_have_colours_and_the_selected_epoch_a_ring():
    drawn = training_charts.run_curves(
        FALLING,
        {"a": FALLING["a"]},
        hues=HUES,
        y_title="loss (l1)",
        kinds=("validation", "training"),
        best_epochs={"a": 5, "b": 2},
    )
    lines = [trace for trace in drawn.data if trace.mode == "lines" and trace.x[0] is not None]
    assert [(trace.name, trace.line.color, trace.line.dash) for trace in lines] == [
        ("a", HUES["a"], "dot"),
        ("a", HUES["a"], "solid"),
        ("b", HUES["b"], "solid"),
    ]
    rings = [
        (trace.x[0], trace.y[0], trace.marker.line.color)
        for trace in drawn.data
        if trace.mode == "markers"
    ]
    assert rings == [(5, 0.2, HUES["a"]), (2, 0.4, HUES["b"])]
    assert {trace.name for trace in drawn.data if trace.showlegend is not False} == {
        "a",
        "b",
        "dotted: training",
    }


def test_logarithmic_axis_omits_non_positive_values():
    drawn = training_charts.run_curves(
        {"a": (EPOCHS, np.array([1, 0, 2, -1, 3.0]))}, hues=HUES, y_title="norm", log=True
    )
    assert np.isnan(drawn.data[0].y).tolist() == [False, True, False, True, False]
    assert drawn.layout.yaxis.type == "log"


def test_names_are_shown_literally():
    drawn = training_charts.run_curves(
        {"<b>x</b>": FALLING["a"]}, hues={"<b>x</b>": HUES["a"]}, y_title="<i>loss</i>"
    )
    assert drawn.data[0].name == "&lt;b&gt;x&lt;/b&gt;"
    assert drawn.layout.yaxis.title.text == "&lt;i&gt;loss&lt;/i&gt;"


def test_one_plot_per_run_with_modality_colours():
    terms = {"text": FALLING["a"], "audio": FALLING["a"], "text+audio": FALLING["a"]}
    drawn = training_charts.modality_curves(
        {"a": terms, "b": terms, "c": {}},
        {"a": ["text", "audio"], "b": ["text", "audio"]},
        y_title="size",
        marks={"a": 0.1},
    )
    assert [trace.name for trace in drawn.data if trace.showlegend] == [
        "text",
        "audio",
        "text + audio",
    ]
    assert {trace.xaxis for trace in drawn.data} == {"x2", "x3"}
    assert drawn.layout.yaxis2.range == drawn.layout.yaxis3.range
    assert [trace.line.dash for trace in drawn.data][:3] == ["solid", "solid", "dash"]
    assert len(drawn.layout.shapes) == 1


def test_invalid_curves_are_refused():
    with pytest.raises(InvalidInput, match="curve of 'a'"):
        training_charts.run_curves({"a": (EPOCHS, EPOCHS[:2])}, hues=HUES, y_title="loss")
    with pytest.raises(InvalidInput, match="Argument `runs`"):
        training_charts.modality_curves({"a": {}}, {}, y_title="size")


def test_onset_of_terms():
    """By hand: by now all terms add 1 + 0.5 + 0.5 = 2, so the level is 0.2."""
    epochs = np.array([1.0, 3.0, 5.0])
    terms = {
        "text": (epochs, np.array([0.2, 0.6, 1.0])),
        "audio": (epochs, np.array([0.0, 0.1, 0.5])),
        "vision": (epochs, np.array([0.0, 0.1, 0.1])),
        "text+audio": (epochs, np.array([0.05, 0.1, 0.2])),
        "text+vision": (epochs, np.array([0.05, 0.1, 0.2])),
    }
    assert trainings.passes(terms) == {"text": 1, "audio": 5, "vision": None, "joint": 3}
    assert trainings.passes({}) == {}
    nothing = {name: (epochs, np.zeros(3)) for name in ("text", "audio")}
    assert trainings.passes(nothing) == {"text": None, "audio": None}


def test_only_settings_that_differ_are_shown():
    plans = {
        "a": Plan("planted", "quantum-jump", {"dims": [2, 2, 2]}, 0, options={"epochs": 3}),
        "b": Plan("planted", "quantum-jump", {"dims": 4}, 1, options={"epochs": 60}),
    }
    planted = Options()
    differ, table = seeds.differences(plans, lambda plan: seeds.defaults(plan, lambda _: planted))
    assert differ == ["seed", "dims", "epochs"]
    assert table["dims"] == {"a": "2, 2, 2", "b": "4"}
    assert table["rate"] == {"a": "0.002", "b": "0.002"}


@pytest.mark.parametrize(
    "spoilt",
    [
        {"history": [1]},
        {"history": [{}]},
        {"state": "dreaming"},
        {"epochs": "many"},
        {"message": 3},
        {"history": [{**record_of(1).history[0], "valid_loss": float("nan")}]},
        {"history": [{**record_of(1).history[0], "valid": {"mae": "low"}}]},
    ],
)
def test_invalid_records_are_refused(spoilt):
    from dataclasses import replace

    from qfusion.errors import IntegrityError

    with pytest.raises(IntegrityError, match="record"):
        trainings.validate_record(replace(record_of(2), **spoilt))


@pytest.mark.parametrize("kind", registry.names())
def test_every_setting_has_a_description(kind):
    assert kind_text(kind).summary
    assert describe_kind(kind).title != kind
    assert set(MAIN.get(kind, ())) <= set(registry.settings(kind))
    fields = plans.setting_fields(kind)
    assert len(fields) == len(registry.settings(kind)) + len(Options.model_fields)
    for key, field in fields.items():
        assert field.title, key
        assert field.description.endswith("."), key
        assert len(field.description) < 160, key
        low, high = bounds(field)
        if field.annotation in (int, float):
            assert -math.inf < low <= field.default <= high < math.inf, key
        if choices(field):
            assert field.default in choices(field), key


def test_spread_over_seeds_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame({"run": ["a", "b"], "seed": [0, 1], "test MAE": [0.2, 0.4]})
    result = trainings.Results(table, True, {})
    monkeypatch.setattr(learning, "collect_results", lambda _: result)
    picture = learning.train_results([])
    assert "differ only in their seed" in picture.caption
    assert "±" not in picture.caption + " ".join(map(str, picture.numbers))
    [row] = result.metric_table().to_dict("records")
    assert row["mean ± standard deviation over seeds"] == "0.300 ± 0.141"
