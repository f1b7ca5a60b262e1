"""The background and the baseline of an explanation, in sentences."""

from collections.abc import Mapping

import numpy as np

from qfusion._sentences import listed
from qfusion.analysis import background_agreement, text
from qfusion.analysis.study import Study
from qfusion.explain.coalitions import Explanation
from qfusion.models.inputs import Background, Spread
from qfusion.models.measured_game import GameBackground
from qfusion.wording.markup import PLAIN, Markup

# Replacements of absent modalities, within sentences.
BACKGROUNDS = {
    "joint": "the {total:,} training samples",
    "product": "the {total:,} training samples, each modality drawn independently",
    "mixed": "maximally mixed states (no samples)",
    "zero": "reference states (no samples)",
    "contrast": "sample {label}",
    "cohort": "the {total:,} samples of the cohort ‘{label}’",
}
OWN_BASELINE = "the value of the empty coalition, measured for each sample"
UNNAMED_COHORT = "a cohort of {total:,} samples"
DRAWN = "{size:,} samples drawn at random from {whole}"

# Whole sentences.
BASELINE_SCORE = "Baseline: the score of {background}."
BASELINE_VALUE = "Baseline: {background}."
BASELINE_MEAN = "Baseline: the mean over {background}."
COMPARED = "Compared with {background}."
STANDARD_ERROR = " Standard error of a term{over}: at most {error:.2g}."
STANDARD_ERRORS = " Standard error of a term{over}: at most {error:.2g} in half of the samples."
SHARED_ERROR = " It is in part the same for all samples, so that a mean over samples has it, too."
SPREADS: Mapping[Spread, str] = {
    "sampled background": " over draws of the background rows",
    "raters": " over raters",
    "shots": " over repeated runs",
    "measurement": "",
}

# Agreement of the verdicts against several backgrounds.
SAME_VERDICT = "All {count} backgrounds give the same verdict."
OTHER_VERDICTS = "The verdict depends on the background: {verdicts}."
VERDICT_AGAINST = "‘{relation}’ against {backgrounds}"

MAX_LABEL = 60  # characters of a label from data
_SHORT = Markup(lambda name: text.escape_markdown(name, MAX_LABEL))


def describe_background(background: Background, markup: Markup = PLAIN) -> str:
    """Return the description of the background that replaces modalities left out by a coalition, with the number of
    samples.
    """
    if isinstance(background, GameBackground):
        return OWN_BASELINE
    total = background.total or background.size
    template = BACKGROUNDS[background.kind]
    if background.kind == "cohort" and not background.label:
        template = UNNAMED_COHORT
    whole = template.format(total=total, label=markup.escape(background.label))
    if background.kind in ("joint", "product", "cohort") and background.size < total:
        return DRAWN.format(size=background.size, whole=whole)
    return whole


def background_markdown(background: Background) -> str:
    """Return the description of the background that replaces modalities left out by a coalition, as Markdown."""
    return describe_background(background, _SHORT)


def describe_baseline(background: Background) -> str:
    """Return the definition of the baseline, as a Markdown sentence."""
    if isinstance(background, GameBackground):
        return BASELINE_VALUE.format(background=OWN_BASELINE)
    single = background.kind in ("mixed", "zero", "contrast")
    template = BASELINE_SCORE if single else BASELINE_MEAN
    return template.format(background=background_markdown(background))


def describe_comparison(background: Background) -> str:
    """Return the reference of the comparison, as a Markdown sentence for numbers without a baseline."""
    return COMPARED.format(background=background_markdown(background))


def describe_standard_error(explanation: Explanation, output: int) -> str:
    """Return the standard error of a sample's terms, and what it is over; empty where they are exact."""
    if explanation.errors is None or explanation.is_exact:
        return ""
    return STANDARD_ERROR.format(
        over=SPREADS[explanation.spread], error=explanation.errors[0, :, output].max()
    )


def describe_standard_errors(study: Study) -> str:
    """Return the standard errors of the terms of all explained samples, for the class decided for; empty where they
    are exact.
    """
    if study.is_exact:
        return ""
    explanation = study.explanation
    places, outputs = np.arange(len(explanation.errors)), study.predicted[study.explained_rows]
    largest = explanation.errors[places, :, outputs].max(1)
    words = STANDARD_ERRORS.format(
        over=SPREADS[explanation.spread], error=float(np.median(largest))
    )
    return words + SHARED_ERROR if explanation.spread == "sampled background" else words


def describe_agreement(relations: Mapping[str, str]) -> str:
    """Return whether all backgrounds give the same verdict; empty where fewer than two were compared.

    Args:
        relations: by kind of background, of `background_agreement.words_of_sample`.
    """
    if len(relations) < 2:
        return ""
    if len(set(relations.values())) == 1:
        return SAME_VERDICT.format(count=len(relations))
    names_by_relation: dict[str, list[str]] = {}
    for kind, relation in relations.items():
        names_by_relation.setdefault(relation, []).append(background_agreement.NAMES[kind])
    verdicts = [
        VERDICT_AGAINST.format(relation=relation, backgrounds=listed(names))
        for relation, names in names_by_relation.items()
    ]
    return OTHER_VERDICTS.format(verdicts=listed(verdicts))
