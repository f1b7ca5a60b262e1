"""Five questions about a sample, each answered in a sentence, as markdown."""

from __future__ import annotations

from collections.abc import Callable

from qfusion.analysis import answers
from qfusion.analysis.dynamics import circuit_evolution, interventions, through
from qfusion.analysis.sample import Sample


def _decided(sample: Sample) -> str:
    return answers.decided(sample.verdict)


def _conflict(sample: Sample) -> str:
    return answers.conflict(sample.verdict)


def _flip(sample: Sample) -> str:
    return f"{answers.flip(sample.work, interventions.what_would_flip(sample.work, sample.row))}."


def _when(sample: Sample) -> str:
    work = sample.work
    if work.can("time"):
        return through.since_when(work, sample.learned.decision)
    if not work.can("layers"):
        return "The model is read out at its end only: there is no way from features to score to follow."
    return through.since_which_layer(work, circuit_evolution.layer_terms(work, sample.row))


def _added(sample: Sample) -> str:
    if sample.work.can("time"):
        return through.what_was_added(sample.learned.decision)
    if not sample.work.can("layers"):
        return "Nothing: there are none."
    return through.what_layers_added(
        circuit_evolution.layer_terms(sample.work, sample.row), sample.output
    )


QUESTIONS: dict[str, Callable[[Sample], str]] = {
    "Which modality decided this?": _decided,
    "Did the modalities conflict?": _conflict,
    "What would flip it?": _flip,
    "When did it happen?": _when,
    "What did the dynamics add?": _added,
}
IN_TURN = sorted(QUESTIONS, key=lambda question: QUESTIONS[question] is _flip)  # the slow one last
