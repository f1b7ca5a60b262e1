"""The matching of the steps of a sequence with the words of a sample, in sentences."""

from qfusion._sentences import count
from qfusion.analysis.step_words import FIRST, LAST, Match, StepMatch

TEMPLATES: dict[Match, str] = {
    Match.GIVEN: "",
    Match.NO_TEXT: "",
    Match.WORDS: (
        "The data do not name the word of a step. The sentence has as many words as the sequence has steps, so they "
        "were matched in order."
    ),
    Match.CHARACTERS: (
        "The data do not name the character of a step. The sentence has as many characters as there are steps{framed}, "
        "so they were matched in order."
    ),
    Match.LENGTHS_DIFFER: (
        "The sentence has {units} and the sequence {steps:,} steps, so steps have numbers only."
    ),
}
FRAMED = f" between {FIRST} and {LAST}"


def describe_match(match: StepMatch | None) -> str:
    """Return how steps were matched with words, or why they have numbers only; empty if the data name the words."""
    if match is None:
        return ""
    if match.characters:
        units = f"{match.units:,} characters"
    else:
        units = count(match.units, "word")
    return TEMPLATES[match.kind].format(
        units=units,
        steps=match.steps,
        framed=FRAMED if match.is_framed else "",
    )
