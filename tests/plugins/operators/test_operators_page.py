"""The page of decision operators equals the library; links, invalid input, figures of a model without time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qfusion import data, explain
from qfusion.plugins.operators import decision_operator, sample_votes
from qfusion.study import opening
from qfusion.training import checkpoint
from qfusion.views.pages.address import BACKGROUND
from tests.support.app import plain, said, visit
from tests.support.third_model import DATA, KIND, among_the_users

PAGE = "Decision operators"


@pytest.fixture(params=["qj-planted", "qcnn-parity"])
def model(request: pytest.FixtureRequest) -> str:
    """A model of each system."""
    return str(request.param)


def study_of(name: str) -> Any:
    found = checkpoint.load(name)
    return opening.build_study(name, found.card, found.model, data.load(found.card["data"]["name"]))


def test_the_page_shows_the_operator_of_the_library(model: str) -> None:
    study = study_of(model)
    row, group = int(study.dataset.rows("test")[5]), "+".join(study.modalities[:2])
    output = int(study.predicted[row])
    found = decision_operator.operator(study.model, study.background, group, output)
    label = sample_votes.WITH.join(study.modalities[:2])
    app = visit(
        PAGE,
        whole=False,
        model=model,
        sample=str(study.dataset.ids[row]),
        votes=label,
        words="full",
    )
    assert not app.error
    assert not app.warning
    words = plain(said(app))
    value = explain.explain(
        study.model, study.dataset.inputs([row], torch.float64), study.background
    )
    alone = value.values[0, value.coalitions.index(group), output]
    assert f"at least **{found.votes[0]:+.2f}** and at most **{found.votes[-1]:+.2f}**" in words
    assert f"moves it by **{alone - found.baseline:+z.2f}**" in words
    assert f"{study.background.size:,} training samples" in words
    states = decision_operator.group_states(
        study.model, study.dataset.inputs(study.dataset.rows("test"), torch.float64), group
    )
    nearest = study.dataset.rows("test")[
        int(np.argmax(found.overlap(states, len(found.values) - 1)))
    ]
    shown = sample_votes.votes(study, group, output, "test")
    assert shown.nearest("for")[0][0] == nearest
    assert shown.weights.sum() == pytest.approx(1)


def test_group_of_another_model_is_dropped() -> None:
    app = visit(PAGE, whole=False, model="qj-planted", votes="text + audio + vision")
    assert "text, audio and vision" in plain(said(app))
    app.selectbox(key="model").select("qcnn-digits").run()
    assert not app.exception
    assert "pixels" in plain(said(app))
    assert "larger group" in said(app)  # all three together are too many patterns


@pytest.mark.parametrize(
    ("model", "against"),
    [
        ("qj-planted", "product of marginals"),
        ("qj-planted", "one other sample"),
        ("qcnn-parity", "product of marginals"),
        ("qcnn-parity", "nothing known"),
    ],
)
def test_another_background_changes_the_operator(model: str, against: str) -> None:
    app = visit(PAGE, whole=False, model=model, **{BACKGROUND.key: against})
    assert not app.error
    words = plain(said(app))
    assert {
        "product of marginals": "drawn independently",
        "nothing known": "maximally mixed",
        "one other sample": "sample",
    }[against] in words


def test_invalid_link_values_show_a_notice() -> None:
    query = {"votes": "smell", "among": "all", "against": "<b>"}
    app = visit(PAGE, whole=False, **query)
    told = [plain(warning.value) for warning in app.warning]
    assert len(told) == len(query)
    for key, value in query.items():
        assert any(f"`{key}`" in words and value in words for words in told)
    assert not app.error


def test_additive_model_opens(tmp_path: Path) -> None:
    with among_the_users(tmp_path, {"sum": (KIND, {"dims": 2, "rank": 0})}):
        app = visit(PAGE, model="sum", data=DATA)
    assert not app.error
    assert not app.warning
