"""Whether the modalities of a sample conflict, in sentences: by their own terms, whatever the relation."""

from qfusion.explain.coalitions import Relation
from qfusion.explain.findings import Opposition, opposes_jointly, opposition, sides
from qfusion.explain.verdicts import Verdict
from qfusion.wording.contributions import format_contribution
from qfusion.wording.markup import PLAIN, Markup
from qfusion.wording.verdicts import name_side, readable_terms

OPPOSITION_SENTENCES: dict[Opposition, str] = {
    Opposition.NO_CONTRIBUTION: "{no}: no modality contributes on its own.",
    Opposition.ONE_MODALITY: "{no}: there is one modality.",
    Opposition.CONFLICT: "{yes}: {one_side} against {other_side}{then}.",
    Opposition.ONE_CONTRIBUTES: "{no}: only {first} contributes on its own.",
    Opposition.MINOR: "{no}: {other_side} against {one_side}, but with less than a third of the largest.",
    Opposition.ALIGNED: "{no}: {one_side} point the same way.",
}
NO_OPPONENT = "{no}: no own contribution opposes the largest one with a third of its size."
UNREAD_OPPONENT = "{yes}, with this training: what opposes {readable} is within its spread over {seeds} training seeds."
UNREAD_CONFLICT = (
    "{yes}, with this training: own contributions oppose each other, but within their spread over {seeds} training "
    "seeds."
)
THEN: dict[Relation, str] = {
    Relation.JOINT: ", and the joint terms then decide",
    Relation.CORRECTION: ", and joint terms then take back part of their sum",
    Relation.PRIOR: ", and the baseline then decides",
    Relation.UNDECIDED: ", and contributions nearly cancel",
}
JOINT_OPPOSES = " Joint terms ({joint}) oppose the sum of the single modalities ({own})."


def describe_conflict(verdict: Verdict, markup: Markup = PLAIN) -> str:
    """Return whether the modalities conflict: whether an own term opposes the largest with a third of its size."""
    kind = opposition(verdict)
    winners, losers = sides(verdict)
    template = OPPOSITION_SENTENCES[kind]
    readable = [side for side in (winners, losers) if readable_terms(verdict, side)]
    if kind == Opposition.CONFLICT and len(readable) < 2:
        template = UNREAD_OPPONENT if readable else UNREAD_CONFLICT
    needed = {
        Opposition.ONE_CONTRIBUTES: len(readable_terms(verdict, winners)) == 1,
        Opposition.MINOR: len(readable) == 2,
        Opposition.ALIGNED: len(readable_terms(verdict, winners)) > 1,
    }
    if not needed.get(kind, True):
        template = NO_OPPONENT
    sentence = template.format(
        yes=markup.strong("Yes"),
        no=markup.strong("No"),
        one_side=name_side(verdict, winners, markup),
        other_side=name_side(verdict, losers, markup),
        first=name_side(verdict, winners, markup),
        readable=name_side(verdict, readable[0], markup) if readable else "",
        then="" if verdict.is_open else THEN.get(verdict.relation, ""),
        seeds=verdict.seeds,
    )
    if kind in needed and opposes_jointly(verdict):
        sentence += JOINT_OPPOSES.format(
            joint=format_contribution(verdict.joint), own=format_contribution(verdict.own)
        )
    return sentence
