"""Where people fuse: contributions of modalities to their votes, and what a vote tells."""

from __future__ import annotations

from qfusion._checks import check
from qfusion._sentences import true_minus
from qfusion.analysis import crowd_summary, text
from qfusion.analysis.study import Study
from qfusion.explain import crowd
from qfusion.figures import label_charts, style, target_information
from qfusion.panels import alt_text, panel
from qfusion.wording.crowd import (
    describe_agreement,
    describe_contributions,
    describe_information,
)

RATERS = "other raters, same clips"


def has_information(study: Study) -> bool:
    """Return whether what votes tell can be decomposed: people rated two modalities of clips of several classes."""
    return (
        crowd_summary.has_votes(study)
        and crowd_summary.summarize_crowd(study).information is not None
    )


def crowd_contributions(study: Study, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the mean contributions of modalities to people's votes, with intervals over raters and groups of clips."""
    summary = crowd_summary.summarize_crowd(study)
    means = summary.means
    terms = {name: term for name, term in means.contributions.items() if name}
    figure = label_charts.interval_dots(
        list(terms),
        {
            RATERS: label_charts.interval_ends(term.raters for term in terms.values()),
            f"other {means.grouping}": label_charts.interval_ends(
                term.groups for term in terms.values()
            ),
        },
        hues=[style.term_colour(term, study.modalities) for term in terms],
        x_title="mean contribution to the share of votes",
        theme=theme,
    )
    target = text.escape_markdown(summary.target)
    shows = (
        f"what each modality and several together add to the share of votes for the {target}, as Harsanyi dividends "
        f"against its base rate in all votes ({means.shares[''].value:.3f}), mean over {means.clips:,} clips. "
        "Whiskers: 95% intervals if other people rated the same clips, and over resampled "
        f"{text.escape_markdown(means.grouping)}. "
        f"{text.escape_markdown(describe_agreement(summary.agreement, study.modalities))}."
    )
    return panel.PanelFigure(
        "why-crowd",
        _as_title(describe_contributions(means)),
        figure,
        shows=shows,
        not_shown="what a single person does: every condition was rated by other people. A share cannot exceed 1, so "
        "where one modality is clear, the other can add little.",
        alt="Mean contributions: "
        + alt_text.list_terms({name: term.value for name, term in terms.items()}, "+.3f")
        + ".",
        table=means.frame,
    )


def vote_information(study: Study, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw what a vote by each modality tells about the class, decomposed, and what one by both tells."""
    summary = crowd_summary.summarize_crowd(study)
    bits = summary.information
    check(bits is not None, "What votes tell is decomposed for two modalities and several classes.")
    assert bits is not None
    parts = {
        crowd.REDUNDANCY: bits.redundancy,
        **bits.unique,
        crowd.SYNERGY: bits.synergy,
    }
    titles = {
        crowd.REDUNDANCY: target_information.SHARED,
        **{name: name for name in bits.unique},
        crowd.SYNERGY: target_information.TOGETHER,
    }
    rows = {"two raters, one modality each": parts}
    figure = target_information.information_bars(
        list(rows),
        {
            title: label_charts.interval_ends(row[key] for row in rows.values())
            for key, title in titles.items()
        },
        study.modalities,
        entropy=bits.entropy,
        theme=theme,
    )
    shows = (
        f"the information of one vote by each modality about the {text.escape_markdown(summary.target)}, in bits, "
        f"decomposed with redundancy as BROJA defines it, over {summary.means.clips:,} clips. The votes of two raters "
        "of a clip are independent, since other people rated each condition. Whiskers: 95% intervals over resampled "
        f"{text.escape_markdown(summary.means.grouping)}. One vote by both modalities tells {bits.together.value:.2f} "
        "bits."
    )
    return panel.PanelFigure(
        "why-votes",
        _as_title(describe_information(bits, summary.target)),
        figure,
        shows=shows,
        not_shown="how people combine modalities in their heads, only what their votes tell.",
        alt="Bits: " + alt_text.list_numbers(parts, [part.value for part in parts.values()]) + ".",
        table=bits.frame,
    )


def _as_title(sentence: str) -> str:
    """Return a sentence as markdown; its minus signs are set first, since escaped hyphens are none."""
    return text.escape_markdown(true_minus(sentence))
