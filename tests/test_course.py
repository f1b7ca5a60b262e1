"""The course of the documentation: its links open pages in their states, and its answers are true."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from qfusion.app import navigation, state
from qfusion.quantum import measure_kinds
from qfusion.study import circuits, evolution, open_sample
from qfusion.study.evolution import exact_states
from qfusion.study.opening import open_study
from tests.support.app import visit

COURSE = (Path(__file__).resolve().parent.parent / "docs" / "course.md").read_text()
LINKS = re.findall(r"\((http://localhost:8501/[^)]*)\)", COURSE)
TITLES = {Path(file).stem: title for title, file in navigation.FILES.items()}


def answer(number: int) -> str:
    """Returns the answer to a question, in one line."""
    part = COURSE.split(f"\n## {number}. ")[1].split("\n## ")[0]
    return " ".join(part.split("<summary>Answer</summary>")[1].split()).replace("−", "-")


def test_ten_questions_each_with_a_link_and_a_folded_answer() -> None:
    parts = COURSE.split("\n## ")[1:]
    assert len(parts) == 10
    for part in parts:
        question, folded = part.split('<details markdown="1"><summary>Answer</summary>')
        assert question.count("http://localhost:8501/") == 1
        assert folded.rstrip().endswith("</details>")


@pytest.mark.parametrize("link", LINKS)
def test_a_link_opens_its_page_in_its_state(link: str) -> None:
    address = urlsplit(link)
    query = {key: value for key, [value] in parse_qs(address.query).items()}
    app = visit(TITLES[address.path.removeprefix("/")], whole=False, **query)
    assert state.NOTICES not in app.session_state
    for key, value in query.items():
        shown = app.query_params[key] if key in app.query_params else app.session_state[key]
        assert shown in (value, [value])


def test_a_waterfall_adds_up() -> None:
    sample = open_sample("qj-planted", "p2961")
    terms = sample.dividends
    assert max(terms, key=terms.__getitem__) == "audio"
    assert sorted(terms, key=terms.__getitem__)[:2] == ["vision", "text+audio"]
    assert f"by {terms['audio']:.2f}" in answer(1)
    assert f"takes {-terms['vision']:.2f} of it back" in answer(1)
    assert f"text and audio {-terms['text+audio']:.2f}" in answer(1)
    assert f"baseline of {terms['']:.2f}" in answer(1)
    assert f"the score is {sample.score:.2f}" in answer(1)


def test_wrong_signs_of_a_conflict_are_two() -> None:
    study = open_study("qj-planted")
    scores, truth = study.scores[:, 0], study.dataset.y
    is_wrong = ((scores > 0) != (truth > 0)) & (truth != 0)
    rows = np.isin(study.explained_rows, study.dataset.rows("test"))
    relations = study.explained_verdicts().relation[rows & is_wrong[study.explained_rows]]
    assert (relations == "conflict").sum() == 2
    assert f"two of the {len(relations)} test samples" in answer(2)
    assert (relations == "undecided").sum() > len(relations) / 2
    sample = open_sample("qj-planted", "p0468")
    assert sample.verdict.relation == "conflict"
    assert (sample.score > 0) != (sample.truth > 0)
    assert f"says {sample.dividends['audio']:.2f}" in answer(2)
    assert f"says {sample.dividends['vision']:.2f}" in answer(2)


def test_a_two_is_nearest_to_an_eight() -> None:
    against = {
        other: open_sample("qcnn-digits", "digit-0003", output=f"2:{other}")
        for other in "013456789"
    }
    scores = sorted((float(sample.score), other) for other, sample in against.items())
    assert scores[0][1] == "8"
    assert f"is {scores[0][0]:.1f} nats" in answer(3)
    assert "at least 5.7." in answer(3)
    assert scores[1][0] == pytest.approx(5.757, abs=1e-3)
    pixels = {other: sample.dividends["pixels"] for other, sample in against.items()}
    assert pixels["8"] / pixels["0"] == pytest.approx(0.5, abs=0.05)


def test_without_the_coupling_the_picture_leads() -> None:
    learned, weaker = (
        open_sample("qj-scenes", "scene-6358", tweak=tweak)
        for tweak in ("", "H.picture-question=0")
    )
    assert np.argmax(learned.scores) == np.argmax(weaker.scores)
    assert (learned.verdict.relation, weaker.verdict.relation) == ("joint", "dominance")
    joint = [sample.dividends["picture+question"] for sample in (learned, weaker)]
    assert f"from {joint[0]:.1f} to {joint[1]:.1f}" in answer(4)
    assert f"leads with {weaker.dividends['picture']:.1f}" in answer(4)
    accuracies = [sample.metrics["accuracy"] for sample in (learned, weaker)]
    assert "from {:.0%} to {:.0%}".format(*accuracies) in answer(4)


def test_a_decision_is_kept_without_entanglement() -> None:
    tweaks = {
        "learned": "",
        "none": "T=0",
        "joint jumps": "H.left-right=0,D.left-right=0",
        "local": "H.left-right=0,D.left=0,D.right=0,D.left-right=0",
    }
    samples = {
        name: open_sample("qj-parity", "pair-6650", tweak=tweak) for name, tweak in tweaks.items()
    }
    decided = {name: int(np.argmax(sample.scores)) for name, sample in samples.items()}
    assert decided["none"] != decided["learned"] == decided["local"]
    negativity = {}
    for name, sample in samples.items():
        T = float(sample.model.duration)
        rho = exact_states(sample.study, sample.row, sample.tweak, (T,))[-1:]
        states = measure_kinds.States(rho, sample.study.model.dims)
        values = list(measure_kinds.KINDS["negativity"].compute(states))
        negativity[name] = float(values[0][1][0])
    assert negativity["none"] == pytest.approx(0, abs=1e-9)
    assert negativity["local"] == pytest.approx(0, abs=1e-9)
    assert 1e-4 < negativity["joint jumps"] < 0.1 < negativity["learned"]
    assert samples["local"].verdict.joint == pytest.approx(0, abs=1e-9)
    assert f"falls to {samples['local'].metrics['accuracy']:.0%}" in answer(5)


def test_the_joint_term_overtakes_at_half_of_the_time() -> None:
    sample = open_sample("qj-parity", "pair-6639")
    terms = sample.path_dividends
    lead = np.abs(terms["left+right"]) - np.abs(terms["left"] + terms["right"])
    after = int(np.flatnonzero(lead >= 0)[0])
    assert (lead[:after] < 0).all()
    time = np.interp(0, lead[after - 1 : after + 1], sample.places[after - 1 : after + 1])
    assert sample.places[-1] == 1
    assert f"t = {time:.2f}" in answer(6)


def test_the_mean_of_jumps_approaches_the_master_equation() -> None:
    for runs, words in ((25, "{} with 25"), (100, "{} with 100"), (400, "{} with 400")):
        track = open_sample("qj-parity", "pair-6608").track(runs=runs)
        exact = np.einsum("tii->ti", track.rho).real
        distance = float(np.abs(track.ensemble.populations - exact).sum(1).max() / 2)
        assert words.format(f"{distance:.2f}") in answer(7)


def test_one_entry_of_a_table_flips_the_decision() -> None:
    learned, edited = (
        open_sample("qcnn-parity", "pair-6621", tweak=tweak) for tweak in ("", "3.00=1.57")
    )
    assert np.argmax(learned.scores) != np.argmax(edited.scores)
    assert f"from {learned.score:.1f} to {edited.score:.1f}" in answer(8)
    assert f"entry of {learned.study.model.phi.numel()} " in answer(8)
    accuracies = [sample.metrics["accuracy"] for sample in (learned, edited)]
    assert "from {:.0%} to {:.0%}".format(*accuracies) in answer(8)


def test_damping_changes_the_answer_and_depolarising_later() -> None:
    sample = open_sample("qcnn-parity", "pair-6602")

    def decided(depolarising: float, damping: float) -> int:
        noisy = circuits.run_with_noise(sample, (depolarising, damping, 0.0), 1024)
        return int(np.argmax(noisy.scores))

    kept = decided(0, 0)
    assert [decided(0, p) == kept for p in (0.35, 0.4, 0.45)] == [True, False, False]
    assert [decided(p, 0) == kept for p in (0.7, 0.74)] == [True, False]
    assert "between 0.35 and 0.40" in answer(9)
    assert "up to a strength of 0.70" in answer(9)


def test_a_long_evolution_forgets() -> None:
    learned, longer = (open_sample("qj-parity", "pair-6601", tweak=tweak) for tweak in ("", "T=3"))
    settled = [
        evolution.steady_state_of(sample.study, sample.row, sample.tweak)
        for sample in (learned, longer)
    ]
    distances = [one.attractor.distance[evolution.STEPS] for one in settled]
    assert f"at T is {distances[0]:.2f}" in answer(10)
    assert f"[{distances[1]:.2f} at three times T]" in answer(10)
    spreads = [one.spread[1].max() for one in settled]
    assert f"spread by {spreads[1]:.1f} nats, and by {spreads[0]:.1f} as learned" in answer(10)
    assert longer.metrics["accuracy"] == pytest.approx(0.5, abs=0.01)
