"""The frame of every page: depth of explanations, sample steps, undo and redo, the context bar."""

from __future__ import annotations

import pytest

from qfusion import data
from tests.support import charts
from tests.support.app import plain, said, visit


def test_depth_moves_explanations_into_the_help() -> None:
    short, full = (visit("Samples", data="planted", words=words) for words in ("brief", "full"))
    for app in (short, full):
        assert "**Shows** the exact sum baseline + single modalities" in plain(said(app))
    inside = [" ".join(charts.all_words(app)) for app in (short, full)]
    assert "**Shows**" in inside[0]
    assert "**Shapley value.**" in inside[0]
    assert "**Shapley value.**" in inside[1]
    assert "**Shows**" not in inside[1]


def test_unknown_depth_shows_a_notice() -> None:
    app = visit("Samples", whole=False, data="planted", words="endless")
    assert "In the link, `words`" in plain(app.warning[0].value)


def test_sample_steps_follow_the_picker_order() -> None:
    ids = data.load("parity").ids.tolist()
    app = visit("Samples", whole=False, data="parity", sample=ids[5])
    app.button(key="_next").click().run()
    assert app.selectbox(key="sample").value == ids[6]
    app.button(key="_previous").click().run()
    app.button(key="_previous").click().run()
    assert app.selectbox(key="sample").value == ids[4]
    assert (
        visit("Samples", whole=False, data="parity", sample=ids[0]).button(key="_previous").disabled
    )
    assert visit("Samples", whole=False, data="parity", sample=ids[-1]).button(key="_next").disabled


def test_tweaks_are_undone_and_redone() -> None:
    app = visit("Dynamics", whole=False, model="qj-parity", data="parity", view="State")
    assert app.button(key="_undo").disabled
    app.slider(key="H.left").set_value(0.3).run()
    app.slider(key="T").set_value(1.5).run()
    app.button(key="_undo").click().run()
    assert (app.slider(key="H.left").value, app.slider(key="T").value) == (0.3, 1.0)
    app.button(key="_undo").click().run()
    assert app.slider(key="H.left").value == 1.0
    assert app.button(key="_undo").disabled
    app.button(key="_redo").click().run()
    assert app.slider(key="H.left").value == 0.3
    app.slider(key="H.right").set_value(0.5).run()
    assert app.button(key="_redo").disabled


def test_slider_moved_after_a_reset_is_in_the_address() -> None:
    app = visit("Dynamics", whole=False, model="qj-parity", data="parity", T="0.5")
    app.button(key="_reset").click().run()
    assert "T" not in app.query_params
    app.slider(key="T").set_value(0.6).run()
    assert app.query_params["T"] == "0.6"
    app.slider(key="T").set_value(1.0).run()
    assert "T" not in app.query_params


def test_undo_ends_at_the_tweak_of_the_link() -> None:
    app = visit(
        "Dynamics",
        whole=False,
        model="qj-parity",
        data="parity",
        view="State",
        **{"H.left": "0.5"},
    )
    assert app.button(key="_undo").disabled
    app.button(key="_reset").click().run()
    app.button(key="_undo").click().run()
    assert app.slider(key="H.left").value == 0.5


@pytest.mark.parametrize("title", ["Samples", "Cohorts"])
def test_context_bar_names_model_data_and_sample(title: str) -> None:
    app = visit(title, whole=False, data="planted")
    assert [app.selectbox(key=key).value for key in ("data", "background")] == [
        "planted",
        "product of marginals",
    ]
    assert not list(app.sidebar.selectbox)
