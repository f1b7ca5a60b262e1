"""Papers that are reproduced: the list, the errors over test rows, results, verdicts, files, and bad calls."""

from __future__ import annotations

import io
import json
import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pypdf
import pytest
import scipy.stats
import torch

import qfusion
from qfusion.data import DataSet, Modality, Target
from qfusion.errors import DataUnavailable, IntegrityError, InvalidInput, NotFound, QFusionError
from qfusion.models import registry
from qfusion.plugins.papers import (
    benchmark_board,
    metric_rows,
    paper_list,
    paper_page,
    paper_panels as papers_panels,
    paper_results,
    paper_training,
    paper_words as words,
    shipped_papers,
)
from qfusion.plugins.papers.paper_list import Role
from qfusion.plugins.papers.paper_results import Estimate, Outcome, Verdict
from qfusion.plugins.why.audit import audit_plan, audit_rows
from qfusion.plugins.why.audit.audit_plan import RESOURCES, VARIANTS
from qfusion.training import metrics
from tests.support.app import visit
from tests.support.command_line import assert_refused, run as run_command

run = run_command
PAPERS = paper_list.papers()
RIVALS = ["late", "concatenation"]


def small(name: str = "small", kind: str = "regression", N: int = 80) -> DataSet:
    """Two modalities that decide together, few rows."""
    rng = np.random.default_rng(3)
    hidden = rng.normal(size=(N, 2))
    score = hidden[:, 0] + 0.5 * hidden.prod(1)
    ids = np.array([f"s{i}" for i in range(N)])
    classes = kind == "classification"
    return DataSet(
        name=name,
        title="A small set",
        description="",
        source="",
        licence="",
        modalities=tuple(
            Modality(m, hidden[:, [i]] + 0.3 * rng.normal(size=(N, 3)), None, tuple("abc"))
            for i, m in enumerate(("text", "audio"))
        ),
        target=Target("classification", "class", classes=("no", "yes"))
        if classes
        else Target("regression", "sentiment", (-3.0, 3.0)),
        y=(score > 0).astype(int) if classes else np.clip(score, -3, 3).round(1),
        ids=ids,
        split=np.array((["train"] * 4 + ["valid"] + ["test"] * 5) * (N // 10)),
        table=pd.DataFrame(index=ids),
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of trainings of its own."""
    monkeypatch.setenv("QFUSION_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


# The list.


def test_papers_are_known_by_name() -> None:
    assert list(PAPERS) == [
        "qinn-qj",
        "entangled-qcnn",
        "qd-msa",
        "qfnn",
        "lindblad-fusion",
        "leaderboard",
    ]


@pytest.mark.parametrize("key", PAPERS)
def test_what_a_paper_names_exists(key: str) -> None:
    paper, board = PAPERS[key], benchmark_board.open_board()
    contenders = board.whole["contenders"]
    assert set(paper.rivals) <= set(contenders)
    assert {contenders[rival]["role"] for rival in paper.rivals} == {"baseline"}
    assert set(paper.twins) <= set(VARIANTS)
    assert {VARIANTS[twin].system for twin in paper.twins} <= {
        VARIANTS[row.full].system for row in RESOURCES if row.full == paper.system
    }
    names = [reading.name for reading in paper.readings]
    assert not paper.audited or paper.audited in names
    for reading in paper.readings:
        assert set(reading.settings) <= set(registry.settings(reading.kind))
    for figure in paper.figures:
        assert set(figure.metrics) <= set(metrics.LABELS)
        assert paper.is_board or figure.data in [entry.name for entry in paper.data]
        # several metrics where the convention is unknown, and one where it is known
        assert (figure.convention == paper_list.UNKNOWN) == (len(figure.metrics) > 1)
    assert any(entry.role == Role.EMBEDDED for entry in paper.data)


def test_known_public_figures_and_nothing_else() -> None:
    known = {
        (key, figure.data): figure.value
        for key, paper in PAPERS.items()
        for figure in paper.figures
        if not paper.is_board
    }
    assert known == {
        ("qinn-qj", "mosi"): 0.882,
        ("qd-msa", "mosi"): 0.778,
        ("qd-msa", "mosei"): 0.8162,
    }


def test_a_model_that_is_not_the_papers_is_called_a_stand_in() -> None:
    """Only the readings of papers whose model we follow are faithful."""
    faithful = {key for key, paper in PAPERS.items() if paper.readings[0].faithful}
    assert faithful == {"qinn-qj", "entangled-qcnn", "leaderboard"}


def test_data_of_a_paper_are_those_that_its_abstract_names() -> None:
    own = {
        key: [entry.name for entry in paper.data if entry.role == Role.PAPER]
        for key, paper in PAPERS.items()
    }
    assert own["qinn-qj"] == ["mosi", "mosei", "sims"]
    assert own["qd-msa"] == ["mosi", "mosei"]
    assert own["qfnn"] == ["mustard", "memotion"]
    assert own["lindblad-fusion"] == ["mvsa", "memotion"]
    for paper in PAPERS.values():
        assert not any("No public copy" in entry.route for entry in paper.data)


def test_boards_have_the_numbers_of_the_leaderboard() -> None:
    board = benchmark_board.open_board()
    for figure in PAPERS["leaderboard"].figures:
        row = board.of(figure.data)["rows"][figure.reading]
        assert figure.value == row["test"][figure.metrics[0]]["mean"]


@pytest.mark.parametrize("name", ["planted", "digits", "scenes"])
def test_readings_and_rivals_have_the_recipe_of_the_board(name: str) -> None:
    board, dataset, paper = (
        benchmark_board.open_board(),
        qfusion.load(name),
        PAPERS["leaderboard"],
    )
    for reading in paper.readings:
        cell = paper_training.reading_cell(paper, dataset, reading, None)
        recipe = board.of(name)["recipes"][reading.name]
        assert cell.settings == recipe["settings"]
        assert vars(cell.options) == {**board.of(name)["options"], **recipe["options"]}
    cells = paper_training.rival_cells(paper, dataset, paper.rivals, None)
    assert [cell.name for cell in cells] == list(paper.rivals)


# Errors over test rows.


def bootstrapped(scores: np.ndarray, y: np.ndarray, kind: str, convention: str) -> dict[str, float]:
    rng = np.random.default_rng(1)
    drawn = [
        metrics.score_metrics(scores[rows], y[rows], kind, convention)
        for rows in rng.integers(0, len(y), (1500, len(y)))
    ]
    return {key: float(np.std([one[key] for one in drawn])) for key in drawn[0]}


@pytest.mark.parametrize(
    ("kind", "convention"),
    [
        ("regression", "mosi"),
        ("regression", "sims"),
        ("regression", "plain"),
        ("classification", "classes"),
    ],
)
def test_contributions_of_rows_give_the_error_of_every_metric(kind: str, convention: str) -> None:
    rng, N = np.random.default_rng(0), 300
    if kind == "classification":
        y = rng.integers(0, 3, N)
        scores = rng.normal(size=(N, 3)) + 1.5 * np.eye(3)[y]
    else:
        y = np.clip(rng.normal(size=N), -1, 1).round(1) * (1 if convention == "sims" else 3)
        scores = (y + rng.normal(size=N) * y.std())[:, None]
    whole = metrics.score_metrics(scores, y, kind, convention)
    rows = metric_rows.row_contributions(scores, y, kind, convention)
    wanted = bootstrapped(scores, y, kind, convention)
    assert list(rows) == list(whole)
    for key, values in rows.items():
        assert values.shape == (N,)
        assert values.mean() == pytest.approx(whole[key], abs=0.01), key
        assert values.std() / N**0.5 == pytest.approx(wanted[key], rel=0.12), key


def test_contributions_to_shares_and_mean_errors_are_exact() -> None:
    y, p = np.array([1.0, -2.0, 0.0, 3.0]), np.array([0.5, 1.0, -1.0, 2.0])
    rows = metric_rows.row_contributions(p[:, None], y, "regression", "mosi")
    assert rows["mae"] == pytest.approx([0.5, 3, 1, 1])
    assert rows["acc2_has0"] == pytest.approx([1, 0, 0, 1])
    # The row of truth 0 changes nothing: its contribution is the metric, 2 of 3.
    assert rows["acc2_non0"][2] == pytest.approx(2 / 3)


# Results.


@pytest.mark.parametrize(
    ("key", "kind"),
    [*((key, "regression") for key in PAPERS), ("entangled-qcnn", "classification")],
)
def test_every_paper_runs_on_a_stand_in(key: str, kind: str, cache: Path, tmp_path: Path) -> None:
    result = paper_results.reproduce_paper(key, small(kind=kind), seeds=3, epochs=1, rivals=RIVALS)
    paper = PAPERS[key]
    assert [model.name for model in result.readings] == [one.name for one in paper.readings]
    assert [model.name for model in result.rivals] == RIVALS
    assert result.figures == ()
    assert {gap.rival for gap in result.gaps} == set(RIVALS)
    for model in result.models:
        assert model.seeds == (0, 1, 2)
        assert model.failed == ()
        for one in model.metrics.values():
            assert one.low is not None
            assert one.high is not None
            assert one.seeds_low is not None
            assert one.low <= one.seeds_low <= one.value <= one.high
    if paper.twins:
        titles = [row["resource"] for row in result.audit["rows"]]
        assert titles[-1] == paper_results.INTERACTION
        assert len(titles) == len(paper.twins) + 1
    file = tmp_path / "result.json"
    result.write(file)
    assert paper_results.read_reproduction(file) == result
    page = paper_page.report_on_paper(result)
    (tmp_path / "page.pdf").write_bytes(page.pdf())
    reader = pypdf.PdfReader(tmp_path / "page.pdf")
    assert len(reader.pages) == 1
    printed = " ".join(reader.pages[0].extract_text().split())
    assert result.digest[:20] in printed.replace(" ", "")
    assert b"<html" in page.html()


def test_a_run_resumes_with_stored_trainings(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reproduce() -> Any:
        return paper_results.reproduce_paper(
            "qfnn", small(), seeds=2, epochs=1, rivals=RIVALS, with_audit=False
        )

    trained: list[str] = []
    train_cell = paper_training.train_cell

    def counted(cell: Any, *more: Any) -> Any:
        trained.append(cell.name)
        if len(trained) == 6:
            raise KeyboardInterrupt
        return train_cell(cell, *more)

    monkeypatch.setattr(paper_training, "train_cell", counted)
    with pytest.raises(KeyboardInterrupt):
        reproduce()
    assert len(list(cache.glob("*.json"))) == 5
    first = reproduce()
    assert len(trained) == 6 + 3  # 2 readings and 2 rivals with 2 seeds, 5 of which were stored
    assert reproduce() == first
    assert len(trained) == 9
    for stored in cache.glob("*.json"):
        stored.write_text("{damaged")
    assert reproduce() == first
    assert len(trained) == 17


def test_processes_give_the_same_as_one(cache: Path, tmp_path: Path) -> None:
    def reproduce(jobs: int) -> Any:
        return paper_results.reproduce_paper(
            "qfnn", "digits", 2, epochs=1, rivals=["late"], with_audit=False, jobs=jobs
        )

    apart = reproduce(2)
    for stored in cache.glob("*.json"):
        stored.unlink()
    assert reproduce(1) == apart


def test_a_rival_that_fails_is_named_and_a_reading_that_fails_ends_the_run(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = paper_training.train_and_measure
    broken = {"late"}

    def fails(kind: str, *more: Any) -> Any:
        if kind in broken:
            raise QFusionError("It diverged.")
        return measure(kind, *more)

    monkeypatch.setattr(paper_training, "train_and_measure", fails)
    result = paper_results.reproduce_paper(
        "qfnn", small(), 2, epochs=1, rivals=RIVALS, with_audit=False
    )
    late = result.model("late")
    assert late.seeds == ()
    assert late.metrics == {}
    assert "Late fusion with 2 (seed 0: QFusionError: It diverged.)" in words.describe_failures(
        result.models
    )
    best = result.best_rival()
    assert best is not None
    assert best.name == "concatenation"
    assert b"failed" in paper_page.report_on_paper(result).html()
    broken.add("qfl")
    with pytest.raises(
        QFusionError, match="Circuit without trained gates failed on 'other': seed 0"
    ):
        paper_results.reproduce_paper(
            "qfnn", small("other"), 2, epochs=1, rivals=RIVALS, with_audit=False
        )


def test_a_run_is_repeated_by_its_command(cache: Path) -> None:
    """With rivals, without an audit, and for data that no command loads."""
    options: dict[str, Any] = {"epochs": 1, "rivals": ["late", "late"], "with_audit": False}
    named = paper_results.reproduce_paper("qfnn", "digits", 2, **options)
    assert named.command == (
        "python -m qfusion reproduce qfnn --data digits --seeds 2 --epochs 1 --rival late --no-audit"
    )
    assert [model.name for model in named.rivals] == ["late"]  # given twice, trained once
    held = paper_results.reproduce_paper("qfnn", small("it's"), 2, **options)
    assert held.command == (
        "qfusion.study.reproduce_paper('qfnn', data, 2, epochs=1, rivals=['late'], with_audit=False)"
    )


def test_answers_that_are_all_right_leave_an_interval(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 40 new rows some may be wrong, though none of these is (Clopper and Pearson 1934)."""
    data = small(kind="classification")
    measure = paper_training.train_and_measure

    def knows(kind: str, dataset: DataSet, *more: Any) -> Any:
        model, _ = measure(kind, dataset, *more)
        record = more[-2]
        record["test"]["accuracy"] = 1.0
        return model, 9.0 * np.eye(2)[dataset.y[dataset.rows("test")]]

    monkeypatch.setattr(paper_training, "train_and_measure", knows)
    result = paper_results.reproduce_paper(
        "qfnn", data, 2, epochs=1, rivals=["late"], with_audit=False
    )
    one = result.readings[0].metrics["accuracy"]
    assert (one.value, one.high) == (1.0, 1.0)
    assert one.low == pytest.approx(scipy.stats.beta.ppf(0.025, 40, 1))
    gap = result.gaps[0]
    assert gap.difference.low == pytest.approx(-(1 - 0.025 ** (1 / 40)))
    assert gap.difference.high == pytest.approx(1 - 0.025 ** (1 / 40))
    assert gap.p == 1
    sentence = words.describe_rivals(result)
    assert "gain 0.000 (uncorrected 95% CI -0.088 to +0.088), p = 1.00" in sentence


def test_intervals_lie_within_the_range_of_their_metric(cache: Path) -> None:
    result = paper_results.reproduce_paper(
        "qfnn", small(N=20), 2, epochs=1, rivals=["linear"], with_audit=False
    )
    for model in result.models:
        for key, one in model.metrics.items():
            assert one.low is not None
            assert one.high is not None
            assert key in ("corr", "r2") or one.low >= 0
            assert key in ("mae", "nll") or one.high <= 1
    for gap in result.gaps:
        assert gap.difference.low is not None
        assert gap.difference.low >= -1


def test_data_without_test_rows_that_count_are_refused_before_training(cache: Path) -> None:
    data = small()
    neutral = replace(data, y=np.zeros(len(data.y)))
    with pytest.raises(InvalidInput, match="must have 2 or more test rows that count"):
        paper_results.reproduce_paper("qfnn", neutral, 2, epochs=1)
    assert not cache.exists()


def test_two_seeds_give_intervals_but_no_verdict_on_resources(cache: Path) -> None:
    result = paper_results.reproduce_paper("qfnn", small(), 2, epochs=1, rivals=["late"])
    assert {row["verdict"] for row in result.audit["rows"]} == {"undecided (2 seeds)"}
    assert result.models[0].metrics[result.metric].low is not None


def test_parameters_are_those_that_are_trained(cache: Path) -> None:
    result = paper_results.reproduce_paper(
        "qfnn", small(), 2, epochs=1, rivals=[], with_audit=False
    )
    frozen, trained = result.readings
    model = registry.build("qfl", small().input_specs, ("score",), trained.settings)
    angles = dict(model.named_parameters())["layers.angles"]
    assert trained.after_encoders - frozen.after_encoders == angles.numel()


def write_mmsa(path: Path) -> None:
    """A pickle as MMSA publishes CMU-MOSEI, of few samples and features."""
    rng = np.random.default_rng(0)
    sizes = {"train": 48, "valid": 12, "test": 24}
    content = {}
    for part, n in sizes.items():
        hidden = rng.normal(size=(n, 3))
        content[part] = {
            name: (hidden[:, [k], None] + 0.3 * rng.normal(size=(n, 4, width))).astype("f4")
            for k, (name, width) in enumerate({"text": 6, "audio": 4, "vision": 3}.items())
        } | {
            "raw_text": np.array(["good bad plot"] * n),
            "id": np.array([f"{part}{i // 4}$_${i}" for i in range(n)]),
            "regression_labels": np.clip(hidden.sum(1), -3, 3).astype("f4"),
            "classification_labels": (np.sign(hidden.sum(1)) + 1).astype("f4"),
            "annotations": np.array(["Neutral"] * n),
        }
    path.write_bytes(pickle.dumps(content, protocol=4))


def test_an_imported_set_has_its_published_figure(
    run: Any, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))
    write_mmsa(tmp_path / "mosei.pkl")
    assert run("data", "import", tmp_path / "mosei.pkl", "--name", "mosei").code == 0
    arguments = ("reproduce", "qd-msa", "--data", "mosei", "--epochs", 1, "--seeds", 2)
    record = run(*arguments, "--rival", "late", "--no-audit", "--json").json
    assert record["role"] == "paper"
    (figure,) = record["figures"]
    assert figure["value"] == 0.8162
    metrics_of_figure = [one["metric"] for one in figure["comparisons"]]
    assert metrics_of_figure == ["acc2_non0", "acc2_has0", "f1_non0", "f1_has0"]
    assert "0.816" in record["says"][0]
    assert record["independent"] < record["test_rows"]  # videos


# Verdicts.


def estimate(value: float, half: float = 0.02) -> Estimate:
    return Estimate(value, value - half, value + half, value - half, value + half, 0.0)


@pytest.fixture(scope="module")
def mosi_like(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Results on a set that is called as the one of the published figure, of few rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QFUSION_CACHE", str(tmp_path_factory.mktemp("cache")))
        return paper_results.reproduce_paper(
            "qinn-qj", small("mosi"), 2, epochs=1, rivals=RIVALS, with_audit=False
        )


def judged(result: Any, convention: str, **values: float) -> Any:
    """The results with other numbers of the first reading beside the published figure."""
    first = result.readings[0]
    first = replace(
        first, metrics={**first.metrics, **{key: estimate(v) for key, v in values.items()}}
    )
    figure = replace(PAPERS["qinn-qj"].figures[0], metrics=tuple(values), convention=convention)
    return replace(
        result,
        models=(first, *result.models[1:]),
        figures=(paper_results.compare_figure(figure, first),),
    )


@pytest.mark.parametrize(
    ("convention", "values", "verdict", "begins"),
    [
        (
            "unknown",
            {"acc2_non0": 0.77, "acc2_has0": 0.75},
            Verdict.BELOW,
            "QiNN-QJ, joint read-out is below the published binary accuracy of 0.882 under each of the 2 metrics that "
            "we compare it with: 0.770 as Acc-2 (non-zero), below by 0.112 (95% CI 0.084 to 0.140); 0.750 as Acc-2 "
            "(with zero), below by 0.132 (95% CI 0.104 to 0.160).",
        ),
        (
            "unknown",
            {"acc2_non0": 0.95, "acc2_has0": 0.93},
            Verdict.ABOVE,
            "QiNN-QJ, joint read-out is above the published binary accuracy of 0.882 under each",
        ),
        (
            "unknown",
            {"acc2_non0": 0.88, "acc2_has0": 0.87},
            Verdict.COMPATIBLE,
            "QiNN-QJ, joint read-out is compatible with the published binary accuracy of 0.882 under each of the 2 "
            "metrics that we compare it with: 0.880 as Acc-2 (non-zero), a difference of -0.002 (95% CI -0.030 to "
            "+0.026); 0.870 as Acc-2 (with zero), a difference of -0.012 (95% CI -0.040 to +0.016). This is no "
            "confirmation: a difference of 0.040 would be compatible, too.",
        ),
        (
            "unknown",
            {"acc2_non0": 0.88, "acc2_has0": 0.80},
            Verdict.CONVENTION_DECIDES,
            "The published binary accuracy of 0.882 cannot be compared, as its convention is unknown and the answer "
            "depends on it: QiNN-QJ, joint read-out is 0.880 as Acc-2 (non-zero), a difference of -0.002 (95% CI "
            "-0.030 to +0.026); 0.800 as Acc-2 (with zero), below by 0.082 (95% CI 0.054 to 0.110).",
        ),
        (
            "non-zero",
            {"acc2_non0": 0.88},
            Verdict.COMPATIBLE,
            "QiNN-QJ, joint read-out is compatible with the published binary accuracy of 0.882: 0.880 as Acc-2 "
            "(non-zero), a difference of -0.002",
        ),
        (
            "non-zero",
            {"acc2_non0": 0.77},
            Verdict.BELOW,
            "QiNN-QJ, joint read-out is below the published binary accuracy of 0.882: 0.770 as Acc-2 (non-zero), below "
            "by 0.112",
        ),
    ],
)
def test_a_verdict_follows_from_intervals_under_every_metric(
    mosi_like: Any, convention: str, values: dict[str, float], verdict: Verdict, begins: str
) -> None:
    result = judged(mosi_like, convention, **values)
    assert result.figures[0].verdict == verdict
    sentence, uncertainty, limits, *_ = words.describe_reproduction(result, PAPERS["qinn-qj"])
    assert sentence.startswith(begins)
    assert "take the published figure to be as uncertain as ours" in uncertainty
    assert "features and test rows behind the published figure are unknown" in limits
    assert "training was cut to 1 epoch" in limits
    assert words.title_result(result, PAPERS["qinn-qj"]).endswith("(a trial of 1 epoch)")
    chart = paper_page.draw_results(result)
    assert len(chart.layout.yaxis.ticktext) == 1 + len(result.models)


def test_no_metric_in_common_is_said(mosi_like: Any) -> None:
    figure = replace(PAPERS["qinn-qj"].figures[0], metrics=("accuracy",))
    first = mosi_like.readings[0]
    result = replace(mosi_like, figures=(paper_results.compare_figure(figure, first),))
    assert result.figures[0].verdict == Verdict.NO_METRIC
    assert "has none of the metrics" in words.describe_verdict(result, PAPERS["qinn-qj"])
    assert paper_page.report_on_paper(result).html()


def test_the_published_figure_stands_under_both_conventions(mosi_like: Any) -> None:
    figure = mosi_like.figures[0]
    assert figure.convention == "unknown"
    assert [one.metric for one in figure.comparisons] == ["acc2_non0", "acc2_has0"]
    for one in figure.comparisons:
        assert one.difference == pytest.approx(one.ours.value - 0.882)
        assert (one.outcome == Outcome.WITHIN) == (one.low <= 0 <= one.high)


@pytest.mark.parametrize(
    ("value", "outcome"),
    [(0.859, Outcome.WITHIN), (0.855, Outcome.WITHIN), (0.852, Outcome.BELOW)],
)
def test_a_published_figure_is_as_uncertain_as_ours(
    mosi_like: Any, value: float, outcome: Outcome
) -> None:
    """An interval of our mean alone would call .859 below: 0.882 is the mean of another study."""
    result = judged(mosi_like, "non-zero", acc2_non0=value)
    (one,) = result.figures[0].comparisons
    assert one.outcome == outcome
    assert one.high - one.low == pytest.approx(2 * 2**0.5 * 0.02)


def test_a_stand_in_is_called_one_and_reproduces_nothing(mosi_like: Any) -> None:
    paper = PAPERS["qd-msa"]
    result = judged(mosi_like, "unknown", acc2_non0=0.77, acc2_has0=0.75)
    sentence, _, limits, *_ = words.describe_reproduction(result, paper)
    assert "which stands in for QD-MSA, is below the published" in sentence
    assert "our model stands in for that of the paper" in limits
    assert "our stand-in is below the published figure" in words.title_result(result, paper)


def test_a_reading_without_two_seeds_is_not_compared(mosi_like: Any) -> None:
    first = replace(mosi_like.readings[0], seeds=(0,))
    figure = paper_results.compare_figure(PAPERS["qinn-qj"].figures[0], first)
    assert figure.verdict == Verdict.NOT_MEASURED
    result = replace(mosi_like, models=(first, *mosi_like.models[1:]), figures=(figure,))
    assert "has fewer than two trained seeds" in words.describe_verdict(result, PAPERS["qinn-qj"])


def test_a_board_is_compared_on_its_own_rows_by_its_headline(cache: Path) -> None:
    """Seeds alone differ, so the interval is far narrower than one for new test rows."""
    result = paper_results.reproduce_paper("leaderboard", "planted", 2, epochs=1, rivals=["linear"])
    assert result.metric == "r2"
    assert [figure.reading for figure in result.figures] == ["qj", "qcnn"]
    for figure in result.figures:
        (one,) = figure.comparisons
        assert figure.same_rows
        assert one.metric == "r2"
        assert one.outcome == Outcome.BELOW  # after one epoch
    assert result.audit["rows"]  # the shipped audit
    paper = PAPERS["leaderboard"]
    assert "0 of 2 numbers come back on the same test rows" in words.title_result(result, paper)
    assert words.describe_verdict(result, paper).startswith(
        "The board R2 of 0.933 does not come back: QiNN-QJ reaches"
    )
    assert words.describe_uncertainty(result) == ""


def test_a_set_with_the_name_of_a_board_and_other_rows_is_no_board(cache: Path) -> None:
    result = paper_results.reproduce_paper(
        "leaderboard", small("planted"), 2, epochs=1, rivals=["linear"]
    )
    assert result.figures == ()
    assert result.audit == {}
    assert "No board has the rows of A small set" in words.describe_verdict(
        result, PAPERS["leaderboard"]
    )


def test_the_number_of_a_board_comes_back_as_far_as_seeds_tell() -> None:
    figure = next(one for one in PAPERS["leaderboard"].figures if one.data == "mosi")
    shipped = shipped_papers.shipped_reproductions()["leaderboard/mosi"]
    ours = shipped.model(figure.reading)
    one = ours.metrics["mae"]
    # Welch's interval by hand, with both sets of five seeds
    theirs = np.array(figure.seed_values)
    error = ((one.std**2 + theirs.var(ddof=1)) / 5) ** 0.5
    (comparison,) = paper_results.compare_figure(figure, ours).comparisons
    freedom = (one.std**2 + theirs.var(ddof=1)) ** 2 / ((one.std**4 + theirs.var(ddof=1) ** 2) / 4)
    reach = scipy.stats.t.ppf(0.975, freedom) * error
    assert comparison.high - comparison.difference == pytest.approx(reach)
    assert comparison.outcome == Outcome.WITHIN
    assert one.high is not None
    assert one.high - one.value > 3 * reach
    worse = replace(ours, metrics={**ours.metrics, "mae": replace(one, value=one.value + 0.03)})
    assert paper_results.compare_figure(figure, worse).verdict == Verdict.ABOVE


def test_a_parameter_claim_counts_after_the_encoders(cache: Path) -> None:
    result = paper_results.reproduce_paper(
        "entangled-qcnn", small(), 2, epochs=1, rivals=["concatenation"], with_audit=False
    )
    (claim,) = result.claims
    ours, rival = result.readings[0], result.model("concatenation")
    assert claim.after_encoders == rival.after_encoders / ours.after_encoders
    assert claim.holds == (claim.after_encoders >= 24)
    assert "'dozens of times fewer'" in words.describe_claim(claim, result)


@pytest.mark.parametrize(
    ("values", "difference", "holm", "parts"),
    [
        (
            (0.80, 0.70),
            0.05,
            0.001,
            (
                "Late fusion is the best on these test rows, which favours it, with",
                "better: gain +0.050",
            ),
        ),
        (
            (0.80, 0.70),
            -0.05,
            0.001,
            ("Late fusion is the best", "significantly worse: gain -0.050"),
        ),
        (
            (0.80, 0.70),
            -0.05,
            0.2,
            ("not distinguishable from it: gain -0.050", "p = 0.20 after correction for 2 rivals"),
        ),
        (
            (0.7001, 0.7004),
            0.0,
            1.0,
            (
                "Late fusion and Concatenation network are the best on these test rows, which favours them",
            ),
        ),
    ],
)
def test_the_best_rival_is_named_as_its_numbers_allow(
    mosi_like: Any,
    values: tuple[float, float],
    difference: float,
    holm: float,
    parts: tuple[str, ...],
) -> None:
    rivals = [
        replace(rival, metrics={**rival.metrics, mosi_like.metric: estimate(value)})
        for rival, value in zip(mosi_like.rivals, values, strict=True)
    ]
    first = mosi_like.readings[0].name
    gaps = [
        paper_results.Gap(first, rival.name, estimate(difference), holm, holm) for rival in rivals
    ]
    result = replace(mosi_like, models=(*mosi_like.readings, *rivals), gaps=tuple(gaps))
    sentence = words.describe_rivals(result)
    for part in parts:
        assert part in sentence
    one = replace(result, models=(*mosi_like.readings, rivals[0]), gaps=(gaps[0],))
    assert words.describe_rivals(one).startswith("The only plain rival, late fusion, reaches")
    alone = replace(mosi_like, models=tuple(mosi_like.readings), gaps=())
    assert words.describe_rivals(alone) == "No plain rival was trained with it"


def test_rivals_that_are_as_small_are_named_beside_a_parameter_claim() -> None:
    result = shipped_papers.shipped_reproductions()["entangled-qcnn/digits"]
    (claim,) = result.claims
    sentence = words.describe_claim(claim, result)
    assert "Late fusion (0)" in sentence
    assert "are not significantly worse" in sentence
    first = result.readings[0].name
    beaten = [
        replace(gap, holm=0.01, difference=estimate(0.05)) if gap.reading == first else gap
        for gap in result.gaps
    ]
    sentence = words.describe_claim(claim, replace(result, gaps=tuple(beaten)))
    assert "is significantly better" in sentence
    assert "not significantly worse" not in sentence


def test_a_twin_that_answers_no_row_otherwise_may_do_so_on_new_rows() -> None:
    """40 equal rows bound the difference by .09, more than the margin of .02."""
    data = small(kind="classification")
    rows = [1] * 30 + [0] * 10
    records = [
        {"variant": variant, "seed": seed, "test": {"accuracy": 0.75}, "rows": rows}
        for variant in ("qfl", "late")
        for seed in range(3)
    ]
    resource = audit_plan.Resource("interaction", "qfl", "late")
    (row,) = audit_rows.entry(records, data, resources=[resource])["rows"]
    assert row["verdict"] == "not needed on these rows"
    assert row["tests"]["rows"]["high"] == pytest.approx(1 - 0.025 ** (1 / 40), rel=0.05)


def test_needed_resources_are_those_on_these_data_within_a_margin() -> None:
    shipped = shipped_papers.shipped_reproductions()
    sentence = words.describe_audit(shipped["qd-msa/mosi"], PAPERS["qd-msa"])
    assert sentence.startswith("Resources of quantum fusion layer on CMU-MOSI, differences up to")
    assert "0.020 of Acc-2 (non-zero) counting as none: undecided: entangling gates" in sentence
    board = shipped["leaderboard/mosi"]
    assert "as measured for the leaderboard with 10 seeds" in words.describe_audit(
        board, PAPERS["leaderboard"]
    )


def test_the_interval_of_a_resource_is_that_of_its_verdict() -> None:
    result = shipped_papers.shipped_reproductions()["leaderboard/mosi"]
    for row in result.audit["rows"]:
        assert paper_page.resource_scope(row) == "seeds"  # single rows were not recorded
        low, high = row["tests"]["seeds"]["low"], row["tests"]["seeds"]["high"]
        shown = paper_page.resource_row(row)[3].replace("−", "-")
        assert [float(end) for end in re.findall(r"[-+]?\d\.\d{3}", shown)[1:]] == [
            pytest.approx(low, abs=5e-4),
            pytest.approx(high, abs=5e-4),
        ]
    assert "for new seeds alone where" in paper_page.explain_resources(result)
    measured = shipped_papers.shipped_reproductions()["qd-msa/mosi"]
    assert {paper_page.resource_scope(row) for row in measured.audit["rows"]} == {"rows"}
    assert "for new seeds alone" not in paper_page.explain_resources(measured)


# What ships.


def test_shipped_results_are_whole_and_stand_on_the_page() -> None:
    shipped = shipped_papers.shipped_reproductions()
    assert {"qinn-qj/mosi", "entangled-qcnn/digits"} <= set(shipped)
    for name, result in shipped.items():
        paper = PAPERS[result.paper]
        assert name == f"{result.paper}/{result.data}"
        assert result.shortened is None
        assert result.seeds >= 5
        assert result.date
        assert not words.describe_failures(result.models)
        # settings and digests are those of this version
        data = qfusion.load(result.data) if result.role == Role.EMBEDDED else None
        if data is not None:
            assert data.digest == result.data_digest
            cells = [paper_training.reading_cell(paper, data, one, None) for one in paper.readings]
            assert [cell.digest for cell in cells] == [one.digest for one in result.readings]
        page = paper_page.report_on_paper(result)
        assert len(pypdf.PdfReader(io.BytesIO(page.pdf())).pages) == 1
    table = papers_panels.papers_table()
    assert len(table) == len(shipped) + len(set(PAPERS) - {one.paper for one in shipped.values()})
    best_rival = "Best rival on the test rows"
    assert set(table.columns) == {"Paper", "Reference", "Ours", best_rival, "Verdict", "Command"}
    assert table["Verdict"].str.len().max() < 100  # the sentence stands with the chosen paper
    board = table[table["Paper"].str.startswith("Our leaderboard")].iloc[0]
    rivals = {
        rival.label: rival.metrics["mae"].value for rival in shipped["leaderboard/mosi"].rivals
    }
    best = min(rivals, key=lambda label: rivals[label])
    assert board[best_rival].startswith(f"{best}: MAE {rivals[best]:.3f}")
    assert board["Reference"] == "QiNN-QJ: MAE 0.916; Entangled QCNN: MAE 0.946"


@pytest.mark.parametrize("name", ["", *shipped_papers.shipped_reproductions()])
def test_the_panel_draws_every_result(name: str) -> None:
    picture = papers_panels.reproduced_paper(benchmark_board.open_board(), paper=name)
    result = papers_panels.shipped_result(name)
    assert picture.figure is not None
    assert words.shorten_verdict(result, PAPERS[result.paper]) in picture.title.replace("\\", "")
    for number in (model.metrics[result.metric].value for model in result.models):
        assert f"{number:.3f}" in picture.alt
    assert len(picture.numbers) == sum(len(model.metrics) for model in result.models)


def test_an_unknown_result_is_refused() -> None:
    with pytest.raises(NotFound, match="Results 'qinn-qj/moon' does not exist"):
        papers_panels.shipped_result("qinn-qj/moon")


def test_the_page_shows_all_papers_and_follows_the_choice() -> None:
    app = visit("Leaderboard", **{"board.view": "Papers", "board.paper": "entangled-qcnn/digits"})
    shown = "\n".join(one.value for one in app.markdown)
    assert "Papers, reproduced" in shown
    result = papers_panels.shipped_result("entangled-qcnn/digits")
    assert papers_panels.list_findings(result) in shown
    assert any(result.command in one.value for one in app.code)


# Frozen and product circuits.


def test_frozen_gates_stay_as_drawn_and_are_no_parameters() -> None:
    data = small()
    result = qfusion.training.train(
        "qfl", data, {"freeze_gates": True}, {"epochs": 2, "coupling_decay": 1.0}, 5
    )
    torch.manual_seed(5)
    fresh = registry.build("qfl", data.input_specs, ("sentiment",), {"freeze_gates": True})
    assert torch.equal(result.model.layers.angles, fresh.layers.angles)
    assert not any("angles" in name for name, _ in result.model.named_parameters())


def test_a_circuit_without_entangling_gates_factorises() -> None:
    data = small()
    torch.manual_seed(0)
    model = (
        registry.build("qfl", data.input_specs, ("score",), {"entangling": False}).double().eval()
    )
    states = model.encode(data.inputs([0], torch.float64))
    assert {gate.name for gate in model.gates(states)} == {"Rot", "RZ"}


# Bad calls.


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (
            ("qin-qj",),
            ("qinn-qj, entangled-qcnn", "'qin-qj' does not exist", "Did you mean 'qinn-qj'"),
        ),
        (("qfnn", "--seeds", "1"), ("`seeds` must be a whole number from 2 to 100",)),
        (("qfnn", "--epochs", "0"), ("`epochs`",)),
        (("qfnn", "--jobs", "0"), ("`jobs`",)),
        (("qfnn", "--data", "plant"), ("Data set of 'qfnn' 'plant' does not exist", "planted")),
        (("qfnn", "--rival", "gpt"), ("Rival 'gpt' does not exist",)),
        (
            ("lindblad-fusion",),
            ("'mvsa' of Lindblad fusion is not here", "--name mvsa", "--data parity"),
        ),
        (
            ("qd-msa", "--data", "mosei"),
            ("data import mosei_aligned_50.pkl --name mosei", "--data planted"),
        ),
        (("qfnn", "--pdf", "page.doc"), ("`--pdf` must end in .pdf",)),
        (("qfnn", "--out", "/nowhere/x.json"), ("`--out` must lie in a folder that exists",)),
        (("--data", "planted"), ("`NAME` is missing",)),
    ],
)
def test_wrong_calls_are_refused_and_leave_nothing(
    run: Any,
    arguments: tuple[str, ...],
    parts: tuple[str, ...],
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(run("reproduce", *arguments), *parts)
    assert not list(tmp_path.rglob("*.*"))


def test_missing_data_are_refused_by_the_api_too() -> None:
    with pytest.raises(DataUnavailable, match="does not fetch MVSA"):
        paper_results.reproduce_paper("lindblad-fusion")
    with pytest.raises(NotFound):
        paper_results.reproduce_paper("qinn-qj", "no-such-set")
    with pytest.raises(InvalidInput, match="`seeds`"):
        paper_results.reproduce_paper("qinn-qj", small(), seeds=1)
    with pytest.raises(InvalidInput, match="`jobs` must be 1 for a data set in memory"):
        paper_results.reproduce_paper("qinn-qj", small(), jobs=2)


def test_a_public_set_that_is_not_here_names_the_download(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QFUSION_DATA", str(tmp_path))
    with pytest.raises(DataUnavailable, match=r"data get mosi.*--data planted"):
        paper_results.reproduce_paper("qinn-qj")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format": 1}', b"\xff\xfe"])
def test_other_files_are_no_results(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"x\.json holds no results of a paper"):
        paper_results.read_reproduction(path)


# The command.


def test_the_command_lists_papers_with_data(run: Any) -> None:
    listed = run("reproduce")
    assert listed.code == 0
    for key in PAPERS:
        assert key in listed.out
    records = run("reproduce", "--json").json
    assert [record["name"] for record in records] == list(PAPERS)
    mvsa = next(one for one in records[4]["data"] if one["name"] == "mvsa")
    assert not mvsa["here"]
    assert "--name mvsa" in mvsa["remedy"]


def test_the_command_writes_a_page_and_results(run: Any, cache: Path, tmp_path: Path) -> None:
    arguments = (
        *("reproduce", "qfnn", "--data", "digits", "--epochs", 1, "--seeds", 2),
        *("--rival", "late", "--no-audit"),
        *("--pdf", tmp_path / "page.pdf", "--out", tmp_path / "results.json"),
    )
    result = run(*arguments, "--json")
    assert result.code == 0
    assert result.json["says"][0].startswith(
        "No published figure of QFNN on Digits in three views is known to us"
    )
    assert (tmp_path / "page.pdf").read_bytes()[:5] == b"%PDF-"
    stored = paper_results.read_reproduction(tmp_path / "results.json")
    assert stored.digest == result.json["digest"]
    assert json.loads(stored.json()) | {"says": 0, "digest": 0} == result.json | {
        "says": 0,
        "digest": 0,
    }
    again = run(*arguments)
    assert "No published figure of QFNN" in again.out
    assert f"results {stored.digest[:12]}" in again.out


def test_the_program_of_the_page_runs(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "plugins" / "papers.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    values: dict[str, Any] = {}
    exec(program, values)
    printed = capsys.readouterr().out
    assert "Circuit without trained gates: 0." in printed
    assert "with the same rows and budget" in printed
    assert len(values["table"]) == 3 * 4  # metrics of two readings and two rivals
    listed = page.partition("## `reproduce`")[0]
    for name in re.findall(r"^\| `([a-z-]+)` \|", listed, re.MULTILINE):
        assert name in PAPERS
