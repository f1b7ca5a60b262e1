"""What people make of modalities, in sentences that follow from the intervals of their votes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from qfusion._sentences import count, listed, share
from qfusion.explain.bootstrap import Interval
from qfusion.plugins.people.crowd import vote_means as crowd
from qfusion.plugins.people.crowd.crowd_groups import Contrast
from qfusion.plugins.people.crowd.crowd_summary import ClipVotes, CrowdSummary, GroupContrasts
from qfusion.plugins.people.votes import CHOSEN_BY_VOTES
from qfusion.study.text import escape_markdown
from qfusion.views.words.rules import format_interval

MAX_SHOWN = 3  # differences that a sentence names


def describe_fusion(means: crowd.Means, target: str) -> str:
    """Return whether people fuse, and how, from the interval of the joint contributions over groups of clips, or over
    raters where there are too few groups.

    Where the votes themselves chose the class, its share among them is biased upwards, and the joint contributions with
    it: that they are negative still follows, that they are positive does not.
    """
    full = list(means.shares.values())[-1]
    shown = f"who are shown everything choose the {target} in {full.value:.3f} of their votes"
    if means.joint is None:
        return f"People {shown}"
    has_groups = means.joint.groups.known
    start = f"People {shown}" if has_groups else f"On {count(means.clips, 'clip')}, people {shown}"
    interval = means.joint.groups if has_groups else means.joint.raters
    more_or_less = "{} than the sum of what each adds alone"
    if interval.excludes_zero and interval.high < 0:
        end = f"together, modalities add {more_or_less.format('less')}: people fuse redundantly"
    elif target == CHOSEN_BY_VOTES:
        end = (
            "whether people fuse cannot be concluded, as these votes chose the class themselves, so that the joint "
            "contributions are too large"
        )
    elif interval.excludes_zero:
        end = f"together, modalities add {more_or_less.format('more')}: people fuse synergistically"
    else:
        end = f"that modalities together add {more_or_less.format('more or less')} is not shown"
    ends = format_interval(interval.low, interval.high, "+.3f")
    over = means.grouping if has_groups else "raters"
    return f"{start}; {end} ({means.joint.value:+.3f}, 95% CI over {over} {ends})"


def describe_contributions(means: crowd.Means) -> str:
    """Return the mean contributions of all coalitions."""
    parts = [
        f"{name.replace('+', ' + ')} {term.value:+.3f}"
        for name, term in means.contributions.items()
        if name
    ]
    return f"Mean contributions to the share of votes: {listed(parts)}"


def describe_accuracy(accuracy: Mapping[str, float], target: str) -> str:
    """Return how often the majority chooses the explained class, such as the acted emotion, in each condition."""
    parts = [f"{share(value)} by {name.replace('+', ' and ')}" for name, value in accuracy.items()]
    return f"Share of clips on which the {target} has more votes than any other class: {listed(parts)}."


def describe_agreement(
    agreement: crowd.Agreement, by_chance: Interval | None, players: Sequence[str]
) -> str:
    """Return which modality the majority follows that is shown everything, and how often it says what none says beside
    the number that the sampling of raters gives."""
    if by_chance is None:
        return f"People were shown the {players[0]} only"
    if not agreement.untied:
        return "Every clip has a tie in some condition"
    follows = [f"the {name} alone in {agreement.follows[name]:,}" for name in players]
    parts = [
        f"agrees with every single modality in {agreement.all_same:,}",
        f"follows {listed(follows)}",
    ]
    if agreement.several:
        parts.append(f"follows several modalities, not all, in {agreement.several:,}")
    same = (
        f" (in {agreement.neither_but_agree:,} of these, the single modalities agree with one another)"
        if agreement.neither
        else ""
    )
    return (
        f"Of {count(agreement.untied, 'clip')} without ties, the majority that is shown everything "
        f"{'; '.join(parts)}; and says what no single modality says in {agreement.neither:,}{same}, "
        f"{_describe_excess(agreement.neither, by_chance)}"
    )


def _describe_excess(neither: int, by_chance: Interval) -> str:
    excess = neither - by_chance.value
    if by_chance.low <= neither <= by_chance.high:
        start = "as many as the sampling of raters gives"
    elif excess > 0:
        start = f"{excess:,.0f} more than the sampling of raters gives"
    else:
        start = f"{-excess:,.0f} fewer than the sampling of raters gives"
    ends = format_interval(by_chance.low, by_chance.high, ",.0f")
    return (
        f"{start} if each of them votes as one who is shown a single modality ({by_chance.value:,.0f}, 95% of "
        f"simulations {ends})"
    )


def describe_information(information: crowd.Information, target: str) -> str:
    """Return what votes tell about the class, and whether people find together what pooled votes do not give."""
    names = list(information.alone)
    parts = [
        f"{information.redundancy.value:.2f} redundant",
        *(f"{information.unique[name].value:.2f} {name} alone" for name in names),
        f"{information.synergy.value:.2f} only together",
    ]
    start = (
        f"One vote by {names[0]} and one by {names[1]} tell {information.total.value:.2f} bits of the {target} "
        f"({', '.join(parts)}); one vote of somebody who was shown both tells {information.together.value:.2f}"
    )
    if not information.fused.known:
        return f"{start}; there are too few groups of clips for an interval of the difference"
    if not information.fused.excludes_zero:
        return f"{start}: no significant difference"
    if information.fused.low > 0 and target == CHOSEN_BY_VOTES:
        return f"{start}, which is too much, as these votes chose the class themselves"
    more = (
        "more: people find together what pooled votes lack" if information.fused.low > 0 else "less"
    )
    ends = format_interval(information.fused.low, information.fused.high, "+.3f")
    return f"{start}, {abs(information.fused.value):.3f} {more} (95% CI {ends})"


def describe_group_contrasts(result: GroupContrasts) -> str:
    """Return which mean contributions of groups differ from those of all other clips, corrected for their number."""
    tested = [one for one in result.contrasts if math.isfinite(one.p)]
    if not tested:
        return f"Whether contributions differ by {result.column} is unknown: there are too few {result.unit} in a group"
    tests = f"{count(len(tested), 'comparison')}, Holm"
    shown = result.shown
    if not shown:
        ends = [abs(end) for one in tested for end in _ends(one)]
        bound = f": 95% intervals lie within ±{max(ends):.2f}" if ends else ""
        return f"That contributions differ by {result.column} is not shown{bound} ({tests})"
    parts = [
        f"{_name_term(one.term)} for {one.group} ({one.mean:+.2f}, {_more(one.difference.value)} than for other clips)"
        for one in shown[:MAX_SHOWN]
    ]
    if len(shown) > MAX_SHOWN:
        parts.append(f"{len(shown) - MAX_SHOWN} more")
    return f"By {result.column}, contributions differ: {listed(parts)} ({tests})"


def _name_term(term: str) -> str:
    return "joint terms" if term == crowd.JOINT else term


def _ends(one: Contrast) -> list[float]:
    return [one.difference.low, one.difference.high] if one.difference.known else []


def _more(difference: float) -> str:
    return f"{abs(difference):.2f} {'more' if difference > 0 else 'less'}"


def describe_clip_votes(votes: ClipVotes) -> str:
    """Return which class most people chose who were shown everything, as Markdown."""
    together = votes.together
    share = f"{together.explained} of {together.raters} voted for ‘{escape_markdown(votes.explained, 40)}’"
    if not together.majority:
        return f"Of those who were shown everything, {share}: no class has most votes"
    if together.majority == votes.explained:
        return f"Of those who were shown everything, {share}, more than for any other class"
    most = f"most chose ‘{escape_markdown(together.majority, 40)}’ ({together.most})"
    return f"Of those who were shown everything, {share}: {most}"


def describe_crowd(summary: CrowdSummary, players: Sequence[str]) -> list[str]:
    """Return all findings, a sentence each."""
    sentences = [
        describe_fusion(summary.means, summary.target),
        describe_agreement(summary.agreement, summary.by_chance, players),
    ]
    if summary.information is not None:
        sentences.append(describe_information(summary.information, summary.target))
    return [f"{sentence}." for sentence in sentences]
