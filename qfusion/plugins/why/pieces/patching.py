"""Which part of a model causes a decision: state patching, ablation of gate groups, pruned generators."""

from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion.models import terms
from qfusion.models.protocols import TruthTables
from qfusion.plugins.why.cuts import cut_losses
from qfusion.plugins.why.pieces import gate_shapley, generator_pruning, state_patching
from qfusion.study import cohorts, compare, jobs
from qfusion.study.cache import shipped
from qfusion.study.jobs import Task
from qfusion.study.opening import default_contrast
from qfusion.study.sample import Sample
from qfusion.study.study import Study

# Which piece does it?

MANY_ELEMENTS, FEW_ROWS, MOST_ROWS = 8, 128, 2000  # rows of a loss: few of a network beyond so many


def partner(sample: Sample) -> str:
    """Return the id of the test sample that is nearest by its contributions among those that are decided
    differently. If all are decided alike, return the default sample to compare with.
    """
    study = sample.study
    near = compare.nearest(sample, count=len(study.dataset)).rows
    own = terms.decision(study.scores[sample.row])
    other = [row for row in near if terms.decision(study.scores[row]) != own]
    return str(study.dataset.ids[other[0]]) if other else default_contrast(study, sample.row)


@memo(32)
def patch_sample(study: Study, row: int, other: str = "") -> state_patching.Patches:
    """Return the result of patching one sample with the states of another, given by its id, or with the mean over the
    background.

    Raises:
        InvalidInput: when it is the sample itself, whose states change nothing.
        NotFound: when there is no such sample.
    """
    donor = study.background
    if other:
        place = study.dataset.row(other)
        check(
            place != row,
            f"Sample '{other}' cannot be patched with itself: its own states change nothing. Pick another sample.",
        )
        donor = study.inputs([place])
    return state_patching.patch_states(study.model, study.inputs([row]), donor)


@memo(16, background=False, task=Task.ABLATE_GATES)
def ablate_gate_groups(
    study: Study, row: int, output: int, shots: int = gate_shapley.SHOTS
) -> gate_shapley.GateGroups:
    """Return the gate groups of one sample's score and entanglement, and of the loss of all or some of the test
    rows.
    """
    network = study.model.require(TruthTables, "to leave out gate groups")
    data = study.dataset
    rows = data.rows("test")
    most = FEW_ROWS if network.elements > MANY_ELEMENTS else MOST_ROWS
    rows = rows[jobs.drawn_places(len(rows), most, most)]
    return gate_shapley.gate_groups(
        study.model,
        study.model.encode(study.inputs([row])),
        study.model.outputs[output],
        study.model.encode(study.inputs(rows)),
        data.y[rows],
        shots=shots,
        clusters=cohorts.row_clusters(data, rows),
    )


@memo(
    4,
    background=False,
    task="Removing terms of the generator one after another …",
    ready=shipped(generator_pruning.Pruning),
)
def prune_terms(study: Study) -> generator_pruning.Pruning:
    """The generator with fewer and fewer terms: validation rows choose, test rows show; at most `MOST_ROWS` of each."""
    data = study.dataset
    choosing, showing = (
        rows[jobs.drawn_places(len(rows), MOST_ROWS, MOST_ROWS)]
        for rows in (data.rows("valid"), data.rows("test"))
    )
    return generator_pruning.prune(
        study.trained,
        (study.inputs(choosing), data.y[choosing]),
        (study.inputs(showing), data.y[showing]),
        cut_losses.metric_kind(data.target),
        clusters=cohorts.row_clusters(data, showing),
    )
