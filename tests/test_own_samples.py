"""Samples of a visitor: feature transforms of digits, invalid input, and a study that contains them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qfusion import data
from qfusion.data import own_samples
from qfusion.data.own_samples import OwnInput
from qfusion.data.sources import digits
from qfusion.errors import InvalidInput, NotFound
from qfusion.models.protocols import Evolution
from qfusion.study import Sample, compare, evolution, open_sample, opening, physics_terms, what_if
from qfusion.views import attribution, decision
from tests.support.own_samples import picture, pixels_of, stroke


def test_drawn_pairs_have_the_features_of_the_set() -> None:
    """Pictures of scikit-learn's digits, in all views of them."""
    pairs, views = data.load("parity"), data.load("digits")
    for row in range(0, 600, 60):
        content = pairs.content(row)
        given = {name: picture(content[name].pixels, 3) for name in pairs.names}
        made = own_samples.make_sample(pairs, given, "")
        for name in pairs.names:
            assert np.array_equal(made.features[name], pairs.features(name, row)[0][0])
        drawn = own_samples.make_sample(
            views, {"pixels": picture(views.content(row)["pixels"].pixels)}, ""
        )
        for name in views.names:
            assert np.allclose(drawn.features[name], views.features(name, row)[0][0], atol=1e-6)
    assert own_samples.input_groups(views) == {"pixels": ("pixels", "fourier", "profile")}


def test_drawings_are_centred_and_scaled() -> None:
    """As the 8x8 digits are, wherever and however large they are drawn."""
    counts = digits.block_counts(pixels_of(stroke()))
    assert counts.shape == (8, 8)
    assert counts.max() >= 8
    assert counts[0].any()
    assert counts[7].any()
    paper = np.full((300, 200, 3), 230, np.uint8)
    paper[50:250, 90:110] = 40
    paper[::7, ::11] = 225
    on_paper = digits.block_counts(paper)
    assert on_paper[:, 0].max() == 0
    assert on_paper.max() >= 8


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("left", OwnInput("drawing", b""), "must have 1 to"),
        ("left", OwnInput("drawing", b"not a picture"), "whole PNG or JPEG"),
        ("left", picture(np.zeros((28, 28), np.uint8)), "empty"),
        ("left", picture(np.full((28, 28), 255, np.uint8)), "empty"),
        ("left", OwnInput("recording", b"RIFF"), "a drawing is wanted"),
        ("left", OwnInput("drawing", b"GIF89a", ".gif"), "must not end in"),
        ("left", OwnInput("drawing", b"\0" * 5_000_000), "at most|must have 1 to"),
        ("left", OwnInput("drawing", stroke().data[:200]), "whole PNG or JPEG"),
        ("middle", stroke(), "does not exist"),
    ],
)
def test_invalid_drawings_are_refused(name: str, given: OwnInput, words: str) -> None:
    """In one line that says what to do."""
    with pytest.raises((InvalidInput, NotFound), match=words):
        own_samples.make_sample(data.load("parity"), {name: given}, "pair-0001")


@pytest.fixture(scope="module", params=["qj-parity", "qcnn-parity"])
def opened(request: Any) -> tuple[Sample, Sample]:
    """A sample of a set, and the same as a visitor's own."""
    study = opening.open_study(request.param)
    dataset = study.dataset
    row = int(dataset.rows("test")[3])
    given = {}
    for m in dataset.modalities:
        given[m.name] = picture(np.round(m.values[row].reshape(8, 8) * 255 / 16))
    mine = own_samples.make_sample(dataset, given, "")
    token = opening.session_samples.set((mine,))
    try:
        return Sample(study, row, 1), open_sample(request.param, mine.id, output=study.classes[1])
    finally:
        opening.session_samples.reset(token)


def test_own_sample_has_the_decision_of_the_data_sample(opened: tuple[Sample, Sample]) -> None:
    """Decision, contributions, what if and neighbours; no truth, and nothing of the set is other."""
    theirs, mine = opened
    assert mine.id.startswith("own-")
    assert mine.study is not theirs.study
    assert np.allclose(mine.study.scores[mine.row], theirs.study.scores[theirs.row])
    assert np.allclose(mine.scores, theirs.scores, atol=1e-9)
    assert mine.dividends == pytest.approx(theirs.dividends)
    assert mine.truth is None
    assert mine.target is None
    assert mine.true_class is None
    assert np.isnan(mine.study.errors[mine.row])
    assert "no truth is known" in decision.verdict(mine).title
    assert len(mine.dataset) == len(theirs.dataset)
    assert mine.dataset.digest == theirs.dataset.digest
    assert mine.metrics == theirs.metrics
    assert mine.study.explanation is theirs.study.explanation
    assert mine.study.frame().equals(theirs.study.frame())
    assert mine.background.key == theirs.background.key
    assert compare.nearest(mine).distances[0] == pytest.approx(0, abs=1e-9)
    first = mine.modalities[0]
    inside = [attribution.inside(one, modality=first).numbers for one in opened]
    assert np.allclose(inside[0]["feature_value"], inside[1]["feature_value"])
    flips = what_if.what_would_flip(mine.study, mine.row)
    assert set(flips) == set(mine.modalities)
    if mine.model.part(Evolution):
        ends = [evolution.exact_states(one.study, one.row, one.tweak)[-1] for one in opened]
        assert np.allclose(*ends)
    with pytest.raises(InvalidInput, match="no truth is known"):
        physics_terms.cohort_rows(mine.study, mine.row, physics_terms.CLASS, mine.study.frame)


def test_score_without_truth_is_shown_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a visitor's own sample of a set whose target is a number."""
    monkeypatch.setattr(Sample, "target", None)
    picture = decision.verdict(open_sample("qj-planted", "p2924"))
    assert picture.title.endswith("; no truth is known")
    assert picture.numbers["truth"].isna().all()


def test_results_of_two_visitors_are_not_mixed_up() -> None:
    """Both have their sample in the same row behind the same set."""
    study = opening.open_study("qj-parity")
    made = []
    for row in study.dataset.rows("test")[:2]:
        content: Any = study.dataset.content(row)
        given = {name: picture(content[name].pixels, 1) for name in study.dataset.names}
        mine = own_samples.make_sample(study.dataset, given, "")
        token = opening.session_samples.set((mine,))
        made.append(open_sample("qj-parity", mine.id, output=None))
        opening.session_samples.reset(token)
        assert np.allclose(made[-1].study.scores[made[-1].row], study.scores[row])
    assert made[0].row == made[1].row
    assert made[0].memo_key() != made[1].memo_key()
    ends = [evolution.exact_states(one.study, one.row, one.tweak)[-1] for one in made]
    assert not np.allclose(*ends)
    with pytest.raises(NotFound, match="own-"):
        open_sample("qj-parity", made[0].id)


def test_missing_modalities_are_taken_from_a_sample() -> None:
    dataset = data.load("parity")
    mine = own_samples.make_sample(dataset, {"left": stroke()}, "pair-0007")
    row = dataset.row("pair-0007")
    assert np.array_equal(mine.features["right"], dataset.features("right", row)[0][0])
    assert mine.like == "pair-0007"
    assert mine.fits(dataset)
    assert not mine.fits(data.load("parity3"))
    assert not replace(mine, features={"left": np.zeros(3), "right": np.zeros(64)}).fits(dataset)
