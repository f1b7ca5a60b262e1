"""Measured games as models: values of a table, their file, and what their standard errors are over."""

from __future__ import annotations

import numpy as np
import pytest

from qfusion.app.samples.contents import Outcome, summarize_decision
from qfusion.data.game_set import VoteCounts
from qfusion.models import measured_game
from qfusion.study.sample import Sample
from qfusion.views.words.decisions import describe_standard_error, describe_standard_errors
from tests.support.measured_games import make_game, open_game


def test_contributions_are_those_of_the_values() -> None:
    table = make_game()
    study = open_game(table)
    none, voice, face, both = table.values[2, :, 0]
    assert study.dividends(2, 0) == pytest.approx(
        {
            "": none,
            "voice": voice - none,
            "face": face - none,
            "voice+face": both - voice - face + none,
        }
    )
    sample = Sample(study, 2)
    assert sample.score == pytest.approx(both)
    assert summarize_decision(sample).outcome is Outcome.MEASURED


def test_votes_are_kept_with_a_game_and_say_where_decisions_part() -> None:
    counts = np.random.default_rng(1).integers(0, 9, (6, 3, 4))
    votes = VoteCounts(("a", "b", "c", "d"), counts, np.zeros(6, int))
    study = open_game(make_game(votes=votes))
    assert study.boundary == 0.25
    again = measured_game.from_card(
        study.card, measured_game.game_bytes(study.model), "game.safetensors"
    )
    assert again.crowd is not None
    assert (again.crowd.counts == counts).all()
    assert open_game(make_game()).boundary == 0


@pytest.mark.parametrize(("classes", "over"), [((), ""), (("a", "b"), " over raters")])
def test_standard_errors_are_said_with_what_they_are_over(
    classes: tuple[str, ...], over: str
) -> None:
    votes = VoteCounts(classes, np.ones((6, 3, 2), int), np.zeros(6, int)) if classes else None
    study = open_game(make_game(votes=votes))
    assert describe_standard_error(study.explained(0), 0) == (
        f" Standard error of a term{over}: at most 0.1."
    )
    assert describe_standard_errors(study) == (
        f" Standard error of a term{over}: at most 0.1 in half of the samples."
    )
