"""Whether a model and its data fuse, at a glance: what is known already, and jobs that compute the rest.

The findings are those of the four views of Why fuse: joint terms of the model, need of the data, quantum resources,
and the pieces of the model.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from qfusion._disk_cache import stamp_records
from qfusion._memory_cache import find_result, memo
from qfusion.errors import NotFound
from qfusion.explain.backgrounds import Gains, ProjectionSummary
from qfusion.models.protocols import Evolution, TruthTables
from qfusion.plugins.why import evidence
from qfusion.plugins.why.audit import audit, resource_cuts, twin_training
from qfusion.plugins.why.information import information_estimate
from qfusion.plugins.why.information.information import Estimate
from qfusion.plugins.why.pieces import patching
from qfusion.plugins.why.pieces.gate_shapley import GateGroups
from qfusion.plugins.why.pieces.generator_pruning import Pruning
from qfusion.study import jobs, metric_gains
from qfusion.study.sample import Sample
from qfusion.study.study import Study


class Part(StrEnum):
    """What a summary consists of."""

    JOINT = "joint terms"
    DATA = "data"
    RESOURCES = "quantum resources"
    TERMS = "generator terms"
    GATES = "gate groups"


@dataclass(frozen=True, eq=False)
class FusionSummary:
    """What is known on the fusion of a model and its data.

    Attributes:
        metric: key of the metric that is reported first.
        parts: those that the model has.
        joint: what scores without joint terms are taken from, and gains of the metrics by joint terms.
        information: of the data set on its target.
        resources: of the model's audit: its metric and rows. Where it was not measured there are no rows, and `cuts`
            is what the trained model loses without each resource, or None if nothing can be cut.
        terms: the generator with fewer and fewer terms.
        gates: gate groups of the network.
        failed: parts that could not be computed.
    """

    metric: str
    parts: tuple[Part, ...]
    joint: tuple[ProjectionSummary, Gains] | None = None
    information: Estimate | None = None
    resources: Mapping[str, Any] | None = None
    terms: Pruning | None = None
    gates: GateGroups | None = None
    failed: tuple[Part, ...] = ()

    @property
    def missing(self) -> tuple[Part, ...]:
        """Parts that are not computed yet, in the order in which they are."""
        results = {
            Part.JOINT: self.joint,
            Part.DATA: self.information,
            Part.RESOURCES: self.resources,
            Part.TERMS: self.terms,
            Part.GATES: self.gates,
        }
        return tuple(
            part for part in self.parts if results[part] is None and part not in self.failed
        )


@memo(16, background=False, stamp=lambda study: stamp_records(twin_training.RECORDS))
def measured_resources(study: Study) -> Mapping[str, Any]:
    """Return the metric and the rows of a model's audit, or what the trained model loses without resources where the
    audit was not measured.
    """
    try:
        return audit.measure_audit(study)
    except NotFound:
        cuts = resource_cuts.cut_resources(study) if resource_cuts.can_cut(study) else None
        return {"short": evidence.main_metric(study.dataset)[1].short, "rows": [], "cuts": cuts}


def find_summary(study: Study, sample: Sample) -> FusionSummary:
    """Return what is known on a model and its data without further computation.

    Args:
        study: the model on its data.
        sample: whose output the gate groups are of.
    """
    parts = summary_parts(study)
    jobs_of_parts = {part: jobs.find_job(_key(part, study, sample)) for part in parts}
    failed = [
        part
        for part, job in jobs_of_parts.items()
        if job is not None and job.state in (jobs.State.FAILED, jobs.State.CANCELLED)
    ]
    return FusionSummary(
        metric=next(iter(metric_gains.metric_labels(study.dataset))),
        parts=parts,
        joint=find_result(evidence.remove_joint_terms, study),
        information=find_result(information_estimate.estimate_information, study.dataset),
        resources=_find_resources(study) if Part.RESOURCES in parts else None,
        terms=find_result(patching.prune_terms, study),
        gates=find_result(patching.ablate_gate_groups, sample.study, sample.row, sample.output),
        failed=tuple(failed),
    )


def _find_resources(study: Study) -> Mapping[str, Any] | None:
    """Return what is known on quantum resources: the shipped audit until more seeds are looked for."""
    known = find_result(measured_resources, study)
    return (audit.find_shipped_audit(study) or None) if known is None else known


def begin_missing(study: Study, sample: Sample, missing: Sequence[Part], asker: str) -> None:
    """Compute the missing parts of a summary in the background, one after another.

    Args:
        study, sample: as of `find_summary`.
        asker: who waits, see `jobs.begin_job`.
    """
    for part in missing:
        jobs.begin_job(_key(part, study, sample), _computation(part, study, sample), 1, asker)


def summary_parts(study: Study) -> tuple[Part, ...]:
    """Return the parts that a summary of a model and its data has."""
    if not study.reads_features:
        return ()
    parts = [Part.JOINT]
    if twin_training.has_twins(study):
        parts.append(Part.RESOURCES)
    if study.model.part(Evolution) and study.model.has_evolution:
        parts.append(Part.TERMS)
    if study.model.part(TruthTables):
        parts.append(Part.GATES)
    if len(study.dataset.names) > 1:
        parts.append(Part.DATA)
    return tuple(parts)


def _key(part: Part, study: Study, sample: Sample) -> Hashable:
    if part == Part.DATA:
        return information_estimate.estimate_key(study.dataset)
    of: Hashable = ()
    if part == Part.GATES:
        of = (sample.row, sample.output)
    elif part == Part.RESOURCES:  # further twins may have been trained since it was measured
        of = stamp_records(twin_training.RECORDS)
    return "summary", part, study.memo_key(), of


def _computation(part: Part, study: Study, sample: Sample) -> Callable[[], object]:
    return {
        Part.JOINT: lambda: evidence.remove_joint_terms(study),
        Part.DATA: lambda: information_estimate.estimate_information(study.dataset),
        Part.RESOURCES: lambda: measured_resources(study),
        Part.TERMS: lambda: patching.prune_terms(study),
        Part.GATES: lambda: patching.ablate_gate_groups(sample.study, sample.row, sample.output),
    }[part]
