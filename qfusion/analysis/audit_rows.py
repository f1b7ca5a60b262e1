"""Rows of the audit of quantum resources: one per resource, with the interval of the difference and a verdict.

    needed      the twin is worse by more than the margin
    helps       the twin is worse
    not needed  no difference of the margin or more either way (two one-sided tests: Schuirmann 1987)
    harms       the twin is better
    undecided   none of these
    split       some seeds of the model or of the twin learn nothing: counts of seeds, no mean
    no test     it can come out one way only; it is listed, and counts nowhere

Each but the last two is said of new seeds and new test rows where the numbers carry it. Where they carry it for new
seeds on these test rows alone, the verdict ends in "on these rows". The margin is `WITHIN`, or a quarter of the model's
error where that is less. p-values are corrected over all rows of a table (Holm 1979), and those at 5 % or less count.

A test can come out one way only
    - where the twin can only add up modalities, the model can do more, and sums are at chance (in every seed, and on
      training rows, too) or the known truth of the data has joint terms: then the data decide, not the model;
    - where the model itself is at chance with every seed: then no twin can be worse.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from qfusion import _sentences
from qfusion.analysis import fusion_tests, paired
from qfusion.analysis.audit_plan import RESOURCES, VARIANTS, Resource, require_distinct
from qfusion.data import DataSet
from qfusion.data.coalition_terms import split_term
from qfusion.training import metrics

WITHIN, OF_ERROR = (
    0.02,
    0.25,
)  # no difference: the smaller of the first, and of this part of the model's error
FEWEST = 3  # seeds that tell anything: two may differ by nothing for want of rows
LEVEL = 0.05
ABOVE = 3.0  # standard errors above the best constant answer that a seed must reach to have learned
SHARES = ("accuracy", "acc2_non0", "acc2")  # metrics that are shares of right rows
NO_TEST, SPLIT, UNDECIDED = "no test", "split", "undecided"
HERE = " on these rows"
WORSE = (
    "needed",
    "helps",
    "needed" + HERE,
    "helps" + HERE,
)  # verdicts that a resource does good, the strongest first
ORDER = (
    *WORSE,
    "harms",
    "harms" + HERE,
    SPLIT,
    UNDECIDED,
    "not needed",
    "not needed" + HERE,
    NO_TEST,
)  # as shown
SCOPES = ("rows", "seeds")  # new seeds and new rows; new seeds on these rows
# What is tested: a difference of 0; of the margin or less; of the margin or more either way.
KINDS = ("differs", "more", "within")

Record = Mapping[str, Any]


class Exemption(Enum):
    """Why a test can come out one way only, so that its row is no test."""

    MODEL_AT_CHANCE = "model at chance"
    JOINT_TRUTH = (
        "joint truth"  # the twin only adds up modalities, and the known truth has joint terms
    )
    SUMS_AT_CHANCE = "sums at chance"  # the twin only adds up modalities, and sums are at chance


def main_metric(dataset: DataSet) -> tuple[str, metrics.Label]:
    """The metric that differences are of, the first of the data's convention, and how it is shown."""
    return next(iter(fusion_tests.metric_labels(dataset).items()))


def row_values(dataset: DataSet, scores: np.ndarray) -> list[float | None]:
    """Returns what each test row adds to the metric of `main_metric`, whose mean over rows is the metric: 1 where it is
    right, else 0, or its absolute error; None for a row that does not count.

    Args:
        scores: of the test rows, (N, C).
    """
    metric, truth = main_metric(dataset)[0], dataset.y[dataset.rows("test")]
    if metric == "accuracy":
        return [int(right) for right in scores.argmax(1) == truth]
    score = scores[:, 0]
    if metric not in SHARES:
        return [float(error) for error in np.abs(score - truth)]
    right = (score.astype(np.float32) > 0) == (truth.astype(np.float32) > 0)
    counts = np.ones(len(truth), bool) if metric == "acc2" else truth != 0
    return [int(one) if counted else None for one, counted in zip(right, counts, strict=True)]


@dataclass(frozen=True, eq=False)
class EvaluationBasis:
    """What a data set's test rows can tell.

    Attributes:
        metric: of `main_metric`. label: how that is shown.
        clusters: of the rows that count, whole numbers (N, k); None where rows share nothing.
        count: of them, N. effective: how many count as independent.
        chance: the metric of the best constant answer. joint: whether the known truth of the data has joint terms.
    """

    metric: str
    label: metrics.Label
    clusters: np.ndarray | None
    count: int
    effective: float
    chance: float
    joint: bool

    @property
    def sign(self) -> int:
        """1 where more of the metric is better, else -1."""
        return 1 if self.label.higher_is_better else -1

    def error(self, value: float) -> float:
        """Returns how far a value of the metric is from the best one, which is 1, or 0 of errors."""
        return 1 - value if self.label.higher_is_better else value

    def learned(self, value: float) -> bool:
        """Whether a value is above chance by more than rows scatter; of other metrics than shares, above it at all."""
        scatter = (
            math.sqrt(self.chance * (1 - self.chance) / self.count)
            if self.metric in SHARES
            else 0.0
        )
        return bool(self.sign * (value - self.chance) > ABOVE * scatter)


def evaluation_basis(dataset: DataSet) -> EvaluationBasis:
    """Returns what a data set's test rows can tell."""
    metric, label = main_metric(dataset)
    rows = dataset.rows("test")
    if metric == "acc2_non0":
        rows = rows[dataset.y[rows] != 0]
    clusters = None if dataset.clusters is None else dataset.clusters.numbers[rows]
    sign = 1 if label.higher_is_better else -1
    chance = sign * max(sign * value for value in _constants(dataset, metric))
    truth = dataset.truth
    joint = [] if truth is None else [term for term in truth.columns if len(split_term(term)) > 1]
    return EvaluationBasis(
        metric,
        label,
        clusters,
        len(rows),
        paired.effective_rows(len(rows), clusters),
        chance,
        truth is not None and bool((truth[joint].abs() > 1e-9).any().any()),
    )


def _constants(dataset: DataSet, metric: str) -> Iterable[float]:
    """The metric of the test rows for answers that are the same for all rows."""
    rows = dataset.rows("test")
    if dataset.target.classes:
        answers = np.eye(len(dataset.target.classes))
    else:
        answers = np.quantile(dataset.y[rows], np.linspace(0, 1, 21))[:, None]
    for answer in answers:
        yield metrics.of_rows(dataset, rows, np.repeat(answer[None], len(rows), 0))[metric]


def entry(
    records: Iterable[Record],
    dataset: DataSet,
    title: str = "",
    within: float = WITHIN,
    summing: Collection[str] = (),
    resources: Sequence[Resource] = RESOURCES,
) -> dict[str, Any]:
    """Returns what is shown of records: title, metric, seeds, bound, test rows and how many of them count as
    independent, and one row a resource, with its verdict.

    Args:
        records: of `audit.Run.measure`, of these data. within: the most that counts as no difference.
        summing: names of the variants that can only add up modalities, see `audit.summing`.
        resources: what is asked about.

    Raises:
        InvalidInput: when two resources test the same pair of models.
    """
    require_distinct(resources)
    ground = evaluation_basis(dataset)
    done: dict[str, dict[int, Record]] = {}
    for record in records:
        done.setdefault(record["variant"], {})[record["seed"]] = record
    rows = [_row(row, done, ground, within, summing) for row in resources if row.twin in done]
    result = {
        "title": title or dataset.title,
        "short": ground.label.short,
        "seeds": max((row["seeds"] for row in rows), default=0),
        "within": within,
        "test_rows": ground.count,
        "independent": round(ground.effective, 1),
        "rows": rows,
    }
    judge([result])
    return result


def _row(
    resource: Resource,
    done: Mapping[str, Mapping[int, Record]],
    ground: EvaluationBasis,
    within: float,
    summing: Collection[str],
) -> dict[str, Any]:
    """The numbers of a resource, without its verdict."""
    full, twin = done.get(resource.full, {}), done[resource.twin]
    seeds = [
        seed
        for seed in sorted(set(full) & set(twin))
        if not {"failed"} & (full[seed].keys() | twin[seed].keys())
    ]
    result: dict[str, Any] = {
        "resource": resource.title,
        "system": VARIANTS[resource.full].system,
        "twin": resource.twin,
        "controls": list(resource.controls),
        "seeds": len(seeds),
        "failed": [
            f"{variant}, seed {seed}: {record['failed']}"
            for variant, part in ((resource.full, full), (resource.twin, twin))
            for seed, record in sorted(part.items())
            if "failed" in record
        ],
        "excluded": "",
        "learned": [],
    }
    if not seeds:
        return result
    ours, theirs = (
        np.array([part[seed]["test"][ground.metric] for seed in seeds]) for part in (full, twin)
    )
    result |= {
        "with": float(ours.mean()),
        "without": float(theirs.mean()),
        "least": float(theirs.min()),
        "most": float(theirs.max()),
        "worth": float(ground.sign * (ours - theirs).mean()),
        "margin": float(min(within, OF_ERROR * ground.error(float(ours.mean())))),
        "cut_loses": _lost(resource, [full[seed] for seed in seeds], ground),
    }
    if len(seeds) < FEWEST:
        return result
    counts = [int(sum(map(ground.learned, values))) for values in (ours, theirs)]
    records = [full[seed] for seed in seeds], [twin[seed] for seed in seeds]
    adds = resource.twin in summing and resource.full not in summing
    exemption = _find_exemption(counts, records[1], adds, ground)
    result["excluded"] = exemption.value if exemption else ""
    if any(0 < count < len(seeds) for count in counts):
        p = paired.p_of_counts(counts[0], counts[1], len(seeds))
        return result | {"learned": counts, "p": p}
    differences = ground.sign * (ours - theirs)
    evidence = {"seeds": paired.seed_evidence(differences)}
    variance = _rows_variance(*records, ground)
    if variance is not None:
        evidence["rows"] = paired.seed_and_row_evidence(differences, variance, ground.effective)
        result["bounded"] = not _rows_kept(*records)
    result["tests"] = {scope: _tests(one, result["margin"]) for scope, one in evidence.items()}
    return result


def _tests(evidence: paired.Evidence, margin: float) -> dict[str, float]:
    low, high = evidence.interval()
    return {
        "low": low,
        "high": high,
        "differs": evidence.p_differs(),
        "more": evidence.p_more(margin),
        "within": evidence.p_within(margin),
    }


def _lost(resource: Resource, full: Sequence[Record], ground: EvaluationBasis) -> float | None:
    """What the model loses on average when the resource is cut from it; None where none was."""
    lost = [
        ground.sign * (record["test"][ground.metric] - record["cut"][resource.cut][ground.metric])
        for record in full
        if resource.cut in record.get("cut", {})
    ]
    return float(np.mean(lost)) if lost else None


def _find_exemption(
    counts: Sequence[int], twin: Sequence[Record], adds: bool, ground: EvaluationBasis
) -> Exemption | None:
    """Why a test can come out one way only; None where it can come out either way.

    Args:
        counts: of seeds with which the model and the twin learned. twin: records of the twin.
        adds: whether the twin can only add up modalities, and the model can do more.
    """
    if counts[0] == 0:
        return Exemption.MODEL_AT_CHANCE
    if not adds:
        return None
    if ground.joint:
        return Exemption.JOINT_TRUTH
    fits = any(
        ground.learned(record["train"][ground.metric]) for record in twin if "train" in record
    )
    if counts[1] == 0 and not fits:
        return Exemption.SUMS_AT_CHANCE
    return None


def _rows_kept(ours: Sequence[Record], theirs: Sequence[Record]) -> bool:
    return all("rows" in record for record in (*ours, *theirs))


def _rows_variance(
    ours: Sequence[Record], theirs: Sequence[Record], ground: EvaluationBasis
) -> float | None:
    """The variance of the mean difference from test rows: measured where what single rows add is kept, bounded where it
    is not; None where neither can be."""
    if _rows_kept(ours, theirs):
        a, b = (
            np.array([record["rows"] for record in part], float).mean(0) for part in (ours, theirs)
        )
        counted = ~np.isnan(a)
        return paired.variance_over_rows(a[counted] - b[counted], ground.clusters)
    if ground.metric not in SHARES:
        return None
    a, b = (np.array([record["test"][ground.metric] for record in part]) for part in (ours, theirs))
    return paired.bound_over_rows(a, b, ground.effective)


# Verdicts, over all rows of a table.


def judge(entries: Sequence[dict[str, Any]]) -> None:
    """Sets the verdict of every row of some entries, and its p-values corrected over all rows of them that are tests:
    `holm` beside `differs` of each scope, and beside `p` of counts of seeds."""
    rows = [row for one in entries for row in one["rows"]]
    for row in rows:
        row["verdict"], row["control"] = _untested_verdict(row), ""
        row.pop("control_worth", None)
    tests = [row for row in rows if not row["verdict"]]
    splits = [row for row in rows if row["verdict"] == SPLIT]
    adjusted = _adjust_p_values(tests, splits)
    for row, p in zip(tests, adjusted, strict=True):
        row["verdict"] = _verdict(row, p)
        for scope, test in row["tests"].items():
            test["holm"] = p[scope]["differs"]
    for one in entries:
        _agree(one["rows"])


def _untested_verdict(row: Mapping[str, Any]) -> str:
    """The verdict of a row that no test decides; "" of any other."""
    if row["seeds"] < FEWEST:
        return (
            f"{UNDECIDED} ({_sentences.count(row['seeds'], 'seed')})" if row["seeds"] else UNDECIDED
        )
    if row["excluded"]:
        return NO_TEST
    return SPLIT if row["learned"] else ""


def _adjust_p_values(
    tests: Sequence[Mapping[str, Any]], splits: Sequence[dict[str, Any]]
) -> list[dict[str, dict[str, float]]]:
    """The p-values of tests, by scope and kind, each kind corrected over all rows that have it. Counts of seeds are
    tests of a difference on these rows, too, and get theirs."""
    result: list[dict[str, dict[str, float]]] = [{} for _ in tests]
    for scope in SCOPES:
        places = [place for place, row in enumerate(tests) if scope in row["tests"]]
        for kind in KINDS:
            counts = splits if (scope, kind) == ("seeds", "differs") else []
            raw = [tests[place]["tests"][scope][kind] for place in places]
            corrected = paired.holm([*raw, *(row["p"] for row in counts)])
            for place, p in zip(places, corrected, strict=False):
                result[place].setdefault(scope, {})[kind] = p
            for row, p in zip(counts, corrected[len(places) :], strict=True):
                row["holm"] = p
    return result


def _verdict(row: Mapping[str, Any], adjusted: Mapping[str, Mapping[str, float]]) -> str:
    for scope, where in zip(SCOPES, ("", HERE), strict=True):
        p = adjusted.get(scope)
        if p is None:
            continue
        if p["more"] <= LEVEL:
            return f"needed{where}"
        if p["within"] <= LEVEL:
            return f"not needed{where}"
        if p["differs"] <= LEVEL:
            return f"{'helps' if row['worth'] > 0 else 'harms'}{where}"
    return UNDECIDED


def _agree(rows: Sequence[dict[str, Any]]) -> None:
    """Takes a verdict that a resource does good back to that of its controls, which lack it, too: the weakest counts,
    and where one loses less, no more than that can be the resource's own."""
    own = {
        row["twin"]: (row["verdict"], row["worth"])
        for row in rows
        if "tests" in row and row["verdict"] != NO_TEST
    }
    for row in rows:
        if row["verdict"] not in WORSE:
            continue
        least = row["worth"]
        for control in row["controls"]:
            verdict, worth = own.get(control, ("", math.inf))
            weaker = bool(verdict) and _rank(verdict) > _rank(row["verdict"])
            if weaker:
                row["verdict"] = verdict
            if weaker or worth < least:
                least, row["control"], row["control_worth"] = worth, control, worth
        if row["verdict"] not in WORSE:
            row["verdict"] = UNDECIDED


def _rank(verdict: str) -> int:
    """How far a verdict is from the strongest one that a resource does good."""
    return WORSE.index(verdict) if verdict in WORSE else len(WORSE)


def verdict_rank(verdict: str) -> int:
    """Where a verdict stands among others: what matters first, what is no test last."""
    return ORDER.index(verdict if verdict in ORDER else UNDECIDED)


def ends(row: Mapping[str, Any], scope: str) -> tuple[float, float]:
    """Returns the 95 % interval of a row's worth for a scope of `SCOPES`; NaN where there is none, as of a split
    row."""
    test = row.get("tests", {}).get(scope, {})
    return test.get("low", math.nan), test.get("high", math.nan)
