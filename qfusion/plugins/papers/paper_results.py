"""What came out of a paper's models: metrics with intervals, published figures beside ours, rivals, needed resources.

An interval of 95 % concerns new training seeds and new test rows together, see `paired`; it is never narrower than that
over seeds alone. Gains over rivals are of the main metric of the data's convention, or of the headline of a board; they
are above 0 where the reading is better than the rival.

A published figure has seeds and test rows of its own, and mostly its error is unknown. The difference to it is taken as
if its error were ours: that of two studies of the same size, with an interval wider than ours by the square root of 2.
The numbers of our boards are of the same test rows, and their seeds are known: there only seeds differ.
"""

import hashlib
import math
import platform
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import scipy.special

from qfusion import __version__, _files
from qfusion._checks import check, choose, require_whole
from qfusion.data import DataSet, registry
from qfusion.errors import IntegrityError, QFusionError
from qfusion.plugins.papers import benchmark_board, paper_list
from qfusion.plugins.papers.metric_rows import row_contributions
from qfusion.plugins.papers.paper_list import Paper, PublishedFigure
from qfusion.plugins.papers.paper_training import (
    LATE,
    READING,
    RIVAL,
    Cell,
    Trained,
    reading_cell,
    rival_cells,
    train_cells,
    twin_cells,
)
from qfusion.plugins.why import evidence
from qfusion.plugins.why.audit import audit, audit_rows
from qfusion.plugins.why.audit.audit_plan import RESOURCES, Resource
from qfusion.plugins.why.audit.twin_runs import Run, Terms, summing
from qfusion.study import metric_gains
from qfusion.training import metrics

FORMAT = 2
FEWEST, MOST = 2, 100  # seeds
MAX_BYTES = 1_000_000  # of a file of results
DOZENS = 24  # "dozens of times" means at least so many times
# Metrics that are no shares, with their least and largest value.
RANGES = {"mae": (0.0, math.inf), "nll": (0.0, math.inf), "corr": (-1.0, 1.0), "r2": (-math.inf, 1)}
LEVEL = 0.95  # of intervals
ROUNDING = 1e-6  # of the numbers that our boards hold
INTERACTION = "interaction of modalities (late fusion)"


class Outcome(StrEnum):
    """Where our number lies beside a published figure: within the interval of the difference, or on one side."""

    WITHIN, BELOW, ABOVE = "within", "below", "above"


class Verdict(StrEnum):
    """What follows for a published figure from all metrics that it may be."""

    NO_FIGURE, NO_METRIC, NOT_MEASURED = "no figure", "no metric", "not measured"
    COMPATIBLE, BELOW, ABOVE = "compatible", "below", "above"
    CONVENTION_DECIDES = "convention decides"


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % intervals.

    Attributes:
        value: mean over seeds. low, high: for new seeds and new test rows; None if fewer than two seeds are there.
        seeds_low, seeds_high: for new seeds on these test rows.
        std: standard deviation over seeds.
    """

    value: float
    low: float | None
    high: float | None
    seeds_low: float | None
    seeds_high: float | None
    std: float


@dataclass(frozen=True)
class ModelResult:
    """A reading or a rival.

    Attributes:
        name, label, role, kind: see `paper_training.Cell`.
        seeds: of the trainings that did not fail. failed: errors of the others.
        metrics: by key. parameters: in all. after_encoders: of them after the encoders. epochs: of each seed.
        digest: of settings and options.
    """

    name: str
    label: str
    role: str
    kind: str
    seeds: tuple[int, ...]
    failed: tuple[str, ...]
    metrics: dict[str, Estimate]
    parameters: int
    after_encoders: int
    epochs: tuple[int, ...]
    settings: dict[str, Any]
    digest: str


@dataclass(frozen=True)
class FigureComparison:
    """A published figure beside a reading, as one of the metrics that it may be.

    Attributes:
        metric: key. published: the figure. ours: of the reading.
        low, high: 95 % interval of ours minus the published figure. outcome: where 0 lies in it.
    """

    metric: str
    published: float
    ours: Estimate
    low: float
    high: float
    outcome: Outcome

    @property
    def difference(self) -> float:
        """Ours minus the published figure."""
        return self.ours.value - self.published


@dataclass(frozen=True)
class FigureResult:
    """A published figure and what follows for it.

    Attributes:
        label, value, convention, features, source: see `paper_list.PublishedFigure`.
        reading: that is compared. comparisons: one for each metric that the figure may be.
        verdict: of all of them. same_rows: whether the figure is of the same test rows, with known seeds.
    """

    label: str
    value: float
    convention: str
    features: str
    source: str
    reading: str
    comparisons: tuple[FigureComparison, ...]
    verdict: Verdict
    same_rows: bool


@dataclass(frozen=True)
class Gap:
    """A reading beside a rival, by the main metric.

    Attributes:
        reading, rival: their names. difference: positive where the reading is better.
        p: of no difference, for new seeds and new test rows. holm: the same, corrected over the reading's rivals.
    """

    reading: str
    rival: str
    difference: Estimate
    p: float
    holm: float


@dataclass(frozen=True)
class ParameterClaim:
    """Parameters of a reading and of the rival that a paper claims to need many times as many.

    Attributes:
        reading, rival: their names. after_encoders, total: the rival's parameters as a multiple of the reading's.
    """

    reading: str
    rival: str
    after_encoders: float
    total: float

    @property
    def holds(self) -> bool:
        """Whether the rival has dozens of times as many parameters after the encoders."""
        return self.after_encoders >= DOZENS


@dataclass(frozen=True)
class Reproduction:
    """All that came out of a paper's models on a data set.

    Attributes:
        format: of the file. paper: its key. data, title: name and title of the set. role: see `paper_list.Role`.
        date: of the run. versions: of the programs. command: that repeats it.
        data_digest: of the set. trained_on, test_rows: rows. independent: test rows that count as independent.
        seeds: number of seeds. shortened: epochs in place of the recipe's, if given.
        metric: the main one, on our boards their headline. convention: of the target. models: readings, then rivals.
        figures: published ones with verdicts. gaps: of every reading to every rival. claims: on parameters.
        audit: see `audit_rows.entry`, empty if there is none.
        audited: name of the reading that was compared with twins.
    """

    format: int
    paper: str
    data: str
    title: str
    role: str
    date: str
    versions: dict[str, str]
    command: str
    data_digest: str
    trained_on: int
    test_rows: int
    independent: float
    seeds: int
    shortened: int | None
    metric: str
    convention: str
    models: tuple[ModelResult, ...]
    figures: tuple[FigureResult, ...]
    gaps: tuple[Gap, ...]
    claims: tuple[ParameterClaim, ...]
    audit: dict[str, Any]
    audited: str

    @property
    def readings(self) -> list[ModelResult]:
        """The readings."""
        return [model for model in self.models if model.role == READING]

    @property
    def rivals(self) -> list[ModelResult]:
        """The rivals."""
        return [model for model in self.models if model.role == RIVAL]

    def model(self, name: str) -> ModelResult:
        """Return a model by name.

        Raises:
            NotFound: when it was not trained.
        """
        known = {model.name: model for model in self.models}
        return known[choose("Model", name, known)]

    @property
    def metric_label(self) -> metrics.Label:
        """How the main metric is shown."""
        return metrics.label(self.metric, self.convention)

    def best_rival(self) -> ModelResult | None:
        """Return the rival with the best mean of the main metric on the test rows, of those with two seeds or more;
        None if there is none. It is picked by the rows that it is measured on, which favours it.
        """
        sign = 1 if self.metric_label.higher_is_better else -1
        rivals = [rival for rival in self.rivals if len(rival.seeds) >= FEWEST]
        return max(rivals, key=lambda one: sign * one.metrics[self.metric].value, default=None)

    def gap(self, reading: str, rival: str) -> Gap | None:
        """Return the difference of a reading and a rival, or None if one of them failed."""
        return next((g for g in self.gaps if (g.reading, g.rival) == (reading, rival)), None)

    @property
    def digest(self) -> str:
        """SHA-256 of the results as JSON."""
        return hashlib.sha256(self.json()).hexdigest()

    def json(self) -> bytes:
        """Return the results as JSON, UTF-8. The same results give the same bytes."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    def write(self, path: str | Path) -> None:
        """Write the results as JSON. The file appears when it is complete.

        Raises:
            InvalidInput: when the file cannot be written.
        """
        _files.write_file(path, self.json())

    def frame(self) -> pd.DataFrame:
        """Return a table, a row for each metric of each model."""
        return pd.DataFrame(
            [
                {
                    "model": model.label,
                    "role": model.role,
                    "metric": key,
                    "mean": one.value,
                    "low": one.low,
                    "high": one.high,
                    "seeds low": one.seeds_low,
                    "seeds high": one.seeds_high,
                    "seeds": len(model.seeds),
                    "parameters": model.parameters,
                    "after the encoders": model.after_encoders,
                }
                for model in self.models
                for key, one in model.metrics.items()
            ]
        )


def reproduce_paper(
    name: str,
    data: str | DataSet | None = None,
    seeds: int = 5,
    *,
    epochs: int | None = None,
    rivals: Sequence[str] | None = None,
    with_audit: bool = True,
    jobs: int = 1,
) -> Reproduction:
    """Train our reading of a paper, plain rivals with the same budget and twins without a quantum resource, and compare
    them with each other and with the published figures.

    Args:
        name: of a paper, see `paper_list.papers`, or "leaderboard".
        data: name of a data set or a data set; the paper's first one by default.
        seeds: training seeds of every model, two or more.
        epochs: in place of those of the recipe, for a short trial. rivals: of the paper's; all by default.
        with_audit: whether twins are trained. jobs: processes that train at the same time.

    Raises:
        NotFound: when there is no such paper, data set or rival.
        DataUnavailable: when the data are not here; the message says how to get them.
        InvalidInput: when there are fewer than two seeds or test rows, or a training of the reading fails with all of
            them.
    """
    paper = paper_list.find_paper(name)
    require_whole("seeds", seeds, FEWEST, MOST)
    require_whole("jobs", jobs, 1, 64)
    check(
        jobs == 1 or not isinstance(data, DataSet),
        f"Argument `jobs` must be 1 for a data set in memory, but is {jobs}: processes cannot load it. Import it, "
        "or leave `jobs` out.",
    )
    source = data if isinstance(data, str) else paper.data[0].name
    dataset = data if isinstance(data, DataSet) else _load_data(paper, source)
    _require_test_rows(dataset)
    readings, twins = _reading_cells(paper, dataset, epochs, with_audit)
    wanted = [
        choose("Rival", one, paper.rivals)
        for one in dict.fromkeys(paper.rivals if rivals is None else rivals)
    ]
    plain = rival_cells(paper, dataset, wanted, epochs)
    trained = train_cells([*readings, *plain, *twins], dataset, seeds, jobs, source)
    first = trained[readings[0].name]
    check(
        len(first.seeds) >= FEWEST,
        f"{first.cell.label} failed on '{dataset.name}': {'; '.join(first.failures)[:300]}. Choose another data set, "
        "or more seeds.",
        QFusionError,
    )
    command = _command(
        paper, data, dataset, seeds, epochs, None if rivals is None else wanted, with_audit
    )
    return _assemble(paper, dataset, seeds, epochs, command, readings, plain, twins, trained)


def read_reproduction(path: Path) -> Reproduction:
    """Return the results in a file that `Reproduction.write` has written.

    Raises:
        IntegrityError: when the file does not hold results of this version.
    """
    remedy = "Make it again with `python -m qfusion reproduce`."
    try:
        content = path.read_bytes()
        check(len(content) <= MAX_BYTES, f"{path.name} is too large. {remedy}", IntegrityError)
        result = msgspec.json.decode(content, type=Reproduction)
    except (OSError, msgspec.MsgspecError) as error:
        raise IntegrityError(
            f"{path.name} holds no results of a paper: {str(error)[:200]}. {remedy}"
        ) from error
    check(result.format == FORMAT, f"{path.name} has another format. {remedy}", IntegrityError)
    return result


def _load_data(paper: Paper, source: str) -> DataSet:
    """Return a data set by its name, or by the path of a file, after a check that it is here."""
    if not Path(source).is_file():
        paper_list.require_data(paper, source)
    return registry.load(source)


def _require_test_rows(dataset: DataSet) -> None:
    """Check that the main metric has test rows, which non-zero accuracy lacks where all scores are 0."""
    count = len(dataset.rows("test"))
    if count:
        count = evidence.evaluation_basis(dataset).count
    check(
        count >= FEWEST,
        f"Data set '{dataset.name}' must have {FEWEST} or more test rows that count for the main metric, but has "
        f"{count}. Choose another data set or split.",
    )


def _reading_cells(
    paper: Paper, dataset: DataSet, epochs: int | None, with_audit: bool
) -> tuple[list[Cell], list[Cell]]:
    """Return the cells of the readings, and of the twins of the audited one."""
    cells = [reading_cell(paper, dataset, reading, epochs) for reading in paper.readings]
    full = next((cell for cell in cells if cell.name == paper.audited), None)
    return cells, twin_cells(paper, dataset, full) if full and with_audit else []


def _assemble(
    paper: Paper,
    dataset: DataSet,
    seeds: int,
    epochs: int | None,
    command: str,
    readings: Sequence[Cell],
    plain: Sequence[Cell],
    twins: Sequence[Cell],
    trained: Mapping[str, Trained],
) -> Reproduction:
    rows = dataset.rows("test")
    measured = {cell.name: _Measured(trained[cell.name], dataset) for cell in (*readings, *plain)}
    models = {name: one.result() for name, one in measured.items()}
    figures = [] if _has_other_rows(paper, dataset, readings[0]) else paper.figures_on(dataset.name)
    on_board = paper.is_board and bool(figures)
    metric = figures[0].metrics[0] if on_board else metric_gains.main_metric(dataset)[0]
    first = readings[0].name
    versions = {"qfusion": __version__, "python": platform.python_version()}
    for package in ("torch", "numpy", "scipy"):
        versions[package] = version(package)
    compared = [compare_figure(figure, models[figure.reading or first]) for figure in figures]
    rivals = [measured[rival.name] for rival in plain]
    gaps = []
    for cell in readings:
        gaps += _gaps(measured[cell.name], rivals, metric, dataset)
    independent = evidence.effective_rows(len(rows), _clusters(dataset))
    return Reproduction(
        format=FORMAT,
        paper=paper.key,
        data=dataset.name,
        title=dataset.title,
        role=paper.entry(dataset.name).role.value,
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        versions=versions,
        command=command,
        data_digest=dataset.digest,
        trained_on=len(dataset.rows(readings[0].options.split)),
        test_rows=len(rows),
        independent=round(independent, 1),
        seeds=seeds,
        shortened=epochs,
        metric=metric,
        convention=dataset.target.convention,
        models=tuple(models.values()),
        figures=tuple(compared),
        gaps=tuple(gaps),
        claims=tuple(_parameter_claims(paper, models, first)),
        audit=_audit(paper, dataset, readings, twins, trained, on_board),
        audited=paper.audited if twins else "",
    )


def _has_other_rows(paper: Paper, dataset: DataSet, first: Cell) -> bool:
    """Return whether a data set has the name of a board, but not its numbers of rows: such as an import."""
    board = benchmark_board.open_board()
    if not paper.is_board or dataset.name not in board.names:
        return False
    entry = board.of(dataset.name)
    rows = len(dataset.rows(first.options.split)), len(dataset.rows("test"))
    return rows != (entry["trained_on"], entry["test"])


def _command(
    paper: Paper,
    data: str | DataSet | None,
    dataset: DataSet,
    seeds: int,
    epochs: int | None,
    rivals: Sequence[str] | None,
    with_audit: bool,
) -> str:
    """Return the command that repeats a run; where there is none, as for a data set in memory or without rivals, the
    call."""
    if isinstance(data, DataSet) or rivals == []:
        options = "" if epochs is None else f", epochs={epochs}"
        options += "" if rivals is None else f", rivals={list(rivals)}"
        options += "" if with_audit else ", with_audit=False"
        name = "data" if isinstance(data, DataSet) else repr(data or dataset.name)
        return f"qfusion.study.reproduce_paper({paper.key!r}, {name}, {seeds}{options})"
    words = ["python", "-m", "qfusion", "reproduce", paper.key, "--data", data or dataset.name]
    words += ["--seeds", str(seeds)]
    words += [] if epochs is None else ["--epochs", str(epochs)]
    words += [word for rival in rivals or () for word in ("--rival", rival)]
    words += [] if with_audit else ["--no-audit"]
    return shlex.join(words)


def _clusters(dataset: DataSet) -> np.ndarray | None:
    rows = dataset.rows("test")
    return None if dataset.clusters is None else dataset.clusters.numbers[rows]


class _Measured:
    """Metrics of a cell over seeds, and the contributions of single test rows to them, means over seeds."""

    def __init__(self, trained: Trained, dataset: DataSet):
        self.trained, self.name = trained, trained.cell.name
        self.clusters = _clusters(dataset)
        target, truth = dataset.target, dataset.y[dataset.rows("test")]
        self.values: dict[str, dict[int, float]] = {}
        self.rows: dict[str, dict[int, np.ndarray]] = {}
        for seed in trained.seeds:
            rows = row_contributions(trained.scores[seed], truth, target.kind, target.convention)
            for key in metrics.names(dataset):
                self.values.setdefault(key, {})[seed] = trained.records[seed]["test"][key]
                self.rows.setdefault(key, {})[seed] = rows[key]

    def result(self) -> ModelResult:
        """The metrics with intervals, and what the model is."""
        cell, records = self.trained.cell, self.trained.records
        good = [records[seed] for seed in self.trained.seeds]
        metrics = {}
        for key, by_seed in self.values.items():
            estimate = _estimate(by_seed, self.rows[key], self.clusters, key not in RANGES)[0]
            lowest, highest = RANGES.get(key, (0.0, 1.0))
            metrics[key] = _clip(estimate, lowest, highest)
        parameters = 0
        after_encoders = 0
        if good:
            parameters = int(good[0]["parameters"])
            after_encoders = int(good[0]["after_encoders"])
        return ModelResult(
            name=cell.name,
            label=cell.label,
            role=cell.role,
            kind=cell.kind,
            seeds=self.trained.seeds,
            failed=self.trained.failures,
            metrics=metrics,
            parameters=parameters,
            after_encoders=after_encoders,
            epochs=tuple(int(record["epochs"]) for record in good),
            settings=dict(cell.settings),
            digest=cell.digest,
        )


def _estimate(
    values: Mapping[int, float],
    rows: Mapping[int, np.ndarray],
    clusters: np.ndarray | None,
    is_share: bool,
) -> tuple[Estimate, float]:
    """Return the mean over seeds with its intervals, and the p-value of a mean of 0.

    Args:
        values: by seed. rows: contributions of single rows to them, by seed.
        is_share: whether rows contribute 0 or 1, or the difference of two such numbers. If all contribute the same, new
            rows may still differ: the interval is then that of as many equal outcomes (Clopper and Pearson 1934), p
            that of as many equal signs.
    """
    over = np.array(list(values.values()))
    alone = evidence.seed_evidence(over)
    std = float(over.std(ddof=1)) if len(over) > 1 else 0.0
    if len(over) < FEWEST:
        return Estimate(alone.mean, None, None, None, None, std), 1.0
    both = evidence.crossed_evidence(over, np.mean(list(rows.values()), 0), clusters)
    (low, high), (seeds_low, seeds_high) = both.interval(), alone.interval()
    p = max(both.p_differs(), alone.p_differs())
    if is_share and both.error == 0:
        independent = evidence.effective_rows(len(next(iter(rows.values()))), clusters)
        reach = evidence.clopper_pearson_margin(independent, LEVEL)
        low = both.mean - reach
        high = both.mean + reach
        p = min(1.0, 2 * 0.5**independent) if both.mean else 1.0
    estimate = Estimate(
        value=both.mean,
        low=float(min(low, seeds_low)),
        high=float(max(high, seeds_high)),
        seeds_low=float(seeds_low),
        seeds_high=float(seeds_high),
        std=std,
    )
    return estimate, p


def _clip(estimate: Estimate, least: float, most: float) -> Estimate:
    """Return an estimate whose intervals lie within the range of its values."""

    def clip(end: float | None) -> float | None:
        return None if end is None else float(np.clip(end, least, most))

    return replace(
        estimate,
        low=clip(estimate.low),
        high=clip(estimate.high),
        seeds_low=clip(estimate.seeds_low),
        seeds_high=clip(estimate.seeds_high),
    )


def compare_figure(figure: PublishedFigure, ours: ModelResult) -> FigureResult:
    """Return a published figure beside a reading, under each metric that it may be."""
    comparisons = tuple(
        _compare(key, figure, ours.metrics[key], len(ours.seeds))
        for key in figure.metrics
        if key in ours.metrics and len(ours.seeds) >= FEWEST
    )
    measured = len(ours.seeds) >= FEWEST
    return FigureResult(
        figure.label,
        figure.value,
        figure.convention,
        figure.features,
        figure.source,
        ours.name,
        comparisons,
        judge_figure([one.outcome for one in comparisons]) if measured else Verdict.NOT_MEASURED,
        bool(figure.seed_values),
    )


def _compare(key: str, figure: PublishedFigure, ours: Estimate, seeds: int) -> FigureComparison:
    difference = ours.value - figure.value
    reach = _reach_of_difference(figure, ours, seeds)
    if abs(difference) <= reach + ROUNDING:
        outcome = Outcome.WITHIN
    else:
        outcome = Outcome.BELOW if difference < 0 else Outcome.ABOVE
    return FigureComparison(
        key, figure.value, ours, difference - reach, difference + reach, outcome
    )


def _reach_of_difference(figure: PublishedFigure, ours: Estimate, seeds: int) -> float:
    """Return half of the interval of ours minus the published figure: over the seeds of both where these are known
    (Welch 1947), else that of two studies with our error, over new seeds and new test rows."""
    if len(figure.seed_values) >= FEWEST:
        theirs = np.array(figure.seed_values)
        parts = np.array([ours.std**2 / seeds, theirs.var(ddof=1) / len(theirs)])
        whole = float(parts.sum())
        if whole == 0:
            return 0.0
        freedom = whole**2 / float((parts**2 / [seeds - 1, len(theirs) - 1]).sum())
        return float(scipy.special.stdtrit(freedom, 0.5 + LEVEL / 2)) * math.sqrt(whole)
    ends = [abs(end - ours.value) for end in (ours.low, ours.high) if end is not None]
    return math.sqrt(2) * max(ends)


def judge_figure(outcomes: Sequence[Outcome]) -> Verdict:
    """Return what follows from the outcomes under all metrics that a figure may be."""
    if not outcomes:
        return Verdict.NO_METRIC
    if len(set(outcomes)) > 1:
        return Verdict.CONVENTION_DECIDES
    return {
        Outcome.WITHIN: Verdict.COMPATIBLE,
        Outcome.BELOW: Verdict.BELOW,
        Outcome.ABOVE: Verdict.ABOVE,
    }[outcomes[0]]


def _gaps(ours: _Measured, rivals: Sequence[_Measured], metric: str, dataset: DataSet) -> list[Gap]:
    """Return the differences of a reading to its rivals by a metric."""
    sign = 1 if metrics.label(metric, dataset.target.convention).higher_is_better else -1
    gaps = []
    for rival in rivals:
        seeds = [seed for seed in ours.trained.seeds if seed in rival.trained.seeds]
        if len(seeds) < FEWEST:
            continue
        values = {
            seed: sign * (ours.values[metric][seed] - rival.values[metric][seed]) for seed in seeds
        }
        rows = {seed: sign * (ours.rows[metric][seed] - rival.rows[metric][seed]) for seed in seeds}
        difference, p = _estimate(values, rows, ours.clusters, metric not in RANGES)
        if metric not in RANGES:
            difference = _clip(difference, -1.0, 1.0)
        gaps.append(Gap(ours.name, rival.name, difference, p, p))
    corrected = evidence.holm([gap.p for gap in gaps])
    return [replace(gap, holm=p) for gap, p in zip(gaps, corrected, strict=True)]


def _parameter_claims(
    paper: Paper, models: Mapping[str, ModelResult], first: str
) -> list[ParameterClaim]:
    """Return the parameters of the first reading beside those of a concatenation network, if the paper claims many
    fewer."""
    ours, rival = models[first], models.get("concatenation")
    if "parameters" not in paper.claims or rival is None or not rival.seeds:
        return []
    return [
        ParameterClaim(
            ours.name,
            rival.name,
            rival.after_encoders / max(1, ours.after_encoders),
            rival.parameters / max(1, ours.parameters),
        )
    ]


def _audit(
    paper: Paper,
    dataset: DataSet,
    readings: Sequence[Cell],
    twins: Sequence[Cell],
    trained: Mapping[str, Trained],
    on_board: bool,
) -> dict[str, Any]:
    """Return which resources the audited reading needs; for our boards the audit that ships."""
    if paper.is_board:
        return audit.load_shipped_audit(dataset.name) if on_board else {}
    if not twins:
        return {}
    full = next(cell for cell in readings if cell.name == paper.audited)
    own = {full.name: paper.system, LATE: LATE, **{twin.name: twin.name for twin in twins}}
    records = [
        {**record, "variant": variant}
        for name, variant in own.items()
        if name in trained
        for record in trained[name].records.values()
    ]
    resources = [
        *(one for one in RESOURCES if one.full == paper.system),
        Resource(INTERACTION, paper.system, LATE),
    ]
    terms = Terms(dataset.name, dataset, full.settings, full.options)
    runs = [Run(terms, paper.system, 0, full.settings)]
    runs += [Run(terms, twin.name, 0, twin.settings) for twin in twins]
    adds = summing(runs) | {LATE}
    return audit_rows.entry(records, dataset, summing=adds, resources=resources)
