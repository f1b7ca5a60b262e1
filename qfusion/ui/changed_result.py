"""The sample with changed modalities, before and after: prediction, states, waterfalls, differences."""

import streamlit as st

from qfusion.analysis import changed_samples, text
from qfusion.models.protocols import StateModel
from qfusion.ui import changed_numbers, page_context, panels
from qfusion.views import changes
from qfusion.views.words import answers
from qfusion.views.words.rules import describe_calibration, format_probability


def draw_comparison(context: page_context.PageContext, wanted: changed_samples.Edits) -> None:
    """Before and after: prediction, states, waterfalls, differences."""
    sample, theme = context.tweaked_sample(), context.theme
    before, now, done = changes.both_decisions(sample, wanted)
    was, is_ = (
        answers.format_decision_value(context.study, part.outcome.scores) for part in (before, now)
    )
    turned = before.outcome.decision != now.outcome.decision
    st.markdown(f"#### {changes.describe_outcome(list(done), was, is_, turned)}")
    cells = (
        _classes(context, before, now) if context.study.classes else _scores(context, before, now)
    )
    with st.container(key="pair-metrics"):
        changed_numbers.metrics_changed(cells, st.columns(len(cells)), "no change")
    panels.show(sample, theme, "what-if-probabilities", first=1)
    panels.show(sample, theme, "what-if-as-it-is", "what-if-changed", columns=2, gap="medium")
    panels.show(sample, theme, "what-if-differences")
    swapped = [name for name, action in done.items() if action == changed_samples.SWAP]
    panels.show(sample, theme, *(f"what-if-strip-{name}" for name in swapped))
    shown = [
        name
        for name, action in done.items()
        if action != changed_samples.DROP and context.study.model.part(StateModel)
    ]
    for first in range(0, len(shown), 2):
        for place, name in zip(st.columns(2, gap="medium"), shown[first : first + 2], strict=False):
            with place:
                panels.show(sample, theme, f"what-if-state-{name}")


def _classes(
    context: page_context.PageContext, before: changed_samples.Result, now: changed_samples.Result
) -> list[changed_numbers.Changed]:
    study, sample = context.study, context.tweaked_sample()
    cells = [
        changed_numbers.Changed(
            f"Softmax ‘{text.escape_markdown(study.classes[which], 14)}’",
            float(before.probabilities[which]),
            float(now.probabilities[which]),
            describe_calibration(study),
            written=format_probability,
        )
        for which in dict.fromkeys((before.outcome.decision, now.outcome.decision))
    ]
    was, is_ = (float(part.outcome.scores[sample.output]) for part in (before, now))
    return [*cells, changed_numbers.Changed("Log-odds explained", was, is_, sample.unit)]


def _scores(
    context: page_context.PageContext, before: changed_samples.Result, now: changed_samples.Result
) -> list[changed_numbers.Changed]:
    was, is_ = (float(part.outcome.scores[0]) for part in (before, now))
    cells = [
        changed_numbers.Changed(
            "Prediction",
            was,
            is_,
            f"Score of sample {text.escape_markdown(context.sample)} by the model",
        )
    ]
    if before.truth is not None and now.truth is not None:
        cells.append(
            changed_numbers.Changed(
                "True score without noise",
                before.truth,
                now.truth,
                "Score of these words, voice and face by the rule that generated the data. It is unknown if "
                "a voice, a face or a state is edited or a modality is left out.",
            )
        )
    return cells
