"""Trainings, data and models of one's own in sentences: states of runs, metrics, progress, ways to import."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from qfusion import plugin
from qfusion._sentences import count, share
from qfusion.data.sources import Origin
from qfusion.models.protocols import PARTS, Circuit, EditableCircuit, Evolution
from qfusion.runs.folder import Record
from qfusion.study.compare import TrainingDistance
from qfusion.study.jobs import Task
from qfusion.study.trainings import (
    Onset,
    Order,
    RunStatus,
    Status,
    metric_of_kept_epoch,
    order_onsets,
)
from qfusion.training import metrics
from qfusion.training.metrics import find_convention

# Labels of the states that a table of runs shows.
STATUSES: dict[Status, str] = {
    Status.STARTING: "starting …",
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

# What a run waits for before its first loss.
WAITS: dict[Status, str] = {
    Status.STARTING: "Starting the process of {name} …",
    Status.RUNNING: "{name} loads the data and prepares the model …",
    Status.PAUSING: "{name} pauses …",
    Status.STOPPING: "{name} stops …",
}
FIRST_EPOCH = "{name}: first epoch, batch {batch:,} of {batches:,} …"
NO_LOSS = "{name} has not finished an epoch."

# Sentences on the states that a run records.
STATES: dict[str, str] = {
    "running": "is being trained",
    "paused": "was paused and can be resumed",
    "stopped": "was stopped; its best model is saved, and it can be resumed",
    "finished": "is finished",
    "failed": "ended with an error",
    "interrupted": "stopped unexpectedly, as when its process is killed; it can be resumed",
}
RUN_STATE = "Run {name} {state}."
NO_EPOCH = " It was stopped before the end of its first epoch."


def describe_wait(entry: RunStatus, name: str) -> str:
    """Return what a run without a loss waits for.

    Args:
        entry: the run. name: its name, as it is written.
    """
    record = entry.record
    if record is not None and record.batch and entry.status == Status.RUNNING:
        return FIRST_EPOCH.format(name=name, batch=record.batch, batches=record.batches)
    return WAITS.get(entry.status, NO_LOSS).format(name=name)


def describe_run_state(name: str, record: Record) -> str:
    """Return the state of a run, with the message of the process that trained it."""
    words = RUN_STATE.format(name=name, state=STATES[record.state])
    if record.state in ("paused", "stopped") and not record.epoch:
        return words + NO_EPOCH
    return f"{words} {record.message}".rstrip()


METRICS: dict[str, str] = {
    "acc2_non0": "Share of samples with non-zero truth whose sign is predicted correctly (> 0 against < 0).",
    "f1_non0": "Weighted F1 of the sign, over samples with non-zero truth.",
    "acc2_has0": "Share of all samples on the correct side, zero counted as positive (>= 0).",
    "f1_has0": "Weighted F1 of the side, zero counted as positive, over all samples.",
    "acc5": "Share of correct predictions after clipping to [-2, 2] and rounding to whole numbers.",
    "acc7": "Share of correct predictions after clipping to [-3, 3] and rounding to whole numbers.",
    "mae": "Mean absolute error, in units of the score.",
    "corr": "Pearson correlation of prediction and truth.",
    "r2": "Share of the truth's variance that the prediction explains.",
    "acc2": "Share of samples on the correct side after clipping to [-1, 1]: at most 0, or above.",
    "acc3": "Share of correct predictions of three classes after clipping to [-1, 1]: cuts at -0.1 and 0.1.",
    "sign": "Share of samples with non-zero truth whose sign is predicted correctly.",
    "accuracy": "Share of samples whose class is predicted correctly.",
    "f1": "F1 score, averaged over the classes with equal weight.",
    "nll": "Mean negative log-likelihood of the true class, in nats.",
}
# Metrics with another definition in the convention of CH-SIMS.
SIMS_METRICS: dict[str, str] = {
    "acc5": (
        "Share of correct predictions of five classes after clipping to [-1, 1]: cuts at -0.7, -0.1, 0.1 and 0.7."
    ),
    "f1": "F1 score of the two sides of Acc-2, weighted by how often each is true.",
    "mae": "Mean absolute error after clipping to [-1, 1], in units of the score.",
    "corr": "Pearson correlation of prediction and truth after clipping to [-1, 1].",
}


def describe_metric(key: str, measured: Iterable[str] = ()) -> str:
    """Return the definition of a metric in one sentence; empty if it is unknown.

    Args:
        key: of the metric.
        measured: keys of the metrics that were measured with it; they identify the convention.
    """
    if find_convention(measured) == "sims" and key in SIMS_METRICS:
        return SIMS_METRICS[key]
    return METRICS.get(key, "")


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


DISTANCE = (
    "Its encodings are further from the training data than those of {share} of the test samples (distance to the "
    "nearest training sample {own:.2g}, median {median:.2g})."
)


def describe_distance(distance: TrainingDistance) -> str:
    """Return the distance of a sample compared with those of the test samples."""
    return DISTANCE.format(share=share(distance.nearer), own=distance.own, median=distance.median)


TASKS: dict[Task, str] = {
    Task.ABLATE_GATES: "Leaving out the network's gate groups …",
    Task.APPLY_MODEL: "Applying the model to every sample …",
    Task.ATTRIBUTE_FEATURES: "Attributing the term to features …",
    Task.BUILD_BACKGROUND: "Computing the background …",
    Task.BUILD_CIRCUIT: "Building the circuit …",
    Task.COMPARE_BACKGROUNDS: "Comparing verdicts over backgrounds …",
    Task.COMPARE_METHODS: "Running brute force and captum's estimators on this sample …",
    Task.COMPARE_MODELS: "Comparing both models on the test samples …",
    Task.COMPARE_SAMPLES: "Comparing this sample with the others …",
    Task.COMPARE_STEPS: "Comparing steps with the exact evolution …",
    Task.COMPARE_TRUTH: "Comparing with the planted truth …",
    Task.DRAW_CIRCUIT: "Drawing the circuit with PennyLane …",
    Task.ENCODE_FIRST_SAMPLES: "Encoding the first samples …",
    Task.ENCODE_SAMPLES: "Computing the state of every sample …",
    Task.EVOLVE_SAMPLES: "Computing the final states of these samples …",
    Task.FIND_PARAMETER_CHANGE: "Varying every parameter for this sample …",
    Task.FIND_STATE_CHANGE: "Searching for the nearest state that flips the decision …",
    Task.FIND_STEADY_STATE: "Computing the steady state …",
    Task.FOLLOW_ANGLE: "Varying the angle …",
    Task.HALVE_TERMS: "Halving every term in turn …",
    Task.LOAD_DATA: "Loading the data …",
    Task.MEASURE_ENTANGLEMENT: "Computing the entanglement of these samples (about 17 ms each) …",
    Task.MEASURE_LAYERS: "Computing the entropies …",
    Task.MEASURE_SENSITIVITY: "Computing the sensitivity to every term …",
    Task.PROJECT_SAMPLES: "Projecting the samples …",
    Task.READ_RECORDING: "Reading the recording …",
    Task.REMOVE_TERMS: "Removing every term in turn on all test samples …",
    Task.REPLACE_FEATURES: "Applying the model with features replaced …",
    Task.SPLIT_DECISIONS: "Explaining the decisions on the test samples (once) …",
    Task.TABULATE_PARAMETERS: "Varying every parameter (once for this model, about ten seconds) …",
    Task.TRACE_CIRCUIT: "Tracing the sample through the circuit …",
    Task.TRACE_GATES: "Computing correlations along the gates …",
    Task.TRACE_TERM: "Varying the term …",
}


def describe_task(task: Task | str | None) -> str:
    """Return the caption of a computation: of a plugin, the text itself; empty for None."""
    if isinstance(task, Task):
        return TASKS[task]
    return task or ""


class Way(NamedTuple):
    """A way to bring a model.

    Attributes:
        title: name in a list.
        summary: a sentence, as Markdown.
        snippet: to be copied. language: of the snippet, "python" or "bash".
    """

    title: str
    summary: str
    snippet: str
    language: str = "python"


WAYS = (
    Way(
        "PyTorch",
        "Any module or function from modalities to scores, as it stands. It stays in your own process.",
        """import qfusion
from model import model  # model(text=..., audio=...) -> scores

data = {"text": X_text, "audio": X_audio, "y": y}
study = qfusion.open(model, data)
qfusion.show(study)""",
    ),
    Way(
        "PennyLane",
        "The same call. QNodes inside the model are recorded, so the Circuit page shows every gate.",
        """import qfusion
from model import model  # with a QNode or qml.qnn.TorchLayer

data = {"text": X_text, "audio": X_audio, "y": y}
qfusion.show(model, data, wires={"text": [0, 1], "audio": [2, 3]})""",
    ),
    Way(
        "scikit-learn",
        "A fitted estimator or pipeline on the features of all modalities side by side.",
        """import qfusion

qfusion.show(pipeline, {"text": X_text, "audio": X_audio, "y": y})""",
    ),
)

# What needs a part beside contributions, verdicts, cohorts, comparisons and reports, which every model has.
_NEEDS: tuple[tuple[str, type, str], ...] = (
    (
        "the Circuit page",
        Circuit,
        "no circuit of gates was found in it",
    ),
    ("edits of gates, noise and shots", EditableCircuit, "its gates cannot be changed from here"),
    (
        "the Dynamics page",
        Evolution,
        "it has no evolution in time",
    ),
)


def _page_needs() -> list[tuple[str, type, str]]:
    """Return what pages of plugins need, as `_NEEDS`."""
    needs = []
    for page in plugin.entries("pages"):
        if page.needs:
            part = plugin.load_name(page.needs)
            needs.append((page.title, part, f"it has no {PARTS[part]}"))
    return needs


def describe_parts(model: Any) -> str:
    """Return what pages show of a model of a user's own, and why other pages are missing, as Markdown."""
    has = ["contributions, verdicts, cohorts, comparisons and reports"]
    lacks = []
    for what, protocol, why in (*_NEEDS, *_page_needs()):
        if model.part(protocol):
            has.append(what)
        elif protocol is not EditableCircuit or model.part(Circuit):
            lacks.append(f"{what} ({why})")
    return f"**Has** {'; '.join(has)}." + (f"  \n**Lacks** {'; '.join(lacks)}." if lacks else "")


GUESSED = "Roles are guessed from the names of the columns."
GUESSED_FULL = (
    "Roles are guessed from the names of the columns. Change what is wrong, and press Examine. Columns of a modality "
    "must hold numbers. Columns without a role are kept to show and to filter by."
)
PATTERNS = (
    "The columns of each modality, separated by commas. `text_*` stands for every column whose name begins with "
    "`text_`. To move one column to another modality, write its full name there."
)
DRAWN_SPLIT = "A random split by a fixed seed, stratified by the label: 60 % train, 10 % validation, 30 % test."
_SHOWN = 3


def describe_features(columns: Sequence[str]) -> str:
    """Return how many columns a modality has, and the first ones."""
    return f"{count(len(columns), 'column')}: {_first_names(columns)}."


def describe_others(columns: Sequence[str]) -> str:
    """Return which columns have no role."""
    verb = "is" if len(columns) == 1 else "are"
    return (
        f"{count(len(columns), 'other column')} {verb} kept to show and to filter by: "
        f"{_first_names(columns)}."
    )


def _first_names(columns: Sequence[str]) -> str:
    shown = ", ".join(f"`{name[:40]}`" for name in columns[:_SHOWN])
    rest = len(columns) - _SHOWN
    return f"{shown} and {rest:,} more" if rest > 0 else shown


ORIGINS = {
    Origin.INCLUDED: "included",
    Origin.PUBLIC: "public data set",
    Origin.UNPUBLISHED: "no public copy",
    Origin.IMPORTED: "imported",
}
