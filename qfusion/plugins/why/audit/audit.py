"""The results of an audit: which quantum resources of a model matter, measured against twins without them.

What was measured with ten seeds is shipped (benchmarks/audit.py trains it); twins of other models, and on a reader's
own data, are trained by `twin_training`.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from qfusion import _sentences, plugin
from qfusion._checks import check
from qfusion._disk_cache import stamp_records
from qfusion._memory_cache import memo
from qfusion.errors import NotFound, default_on_error
from qfusion.plugins.why.audit import audit_rows
from qfusion.plugins.why.audit.twin_runs import summing
from qfusion.plugins.why.audit.twin_training import (
    MOST,
    RECORDS,
    SEEDS,
    load_finished,
    plan_twin_runs,
)
from qfusion.study.study import Study


@memo(8, background=False, stamp=lambda study: stamp_records(RECORDS))
@default_on_error({"seeds": 0})  # it has no twins, or its card says of its training what cannot be
def _measure_own_audit(study: Study) -> dict[str, Any]:
    wanted = plan_twin_runs(study, range(MOST))
    return own_entry(study, load_finished(wanted))


def own_entry(study: Study, records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the audit entry from the records of a study's model and its twins, see `audit_rows.entry`.

    Raises:
        NotFound: when it is not a model that has twins.
    """
    return audit_rows.entry(records, study.dataset, summing=summing(plan_twin_runs(study, [0])))


def load_shipped_audit(data: str) -> dict[str, Any]:
    """Return the shipped audit of a data set: title, metric, seeds, bound and one row per resource of either system.
    The result is empty if no audit was measured.
    """
    [path] = plugin.asset_paths("audit.json")
    return dict(json.loads(path.read_text(encoding="utf-8")).get(data, {}))


def find_shipped_audit(study: Study) -> dict[str, Any]:
    """Return the shipped audit of the leaderboard's models of the study's kind on its data; empty if none was
    measured."""
    ours = load_shipped_audit(study.dataset.name)
    measured = [
        row
        for row in ours.get("rows", [])
        # a model of fewer modalities is another question
        if row["system"] == study.card["model"] and study.modalities == study.dataset.names
    ]
    return ours | {"rows": measured, "kind": study.card["model"]} if measured else {}


def measure_audit(study: Study) -> dict[str, Any]:
    """Return the audit of the study's kind of model on its data: title, metric, seeds, bound and one row per resource.
    It is the shipped audit of the leaderboard's models of a `kind`, unless more seeds of this very model were trained
    here.

    Raises:
        NotFound: when it is not measured.
    """
    ours = find_shipped_audit(study)
    own = _measure_own_audit(study)
    if own["seeds"] > ours.get("seeds", 0):
        return own
    check(
        bool(ours),
        f"Which quantum resources matter is not measured for {study.card['model']} of "
        f"{_sentences.listed(study.modalities)} on '{study.dataset.name}'. `qfusion why --model {study.name} "
        f"--twins {SEEDS}` trains the twins and measures it.",
        NotFound,
    )
    return ours


@default_on_error(False)
def is_audited(study: Study, **_: Any) -> bool:
    """Whether `measure_audit` has an answer."""
    return bool(measure_audit(study))


def count_trained_seeds(study: Study) -> int:
    """Return the number of seeds for which this model's twins were trained here."""
    return int(_measure_own_audit(study)["seeds"])
