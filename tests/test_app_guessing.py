"""The game on Faithfulness: guess the model's decision, with links, export, page changes and models without inputs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from qfusion.analysis import decision_game
from qfusion.analysis.decision_game import Guess
from qfusion.analysis.opening import open_study
from qfusion.errors import InvalidInput
from qfusion.wording.decision_game import describe_giveaway, describe_guesses
from tests.support.app import FILES, said, visit

MODEL = "qj-parity"


def play(app: object, right: bool = True) -> None:
    """Answers all questions with the decisions of the model, or with the other class."""
    game = decision_game.draw_game(open_study(MODEL), 3)
    for place, question in enumerate(game.questions):
        number = game.options.index(question.decision)
        app.button(key=f"_guess-{place}-{number if right else 1 - number}").click().run()
        assert not app.exception, [one.value for one in app.exception]


def test_a_game_is_drawn_with_a_seed() -> None:
    study = open_study(MODEL)
    first, second = (decision_game.draw_game(study, 3) for _ in range(2))
    assert first == second
    assert first != decision_game.draw_game(study, 4)
    assert sum(question.explained for question in first.questions) == decision_game.EACH
    assert len({question.sample for question in first.questions}) == 2 * decision_game.EACH
    for question in first.questions:
        row = study.dataset.row(question.sample)
        assert study.dataset.split[row] == "test"
        assert question.decision == study.classes[study.predicted[row]]


def test_sizes_do_not_tell_signs() -> None:
    study = open_study(MODEL)
    sample = decision_game.draw_game(study, 0).questions[0].sample
    sizes = decision_game.contribution_sizes(study, sample)
    assert list(sizes) == list(study.terms)
    assert min(sizes.values()) >= 0
    assert sum(sizes.values()) == pytest.approx(1)


def outcome(explained: int, plain: int) -> decision_game.Outcome:
    game = decision_game.draw_game(open_study(MODEL), 0)
    left = {True: explained, False: plain}
    guesses = []
    for question in game.questions:
        is_right = left[question.explained] > 0
        left[question.explained] -= 1
        guesses.append(Guess(question.decision if is_right else "another", 1.0))
    return decision_game.summarize_guesses(game, guesses)


def test_ten_guesses_are_counted_with_exact_intervals() -> None:
    result = outcome(4, 3)
    assert (result.explained.right, result.plain.right) == (4, 3)
    assert result.explained.low == pytest.approx(0.2836, abs=1e-4)  # Clopper and Pearson, 4 of 5
    assert result.explained.high == pytest.approx(0.9949, abs=1e-4)
    assert result.p == pytest.approx(1)
    words = describe_guesses(result)
    assert "4 of 5" in words
    assert "do not show" in words
    best = outcome(5, 0)
    assert best.p == pytest.approx(2 / 252)
    assert "helped you" in describe_guesses(best)
    assert "p = 0.048" in describe_guesses(outcome(5, 1))  # not 0.05
    assert "you were better" in describe_guesses(outcome(0, 5))
    same = outcome(5, 5)
    assert "do not show" in describe_guesses(same)


def test_what_sizes_give_away_is_measured() -> None:
    """Against a forest in another program: 91% on agreement of digits, half on parity."""
    agree = decision_game.measure_giveaway(open_study("qj-avagree"))
    parity = decision_game.measure_giveaway(open_study(MODEL))
    assert agree is not None
    assert parity is not None
    assert agree.rate.value == pytest.approx(0.905, abs=0.02)
    assert agree.gain.low > 0.3
    assert "give decisions away in part" in describe_giveaway(agree)
    assert parity.gain.low < 0 < parity.majority
    assert "is not shown" in describe_giveaway(parity)


def test_a_game_that_is_not_over_has_no_outcome() -> None:
    game = decision_game.draw_game(open_study(MODEL), 0)
    with pytest.raises(InvalidInput, match="All 10 questions"):
        decision_game.summarize_guesses(game, [])


def test_a_measured_game_has_nothing_to_guess() -> None:
    study = open_study("crowd")
    with pytest.raises(InvalidInput, match="measured game"):
        decision_game.draw_game(study)


def test_a_reader_guesses_ten_decisions() -> None:
    link = {"guess": "true", "guess.seed": "3"}
    app = visit("Faithfulness", model=MODEL, whole=False, **link)
    assert "Guess what the model decides" in said(app)
    app.button(key="_guess-start").click().run()
    assert "Sample 1 of 10" in said(app)
    play(app)
    words = said(app)
    assert "5 of 5" in words
    assert "do not show whether the explanation helps you" in words
    assert "that sizes alone give decisions away is not shown" in words
    played = app.session_state["_decision_game"]
    table = decision_game.guess_table(played.game, played.guesses)
    assert table["right"].all()
    assert (table["seconds"] >= 0).all()
    assert set(table["condition"]) == {"with explanation", "without explanation"}
    assert json.loads(json.dumps(table.to_dict("records")))[0]["seed"] == 3
    assert np.unique(table["weights_sha256"]).tolist() == [played.game.weights] != [""]
    app.switch_page(FILES["Samples"]).run()
    app.switch_page(FILES["Faithfulness"]).run()
    assert app.session_state["_decision_game"].is_over
    app.button(key="_guess-again").click().run()
    assert "_decision_game" not in app.session_state


def test_a_game_of_people_says_why_there_is_none() -> None:
    app = visit("Faithfulness", model="crowd", whole=False, guess="true")
    assert "no inputs to guess its decisions from" in said(app)


def test_the_view_of_students_ends_in_a_sentence() -> None:
    app = visit("Faithfulness", model="qj-planted", whole=False, proof="Students")
    words = said(app)
    assert "What an explanation is worth" in words
    assert "The score alone" in words


def test_a_student_that_learns_nothing_has_no_factors() -> None:
    app = visit("Faithfulness", model="qcnn-scenes", whole=False, proof="Students")
    assert "the student learns nothing" in said(app)


def test_students_of_a_crowd_do_not_apply() -> None:
    app = visit("Faithfulness", model="crowd", whole=False, proof="Students")
    assert "measured game" in said(app)
