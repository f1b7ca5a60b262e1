"""The matching of the steps of a sequence with the words of a sample, in sentences."""

from qfusion._sentences import count
from qfusion.analysis.step_words import FIRST, LAST, Match, StepMatch
from qfusion.data import token_vocabulary

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
    Match.NUMBERS_DIFFER: (
        "There are {numbers:,} token numbers for {steps:,} steps, so steps have numbers only."
    ),
    Match.TOKENS: (
        "Steps are tokens of the language model, named by its tokenizer's vocabulary.{merged}"
    ),
    Match.TOKEN_CHARACTERS: (
        "Steps are token numbers {reason}. The sentence has as many characters as there are steps{framed}, so they "
        "were matched in order."
    ),
    Match.NO_VOCABULARY: (
        "Steps are token numbers {reason}, so they have numbers only. Set {variable} to the tokenizer's folder, or "
        "give it at import by --vocabulary."
    ),
}
FRAMED = f" between {FIRST} and {LAST}"
NO_VOCABULARY = "without a vocabulary"
ONE_MERGED = " One word consists of several tokens; their contributions are summed."
SEVERAL_MERGED = " {words:,} words consist of several tokens; their contributions are summed."


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
        numbers=match.numbers,
        framed=FRAMED if match.is_framed else "",
        merged=_describe_merged(match.merged),
        reason=match.reason or NO_VOCABULARY,
        variable=token_vocabulary.VOCABULARY,
    )


def _describe_merged(words: int) -> str:
    if words == 0:
        return ""
    return ONE_MERGED if words == 1 else SEVERAL_MERGED.format(words=words)
