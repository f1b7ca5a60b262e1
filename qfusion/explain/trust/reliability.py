"""When not to trust an explanation, in words that follow from what was measured for the model at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from qfusion._sentences import listed, share, top
from qfusion.explain.contributions.coalitions import Explanation
from qfusion.explain.trust.faithfulness import AgainstTruth, Curves
from qfusion.explain.trust.stability import Stability

STABLE = 0.8  # rank correlation between seeds (or with the truth) from which an order of samples counts as kept
WORSE = 1.2  # ratio of spreads from which poor predictions count as less stable

Kind = Literal["warning", "fine", "unknown"]


@dataclass(frozen=True)
class TrustWarning:
    """One sentence with what it rests on.

    Attributes:
        sentence: markdown without names from data other than modalities, as the model has them.
        kind: "warning" where something should not be read, "fine" where a measurement found nothing, "unknown" where
            none is possible.
        brief: the sentence in a few words.
        facts: the numbers that it rests on, each a few words.
    """

    sentence: str
    kind: Kind
    brief: str = ""
    facts: tuple[str, ...] = ()


def of_stability(found: Stability, errors: np.ndarray, unit: str) -> list[TrustWarning]:
    """Returns what the spread over training seeds warns of.

    Args:
        found: of B test rows.
        errors: of the shipped model's predictions on these, (B,).
        unit: of the score.
    """
    R, B = found.dividends.shape[:2]
    rank = {term: mean for term, (mean, _) in found.rank_correlations().items()}
    weak = {term: mean for term, mean in rank.items() if mean < STABLE}
    said = []
    if weak:
        named = ", ".join(
            f"{_title(term)} ({mean:.2f})"
            for term, mean in sorted(weak.items(), key=lambda pair: pair[1])
        )
        said.append(
            TrustWarning(
                f"Do not compare samples by {named}: over {R} training seeds the mean rank correlation of "
                f"{'these terms' if len(weak) > 1 else 'this term'} across {B:,} test samples stays below {STABLE:g}: "
                "another seed would order them otherwise.",
                "warning",
                f"Do not compare samples by {named}",
                (
                    f"mean rank correlation below {STABLE:g}",
                    f"{R} training seeds",
                    f"{B:,} test samples",
                ),
            )
        )
    else:
        least = listed([_title(term) for term in top(rank, smallest=True)])
        said.append(
            TrustWarning(
                f"All terms order the samples much alike over {R} training seeds; least stable: {least} (rank "
                f"correlation {min(rank.values()):.2f} across {B:,} test samples).",
                "fine",
                f"Terms order the samples much alike over {R} training seeds",
                (
                    f"least stable: {least}",
                    f"rank correlation {min(rank.values()):.2f} across {B:,} test samples",
                ),
            )
        )
    spread = found.spread()
    floor = float(np.median(spread.max(1)))
    said.append(
        TrustWarning(
            f"Do not read terms smaller than about {floor:.2g} ({unit}): the least stable term of a typical test "
            "sample moves by about that much between training seeds (standard deviation).",
            "warning",
            f"Do not read terms below {floor:.2g}",
            (f"in units of the {unit}", "standard deviation over training seeds"),
        )
    )
    said += _where_wrong(spread, errors)
    agreement = found.leader_agreement()
    if agreement < 0.9:
        said.append(
            TrustWarning(
                f"Do not rely on which modality leads: two training seeds name the same one in only {share(agreement)} "
                "of the test samples.",
                "warning",
                "Do not rely on which modality leads",
                (f"two training seeds agree in {share(agreement)} of the test samples",),
            )
        )
    return said


def _where_wrong(spread: np.ndarray, errors: np.ndarray) -> list[TrustWarning]:
    """Whether explanations move more between seeds where predictions are poor."""
    poor = errors >= np.quantile(errors, 0.9)
    if poor.all() or not poor.any():
        return []
    ratio = float(spread[poor].mean() / max(spread[~poor].mean(), 1e-12))
    if ratio < WORSE or not _apart(spread[poor].mean(1), spread[~poor].mean(1)):
        return []
    return [
        TrustWarning(
            "Trust it less where the prediction is poor: on the tenth of the test samples with the largest errors, "
            f"terms move {ratio:.1f} times as much between seeds as on the others.",
            "warning",
            "Trust it less where the prediction is poor",
            (
                f"terms move {ratio:.1f} times as much between seeds",
                "tenth of the test samples with the largest errors",
            ),
        )
    ]


def _apart(poor: np.ndarray, others: np.ndarray) -> bool:
    """Whether the mean of some samples is above that of others by more than two standard errors."""
    if min(len(poor), len(others)) < 2:
        return False
    error = np.sqrt(poor.var(ddof=1) / len(poor) + others.var(ddof=1) / len(others))
    return bool(poor.mean() - others.mean() > 2 * error)


def of_truth(found: AgainstTruth) -> list[TrustWarning]:
    """Returns what the comparison with planted truth warns of."""
    known = [
        (term, rank)
        for term, rank in zip(found.terms, found.rank, strict=True)
        if np.isfinite(rank)
    ]
    weak = [(term, rank) for term, rank in known if rank < STABLE]
    if weak:
        named = ", ".join(f"{_title(term)} ({rank:.2f})" for term, rank in weak)
        return [
            TrustWarning(
                f"Do not take {named} for what really happened: the rank correlation with the planted truth is below "
                f"{STABLE:g}.",
                "warning",
                f"Do not take {named} for what really happened",
                (f"rank correlation with the planted truth below {STABLE:g}",),
            )
        ]
    if not known:
        return [
            TrustWarning(
                "No term varies in these samples, so that none can be compared with the planted truth.",
                "unknown",
                "No term varies",
                ("rank correlations are not defined",),
            )
        ]
    rank = min(value for _, value in known)
    term = listed([_title(name) for name in top(dict(known), smallest=True)])
    return [
        TrustWarning(
            f"Every term that varies follows the planted truth; least: {term} (rank correlation {rank:.2f} on "
            f"{len(found.ours):,} test samples).",
            "fine",
            "Terms follow the planted truth",
            (f"least: {term}", f"rank correlation {rank:.2f} on {len(found.ours):,} test samples"),
        )
    ]


def of_deletion(found: Curves, what: str) -> list[TrustWarning]:
    """Returns what deletion and insertion warn of; `what` are the players, such as "modalities"."""
    if found.better:
        return []
    failed = [
        name
        for name, gain in (
            ("taking away", found.deletion_gain),
            ("giving back", found.insertion_gain),
        )
        if (gain <= 0).any()
    ]
    return [
        TrustWarning(
            f"Do not trust the order of the {what}: {' and '.join(failed)} the most important first moved the score no "
            f"faster than at least one of {len(found.random_deletion)} random orders ({found.samples:,} test samples).",
            "warning",
            f"Do not trust the order of the {what}",
            (
                f"{' and '.join(failed)} moves the score no faster than one of "
                f"{len(found.random_deletion)} random orders",
                f"{found.samples:,} test samples",
            ),
        )
    ]


def of_joint(found: Explanation, outputs: np.ndarray) -> list[TrustWarning]:
    """Returns where Shapley values hide what was said only together.

    Args:
        found: of B samples; outputs: which output is explained for each, (B,).
    """
    M, B = len(found.modalities), len(found.dividends)
    size = np.abs(found.dividends[np.arange(B), :, outputs])
    single, joint = size[:, 1 : M + 1].sum(1), size[:, M + 1 :].sum(1)
    part = float((joint > single).mean())
    if part < 0.05:
        return []
    return [
        TrustWarning(
            f"Do not read Shapley values or shares alone: in {share(part)} of {B:,} test samples the joint terms are "
            "larger than the modalities' own, and a Shapley value splits them evenly among those who take part.",
            "warning",
            "Do not read Shapley values or shares alone",
            (f"joint terms are larger in {share(part)} of {B:,} test samples", "split evenly"),
        )
    ]


def no_truth() -> TrustWarning:
    """What can never be said where nobody knows the true contributions."""
    return TrustWarning(
        "Nobody knows the true contributions in these data: what is measured is whether the explanation is true to the "
        "model, not whether the model is true to the world.",
        "unknown",
        "True contributions are not known",
        ("measured: true to the model", "not measured: true to the world"),
    )


def _title(term: str) -> str:
    return " + ".join(term.split("+"))
