"""The sentences of decision operators: ties, small shares, votes of nothing; what the page says of three samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qfusion.plugins.operators import views
from qfusion.views.pages import catalogue
from tests.support.golden_sentences import check_sentences, page_sentences

GOLDEN = Path(__file__).parent / "golden"
ELEMENTS = ["alpha", "beta", "gamma"]


@pytest.mark.parametrize(
    ("effects", "named"),
    [
        ([0.3, 0.6, 0.1], ["beta"]),
        ([0.6, 0.60003, 0.1], ["alpha", "beta"]),
        ([0.0, 1e-12, 0.0], []),
    ],
)
def test_elements_whose_effects_are_written_alike_count_together(
    effects: list[float], named: list[str]
) -> None:
    words = views.describe_largest_effect(np.array([effects]), ELEMENTS, ["m"])
    if len(named) > 1:
        assert "2 elements count most, equally" in words
    else:
        assert [name for name in ELEMENTS if name in words] == named


def test_no_sample_is_near_where_there_is_none() -> None:
    assert "none is close" in views.nearest_heading("for", [])
    assert "none" not in views.nearest_heading("for", [0.2, 0.6])


@pytest.mark.parametrize(
    ("part", "words"), [(0.0, "0.0%"), (0.0004, "less than 0.1%"), (0.036, "3.6%"), (0.5, "50%")]
)
def test_small_shares_of_a_sample_have_a_decimal_place(part: float, words: str) -> None:
    assert views.format_share(part) == words


@pytest.mark.parametrize(
    ("votes", "words"),
    [
        ([-0.3, 0.005, 0.2], "2 eigenstates of text argue for a higher score, 1 against"),
        ([0.2, 0.0, -0.004], "1 eigenstate of text argues for a higher score, 0 against"),
    ],
)
def test_votes_that_are_written_as_nothing_are_on_no_side(votes: list[float], words: str) -> None:
    said = views.describe_votes("text", np.array(votes), "eigenstate", -0.001)
    assert words in said
    assert "adds +0.00" in said


@pytest.mark.parametrize(
    ("model", "data", "sample"),
    [
        ("qcnn-parity", "parity", "pair-6601"),
        pytest.param("qj-planted", "planted", "p0031", marks=pytest.mark.slow),
        pytest.param("qj-scenes", "scenes", "scene-6338", marks=pytest.mark.slow),
    ],
)
def test_the_page_says_the_same_of_a_sample(model: str, data: str, sample: str) -> None:
    address = {"model": model, "data": data, "sample": sample}
    view = catalogue.open_page("decision operators", address).view
    check_sentences(GOLDEN / f"{model}.txt", page_sentences(view, lambda *_: True))
