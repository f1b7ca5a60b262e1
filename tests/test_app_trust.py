"""The page of faithfulness equals the library: links, invalid input, unmeasured values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion import data
from qfusion.explain import stability
from qfusion.study import opening, trust
from qfusion.training import checkpoint
from qfusion.views.words.reliability import describe_finding
from tests.support.app import plain, said, visit

FAITHFULNESS = "Faithfulness"
PROOFS = ("Deletion", "Truth", "Other methods", "Training seeds")


@pytest.fixture(params=["qj-planted", "qcnn-parity"])
def model(request: pytest.FixtureRequest) -> str:
    """A model of each system."""
    return str(request.param)


def study_of(name: str) -> Any:
    found = checkpoint.load(name)
    return opening.build_study(name, found.card, found.model, data.load(found.card["data"]["name"]))


def test_every_view_of_faithfulness_opens(model: str) -> None:
    app = visit(FAITHFULNESS, model=model, **{"proof.of": study_of(model).modalities[-1]})
    for proof in PROOFS:
        app.query_params["proof"] = proof
        app.session_state["proof"] = proof
        app.run()
        assert not app.exception
        assert not app.error
        assert not app.warning
        assert "exceeds its spread over training seeds in" in plain(said(app))
        if proof == "Truth":
            assert (
                "Rank correlations with the truth"
                if model == "qj-planted"
                else "has no planted truth"
            ) in plain(said(app))
        if proof == "Deletion":
            order = r"our order (beats|is only slightly faster than) every one of 10 random orders"
            assert re.search(order, said(app))


def test_constant_terms_are_not_in_the_table_of_truth() -> None:
    app = visit(FAITHFULNESS, whole=False, model="qj-scenes", proof="Truth")
    assert "2 terms are constant" in plain(said(app))
    table = app.dataframe[0].value
    assert list(table["term"]) == ["picture + question"]
    assert not table.isna().any(axis=None)


def test_warnings_equal_the_measurements() -> None:
    study = study_of("qj-planted")
    found = trust.compare_with_truth(study)
    assert found is not None
    words = plain(said(visit(FAITHFULNESS, whole=False, model="qj-planted", proof="Truth")))
    assert (
        f"rank correlation {found.rank.min():.2f} on {len(study.dataset.rows('test')):,} test samples"
        in words
    )
    share, count = trust.sarcasm(study, None)[0]
    assert f"of {count} sarcastic test samples {share:.1%}" in words
    short, full = (
        visit(FAITHFULNESS, whole=False, model="qj-planted", words=depth)
        for depth in ("brief", "full")
    )
    helps = [plain(element.help) for element in short.markdown if element.help]
    for one in map(describe_finding, trust.reliability_findings(study)):
        assert one.sentence in plain(said(full))
        assert one.sentence in helps
        assert one.brief in plain(said(short))
        assert 2 <= len(one.brief.split()) <= 12


def test_deletion_by_our_order_beats_every_random_order(model: str) -> None:
    """What the Faithfulness page claims, of the modalities and inside each of them."""
    study = study_of(model)
    assert trust.modality_curves(study, False).better
    # benchmarks/faithfulness.py measures all
    for name in study.modalities[-2:] if model != "qj-planted" else study.modalities[-1:]:
        assert trust.feature_curves(study, name, "gradient x input", False).better, name


def test_unmeasured_seeds_show_a_notice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stability, "FOLDER", tmp_path)
    words = plain(said(visit(FAITHFULNESS, model="qj-planted", proof="Training seeds")))
    assert "not measured for model 'qj-planted'. `python scripts/stability.py`" in words
    study = study_of("qj-planted")
    _, explained = trust.explain_test_rows(study)
    rng = np.random.default_rng(0)
    runs = np.array(
        [
            explained.dividends[..., 0] + noise * rng.normal(size=explained.dividends.shape[:2])
            for noise in (0, 0.1, 0.1)
        ]
    )
    kept = stability.Stability(study.modalities, study.coalitions, (0, 1, 2), runs, 2100, False)
    stability.save(
        tmp_path / "qj-planted.safetensors",
        kept,
        weights=study.card["weights_sha256"],
        data=study.dataset.digest,
    )
    words = plain(said(visit(FAITHFULNESS, model="qj-planted", proof="Training seeds")))
    ranks = kept.rank_correlations()
    least = min(ranks, key=lambda name: ranks[name][0])
    assert (
        f"Least stable: {' + '.join(least.split('+'))} (rank correlation {ranks[least][0]:.2f})"
        in words
    )
    stability.save(
        tmp_path / "qj-planted.safetensors",
        kept,
        weights="of another model",
        data=study.dataset.digest,
    )
    assert "of other weights or data" in plain(
        said(visit(FAITHFULNESS, model="qj-planted", proof="Training seeds"))
    )


def test_other_methods_run_on_request() -> None:
    app = visit(
        FAITHFULNESS, model="qcnn-digits", proof="Other methods", background="one other sample"
    )
    assert not app.dataframe
    assert "brute force" in said(app)  # what it costs
    app.toggle(key="proof.run").set_value(True).run()
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table["method"])[1] == "brute force"
    assert table["largest_error"][1] < 1e-10
    app = visit(
        FAITHFULNESS, model="qcnn-digits", proof="Other methods", background="nothing known"
    )
    assert "need background samples" in said(app)


def test_invalid_link_values_show_a_notice() -> None:
    query = {
        "proof": "Oath",
        "proof.rank": "luck",
        "proof.of": "smell",
        "proof.by": "beauty",
        "as": "x",
    }
    app = visit(FAITHFULNESS, whole=False, **query)
    told = [plain(warning.value) for warning in app.warning]
    assert len(told) == len(query)
    for key, value in query.items():
        assert any(f"`{key}`" in words and value in words for words in told)
    assert not app.error
