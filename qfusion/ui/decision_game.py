"""A game on Faithfulness: guess the model's decision on ten samples, five of them with the sizes of contributions."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

import streamlit as st

from qfusion._sentences import true_minus
from qfusion.analysis import decision_game, text
from qfusion.analysis.decision_game import Game, Guess
from qfusion.analysis.study import Study
from qfusion.panels import faithfulness as builders
from qfusion.panels.contribution_sizes import contribution_sizes
from qfusion.ui import figure, page_context, sample_content, state, widgets
from qfusion.wording.decision_game import describe_giveaway, describe_guesses

PLAYED = "_decision_game"  # the game of this session
MOST_BUTTONS = 6  # decisions that have a button each; more are in a list


@dataclass
class Played:
    """A game with the guesses so far.

    Attributes:
        game: its questions. guesses: in their order. asked_at: when the open question was asked, in seconds.
    """

    game: Game
    guesses: list[Guess] = field(default_factory=list)
    asked_at: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether all questions are answered."""
        return len(self.guesses) == len(self.game.questions)


def guess_section(context: page_context.PageContext, study: Study) -> None:
    """Draw the part of the page that can be folded, with the game."""
    widgets.draw_folded(builders.GUESS, lambda: _draw_game(context, study), ":material/quiz:")


def _draw_game(context: page_context.PageContext, study: Study) -> None:
    if obstacle := decision_game.find_game_obstacle(study):
        st.info(text.escape_markdown(obstacle, 600), icon=":material/info:")
        return
    played = state.get(PLAYED)
    if not _is_of(played, study):
        _draw_start(study)
    elif played.is_over:
        _draw_outcome(study, played)
    else:
        _draw_question(context, study, played)


def _is_of(played: Played | None, study: Study) -> bool:
    """Return whether a game is about this model on these data."""
    if played is None:
        return False
    weights = str(study.card.get("weights_sha256", ""))
    names = played.game.model, played.game.weights, played.game.data
    return names == (study.name, weights, study.dataset.digest)


def _draw_start(study: Study) -> None:
    st.markdown(
        f"Guess what the model decides on {2 * decision_game.EACH} test samples. With {decision_game.EACH} of them you "
        "see how large each contribution is. Signs, total and class are left out, since contributions add up to the "
        "decision; what remains can still give a decision away where sizes differ between decisions."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seed = widgets.draw(builders.GUESS_SEED)
        st.button(
            "Start",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_start,
            args=(study, int(seed)),
            key="_guess-start",
        )


def _start(study: Study, seed: int) -> None:
    state.put(PLAYED, Played(decision_game.draw_game(study, seed), asked_at=time.time()))


def _draw_question(context: page_context.PageContext, study: Study, played: Played) -> None:
    place = len(played.guesses)
    question = played.game.questions[place]
    st.markdown(
        f"#### Sample {place + 1} of {len(played.game.questions)}: what does the model decide?"
    )
    sample_content.sample_content(
        context, study.dataset.row(question.sample), details=False, key="guess"
    )
    if question.explained:
        figure.small(contribution_sizes(study, question.sample, context.theme))
    options = played.game.options
    if len(options) <= MOST_BUTTONS:
        with st.container(horizontal=True, key="guess-options"):
            for number, option in enumerate(options):
                st.button(
                    text.escape_markdown(option),
                    on_click=_answer,
                    args=(played, place, option),
                    key=f"_guess-{place}-{number}",
                )
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="guess-options"):
        key = f"_guess-list-{place}"
        st.selectbox("Decision", options, key=key, width=240)
        st.button("Guess", on_click=_answer_list, args=(played, place, key), key=f"_guess-{place}")


def _answer_list(played: Played, place: int, key: str) -> None:
    answer = state.get(key)
    if answer in played.game.options:
        _answer(played, place, answer)


def _answer(played: Played, place: int, answer: str) -> None:
    if len(played.guesses) != place:  # a second click on a question that is answered
        return
    now = time.time()
    guesses = [*played.guesses, Guess(answer, now - played.asked_at)]
    state.put(PLAYED, Played(played.game, guesses, now))


def _draw_outcome(study: Study, played: Played) -> None:
    outcome = decision_game.summarize_guesses(played.game, played.guesses)
    st.markdown(f"**{text.escape_markdown(describe_guesses(outcome))}.**")
    giveaway = decision_game.measure_giveaway(study)
    if giveaway is not None:
        st.caption(f"{text.escape_markdown(true_minus(describe_giveaway(giveaway)), 600)}.")
    table = decision_game.guess_table(played.game, played.guesses)
    st.dataframe(
        table[["order", "sample", "condition", "guess", "decision", "right", "seconds"]],
        hide_index=True,
        height="content",
        alt="Guesses and decisions, by sample.",
    )
    name = f"guesses-{played.game.model}-seed{played.game.seed}"
    with st.container(horizontal=True, key="guess-downloads"):
        st.download_button(
            "Guesses, CSV",
            text.csv(table),
            f"{name}.csv",
            "text/csv",
            on_click="ignore",
            key="guess-csv",
        )
        st.download_button(
            "Guesses, JSON",
            json.dumps(table.to_dict("records"), indent=1),
            f"{name}.json",
            "application/json",
            on_click="ignore",
            key="guess-json",
        )
        st.button("Play again", on_click=state.take, args=(PLAYED,), key="_guess-again")
