"""Why a sample is an example of a relation between modalities."""

from qfusion.analysis.sample_examples import Example

REASONS = {
    "agreement": "Every modality pulls the same way: the largest smallest single-modality term.",
    "conflict": "Two modalities pull against each other: the largest pair of opposite single-modality terms.",
    "synergy": "Joint terms sum to more than single modalities, in the direction of the decision: the largest sum.",
    "dominance": "One modality outweighs all other single modalities together: the largest own term.",
}
UNCLEAR = (
    " No clear decision of the better-predicted half qualifies, so this one is of all test samples."
)


def explain_example(example: Example) -> str:
    """Return why a sample is shown as an example of its kind."""
    reason = REASONS[example.kind]
    return reason if example.is_clear else reason + UNCLEAR
