"""A model beside people on the same clips: do both decide alike, and do both fuse alike?

People's contributions are to a share of votes, a model's to log-odds in nats. Such numbers are never subtracted.
Compared is what has no unit:

    categories   the decision, the verdict, the leading modality, the largest term, the sign of the joint terms, and
                 whether the verdict is joint. Cohen's kappa (Cohen 1960) is the agreement beyond that of two who
                 decide independently, each as often for every category as here: 0 by chance, 1 always.
    order        Kendall's tau-b of the terms of one clip, mean over clips (Kendall 1945)
    terms        Spearman's rank correlation of each term over clips, and how often the signs are equal
    joint share  the size of the joint terms as a share of that of all terms

Intervals resample groups of clips. Few people rate a clip, so that people's own terms are noisy: no model can agree
with them entirely. The same numbers of two halves of the raters of every clip therefore stand beside those of the
model. Noise alone makes verdicts joint, too: ten raters of clips on which nothing is joint have a joint verdict on a
quarter. How often people and a model fuse is therefore also compared with as many simulated raters, who choose a class
as often as the model gives it a probability.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data.coalition_terms import coalition_names
from qfusion.explain import (
    bootstrap,
    coalitions,
    verdicts,
)
from qfusion.explain.coalitions import Relation
from qfusion.models import coalition_algebra
from qfusion.plugins.people.labels import term_agreement
from qfusion.plugins.people.votes import Votes, majority

TIE = -1  # as a decision: several classes have most votes
WHOLE = "all terms"  # the share of votes, or the score, less the baseline
DIFFERENCE = "difference"
VOTED, VOTED_MORE = "voted", "voted more"
DECIMALS = 12  # of terms that are ranked
SPLITS = 20  # into halves of the raters, and draws of simulated ones
SIGNS = np.array(["negative", "zero", "positive"], dtype=object)


class Aspect(StrEnum):
    """What people and a model may have in common on a clip."""

    DECISION = "decision"
    VERDICT = "verdict"
    LEADER = "leading modality"
    LARGEST = "largest term"
    SIGN = "sign of joint terms"
    FUSES = "whether the verdict is joint"


@dataclass(frozen=True, eq=False)
class Side:
    """People, or a model, on n clips.

    Attributes:
        explanation: of one output, the same class as the other side's.
        decisions: number of the class that is chosen, or `TIE`, (n,).
        boundary: score between two decisions, as of `verdicts.judge`: 0 of log-odds, 1 / C of shares of C classes.
    """

    explanation: coalitions.Explanation
    decisions: np.ndarray
    boundary: float

    @property
    def terms(self) -> np.ndarray:
        """All contributions, (n, 2^M - 1)."""
        return np.asarray(self.explanation.dividends[:, 1:, 0])

    @property
    def judged(self) -> verdicts.Verdicts:
        """The verdicts on all clips."""
        return verdicts.judge(self.explanation, boundary=self.boundary)


@dataclass(frozen=True, eq=False)
class CategoryAgreement:
    """How often both are in one category.

    Attributes:
        rate: share of the clips. kappa: Cohen's.
        halves: Cohen's kappa of two halves of the raters.
    """

    rate: bootstrap.Interval
    kappa: bootstrap.Interval
    halves: float


@dataclass(frozen=True, eq=False)
class CrowdComparison:
    """A model beside people.

    Attributes:
        categories: agreement by aspect.
        order: mean of Kendall's tau-b over clips, where it exists.
        terms: the model's terms against people's, by coalition, and `WHOLE`.
        halves: Spearman's correlation of two halves of the raters, by the same names; NaN where
            constant.
        joint_shares: mean shares of the joint terms of "people" and "model", and their "difference".
        fusing: shares of the clips whose verdict is joint for "both", "model alone", "people alone" and "neither".
        fuses_more: by how much the model's verdict is joint more often than people's.
        fusing_voted: share of the clips whose verdict is joint for as many raters as people, who vote with the model's
            probabilities; None where these are unknown.
        fuses_more_voted: by how much that is more often than people's.
        people, model: the verdicts on every clip.
        people_joint, model_joint: sums of the joint terms, (n,).
        people_error: standard error of people's sum, (n,).
    """

    categories: Mapping[Aspect, CategoryAgreement]
    order: bootstrap.Interval
    terms: Mapping[str, term_agreement.TermAgreement]
    halves: Mapping[str, float]
    joint_shares: Mapping[str, bootstrap.Interval]
    fusing: Mapping[str, bootstrap.Interval]
    fuses_more: bootstrap.Interval
    fusing_voted: bootstrap.Interval | None
    fuses_more_voted: bootstrap.Interval | None
    people: verdicts.Verdicts
    model: verdicts.Verdicts
    people_joint: np.ndarray
    model_joint: np.ndarray
    people_error: np.ndarray

    @property
    def clips(self) -> int:
        """Number of clips."""
        return len(self.people_joint)

    @property
    def only_model(self) -> np.ndarray:
        """Places of the clips whose verdict is joint for the model alone, those first in which people's joint terms are
        the smallest part of theirs, (k,)."""
        return _only(self.model, self.people)

    @property
    def only_people(self) -> np.ndarray:
        """Places of the clips whose verdict is joint for people alone, in the same order, (k,)."""
        return _only(self.people, self.model)

    def category_frame(self) -> pd.DataFrame:
        """Return a row for each aspect: rate and kappa with intervals, and kappa of two halves of the raters."""
        frame = bootstrap.interval_frame(
            "aspect",
            rate={str(aspect): one.rate for aspect, one in self.categories.items()},
            kappa={str(aspect): one.kappa for aspect, one in self.categories.items()},
        )
        return frame.assign(
            halves=[one.halves for one in self.categories.values()],
            clips=[one.kappa.n for one in self.categories.values()],
        )

    def term_frame(self) -> pd.DataFrame:
        """Return a row for each term: rank correlation and share of equal signs with intervals and the range of
        shuffled clips, and the rank correlation of two halves of the raters."""
        frame = bootstrap.interval_frame(
            "term",
            rank={name: one.rank for name, one in self.terms.items()},
            sign={name: one.sign for name, one in self.terms.items()},
        )
        ranges = [one.shuffled["rank"] for one in self.terms.values()]
        return frame.assign(
            shuffled_low=[one.low for one in ranges],
            shuffled_high=[one.high for one in ranges],
            halves=list(self.halves.values()),
        )

    def fusion_frame(self) -> pd.DataFrame:
        """Return a row for each share of clips, and for the mean shares of the joint terms, with intervals."""
        values = {f"joint verdict: {name}": one for name, one in self.fusing.items()}
        values["joint verdict: model less people"] = self.fuses_more
        if self.fusing_voted is not None and self.fuses_more_voted is not None:
            values["joint verdict: raters with the model's probabilities"] = self.fusing_voted
            values["joint verdict: these raters less people"] = self.fuses_more_voted
        values |= {f"share of the joint terms: {name}": v for name, v in self.joint_shares.items()}
        return bootstrap.interval_frame("quantity", value=values)


def _only(one: verdicts.Verdicts, other: verdicts.Verdicts) -> np.ndarray:
    places = np.flatnonzero(_fuses(one) & ~_fuses(other))
    return places[np.argsort(other.joint_share[places] - one.joint_share[places], kind="stable")]


def _fuses(judged: verdicts.Verdicts) -> np.ndarray:
    return np.asarray(judged.relation == Relation.JOINT)


def compare(
    votes: Votes,
    model: Side,
    rows: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
    *,
    probabilities: coalitions.Explanation | None = None,
    resamples: int = bootstrap.RESAMPLES,
    seed: int = 0,
) -> CrowdComparison:
    """Return how a model compares with people on the same n clips.

    Args:
        votes: of all clips, whose votes make the base rates.
        model: the model on the clips of `rows`, with players of the names and the order of those of the votes; its
            explained output is the class whose votes are explained.
        rows: the clips to compare on, (n,), all by default.
        clusters: of these clips, see `bootstrap.counts`. resamples, seed: of the bootstrap.
        probabilities: the model's explanation whose values are probabilities of the same output.

    Raises:
        InvalidInput: when the model is not one of these clips and players, or people were shown one modality.
    """
    rows = np.arange(len(votes)) if rows is None else np.asarray(rows)
    M, given = len(votes.players), model.explanation
    check(
        given.modalities == votes.players and given.dividends.shape == (len(rows), 2**M, 1),
        f"Argument `model` must explain one output of {len(rows)} clips by {'+'.join(votes.players)}, but explains "
        f"{given.dividends.shape[2]} of {len(given.dividends)} by {'+'.join(given.modalities)}.",
    )
    check(
        M > 1,
        "Two modalities or more are compared, but people were shown one. Import other ratings.",
    )
    people = people_side(votes, rows)
    ours, theirs = people.judged, model.judged
    halves = compare_halves(votes, rows, seed)
    shares = {"people": ours.joint_share, "model": theirs.joint_share}
    shares[DIFFERENCE] = theirs.joint_share - ours.joint_share
    fuses = _fuses(ours), _fuses(theirs)
    fusing = {
        "both": fuses[0] & fuses[1],
        "model alone": fuses[1] & ~fuses[0],
        "people alone": fuses[0] & ~fuses[1],
        "neither": ~fuses[0] & ~fuses[1],
    }
    columns = {**fusing, DIFFERENCE: fuses[1].astype(int) - fuses[0]}
    if probabilities is not None:
        voted = vote_with_probabilities(probabilities, votes.raters[rows], people.boundary, seed)
        columns |= {VOTED: voted, VOTED_MORE: voted - _fuses(ours)}
    rates = bootstrap.means(columns, clusters=clusters, resamples=resamples, seed=seed)
    tau = kendall_tau(people.terms, model.terms)
    has_tau = np.isfinite(tau)
    terms = {
        name: term_agreement.compare_terms(name, term, label, clusters, resamples, seed)
        for name, label, term in zip(
            [*given.coalitions[1:], WHOLE], _columns(people), _columns(model), strict=True
        )
    }
    of_people = categorise(people, ours)
    of_model = categorise(model, theirs)
    categories = {}
    for aspect in Aspect:
        of_halves = halves.get(aspect, float("nan"))
        categories[aspect] = _agree(
            of_people[aspect], of_model[aspect], clusters, of_halves, resamples, seed
        )
    ordered_clusters = None if clusters is None else clusters[has_tau]
    order = bootstrap.mean(tau[has_tau], clusters=ordered_clusters, resamples=resamples, seed=seed)
    joint_shares = bootstrap.means(shares, clusters=clusters, resamples=resamples, seed=seed)
    return CrowdComparison(
        categories=categories,
        order=order,
        terms=terms,
        halves={name: halves.get(name, float("nan")) for name in terms},
        joint_shares=joint_shares,
        fusing={name: rates[name] for name in fusing},
        fuses_more=rates[DIFFERENCE],
        fusing_voted=rates.get(VOTED),
        fuses_more_voted=rates.get(VOTED_MORE),
        people=ours,
        model=theirs,
        people_joint=people.terms[:, M:].sum(1),
        model_joint=model.terms[:, M:].sum(1),
        people_error=_joint_errors(votes, rows),
    )


def joint_rank(
    people: Side,
    model: Side,
    clusters: np.ndarray | None = None,
    *,
    resamples: int = bootstrap.RESAMPLES,
    seed: int = 0,
) -> bootstrap.Interval:
    """Return Spearman's correlation of the sums of joint terms of both sides over clips."""
    M = len(people.explanation.modalities)
    x, y = (np.round(side.terms[:, M:].sum(1), DECIMALS) for side in (people, model))
    return bootstrap.intervals(
        {"": lambda weights: bootstrap.spearman(x, y, weights)}, len(x), resamples, seed, clusters
    )[""]


def categorise(side: Side, judged: verdicts.Verdicts) -> dict[Aspect, np.ndarray]:
    """Return the category of every clip in each aspect, (n,) each; a tied decision is `TIE`."""
    M = len(side.explanation.modalities)
    return {
        Aspect.DECISION: side.decisions,
        Aspect.VERDICT: judged.relation,
        Aspect.LEADER: judged.leaders,
        Aspect.LARGEST: judged.largest,
        Aspect.SIGN: SIGNS[np.sign(side.terms[:, M:].sum(1)).astype(int) + 1],
        Aspect.FUSES: _fuses(judged),
    }


def _columns(side: Side) -> Iterator[np.ndarray]:
    """Yield each term of all clips, then the sum of all, without the rounding errors that would part ties."""
    values = side.explanation.values[..., 0]
    for column in (*side.terms.T, values[:, -1] - values[:, 0]):
        yield np.round(column, DECIMALS)


def _joint_errors(votes: Votes, rows: np.ndarray) -> np.ndarray:
    """Return the standard error of people's sum of joint terms on every clip, (n,): that is v(all) less the values of
    the single modalities, but for the base rate, and each was measured on other people."""
    errors = votes.share_errors[rows]
    alone = errors[:, : len(votes.players)]
    return np.sqrt((alone**2).sum(1) + errors[:, -1] ** 2)


def _agree(
    ours: np.ndarray,
    theirs: np.ndarray,
    clusters: np.ndarray | None,
    halves: float,
    resamples: int,
    seed: int,
) -> CategoryAgreement:
    """Return the agreement of categories (n,), without ties."""
    untied = ours != TIE
    a, b = ours[untied], theirs[untied]
    own = None if clusters is None else clusters[untied]
    rate = bootstrap.mean(a == b, resamples=resamples, seed=seed, clusters=own)
    chance_free = bootstrap.intervals(
        {"kappa": lambda w: kappa(a, b, w)}, len(a), resamples, seed, own
    )
    return CategoryAgreement(rate, chance_free["kappa"], halves)


def kappa(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return Cohen's kappa (r,) of categories a, b (n,) under counts (r, n); NaN where chance agrees always."""
    names, codes = np.unique(np.concatenate([a, b]).astype(str), return_inverse=True)
    one_hot = np.eye(len(names))[codes]
    total = weights.sum(-1)
    rates = [(weights @ part) / total[:, None] for part in np.split(one_hot, 2)]
    agree = (weights @ (codes[: len(a)] == codes[len(a) :])) / total
    by_chance = (rates[0] * rates[1]).sum(1)
    defined = by_chance < 1 - 1e-12
    return np.where(defined, (agree - by_chance) / np.where(defined, 1 - by_chance, 1), np.nan)


def kendall_tau(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return Kendall's tau-b of the k values of each row, (n,) of x, y (n, k); NaN where a row is constant."""
    first, second = np.triu_indices(x.shape[1], 1)
    of_x = np.sign(x[:, first] - x[:, second])
    of_y = np.sign(y[:, first] - y[:, second])
    untied = np.sqrt((of_x != 0).sum(1) * (of_y != 0).sum(1))
    return np.where(untied > 0, (of_x * of_y).sum(1) / np.where(untied > 0, untied, 1), np.nan)


def people_side(votes: Votes, rows: np.ndarray | None = None) -> Side:
    """Return people on some clips, by default on all, with the base rates of all votes."""
    rows = np.arange(len(votes)) if rows is None else rows
    return _side(votes, votes.values[rows], votes.majorities[rows, -1])


def _side(votes: Votes, values: np.ndarray, decisions: np.ndarray) -> Side:
    """Return people by values of the coalitions (n, 2^M) and their decisions (n,)."""
    M = len(votes.players)
    dividends = coalition_algebra.dividends(values[..., None], M)
    return Side(
        coalitions.Explanation(
            modalities=votes.players,
            outputs=("share of votes",),
            coalitions=coalition_names(votes.players),
            values=values[..., None],
            dividends=dividends,
            shapley=coalition_algebra.shapley(dividends, M),
            background="",
            background_size=0,
        ),
        decisions,
        boundary=1 / len(votes.classes),
    )


def compare_halves(
    votes: Votes, rows: np.ndarray | None = None, seed: int = 0, splits: int = SPLITS
) -> dict[str, float]:
    """Return how two halves of the raters of every clip agree, mean over random splits: Cohen's kappa by aspect, and
    Spearman's correlation by term. A half has half as many raters, so all of them agree better with one another.

    Args:
        votes, rows: as of `compare`. seed, splits: random splits.
    """
    rows = np.arange(len(votes)) if rows is None else rows
    counts = votes.counts[rows]
    rng = np.random.default_rng(seed)
    ones = np.ones((1, len(rows)))
    drawn: dict[str, list[float]] = {}
    for _ in range(splits):
        half = draw_half(counts, rng)
        a, b = (_side_of_counts(votes, rows, part) for part in (half, counts - half))
        of_a = categorise(a, a.judged)
        of_b = categorise(b, b.judged)
        for aspect in Aspect:
            x, y = of_a[aspect], of_b[aspect]
            if aspect is Aspect.DECISION:
                untied = (x != TIE) & (y != TIE)
                x, y = x[untied], y[untied]
            if len(x):
                drawn.setdefault(aspect, []).append(float(kappa(x, y, ones[:, : len(x)])[0]))
        names = [*a.explanation.coalitions[1:], WHOLE]
        for name, x, y in zip(names, _columns(a), _columns(b), strict=True):
            drawn.setdefault(name, []).append(float(bootstrap.spearman(x, y, ones)[0]))
    known = {name: np.array(values)[np.isfinite(values)] for name, values in drawn.items()}
    return {str(name): float(one.mean()) for name, one in known.items() if len(one)}


def vote_with_probabilities(
    probabilities: coalitions.Explanation,
    raters: np.ndarray,
    boundary: float,
    seed: int = 0,
    draws: int = SPLITS,
) -> np.ndarray:
    """Return how often the verdict on every clip is joint, (n,), for raters who vote with the probabilities of a model.

    Args:
        probabilities: the model's, as values of the coalitions of n clips.
        raters: their number on every clip in every condition, (n, 2^M - 1). boundary: as of `Side`.
        seed, draws: of their votes.
    """
    M = len(probabilities.modalities)
    values = np.clip(probabilities.values[..., 0], 0, 1)
    rng = np.random.default_rng(seed)
    times = np.zeros(len(values))
    for _ in range(draws):
        shares = rng.binomial(raters, values[:, 1:]) / raters
        voted = np.concatenate([values[:, :1], shares], 1)[..., None]
        dividends = coalition_algebra.dividends(voted, M)
        explanation = replace(
            probabilities,
            values=voted,
            dividends=dividends,
            shapley=coalition_algebra.shapley(dividends, M),
            errors=None,
        )
        times += _fuses(verdicts.judge(explanation, boundary=boundary))
    return times / draws


def _side_of_counts(votes: Votes, rows: np.ndarray, counts: np.ndarray) -> Side:
    """Return people by some of the votes (n, 2^M - 1, K) on some clips, with the base rates of all."""
    explained = votes.explained[rows]
    shares = counts / counts.sum(-1, keepdims=True)
    own = np.take_along_axis(shares, explained[:, None, None], 2)[..., 0]
    values = np.concatenate([votes.base_rates[explained][:, None], own], 1)
    return _side(votes, values, majority(counts[:, -1]))


def draw_half(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the votes of a random half of the raters, one fewer where their number is odd, in the shape (..., K) of
    `counts`."""
    half = np.zeros_like(counts)
    wanted = counts.sum(-1) // 2
    others = counts.sum(-1)
    for place in range(counts.shape[-1]):
        others = others - counts[..., place]
        half[..., place] = rng.hypergeometric(counts[..., place], others, wanted)
        wanted = wanted - half[..., place]
    return half
