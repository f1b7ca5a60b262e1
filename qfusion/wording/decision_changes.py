"""The change of a decision along time or layers, in sentences: since when it is the final one, and its joint terms."""

from collections.abc import Collection, Mapping, Sequence

from qfusion._sentences import listed, share, sizes, top
from qfusion.explain.findings import Change, DecisionChange, compare_decisions
from qfusion.explain.verdicts import last_change
from qfusion.wording.markup import PLAIN, Markup

# "When did it happen?", along time or layers.
READ_ONCE = "The decision is {decision} at {last}, the only place where it is read."
CONSTANT = "The decision is {decision} from the start ({first}) to the end ({last})."
CHANGED = "The decision is {decision} from {since} on (the end is {last}); before, it was {before}."

# "What did the dynamics add?"
CHANGE_SENTENCES: dict[Change, str] = {
    Change.NOTHING: "{nothing}: {by} leaves every contribution unchanged.",
    Change.ADDITIVE: "No joint terms: {by} {moved}; the decision remains a sum over single modalities.",
    Change.BECOMES_JOINT: (
        "{every_joint_term}: {by} raises the joint share of the contributions from 0% to {end} ({largest}) and {moved}."
    ),
    Change.STAYS_JOINT: (
        "The joint share of the contributions is {start} before and {strong_end} after ({largest}); {by} {moved}."
    ),
}
UNMOVED = "leaves the {quantity} at {after}"
MOVED = "takes the {quantity} from {before} to {after}"
ONLY_JOINT_TERM = "{name} jointly, {value:+.2f}"
LARGEST_JOINT_TERM = "largest: {names}"
LARGEST_JOINT_TERMS = "largest, equal in size: {names}"
TINY_JOINT_TERMS = "none above 0.005 in size"
UNREAD_JOINT_TERMS = "none beyond its spread over training seeds"


def describe_last_change(
    decisions: Sequence[object], places: Sequence[str], markup: Markup = PLAIN
) -> str:
    """Return since when the decision is the final one.

    Args:
        decisions: written decisions along time or layers.
        places: names of the times or layers.
    """
    since = last_change(decisions)
    template = CONSTANT
    if len(decisions) == 1:
        template = READ_ONCE
    elif since > 0:
        template = CHANGED
    return template.format(
        decision=decisions[-1],
        first=places[0],
        last=places[-1],
        since=markup.strong(places[since]),
        before=decisions[max(since - 1, 0)],
    )


def describe_change(
    start: Mapping[str, float],
    end: Mapping[str, float],
    by: str,
    markup: Markup = PLAIN,
    quantity: str = "score",
    unread: Collection[str] = (),
) -> str:
    """Return the change of a decision between two times or layers: its joint share, and the largest joint terms.

    Args:
        start, end: dividends by coalition before and after, the baseline under "".
        by: the cause of the change, such as "the evolution".
        quantity: name of the sum of the terms.
        unread: terms within their spread over training seeds, which are not named.
    """
    change = compare_decisions(start, end)
    shares = share(change.joint_share_start), share(change.joint_share_end)
    return CHANGE_SENTENCES[change.kind].format(
        nothing=markup.strong("Nothing"),
        every_joint_term=markup.strong("Every joint term"),
        by=by,
        moved=_describe_move(change, quantity),
        start=shares[0],
        end=shares[1],
        strong_end=markup.strong(shares[1]),
        largest=_describe_joint_terms(change.joint, markup, unread) if change.joint else "",
    )


def _describe_move(change: DecisionChange, quantity: str) -> str:
    before, after = f"{change.score_start:+z.2f}", f"{change.score_end:+z.2f}"
    template = UNMOVED if before == after else MOVED
    return template.format(quantity=quantity, before=before, after=after)


def _describe_joint_terms(
    joint: Mapping[str, float], markup: Markup, unread: Collection[str]
) -> str:
    """Return the largest joint terms with their values."""
    if unread:
        joint = {term: value for term, value in joint.items() if term not in unread}
    if not joint:
        return UNREAD_JOINT_TERMS
    largest = [
        ONLY_JOINT_TERM.format(
            name=listed([markup.escape(part) for part in term.split("+")]), value=joint[term]
        )
        for term in top(sizes(joint))
    ]
    if len(joint) == 1:
        return largest[0]
    if all(round(value, 2) == 0 for value in joint.values()):
        return TINY_JOINT_TERMS
    template = LARGEST_JOINT_TERM if len(largest) == 1 else LARGEST_JOINT_TERMS
    return template.format(names=listed(largest))
