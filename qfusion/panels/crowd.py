"""Where people fuse: contributions of modalities to their votes, and what a vote tells."""

from __future__ import annotations

from collections.abc import Callable

from qfusion._checks import check
from qfusion._sentences import true_minus
from qfusion.analysis import crowd_summary, text
from qfusion.analysis.study import Study
from qfusion.explain import crowd
from qfusion.figures import group_charts, label_charts, style, target_information
from qfusion.panels import alt_text, panel, params
from qfusion.wording.crowd import (
    describe_agreement,
    describe_contributions,
    describe_group_contrasts,
    describe_information,
)

ALL = "all clips"
BY = params.SelectParam(
    "crowd.by",
    "Clips by",
    "All clips are shown together.",
    help="Mean contributions of groups of clips, and whether these differ.",
    values=lambda study: [ALL, *_of_people(crowd_summary.group_columns, study)],
    meanings=lambda option: "" if option == ALL else option,
    fits=crowd_summary.has_votes,
)
OVER = params.SelectParam(
    "crowd.over",
    "Intervals over other",
    "Intervals resample what the data set says.",
    help="What is drawn anew: other actors, other clips, or other values of a column.",
    values=lambda study: _of_people(crowd_summary.interval_units, study),
    fits=crowd_summary.has_votes,
)
CONTROLS = (OVER, BY)


def _of_people(names: Callable[[Study], list[str]], study: Study | None) -> list[str]:
    return names(study) if study is not None and crowd_summary.has_votes(study) else []


JOINT_TERMS = "joint terms"
RATERS = "other raters, same clips"


def has_information(study: Study) -> bool:
    """Return whether what votes tell can be decomposed: people rated two modalities of clips of several classes."""
    return (
        crowd_summary.has_votes(study)
        and crowd_summary.summarize_crowd(study).information is not None
    )


def crowd_contributions(
    study: Study, theme: style.Theme = "light", *, over: str | None = None
) -> panel.PanelFigure:
    """Draw the mean contributions of modalities to people's votes, with intervals over raters and groups of clips.

    Args:
        study: people on their clips. theme: of the figure.
        over: what intervals over clips resample, of `crowd_summary.interval_units`; by default the first.
    """
    summary = crowd_summary.summarize_crowd(study)
    means = crowd_summary.all_means(study, over or "")
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


def group_contributions(
    study: Study, theme: style.Theme = "light", *, by: str | None = None, over: str | None = None
) -> panel.PanelFigure:
    """Draw the mean contributions of groups of clips, and whether they differ from those of all other clips.

    Args:
        study: people on their clips. theme: of the figure.
        by: column that groups clips. over: as of `crowd_contributions`.
    """
    result = crowd_summary.contrast_groups(study, by or "", over or "")
    whole = crowd_summary.all_means(study, over or "")
    differing = {(one.group, one.term) for one in result.shown}
    if len(result.contrasts) * 2 == len(result.means) * len(_term_values(whole)):
        first, second = result.means
        differing |= {(second, term) for group, term in differing if group == first}
    values = {
        term: label_charts.interval_ends(
            _term_values(means)[term].groups for means in result.means.values()
        )
        for term in _term_values(whole)
    }
    together = "+".join(study.modalities)
    titles = {term: term for term in values}
    if crowd.JOINT in titles:
        titles[crowd.JOINT] = together if len(study.modalities) == 2 else JOINT_TERMS
    figure = group_charts.group_contributions(
        list(result.means),
        [means.clips for means in result.means.values()],
        {titles[term]: ends for term, ends in values.items()},
        {titles[term]: one.value for term, one in _term_values(whole).items()},
        {titles[term]: [(g, term) in differing for g in result.means] for term in values},
        hues={
            titles[term]: style.term_colour(
                together if term == crowd.JOINT else term, study.modalities
            )
            for term in values
        },
        x_title="mean contribution to the share of votes",
        theme=theme,
    )
    shows = (
        f"mean contributions by {text.escape_markdown(result.column)} (number of clips), against the base rate of the "
        f"class in all votes. Whiskers: 95% intervals over resampled {text.escape_markdown(result.unit)}. Dashed: mean "
        "of all clips. Filled: the difference to all other clips is significant at 5%, corrected for "
        f"{len(result.contrasts):,} comparisons (Holm 1979)."
    )
    return panel.PanelFigure(
        "why-crowd-groups",
        _as_title(describe_group_contrasts(result)),
        figure,
        shows=shows,
        not_shown="why groups differ: clips of a group may share more than this column.",
        alt="Mean contributions: "
        + "; ".join(
            f"{group}: "
            + alt_text.list_terms({t: o.value for t, o in _term_values(means).items()}, "+.3f")
            for group, means in result.means.items()
        )
        + ".",
        table=result.frame,
    )


def _term_values(means: crowd.Means) -> dict[str, crowd.Term]:
    """Return the contributions of single modalities, and the sum of all joint ones."""
    values = {name: one for name, one in means.contributions.items() if name and "+" not in name}
    return values if means.joint is None else values | {crowd.JOINT: means.joint}


def can_group(study: Study, *, by: str | None = None, **_: object) -> bool:
    """Return whether people's clips are grouped by a column."""
    return crowd_summary.has_votes(study) and by in crowd_summary.group_columns(study)


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
        f"decomposed with redundancy as BROJA defines it, over {summary.means.clips:,} clips, without the bias of few "
        "clips. The votes of two raters of a clip are independent, since other people rated each condition. Whiskers: "
        "95% basic bootstrap intervals over resampled "
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
