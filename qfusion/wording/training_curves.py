"""Training curves in sentences: the metric of the kept epoch, and the order in which a model fuses and entangles."""

from qfusion.analysis.training_curves import Onset, Order, metric_of_kept_epoch, order_onsets
from qfusion.runs.folder import Record
from qfusion.training import metrics

METRIC = "{metric} {value:.3f}"
EPOCHS = "the joint part reaches half of its last value in epoch {joint}, entanglement in epoch {entanglement}"
ORDERS: dict[Order, str] = {
    Order.NEVER_FUSES: "The joint part is zero at the end of training",
    Order.NEVER_ENTANGLES: "Entanglement is zero at the end of training",
    Order.ENTANGLEMENT_FIRST: "Entanglement rises first: " + EPOCHS,
    Order.JOINT_FIRST: "The joint part rises first: " + EPOCHS,
    Order.UNDECIDED: "The order of onset is not significant: " + EPOCHS,
}


def describe_kept_epoch(record: Record) -> str:
    """Return the main metric on the validation rows at the kept epoch, or an empty string if there is none."""
    known = metric_of_kept_epoch(record)
    if known is None:
        return ""
    name, value = known
    return METRIC.format(metric=metrics.label(name).short, value=value)


def describe_order(joint: Onset, entanglement: Onset) -> str:
    """Return whether a model was entangled before it fused, as a sentence without its end."""
    template = ORDERS[order_onsets(joint, entanglement)]
    return template.format(joint=joint.first, entanglement=entanglement.first)
