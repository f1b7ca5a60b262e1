"""The Cohorts and Compare pages equal the library: links, saved cohorts, pins, invalid input."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from qfusion import explain
from qfusion.errors import QFusionError
from qfusion.models import Tweak
from qfusion.models.network import gate_angles
from qfusion.models.tweak import LEARNED
from qfusion.quantum import measures, states
from qfusion.study import cohorts, evolution, performance
from qfusion.study.opening import open_study
from qfusion.training import checkpoint, checkpoint_cards, metrics
from qfusion.views.cohort_points import describe_correlation
from qfusion.views.pages import address, page_state
from tests.support.app import plain, said, visit


@pytest.fixture(params=["planted", "digits"])
def source(request: pytest.FixtureRequest) -> str:
    """Data sets with a model of their own."""
    if model_of(request.param) not in checkpoint_cards.available():
        pytest.skip(f"{model_of(request.param)} is not here: train it with scripts/train_models.py")
    return str(request.param)


def model_of(source: str) -> str:
    return f"{'qcnn' if source == 'digits' else 'qj'}-{source}"


def table_of(source: str) -> tuple[Any, pd.DataFrame]:
    study = open_study(model_of(source), source)
    found = cohorts.cohort_table(study, None)
    return study, found[(found["split"] == "test") & found["joint"].notna()]


def test_cohorts_page_numbers_equal_the_library(source: str) -> None:
    asked = {"model": model_of(source), "filter": "relation=agreement|joint; error>0.01"}
    app = visit("Cohorts", **asked, measure=performance.ENTROPY)
    assert not app.error
    assert not app.warning
    study, rows = table_of(source)
    inside = rows[(rows["relation"].isin(["agreement", "joint"])) & (rows["error"] > 0.01)]
    words = plain(said(app))
    assert f"**{len(inside):,} of {len(rows):,}**" in words
    everyone = np.ones(len(rows), dtype=bool)  # no cohort beside them
    for some, names in ((rows.index.isin(inside.index), ["all", "cohort"]), (everyone, ["all"])):
        levels = performance.comparison_table(study, rows, some, None, "all")
        assert levels["level"].tolist() == names
        assert levels["mean error"].iloc[-1] == pytest.approx(rows["error"][some].mean())
    x = performance.entropies(study, rows, performance.ENTROPY)
    r, rho = stats.pearsonr(x, rows["joint"]).statistic, stats.spearmanr(x, rows["joint"]).statistic
    assert f"rank correlation {rho:+.2f}" in words
    assert f"| all of test | {len(rows):,} | {r:+.2f} (" in words
    name = study.modalities[0]
    e = explain.explain(
        study.model,
        study.dataset.inputs(study.dataset.rows("test")[:3], dtype=torch.float64),
        study.background,
    )
    outputs = study.predicted[study.dataset.rows("test")[:3]]
    wanted = explain.shares(e)[np.arange(3), 0, outputs]
    assert rows[cohorts.share_column(name)].to_numpy()[:3] == pytest.approx(wanted, abs=1e-9)
    assert f"share of {name} | {rows[cohorts.share_column(name)].mean():.1%}" in words
    words = plain(said(visit("Cohorts", **asked, by="relation")))
    assert "2,000 resamples" in words
    assert f"the {study.background.size:,} training samples" in words


@pytest.mark.parametrize("by", ["sign of truth", "truth (quarters)", "error (quarters)", "regime"])
def test_every_grouping_covers_all_samples(by: str) -> None:
    study, rows = table_of("planted")
    group, names = cohorts.groups(study, rows, by)
    assert set(group) == set(names)
    if by.endswith("(quarters)"):
        assert [int((group == name).sum()) for name in names] == [150, 150, 150, 150]


def test_saved_cohort_round_trips_through_the_link() -> None:
    saved = ["far off:error>0.4", "evens:truth=even"]
    app = visit("Cohorts", data="parity", cohort=saved, strength="joint_share")
    assert app.text_input(key="filter").value == "error>0.4"
    assert app.query_params["cohorts.view"] == "Entanglement"  # whose axis that is
    assert "cohort ‘far off’" in plain(said(app))
    app.text_input(key="filter").set_value("relation=joint;error>0.2").run()
    app.text_input(key="_cohort_name").set_value("hard")
    app.button(key="_save_cohort").click().run()
    assert not app.exception
    assert list(app.query_params["cohort"]) == [
        "far off:error>0.4",
        "evens:truth=even",
        "hard:relation=joint; error>0.2",
    ]
    next(group for group in app.get("button_group") if group.key == "_saved_choice").set_value(
        "evens"
    ).run()
    assert app.text_input(key="filter").value == "truth=even"
    app.button(key="_delete_cohort").click().run()
    assert list(app.query_params["cohort"]) == [
        "far off:error>0.4",
        "hard:relation=joint; error>0.2",
    ]
    app.text_input(key="_cohort_name").set_value("<script>")
    app.button(key="_save_cohort").click().run()
    assert "cohort's name must be" in plain(app.error[0].value)
    assert len(app.query_params["cohort"]) == 2


def test_chips_of_the_filter() -> None:
    app = visit("Cohorts", whole=False, data="planted")
    next(group for group in app.get("button_group") if group.key == "_chips").set_value(
        ["conflict"]
    ).run()
    _, rows = table_of("planted")
    assert f"**{(rows['relation'] == 'conflict').sum()} of 600**" in said(app)
    app.button(key="_pick_everyone").click().run()
    assert "All **600** samples" in said(app)
    app.text_input(key="filter").set_value("error>1000").run()
    assert not app.exception
    assert "No sample passes" in said(app)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"filter": "eror>1"}, "'eror'"),
        ({"filter": "__import__('os')"}, "must look like"),
        ({"cohort": ["<b>:error>1"]}, "cohort's name"),
        ({"cohort": [f"c{i}:error>{i}" for i in range(9)]}, "9 cohorts"),
        ({"by": "beauty"}, "beauty"),
    ],
)
def test_invalid_link_shows_a_notice_and_the_page_opens(query: dict[str, Any], words: str) -> None:
    app = visit("Cohorts", data="planted", **query)
    assert len(app.warning) == 1
    assert words in plain(app.warning[0].value)
    assert "modality leads" in said(app) or "leads with" in said(app)


def test_entanglement_measures_equal_those_of_the_states() -> None:
    study: Any = open_study("qj-planted", "planted")
    rows = np.array([5, 70])
    found = performance.correlations(study, rows)
    with torch.no_grad():
        rho = study.model.evolve_states(
            states.density(study.backend.kets(rows)), [study.model.duration]
        )[0]
    assert found["total correlation"] == pytest.approx(
        measures.total_correlation(rho, study.model.dims).numpy(), abs=1e-9
    )
    track = evolution.track(study, 70, LEARNED, negativity=True)
    single = [float(values[-1]) for values in track.measures.by_part("negativity").values()]
    assert found["negativity"][1] == pytest.approx(np.mean(single), abs=1e-6)
    pairs = [float(values[-1]) for values in track.measures.by_part("mutual_information").values()]
    assert found["mutual information"][1] == pytest.approx(np.mean(pairs), abs=1e-6)


def interval(value: float, low: float, high: float, n: int = 100) -> Any:
    from qfusion.explain.bootstrap import Interval

    return Interval(value, low, high, n, 2000)


@pytest.mark.parametrize(
    ("rho", "r", "words"),
    [
        (
            interval(0.05, -0.1, 0.2),
            interval(0.1, 0.01, 0.2),
            "No significant correlation of negativity with",
        ),
        (interval(-0.4, -0.5, -0.3), interval(-0.4, -0.5, -0.3), "Inversely: more"),
        (
            interval(0.2, 0.1, 0.3),
            interval(0.1, -0.1, 0.3),
            "Weakly: more negativity goes with larger joint terms",
        ),
        (interval(0.5, 0.4, 0.6), interval(0.5, 0.4, 0.6), "Moderately"),
        (interval(0.8, 0.7, 0.9), interval(0.8, 0.7, 0.9), "Strongly"),
        (
            interval(np.nan, np.nan, np.nan, 4),
            interval(np.nan, np.nan, np.nan, 4),
            "Unknown: 4 samples",
        ),
    ],
)
def test_summary_sentence_matches_the_numbers(rho: Any, r: Any, words: str) -> None:
    found = describe_correlation({"spearman": rho, "pearson": r}, "negativity", "joint")
    assert found.startswith(words)
    assert ("linear correlation is not significant" in found) == ("Weakly" in words)


def test_compare_page_before_and_after_a_tweak_equals_the_library() -> None:
    model = checkpoint.load("qj-planted").model
    study = open_study("qj-planted", "planted")
    row = int(study.dataset.rows("test")[3])
    sample = str(study.dataset.ids[row])
    app = visit(
        "Compare",
        whole=False,
        data="planted",
        sample=sample,
        pin=f"qj-planted/planted/{sample}",
        **{"H.text": "0.3", "T": "0.5"},
    )
    assert not app.error
    assert not app.warning
    tweaked = model.tweaked(Tweak(couplings={"text": 0.3}, duration=0.5))
    with torch.no_grad():
        before, after = (
            float(m(study.dataset.inputs([row], dtype=torch.float64))[0, 0])
            for m in (model, tweaked)
        )
    words = plain(said(app))
    assert f"| score | {before:+.3f} | {after:+.3f} | **{after - before:+.3f}** |" in words
    assert "| tweak | as learned | H.text=0.3,T=0.5 |" in words
    mae = (
        metrics.evaluate(model, study.dataset, "test")["mae"],
        metrics.evaluate(tweaked, study.dataset, "test")["mae"],
    )
    assert (
        f"| test MAE, this seed | {mae[0]:.3f} | {mae[1]:.3f} | {mae[1] - mae[0]:+.3f} |" in words
    )
    assert "A and B are the same sample" in words
    app.button(key="_swap").click().run()
    assert not app.exception
    assert app.query_params["pin"] in (
        f"qj-planted/planted/{sample}/H.text=0.3,T=0.5",
        [f"qj-planted/planted/{sample}/H.text=0.3,T=0.5"],
    )
    assert app.slider(key="H.text").value == 1.0
    assert f"**{before - after:+.3f}**" in plain(said(app))


def test_two_samples_of_a_network_and_edited_rules() -> None:
    if "qcnn-digits" not in checkpoint_cards.available():
        pytest.skip("qcnn-digits is not here: train it with scripts/train_models.py")
    study: Any = open_study("qcnn-digits", "digits")
    first, second = (int(row) for row in study.dataset.rows("test")[[2, 9]])
    names = [str(study.dataset.ids[row]) for row in (first, second)]
    app = visit(
        "Compare",
        model="qcnn-digits",
        sample=names[1],
        pin=f"qcnn-digits/digits/{names[0]}/all:and",
        phi="0:or",
    )
    assert not app.error
    output = int(study.predicted[second])
    scores = []
    for row, rules in ((first, "all:and"), (second, "0:or")):
        model = study.model.with_angles(
            gate_angles.apply_edits(rules, study.model.phi, gate_angles.table_shape(study.model))
        )
        with torch.no_grad():
            scores.append(float(model(study.dataset.inputs([row], dtype=torch.float64))[0, output]))
    assert f"| {scores[0]:+.3f} | {scores[1]:+.3f} | **{scores[1] - scores[0]:+.3f}** |" in plain(
        said(app)
    )


def test_both_sides_use_the_same_background() -> None:
    app = visit(
        "Compare",
        data="planted",
        sample="p0031",
        pin="qj-planted/planted/p1671",
        background="nothing known",
    )
    words = plain(said(app))
    assert words.count("Baseline: the score of maximally mixed states") == 2
    assert "Their terms differ also for this reason" not in words


def test_a_saved_cohort_is_a_background_on_every_page() -> None:
    study, rows = table_of("planted")
    members = study.dataset.rows("test")[(rows["error"] > 0.4).to_numpy()]
    background = explain.background(
        study.model, study.dataset.inputs(members, dtype=torch.float64), "cohort", label="far"
    )
    found = explain.explain(
        study.model,
        study.dataset.inputs([study.dataset.row("p0031")], dtype=torch.float64),
        background,
    )
    largest = max(found.dividends[0, 1:, 0], key=abs)
    query = {
        "data": "planted",
        "sample": "p0031",
        "cohort": ["far:error>0.4"],
        "background": "a saved cohort",
        "members": "far",
    }
    words = plain(said(visit("Samples", whole=False, **query)))
    assert f"({largest:+.2f})" in words
    assert f"Baseline: the mean over the {len(members):,} samples of the cohort ‘far’." in words
    words = plain(said(visit("Compare", whole=False, pin="qj-planted/planted/p1671", **query)))
    assert (
        words.count(f"Baseline: the mean over the {len(members):,} samples of the cohort ‘far’.")
        == 2
    )
    words = plain(said(visit("Samples", whole=False, **(query | {"cohort": ["far:smell>1"]}))))
    assert "Cohort ‘far’ does not fit this model" in words
    assert "Baseline: the mean over the 2,100 training samples, each modality drawn" in words


def test_two_models_on_the_same_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = checkpoint.load("qj-planted")
    source = next(
        folder for folder in checkpoint_cards.folders() if (folder / "qj-planted.json").is_file()
    )
    with torch.no_grad():
        own.model.bias += 0.25
    checkpoint.save(tmp_path / "shifted", own.model, own.card)
    monkeypatch.setattr(checkpoint_cards, "folders", lambda: [source, tmp_path])
    app = visit(
        "Compare",
        whole=False,
        model="shifted",
        data="planted",
        sample="p0031",
        pin="qj-planted/planted/p0031",
    )
    assert not app.error
    words = plain(said(app))
    assert re.search(r"\| model \| [^|]+ \(qj-planted\) \| [^|]+ \(shifted\) \|", words)
    assert "**+0.250**" in words
    assert "mainly through the baseline (+0.25)" in words


def test_models_with_different_scores_are_not_subtracted() -> None:
    app = visit("Compare", whole=False, model="qcnn-digits", pin="qj-planted/planted/p0031")
    words = said(app)
    assert "not comparable" in words
    assert "no differences are shown" in words


def test_pinning_from_another_page_and_clearing() -> None:
    app = visit("Samples", whole=False, data="planted", sample="p0031")
    app.button(key="_pin_now").click().run()
    assert app.query_params["pin"] in ("qj-planted/planted/p0031", ["qj-planted/planted/p0031"])
    assert "With p0031 by qj-planted" in plain(
        " ".join(each.proto.help for each in app.get("page_link"))
    )
    app.button(key="_unpin").click().run()
    assert "pin" not in app.query_params
    assert "With p0031" not in plain(" ".join(each.proto.help for each in app.get("page_link")))


def test_one_click_compares_another_model_of_the_same_data() -> None:
    app = visit("Compare", whole=False, model="qj-parity", sample="pair-0003")
    app.button(key="_beside_qcnn-parity").click().run()
    assert "is now" in app.toast[0].value
    assert not app.exception
    assert app.query_params["pin"] == "qj-parity/parity/pair-0003"
    assert app.selectbox(key="model").value == "qcnn-parity"
    assert "**B** pair-0003 by qcnn-parity" in plain(said(app))


def test_invalid_pin_shows_a_notice_and_is_removed() -> None:
    app = visit("Compare", whole=False, data="planted", pin="<img src=x onerror=1>")
    assert len(app.warning) == 1
    assert "must look like" in plain(app.warning[0].value)
    assert "pin" not in app.query_params
    app = visit("Compare", whole=False, data="planted", pin="qj-planted/planted/p99999")
    assert len(app.warning) == 1
    assert "p99999" in plain(app.warning[0].value)
    assert "Nothing is pinned" in said(app)
    assert "pin" not in app.query_params


@pytest.mark.parametrize(
    ("pin", "words"),
    [
        ("nope/planted/p0031", "nope"),
        ("qj-planted/nope/p0031", "nope"),
        ("qj-planted/planted/p99999", "p99999"),
        ("qj-planted/planted/p0031/T=abc", "abc"),
        ("qj-planted/planted/p0031/T=1e9", "`T`"),
        ("qj-planted/planted/p0031/H.smell=1", "H.smell"),
        ("qj-planted/planted/p0031/all:and", "must look like"),
        ("<img src=x onerror=1>", "must look like"),
        ("a" * 3000, "at most 2,000"),
    ],
)
def test_invalid_pin_is_described(pin: str, words: str) -> None:
    with pytest.raises(QFusionError, match=words):
        address.resolve_pin(page_state.parse_pin(pin))


def test_pins_round_trip() -> None:
    view = page_state.Pin("m", "d", "odd/id %2F ü", "H.text=0.5,T=1")
    assert page_state.parse_pin(str(view)) == view
