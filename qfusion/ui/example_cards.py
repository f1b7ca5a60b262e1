"""Samples to start with, in cards: one example of each verdict."""

import streamlit as st

from qfusion.analysis import sample_examples, text
from qfusion.analysis.study import Study
from qfusion.models.protocols import Evolution, MassStates
from qfusion.ui import figure, guidance, navigation, page_context, panels, sample_content
from qfusion.views.overview import explain_example
from qfusion.views.words import decisions
from qfusion.views.words.rules import describe_softmax

ICONS = {
    "agreement": ":material/join:",
    "conflict": ":material/compare_arrows:",
    "synergy": ":material/hub:",
    "dominance": ":material/person:",
}
TITLES = {kind: name.capitalize() for kind, name in sample_examples.EXAMPLE_NAMES.items()}


def example_samples(context: page_context.PageContext) -> None:
    """Samples to start with, in cards: content, mini waterfall, entropies."""
    examples = sample_examples.find_examples(context.study)
    if not examples:
        return
    guidance.title(
        "Samples to start with",
        f"Chosen by their verdicts among the {len(context.study.dataset.rows('test')):,} test "
        "samples, if possible from the better-predicted half. "
        + decisions.describe_baseline(context.study.sample_background),
        3,
    )
    for cell, item in zip(st.columns(len(examples), gap="medium"), examples, strict=True):
        with cell, st.container(border=True, height="stretch", key=f"telling-{item.kind}"):
            _example(context, item)


def _example(context: page_context.PageContext, item: sample_examples.Example) -> None:
    study = context.study
    row = study.dataset.row(item.sample)
    unit = text.escape_markdown(study.score_unit(int(study.predicted[row])))
    drawn: dict[type, str] = {
        Evolution: f"Top: baseline + terms = {unit}. Bottom: entropy of each modality over time (nats).",
        MassStates: f"Top: baseline + terms = {unit}. Bottom: the mass that each modality assigns to each element "
        "(dark 0, yellow 1), and the result of the fusion.",
    }
    figures = next(
        (words for part, words in drawn.items() if study.model.part(part)),
        f"Baseline + terms = {unit}.",
    )
    guidance.title(
        f"{ICONS[item.kind]} {TITLES[item.kind]}", f"{explain_example(item)} {figures}", 3
    )
    with st.container(key=f"said-{item.kind}"):
        sample_content.sample_content(context, row, details=False)
    if study.classes:
        output = int(study.predicted[row])
        st.markdown(
            f"Predicted **{text.escape_markdown(study.classes[output])}** "
            f"({describe_softmax(study.probabilities[row, output])}), "
            + _describe_outcome(study, row, output)
        )
    for build in panels.builders(
        study,
        context.theme,
        *(f"telling-{part}-{item.kind}" for part in ("waterfall", "entropy", "masses")),
    ).values():
        figure.small(build())
    navigation.link(
        "pages/samples.py",
        f"Open {text.escape_markdown(item.sample)}",
        ":material/open_in_full:",
        open=item.sample,
    )


def _describe_outcome(study: Study, row: int, output: int) -> str:
    """Return whether a predicted class is the annotated one."""
    if not study.dataset.has_truth(row):
        return "no truth is known"
    if output == study.dataset.y[row]:
        return "correctly"
    return f"but it is {sample_content.truth(study, row)}"
