"""The time from which joint terms dominate, by hand and on the pages, for both systems."""

from __future__ import annotations

import re

import numpy as np
import pytest

from qfusion.explain import coalitions, verdicts
from qfusion.study.opening import open_study
from qfusion.study.sample import Sample
from qfusion.views import decision
from tests.support.app import plain, said, visit

TEXT, AUDIO = np.array([1.0, 1.0, 1.0, 1.0]), np.zeros(4)


def terms(joint: list[float]) -> dict[str, np.ndarray]:
    return {"": np.full(4, 9.0), "text": TEXT, "audio": AUDIO, "text+audio": np.array(joint)}


def test_joint_share_and_the_time_from_which_it_dominates() -> None:
    share = coalitions.joint_share(terms([0.0, -3.0, 0.5, 3.0]))
    assert share == pytest.approx([0, 0.75, 1 / 3, 0.75])  # sizes count, the baseline does not
    assert verdicts.first_joint_place(share) == 3
    assert verdicts.first_joint_place(coalitions.joint_share(terms([2.0, 2.0, 2.0, 2.0]))) == 0
    assert verdicts.first_joint_place(coalitions.joint_share(terms([5.0, 5.0, 5.0, 0.5]))) is None
    assert coalitions.joint_share({"": TEXT, "text": AUDIO}).tolist() == [0, 0, 0, 0]


def test_answer_sentences() -> None:
    where, rising = ["t = 0", "t = 1", "t = 2", "t = 3"], np.array([0.0, 0.5, 0.75, 1.0])
    said_of = {
        name: decision.title_joint_course(terms(joint), rising, "the entropy", "nats", where)
        for name, joint in {
            "late": [0.0, 0.0, 2.0, 3.0],
            "never": [0.0, 3.0, 0.0, 0.25],
            "always": [2.0, 2.0, 2.0, 3.0],
        }.items()
    }
    assert said_of["late"] == (
        "In size, joint terms lead from t = 2; the entropy grows to 1.00 nats at the end"
    )
    assert "In size, joint terms do not lead at the end (joint share 0% to 20%)" in said_of["never"]
    assert said_of["always"].startswith(
        "In size, joint terms lead from the start; the entropy grows"
    )


def test_dynamics_shows_shapley_values_and_entanglement_under_one_cursor() -> None:
    study = open_study("qj-planted", "planted")
    row = int(study.dataset.rows("test")[2])
    app = visit(
        "Dynamics",
        model="qj-planted",
        sample=str(study.dataset.ids[row]),
        above="entanglement",
        t="0.5",
        words="full",
        **{"as": "Shapley values"},
    )
    assert not app.error
    assert not app.warning
    found = Sample(study, row)
    share = coalitions.joint_share(found.path_dividends)
    words = plain(said(app))
    assert f"At t = 0.50: the joint share is {share[20]:.0%} (" in words
    assert "logarithmic negativity" in words
    assert "split into Shapley values" in words
    assert sum(found.path_shapley[name][-1] for name in study.modalities) + found.path_dividends[
        ""
    ][-1] == pytest.approx(found.score)
    app.slider(key="t").set_value(1.0).run()
    assert not app.exception
    assert f"At t = {study.model.duration:.2f}" in plain(said(app))


def test_slider_shows_joint_share_of_its_pair() -> None:
    app = visit("Dynamics", model="qj-parity", sample="pair-7600", above="mutual information")
    assert "decision unchanged" not in said(app)
    app.slider(key="H.left-right").set_value(0.0).run()
    words = plain(said(app))
    study = open_study("qj-parity", "parity")
    row = study.dataset.row("pair-7600")
    learned, now = (
        Sample(study, row, int(study.predicted[row]), tweak) for tweak in ("", "H.left-right=0")
    )
    whose = study.classes[int(study.predicted[row])]
    assert f"log-odds for ‘{whose}’ {learned.score:.3f} → {now.score:.3f}" in words
    assert (
        f"test accuracy, this seed: {learned.metrics['accuracy']:.3f} → {now.metrics['accuracy']:.3f}"
        in words
    )
    assert "H: left + right × 0: mutual information 0." in words.replace("*", "")
    assert re.search(
        "In size, joint terms lead from t = 0.*; .*mutual information of left and right", words
    )


@pytest.mark.parametrize(
    ("query", "kept"), [({"above": "entanglement"}, "entanglement"), ({}, "entropy")]
)
def test_upper_panel_stays_when_a_slider_moves(query: dict[str, str], kept: str) -> None:
    app = visit("Dynamics", model="qj-parity", **query)
    app.slider(key="H.left-right").set_value(0.5).run()
    assert app.segmented_control(key="above").value == kept
    assert ("above" in app.query_params) == bool(query)


def one_after_another(joint: list[float]) -> dict[str, np.ndarray]:
    """Own terms of opposite signs, whose net sum is small."""
    return {"": TEXT, "text": 4 * TEXT, "audio": -3.5 * TEXT, "text+audio": np.array(joint)}


@pytest.mark.parametrize("joint", [[0.0, 0.0, 1.0, 2.0], [0.0, 0.0, -1.0, -2.0]])
def test_terms_that_cancel_count_by_their_sizes(joint: list[float]) -> None:
    shares = coalitions.joint_share(one_after_another(joint))
    assert shares[-1] == pytest.approx(2 / 9.5)
    title = decision.title_joint_course(
        one_after_another(joint), TEXT, "the entropy", "nats", list("abcd")
    )
    assert title.startswith("In size, joint terms never lead (joint share 0% to 21%)")


@pytest.mark.parametrize(("title", "query"), [("Dynamics", {}), ("Circuit", {"part": "Entropies"})])
def test_network_shows_the_course_by_layer(title: str, query: dict[str, str]) -> None:
    study = open_study("qcnn-parity", "parity")
    row = int(study.dataset.rows("test")[2])
    found = Sample(study, row).path_explanation
    output = int(study.predicted[row])
    name = found.moments[1]
    app = visit(
        title,
        model="qcnn-parity",
        sample=str(study.dataset.ids[row]),
        layer=name,
        **query,
        words="full",
        **{"as": "Shapley values"},
    )
    assert not app.error
    assert not app.warning
    share = coalitions.joint_share(
        {term: found.dividends[:, 0, i, output] for i, term in enumerate(found.coalitions)}
    )
    assert f"At “{name}”: the joint share is {share[1]:.0%} (" in plain(said(app))


def test_invalid_cursor_values_show_a_notice() -> None:
    for query in (
        {"model": "qcnn-parity", "layer": "layer 9 pooled"},
        {"model": "qj-planted", "above": "magic"},
    ):
        app = visit("Dynamics", **query)
        assert len(app.warning) == 1
        assert list(query.values())[1] in plain(app.warning[0].value)
