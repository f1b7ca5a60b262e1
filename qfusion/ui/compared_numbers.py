"""Truth, prediction and test metrics of the sides A and B of the Compare page, in a table."""

from collections.abc import Iterator

import streamlit as st

from qfusion._sentences import true_minus
from qfusion.analysis import (
    compare,
    text,
)
from qfusion.analysis.sample import Sample
from qfusion.training import metrics
from qfusion.ui import sample_content
from qfusion.ui.changed_numbers import format_change
from qfusion.views.words import systems
from qfusion.views.words.decisions import background_markdown
from qfusion.views.words.names import name_study
from qfusion.views.words.rules import describe_softmax


def numbers_table(sides: compare.Sides) -> None:
    """Truth, prediction and test metrics of both, and the differences."""
    a, b = both = (sides.a, sides.b)
    names = [text.escape_markdown(name_study(side.study).in_line) for side in both]
    samples = [text.escape_markdown(side.id) for side in both]
    tweaks = [
        text.escape_markdown(side.tweak, 80) or "as learned" if side.study.reads_features else "–"
        for side in both
    ]
    truths = [sample_content.truth(side.study, side.row, digits=3) for side in both]
    predictions = [_prediction(side) for side in both]
    scores = [true_minus(f"{side.score:+.3f}") for side in both]
    if sides.same_target:
        output = text.escape_markdown(b.unit)
        difference = true_minus(f"**{b.score - a.score:+.3f}**")
    else:
        output = "explained output"
        difference = "not comparable"
    rows = [
        ("model", *names, ""),
        ("sample", *samples, ""),
        ("tweak", *tweaks, ""),
        ("truth", *truths, ""),
        ("prediction", *predictions, ""),
        (output, *scores, difference),
        *_metrics(a, b),
    ]
    if a.study.background.name != b.study.background.name:
        st.caption(
            f"The background of A is {background_markdown(a.study.background)}, that of B is "
            f"{background_markdown(b.study.background)}. Their terms differ also for this reason."
        )
    st.markdown(
        "\n".join(
            ["| | A | B | B − A |", "|---|---|---|---|"]
            + ["| " + " | ".join(row) + " |" for row in rows]
        )
    )
    of_a, of_b = (len(one.dataset.rows("test")) for one in both)
    tests = (
        f"all {of_a:,} test samples"
        if of_a == of_b
        else f"{of_a:,} test samples (A) and {of_b:,} (B)"
    )
    if a.metrics or b.metrics:
        st.caption(f"Test metrics under the same tweak, over {tests}.")


def _metrics(a: Sample, b: Sample) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the test metrics. Each side has its own rows if their metrics follow different conventions."""
    seed = systems.seed_suffix(a.study) or systems.seed_suffix(b.study)
    alike = metrics.find_convention(a.metrics) == metrics.find_convention(b.metrics)
    for side in [a] if alike else [a, b]:
        for name in metrics.headlines(side.metrics):
            both = alike and name in b.metrics
            yield (
                f"test {metrics.labels(side.metrics)[name].short}{seed}",
                *(f"{s.metrics[name]:.3f}" if both or s is side else "–" for s in (a, b)),
                format_change(b.metrics[name] - a.metrics[name]) if both else "",
            )


def _prediction(one: Sample) -> str:
    if not one.study.classes:
        return true_minus(f"{float(one.scores[0]):+.3f}")
    best = int(one.scores.argmax())
    return (
        f"{text.escape_markdown(one.classes[best])} ({describe_softmax(one.probabilities[best])})"
    )
