"""The card of an exercise on pages, links of strangers, the course and the form, in Streamlit's test runner."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from qfusion.analysis.exercises import course, course_exercise
from qfusion.panels import exercise_links, rendering
from qfusion.ui import navigation
from tests.support.app import plain, said, visit

TASK = "Weaken *one* [coupling](https://evil.example) <b>now</b>"


def card(app: AppTest) -> str:
    """The words of the card: its heading, its conditions and its outcome."""
    words = [plain(str(part.value)) for part in app.main.markdown]
    shown = [part for part in words if part.startswith("**Exercise") or "met]" in part]
    bodies = [part.proto.body for part in app.get("html")]
    shown += [body for body in bodies if 'class="qf-outcome"' in body]
    return "\n".join(shown)


def statuses(app: AppTest) -> list[bool]:
    """Whether each condition is shown as met."""
    [listed] = [
        str(part.value)
        for part in app.main.markdown
        if "not met]" in part.value or "met]" in part.value
    ]
    return [":green-badge" in line for line in listed.splitlines()]


def address(app: AppTest) -> dict[str, list[str]]:
    values = {key: app.query_params[key] for key in app.query_params}
    return {
        key: [texts] if isinstance(texts, str) else list(texts) for key, texts in values.items()
    }


def walk(app: AppTest, title: str, **query: Any) -> AppTest:
    """Goes to a page in the same session, as a link inside the app does."""
    app.switch_page(navigation.FILES[title])
    for key in list(app.query_params):
        del app.query_params[key]
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, [e.value for e in app.exception]
    return app


def shared(**parts: Any) -> dict[str, Any]:
    """The address of a teacher's exercise on Dynamics."""
    return {
        "model": "qj-parity",
        "data": "parity",
        "sample": "pair-6650",
        "exercise.task": TASK,
        "exercise.goal": ["changes >= 1", "knob[T] <= 1"],
    } | {f"exercise.{name}": value for name, value in parts.items()}


def test_the_card_follows_a_slider() -> None:
    app = visit("Dynamics", whole=False, exercise="weaken-a-coupling", **{"exercise.go": "start"})
    assert app.selectbox(key="sample").value == "scene-6358"
    assert "Exercise 4 of 10: Weaken one coupling" in card(app)
    assert statuses(app)[:2] == [False, False]
    assert "5 of 7 conditions are met." in card(app)
    assert address(app)["exercise"] == ["weaken-a-coupling"]
    assert "exercise.go" not in address(app)
    app.slider(key="H.picture-question").set_value(0.0).run()
    assert all(statuses(app))
    assert "Solved: all 7 conditions are met." in card(app)
    link = "dynamics?" + "&".join(f"{key}={texts[0]}" for key, texts in address(app).items())
    assert exercise_links.check_link(link).solved
    assert exercise_links.check_link(link.replace("question=0", "question=0.9")).solved is False


def test_the_card_stays_while_pages_and_samples_change() -> None:
    app = visit("Samples", whole=False, exercise="read-a-waterfall")
    assert app.selectbox(key="sample").value == "p2924"
    assert statuses(app) == [False, False, True, True]
    app.session_state["sample"] = "p2938"
    app.run()
    assert statuses(app) == [True, True, True, True]
    app = walk(app, "What if")
    assert statuses(app) == [True, True, True, True]
    assert address(app)["exercise"] == ["read-a-waterfall"]
    app = walk(app, "Train")
    assert "This page shows no sample" in said(app)
    app = walk(app, "Guided tour")
    assert "1 of 10 exercises are solved in this session" in plain(said(app))
    app.button(key="_exercise_close").click().run()
    assert not card(app)
    assert "exercise" not in address(app)
    app = walk(app, "Samples")
    assert not card(app)
    assert app.selectbox(key="sample").value == "p2938"


def test_an_exercise_begins_on_a_clean_page_and_leads_to_its_solution() -> None:
    app = visit(
        "Dynamics",
        whole=False,
        model="qj-parity",
        sample="pair-6639",
        **{"H.left": "0.5", "T": "2"},
    )
    exercise = course_exercise("no-entanglement")
    app = walk(app, "Dynamics", exercise=exercise.name, **{"exercise.go": "start"})
    assert app.selectbox(key="sample").value == "pair-6650"
    assert app.slider(key="H.left").value == 1
    assert app.slider(key="T").value == 1
    assert statuses(app) == [False, True, True]
    app.slider(key="H.left-right").set_value(0.5).run()
    app = walk(app, "Dynamics", exercise=exercise.name, **{"exercise.go": "solution"})
    assert app.slider(key="H.left-right").value == 0
    assert app.slider(key="D.left").value == 0
    assert statuses(app) == [True, True, True]
    app.slider(key="H.left-right").set_value(1.0).run()  # the browser's address may be the old one
    assert app.slider(key="H.left-right").value == 1
    assert statuses(app) == [False, True, True]


def test_a_half_solved_link_continues_where_it_was() -> None:
    app = visit(
        "Dynamics",
        whole=False,
        exercise="no-entanglement",
        model="qj-parity",
        sample="pair-6650",
        **{"H.left-right": "0", "D.left-right": "0"},
    )
    assert app.slider(key="H.left-right").value == 0
    assert statuses(app) == [False, True, True]
    app = walk(app, "Samples")
    app = walk(app, "Dynamics", exercise="no-entanglement")
    assert app.slider(key="H.left-right").value == 0


def test_a_teachers_exercise_is_shown_as_it_is_written() -> None:
    app = visit(
        "Dynamics",
        whole=False,
        **shared(hint="*try* <i>this</i>", solution="dynamics?model=qj-parity&T=0"),
    )
    assert not app.warning
    heading = next(
        part.value for part in app.main.markdown if part.value.startswith("**Exercise**")
    )
    assert "\\[coupling\\]" in heading
    assert "\\<b\\>now" in heading
    assert plain(heading).endswith(TASK.replace("://", ":\u200b//").replace("\u200b", ""))
    assert statuses(app) == [False, True]
    start = address(app)["exercise.start"][0]
    assert exercise_links.parse_state(start)[1]["sample"] == ["pair-6650"]
    assert address(app)["exercise.goal"] == ["changes >= 1", "knob[T] <= 1"]
    app.slider(key="T").set_value(0.5).run()
    assert statuses(app) == [True, True]
    app = walk(app, "Samples", **address(app))
    assert plain(heading) in card(app)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"exercise": "nope"}, "Exercise 'nope' does not exist"),
        ({"exercise": "<script>alert(1)</script>"}, "does not exist"),
        (shared(goal=["__import__('os')"]), "must look like"),
        (shared(goal=["leader is " + "x" * 999]), "at most 300 characters"),
        (shared(goal=["changes > 0"] * 20), "but has 20"),
        (shared(task="y" * 2000), "at most 1,000 characters"),
        (shared(solution="https://evil.example/x?y"), "a page of ours"),
        (shared(solution="//evil.example?y"), "a page of ours"),
        (shared(start="train"), "Page 'train'"),
    ],
)
def test_a_bad_exercise_is_named_and_the_page_still_opens(query: Any, wanted: str) -> None:
    app = visit("Dynamics", whole=False, **{"model": "qj-parity"} | query)
    [warning] = [plain(str(part.value)) for part in app.warning]
    assert wanted in warning
    assert "The page is shown without the exercise." in warning
    assert not app.error
    assert not card(app)
    assert app.slider(key="T").value == 1
    assert not [key for key in address(app) if key.startswith("exercise")]


@pytest.mark.parametrize("title", ["Train", "Leaderboard", "Glossary"])
def test_an_exercise_does_not_begin_on_a_page_without_a_sample(title: str) -> None:
    query = {key: value for key, value in shared().items() if key.startswith("exercise")}
    app = visit(title, whole=False, **query, tour="1")
    [warning] = [plain(str(part.value)) for part in app.warning]
    assert "In the link, the exercise: Page" in warning
    assert not card(app)


def test_a_long_start_is_refused_with_a_notice() -> None:
    app = visit(
        "Circuit",
        whole=False,
        **shared(goal=["edits <= 1"]) | {"model": "qcnn-parity", "phi": "0.00=1," * 2000},
    )
    words = " ".join(plain(str(part.value)) for part in app.warning)
    assert "at most 8,000 characters" in words
    assert not card(app)


def test_conditions_of_another_model_are_not_met_and_say_why() -> None:
    goal = ["share[<b>face</b>] > 0.5", "noisy_class is odd", "option[nope] is x"]
    app = visit("Dynamics", whole=False, **shared(goal=goal))
    assert statuses(app) == [False, False, False]
    assert "Part of `share`" in card(app)
    shown = next(part.value for part in app.main.markdown if "not met]" in part.value)
    assert "<b>" not in shown.replace("\\<", "")


def test_the_course_is_listed_beside_the_tour() -> None:
    words = plain(said(visit("Guided tour", whole=False)))
    assert all(exercise.title in words for exercise in course())
    assert "None is solved yet in this session" in words


def form(app: AppTest, **values: Any) -> AppTest:
    """Opens the form with these values in its fields, as each change in a browser draws it."""
    for key, value in values.items():
        app.session_state[f"_exercise_{key}"] = value
    app.button(key="_exercise_open").click().run()
    assert not app.exception, [e.value for e in app.exception]
    return app


def test_the_form_fills_in_present_values_and_checks_the_start() -> None:
    app = visit("Dynamics", whole=False, model="qj-parity", sample="pair-6650", T="0.5")
    assert "Write a task and choose at least one condition" in said(form(app))
    chosen = ["The number of changes to the model", "The slider T", "What may be changed"]
    app = form(app, task=TASK, conditions=chosen)
    assert app.number_input(key="_exercise.changes..value").value == 1
    assert app.number_input(key="_exercise.knob.T.value").value == 0.5
    assert app.text_input(key="_exercise.changed..value").value == "T"
    assert "The page meets the goal already" in plain(app.warning[0].value)
    assert not app.get("code")
    app = form(app, more="decision is kept\nnonsense")
    assert "must look like" in plain(app.error[0].value)


def test_the_form_gives_a_link_and_checks_a_solution() -> None:
    app = visit("Dynamics", whole=False, model="qj-parity", sample="pair-6650", T="0.5")
    app = form(app, task=TASK, more="decision is kept\nchanges >= 2")
    assert "The start does not meet the goal" in plain(app.success[0].value)
    link = str(app.get("code")[0].value)
    page, query = rendering.parse_link(link)
    exercise = exercise_links.read_exercise(query)
    assert exercise is not None
    assert (page, exercise.task) == ("dynamics", TASK)
    assert [str(one) for one in exercise.goal] == ["decision is kept", "changes >= 2"]
    assert query["T"] == ["0.5"]
    assert not exercise_links.check_link(link).solved
    app = form(app, solution_link="dynamics?model=qj-parity&sample=pair-6650")
    assert "does not meet the goal" in plain(app.error[0].value)
    assert not app.get("code")
    solved = "dynamics?model=qj-parity&sample=pair-6650&T=0.9&H.left=0.9"
    app = form(app, solution_link=f"http://x/{solved}")
    assert not app.error
    query = parse_qs(urlsplit(str(app.get("code")[0].value)).query)
    [state] = query["exercise.solution"]
    assert exercise_links.check_state(exercise, state).solved
    app = form(app, solution_link="http://x/nowhere?a=b")
    assert "Page 'nowhere' does not exist" in plain(app.error[0].value)


@pytest.mark.parametrize("model", ["qj-planted", "qcnn-parity", "crowd"])
def test_the_form_offers_what_a_model_has_and_writes_readable_conditions(model: str) -> None:
    page = {"qj-planted": "Dynamics", "qcnn-parity": "Circuit", "crowd": "Samples"}[model]
    app = visit(page, whole=False, model=model)
    app = form(app, task=TASK)
    labels = app.multiselect(key="_exercise_conditions").options
    assert ("The logarithmic negativity of text" in labels) == (model == "qj-planted")
    assert ("The number of changed entries of the truth tables" in labels) == (
        model == "qcnn-parity"
    )
    assert "The leading modality" in labels
    quick = [label for label in labels if "noise" not in label and "trajectories" not in label]
    app = form(app, conditions=quick[:12])
    assert not app.error
    app = form(app, conditions=quick[-12:])
    assert not app.error


def test_pages_without_a_sample_offer_no_exercise() -> None:
    app = visit("Train", whole=False)
    assert "_exercise_open" not in [button.key for button in app.button]
