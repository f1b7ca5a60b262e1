"""Intervals over rows of known truth: means, shares, correlations, metrics, and students.

Each case calls the functions that pages call, and yields every interval beside a plain one on the same draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np
import scipy
from interval_outcomes import MANY, Draw, Outcome, mean_of, of, percentile, t_ends

from qfusion.explain import backgrounds, bootstrap
from qfusion.plugins.people.beside import statistics
from qfusion.plugins.people.labels import term_agreement, unimodal_labels
from qfusion.plugins.review.checks.evidence import share_of_rows
from qfusion.plugins.review.students import simulatability
from qfusion.plugins.why.cuts import cut_losses
from qfusion.plugins.why.cuts.state_cuts import Cuts
from qfusion.training import metrics


def log_loss(rng: Draw, n: int) -> np.ndarray:
    """Returns the log losses of a classifier that is right on nine of ten rows."""
    return np.logaddexp(0, -rng.normal(3, 2.2, n))


@cache
def truth_of(statistic: Callable[[Draw, int], float]) -> float:
    """Returns a statistic of very many draws."""
    return statistic(np.random.default_rng(2026), MANY)


ROWS: dict[str, tuple[Callable[[Draw, int], np.ndarray], tuple[int, ...]]] = {
    "normal values": (lambda rng, n: rng.normal(size=n), (20, 100)),
    "exponential values": (lambda rng, n: rng.exponential(size=n), (20, 100)),
    "values near 1": (lambda rng, n: rng.beta(8, 0.5, n), (20, 100)),
    "log losses": (log_loss, (50, 200)),
}
TRUE_MEANS = {
    name: float(draw(np.random.default_rng(2026), 10 * MANY).mean())
    for name, (draw, _) in ROWS.items()
}


def rows_and_shares(rng: Draw) -> Iterator[Outcome]:
    """Means, shares and differences of shares over independent rows."""
    for kind, (draw, sizes) in ROWS.items():
        for n in sizes:
            values = draw(rng, n)
            yield Outcome(
                "mean over rows",
                f"{n} rows, {kind}",
                TRUE_MEANS[kind],
                of(bootstrap.mean(values)),
                percentile(mean_of(values), n),
            )
    for n, p in ((20, 0.95), (100, 0.95), (500, 0.99)):
        hits = rng.random(n) < p
        rival = percentile(mean_of(hits), n)
        setting = f"{n} rows, {p}"
        yield Outcome("share of rows", setting, p, of(bootstrap.mean(hits)), rival)
        yield Outcome("rate of a slice or check", setting, p, of(share_of_rows(hits)), rival)
    for n, up, down in ((20, 0.2, 0.1), (100, 0.05, 0.02), (500, 0.01, 0.005)):
        change = rng.choice(np.array([1, -1, 0]), n, p=[up, down, 1 - up - down])
        yield Outcome(
            "difference of two shares of the same rows",
            f"{n} rows, {up} against {down}",
            up - down,
            of(bootstrap.mean(change)),
            percentile(mean_of(change), n),
        )


def shared_rows(rng: Draw) -> Iterator[Outcome]:
    """Means and shares over rows that share videos or pictures."""
    for videos in (20, 31):
        video = np.repeat(np.arange(videos), rng.integers(1, 20, videos))
        clusters, n = video[:, None], len(video)
        setting = f"{videos} videos of 1 to 19 rows"
        values = rng.exponential(size=videos)[video] + rng.normal(size=n)
        hits = rng.random(n) < rng.beta(4.5, 0.5, videos)[video]
        odds = np.exp(0.5 * rng.normal(size=videos) - 0.125)[video]
        chance = rng.random(n)
        change = (chance < 0.06 * odds).astype(int) - (chance > 0.96).astype(int)
        for name, column, truth in (
            ("mean over rows", values, 1.0),
            ("share of rows", hits, 0.9),
            ("difference of two shares of the same rows", change, 0.02),
        ):
            interval = bootstrap.mean(column, clusters=clusters)
            rival = percentile(mean_of(column), n, clusters)
            yield Outcome(name, setting, truth, of(interval), rival)
        ends = of(share_of_rows(hits, clusters))
        yield Outcome("rate of a slice or check", setting, 0.9, ends, t_ends(hits.astype(float)))
    for strength in (0.0, 0.6):
        pairs = rng.integers(0, 100, (200, 2))
        effect = strength * rng.normal(size=100)[pairs].sum(1)
        values = effect + rng.normal(size=200)
        setting = (
            f"200 pairs of 100 pictures, {'no effect' if not strength else 'effect'} of a picture"
        )
        for name, column, truth in (
            ("mean over rows", values, 0.0),
            (
                "share of rows",
                values > -1.5,
                float(scipy.stats.norm.cdf(1.5 / (1 + 2 * strength**2) ** 0.5)),
            ),
        ):
            interval = bootstrap.mean(column, clusters=pairs)
            rival = percentile(mean_of(column), 200, pairs)
            yield Outcome(name, setting, truth, of(interval), rival)


def related(rng: Draw, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns a term and people's number of it, which has ties."""
    x = rng.normal(size=n)
    return x, np.round(1.5 * (0.6 * x + 0.8 * rng.normal(size=n)))


def true_rank(rng: Draw, n: int) -> float:
    """Returns the rank correlation of `related`."""
    return float(scipy.stats.spearmanr(*related(rng, n)).statistic)


def true_sign(rng: Draw, n: int) -> float:
    """Returns the share of equal signs of `related`."""
    x, y = related(rng, n)
    return float((np.sign(x) == np.sign(y))[y != 0].mean())


def correlations(rng: Draw) -> Iterator[Outcome]:
    """Correlations, agreement of categories, and rates of verdicts."""
    for n in (20, 100):
        x = rng.normal(size=n)
        y = 0.8 * x + 0.6 * rng.normal(size=n)
        found = bootstrap.correlation(x, y)["pearson"]
        rival = percentile(partial(bootstrap.pearson, x, y), n)
        yield Outcome("correlation", f"{n} rows, .8", 0.8, of(found), rival)
    x, y = related(rng, 60)
    terms = term_agreement.compare_terms("term", x, y)
    rank = percentile(lambda w: bootstrap.spearman(x, y, w), 60)
    setting = "60 rows, labels with ties"
    yield Outcome(
        "rank correlation with labels", setting, truth_of(true_rank), of(terms.rank), rank
    )
    right = (np.sign(x) == np.sign(y))[y != 0]
    rival = percentile(mean_of(right), len(right))
    yield Outcome("equal signs", setting, truth_of(true_sign), of(terms.sign), rival)
    slope = percentile(lambda w: term_agreement._slope(x, y, w), 60)
    yield Outcome("slope over labels", setting, 0.9, of(terms.slope), slope)
    apart = term_agreement.compare_terms("term", x, rng.permutation(y))
    by_chance = apart.shuffled["rank"]
    yield Outcome(
        "range of shuffles",
        setting,
        apart.rank.value,
        (by_chance.low, by_chance.high),
        (-1.96 / 59**0.5, 1.96 / 59**0.5),
    )
    said = rng.choice(3, 60, p=[0.6, 0.3, 0.1])
    told = np.where(rng.random(60) < 0.7, said, rng.choice(3, 60, p=[0.6, 0.3, 0.1]))
    statistic = {"kappa": lambda w: statistics.kappa(said, told, w)}
    found = bootstrap.intervals(statistic, 60, bootstrap.RESAMPLES, 0)["kappa"]
    yield Outcome("κ", "60 clips", 0.7, of(found), percentile(statistic["kappa"], 60))
    called = np.repeat([1.0, 0.0], [40, 80])
    hit = (rng.random(120) < np.where(called > 0, 0.15, 0.05)).astype(float)
    rate = unimodal_labels.verdict_rate(hit, called, None, 0).difference

    def gap(w: np.ndarray) -> np.ndarray:
        return w @ (called * hit) / (w @ called) - w @ ((1 - called) * hit) / (w @ (1 - called))

    yield Outcome(
        "more often where people conflict", "40 and 80 rows", 0.1, of(rate), percentile(gap, 120)
    )


def metrics_of_rows(rng: Draw) -> Iterator[Outcome]:
    """Losses of a metric by a cut, and gains by joint terms."""
    n = 100
    before = rng.random(n) < 0.95
    after = np.where(rng.random(n) < 0.08, rng.random(n) < 0.5, before)
    one_hot = np.eye(2)[np.stack([after, before]).astype(int)]
    found = cut_losses.cut_metrics(_cuts(one_hot[0], one_hot[1]), np.ones(n, int), "classification")
    truth = -0.08 * (0.95 - 0.5)
    change = after.astype(int) - before
    yield _loss(
        "accuracy lost by a cut", f"{n} rows, .95", truth, found, "accuracy", mean_of(change)
    )
    y = rng.normal(size=n)
    error = 0.6 * rng.normal(size=n)
    more = error + 0.3 * rng.normal(size=n)
    found = cut_losses.cut_metrics(
        _cuts((y + more)[:, None], (y + error)[:, None]), y, "regression"
    )
    yield _loss("R² lost by a cut", f"{n} rows", -0.09, found, "r2", _r2_gap(y, more, error))
    absolute = np.abs(more) - np.abs(error)
    truth = (2 / np.pi) ** 0.5 * (0.45**0.5 - 0.6)
    yield _loss("MAE lost by a cut", f"{n} rows", truth, found, "mae", mean_of(absolute))
    own, rest = np.eye(2)[before.astype(int)], np.eye(2)[after.astype(int)]
    gain = backgrounds.gains(
        backgrounds.Additive(2, own, rest, None, n),
        np.ones(n, int),
        lambda scores, _: {"accuracy": float(scores[:, 1].mean())},
        {"accuracy": metrics.LABELS["accuracy"]},
        resamples=400,
    )["gain"]["accuracy"]
    yield Outcome(
        "gain of a metric by joint terms, loss by a resource",
        f"{n} rows, .95",
        0.08 * 0.45,
        of(gain),
        percentile(mean_of(-change), n),
    )


def _cuts(after: np.ndarray, before: np.ndarray) -> Cuts:
    return Cuts(("a",), ("y",), np.zeros(1), ("cut",), after[None, None, None], before)


def _r2_gap(y: np.ndarray, more: np.ndarray, error: np.ndarray) -> bootstrap.Statistic:
    def gap(w: np.ndarray) -> np.ndarray:
        n = w.sum(-1)
        return (w @ error**2 - w @ more**2) / n / (w @ y**2 / n - (w @ y / n) ** 2)

    return gap


def _loss(
    name: str,
    setting: str,
    truth: float,
    found: cut_losses.CutMetrics,
    metric: str,
    statistic: bootstrap.Statistic,
) -> Outcome:
    loss = found.losses[metric]
    assert loss.low is not None
    assert loss.high is not None
    ends = float(loss.low.ravel()[0]), float(loss.high.ravel()[0])
    return Outcome(name, setting, truth, ends, percentile(statistic, found.n))


def students(rng: Draw) -> Iterator[Outcome]:
    """Agreement of students with a model over draws of their lessons and unseen samples."""
    draws, unseen = simulatability.DRAWS, 100
    ease = rng.beta(1.5, 0.5, unseen) + 0.03 * rng.normal(size=draws)[:, None]
    hits = rng.random((1, 1, draws, unseen)) < ease
    is_majority = rng.random(unseen) < 0.6
    curves, majorities = simulatability._resample(hits, is_majority, None, 0)
    value = float(hits.mean())
    by_sample = hits.mean((0, 1, 2))
    for name, own, drawn, truth, plain in (
        ("agreement of students", value, curves[:, 0, 0], 0.75, t_ends(by_sample)),
        (
            "gain of students over the commonest decision",
            value - float(is_majority.mean()),
            curves[:, 0, 0] - majorities,
            0.15,
            t_ends(by_sample - is_majority),
        ),
    ):
        ends = of(simulatability._interval(own, drawn, unseen))
        yield Outcome(name, f"{draws} draws, {unseen} samples", truth, ends, plain)
