"""The method that computes the scores of a model with time, and its reason, as a sentence."""

from qfusion.models.jump.time_model import SAMPLED, Propagation, PropagationReason

REASONS: dict[PropagationReason, str] = {
    PropagationReason.REQUESTED: "{way}, as requested.",
    PropagationReason.TOO_LARGE: "Sampled trajectories: D = {dimension:,} is too large for D x D matrices.",
    PropagationReason.CHEAPER_SAMPLED: (
        "Sampled trajectories: at D = {dimension:,} an exact evolution takes about {operations:.1g} operations and "
        "{memory:.1g} GiB, {sampled} trajectories of each of {rows:,} samples about {sampled_operations:.1g} "
        "operations."
    ),
    PropagationReason.FEWER_STATES: (
        "Exact: {rows} states of D = {dimension:,}, fewer than the observables, {form}."
    ),
    PropagationReason.OBSERVABLES: (
        "Exact: {observables} of D = {dimension:,}, evolved once for any number of samples{saving}, {form}."
    ),
}
SAVING = " ({rows:,} states would take {ratio:,.0f} times as long)"
LEAST_SAVING = 1.5  # that is stated
ONE_OBSERVABLE, OBSERVABLES = "1 observable", "{outputs} observables"
ONE_MATRIX = "as one real matrix"
MATRIX_PRODUCTS = "by matrix products"
TERM_PRODUCTS = "by products with each term"


def describe_propagation(propagation: Propagation) -> str:
    """Return the method that computes scores and its reason, as a sentence."""
    if propagation.is_small:
        form = ONE_MATRIX
    elif propagation.terms == 1:
        form = MATRIX_PRODUCTS
    else:
        form = TERM_PRODUCTS
    saving = ""
    if propagation.ratio >= LEAST_SAVING:
        saving = SAVING.format(rows=propagation.rows, ratio=propagation.ratio)
    observables = OBSERVABLES.format(outputs=propagation.outputs)
    return REASONS[propagation.reason].format(
        way=propagation.way.capitalize(),
        dimension=propagation.dimension,
        operations=propagation.operations,
        memory=propagation.memory / 2**30,
        sampled=SAMPLED,
        sampled_operations=propagation.sampled_operations,
        rows=propagation.rows,
        observables=ONE_OBSERVABLE if propagation.outputs == 1 else observables,
        saving=saving,
        form=form,
    )
