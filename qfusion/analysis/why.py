"""What the page "Why fuse" works out, kept once it is."""

from __future__ import annotations

from qfusion.analysis.memo import memo
from qfusion.data import DataSet
from qfusion.explain import counterfactual, cuts, gate_groups, information, patching, smallest
from qfusion._checks import check
from qfusion.analysis import cohort_measures, compare
from qfusion.analysis.sample import Sample, default_contrast
from qfusion.analysis.study import Study
from qfusion.models import require


# Does the data need fusion?


@memo(8, says="Asking small models what each modality tells, once …")
def needs(dataset: DataSet) -> information.Estimate:
    """What modalities of a data set tell of its target, and what joint models are worth; see `information.estimate`."""
    return information.estimate(dataset)


def needs_key(dataset: DataSet) -> tuple[str, str]:
    """What tells this job from others."""
    return "needs", dataset.digest


def fits_needed(dataset: DataSet) -> int:
    """How many fits `needs` takes, about."""
    return information.fits(dataset)


# Which piece does it?

MANY_ELEMENTS, FEW_ROWS, MOST_ROWS = 8, 128, 2000  # rows of a loss: few of a network beyond so many


def partner(sample: Sample) -> str:
    """The test sample nearest by its contributions of those that are decided differently; where all are decided alike,
    the one that a sample is compared with else."""
    study = sample.study
    near = compare.nearest(sample, count=len(study.dataset)).rows
    own = counterfactual.decision(study.scores[sample.row])
    other = [row for row in near if counterfactual.decision(study.scores[row]) != own]
    return str(study.dataset.ids[other[0]]) if other else default_contrast(study, sample.row)


@memo(32)
def patches_of(study: Study, row: int, other: str = "") -> patching.Patches:
    """One sample with the states of another, by its id, or of the mean over the background.

    Raises:
        InvalidInput: when it is the sample itself, whose states change nothing.
        NotFound: when there is no such sample.
    """
    moving, donor = require(study.model, "time", "to patch its states at"), study.background
    if other:
        place = study.dataset.row(other)
        check(
            place != row,
            f"Sample '{other}' cannot be patched with itself: its own states change nothing. Pick another sample.",
        )
        donor = study.inputs([place])
    return patching.patches(moving, study.inputs([row]), donor)


@memo(16, background=False, says="Leaving out the network's gate groups …")
def gate_groups_of(
    study: Study, row: int, output: int, shots: int = gate_groups.SHOTS
) -> gate_groups.GateGroups:
    """The gate groups of one sample's score and entanglement, and of the loss of the test rows, or some of them."""
    network, data = require(study.model, "rules", "to leave out gate groups"), study.dataset
    rows = data.rows("test")
    most = FEW_ROWS if network.elements > MANY_ELEMENTS else MOST_ROWS
    rows = rows[cohort_measures.drawn_places(len(rows), most, most)]
    return gate_groups.gate_groups(
        network,
        network.encode(study.inputs([row])),
        network.outputs[output],
        network.encode(study.inputs(rows)),
        data.y[rows],
        shots=shots,
        clusters=cohort_measures.clusters_of(data, rows),
    )


@memo(4, background=False, says="Taking the terms of the generator out, one after another …")
def pruning_of(study: Study) -> smallest.Pruning:
    """The generator with fewer and fewer terms: validation rows choose, test rows show; at most `MOST_ROWS` of each."""
    data = study.dataset
    choosing, showing = (
        rows[cohort_measures.drawn_places(len(rows), MOST_ROWS, MOST_ROWS)]
        for rows in (data.rows("valid"), data.rows("test"))
    )
    return smallest.prune(
        study.model,
        (study.inputs(choosing), data.y[choosing]),
        (study.inputs(showing), data.y[showing]),
        cuts.kind_of(data.target),
        clusters=cohort_measures.clusters_of(data, showing),
    )
