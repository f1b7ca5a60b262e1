"""The leaderboard: statistics by hand, the terms of every model, the board with its sentences, the page on both
systems."""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from qfusion import models
from qfusion.errors import InvalidInput, QFusionError
from qfusion.plugins.papers import (
    PLUGIN,
    benchmark_board,
    figures as leaderboard_charts,
    panels,
    result_panels as leaderboard_results,
    robustness_panels as leaderboard_robustness,
)
from qfusion.plugins.papers.best_models import JOINT_SHARE, describe_best
from qfusion.plugins.papers.board_words import explain_board_summary, summarise_board
from qfusion.training import Options
from qfusion.views.pages.page_state import PageState
from tests.support.app import plain, said, visit

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "benchmarks"))

import comparisons  # noqa: E402
import crossed  # noqa: E402
import joint  # noqa: E402
import leaderboard  # noqa: E402
import leaderboard_claims  # noqa: E402
import leaderboard_report as report  # noqa: E402
import leaderboard_terms as terms  # noqa: E402
import leaderboard_text as text  # noqa: E402

from scripts import choose_parity, choose_settings, small_bilinear  # noqa: E402

CONTENDERS = {
    key: dict(label=c.label, kind=c.kind, role=c.role) for key, c in terms.CONTENDERS.items()
}


def test_mean_and_interval_by_hand() -> None:
    found = comparisons.mean_interval([1, 2, 3, 4])
    assert (found.mean, found.n) == (2.5, 4)
    assert found.std == pytest.approx((5 / 3) ** 0.5)
    assert found.error == pytest.approx((5 / 12) ** 0.5)
    assert found.high - found.mean == pytest.approx(
        3.182446 * (5 / 12) ** 0.5, rel=1e-5
    )  # t of 3 degrees of freedom
    assert found.record()["low"] == pytest.approx(found.low, rel=1e-5)
    one = comparisons.mean_interval([0.5]).record()
    assert (one["mean"], one["std"], one["low"], one["n"]) == (0.5, None, None, 1)
    with pytest.raises(InvalidInput, match="must hold a number for each run"):
        comparisons.mean_interval([])
    with pytest.raises(InvalidInput, match="must be finite"):
        comparisons.mean_interval([1, np.nan])


def test_paired_test_by_hand() -> None:
    found = comparisons.paired([3, 5, 4], [1, 2, 3])  # differences 2, 3, 1: t = 2 / (1 / sqrt 3)
    assert found.difference == 2
    assert found.p == pytest.approx(0.0741799, rel=1e-5)
    assert comparisons.paired([1, 2], [1, 2]).p == 1
    assert comparisons.paired([2, 3], [1, 2]).p == 0  # the same gain in every run
    for ours, theirs in (([1], [2]), ([1, 2], [1, 2, 3])):
        with pytest.raises(InvalidInput, match="needs the same two seeds or more"):
            comparisons.paired(ours, theirs)


def test_bounds_by_two_one_sided_tests() -> None:
    """The bound is the smallest margin at which both one-sided t-tests of SciPy reject at 5 %."""
    rng = np.random.default_rng(31)
    for _ in range(30):
        difference = rng.normal(rng.normal(), 1, 10)
        pair = comparisons.paired(difference, np.zeros(10))
        for margin in (pair.bound * 0.999, pair.bound * 1.001):
            both = [
                stats.ttest_1samp(difference, side, alternative=way).pvalue
                for side, way in ((-margin, "greater"), (margin, "less"))
            ]
            assert comparisons.equivalence(difference, np.zeros(10), margin) == pytest.approx(
                max(both)
            )
            assert (max(both) < 0.05) == (margin > pair.bound)
        low, high = stats.t.interval(0.9, 9, difference.mean(), stats.sem(difference))
        assert pair.bound == pytest.approx(max(abs(low), abs(high)))
    assert comparisons.equivalence([1, 1], [1, 1], 0.1) == 0
    assert comparisons.equivalence([2, 2], [1, 1], 0.1) == 1
    with pytest.raises(InvalidInput, match="margin"):
        comparisons.equivalence([1, 2], [1, 1], 0)


def test_holm_by_hand() -> None:
    assert comparisons.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert comparisons.holm([0.5, 0.9]) == pytest.approx([1, 1])
    assert comparisons.holm([]) == []
    assert comparisons.holm([0.04, 0.03, 0.02, 0.01]) == pytest.approx([0.06, 0.06, 0.06, 0.04])


@pytest.mark.parametrize("place", ["planted", "digits"])
def test_all_models_share_the_encoders_of_the_recipe(place: str) -> None:
    spot = terms.PLACES[place]
    shapes: set[tuple[Any, ...]] = set()
    for contender in terms.CONTENDERS.values():
        model = models.build(
            contender.kind,
            spot.dataset.input_specs,
            spot.dataset.target.classes or ("score",),
            terms.settings_of(spot, contender),
        )
        wanted = {**contender.settings, **spot.encoder}
        assert {key: value for key, value in model.settings.items() if key in wanted} == {
            key: value for key, value in wanted.items() if key in model.settings
        }
        encoder: Any = model.encoders[spot.dataset.names[0]]
        if contender.kind not in (
            "linear",
            "mult",
            "reservoir",
        ):  # which have encoders of their own
            shapes.add(
                (encoder.first.__class__.__name__, encoder.drop.p, encoder.last[-1].in_features)
            )
    assert len(shapes) == 1


def made(data: str, model: str, seed: int, value: float, **more: Any) -> dict[str, Any]:
    keys = (
        ("accuracy", "f1", "nll")
        if data == "digits"
        else ("mae", "corr", "r2", "acc2_non0", "acc7")
    )
    size = {"qcnn": 100, "concatenation": 2400, "tensor": 9000, "late": 0}.get(model, 500)
    return {
        "key": f"{data}-{model}-{seed}",
        "data": data,
        "model": model,
        "seed": seed,
        "test": dict.fromkeys(keys, value),
        "train": dict.fromkeys(keys, value + 0.1),
        "parameters": 9_900 + size,
        "after_encoders": size,
        "seconds": 2.0,
        "processor_seconds": 1.5,
        "epochs": 3,
        "kept": 3,
        "gradient_norms": [1.0, 2.0, 3.0],
        "joint": 0.0 if model == "late" else 0.3 + seed / 100,
        **(
            {"agreement": {"a": 0.9, "b": 0.8, "a+b": 0.0 if model == "late" else 0.7}}
            if data == "digits"
            else {}
        ),
        **more,
    }


@pytest.fixture(scope="module")
def board() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    level = {"qcnn": 0.95, "concatenation": 0.951, "tensor": 0.99, "qj": 0.94}
    records = [
        made(data, model, seed, level.get(model, 0.9) + 0.002 * rng.normal())
        for data in ("mosi", "digits")
        for model in terms.CONTENDERS
        for seed in range(5)
    ]
    of = {
        name: {
            "title": name.title(),
            "source": name,
            "modalities": ["a", "b"],
            "trained_on": 100,
            "test": 50,
            "items": 20_000,  # so many that seeds decide
            "target": "regression" if name == "mosi" else "classification",
            **({"planted_joint": 0.4} if name == "digits" else {}),
        }
        for name in ("mosi", "digits")
    }
    robust = {
        name: {
            model: [
                {
                    "kind": kind,
                    "modality": m,
                    "level": at,
                    **dict.fromkeys(report_keys(name), 0.9 - at / 10),
                }
                for kind, m, at in [
                    *(("noise", m, at) for m in ("a", "b", "all") for at in (0.0, 1.0)),
                    *((kind, m, 0.0) for kind in ("absent", "swapped") for m in ("a", "b")),
                ]
            ]
            for model in terms.CONTENDERS
        }
        for name in ("mosi", "digits")
    }
    found = report.assemble(records, ["mosi", "digits"], CONTENDERS, of, robust)
    text.add_sentences(found)
    return json.loads(json.dumps(found, allow_nan=False))


def report_keys(name: str) -> tuple[str, ...]:
    return ("accuracy", "nll") if name == "digits" else ("mae", "corr")


def test_board_tests_against_the_best_rival(board: dict[str, Any]) -> None:
    tests = board["data"]["digits"]["tests"]["accuracy"]["qcnn"]
    assert tests["best"] == "tensor"
    assert set(tests["against"]) == {
        "linear",
        "late",
        "concatenation",
        "tensor",
        "low-rank",
        "bilinear-small",
        "mult",
        *PLUGIN.models,
    }
    pair = tests["against"]["tensor"]
    ours, theirs = (
        np.array(board["data"]["digits"]["rows"][m]["test"]["accuracy"]["values"])
        for m in ("qcnn", "tensor")
    )
    assert pair["difference"] == pytest.approx((ours - theirs).mean(), abs=1e-5)
    assert pair["holm"] < 0.01
    assert "worse than 1" in text.data_table(board, "digits")
    assert board["data"]["mosi"]["headline"] == "mae"  # less is better there
    assert board["data"]["mosi"]["tests"]["mae"]["qj"]["best"] not in ("tensor", "concatenation")


def test_the_claim_about_parameters_names_both_counts_of_every_classical_head(
    board: dict[str, Any],
) -> None:
    """Whatever its size: no ratio decides who is compared, and the ratio in total stands beside that of heads."""
    claims = {c["rival"]: c for c in board["claims"]["parameters"]}
    assert set(claims) == {m for m, c in CONTENDERS.items() if c["role"] == "baseline"}
    assert {c["data"] for c in board["claims"]["parameters"]} == {"digits"}  # on classes alone
    tensor = claims["tensor"]
    assert tensor["verdict"] == "against"
    assert "The network is worse." in tensor["sentence"]
    assert "9,000 (90 times as many) and 18,900 (1.89 times as many)" in tensor["sentence"]
    assert "100 parameters after the encoders and 10,000 in total" in tensor["sentence"]
    late = claims["late"]
    assert "0 (none) and 9,900 (0.99 times as many)" in late["sentence"]
    words = text.claims(board)
    assert "in total" in words
    assert "times as many; with the encoders, which both have," in words
    assert (
        "Against late fusion, which has no parameters after the encoders: better on `digits`"
        in words
    )
    assert "Against a bilinear head of 100 to 300 parameters: better on `digits`" in words


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("for", "The network is better."),
        ("open", "The two are not told apart: at most 0.0181 apart (90 % interval)."),
        ("against", "The network is worse."),
    ],
)
def test_few_parameters(verdict: str, words: str) -> None:
    """Better and worse by the adjusted p and the sign; else `not told apart` with a bound, never `not below`. Both
    counts of parameters stand there with their ratios."""
    p = 0.4 if verdict == "open" else 0.001
    difference = -0.01 if verdict == "against" else 0.01
    [entry] = leaderboard_claims.judged(
        [
            {
                "data": "parity",
                "primary": False,
                "accuracy": 0.9,
                "rival_accuracy": 0.9 - difference,
                "own": 10,
                "theirs": 300,
                "own_total": 1000,
                "their_total": 1290,
                "p": p,
                "holm": p,
                "difference": difference,
                "low": -0.02,
                "high": 0.02,
                "bound": 0.0181,
                "items": 539,
            }
        ]
    )
    said = leaderboard_claims.sentence(entry, "Data", "TFN")
    assert entry["verdict"] == verdict
    assert words in said
    assert "300 (30 times as many) and 1,290 (1.29 times as many)" in said
    assert "over seeds and 539 test items" in said


def test_the_claim_about_parameters_has_one_primary_outcome(board: dict[str, Any]) -> None:
    """Its p is adjusted over data sets; a data set more makes it larger."""
    primary = [c for c in board["claims"]["parameters"] if c["primary"]]
    assert [c["rival"] for c in primary] == ["concatenation"]
    assert primary[0]["holm"] == primary[0]["p"]
    twice = [*primary, {**primary[0], "data": "mosi"}]
    assert [c["holm"] for c in leaderboard_claims.judged(twice)] == pytest.approx(
        [min(1.0, 2 * primary[0]["p"])] * 2, rel=1e-4
    )


def test_few_test_items_do_not_separate_models() -> None:
    """Seeds that agree with each other say nothing about other test rows: .99 against .97 on 60 pictures is one
    picture."""
    ours, theirs = [0.99, 0.991, 0.99], [0.97, 0.971, 0.97]
    assert comparisons.paired(ours, theirs).p < 0.001
    few = crossed.crossed(ours, theirs, "accuracy", items=60)
    assert few.p > 0.2
    assert few.low < 0 < few.high
    assert few.bound > 0.05
    many = crossed.crossed(ours, theirs, "accuracy", items=60_000)
    assert many.p < 0.001
    assert many.rows == crossed.APART
    entry = {
        **many.record(),
        **few.record(),
        "difference": 0.02,
        "holm": few.p,
        "verdict": "open",
    }
    assert "not told apart: at most" in leaderboard_claims.finding(entry)


def test_stored_rows_are_compared_in_pairs() -> None:
    """Two models that err on the same rows are told apart sooner than two that err on others; rows of one video count
    as one."""
    right = np.ones(400)
    right[:40] = 0
    better = right.copy()
    better[:12] = 1
    seeds = ([better.mean()] * 3, [right.mean()] * 3)
    pair = crossed.crossed(*seeds, "accuracy", 400, own_rows=better, rival_rows=right)
    apart = crossed.crossed(*seeds, "accuracy", 400)
    assert (pair.rows, apart.rows) == (crossed.PAIRED, crossed.APART)
    assert pair.rows_error == pytest.approx(np.std(better - right, ddof=1) / 20)
    assert pair.p < 0.001 < apart.p
    video = np.arange(400) // 20
    by_video = crossed.crossed(
        *seeds, "accuracy", 20, own_rows=better, rival_rows=right, item_of_row=video
    )
    assert by_video.p > 0.05  # all twelve are of one video
    assert np.allclose(crossed.read(crossed.written(right)), right)


def test_crossed_intervals_cover_the_true_difference() -> None:
    """Models differ by seeds and by rows; 95 % intervals of differences hold the true one, 0, in at least 90 % of
    repetitions, and those over seeds alone in fewer."""
    rng = np.random.default_rng(3)
    seeds, rows, repetitions = 5, 300, 200
    holds = {"crossed": 0, "seeds alone": 0}
    for _ in range(repetitions):
        row_effect = rng.normal(0, 1.0, rows)  # on the difference of the two models, of each row
        outcomes = rng.normal(0, 1.0, (seeds, rows)) + row_effect + rng.normal(0, 0.05, (seeds, 1))
        values, zero = outcomes.mean(1), np.zeros(seeds)
        found = crossed.crossed(
            values, zero, "mae", rows, own_rows=outcomes.mean(0), rival_rows=np.zeros(rows)
        )
        alone = comparisons.paired(values, zero)
        holds["crossed"] += found.low <= 0 <= found.high
        holds["seeds alone"] += alone.low <= 0 <= alone.high
    assert holds["crossed"] >= 0.9 * repetitions
    assert holds["seeds alone"] < holds["crossed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metric": "nll", "items": 9}, "Argument `metric` must be one of accuracy, mae, r2"),
        ({"metric": "mae", "items": 1}, "Argument `items` must be 2 or more"),
    ],
)
def test_records_that_cannot_be_crossed_are_reported(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        crossed.crossed([0.1, 0.2], [0.2, 0.1], **arguments)


def test_items_are_the_clusters_of_test_rows() -> None:
    """The 1,200 pairs of `parity` are of 539 pictures on either side; every row of `digits` is one of its own."""
    parity, digits = (terms.PLACES[name].dataset for name in ("parity", "digits"))
    items = crossed.items_of(parity, parity.rows("test"))
    assert items is not None
    assert len(items) == 1200
    assert len(set(items.tolist())) == 539
    assert crossed.items_of(digits, digits.rows("test")) is None


@pytest.mark.parametrize("name", list(terms.PLACES))
def test_every_board_has_a_small_bilinear_head(name: str) -> None:
    """It has 100 to 300 parameters after the encoders, as the entangled network has about."""
    assert small_bilinear.NAME not in terms.PLACES[name].without
    count = leaderboard.counted(name, small_bilinear.NAME)["after_encoders"]
    assert small_bilinear.LEAST <= count <= small_bilinear.MOST


def test_size_of_a_small_head_by_hand() -> None:
    assert small_bilinear.size(2, 2, 8) == {"features": 8, "rank": 8}  # 8 * 2 * 2 * 9 + 8 + 2 = 298
    assert small_bilinear.parameters(2, 2, 8, 8) == 298
    assert small_bilinear.size(3, 10, 10) == {"features": 8, "rank": 1}  # with 9 there were 311
    with pytest.raises(InvalidInput, match="Argument `outputs` is 200"):
        small_bilinear.size(3, 200, 8)


def test_documentation_contains_the_tables(board: dict[str, Any]) -> None:
    assert "| **QiNN-QJ** | 5 |" in text.data_table(board, "mosi")
    short = text.short_table(board)
    assert short.count("best rival: ") == 2
    assert "| Self-MM | 0.848 | 0.461 | 0.724 | 0.789 |" in text.published(board)
    assert "not comparable" in text.published(board)
    assert "without a" in text.robustness(board)
    for name in ("boards", "agreement", "claims", "published", "robustness"):
        assert (
            f"<!-- table:{name} -->" in (ROOT / "docs" / "plugins" / "leaderboard.md").read_text()
        )


def test_runs_are_stored_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted, calls = list(leaderboard.runs(["digits"], 1))[:3], []

    def measure(run: Any, folder: Path) -> dict[str, Any]:
        calls.append(run)
        return made(run.data, run.model, run.seed, 0.5, key=run.key)

    monkeypatch.setattr(leaderboard, "measure", measure)
    for run in wanted:
        (tmp_path / f"{run.data}-{run.model}.json").touch()
    cache = tmp_path / "deep" / "runs.jsonl"
    first = leaderboard.collect(wanted, cache, tmp_path)
    assert len(calls) == 3
    with cache.open("a") as file:
        file.write('{"key": "cut sh')  # the machine stopped while it was written
    again = leaderboard.collect([*wanted, leaderboard.Run("digits", "qcnn", 7)], cache, tmp_path)
    assert again[:3] == first
    assert len(calls) == 4
    assert len(leaderboard.read(cache)) == 4
    assert len({run.key for run in leaderboard.runs(["digits", "planted"], 2)}) == 2 * 2 * 24


def test_runs_to_repeat_are_removed(tmp_path: Path) -> None:
    """Keys do not tell the code: runs of earlier code are named, and leave the cache with the weights beside it."""
    cache = tmp_path / "runs.jsonl"
    for name, model in (("digits", "late"), ("digits", "linear"), ("parity", "linear")):
        leaderboard.keep({"key": f"{name}-{model}", "data": name, "model": model}, cache)
    weights = tmp_path / "runs" / "digits-linear.json"
    weights.parent.mkdir()
    weights.touch()
    anew = [leaderboard.Anew.read("digits:linear")]
    assert leaderboard.forget(cache, anew) == 1
    assert set(leaderboard.read(cache)) == {"digits-late", "parity-linear"}
    assert not weights.exists()
    assert leaderboard.forget(cache, anew) == 0
    for words, name in (("moon", "data set 'moon'"), ("digits:sun", "model 'sun'")):
        with pytest.raises(argparse.ArgumentTypeError, match=name):
            leaderboard.Anew.read(words)


def test_runs_of_other_processes_are_merged(tmp_path: Path) -> None:
    """With the weights beside them; what the other process has measured of one run counts."""
    cache, other = tmp_path / "runs.jsonl", tmp_path / "other.jsonl"
    leaderboard.keep({"key": "a", "by": "here"}, cache)
    leaderboard.keep({"key": "b", "by": "here"}, cache)
    leaderboard.keep({"key": "b", "by": "there"}, other)
    leaderboard.keep({"key": "c", "by": "there"}, other)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "digits-late.json").write_text("{}")
    assert leaderboard.take_in([other], cache) == 2
    found = leaderboard.read(cache)
    assert {key: record["by"] for key, record in found.items()} == {
        "a": "here",
        "b": "there",
        "c": "there",
    }
    assert (tmp_path / "runs" / "digits-late.json").is_file()


def test_other_boards_are_kept(board: dict[str, Any]) -> None:
    one = {
        **board,
        "date": "2001-01-01",
        "data": {"digits": board["data"]["digits"]},
        "robustness": {"digits": board["robustness"]["digits"]},
        "claims": {
            key: [c for c in claims if c["data"] == "digits"]
            for key, claims in board["claims"].items()
        },
    }
    found = leaderboard.beside(one, board)
    assert list(found["data"]) == list(found["robustness"]) == ["mosi", "digits"]
    assert found["data"]["digits"] == board["data"]["digits"]
    assert found["data"]["mosi"]["rows"]["late"] == {
        "date": board["date"],
        **board["data"]["mosi"]["rows"]["late"],
    }
    assert found["claims"] == board["claims"]
    assert f"Measured on {board['date']} already: " in text.data_table(found, "mosi")
    assert list(one["data"]) == ["digits"]  # what is given stays as it is


def test_unchanged_records_are_kept(board: dict[str, Any]) -> None:
    name, old = "digits", json.loads(json.dumps(board))
    old["data"] = {name: {**old["data"][name], **json.loads(json.dumps(leaderboard.terms(name)))}}
    del old["data"][name]["options"]["shift"]  # boards from before an option have its default
    stays = leaderboard.stay(old, [name, "planted"], 5)
    assert set(stays) == {name}
    assert set(stays[name]) == set(terms.CONTENDERS)
    row, robust = stays[name]["late"]
    sizes = leaderboard.counted(name, "late")
    assert row == {"date": old["date"], **old["data"][name]["rows"]["late"], **sizes}
    assert robust == old["robustness"][name]["late"]
    assert leaderboard.stay(old, [name], 6) == {}  # a seed is missing
    anew = [leaderboard.Anew.read(f"{name}:late")]
    assert set(terms.CONTENDERS) - set(leaderboard.stay(old, [name], 5, anew)[name]) == {"late"}
    assert leaderboard.stay(old, [name], 5, [leaderboard.Anew.read(name)]) == {}
    without = json.loads(json.dumps(old))
    del without["robustness"][name]["late"]  # which is measured when the row is made again
    assert set(terms.CONTENDERS) - set(leaderboard.stay(without, [name], 5)[name]) == {"late"}
    other = json.loads(json.dumps(old))
    other["data"][name]["chosen"]["linear"] = {"rate": 0.5}  # what was chosen for one model
    assert set(terms.CONTENDERS) - set(leaderboard.stay(other, [name], 5)[name]) == {"linear"}
    del (
        old["contenders"]["qj-joint"],
        old["data"][name]["rows"]["qj-joint"],
    )  # before the read-out was a setting
    stays = leaderboard.stay(old, [name], 5)
    assert {model for model in stays[name] if model.startswith("qj")} == {"qj-joint"}
    assert stays[name]["qj-joint"][0]["test"] == old["data"][name]["rows"]["qj"]["test"]
    rest = [made(name, model, seed, 0.9) for model in ("qj", "qj-unitary") for seed in range(5)]
    earlier = {
        name: {model: {**kept, "date": "2001-01-01"} for model, (kept, _) in stays[name].items()}
    }
    new = report.assemble(rest, [name], CONTENDERS, {name: old["data"][name]}, {}, earlier)
    assert new["data"][name]["rows"]["mult"] == earlier[name]["mult"]
    assert set(new["data"][name]["tests"]["accuracy"]) == {"qj", "qcnn"}
    assert "Measured on 2001-01-01 already: QiNN-QJ, joint read-out, " in text.data_table(new, name)
    old["data"][name]["options"]["epochs"] += 1
    assert leaderboard.stay(old, [name], 5) == {}


def test_joint_tasks_use_the_same_trials_for_all_models() -> None:
    for name in choose_parity.finished():
        place = terms.PLACES[name]
        for model, contender in terms.CONTENDERS.items():
            if model in place.without:
                continue
            options, settings = place.options_of(model), terms.settings_of(place, contender)
            system = next(
                (m for m in (model, model.partition("-")[0]) if m in choose_parity.KINDS), None
            )
            if system:
                wanted, schedule = choose_parity.chosen(name, system)
                assert options == Options(**schedule)
                settings = models.registry.settings(contender.kind) | settings
                assert {key: settings[key] for key in wanted if key != "readout"} == wanted
    tried = json.loads(choose_parity.FILE.read_text())
    for name, models_of in tried.items():
        grid = choose_parity.GRIDS.get(name, choose_parity.GRID)
        for cells in models_of.values():
            assert len(cells) == math.prod(map(len, grid.values()))
            assert cells[0]["accuracy"] == max(cell["accuracy"] for cell in cells)


def test_other_tasks_use_equally_many_trials_for_all_models() -> None:
    tried = terms.read_settings()
    assert set(tried) <= set(terms.SEARCHED)
    for name, models_of in tried.items():
        place = terms.PLACES[name]
        for model, cells in models_of.items():
            assert len(cells) == choose_settings.TRIALS
            finished = [cell for cell in cells if not cell["stopped"]]
            assert cells[0] == min(finished, key=lambda cell: cell["loss"])
            if place.chosen:
                options = place.options_of(model)
                settings = terms.settings_of(
                    place, terms.CONTENDERS[model], place.chosen_for(model)
                )
                assert {
                    **settings,
                    "rate": options.rate,
                    "weight_decay": options.weight_decay,
                }.items() >= {
                    key: value for key, value in cells[0].items() if key in choose_settings.SPACE
                }.items()
        if place.chosen:
            assert place.options_of("qj-unitary") == place.options_of("qj")
            assert place.options_of("qfl").coupling_decay == 0


def test_the_linear_model_is_trained_as_one() -> None:
    """Its loss is minimised over all rows at once: one draw of noise would be learned by heart, and an encoder's decay
    is no penalty of a linear model. On `digits` both took .987 of accuracy to .946."""
    for name, place in terms.PLACES.items():
        options = place.options_of("linear")
        plain = Options()
        for key in terms.OF_NETWORKS:
            assert getattr(options, key) == getattr(plain, key), (name, key)
    assert terms.PLACES["digits"].options_of("late").noise > 0
    assert terms.PLACES["digits"].options_of("late").encoder_decay > 0
    for cells in (models_of["linear"] for models_of in terms.read_settings().values()):
        assert all("noise" not in cell for cell in cells)


def test_a_search_begins_with_the_recipe_and_keeps_the_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = terms.PLACES["digits"]
    quick = replace(
        place,
        chosen={},
        recipe=replace(place.recipe, options=place.recipe.options | dict(epochs=2)),
    )
    monkeypatch.setitem(terms.PLACES, "digits", quick)
    monkeypatch.setattr(choose_settings, "TRIALS", 3)
    found = choose_settings.tries("digits", "late")
    assert len(found) == 3
    assert [cell["loss"] for cell in found] == sorted(cell["loss"] for cell in found)
    assert any(
        cell["rate"] == quick.options.rate and cell["dropout"] == quick.encoder["dropout"]
        for cell in found
    )
    assert choose_settings.tries("digits", "late") == found
    assert "dropout" not in choose_settings.tries("digits", "linear")[0]
    assert "qj-none" not in choose_settings.missing("digits", (), {})
    assert choose_settings.missing("digits", (), {"digits": {"late": found}})[:2] == ["qj", "qcnn"]


def test_one_run_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = terms.PLACES["digits"]
    quick = replace(
        place, recipe=replace(place.recipe, options=place.recipe.options | dict(epochs=2))
    )
    monkeypatch.setitem(terms.PLACES, "digits", quick)
    run = leaderboard.Run("digits", "late", 0)
    record = leaderboard.measure(run, tmp_path)
    assert len(record["gradient_norms"]) == 2
    assert record["after_encoders"] == 0
    assert record["joint"] == pytest.approx(0, abs=1e-9)
    found = leaderboard.robust([record], tmp_path)["digits"]["late"]
    assert {r["kind"] for r in found} == {"noise", "absent", "mean", "swapped"}
    assert found == leaderboard.robust([record], tmp_path)["digits"]["late"]
    clean = next(r for r in found if r["kind"] == "noise" and r["level"] == 0)
    assert clean["accuracy"] == pytest.approx(record["test"]["accuracy"], abs=1e-5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("{", "cannot be read as a leaderboard"),
        ('{"format": 2}', "has another format"),
        ("[]", "cannot be read"),
        ('{"format": 1, "data": {"x": 3}}', "cannot be read"),
        ("[" * 100_000, "cannot be read"),
    ],
)
def test_damaged_board_is_reported(tmp_path: Path, words: str, message: str) -> None:
    file = tmp_path / "leaderboard.json"
    file.write_text(words)
    with pytest.raises(QFusionError, match=message):
        benchmark_board.read_board(file)
    with pytest.raises(QFusionError, match="no leaderboard yet"):
        benchmark_board.read_board(tmp_path / "other.json")


def test_figures_contain_the_numbers() -> None:
    entries = [
        leaderboard_charts.Entry("<b>a</b>", "system", "qj", 0.5, 0.4, 0.6, [0.4, 0.6], 100),
        leaderboard_charts.Entry("b", "baseline", "", 0.4, np.nan, np.nan, [0.4], 0),
    ]
    drawn = leaderboard_charts.result_dots(entries, "accuracy")
    assert "<b>&lt;b&gt;a" in drawn.layout.yaxis.ticktext[0]
    assert [trace.x[0] for trace in drawn.data if trace.marker.symbol in ("diamond", "square")] == [
        0.5,
        0.4,
    ]
    assert [
        trace.x[0]
        for trace in leaderboard_charts.result_scatter(entries, "accuracy", "parameters").data
    ] == [
        100,
        1,
    ]
    drawn = leaderboard_charts.result_scatter(
        entries, "accuracy", "joint share, %", log=False, marked=(40, "as planted")
    )
    assert [trace.x[0] for trace in drawn.data] == [100, 0]
    assert drawn.layout.shapes[0].x0 == 40
    drawn = leaderboard_charts.planted_agreement(
        ["<b>a</b>", "b"], ["mean", "x+y"], np.array([[0.9, 0.8], [0.2, -0.1]])
    )
    assert np.array_equal(drawn.data[0].z, [[0.9, 0.8], [0.2, -0.1]])
    assert "&lt;b&gt;a" in drawn.layout.yaxis.ticktext[0]
    curves = {
        "a": (
            np.array([0.0, 1.0]),
            np.array([0.9, 0.5]),
            {"absent": 0.6, "mean": 0.5, "swapped": 0.4},
        ),
        "b": (np.array([0.0, 1.0]), np.array([0.9, 0.5]), {"absent": 0.7}),
    }
    drawn = leaderboard_charts.robustness(
        curves, {"a": ("system", "qj"), "b": ("baseline", "")}, "accuracy", "sound"
    )
    assert [list(trace.y) for trace in drawn.data] == [[0.9, 0.5], [0.6, 0.4], [0.9, 0.5], [0.7]]
    assert (
        len(
            leaderboard_charts.robustness(
                {"a": (*curves["a"][:2], {})}, {"a": ("system", "qj")}, "accuracy", "all"
            ).data
        )
        == 1
    )
    with pytest.raises(InvalidInput):
        leaderboard_charts.result_dots([], "accuracy")
    with pytest.raises(InvalidInput, match="shape"):
        leaderboard_charts.planted_agreement(["a"], ["x"], np.zeros((2, 2)))


@pytest.fixture
def shown(board: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "leaderboard.json"
    file.write_text(json.dumps(board))
    monkeypatch.setattr(benchmark_board, "BOARD_FILE", file)
    monkeypatch.setattr(
        benchmark_board, "CLAIMS_FILE", tmp_path / "claims.json"
    )  # which has tests of its own
    return file


def test_summary_counts_data_sets_by_the_corrected_test_against_the_best_rival() -> None:
    """By hand: better in R2 on a, worse in MAE (less is better) on b, undecided on c."""

    def entry(metric: str, **against: tuple[float, float]) -> dict[str, Any]:
        pairs = {name: {"difference": d, "holm": p} for name, (d, p) in against.items()}
        tests = {"qj": {"best": next(iter(pairs)), "against": pairs}}
        return {"title": f"Set {metric}", "headline": metric, "tests": {metric: tests}}

    labels = {"qj": "QJ", "qcnn": "QCNN", "late": "Late", "linear": "Linear"}
    made = benchmark_board.Board(
        {
            "contenders": {name: {"label": label} for name, label in labels.items()},
            "data": {
                "a": entry("r2", late=(0.1, 0.001), linear=(-0.3, 0.001)),
                "b": entry("mae", linear=(0.2, 0.04), late=(-0.2, 0.001)),
                "c": entry("accuracy", late=(0.1, 0.05)),
            },
        }
    )
    compared = made.rival_comparisons("qj")
    assert [one.standing for one in compared.values()] == ["better", "worse", "undecided"]
    assert [one.rival for one in compared.values()] == ["Late", "Linear", "Late"]
    assert made.rival_comparisons("qcnn") == {}
    assert summarise_board(made) == (
        "Against the best rival on each data set: **QJ** has 1 win, 1 tie and 1 loss. On Set r2, the settings were "
        "chosen for one of the systems and not for its rivals."
    )
    assert explain_board_summary(made).startswith(
        "**QJ**. Better: Set r2. Worse: Set mae. Undecided: Set accuracy."
    )


@pytest.mark.parametrize("name", ["scenes", "planted", "digits", "parity"])
def test_every_included_data_set_has_a_board(name: str) -> None:
    assert panels.default_board(benchmark_board.open_board(), name) == name


def test_the_page(shown: Path, board: dict[str, Any]) -> None:
    app = visit("Leaderboard", model="qcnn-parity")
    shown_board = benchmark_board.read_board(shown)
    assert plain(summarise_board(shown_board)) in plain(said(app))
    assert not app.error
    words = plain(said(app))
    assert "leads on Mosi with MAE" in words
    assert "(parity) yet. Mosi is shown." in words.replace("`", "")
    assert any("100 rows to train on, 50 test rows" in each.help for each in app.markdown)
    table = app.dataframe[0].value
    assert list(table["MAE"]) == sorted(table["MAE"])
    app.selectbox(key="board").set_value("digits").run()
    assert not app.exception
    assert "leads on Digits with Accuracy" in plain(said(app))
    app.selectbox(key="board.by").set_value("Log loss")
    app.segmented_control(key="board.size").set_value("in total").run()
    app.segmented_control(key="board.size").set_value("training time").run()
    assert "processor seconds for a training; all models" in plain(said(app))
    app.selectbox(key="board").set_value("mosi").run()  # which has no log loss
    assert not app.exception
    assert not app.error
    assert "leads on Mosi with MAE" in plain(said(app))


def test_the_views_besides_the_results(shown: Path, board: dict[str, Any]) -> None:
    words = plain(said(visit("Leaderboard", **{"board": "digits", "board.view": "Claims"})))
    assert board["summaries"]["parameters"].replace("`", "") in words
    for claim in board["claims"]["parameters"]:
        assert claim["sentence"] in words
    app = visit("Leaderboard", **{"board": "digits", "board.view": "Noise"})
    app.segmented_control(key="board.of").set_value("b").run()
    assert not app.exception
    assert not app.error
    app.multiselect(key="board.models.digits").set_value([]).run()
    assert "Choose a model to draw its curve" in plain(said(app))


def test_published_figures_are_in_the_chart_of_the_metric_that_they_may_be() -> None:
    board = benchmark_board.open_board()
    picture = leaderboard_results.results(board, data="mosi", metric="Acc-2 (non-zero)")
    stars = {
        trace.x[0]: trace
        for trace in picture.figure.data
        if trace.marker.symbol == leaderboard_charts.role_symbol(leaderboard_charts.PUBLISHED)
    }
    assert {0.882, 0.8482} <= set(stars)  # of a paper and of a table of results
    assert [trace.name for trace in stars.values() if trace.showlegend] == ["published"]
    assert "published" not in plain(leaderboard_results.results(board, data="digits").alt)


def test_the_page_of_a_data_set_names_its_paper_and_the_result_of_its_model() -> None:
    board = benchmark_board.open_board()
    view = PageState("leaderboard", {"model": "qcnn-digits"})
    assert panels.chosen_board(view) == "digits"
    assert panels.chosen_paper(view) == "entangled-qcnn/digits"
    words = plain(said(visit("Leaderboard", whole=False, model="qcnn-digits")))
    seeds = len(board.of("digits")["rows"]["qcnn"]["seeds"])
    assert f"The board trained every model with {seeds} seeds of its own; qcnn-digits" in words
    words = plain(said(visit("Leaderboard", whole=False, board="mosi")))
    assert "Published on CMU-MOSI: QiNN-QJ 0.882" in words


def test_the_board_of_the_current_data_set_is_shown_first(shown: Path) -> None:
    """It is left out of the link, which names the data set."""
    for values, name in (
        ({"data": "digits"}, "digits"),
        ({"data": "digits", "board": "mosi"}, "mosi"),
        ({"data": "parity"}, "mosi"),
    ):
        assert panels.chosen_board(PageState("leaderboard", values)) == name
    words = plain(said(visit("Leaderboard", whole=False, model="qcnn-digits")))
    assert "leads on Digits with Accuracy" in words
    assert "There is no board" not in words


def test_fusing_and_additive_models_are_distinguished(shown: Path) -> None:
    found = benchmark_board.read_board(shown)
    mosi, digits = (
        leaderboard_results.joint_shares(found, data=name) for name in ("mosi", "digits")
    )
    assert (
        digits.title
        == "TFN \\(tensor\\) is the best by Accuracy, with a joint share of 32% over all outputs; "
        "all models 0 to 32%"
    )
    assert sorted({round(trace.x[0], 6) for trace in digits.figure.data}) == [0, 32]
    assert digits.figure.layout.shapes[0].x0 == 40
    assert not mosi.figure.layout.shapes
    agreed = leaderboard_results.planted_agreement(found, data="digits")
    frame = agreed.numbers
    assert list(frame.columns) == ["mean", "a", "b", "a+b", "model"]
    assert frame.iloc[-1]["model"] == "Late fusion"
    assert frame.iloc[-1]["mean"] == pytest.approx(1.7 / 3)
    assert not panels.is_planted(found, "mosi")
    with pytest.raises(InvalidInput, match="no planted contributions"):
        leaderboard_results.planted_agreement(found, data="mosi")
    app = visit("Leaderboard", board="digits")
    assert not app.exception
    assert "the best by Accuracy, with a joint share of 32%" in plain(said(app))
    assert "models find the planted contributions best, equally" in plain(said(app))


def test_how_a_model_fuses_is_measured_on_equal_terms() -> None:
    dataset = terms.PLACES["planted"].dataset
    for kind, low, high in (
        ("late", 0.0, 1e-9),
        ("tensor", 0.01, 1.0),
        ("quantum-jump", 0.01, 1.0),
    ):
        torch.manual_seed(0)
        model = models.build(kind, dataset.input_specs, ("score",), {}).double().eval()
        found = joint.fused(model, dataset)
        assert low <= found["joint"] <= high
        agreement: Any = found["agreement"]
        assert list(agreement) == [name for name in dataset.truth.columns if name]
        assert all(-1 <= value <= 1 for value in agreement.values())
        if kind == "late":
            assert not any(value for name, value in agreement.items() if "+" in name)
    rows = joint.draw_rows(dataset, "test", joint.TEST_ROWS)
    truth = dataset.truth.iloc[rows].abs()
    names = [name for name in truth.columns if name]
    share = truth[[name for name in names if "+" in name]].sum(axis=1) / truth[names].sum(axis=1)
    assert joint.planted(dataset) == pytest.approx(share.mean())


@pytest.mark.parametrize("constant", [["text"], ["audio", "text+vision"]])
def test_constant_planted_terms_have_no_agreement(constant: list[str]) -> None:
    dataset = terms.PLACES["planted"].dataset
    truth = dataset.truth.assign(**dict.fromkeys(constant, 0.25))
    torch.manual_seed(0)
    model = models.build("late", dataset.input_specs, ("score",), {}).double().eval()
    agreement: Any = joint.fused(model, replace(dataset, truth=truth))["agreement"]
    assert list(agreement) == [name for name in truth.columns if name and name not in constant]


def test_links(shown: Path) -> None:
    app = visit(
        "Leaderboard",
        **{"board": "digits", "board.by": "F1 (macro)", "board.of": "b", "board.size": "in total"},
    )
    assert not app.warning
    assert "leads on Digits with F1 (macro)" in plain(said(app))
    app = visit("Leaderboard", **{"board": "<b>x</b>", "board.by": "MAE2", "board.of": "smell"})
    assert {"'<b>x</b>' does not exist", "'MAE2' does not exist", "'smell' does not exist"} <= {
        part
        for w in app.warning
        for part in (f"'{x}' does not exist" for x in ("<b>x</b>", "MAE2", "smell"))
        if part in plain(w.value)
    }
    assert "leads on Mosi with MAE" in plain(said(app))


def test_a_page_without_a_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_board, "BOARD_FILE", tmp_path / "none.json")
    app = visit("Leaderboard")
    assert "There is no leaderboard yet" in plain(app.error[0].value)
    (tmp_path / "none.json").write_text("{")
    app = visit("Leaderboard")
    assert "cannot be read as a leaderboard" in plain(app.error[0].value)


def test_committed_boards_are_readable() -> None:
    if not benchmark_board.BOARD_FILE.is_file():
        pytest.skip("the leaderboard has not been measured here")
    found = benchmark_board.read_board()
    assert set(found.names) <= set(terms.PLACES)
    for name in found.names:
        for key in found.metrics(name):
            assert len(found.table(name, key)) == len(found.of(name)["rows"])
    assert torch.isfinite(
        torch.tensor(found.table(found.names[0], found.metrics(found.names[0])[0])["mean"])
    ).all()


def test_equal_rounded_scores_have_no_best_model() -> None:
    board = benchmark_board.open_board()
    for name in filter(board.robust_metrics, board.names):
        picture = leaderboard_robustness.robustness(board, data=name)
        metric = board.metric(board.robust_metrics(name)[0])
        written = [f"{trace.y[-1]:.3f}" for trace in picture.figure.data if trace.name]
        best = (max if metric.higher_is_better else min)(written, key=float)
        assert (" is best: " in picture.title) == (written.count(best) == 1), (name, picture.title)
        assert best in picture.title
    agreed = leaderboard_results.planted_agreement(board, data="planted")
    written = agreed.numbers["mean"].map("{:.2f}".format).tolist()
    assert ("finds the planted" in agreed.title) == (written.count(written[0]) == 1)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ([4.8, 5.2, 28.0], "a joint share of 5% over all outputs; all models 5 to 28%"),
        ([5.0, 7.0, 6.0], "a joint share of 5 to 7% over all outputs; all models 5 to 7%"),
    ],
)
def test_equal_shares_are_one_number(shares: list[float], words: str) -> None:
    table = pd.DataFrame({"label": list("abc"), "mean": [0.9, 0.9, 0.5], "percent": shares})
    title = describe_best(table, "MAE", "percent", one=JOINT_SHARE, unit="%")
    assert title == f"2 models are the best by MAE, with {words}"
