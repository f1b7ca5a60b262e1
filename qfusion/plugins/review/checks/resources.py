"""Check of the resources: whether the quantum resources that a paper claims are needed.

Where twins without a resource were trained, the audit decides (`plugins.why.audit.audit`). Otherwise the resource is
removed from the trained model. What can be removed without a loss is not needed by this model. What cannot may still be
replaced in training, so that a loss alone does not show that it is needed.
"""

import numpy as np
import pandas as pd

from qfusion._memory_cache import memo
from qfusion.errors import NotFound
from qfusion.explain.bootstrap import Interval
from qfusion.plugins.review.checks import evidence
from qfusion.plugins.review.checks.check import Check, Finding, Topic, sort_findings
from qfusion.plugins.review.checks.claims import Claims
from qfusion.plugins.why.audit import audit, twins
from qfusion.plugins.why.audit.audit_rows import OF_ERROR, WITHIN, ends, verdict_scope
from qfusion.plugins.why.audit.audit_verdicts import HERE
from qfusion.plugins.why.audit.resource_cuts import CUTTING
from qfusion.plugins.why.audit.twin_training import has_twins
from qfusion.plugins.why.evidence import evaluation_basis
from qfusion.study.study import Study
from qfusion.training import metrics

NEEDED, HELPS, NOT_NEEDED, HARMS = "needed", "helps", "not needed", "harms"
USED = "used"  # by the trained model: removing it costs more than the margin
SHORT = {  # names of resources on the command line and in links
    "coherence": "coherence (local basis)",
    "entanglement": "entanglement",
    "correlation": "any correlation (mean field)",
    "dissipation": "dissipation",
    "learning": "learned dynamics (frozen at random)",
    "evolution": "any evolution",
    "fused-coherence": "coherence of the fused qubits",
    "convolutions": "entangling convolutions",
}
_CUT = {"fused-coherence": "fused coherence"}  # name among `twins.CUTS` where it differs
_NO_CUT = ("entanglement",)  # what is cut under this name removes local coherence first
SAME = 1e-9  # change of scores that rounding makes


def offered_resources(study: Study) -> tuple[str, ...]:
    """Return the names of resources that can be claimed of a model."""
    kind = study.card["model"]
    if kind == "quantum-jump":
        return "coherence", "entanglement", "correlation", "dissipation", "learning", "evolution"
    return ("fused-coherence", "convolutions") if kind == "entangled-qcnn" else ()


@memo(8, task=CUTTING)
def remove_resources(study: Study) -> dict[str, Interval]:
    """Return how much worse the main metric of the test rows is without each resource that can be removed from the
    trained model, by short name.
    """
    rows = study.dataset.rows("test")
    ours = evidence.model_values(study)
    result = {}
    for name in offered_resources(study):
        cut = _CUT.get(name, name)
        if name in _NO_CUT or cut not in twins.CUTS.get(study.card["model"], {}):
            continue
        changed = twins.cut_resource(study.trained, cut)
        scores = metrics.predict(changed.double(), study.dataset, rows)
        if np.abs(scores - study.scores[rows]).max() < SAME:
            result[name] = Interval(0.0, 0.0, 0.0, len(rows), 0)  # new rows would not differ
            continue
        result[name] = evidence.better(study, ours, evidence.row_values(study, scores))
    return result


def check_resources(study: Study, claims: Claims) -> Check:
    """Return which quantum resources the model needs, and whether the claimed ones are among them."""
    if not has_twins(study):
        return Check(Topic.RESOURCES, (Finding.NO_RESOURCES,), numbers={"kind": study.model.title})
    verdicts, worth, source = _judge_resources(study)
    claimed = {name: verdicts.get(name, "undecided") for name in claims.resources}
    idle = [name for name, one in claimed.items() if one.startswith((NOT_NEEDED, HARMS))]
    open_claims = [
        name
        for name, one in claimed.items()
        if name not in idle and not one.startswith((NEEDED, HELPS))
    ]
    not_needed = [name for name, one in verdicts.items() if one.startswith((NOT_NEEDED, HARMS))]
    needed = [name for name, one in verdicts.items() if one.startswith((NEEDED, HELPS))]
    used = [name for name, one in verdicts.items() if one == USED]
    findings = []
    if idle:
        findings.append(Finding.CLAIMED_NOT_NEEDED)
    if open_claims:
        findings.append(Finding.CLAIM_UNDECIDED)
    if not claimed:
        if not_needed:
            findings.append(Finding.NOT_NEEDED)
        elif used:
            findings.append(Finding.USED)
        elif not needed:
            findings.append(Finding.UNDECIDED)
    if not findings:
        findings.append(Finding.NEEDED)
    first = next(
        iter([*idle, *open_claims, *claims.resources, *not_needed, *used, *needed, *verdicts]), ""
    )
    basis = evaluation_basis(study.dataset)
    records = []
    for name, one in verdicts.items():
        record = {
            "resource": SHORT[name],
            "verdict": one,
            "loss without it": worth[name].value,
            "low": worth[name].low,
            "high": worth[name].high,
            "by": source,
        }
        records.append(record)
    on_these_rows = [name for name, one in verdicts.items() if one.endswith(HERE)]
    numbers = {
        "source": source,
        "idle": idle,
        "open": open_claims,
        "claimed": list(claims.resources),
        "not_needed": not_needed,
        "needed": needed,
        "used": used,
        "on_these_rows": on_these_rows,
        "losses": worth,
        "metric": basis.label.short,
    }
    return Check(
        Topic.RESOURCES,
        sort_findings(findings),
        worth.get(first),
        f"loss of {basis.label.short} without {first}",
        numbers,
        pd.DataFrame(records),
    )


def _judge_resources(study: Study) -> tuple[dict[str, str], dict[str, Interval], str]:
    """Return verdict and worth of the resources by short name, and whether these are of "twins" or "removal"."""
    try:
        rows = {row["resource"]: row for row in audit.measure_audit(study)["rows"]}
    except NotFound:
        rows = {}
    verdicts, worth = {}, {}
    for name in offered_resources(study):
        row = rows.get(SHORT[name])
        if row is None or "worth" not in row:
            continue
        low, high = ends(row, verdict_scope(row))
        verdicts[name] = row["verdict"]
        worth[name] = Interval(row["worth"], low, high, row["seeds"], 0)
    if verdicts:
        return verdicts, worth, "twins"
    worth = remove_resources(study)
    basis = evaluation_basis(study.dataset)
    own = float(np.nanmean(evidence.model_values(study)))
    margin = min(WITHIN, OF_ERROR * basis.error(own))
    for name, one in worth.items():
        verdicts[name] = _judge_removal(one, margin)
    return verdicts, worth, "removal"


def _judge_removal(loss: Interval, margin: float) -> str:
    """Return the verdict on a loss: not needed where all of its interval is below the margin, used where all of it is
    above."""
    if not loss.known:
        return "undecided"
    if loss.high <= margin:
        return HARMS if loss.high < 0 else NOT_NEEDED
    return USED if loss.low > margin else "undecided"
