"""The reliability of explanations in sentences: warnings, and deletion and insertion curves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from qfusion._sentences import count, listed, share, top
from qfusion.explain.coalitions import SPREADS
from qfusion.explain.faithfulness import Curves
from qfusion.explain.findings import STABLE, Concern, Finding


class _Template(NamedTuple):
    sentence: str
    brief: str
    facts: tuple[str, ...]


TEMPLATES: dict[Concern, _Template] = {
    Concern.ORDER_UNSTABLE: _Template(
        "Do not rank samples by {ranks}: over {seeds} training seeds the mean rank correlation of {these} across "
        "{samples:,} test samples is below {stable:g}, so that another seed would order them differently.",
        "Do not rank samples by {which}: retrained models rank them differently (rank correlation {range})",
        (
            "mean rank correlation below {stable:g}",
            "{seeds} training seeds",
            "{samples:,} test samples",
        ),
    ),
    Concern.ORDER_STABLE: _Template(
        "All terms order the samples similarly over {seeds} training seeds; least stable: {least} (rank correlation "
        "{lowest:.2f} across {samples:,} test samples).",
        "Terms order the samples similarly over {seeds} training seeds",
        ("least stable: {least}", "rank correlation {lowest:.2f} across {samples:,} test samples"),
    ),
    Concern.ORDER_UNSTABLE_TRUTH_FOLLOWED: _Template(
        "Every term that varies follows the planted truth (least: {names}, rank correlation "
        "{truth:.2f} on {compared:,} test samples), but do not rank samples by {ranks}: {seeds} training seeds order "
        "them differently (mean rank correlation of {these} below {stable:g} on {samples:,} test samples).",
        "Do not rank samples by {which}: retrained models rank them differently (rank correlation {range})",
        (
            "terms follow the planted truth: rank correlation {truth:.2f} or more",
            "{seeds} training seeds agree less: below {stable:g}",
        ),
    ),
    Concern.SEED_SPREAD: _Template(
        "Ignore contributions smaller than about {spread:.2g} ({unit}): this is the standard deviation over training "
        "seeds of the least stable term of a typical test sample. Bars of a decision are pale where they are smaller "
        f"than {SPREADS:g} standard deviations of their own.",
        "Ignore contributions below {spread:.2g}",
        ("unit: {unit}", "standard deviation over training seeds"),
    ),
    Concern.POOR_PREDICTIONS: _Template(
        "Explanations are less stable where the prediction is poor: on the tenth of the test samples with the largest "
        "errors, terms vary {ratio:.1f} times as much between seeds as on the others.",
        "Less stable where the prediction is poor",
        (
            "terms vary {ratio:.1f} times as much between seeds",
            "tenth of the test samples with the largest errors",
        ),
    ),
    Concern.LEADER_UNSTABLE: _Template(
        "Do not rely on which modality leads: two training seeds agree on it in only {agreement} of the test samples.",
        "Do not rely on which modality leads",
        ("two training seeds agree in {agreement} of the test samples",),
    ),
    Concern.TRUTH_MISSED: _Template(
        "Do not take {ranks} for the planted truth: the rank correlation with it is below {stable:g}.",
        "Do not take {which} for the planted truth (rank correlation {range})",
        ("rank correlation with the planted truth below {stable:g}",),
    ),
    Concern.TRUTH_CONSTANT: _Template(
        "No term varies in these samples, so that none can be compared with the planted truth.",
        "No term varies",
        ("rank correlations are not defined",),
    ),
    Concern.TRUTH_FOLLOWED: _Template(
        "Every term that varies follows the planted truth; least: {least} (rank correlation {lowest:.2f} on "
        "{samples:,} test samples).",
        "Terms follow the planted truth",
        ("least: {least}", "rank correlation {lowest:.2f} on {samples:,} test samples"),
    ),
    Concern.ORDER_NOT_FASTER: _Template(
        "Do not rely on the order of the {players}: {failed} of the most important first changes the {unit} no faster "
        "than at least one of {orders} random orders ({samples:,} test samples).",
        "Do not rely on the order of the {players}",
        (
            "{failed} changes the {unit} no faster than one of {orders} random orders",
            "{samples:,} test samples",
        ),
    ),
    Concern.JOINT_LARGER: _Template(
        "Do not read Shapley values or shares alone: in {share} of {samples:,} test samples the joint terms are larger "
        "than the modalities' own, and a Shapley value splits them evenly among their modalities.",
        "Do not read Shapley values or shares alone",
        ("joint terms are larger in {share} of {samples:,} test samples", "split evenly"),
    ),
    Concern.BACKGROUND_FINE: _Template(
        "Verdicts hardly depend on the background: {share} of {samples:,} test samples have the same verdict against "
        "{count} backgrounds ({names}).",
        "Verdicts hardly depend on the background",
        ("the same verdict on {share} of {samples:,} test samples",),
    ),
    Concern.BACKGROUND_MATTERS: _Template(
        "Do not quote a verdict without its background: only {share} of {samples:,} test samples have the same verdict "
        "against {count} backgrounds ({names}).",
        "Do not quote a verdict without its background",
        ("the same verdict on {share} of {samples:,} test samples",),
    ),
    Concern.NO_TRUTH: _Template(
        "The true contributions in these data are unknown. The measurements test whether the explanation is faithful "
        "to the model, not whether the model is true to the data.",
        "True contributions are unknown",
        ("tested: explanation against model", "not tested: model against truth"),
    ),
    Concern.OTHER_TRUTH: _Template(
        "The known contributions in these data are those of other modalities than the model's. The measurements test "
        "whether the explanation is faithful to the model, not whether the model is true to the data.",
        "True contributions are unknown",
        ("tested: explanation against model", "not tested: model against truth"),
    ),
}
THIS_TERM, THESE_TERMS = "this term", "these terms"
RANK = "{term} ({rank:.2f})"
MOST_RANKED = 3  # terms that a brief form names


@dataclass(frozen=True)
class TrustWarning:
    """A finding in words.

    Attributes:
        sentence: Markdown without names from data other than modalities, as the model has them.
        kind: "warning", "fine" if a measurement found no problem, or "unknown" if nothing was measured.
        brief: short form of the sentence.
        facts: the supporting numbers, a few words each.
    """

    sentence: str
    kind: str
    brief: str = ""
    facts: tuple[str, ...] = ()


def describe_finding(finding: Finding) -> TrustWarning:
    """Return a finding in words."""
    values = _values(finding)
    template = TEMPLATES[finding.concern]
    return TrustWarning(
        template.sentence.format(**values),
        finding.severity,
        template.brief.format(**values),
        tuple(fact.format(**values) for fact in template.facts),
    )


def _values(finding: Finding) -> dict[str, Any]:
    """Return the values that the template of a finding is filled with."""
    values: dict[str, Any] = {
        **finding.numbers,
        "unit": finding.unit,
        "stable": STABLE,
        "names": listed(list(finding.names)),
        "count": len(finding.names),
    }
    for name in ("share", "agreement"):
        if name in values:
            values[name] = share(values[name])
    if finding.ranks:
        ranks = finding.ranks
        values |= {
            "ranks": ", ".join(
                RANK.format(term=_title(term), rank=rank) for term, rank in ranks.items()
            ),
            "which": _name_ranked([_title(term) for term in ranks]),
            "range": " to ".join(dict.fromkeys(f"{ranks[term]:.2f}" for term in _ends(ranks))),
            "these": THIS_TERM if len(ranks) == 1 else THESE_TERMS,
            "least": listed([_title(term) for term in top(ranks, smallest=True)]),
            "lowest": min(ranks.values()),
        }
    if finding.concern == Concern.ORDER_UNSTABLE_TRUTH_FOLLOWED:
        values["names"] = listed([_title(term) for term in finding.names])
    if finding.concern == Concern.ORDER_NOT_FASTER:
        players, *failed = finding.names
        values |= {"players": players, "failed": " and ".join(failed)}
    return values


def _name_ranked(terms: list[str]) -> str:
    """Return the terms that samples are not to be ranked by; many are not named."""
    return listed(terms) if len(terms) <= MOST_RANKED else "several terms"


def _ends(ranks: Mapping[str, float]) -> list[str]:
    """Return the terms with the smallest and the largest rank correlation."""
    return [min(ranks, key=ranks.__getitem__), max(ranks, key=ranks.__getitem__)]


def _title(term: str) -> str:
    return " + ".join(term.split("+"))


SLIGHT = (
    0.02  # of the whole change: the curves of smaller gains can hardly be told apart in a figure
)

ONE_ORDER = "there is only one order"
NOT_SIGNIFICANT = "{samples:,} samples: no significant difference from random orders {area}"
BEATS_ALL = "our order beats every one of {orders} {area}"
SLIGHTLY = "our order is only slightly faster than every one of {orders} {area}"
LOSES = "our order does **not** beat {lost} of {orders}"
AREA_ON_AVERAGE = "(area {gain:.3g} on average{interval})"
AREA_OF_WHOLE = "(area {gain:.2g} of {whole:.2g})"
RETURN_NOT_SIGNIFICANT = "no significant difference from random orders: {samples:,} samples {area}"
RETURNS = "{degree}sooner than in {won} of {orders} {area}"
RETURN_AREA = "(area {gain:+z.3g} on average{interval})"
RETURN_AREA_OF_WHOLE = "(area {gain:+z.2g} of {whole:.2g})"
INTERVAL = ", {level:.0%} interval {low:.2g} to {high:.2g}"


def describe_beaten_orders(curves: Curves) -> str:
    """Return how many random orders ours beats, at deletion and at insertion.

    Of samples drawn from more, only where their intervals exclude 0. A gain below `SLIGHT` is called slight.
    """
    gain = float(curves.deletion_gain.mean())
    area = AREA_ON_AVERAGE.format(gain=gain, interval=_describe_interval(curves, 0))
    if curves.intervals is not None and not all(
        interval.excludes_zero for interval in curves.intervals
    ):
        return NOT_SIGNIFICANT.format(samples=curves.samples, area=area)
    if len(curves.shares) == 2:
        return ONE_ORDER
    orders = count(len(curves.random_deletion), "random order")
    if not curves.better:
        lost = int(((curves.deletion_gain <= 0) | (curves.insertion_gain <= 0)).sum())
        return LOSES.format(lost=lost, orders=orders)
    whole = float(curves.deletion[-1])
    if gain < SLIGHT * whole:
        area = AREA_OF_WHOLE.format(gain=gain, whole=whole)
        return SLIGHTLY.format(orders=orders, area=area)
    return BEATS_ALL.format(orders=orders, area=area)


def describe_return(curves: Curves) -> str:
    """Return whether the output is restored sooner in our order than in all random ones.

    Of samples drawn from more, only where their interval excludes 0. A gain below `SLIGHT` is called slight.
    """
    gain = float(curves.insertion_gain.mean())
    area = RETURN_AREA.format(gain=gain, interval=_describe_interval(curves, 1))
    if curves.intervals is not None and not curves.intervals[1].excludes_zero:
        return RETURN_NOT_SIGNIFICANT.format(samples=curves.samples, area=area)
    count_orders = len(curves.random_insertion)
    won = int((curves.insertion_gain > 0).sum())
    whole = float(curves.insertion[0])
    is_slight = 0 < gain < SLIGHT * whole
    if is_slight:
        area = RETURN_AREA_OF_WHOLE.format(gain=gain, whole=whole)
    return RETURNS.format(
        degree="only slightly " if is_slight else "",
        won="every one" if won == count_orders else won,
        orders=count(count_orders, "random order"),
        area=area,
    )


def _describe_interval(curves: Curves, place: int) -> str:
    """Return the interval of an area, where the samples are drawn from more."""
    interval = None if curves.intervals is None else curves.intervals[place]
    if interval is None or not interval.known:
        return ""
    return INTERVAL.format(level=interval.level, low=interval.low, high=interval.high)
