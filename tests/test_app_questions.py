"""The five questions on Overview: answers equal the library, and links to parameters flip the decision."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from qfusion.app import tasks
from qfusion.study.opening import open_study
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.study.what_if import STATE
from qfusion.views.overview import QUESTIONS
from qfusion.views.pages.what_if import TITLES
from qfusion.views.words import answers, rules
from qfusion.views.words.decisions import describe_change
from tests.support.app import FILES, plain, said, visit
from tests.support.basis_labels import qubits
from tests.support.charts import figures

__all__ = ["qubits"]  # a fixture
MODELS = {"planted": "qj-planted", "parity": "qcnn-parity"}


@pytest.fixture(params=list(MODELS))
def study(request: pytest.FixtureRequest) -> Study:
    """A model of each system on its data."""
    return open_study(MODELS[request.param], request.param)


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([0.2, 0.1, 0.3], "positive from the start (a) to the end (c)"),
        ([-0.2, 0.1, 0.3], "positive from **b** on (the end is c)"),
        (
            [0.2, -0.1, 0.3],
            "positive from **c** on (the end is c); before, it was negative",
        ),
    ],
)
def test_time_from_which_the_decision_is_final(scores: list[float], words: str) -> None:
    study = open_study("qj-planted", "planted")
    assert words in answers.describe_last_decision(study, np.array(scores)[:, None], list("abc"))


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (
            {"": 0.1, "a": 0.2, "b": 0.0, "a+b": 0.0},
            {"": 0.1, "a": 0.3, "b": 0.1, "a+b": -0.4},
            "**Every joint term**: it raises the joint share of the contributions from 0% to 50% (a \\+ b, "
            "-0.40) and takes the score from +0.30 to +0.10.",
        ),
        (
            {"": 0.0, "a": 0.3, "b": 0.1, "a+b": -0.4},
            {"": 0.0, "a": 0.1, "b": 0.1, "a+b": 0.6},
            "The joint share of the contributions is 50% before and **75%** after (a \\+ b, +0.60); it takes "
            "the score from +0.00 to +0.80.",
        ),
        (
            {"": 0.0, "a": 0.3, "b": 0.0, "a+b": 0.0},
            {"": 0.0, "a": 0.1, "b": 0.0, "a+b": 0.0},
            "No joint terms: it takes the score from +0.30 to +0.10; the decision remains a sum over single "
            "modalities.",
        ),
        (
            {"": 0.0, "a": 0.3, "a+b": 0.1},
            {"": 0.0, "a": 0.3, "a+b": 0.1},
            "**Nothing**: it leaves every contribution unchanged.",
        ),
    ],
)
def test_change_of_dividends_is_described(
    start: dict[str, float], end: dict[str, float], words: str
) -> None:
    assert describe_change(start, end, "it", rules.MARKDOWN) == words


def test_overview_answers_all_five_questions(study: Study) -> None:
    row = int(study.dataset.rows("test")[3])
    app = visit(
        "Overview", whole=False, data=study.dataset.name, sample=str(study.dataset.ids[row])
    )
    words = plain(said(app))
    assert all(f"**{question}**" in words for question in QUESTIONS)
    output = int(study.predicted[row])
    assert plain(answers.answer_conflict(Sample(study, row, output).verdict)) in words
    assert re.search(
        r"When did it happen\?\*\*  \nThe decision is .+ (from the start|from .+ on)", words
    )
    assert (
        f"against the {study.background.size:,}" in words
        or f"with the {study.background.size:,} training samples" in words
    )
    assert f"searched among {len(study.dataset):,}" in words


# Page that a question's link opens, of a model with time and of a network, and the view that is open there.
WHERE = {
    "Which modality decided this?": ("Samples", "Samples"),
    "Did the modalities conflict?": ("Samples", "Samples"),
    "What would flip it?": ("What if", "What if"),
    "When did it happen?": ("Dynamics", "Circuit"),
    "What did the dynamics add?": ("Dynamics", "Circuit"),
}
OPEN = {"Dynamics": ("view", "Decision"), "Circuit": ("part", "Entropies")}
SAID = {
    "Which modality decided this?": r"\d of 5 trainings give the (same )?verdict",
    "Did the modalities conflict?": r"^(Yes|No): ",
    "What would flip it?": r"A change of \w+ alone by [\d.]+ rad would flip it to|No change of a single modality",
    "When did it happen?": r"^The decision is .+ (from the start|from .+ on)",
    "What did the dynamics add?": r"Every joint term: .* raises the joint share of the contributions from 0% to \d+%|"
    r"The joint share of the contributions is \d+% before",
}


def test_question_links_open_the_supporting_page(study: Study) -> None:
    network = study.dataset.name == "parity"
    sample = {"planted": "p0031", "parity": "pair-7600"}[study.dataset.name]
    overview = visit("Overview", whole=False, data=study.dataset.name, sample=sample)
    assert f"Five questions about {sample}" in plain(said(overview))
    links = [
        each.proto for each in overview.get("page_link") if each.proto.label.startswith("See ")
    ][:5]
    for question, where in WHERE.items():
        answer = (
            next(
                plain(f"{each.value} {each.help}").partition("**  \n")[2]
                for each in overview.markdown
                if each.value.startswith(f"**{question}**  \n")
            )
            .replace("**", "")
            .strip()
        )
        assert re.search(SAID[question], answer), answer
        title = where[network]
        column = list(WHERE).index(question)
        there = visit(title, whole=False, **dict(parse_qsl(links[column].query_string)))
        assert there.title[0].value == title
        assert links[column].page == FILES[title].rpartition("/")[2].removesuffix(".py")
        assert not there.warning
        assert there.selectbox(key="sample").value == sample
        if title in OPEN:
            key, view = OPEN[title]
            assert there.session_state[key] == view
        if flip := re.search(r"of \w+ alone by [\d.]+ rad", answer):  # the page counts the changes
            answer = flip[0].replace(" alone", "")
        assert answer.rstrip(".") in plain(said(there)).replace("**", "")


def links(app: AppTest) -> list[dict[str, str]]:
    """What the links to other pages' knobs say in their address."""
    found = [dict(parse_qsl(each.proto.query_string)) for each in app.get("page_link")]
    return [query for query in found if "turn" in query or "edits" in query]


def test_a_link_sets_the_knob_of_the_physics_that_flips() -> None:
    """Of a sample that is all but undecided, so that a knob of every kind flips it."""
    app = visit("What if", model="qj-parity", data="parity", sample="pair-7323", knobs="true")
    decided = re.search(r"flips it to (\S+);", plain(said(app)))
    assert decided is not None
    kinds = {wanted["turn"].partition(".")[0].partition("=")[0]: wanted for wanted in links(app)}
    assert set(kinds) == {"H", "D", "T"}
    for wanted in kinds.values():
        there = visit("Dynamics", whole=False, **wanted)
        assert not there.warning
        words = plain(said(there))
        assert f"decision now {decided[1]}," in words
        key, _, number = wanted["turn"].partition("=")
        assert there.slider(key=key).value == float(number)
        assert "Changed: " in words
        assert words.partition("Changed: ")[2].partition("\n")[0].count(",") == 0


def test_a_link_sets_the_angle_that_flips() -> None:
    app = visit("What if", data="parity", knobs="true")
    assert links(app)
    for wanted in links(app):
        there = visit("Circuit", whole=False, **wanted)
        assert not there.warning
        assert "The edit flips the decision from" in plain(said(there))


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ({"model": "qj-parity", "sample": "pair-7323"}, "Dynamics"),
        ({"data": "parity"}, "Circuit"),
    ],
)
def test_flip_link_sets_the_parameter_and_flips_the_decision(
    query: dict[str, str], title: str
) -> None:
    app = visit("What if", knobs="true", **query)
    decided = re.search(r"flips it to (\S+);", plain(said(app)))
    link = next(
        each.proto
        for each in app.get("page_link")
        if "turn=" in each.proto.query_string or "edits=" in each.proto.query_string
    )
    named = re.search(r"to (-?[\d.]+) (rad )?on", plain(link.label))
    assert decided is not None
    assert named is not None
    assert link.page == title.lower()
    there = visit(title, **dict(parse_qsl(link.query_string)))
    words = plain(said(there))
    assert not there.warning
    if title == "Dynamics":
        assert named[1] in words.partition("Changed: ")[2]
        assert f"decision now {decided[1]}," in words
    else:
        assert f"={named[1]}" in there.text_input(key="phi").value
        assert f" to {decided[1]}" in words.partition("The edit flips the decision from ‘")[2]


@pytest.mark.parametrize("said_of", ["H.smell=1", "T=nan", "T=99", "<img src=x>", "rate.1"])
def test_invalid_flip_shows_a_notice_and_keeps_the_sliders(said_of: str) -> None:
    app = visit("Dynamics", data="planted", turn=said_of)
    assert len(app.warning) == 1
    assert "The sliders are unchanged" in str(app.warning[0].value)
    assert "No changes to the learned model" in plain(said(app))


def test_the_bloch_sphere_is_drawn_for_every_modality_that_is_edited(qubits: str) -> None:
    names = tasks.load_dataset("planted").names
    app = visit(
        "What if",
        model=qubits,
        data="planted",
        **{f"do.{name}": TITLES[STATE] for name in names},
        **{f"set.{name}.0": "3.0" for name in names},
    )
    assert not app.exception
    assert not app.error
    drawn = [key for key in figures(app) if "what-if-state" in key]
    assert len(drawn) == len(names)
    assert all(app.slider(key=f"set.{name}.0").value == 3.0 for name in names)
    wrong = visit(
        "What if",
        model=qubits,
        data="planted",
        **{"do.text": TITLES[STATE], "set.text.0": "4", "set.text.2": "0"},
    )
    assert len(wrong.warning) == 2
