"""Check of the split: what test rows share with rows that the model learned from."""

import numpy as np
import pandas as pd

from qfusion._memory_cache import memo
from qfusion.data import DataSet
from qfusion.plugins.review.checks.check import Check, Finding, Topic, sort_findings
from qfusion.plugins.review.checks.claims import Claims
from qfusion.plugins.review.checks.evidence import share_of_rows
from qfusion.plugins.review.split import known_labels, split_overlap
from qfusion.study import cohorts
from qfusion.study.study import Study

PEOPLE = ("speaker", "actor", "person", "participant", "subject", "signer", "user", "patient")
CLOSE = 0.1  # median distance to the nearest learned row, in standard deviations, below which rows are close
SEEN = 0.2  # share of test rows with the content of a learned row in one modality, from which it is noted


@memo(4, task="Comparing test rows with training rows …")
def find_overlap(dataset: DataSet, columns: tuple[str, ...]) -> split_overlap.SplitOverlap:
    """Return what test rows share with learned rows, see `split_overlap.find_split_overlap`."""
    return split_overlap.find_split_overlap(dataset, columns)


@memo(4, task="Comparing test rows with training rows …")
def find_known_labels(dataset: DataSet) -> known_labels.KnownLabels | None:
    """Return by which features labels of test rows are known, see `known_labels.find_known_labels`."""
    return known_labels.find_known_labels(dataset)


def people_columns(dataset: DataSet) -> tuple[str, ...]:
    """Return the columns of the table that name people."""
    return tuple(str(column) for column in dataset.table if str(column).lower() in PEOPLE)


def check_split(study: Study, claims: Claims) -> Check:
    """Return whether groups, copies or near copies of test rows were learned from, and whether their labels are known
    though those of learned rows cannot be learned.

    Groupings that the data set declares, and columns that `claims` name, must not be on both sides. Columns that name
    people are reported.
    """
    dataset = study.dataset
    columns = dict.fromkeys((*claims.groups, *people_columns(dataset)))
    overlap = find_overlap(dataset, tuple(columns))
    forbidden = [*overlap.declared, *(one for one in overlap.columns if one.name in claims.groups)]
    shared = max(forbidden, key=lambda one: len(one.rows), default=None)
    people = sorted(
        (one for one in overlap.columns if one.name not in claims.groups and len(one.rows)),
        key=lambda one: -len(one.rows),
    )
    findings = []
    if shared is not None and len(shared.rows):
        findings.append(Finding.GROUPS_SHARED)
    if len(overlap.copies):
        findings.append(Finding.COPIES)
    if len(overlap.near_copies):
        findings.append(Finding.NEAR_COPIES)
    known = find_known_labels(dataset) if study.has_truth else None
    if known is not None:
        findings.append(Finding.LABELS_KNOWN)
    if overlap.nearest < CLOSE:
        findings.append(Finding.CLOSE_ROWS)
    if people:
        findings.append(Finding.PEOPLE_KNOWN)
    seen = {name: share for name, share in overlap.seen.items() if share >= SEEN}
    if seen:
        findings.append(Finding.CONTENT_SEEN)
    leaked = [overlap.copies, overlap.near_copies, *(one.rows for one in forbidden)]
    test = dataset.rows("test")
    hits = np.isin(test, np.concatenate(leaked))
    if not hits.any() and known is None:
        findings.append(Finding.COMMON_VALUES if len(overlap.common) else Finding.DISJOINT)
    number = share_of_rows(hits, cohorts.row_clusters(dataset, test))
    unit = "share of test rows that share something with learned rows"
    if known is not None and not hits.any():
        number = known.outside
        unit = "correlation of the labels of test rows with those of the nearest learned rows"
    numbers = {
        "test_rows": len(test),
        "leaked": int(hits.sum()),
        "grouping": "",
        "groups": [],
        "group_rows": 0,
        "declared": [one.name for one in forbidden],
        "copies": len(overlap.copies),
        "near_copies": len(overlap.near_copies),
        "common": len(overlap.common),
        "nearest": overlap.nearest,
        "near": overlap.near,
        "known": "",
        "known_test": None,
        "known_training": None,
        "people": [one.name for one in people],
        "people_rows": len(people[0].rows) if people else 0,
        "seen": seen,
        "features": overlap.features,
    }
    if shared is not None:
        numbers["grouping"] = shared.name
        numbers["groups"] = list(shared.shared)
        numbers["group_rows"] = len(shared.rows)
    if known is not None:
        numbers["known"] = known.modality
        numbers["known_test"] = known.outside
        numbers["known_training"] = known.inside
    return Check(
        Topic.SPLIT,
        sort_findings(findings),
        number,
        unit,
        numbers,
        _overlap_table(dataset, overlap),
    )


def _overlap_table(dataset: DataSet, overlap: split_overlap.SplitOverlap) -> pd.DataFrame:
    rows = [
        {
            "shared": one.name,
            "test rows": len(one.rows),
            "examples": ", ".join(one.shared[:3]),
        }
        for one in (*overlap.declared, *overlap.columns)
    ]
    for name, places in (
        ("copies", overlap.copies),
        ("near copies", overlap.near_copies),
        ("equal by chance", overlap.common),
    ):
        examples = ", ".join(map(str, dataset.ids[places[:3]]))
        rows.append({"shared": name, "test rows": len(places), "examples": examples})
    for name, share in overlap.seen.items():
        count = round(share * overlap.test_rows)
        rows.append({"shared": f"content of {name}", "test rows": count, "examples": ""})
    return pd.DataFrame(rows)
