"""Where people fuse: contributions of modalities to their votes, what a vote tells, and the votes on one clip."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion._sentences import true_minus
from qfusion.explain import interval_ends
from qfusion.figures import model_charts, style
from qfusion.plugins.people.crowd import crowd_summary, group_charts, vote_means as crowd
from qfusion.plugins.people.crowd.words import (
    describe_agreement,
    describe_clip_votes,
    describe_contributions,
    describe_group_contrasts,
    describe_information,
)
from qfusion.plugins.why.information import information_bars
from qfusion.study import text
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.views.pages import params
from qfusion.views.view import View
from qfusion.views.words import rules

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


def crowd_contributions(study: Study, *, over: str | None = None) -> View:
    """Draw the mean contributions of modalities to people's votes, with intervals over raters and groups of clips.

    Args:
        study: people on their clips.
        over: what intervals over clips resample, of `crowd_summary.interval_units`; by default the first.
    """
    summary = crowd_summary.summarize_crowd(study)
    means = crowd_summary.all_means(study, over or "")
    terms = {name: term for name, term in means.contributions.items() if name}
    figure = model_charts.interval_dots(
        list(terms),
        {
            RATERS: model_charts.interval_ends(term.raters for term in terms.values()),
            f"other {means.grouping}": model_charts.interval_ends(
                term.groups for term in terms.values()
            ),
        },
        hues=[style.term_colour(term, study.modalities) for term in terms],
        x_title="mean contribution to the share of votes",
    )
    target = text.escape_markdown(summary.target)
    shows = (
        f"what each modality and several together add to the share of votes for the {target}, as Harsanyi dividends "
        f"against its base rate in all votes ({means.shares[''].value:.3f}), mean over {means.clips:,} clips. "
        "Whiskers: 95% intervals if other people rated the same clips, and over resampled "
        f"{text.escape_markdown(means.grouping)}. "
        f"{text.escape_markdown(describe_agreement(summary.agreement, summary.by_chance, study.modalities), 800)}."
    )
    return View(
        name="crowd-contributions",
        title=_as_title(describe_contributions(means)),
        figure=figure,
        caption=shows,
        limits="This is not what one person does: every condition was rated by other people. A share cannot exceed 1, "
        "so where one modality is clear, the other can add little.",
        alternative="Mean contributions: "
        + rules.list_terms({name: term.value for name, term in terms.items()}, "+.3f")
        + ".",
        table=means.frame,
    )


def group_contributions(study: Study, *, by: str | None = None, over: str | None = None) -> View:
    """Draw the mean contributions of groups of clips, and whether they differ from those of all other clips.

    Args:
        study: people on their clips.
        by: column that groups clips. over: as of `crowd_contributions`.
    """
    result = crowd_summary.contrast_groups(study, by or "", over or "")
    whole = crowd_summary.all_means(study, over or "")
    differing = {(one.group, one.term) for one in result.shown}
    if len(result.contrasts) * 2 == len(result.means) * len(_term_values(whole)):
        first, second = result.means
        differing |= {(second, term) for group, term in differing if group == first}
    values = {
        term: model_charts.interval_ends(
            _term_values(means)[term].groups for means in result.means.values()
        )
        for term in _term_values(whole)
    }
    together = "+".join(study.modalities)
    titles = {term: term for term in values}
    if crowd.JOINT in titles:
        titles[crowd.JOINT] = together if len(study.modalities) == 2 else JOINT_TERMS
    means = {}
    filled = {}
    hues = {}
    for term, one in _term_values(whole).items():
        title = titles[term]
        means[title] = one.value
        filled[title] = [(group, term) in differing for group in result.means]
        hues[title] = style.term_colour(together if term == crowd.JOINT else term, study.modalities)
    figure = group_charts.group_contributions(
        list(result.means),
        [group_means.clips for group_means in result.means.values()],
        {titles[term]: ends for term, ends in values.items()},
        means,
        filled,
        hues=hues,
        x_title="mean contribution to the share of votes",
    )
    shows = (
        f"mean contributions by {text.escape_markdown(result.column)} (number of clips), against the base rate of the "
        f"class in all votes. Whiskers: 95% intervals over resampled {text.escape_markdown(result.unit)}. Dashed: mean "
        "of all clips. Filled: the difference to all other clips is significant at 5%, corrected for "
        f"{len(result.contrasts):,} comparisons (Holm 1979)."
    )
    return View(
        name="crowd-groups",
        title=_as_title(describe_group_contrasts(result)),
        figure=figure,
        caption=shows,
        limits="Groups may differ for other reasons: clips of a group may share more than this column.",
        alternative="Mean contributions: "
        + "; ".join(
            f"{group}: "
            + rules.list_terms({t: o.value for t, o in _term_values(means).items()}, "+.3f")
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


def vote_information(study: Study) -> View:
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
        crowd.REDUNDANCY: information_bars.SHARED,
        **{name: name for name in bits.unique},
        crowd.SYNERGY: information_bars.TOGETHER,
    }
    rows = {"two raters, one modality each": parts}
    figure = information_bars.information_bars(
        list(rows),
        {
            title: model_charts.interval_ends(row[key] for row in rows.values())
            for key, title in titles.items()
        },
        study.modalities,
        entropy=bits.entropy,
    )
    shows = (
        f"the information of one vote by each modality about the {text.escape_markdown(summary.target)}, in bits, "
        f"decomposed with redundancy as BROJA defines it, over {summary.means.clips:,} clips, without the bias of few "
        "clips. The votes of two raters of a clip are independent, since other people rated each condition. Whiskers: "
        "95% basic bootstrap intervals over resampled "
        f"{text.escape_markdown(summary.means.grouping)}. One vote by both modalities tells {bits.together.value:.2f} "
        "bits."
    )
    return View(
        name="crowd-information",
        title=_as_title(describe_information(bits, summary.target)),
        figure=figure,
        caption=shows,
        limits="Votes do not tell how people combine modalities.",
        alternative="Bits: "
        + rules.list_numbers(parts, [part.value for part in parts.values()])
        + ".",
        table=bits.frame,
    )


def clip_votes(sample: Sample) -> View:
    """Draw the votes of the people who are the model on one clip: the share of the explained class in each condition.

    Args:
        sample: a clip before people.
    """
    votes = crowd_summary.clip_votes(sample.study, sample.row)
    shares = [one.explained / one.raters for one in votes.conditions]
    ends = [interval_ends.wilson(one.explained, one.raters) for one in votes.conditions]
    name = text.escape_markdown(votes.explained)
    figure = model_charts.interval_dots(
        [one.shown for one in votes.conditions],
        {"share of votes": np.column_stack([shares, ends])},
        hues=[style.term_colour(one.shown, sample.modalities) for one in votes.conditions],
        x_title=f"share of votes for ‘{votes.explained}’",
        percent=True,
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "shown": [one.shown for one in votes.conditions],
                "most votes": [one.majority or "a tie" for one in votes.conditions],
                "its votes": [one.most for one in votes.conditions],
                f"for {votes.explained}": [one.explained for one in votes.conditions],
                "raters": [one.raters for one in votes.conditions],
            }
        )

    return View(
        name="clip-votes",
        title=describe_clip_votes(votes),
        figure=figure,
        caption=f"the share of votes for ‘{name}’ of people who were shown single modalities, and of others "
        "who were shown several. Whiskers: 95% intervals if other people rated the clip.",
        limits="Votes for other classes than the first are not drawn: the table has those of the majority.",
        alternative="Shares of votes: "
        + rules.list_numbers([one.shown for one in votes.conditions], shares)
        + ".",
        table=table,
    )


def is_clip(sample: Sample, **_: object) -> bool:
    """Return whether people decide on the sample."""
    return crowd_summary.has_votes(sample.study)


def _as_title(sentence: str) -> str:
    """Return a sentence as markdown; its minus signs are set first, since escaped hyphens are none."""
    return text.escape_markdown(true_minus(sentence))
