"""Shipped models of these sets: cards equal the weights and reach their thresholds; pages open with one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from qfusion import data
from qfusion.training import checkpoint
from tests.support import shipped_cards
from tests.support.app import PAGES, plain, said, visit
from tests.support.circuit_views import VIEWS

# what the mean over the seeds reaches at least
QCNN = {"qcnn-avdigits": 0.985, "qcnn-houston": 0.96}
TOGETHER = {"qj-avletters": 0.92, "qj-easyvqa": 0.98, "qcnn-easyvqa": 0.97}


@pytest.mark.parametrize(("name", "least"), QCNN.items())
def test_qcnn_card_and_threshold(name: str, least: float, real_data: Path) -> None:
    """The card of every seed reaches the bar in the mean, the weights are those of the first, and the head is as small
    as said."""
    found = checkpoint.load(name)
    dataset = data.load(found.card["data"]["name"])
    shipped_cards.check_card(found, dataset, least)
    shipped_cards.check_small_head(found, dataset)


@pytest.mark.parametrize(("name", "least"), TOGETHER.items())
def test_where_fusion_is_the_task(name: str, least: float, real_data: Path) -> None:
    found = checkpoint.load(name)
    shipped_cards.check_card(found, data.load(found.card["data"]["name"]), least)


@pytest.mark.parametrize("title", PAGES)
def test_every_page_opens(title: str, real_data: Path) -> None:
    """Data with a network of many classes, that come as files."""
    app = visit(title, data="houston")
    assert app.title[0].value == title
    assert not app.error
    assert not app.warning
    assert app.selectbox(key="model").value == "qcnn-houston"


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_of_the_circuit_opens(view: str, real_data: Path) -> None:
    app = visit("Circuit", data="houston", part=view)
    assert not app.error
    assert view == "Export" or "**Shows**" in said(app)


def test_models_without_their_data_are_not_offered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QFUSION_DATA", str(tmp_path))
    app = visit("Overview", whole=False, model="qcnn-houston", data="planted")
    assert not app.error
    assert "Model 'qcnn-houston' lacks its data" in plain(app.warning[0].value)
    assert app.selectbox(key="data").value == "planted"
    offered = " ".join(app.selectbox(key="model").options)
    assert "qj-planted" in offered
    assert "houston" not in offered
