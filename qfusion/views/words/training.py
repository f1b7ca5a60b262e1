"""Trainings and models of one's own in sentences: states of runs, metrics, progress, ways to import."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from qfusion import plugin
from qfusion.models.protocols import PARTS, Circuit, EditableCircuit, Evolution
from qfusion.runs.folder import Record
from qfusion.study.jobs import Task
from qfusion.study.trainings import (
    Status,
    metric_of_kept_epoch,
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


def describe_kept_epoch(record: Record) -> str:
    """Return the main metric on the validation rows at the kept epoch, or an empty string if there is none."""
    known = metric_of_kept_epoch(record)
    if known is None:
        return ""
    name, value = known
    return METRIC.format(metric=metrics.label(name).short, value=value)


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
