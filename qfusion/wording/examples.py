"""Why a sample is an example of a relation between modalities."""

from qfusion.analysis.sample_examples import Example

REASONS = {
    "agreement": (
        "All single-modality terms have the same sign. This sample has the largest minimum of their sizes."
    ),
    "conflict": (
        "Two modalities oppose each other. This sample has the largest pair of opposite single-modality terms."
    ),
    "synergy": (
        "Joint terms sum to more than single modalities, in the direction of the decision. This sample has the largest "
        "sum of joint terms."
    ),
    "dominance": (
        "One modality outweighs all other single modalities together. This sample has the largest single-modality term."
    ),
}
UNCLEAR = " It was chosen from all test samples, since no clear decision among the better-predicted half qualifies."


def explain_example(example: Example) -> str:
    """Return why a sample is shown as an example of its kind."""
    reason = REASONS[example.kind]
    return reason if example.is_clear else reason + UNCLEAR
