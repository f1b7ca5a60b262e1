"""Exercises: conditions against numbers worked out by hand, links of strangers, the course and its recipe."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import qutip
from hypothesis import given, strategies

from qfusion import cli
from qfusion.analysis import (
    circuit_changes,
    exercise_goals as goals,
    exercise_quantities as quantities,
    open_sample,
    steady_states,
)
from qfusion.analysis.exercises import Exercise, check_exercise, course, make_exercise
from qfusion.errors import InvalidInput, QFusionError
from qfusion.panels import exercise_links, exercise_situations, guides, pages, rendering
from qfusion.wording import exercises as words

DOCS = Path(__file__).resolve().parent.parent / "docs"
COURSE = {exercise.name: exercise for exercise in course()}
LOCAL = "H.left-right=0,D.left=0,D.right=0,D.left-right=0"


def situation(
    model: str = "qj-parity", sample: str = "pair-6650", tweak: str = "", **more: Any
) -> quantities.Situation:
    return quantities.Situation(open_sample(model, sample, tweak=tweak), **more)


def seen(text: str, here: quantities.Situation) -> Any:
    checked = goals.check_condition(goals.parse_condition(text), here)
    assert not checked.problem, checked.problem
    return checked.seen


def problem(text: str, here: quantities.Situation) -> str:
    checked = goals.check_condition(goals.parse_condition(text), here)
    assert not checked.met
    assert checked.seen is None
    return checked.problem


@pytest.mark.parametrize("name", COURSE)
def test_the_start_of_a_shipped_exercise_fails_and_its_solution_passes(name: str) -> None:
    exercise = COURSE[name]
    start = exercise_links.check_state(exercise, exercise.start)
    assert not start.solved
    assert not any(condition.problem for condition in start.conditions)
    outcome = exercise_links.check_state(exercise, exercise.solution)
    assert outcome.solved, [c for c in outcome.conditions if not c.met]
    assert words.describe_outcome(outcome).endswith(exercise.lesson)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("a-rather-than-b", "samples?model=qcnn-digits&data=digits&sample=digit-0003&output=8:3"),
        ("a-rather-than-b", "samples?model=qcnn-digits&data=digits&sample=digit-0003&output=7:6"),
        (
            "read-a-waterfall",
            "dynamics?model=qj-planted&data=planted&sample=p2961&H.text-vision=0.9",
        ),
        (
            "find-a-conflict",
            "dynamics?model=qj-planted&data=planted&sample=p0468&H.text-vision=0.999",
        ),
        (
            "noise-on-the-circuit",
            "circuit?model=qcnn-parity&data=parity&sample=pair-6602&phi=3.00=0.1&noise.damping=0.45",
        ),
    ],
)
def test_a_shipped_exercise_is_not_solved_by_another_way_than_its_task(name: str, way: str) -> None:
    """By the alternative of another digit, by sliders of another page, or by edits beside the noise."""
    assert not exercise_links.check_state(COURSE[name], way).solved


def test_the_course_takes_about_an_hour_with_what_ships() -> None:
    assert len(COURSE) == 10
    assert 50 <= sum(exercise.minutes for exercise in course()) <= 70
    for exercise in course():
        page, query = exercise_links.parse_state(exercise.start)
        solved, solution = exercise_links.parse_state(exercise.solution)
        assert (solved, solution["model"], solution["data"]) == (
            page,
            query["model"],
            query["data"],
        )
        assert query["data"][0] in ("planted", "digits", "scenes", "parity")
        assert exercise.title
        assert exercise.hint
        assert exercise.lesson.endswith(".")


def test_what_the_course_says_is_true() -> None:
    study = situation("qj-planted", "p2924").sample.study
    rows = np.isin(study.explained_rows, study.dataset.rows("test"))
    dividends = study.explained_dividends()[rows]
    places = [list(study.coalitions).index(name) for name in ("audio", "vision")]
    fits = (dividends[:, places[0]] > 0.1) & (dividends[:, places[1]] < -0.1)
    assert fits.mean() == pytest.approx(1 / 4, abs=0.03)  # "about one sample in four"
    scores, truth = study.scores[:, 0], study.dataset.y
    wrong = ((scores > 0) != (truth > 0)) & (truth != 0)
    relations = study.explained_verdicts().relation[rows & wrong[study.explained_rows]]
    assert len(relations) == 47
    assert (relations == "conflict").sum() == 2
    assert (relations == "undecided").sum() > len(relations) / 2
    against = {
        other: open_sample("qcnn-digits", "digit-0003", output=f"2:{other}").dividends["pixels"]
        for other in "08"
    }
    assert against["8"] / against["0"] == pytest.approx(0.5, abs=0.05)
    tables = [situation("qcnn-parity", "pair-6621", tweak).sample for tweak in ("", "3.00=1.57")]
    accuracies = [f"{sample.metrics['accuracy']:.0%}" for sample in tables]
    assert accuracies == ["97%", "88%"]
    assert tables[0].study.model.phi.numel() == 32
    for strength, decided in ((0.7, "kept"), (0.74, "changed")):
        noisy = situation("qcnn-parity", "pair-6602", noise=(strength, 0.0, 0.0))
        assert seen("noisy_decision is kept", noisy) == decided
    samples = [situation(sample="pair-6601", tweak=tweak).sample for tweak in ("", "T=3")]
    gone = situation(tweak=LOCAL).sample
    assert gone.verdict.joint == pytest.approx(0, abs=1e-9)
    assert gone.metrics["accuracy"] == pytest.approx(0.5, abs=0.05)
    without_time = situation(tweak="T=0")  # of the hint, as the next one
    assert seen("negativity[left] <= 0", without_time) == pytest.approx(0, abs=1e-9)
    assert seen("decision is kept", without_time) == "changed"
    joint_jumps = situation(tweak="H.left-right=0,D.left-right=0")
    assert 1e-4 < seen("negativity[left] <= 0", joint_jumps) < 0.1
    spreads = [steady_states.attract(s.study, s.row, s.tweak).spread[1].max() for s in samples]
    assert spreads == pytest.approx([8.1, 0.5], abs=0.1)


# Conditions against numbers that are worked out otherwise.


def test_states_are_those_of_qutip() -> None:
    here = situation(tweak="H.left-right=0.5,T=1.5", cursor=0.3)
    sample = here.sample
    system = sample.model.system()
    ket = qutip.Qobj(sample.study.space.ket(sample.row).numpy(), dims=[[4, 4], [1, 1]])
    H = qutip.Qobj(system.H.numpy(), dims=[[4, 4], [4, 4]])
    L = [qutip.Qobj(jump.numpy(), dims=[[4, 4], [4, 4]]) for jump in system.jumps]
    times = [0.0, 0.45, 0.75, 1.5]
    states = qutip.mesolve(
        H, qutip.ket2dm(ket), times, L, options={"rtol": 1e-10, "atol": 1e-12}
    ).states
    for place, when in ((1, " at cursor"), (2, " at 0.5"), (3, "")):
        rho = states[place]
        transposed = qutip.partial_transpose(rho, [1, 0])
        negativity = np.log2(np.abs(transposed.eigenenergies()).sum())
        assert seen(f"negativity[left]{when} > 0", here) == pytest.approx(negativity, abs=1e-7)
        left, right = (qutip.entropy_vn(rho.ptrace(m)) for m in (0, 1))
        assert seen(f"entropy[left]{when} > 0", here) == pytest.approx(left, abs=1e-7)
        whole = qutip.entropy_vn(rho)
        assert seen(f"entropy{when} > 0", here) == pytest.approx(whole, abs=1e-7)
        mutual = seen(f"mutual_information[left:right]{when} > 0", here)
        assert mutual == pytest.approx(left + right - whole, abs=1e-7)
        assert seen(f"total_correlation{when} > 0", here) == pytest.approx(mutual, abs=1e-9)
        purity = (rho * rho).tr().real
        assert seen(f"purity{when} > 0", here) == pytest.approx(purity, abs=1e-7)


def test_terms_are_those_of_all_coalitions() -> None:
    here = situation("qj-planted", "p2924", "H.text-audio=0.5")
    sample = here.sample
    inputs = {name: value[0] for name, value in sample.inputs.items()}
    assert set(inputs) == set(sample.modalities)
    values = {}
    for number in range(8):
        members = [name for m, name in enumerate(sample.modalities) if number >> m & 1]
        values[frozenset(members)] = float(
            sample.explanation.values[0, list(sample.study.coalitions).index("+".join(members)), 0]
        )

    def dividend(*names: str) -> float:
        total = 0.0
        for number in range(2 ** len(names)):
            part = [name for m, name in enumerate(names) if number >> m & 1]
            total += (-1) ** (len(names) - len(part)) * values[frozenset(part)]
        return total

    assert seen("term[text+audio] > 0", here) == pytest.approx(dividend("text", "audio"))
    own = sum(dividend(name) for name in sample.modalities)
    assert seen("own > 0", here) == pytest.approx(own)
    score = values[frozenset(sample.modalities)]
    assert seen("score > 0", here) == pytest.approx(score)
    joint = score - values[frozenset()] - own
    assert seen("joint > 0", here) == pytest.approx(joint)
    sizes = [abs(value) for term, value in sample.dividends.items() if "+" in term]
    everything = sum(abs(value) for term, value in sample.dividends.items() if term)
    assert seen("joint_share > 0", here) == pytest.approx(sum(sizes) / everything)
    assert seen("error > 0", here) == pytest.approx(
        abs(score - float(sample.dataset.y[sample.row]))
    )
    shapley = [seen(f"shapley[{name}] > 0", here) for name in sample.modalities]
    assert sum(shapley) == pytest.approx(score - values[frozenset()])
    share = abs(shapley[1]) / sum(map(abs, shapley))
    assert seen("share[audio] > 0", here) == pytest.approx(share)
    assert seen("leader is none", here) == "none"  # the combination decides
    assert seen("verdict is joint", here) == "joint"
    assert seen("sign is negative", here) == "negative"
    assert seen("correct is yes", here) == "yes"


def test_decisions_are_compared_with_the_model_as_trained() -> None:
    kept, flipped = situation(tweak=LOCAL), situation(tweak="T=0")
    assert seen("decision is kept", kept) == "kept"
    assert seen("decision is kept", flipped) == "changed"
    assert {seen("class is odd", kept), seen("class is odd", flipped)} == {"odd", "even"}
    assert seen("probability[odd] > 0", kept) == pytest.approx(kept.sample.probabilities[1])
    accuracy = seen("metric[accuracy] > 0", kept)
    model, study = kept.sample.model, kept.sample.study
    rows = study.dataset.rows("test")
    scores = model.scores(model.encode(study.inputs(rows))).detach().numpy()
    assert accuracy == pytest.approx((scores.argmax(1) == study.dataset.y[rows]).mean())


def test_changes_are_counted_and_named() -> None:
    here = situation(tweak="H.left-right=0.5,D.left=0,T=2")
    assert seen("changes <= 3", here) == 3
    assert seen("knob[H.left-right] < 1", here) == 0.5
    assert seen("knob[H.left] < 1", here) == 1
    assert seen("knob[T] < 1", here) == 2
    assert seen("largest_factor <= 1", here) == 1
    assert seen("largest_factor <= 1", situation(tweak="H.left=1.5")) == 1.5
    for allowed, met in (
        ("H,D,T", True),
        ("H.left-right,D,T", True),
        ("H,T", False),
        ("H.left,D,T", False),
    ):
        condition = goals.parse_condition(f"changed within {allowed}")
        assert goals.check_condition(condition, here).met is met
        assert goals.check_condition(condition, situation()).met


def test_edits_of_tables_and_of_the_network_are_counted() -> None:
    here = situation("qcnn-parity", "pair-6621", "3.00=1.57,all:learned,2:and,pooling.0.2=0.5")
    learned = here.sample.study.model.phi.detach()
    now = here.sample.model.phi.detach()
    assert seen("edits <= 9", here) == int(((now - learned).abs() > 1e-9).sum())
    assert seen("changes <= 9", here) == seen("edits <= 9", here) + 1
    condition = goals.parse_condition("changed within tables")
    assert goals.forbidden_changes(condition, here) == ["pooling.0.2"]
    assert not goals.check_condition(condition, here).met
    assert (
        seen("changed within tables", situation("qcnn-parity", "pair-6621", "3.00=1.57")) == "3.00"
    )


def test_the_joint_term_overtakes_where_the_sizes_cross() -> None:
    sample = open_sample("qj-parity", "pair-6639")
    when = quantities.overtaking_time(sample)
    assert when is not None
    sizes = []
    for T in (when - 0.02, when + 0.02):
        terms = open_sample("qj-parity", "pair-6639", tweak=f"T={T}").dividends
        sizes.append(abs(terms["left+right"]) - abs(terms["left"] + terms["right"]))
    assert sizes[0] < 0 < sizes[1]
    here = situation(sample="pair-6639", cursor=0.25)
    assert seen("time > 0", here) == pytest.approx(0.25)
    assert seen("overtaking > 0", here) == pytest.approx(when - 0.25)
    assert "never become as large" in problem("overtaking > 0", situation(tweak=LOCAL))


def test_trajectories_are_compared_with_the_master_equation() -> None:
    here = situation(sample="pair-6608", runs=50)
    track = here.sample.track(runs=50)
    populations = np.mean([run.populations for run in track.trajectories], axis=0)
    exact = np.array([np.diag(rho).real for rho in track.rho])
    distance = max(0.5 * np.abs(a - b).sum() for a, b in zip(populations, exact, strict=True))
    assert seen("trajectory_error > 0", here) == pytest.approx(distance)
    assert seen("runs >= 50", here) == 50
    assert seen("trajectory_error > 0", situation(tweak=LOCAL)) < 1e-6  # nothing jumps


def test_the_steady_state_is_the_kernel_of_the_generator() -> None:
    here = situation(sample="pair-6601", tweak="T=2")
    system = here.sample.model.system()
    H = qutip.Qobj(system.H.numpy())
    L = [qutip.Qobj(jump.numpy()) for jump in system.jumps]
    steady = qutip.steadystate(H, L)
    ket = qutip.Qobj(here.sample.study.space.ket(here.sample.row).numpy())
    rho = qutip.mesolve(
        H, qutip.ket2dm(ket), [0, 2.0], L, options={"rtol": 1e-10, "atol": 1e-12}
    ).states[-1]
    assert seen("steady_distance > 0", here) == pytest.approx(
        qutip.tracedist(rho, steady), abs=1e-6
    )
    rates = np.sort(-qutip.liouvillian(H, L).eigenenergies().real)
    assert seen("gap > 0", here) == pytest.approx(rates[1], abs=1e-6)
    assert "no unique steady state" in problem("steady_distance > 0", situation(tweak=LOCAL))


def test_noise_is_that_of_the_noisy_circuit() -> None:
    here = situation("qcnn-parity", "pair-6602", noise=(0.0, 0.6, 0.0), shots=500)
    scores = circuit_changes.run_with_noise(here.sample, (0.0, 0.6, 0.0), 500).scores
    assert seen("noisy_score > 0", here) == scores[here.sample.output]
    assert seen("noisy_class is odd", here) == "even"
    assert seen("noisy_decision is kept", here) == "changed"
    assert seen("noise[damping] > 0", here) == 0.6
    assert seen("shots > 0", here) == 500
    twice = situation("qcnn-parity", "pair-6602", noise=(0.0, 0.6, 0.0), shots=2000)
    assert seen("noisy_lead > 0", twice) == pytest.approx(2 * seen("noisy_lead > 0", here))


def test_choices_are_those_of_the_address() -> None:
    address = {
        "model": "qcnn-digits",
        "data": "digits",
        "sample": "digit-0003",
        "output": "2:8",
        "background": "training set",
    }
    here = exercise_situations.open_situation(pages.open_page("samples", address).view)
    assert seen("output is 2:8", here) == "2:8"
    assert seen("explained is 2", here) == "2"
    assert "not classes" in problem("explained is 2", situation("qj-planted", "p2924"))
    assert seen("background is joint", here) == "joint"
    assert seen("sample is x", here) == "digit-0003"
    assert seen("model is x", here) == "qcnn-digits"
    assert seen("split is test", here) == str(here.sample.dataset.split[here.sample.row])
    assert problem("option[nope] is x", here).startswith("Choice 'nope' does not exist")
    address = {
        "model": "qj-parity",
        "data": "parity",
        "sample": "pair-6650",
        "t": "0.25",
        "runs": "50",
    }
    here = exercise_situations.open_situation(pages.open_page("dynamics", address).view)
    assert (here.cursor, here.runs) == (0.25, 50)
    assert seen("option[view] is State", here) == "Decision"  # its default
    assert seen("option[runs] is 50", here) == "50"
    assert seen("output is predicted", here) == "predicted"
    assert seen("background is product", here) == "product"


@pytest.mark.parametrize(
    ("operator", "difference", "met"),
    [
        ("<=", 5e-10, True),
        ("<=", 5e-9, False),
        ("<", -5e-10, False),
        ("<", -5e-9, True),
        (">=", -5e-10, True),
        (">=", -5e-9, False),
        (">", 5e-10, False),
        (">", 5e-9, True),
    ],
)
def test_bounds_have_the_stated_tolerance(operator: str, difference: float, met: bool) -> None:
    condition = goals.Condition("score", operator, 0.5)
    assert goals.is_met(condition, 0.5 + difference, situation()) is met


@pytest.mark.parametrize("operator", ["is", "is not"])
def test_words_are_compared_as_they_are_written(operator: str) -> None:
    condition = goals.Condition("leader", operator, "text")
    for word in ("text", "Text", "audio"):
        assert goals.is_met(condition, word, situation()) is (
            (word == "text") == (operator == "is")
        )


def test_every_quantity_has_words_and_a_test() -> None:
    tests = Path(__file__).read_text()
    shown = (DOCS / "course.md").read_text()
    for name, spec in quantities.QUANTITIES.items():
        assert re.search(rf'"{name}[ \[{{]', tests), name
        assert re.search(rf"`{name}[`\[ ]", shown), name
        if name != "changed":
            value: Any = 1.0 if spec.is_number else "odd"
            operator = "<=" if spec.is_number else "is"
            part = "left" if spec.parts is not None or name == "option" else ""
            sentence = words.describe_condition(goals.Condition(name, operator, value, part))
            assert sentence[0] == sentence[0].upper()


# Texts of strangers.


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "must look like"),
        ("leader", "must look like"),
        ("leader == text", "must look like"),
        ("__import__('os').system('x') is 1", "must look like"),
        ("colour is red", "Quantity 'colour' does not exist"),
        ("score is 1", "must be compared by `<=` or `>=`"),
        ("leader > 1", "must be compared by `is` or `is not`"),
        ("changed is H", "must be compared by `within`"),
        ("score within 1", "must be compared by"),
        ("score > many", "must be a number"),
        ("score > nan", "must lie between"),
        ("score > inf", "must lie between"),
        ("score > 1e9", "must lie between"),
        ("term > 1", "must name what it is of"),
        ("option is x", "must name what it is of"),
        ("score[text] > 1", "has no parts"),
        ("score at cursor > 1", "has no value at a time"),
        ("negativity[text] at 2 > 1", "must lie between"),
        ("negativity[text] at noon > 1", "must be a number"),
        ("leader is " + "x" * 400, "at most 300 characters"),
        ("term[] > 1", "must look like"),
        ("term[" + "[" * 100 + " > 1", "must look like"),
    ],
)
def test_conditions_that_do_not_fit_are_refused_with_a_reason(text: str, wanted: str) -> None:
    with pytest.raises(QFusionError, match=re.escape(wanted)):
        goals.parse_condition(text)


@given(strategies.text(max_size=320))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        condition = goals.parse_condition(text)
    except QFusionError:
        return
    assert goals.parse_condition(str(condition)) == condition


@pytest.mark.parametrize(
    "text",
    [
        "leader is not text",
        "term[text+audio] >= -0.25",
        "negativity[left] at cursor <= 0",
        "mutual_information[a:b] at 0.5 > 1e-05",
        "changed within H.text-audio,T",
        "output is 2:8",
        "class is two words",
        "share[eeg [uV]] >= 0.5",
        "entropy[[eeg]] at cursor > 0.1",
    ],
)
def test_a_condition_is_written_as_it_is_read(text: str) -> None:
    assert str(goals.parse_condition(text)) == text


def test_conditions_that_do_not_apply_are_not_met_and_say_why() -> None:
    here = situation()
    assert "Part of `share` 'face' does not exist" in problem("share[face] > 0", here)
    assert "Value of `leader` 'face'" in problem("leader is face", here)
    assert "no fusion rules" in problem("edits <= 1", here)
    assert "no fusion rules" in problem("noisy_class is odd", here)
    assert "no annotated number" in problem("error < 1", here)
    network = situation("qcnn-parity", "pair-6621")
    assert "has no evolution in time" in problem("negativity[left] <= 0", network)
    assert "has no evolution in time" in problem("steady_distance < 1", network)
    assert "Did you mean" in problem("term[lef] < 1", here)
    assert "predicts a number, not classes" in problem(
        "class is x", situation("crowd", "clip-0003")
    )
    assert "is known on pages alone" in problem("option[view] is x", here)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("exercise=nope", "Exercise 'nope' does not exist"),
        ("exercise=" + "x" * 500, "does not exist"),
        ("exercise.task=do", "must have 1 to 12 conditions, but has 0"),
        ("exercise.goal=leader is left", "must have a task"),
        ("exercise.task=%20%0A&exercise.goal=leader is left", "must have a task"),
        (f"exercise.task={'x' * 1001}&exercise.goal=score > 0", "at most 1,000 characters"),
        (f"exercise.task=x&exercise.hint={'x' * 601}&exercise.goal=score > 0", "at most 600"),
        ("exercise.task=x" + "&exercise.goal=score > 0" * 13, "but has 13"),
        ("exercise.task=x&exercise.goal=eval(1)", "must look like"),
        (
            "exercise.task=x&exercise.goal=score > 0&exercise.solution=https://evil.example/",
            "a page of ours",
        ),
        (
            "exercise.task=x&exercise.goal=score > 0&exercise.solution=javascript:alert(1)",
            "a page of ours",
        ),
        ("exercise.task=x&exercise.goal=score > 0&exercise.solution=train?x=1", "Page 'train'"),
        (f"exercise.task=x&exercise.goal=score > 0&exercise.start={'y' * 8001}", "at most 8,000"),
    ],
)
def test_hostile_links_are_refused_with_a_reason(query: str, wanted: str) -> None:
    values = rendering.parse_link(f"samples?{query}")[1]
    with pytest.raises(QFusionError, match=re.escape(wanted)):
        exercise_links.read_exercise(values)


def test_a_link_holds_an_exercise_and_gives_it_back() -> None:
    exercise = make_exercise(
        "Weaken *one* coupling & <b>keep</b> 100 % of it?",
        ["leader is left", "negativity[left] at cursor <= 0"],
        hint="=1+1",
        solution="dynamics?model=qj-parity&data=parity&sample=pair-6650&H.left-right=0",
    )
    state = {"model": ["qj-parity"], "data": ["parity"], "sample": ["pair-6650"], "fig.a": ["x y"]}
    link = exercise_links.link_text("dynamics", state, exercise)
    page, query = rendering.parse_link(f"https://example.org/app/{link}")
    assert page == "dynamics"
    assert exercise_links.read_exercise(query) == exercise
    assert {key: values for key, values in query.items() if not guides.is_guide(key)} == state
    shipped = COURSE["forgetting"]
    link = exercise_links.link_text("dynamics", {}, shipped)
    assert exercise_links.read_exercise(rendering.parse_link(link)[1]) == shipped


def test_a_state_leaves_out_what_guides_and_what_belongs_to_a_session() -> None:
    text = "dynamics?model=m&tour=1&exercise=x&exercise.go=start&_page=Train&H.a=0"
    assert exercise_links.parse_state(text) == ("dynamics", {"model": ["m"], "H.a": ["0"]})


def test_a_link_is_checked_against_the_goal_in_it_or_the_one_that_is_given() -> None:
    exercise = COURSE["weaken-a-coupling"]
    easy = exercise.solution.replace("question=0", "question=0.9")
    easy += "&exercise.task=x&exercise.goal=" + quote("changes <= 1")
    assert exercise_links.check_link(easy).solved
    assert not exercise_links.check_link(easy, exercise).solved
    assert not exercise_links.check_link("dynamics?exercise=weaken-a-coupling").solved
    assert exercise_links.check_link(exercise.solution, exercise).solved
    with pytest.raises(InvalidInput, match="holds no exercise"):
        exercise_links.check_link(exercise.solution)
    with pytest.raises(InvalidInput, match="shows no sample"):
        exercise_links.check_link("train", exercise)
    with pytest.raises(InvalidInput, match="Model 'nope' does not exist"):
        exercise_links.check_link("dynamics?model=nope&sample=x", exercise)


def test_the_sliders_count_on_the_pages_that_have_them() -> None:
    exercise = Exercise("x", goals.parse_goal(["changes >= 1"]))
    query = "model=qj-parity&data=parity&sample=pair-6650&H.left-right=0"
    assert exercise_links.check_link(f"dynamics?{query}", exercise).solved
    with pytest.raises(InvalidInput, match="no such setting"):
        exercise_links.check_link(f"samples?{query}", exercise)


# Sentences.


def test_sentences_follow_from_conditions_and_numbers() -> None:
    here = situation("qj-planted", "p2924", "H.text-audio=0.5", cursor=0.25)
    for text, requirement, now in (
        ("leader is vision", "Vision leads the decision", "none leads"),
        ("leader is none", "No modality leads the decision", "none leads"),
        ("leader is not none", "A modality leads the decision", "none leads"),
        ("verdict is not joint", "The verdict is not joint", "joint"),
        (
            "decision is changed",
            "The decision differs from that of the model as trained",
            "it does not differ",
        ),
        (
            "decision is not changed",
            "The decision is that of the model as trained",
            "it does not differ",
        ),
        ("changed within H,T", "Only couplings and the duration are changed", "H.text-audio"),
        ("changed within T", "Only the duration is changed", "H.text-audio"),
        ("term[text+audio] >= 0.5", "The contribution of text + audio is at least 0.5", "-0.528"),
        ("changes <= 0", "The number of changes to the model is 0", "1"),
        ("changes < 2", "The number of changes to the model is below 2", "1"),
        ("time > 0.3", "The time of the cursor is above 0.3", "0.25"),
    ):
        checked = goals.check_condition(goals.parse_condition(text), here)
        assert words.describe_condition(checked.condition) == requirement
        assert words.describe_seen(checked) == now


@pytest.mark.parametrize(
    ("number", "bound", "text"),
    [
        (0.05, 0.05, "0.05"),
        (0.0500001, 0.05, "0.0500001"),
        (0.12345, 0.05, "0.123"),
        (1e-15, 0.0, "0"),
        (-1e-12, 1.0, "0"),
        (float("inf"), 2.0, "infinite"),
    ],
)
def test_a_number_is_written_so_that_it_differs_from_its_bound(
    number: float, bound: float, text: str
) -> None:
    assert words.format_beside(number, bound) == text


def test_outcomes_end_in_a_sentence() -> None:
    here = situation()
    for goal, sentence in (
        (["changes <= 0"], "Solved: the condition is met."),
        (["changes <= 0", "edits <= 1"], "1 of 2 conditions is met."),
        (["changes >= 1"], "0 of 1 condition is met."),
    ):
        assert words.describe_outcome(check_exercise(make_exercise("x", goal), here)) == sentence


# The command, and the recipe of the documentation.


def run(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert not ended.value.code, arguments


def test_the_command_lists_prints_and_checks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("exercise", "--json")
    records = json.loads(capsys.readouterr().out)
    assert [record["name"] for record in records] == list(COURSE)
    run("exercise")
    assert "10 exercises, about 60 minutes" in capsys.readouterr().out
    run("exercise", "weaken-a-coupling", "--solution")
    printed = capsys.readouterr().out
    assert "Picture leads the decision." in printed
    assert "*" not in printed
    exercise = COURSE["weaken-a-coupling"]
    run("exercise", "--check", f"{exercise.solution}&exercise=weaken-a-coupling")
    printed = capsys.readouterr().out
    assert "Solved: all 7 conditions are met." in printed
    links = tmp_path / "links.txt"
    links.write_text(
        f"# a class\nada http://x/{exercise.solution}\n\nAlan Turing, http://x/{exercise.start}\n"
        "http://x/nowhere?y=1\n"
    )
    run("exercise", "weaken-a-coupling", "--check", str(links), "--json")
    rows = json.loads(capsys.readouterr().out)
    assert [(row["who"], row["solved"]) for row in rows] == [
        ("ada", True),
        ("Alan Turing", False),
        ("line 5", False),
    ]
    assert "Page 'nowhere' does not exist" in rows[2]["problem"]
    run("exercise", f"http://x/{exercise.start}&exercise=forgetting", "--check", str(links))
    assert "0 of 3 states solve their exercise" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"", "must hold 1 to 1,000 links"),
        (b"# nothing\n", "must hold 1 to 1,000 links"),
        (b"\xff\xfe\x00", "is not text"),
        (b"ada x\nada y\n", "names 'ada' twice"),
    ],
)
def test_files_without_links_are_refused(
    content: bytes, wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "links").write_bytes(content)
    with pytest.raises(SystemExit) as ended:
        cli.main(["exercise", "--check", str(tmp_path / "links")])
    assert ended.value.code
    assert wanted in capsys.readouterr().err


def test_the_recipe_of_the_documentation_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "course.md").read_text()
    collected = re.findall(r"^    (\w+ http://\S+)$", page, re.MULTILINE)
    assert len(collected) == 2
    (tmp_path / "links.txt").write_text("\n".join(collected))
    commands = re.findall(r"^    python -m qfusion (.*)$", page, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        run(*re.findall(r'[^\s"]+', command))
    assert "1 of 2 states solve their exercise" in capsys.readouterr().out
    for program in re.findall(r"(?s)```python\n(.*?)```", page):
        exec(program, {})
    printed = capsys.readouterr().out
    assert "Solved: all 7 conditions are met." in printed
    assert "Solved: all 7 conditions are met." in page


def test_the_documentation_lists_the_course() -> None:
    page = (DOCS / "course.md").read_text()
    for place, exercise in enumerate(course(), 1):
        title = exercise_links.parse_state(exercise.start)[0].capitalize()
        row = f"| {place} | {exercise.title} | {title} | {exercise.minutes} | `{exercise.name}` |"
        assert row in page
