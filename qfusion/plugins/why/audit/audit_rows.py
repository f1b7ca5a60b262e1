"""Rows of the audit of quantum resources: one per resource, with the interval of the difference and a verdict.

    needed      the twin is worse by more than the margin
    helps       the twin is worse
    not needed  no difference of the margin or more either way (two one-sided tests: Schuirmann 1987)
    harms       the twin is better
    undecided   none of these, or the model itself is at chance with every seed
    split       some seeds of the model or of the twin learn nothing: counts of seeds, no mean

A row whose twin cannot but be worse is "true by construction": it is listed, and counts nowhere. So it is where the
twin can only add up modalities, the model can do more, and sums are at chance (in every seed, and on training rows,
too) or the known truth of the data has joint terms: then the data decide, not the model.

Each but the last two is said of new seeds and new test rows where the numbers carry it. Where they carry it for new
seeds on these test rows alone, the verdict ends in "on these rows". The margin is `WITHIN`, or a quarter of the model's
error where that is less. p-values are corrected over all rows of a table (Holm 1979), and those at 5% or less count.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from qfusion.data import DataSet
from qfusion.explain import bootstrap
from qfusion.plugins.why.audit.audit_plan import RESOURCES, VARIANTS, Resource, require_distinct
from qfusion.plugins.why.audit.audit_verdicts import FEWEST, HERE, Exemption, judge
from qfusion.plugins.why.evidence import (
    SHARES,
    EvaluationBasis,
    Evidence,
    bound_over_rows,
    clopper_pearson_margin,
    evaluation_basis,
    p_of_counts,
    seed_and_row_evidence,
    seed_evidence,
    variance_over_rows,
)

WITHIN = 0.02  # differences of the metric up to it count as none
OF_ERROR = 0.25  # so do differences up to this part of the model's error, where that is smaller

Record = Mapping[str, Any]


def entry(
    records: Iterable[Record],
    dataset: DataSet,
    title: str = "",
    within: float = WITHIN,
    summing: Collection[str] = (),
    resources: Sequence[Resource] = RESOURCES,
) -> dict[str, Any]:
    """Return the displayed result of records: title, metric, seeds, bound, the number of test rows, the number of them
    that count as independent, and one row per resource with its verdict.

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
    failed = []
    for variant, part in ((resource.full, full), (resource.twin, twin)):
        for seed, record in sorted(part.items()):
            if "failed" in record:
                failed.append(f"{variant}, seed {seed}: {record['failed']}")
    result: dict[str, Any] = {
        "resource": resource.title,
        "system": VARIANTS[resource.full].system,
        "twin": resource.twin,
        "controls": list(resource.controls),
        "seeds": len(seeds),
        "failed": failed,
        "excluded": "",
        "learned": [],
    }
    if not seeds:
        return result
    ours, theirs = (
        np.array([part[seed]["test"][ground.metric] for seed in seeds]) for part in (full, twin)
    )
    worth = ground.sign * (ours - theirs).mean()
    error = ground.error(float(ours.mean()))
    result |= {
        "with": float(ours.mean()),
        "without": float(theirs.mean()),
        "least": float(theirs.min()),
        "most": float(theirs.max()),
        "worth": float(worth),
        "margin": float(min(within, OF_ERROR * error)),
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
        p = p_of_counts(counts[0], counts[1], len(seeds))
        return result | {"learned": counts, "p": p}
    differences = ground.sign * (ours - theirs)
    evidence = {"seeds": seed_evidence(differences)}
    variance = _rows_variance(*records, ground)
    if variance is not None:
        evidence["rows"] = seed_and_row_evidence(differences, variance, ground.effective)
        result["bounded"] = not _rows_kept(*records)
    result["tests"] = {scope: _tests(one, result["margin"]) for scope, one in evidence.items()}
    return result


def _tests(evidence: Evidence, margin: float) -> dict[str, float]:
    low, high = evidence.interval()
    return {
        "low": low,
        "high": high,
        "differs": evidence.p_differs(),
        "more": evidence.p_more(margin),
        "within": evidence.p_equivalent(margin),
    }


def _lost(resource: Resource, full: Sequence[Record], ground: EvaluationBasis) -> float | None:
    """Return by how much the metric gets worse on average when the resource is cut from the model, or None if it was
    never cut.
    """
    lost = [
        ground.sign * (record["test"][ground.metric] - record["cut"][resource.cut][ground.metric])
        for record in full
        if resource.cut in record.get("cut", {})
    ]
    return float(np.mean(lost)) if lost else None


def _find_exemption(
    counts: Sequence[int], twin: Sequence[Record], adds: bool, ground: EvaluationBasis
) -> Exemption | None:
    """Return the reason why a test can have only one outcome, or None if it can have either.

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
    """Return the variance of the mean difference due to test rows. It is measured if the contributions of single
    rows are saved, and bounded otherwise. It is None if neither is possible. Where no row is answered otherwise, it is
    that of as many equal rows: new ones may be.
    """
    if _rows_kept(ours, theirs):
        a, b = (
            np.array([record["rows"] for record in part], float).mean(0) for part in (ours, theirs)
        )
        counted = ~np.isnan(a)
        variance = variance_over_rows(a[counted] - b[counted], ground.clusters)
        if variance == 0 and ground.metric in SHARES:
            return (clopper_pearson_margin(ground.effective) / bootstrap.NORMAL) ** 2
        return variance
    if ground.metric not in SHARES:
        return None
    a, b = (np.array([record["test"][ground.metric] for record in part]) for part in (ours, theirs))
    return bound_over_rows(a, b, ground.effective)


def verdict_scope(row: Mapping[str, Any]) -> str:
    """Return the scope of `SCOPES` whose interval a row's verdict rests on: "seeds" where the verdict says so, or where
    there is no interval over new rows."""
    rows_known = math.isfinite(ends(row, "rows")[0])
    return "rows" if rows_known and not str(row["verdict"]).endswith(HERE) else "seeds"


def ends(row: Mapping[str, Any], scope: str) -> tuple[float, float]:
    """Return the 95% interval of a row's worth for a scope of `SCOPES`, or NaN if there is none, as for a split
    row.
    """
    test = row.get("tests", {}).get(scope, {})
    return test.get("low", math.nan), test.get("high", math.nan)
