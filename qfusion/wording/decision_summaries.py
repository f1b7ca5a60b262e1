"""The decision on one sample in a few facts: the answer, whether it is right, its probability and the evidence."""

from dataclasses import dataclass
from enum import Enum

from qfusion._sentences import true_minus
from qfusion.analysis.sample import Sample
from qfusion.analysis.text import escape_markdown
from qfusion.wording.samples import format_probability


class Outcome(Enum):
    """How a decision compares with the annotation."""

    RIGHT = "correct"
    WRONG = "wrong"
    MEASURED = "measured"
    UNKNOWN = "truth unknown"


@dataclass(frozen=True)
class Fact:
    """A number of a decision.

    Attributes:
        name: of the number, as Markdown.
        value: the number with its unit, as Markdown.
        help: what the number means, in a sentence.
    """

    name: str
    value: str
    help: str = ""


@dataclass(frozen=True)
class DecisionSummary:
    """The decision of a model on one sample.

    Attributes:
        answer: the class or the number, as Markdown.
        outcome: how the answer compares with the annotation.
        facts: its numbers.
    """

    answer: str
    outcome: Outcome
    facts: tuple[Fact, ...]


PROBABILITY_HELP = (
    "Softmax of the scores. It is not calibrated, so that it need not be the share of such "
    "decisions that are right."
)
EVIDENCE_HELP = "The explained quantity: baseline and contributions below sum to it."
ERROR_HELP = "Distance of the prediction from the annotation."


def summarize_decision(sample: Sample) -> DecisionSummary:
    """Return the decision of the model as trained on a sample."""
    if sample.classes:
        return _summarize_class(sample.untweaked)
    return _summarize_number(sample.untweaked)


def _summarize_class(sample: Sample) -> DecisionSummary:
    study = sample.study
    predicted = int(study.predicted[sample.row])
    probability = float(study.probabilities[sample.row, predicted])
    explained = escape_markdown(sample.classes[sample.output], 40)
    facts = [
        Fact("Probability (softmax)", format_probability(probability), PROBABILITY_HELP),
        Fact(f"Log-odds of ‘{explained}’", true_minus(f"{sample.score:+z.2f} nats"), EVIDENCE_HELP),
    ]
    truth = sample.true_class
    if truth is None:
        outcome = Outcome.UNKNOWN
    elif truth == predicted:
        outcome = Outcome.RIGHT
    else:
        outcome = Outcome.WRONG
        facts.append(Fact("Annotated class", escape_markdown(sample.classes[truth], 40)))
    return DecisionSummary(escape_markdown(sample.classes[predicted], 80), outcome, tuple(facts))


def _summarize_number(sample: Sample) -> DecisionSummary:
    prediction = float(sample.study.scores[sample.row, 0])
    answer = true_minus(f"{prediction:+z.2f}")
    if sample.target is None:
        is_measured = not sample.study.reads_features
        return DecisionSummary(answer, Outcome.MEASURED if is_measured else Outcome.UNKNOWN, ())
    facts = (
        Fact("Annotated value", true_minus(f"{sample.target:+z.2f}")),
        Fact("Error", f"{abs(prediction - sample.target):.2f}", ERROR_HELP),
    )
    return DecisionSummary(answer, Outcome.MEASURED, facts)
