"""Intervals over trainings, raters and drawn backgrounds of known truth.

Each case calls the functions that pages, boards and reports call, and yields every interval beside a plain one on the
same draw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import cast

import comparisons
import crossed
import numpy as np
import scipy
import torch
from interval_outcomes import MANY, Draw, Outcome, mean_of, of, percentile, t_ends

from qfusion.models import coalition_algebra, evaluation
from qfusion.models.protocols import ScoringModel
from qfusion.plugins.papers import paper_results
from qfusion.plugins.papers.paper_list import PublishedFigure
from qfusion.plugins.people.beside import statistics
from qfusion.plugins.people.crowd import crowd_groups, vote_means
from qfusion.plugins.people.sources import simulated_crowd
from qfusion.plugins.people.votes import Votes
from qfusion.plugins.review.checks.evidence import t_interval
from qfusion.plugins.why import evidence
from qfusion.runs.folder import Record
from qfusion.study import trainings


def trainings_and_rows(rng: Draw) -> Iterator[Outcome]:
    """Means and differences over training seeds, and over seeds and test rows."""
    for seeds in (3, 5):
        accuracy = np.round(1 - rng.gamma(4, 0.005, seeds), 3)
        ends = t_ends(accuracy)
        setting = f"{seeds} seeds, accuracies near 1"
        rival = percentile(mean_of(accuracy), seeds)
        yield Outcome("mean over seeds, boards", setting, 0.98, ends, rival)
        yield Outcome(
            "mean over seeds, reviews", setting, 0.98, of(t_interval(accuracy.tolist())), rival
        )
    ours, theirs = rng.normal(0.04, 0.03, 5), rng.normal(0, 0.01, 5)
    pair = comparisons.paired(ours.tolist(), theirs.tolist())
    rival = percentile(mean_of(ours - theirs), 5)
    yield Outcome("difference over seeds, boards", "5 seeds", 0.04, (pair.low, pair.high), rival)
    bound = (-pair.bound, pair.bound)
    yield Outcome(
        "largest difference by two one-sided tests (a bound)", "5 seeds", 0.04, bound, rival
    )
    parts = [evidence.seed_evidence(rng.normal(0.01, s, 5)) for s in (0.005, 0.02, 0.05)]
    joined = comparisons.mean_evidence(parts)
    reach = 1.96 * joined.error
    plain = joined.mean - reach, joined.mean + reach
    yield Outcome(
        "mean over data sets, claims", "3 sets of 5 seeds", 0.01, joined.interval(), plain
    )
    yield from _new_rows(rng)


def _new_rows(rng: Draw) -> Iterator[Outcome]:
    """Two models that are right on most rows, over 5 seeds and test rows of which some share a video."""
    S = 5
    for setting, n, videos in (("200 rows", 200, 0), ("31 videos of 10 rows", 310, 31)):
        item = np.arange(n) if not videos else np.repeat(np.arange(videos), n // videos)
        hard = rng.beta(0.5, 9.5, len(np.unique(item)))[item]
        drift = 0.01 * rng.normal(size=(2, S))
        wrong = hard + np.array([0.0, 0.02])[:, None, None] + drift[..., None]
        hits = (rng.random((2, S, n)) > np.clip(wrong, 0, 1)).astype(float)
        truth = _true_gap()
        shares, rows = hits.mean(2), hits.mean(1)
        clusters = item[:, None] if videos else None
        seeds_alone = t_ends(shares[0] - shares[1])
        both = evidence.crossed_evidence(shares[0] - shares[1], rows[0] - rows[1], clusters)
        setting = f"5 seeds, {setting}, .95"
        yield Outcome(
            "difference over seeds and rows, claims", setting, truth, both.interval(), seeds_alone
        )
        of_items = (videos or n, rows[0], rows[1], item if videos else None)
        joined = crossed.crossed(shares[0].tolist(), shares[1].tolist(), "accuracy", *of_items)
        apart = crossed.crossed(shares[0].tolist(), shares[1].tolist(), "accuracy", videos or n)
        ends = joined.low, joined.high
        yield Outcome("difference over seeds and rows, boards", setting, truth, ends, seeds_alone)
        ends = apart.low, apart.high
        yield Outcome(
            "difference over seeds and rows, rows not kept (a bound)",
            setting,
            truth,
            ends,
            seeds_alone,
        )
        by_seed = dict(enumerate(hits[0]))
        estimate, _ = paper_results._estimate(dict(enumerate(shares[0])), by_seed, clusters, True)
        ends = float(estimate.low or 0), float(estimate.high or 0)
        yield Outcome("metric, papers", setting, _true_shares()[0], ends, t_ends(shares[0]))
        other = rng.random(n) > rng.beta(0.5, 9.5, len(np.unique(item)))[item]
        figure = PublishedFigure("", "", float(other.mean()), ("accuracy",), "", "", "")
        compared = paper_results._compare("accuracy", figure, estimate, S)
        truth = _true_shares()[0] - 0.95
        ends = compared.low, compared.high
        yield Outcome("difference to a published figure", setting, truth, ends, seeds_alone)


@cache
def _true_shares() -> tuple[float, float]:
    rng = np.random.default_rng(2026)
    hard, drift = rng.beta(0.5, 9.5, 10 * MANY), 0.01 * rng.normal(size=10 * MANY)
    first, second = (1 - np.clip(hard + more + drift, 0, 1).mean() for more in (0.0, 0.02))
    return float(first), float(second)


def _true_gap() -> float:
    first, second = _true_shares()
    return first - second


CLIPS = 150
PLAYERS = simulated_crowd.PLAYERS


def crowd(rng: Draw) -> Iterator[Outcome]:
    """What people make of modalities: over other raters, over other clips, and against other groups of clips."""
    people = simulated_crowd.simulate_crowd(int(rng.integers(2**31)), CLIPS)
    votes = Votes(PLAYERS, simulated_crowd.CLASSES, people.draw_votes(rng), people.explained)
    clusters = people.actors[:, None]
    setting = f"{CLIPS} clips of {simulated_crowd.ACTORS} actors"
    joint = vote_means.mean_terms(votes, clusters=clusters).joint
    assert joint is not None
    own = votes.values[:, 3] - votes.values[:, 1:3].sum(1) + votes.values[:, 0]
    plain = t_ends(own)
    fixed = _joint_of(people.probabilities, people.explained)
    yield Outcome("joint contribution, other raters", setting, fixed, of(joint.raters), plain)
    yield Outcome(
        "joint contribution, other clips", setting, _true_joint(), of(joint.groups), plain
    )
    one = _joint_of(people.probabilities, people.explained, slice(0, 1))
    reach = 1.96 * float(statistics._joint_errors(votes, np.arange(1))[0])
    ends = float(own[0] - reach), float(own[0] + reach)
    yield Outcome(
        "joint contribution of one clip, other raters", "8 to 12 raters", one, ends, plain
    )
    side = np.where(people.actors % 2, "odd", "even")
    contrast = crowd_groups.contrast_groups(votes, side, ["odd"], clusters)[-1].difference
    odd, even = own[side == "odd"], own[side == "even"]
    error = (odd.var(ddof=1) / len(odd) + even.var(ddof=1) / len(even)) ** 0.5
    gap = odd.mean() - even.mean()
    plain = float(gap - 1.96 * error), float(gap + 1.96 * error)
    yield Outcome("difference of groups of clips", setting, 0.0, of(contrast), plain)


def _joint_of(
    probabilities: np.ndarray, explained: np.ndarray, clips: slice = slice(None)
) -> float:
    shown = np.take_along_axis(probabilities, explained[:, None, None], 2)[..., 0]
    base = probabilities.mean((0, 1))[explained]
    return float((shown[:, 2] - shown[:, 0] - shown[:, 1] + base)[clips].mean())


@cache
def _true_joint() -> float:
    crowds = (simulated_crowd.simulate_crowd(seed, 2000) for seed in range(100))
    return float(np.mean([_joint_of(one.probabilities, one.explained) for one in crowds]))


def information_of_votes(rng: Draw) -> Iterator[Outcome]:
    """Bits of votes of two classes about a class."""
    n = 150
    truth = rng.integers(0, 2, n)
    strength = np.array([0.7, 0.65, 0.85])
    p = np.where(truth[:, None] > 0, strength, 1 - strength)
    yes = rng.binomial(10, p)
    votes = Votes(PLAYERS, ("no", "yes"), np.stack([10 - yes, yes], -1), truth)
    found = vote_means.information(votes)
    bits = 1 - scipy.stats.entropy([0.85, 0.15], base=2)
    yield Outcome("bits of one vote", f"{n} clips", bits, of(found.together), (np.nan, np.nan))
    both = np.outer([0.7, 0.3], [0.65, 0.35]).ravel()
    mixed = (both + both[::-1]) / 2
    fused = bits - scipy.stats.entropy(mixed, base=2) + scipy.stats.entropy(both, base=2)
    yield Outcome(
        "bits together less pooled", f"{n} clips", fused, of(found.fused), (np.nan, np.nan)
    )


def onsets(rng: Draw) -> Iterator[Outcome]:
    """The epoch at which a watched number reached half of its last value."""
    epochs, rows = np.arange(1, 41), 32
    growth = 1 / (1 + np.exp(-(epochs - 15) / 4))
    scale, noise = rng.exponential(size=rows), 0.1 * rng.normal(size=(40, rows))
    seen = growth[:, None] * scale + noise
    values, errors = seen.mean(1), seen.std(1, ddof=1) / rows**0.5
    history = tuple(
        {"epoch": int(e), "watched": {"fusing.joint": float(v), "fusing.joint_error": float(s)}}
        for e, v, s in zip(epochs, values, errors, strict=True)
    )
    reach = trainings.CLEAR * errors[-1]
    band = values[-1] - reach, values[-1] + reach
    yield Outcome("band of a watched curve", f"{rows} rows", growth[-1], band, t_ends(seen[-1]))
    found = trainings.onsets(Record(history=history))["joint"]
    ends = found.low or -np.inf, found.high or np.inf
    truth = float(epochs[np.argmax(growth >= growth[-1] / 2)])
    first = float(found.first or np.nan)
    yield Outcome("epoch of an onset (a bound)", f"{rows} rows", truth, ends, (first, first))


@dataclass(frozen=True)
class Product:
    """A model of two numbers."""

    modalities: tuple[str, ...] = ("a", "b")
    outputs: tuple[str, ...] = ("y",)

    def scores(self, states: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Returns the product of the numbers, and one of them, (B, 1)."""
        return states["a"].exp() * states["b"] + states["a"]


def drawn_backgrounds(rng: Draw) -> Iterator[Outcome]:
    """Contributions against some of the rows of a background."""
    size, model = 200, cast(ScoringModel, Product())
    draws = {name: torch.tensor(rng.normal(size=(size + 1, 1))) for name in ("a", "b")}
    own = {name: values[:1] for name, values in draws.items()}
    behind = {name: values[1:] for name, values in draws.items()}
    rows = evaluation.SampleBackground(states=behind, kind="joint", size=size, total=size)
    some = rows.subsample(50, int(rng.integers(2**31)))
    exact, found = (
        coalition_algebra.dividends(evaluation.evaluated_values(model, own, part)[0], 2)[0, :, 0]
        for part in (rows, some)
    )
    errors = evaluation.evaluated_values(model, own, some)[1][0, :, 0]
    reach = 1.96 * errors[3]
    plain = reach / (1 - 50 / size) ** 0.5
    yield Outcome(
        "joint contribution, drawn background",
        f"50 of {size} rows",
        float(exact[3]),
        (found[3] - reach, found[3] + reach),
        (found[3] - plain, found[3] + plain),
    )
