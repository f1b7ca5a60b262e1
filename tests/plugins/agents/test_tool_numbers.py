"""Agents are told the numbers that pages and commands print, see tests/test_one_number.py."""

from __future__ import annotations

import pytest

from qfusion.models.protocols import Evolution
from qfusion.plugins.agents import tools
from qfusion.study import open_sample
from qfusion.study.backends.base import entropy_column
from qfusion.study.what_if import what_would_flip
from tests.support.surfaces import SAMPLES


@pytest.mark.parametrize(("model", "sample"), SAMPLES)
def test_tools_give_the_numbers_of_the_library(model: str, sample: str) -> None:
    one = open_sample(model, sample)
    explained = tools.explain(model, sample)
    assert explained["prediction"] == pytest.approx(one.score)
    assert explained["dividends"] == pytest.approx(one.dividends)
    assert explained["shapley"] == pytest.approx(one.shapley)
    assert explained["verdict"]["shares"] == pytest.approx(one.shares)
    assert explained["verdict"]["joint_share"] == pytest.approx(one.verdict.joint_share)

    listed = next(
        entry for entry in tools.list_models(limit=100)["models"] if entry["name"] == model
    )
    assert listed["metrics"] == one.study.card["metrics"]["test"]
    assert tools.tweak(model, sample)["metrics"]["before"] == pytest.approx(one.metrics)

    flips = what_would_flip(one.study, one.row).values()
    smallest = min(flip.state.distance for flip in flips if flip.state.possible)
    answers = tools.verdict(model, sample)["answers"]
    assert f"alone by {smallest:.2f} rad" in answers["What would flip it?"]

    if one.model.part(Evolution):
        frame = one.study.frame().loc[one.id]
        measures = tools.track(model, sample, times=2)["measures"]
        for name in one.modalities:
            column = entropy_column(name)
            assert measures[column][-1] == pytest.approx(frame[column], abs=1e-6)
