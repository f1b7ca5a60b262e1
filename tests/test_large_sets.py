"""Data sets with more samples than a page can show: partial explanations, bounded data to the browser, access to
every sample."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from qfusion import data
from qfusion.app.samples import boxes
from qfusion.errors import NotFound
from qfusion.study import cohorts, opening, study as studies, text
from qfusion.study.backends import base, kets, masses
from qfusion.training import checkpoint


def study_of(model: str, dataset: str, **other: Any) -> Any:
    found = checkpoint.load(model)
    return opening.build_study(model, found.card, found.model, replace(data.load(dataset), **other))


@pytest.mark.parametrize(
    ("model", "dataset"), [("qj-planted", "planted"), ("qcnn-parity", "parity")]
)
def test_large_set_explains_some_samples_and_scores_all(
    model: str, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = study_of(model, dataset)
    expected, scores = whole.frame(), whole.scores
    monkeypatch.setattr(base, "EXPLAINED", 40)
    monkeypatch.setattr(masses, "EXPLAINED", 40)
    monkeypatch.setattr(studies, "LARGE", 100)
    monkeypatch.setattr(studies, "BLOCK", 256)
    monkeypatch.setattr(kets, "BLOCK", 256)
    large = study_of(model, dataset, title="Many")
    large.dataset.__dict__["digest"] = (
        "many"  # nothing that is kept of the whole set is that of this one
    )
    assert large.is_large
    assert len(large.blocks()) == -(-len(large.dataset) // 256)
    assert np.abs(large.scores - scores).max() < 1e-12
    assert large.explained_rows.tolist() == large.dataset.rows("test")[:40].tolist()
    frame = large.frame()
    inside = frame.iloc[large.explained_rows]
    numbers = [name for name in expected.columns if name.startswith(("dividend[", "entropy["))]
    assert (
        np.abs(
            inside[numbers].to_numpy(float)
            - expected.iloc[large.explained_rows][numbers].to_numpy(float)
        ).max()
        < 1e-9
    )
    assert frame["error"].notna().all()
    outside = frame.drop(index=inside.index)
    assert outside[numbers].isna().all(axis=None)
    assert set(outside["relation"]) == {""}


def test_large_figures_show_evenly_spaced_samples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = study_of("qj-planted", "planted")
    monkeypatch.setattr(cohorts, "MAX_DRAWN", 50)
    rows = cohorts.axis_rows(study, cohorts.passing(study.frame()), "truth", "prediction")
    tests = study.dataset.ids[study.dataset.rows("test")].tolist()
    assert len(rows) == 50
    places = np.diff([tests.index(name) for name in rows.index])
    assert places.min() >= len(tests) // 50 - 1
    assert places.max() <= len(tests) // 50 + 1


def test_lookup_of_many_ids_is_fast() -> None:
    planted = data.load("planted")
    some = planted.ids[::37]
    assert planted.find_rows(some).tolist() == list(range(0, len(planted), 37))
    assert planted.find_rows([]).tolist() == []
    for wrong in ("p0001x", "p0001\0", ""):
        with pytest.raises(NotFound, match="planted"):
            planted.find_rows([planted.ids[0], wrong])


def box() -> None:
    """A page of one box."""
    import streamlit as st

    from qfusion import data
    from qfusion.app import links
    from qfusion.app.samples import boxes
    from qfusion.views.pages.address import SAMPLE

    links.restore_from_url("Samples")
    planted = data.load("planted")
    st.write("chosen", boxes.sample_box(SAMPLE, planted, "p0900", help="any"))
    for notice in st.session_state.get("_notices", []):
        st.warning(notice)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "OFFERED", 500)


def write(app: AppTest, words: str) -> None:
    """Writes into the box; the test runner knows no such thing, but sends what stands in its list."""
    app.selectbox[0].options.append(words)
    app.selectbox[0].set_value(words).run()


@pytest.mark.usefixtures("small")
def test_any_sample_of_a_large_set_can_be_typed() -> None:
    app = AppTest.from_function(box, default_timeout=30).run()
    assert not app.exception
    assert app.markdown[0].value == "chosen p0900"
    assert len(app.selectbox[0].options) == 2 * boxes.AROUND + 1
    for written, found in (("p0017", "p0017"), ("P15", "p0015"), ("0123 ", "p0123")):
        write(app, written)
        assert not app.exception, [each.value for each in app.exception]
        first = next(
            name for name in data.load("planted").ids if written.strip().casefold() in name
        )
        assert app.markdown[0].value == f"chosen {first}"
        assert found in (first, "p0015")
        listed = [option.split(text.BESIDE)[0] for option in app.selectbox[0].options]
        assert first in listed
    write(app, "<b>nothing</b>")
    assert app.markdown[0].value == "chosen p0123"  # it stays
    assert "No sample id contains" in app.warning[0].value


@pytest.mark.usefixtures("small")
def test_a_link_opens_on_a_sample_that_is_far_from_the_first() -> None:
    app = AppTest.from_function(box, default_timeout=30)
    app.query_params["sample"] = "p1700"
    app.run()
    assert not app.exception
    assert app.markdown[0].value == "chosen p1700"


def test_small_set_lists_every_id() -> None:
    planted = data.load("planted")
    assert boxes.listed_ids(planted) == planted.ids.tolist()
    assert planted.known_ids(["p0003", "nobody", "p0003", "p0001"]) == ["p0003", "p0001"]
