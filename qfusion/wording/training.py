"""States of trainings, the metric of the kept epoch, and the order in which a model fuses and entangles."""

from qfusion.analysis.runs import Status
from qfusion.analysis.training_curves import Onset, Order, metric_of_kept_epoch, order_onsets
from qfusion.runs import folder
from qfusion.training import metrics

STATUSES: dict[Status, str] = {
    Status.STARTING: "starting …",
    Status.WAITING: "waiting for a free processor",
    Status.RUNNING: "training",
    Status.PAUSING: "pausing …",
    Status.PAUSED: "paused",
    Status.STOPPING: "stopping …",
    Status.STOPPED: "stopped, best model kept",
    Status.FINISHED: "finished",
    Status.FAILED: "failed",
    Status.INTERRUPTED: "interrupted, can be resumed",
    Status.UNREADABLE: "cannot be read",
}
METRIC = "{metric} {value:.3f}"
EPOCHS = "the joint part reached half of its last value in epoch {joint}, entanglement in epoch {entanglement}"
ORDERS: dict[Order, str] = {
    Order.NEVER_FUSES: "It never fuses beyond zero",
    Order.NEVER_ENTANGLES: "It never entangles beyond zero",
    Order.ENTANGLEMENT_FIRST: "Entanglement came first: " + EPOCHS,
    Order.JOINT_FIRST: "The joint part came first: " + EPOCHS,
    Order.UNDECIDED: "The order is not significant: " + EPOCHS,
}


def describe_kept_epoch(record: folder.Record) -> str:
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
