"""Does a model fuse? What it loses without its joint terms, what each coalition of modalities takes off the test loss,
which coalitions say most, and how near a sampled synergy comes to the exact one.

    EMAP        f_m(x_i) = mean over rows of f(x_im, x_rest), the other modalities drawn independently of one another
                from the test rows themselves; EMAP(x_i) = sum_m f_m(x_i) - (M - 1) mean f: of all sums over modalities
                the one that is nearest to f on all combinations of the rows (Hessel and Lee 2020, EMNLP)
    own terms   the same against the background of the explanations: baseline + sum_m dividend(m)
    loss game   w(S) = mean of loss(v(0), y) - loss(v(S), y), whose dividends and Shapley values say what a coalition
                takes off the test loss (SAGE: Covert, Lundberg and Lee 2020, NeurIPS). SAGE takes the prediction that a
                subset leaves from samples; here v(S) is exact. Of classes it is the softmax of the mean score
    F_syn       v(ab) - v(a) - v(b) + v(0) against K rows of the background: what an estimator of synergistic
                faithfulness has for the dividend of a pair (after arXiv 2605.22168, of which the abstract alone was
                read). Against all rows it is that dividend
    basins      seeds whose explanations of one sample are alike, where there are several such groups (EvoXplain)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import torch
from scipy.special import log_softmax

from qfusion._checks import check, choose, require_finite
from qfusion.explain import backgrounds, coalitions, stability
from qfusion.models import Features, FusionModel, evaluation, games, nested
from qfusion.quantum import decomposition
from qfusion.training.metrics import Label

# EMAP, and the own terms.

EMAP, OWN = KINDS = ("EMAP", "own terms")
RESAMPLES = 400  # of the metrics, all of which are measured anew in each


@dataclass(frozen=True, eq=False)
class Additive:
    """A model's scores without its joint terms.

    Attributes:
        modalities: how many.
        model, scores: with and without joint terms, (B, C).
        errors: standard errors of these at most, (B, C); None where they are exact.
        rows: what each modality is averaged over.
    """

    modalities: int
    model: np.ndarray
    scores: np.ndarray
    errors: np.ndarray | None
    rows: int


@torch.no_grad()
def emap(
    model: FusionModel, inputs: Mapping[str, Features], most: int = 10**9, seed: int = 0
) -> Additive:
    """Returns the empirical multimodally-additive projection of a model on some rows.

    It is exact for models with modality states, and for others of two modalities; of more, the rows of the others are
    shuffled independently of one another, and the means have standard errors, those of independent draws: since every
    row is taken once, at most that.

    Args:
        model: in double precision and eval mode.
        inputs: features of the B evaluation rows.
        most: rows over which a model without states is evaluated; drawn at random where there are more.
        seed: of shuffles and drawing.
    """
    M = len(model.modalities)
    if M == 1 or model.algebra.is_linear:
        kind = "product" if model.algebra.is_linear else "joint"
        result = coalitions.explain(model, inputs, backgrounds.background(model, inputs, kind))
        own, nothing = result.values[:, 1 : M + 1], result.values[:, 0]
        scores = own.sum(1) - (M - 1) * nothing
        return Additive(M, result.prediction, scores, None, len(scores))
    states = model.encode(inputs)
    whole = model.scores(states).double().numpy()
    rng, count = np.random.default_rng(seed), min(most, len(whole))
    orders = [rng.permutation(len(whole))[:count] for _ in range(M)]
    if M == 2:  # each is averaged over the other alone, whatever stands beside it
        orders = [np.arange(len(whole)) if count == len(whole) else orders[0]] * 2
    behind = evaluation.SampleBackground(
        states={
            name: nested.nested_part(states[name], order)
            for name, order in zip(model.modalities, orders, strict=True)
        },
        kind="joint",
        size=count,
    )
    parts = [
        (scores.mean(2), scores.var(2, ddof=min(1, count - 1)).sum(1))
        for scores in evaluation.over_all_rows(model, states, behind, [(m,) for m in range(M)])
    ]
    means, spread = map(np.concatenate, zip(*parts, strict=True))
    errors = None if M == 2 and count == len(whole) else np.sqrt(spread / count)
    result = means.sum(1) - (M - 1) * means.mean((0, 1))
    return Additive(M, whole, result, errors, count)


def own_terms(explanation: coalitions.Explanation) -> Additive:
    """Returns the baseline and own terms of explained samples: their scores without the joint dividends."""
    M = len(explanation.modalities)
    scores = explanation.dividends[:, : M + 1].sum(1)
    terms = explanation.errors
    errors = None if terms is None else np.sqrt((terms[:, : M + 1] ** 2).sum(1))
    return Additive(M, explanation.prediction, scores, errors, explanation.background_size)


ADDS = 1e-9  # of the largest score: a mixed difference below it is rounding
DRAWN = 0.3  # deviation of weights that would start at 0


@torch.no_grad()
def only_adds(model: FusionModel, inputs: Mapping[str, Features], seed: int = 0) -> bool:
    """Returns whether a model's scores are sums over modalities whatever it learns.

    All mixed differences of two modalities, f(x_m, x_n) - f(y_m, x_n) - f(x_m, y_n) + f(y_m, y_n), must vanish. Weights
    that start at 0 and may be learned are drawn at random, as they would hide what the model can do.

    Args:
        model: as it is built, in double precision and eval mode; its weights are changed.
        inputs: features of two rows or more, of which each is y to another.
        seed: of the weights.

    Raises:
        InvalidInput: when there is one row alone.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for weight in model.parameters():
            if weight.requires_grad and not weight.any():
                weight.normal_(0, DRAWN)
    states = model.encode(inputs)
    x = model.scores(states)
    B = len(x)
    check(B > 1, f"Argument `inputs` must hold two rows or more, but holds {B}. Give more rows.")
    order = np.roll(np.arange(B), 1)
    other = {name: nested.nested_part(states[name], order) for name in model.modalities}
    for m, n in combinations(model.modalities, 2):
        one, two = states | {m: other[m]}, states | {n: other[n]}
        mixed = x - model.scores(one) - model.scores(two) + model.scores(one | {n: other[n]})
        if float(mixed.abs().max()) > ADDS * float(x.abs().max()):
            return False
    return True


Gains = dict[str, dict[str, stability.Interval]]  # "model", "additive" and "gain", each by metric


def interval_frame(head: str, **columns: Mapping[str, stability.Interval]) -> pd.DataFrame:
    """Returns a row a name, under `head`, with value, low and high end of its intervals in columns of equal names."""
    return pd.DataFrame(
        [
            {head: name}
            | {
                f"{column}{end}": value
                for column, part in columns.items()
                for end, value in zip(
                    ("", ":low", ":high"),
                    (part[name].value, part[name].low, part[name].high),
                    strict=True,
                )
            }
            for name in next(iter(columns.values()))
        ]
    )


def gains(
    result: Additive,
    truth: np.ndarray,
    measure: Callable[[np.ndarray, np.ndarray], Mapping[str, float]],
    labels: Mapping[str, Label],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    clusters: np.ndarray | None = None,
) -> Gains:
    """Returns the metrics with and without joint terms, and by how much they are better with them (below 0: worse,
    whatever the metric), with percentile bootstrap intervals.

    Args:
        result: of B samples. truth: (B,).
        measure: from scores (n, C) and truth (n,) to metrics. labels: of the metrics, in whose order they come.
        resamples, seed, clusters: see `stability.counts`.

    Raises:
        InvalidInput: when `truth` is of other samples or not finite.
    """
    B = len(result.scores)
    check(
        np.shape(truth) == (B,) and B > 0,
        f"Argument `truth` must have shape ({B},), one value a sample, but has shape {np.shape(truth)}.",
    )
    require_finite("truth", truth)
    drawn = [np.arange(B)]
    if stability.enough(B, clusters):
        for block in stability.counts(B, resamples, seed, clusters):
            drawn += [np.repeat(np.arange(B), times.astype(int)) for times in block if times.any()]
    measured = [
        pd.DataFrame([measure(scores[rows], truth[rows]) for rows in drawn])[list(labels)]
        for scores in (result.model, result.scores)
    ]
    signs = [1 if label.higher_is_better else -1 for label in labels.values()]
    columns = {
        "model": measured[0],
        "additive": measured[1],
        "gain": (measured[0] - measured[1]) * signs,
    }

    def interval(values: np.ndarray) -> stability.Interval:
        low, high = np.quantile(values[1:], stability.EDGES) if len(drawn) > 1 else (np.nan, np.nan)
        return stability.Interval(float(values[0]), float(low), float(high), B, len(drawn) - 1)

    return {
        column: {name: interval(frame[name].to_numpy()) for name in labels}
        for column, frame in columns.items()
    }


def fuses(result: Additive, worth: Gains, metric: str, short: str) -> str:
    """Whether a model's joint terms are worth something in a metric, in one sentence."""
    model, additive, gain = (worth[column][metric] for column in ("model", "additive", "gain"))
    if result.modalities == 1:
        return f"One modality: nothing can be joint, and EMAP is the model itself ({short} {model.value:.3f})"
    about = f"{short} {model.value:.3f} with them, {additive.value:.3f} without"
    if not gain.known:
        return f"Too few samples to tell whether the joint terms are worth anything ({about}, n = {gain.n:,})"
    how = f"{gain.level:.0%} interval {gain.low:+.3f} to {gain.high:+.3f}; {about}"
    if gain.low > 0:
        return f"It fuses: joint terms are worth {gain.value:.3f} of {short} ({how})"
    if gain.high < 0:
        return (
            f"Its joint terms do harm: without them {short} is better by {-gain.value:.3f} ({how})"
        )
    return (
        f"Not told that its joint terms are worth anything: at most {max(-gain.low, gain.high):.3f} of {short} either "
        f"way ({how})"
    )


# What takes how much off the loss.

LOSSES = ("cross_entropy", "l1", "mse", "huber")
LOSS_TITLES = {
    "cross_entropy": "cross-entropy (nats)",
    "l1": "absolute error",
    "mse": "squared error",
    "huber": "Huber loss",
}


def losses(values: np.ndarray, truth: np.ndarray, kind: str) -> np.ndarray:
    """Returns the loss of every prediction, (B, S), for scores (B, S, C) and truth (B,): a class, or a number.

    Args:
        kind: of `LOSSES`, as training has them; "huber" turns from squares to sizes at 1.
    """
    if choose("Loss", kind, LOSSES) == "cross_entropy":
        return -log_softmax(values, -1)[np.arange(len(values)), :, truth.astype(int)]
    apart = np.abs(values[..., 0] - truth[:, None])
    if kind == "l1":
        return apart
    return apart**2 if kind == "mse" else np.where(apart < 1, apart**2 / 2, apart - 0.5)


@dataclass(frozen=True, eq=False)
class LossGame:
    """What coalitions and modalities take off the mean loss of B samples.

    Attributes:
        loss: of `LOSSES`.
        dividends: by coalition. shapley: by modality; both add up to `total`.
        ahead: of all others that which the first modality by Shapley value least surely takes off more than, and by how
            much; None of a single one.
        start, end: mean loss of the baseline and of the model.
    """

    loss: str
    dividends: dict[str, stability.Interval]
    shapley: dict[str, stability.Interval]
    total: stability.Interval
    ahead: tuple[str, stability.Interval] | None
    start: float
    end: float

    @property
    def order(self) -> list[str]:
        """The modalities, whoever takes off most first."""
        return sorted(self.shapley, key=lambda name: -self.shapley[name].value)

    def frame(self) -> pd.DataFrame:
        """Returns a row a coalition with its dividend, then a row a modality with its Shapley value."""
        return pd.concat(
            [
                interval_frame("of", loss_reduction=part).assign(what=what)
                for what, part in (("dividend", self.dividends), ("Shapley value", self.shapley))
            ],
            ignore_index=True,
        )


def loss_game(
    explanation: coalitions.Explanation,
    truth: np.ndarray,
    loss: str,
    *,
    resamples: int = stability.RESAMPLES,
    seed: int = 0,
    clusters: np.ndarray | None = None,
) -> LossGame:
    """Returns what coalitions and modalities take off the loss, with intervals over samples.

    Args:
        explanation: of B samples. truth: (B,), classes or numbers. loss: of `LOSSES`.
        resamples, seed, clusters: see `stability.counts`.

    Raises:
        InvalidInput: when `truth` is of other samples or not finite. NotFound: when there is no such loss.
    """
    B, M = len(explanation.values), len(explanation.modalities)
    check(
        np.shape(truth) == (B,) and B > 0,
        f"Argument `truth` must have shape ({B},), one value a sample, but has shape {np.shape(truth)}.",
    )
    require_finite("truth", truth)
    of = losses(explanation.logits, np.asarray(truth), loss)
    rows = games.dividends((of[:, :1] - of)[..., None], M)
    phi = games.shapley(rows, M)[..., 0]
    terms, names = explanation.coalitions[1:], explanation.modalities
    first, *others = np.argsort(-phi.mean(0), kind="stable").tolist()
    columns = {
        **{("dividend", name): rows[:, 1 + s, 0] for s, name in enumerate(terms)},
        **{("shapley", name): phi[:, m] for m, name in enumerate(names)},
        ("total", ""): of[:, 0] - of[:, -1],
        **{("ahead", names[m]): phi[:, first] - phi[:, m] for m in others},
    }
    known = stability.means(
        {"\n".join(key): column for key, column in columns.items()},
        resamples=resamples,
        seed=seed,
        clusters=clusters,
    )
    return LossGame(
        loss,
        {name: known[f"dividend\n{name}"] for name in terms},
        {name: known[f"shapley\n{name}"] for name in names},
        known["total\n"],
        _nearest({names[m]: known[f"ahead\n{names[m]}"] for m in others}),
        float(of[:, 0].mean()),
        float(of[:, -1].mean()),
    )


def _nearest(ahead: Mapping[str, stability.Interval]) -> tuple[str, stability.Interval] | None:
    """Of by how much the first is ahead of every other, that of which it is told the least; None without others."""
    return min(ahead.items(), key=lambda one: one[1].low, default=None)


def matters(result: LossGame) -> str:
    """Which modality matters overall, in one sentence."""
    title, total, first = LOSS_TITLES[result.loss], result.total, result.order[0]
    whole = (
        f"of the {total.value:.3f} that the {title} falls, {result.start:.3f} to {result.end:.3f}"
    )
    if not total.known:
        return f"Too few samples to tell which modality matters ({whole}, n = {total.n:,})"
    if total.low <= 0:
        return f"Not told that the modalities take anything off the {title} ({total.low:+.3f} to {total.high:+.3f})"
    one = result.shapley[first]
    share = f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f}) {whole}"
    if result.ahead is None:
        return f"{first} alone takes {share}"
    other, ahead = result.ahead
    if ahead.low > 0:
        return f"{first} matters most: it takes off {share}"
    return f"Not told whether {first} or {other} matters more: {first} takes off {share}"


# Sampled synergy beside the exact one.


def synergies(
    exact: coalitions.Explanation, sampled: Sequence[coalitions.Explanation], outputs: np.ndarray
) -> pd.DataFrame:
    """Returns F_syn beside the exact dividends, a row a pair: mean and lowest correlation over samples, of the draws,
    and the root mean square error over the exact dividend's own root mean square; NaN where that is 0 or constant.

    Args:
        exact: of B samples. sampled: of the same, each against K rows. outputs: which is explained, (B,).
    """
    M, at = len(exact.modalities), np.arange(len(exact.values))
    ones, rows = np.ones((1, len(at))), []
    for place in (place for place, S in enumerate(decomposition.subsets(M)) if len(S) == 2):
        truth, *draws = (one.dividends[at, place, outputs] for one in (exact, *sampled))
        with np.errstate(invalid="ignore"):
            r = [float(stability.pearson(draw, truth, ones)[0]) for draw in draws]
        size, error = float((truth**2).mean()), float(((np.array(draws) - truth) ** 2).mean())
        rows.append(
            {
                "pair": exact.coalitions[place],
                "rows": sampled[0].background_size,
                "draws": len(draws),
                "correlation": float(np.mean(r)),
                "lowest": min(r),
                "relative error": (error / size) ** 0.5 if size > 1e-24 else np.nan,
            }
        )
    return pd.DataFrame(rows)


def nearly(frame: pd.DataFrame) -> str:
    """How near F_syn comes to the dividends, in one sentence; a frame of `synergies`."""
    known = frame.dropna()
    if known.empty:
        return "No pair's dividend varies over these samples, so that nothing can follow it"
    worst = known.loc[known["correlation"].idxmin()]
    return (
        f"F_syn with {worst['rows']} rows follows the exact dividend of {worst['pair']} with a correlation of "
        f"{worst['correlation']:.2f} (mean of {worst['draws']} draws, the lowest {worst['lowest']:.2f}), off by "
        f"{worst['relative error']:.0%} of its size"
    )


# Which coalitions say most.


@dataclass(frozen=True, eq=False)
class Ranking:
    """Coalitions of some samples by what they say.

    Attributes:
        sizes, means: mean size of the dividend, and mean dividend with its sign, by coalition, the largest size first.
        pairs: mean Shapley interaction index of any two modalities, by the name of their coalition.
        ahead: of all others that which the first is least surely larger than, and by how much; None of a single one.
    """

    sizes: dict[str, stability.Interval]
    means: dict[str, stability.Interval]
    pairs: dict[str, stability.Interval]
    ahead: tuple[str, stability.Interval] | None

    def frame(self) -> pd.DataFrame:
        """Returns a row a coalition."""
        return interval_frame("coalition", size=self.sizes, mean=self.means)


def ranking(
    dividends: Mapping[str, np.ndarray],
    modalities: Sequence[str],
    clusters: np.ndarray | None = None,
) -> Ranking:
    """Returns the coalitions of samples in the order of what they say.

    Args:
        dividends: of one output, (B,), by coalition but the empty one, in the order of `subsets`.
        modalities: names. clusters: see `stability.counts`.

    Raises:
        InvalidInput: when there are no samples.
    """
    names, M = list(dividends), len(modalities)
    values = np.stack([np.asarray(dividends[name], dtype=float) for name in names], -1)
    check(
        len(values) > 0, "There is no sample whose coalitions could be ranked. Loosen the filter."
    )
    size = np.abs(values)
    order = [names[i] for i in np.argsort(-size.mean(0), kind="stable")]
    index = games.interaction(np.pad(values, ((0, 0), (1, 0)))[..., None], M)[..., 0]
    both = list(combinations(range(M), 2))
    columns = {
        **{f"size {name}": size[:, i] for i, name in enumerate(names)},
        **{f"mean {name}": values[:, i] for i, name in enumerate(names)},
        **{f"pair {i} {j}": index[:, i, j] for i, j in both},
    }
    columns |= {
        f"ahead {name}": columns[f"size {order[0]}"] - columns[f"size {name}"] for name in order[1:]
    }
    known = stability.means(columns, clusters=clusters)
    return Ranking(
        {name: known[f"size {name}"] for name in order},
        {name: known[f"mean {name}"] for name in order},
        {
            decomposition.subset_name(pair, modalities): known["pair {} {}".format(*pair)]
            for pair in both
        },
        _nearest({name: known[f"ahead {name}"] for name in order[1:]}),
    )


def says_most(result: Ranking, name: Callable[[str], str] = str) -> str:
    """Which coalition says most, in one sentence."""
    first = next(iter(result.sizes))
    one = result.sizes[first]
    how = f"mean size {one.value:.3f}"
    if not one.known:
        return f"Too few samples to rank coalitions: {name(first)} has the largest {how} (n = {one.n:,})"
    how = f"{how}, {one.level:.0%} interval {one.low:.3f} to {one.high:.3f}"
    if result.ahead is None or result.ahead[1].low > 0:
        return f"{name(first)} says most ({how})"
    return f"Not told whether {name(first)} or {name(result.ahead[0])} says more ({name(first)}: {how})"


# Does one decision have one explanation, or one for every training?

LEAST = 2  # seeds in a basin
NULL, FALSE = 1000, 0.05  # draws of one basin, and how many of them may look like several
MATERIAL = 0.1  # of an explanation's size: basins that are nearer to each other count as one


@dataclass(frozen=True, eq=False)
class Basins:
    """Explanations of B samples over R seeds, each sample's clustered on its own.

    Attributes:
        labels: the basin of every seed, (B, R), 0 for all where there is one.
        threshold: of the silhouette of the best split, which about `FALSE` of samples of one basin pass.
        share: of samples with several basins, with its interval.
    """

    labels: np.ndarray
    threshold: float
    share: stability.Interval


def split(points: np.ndarray) -> tuple[float, np.ndarray]:
    """Returns the largest mean silhouette (Rousseeuw 1987) of any cut of the average-linkage tree of points (R, T) into
    clusters of `LEAST` or more, and the clusters (R,), numbered in the order of the points; -1 and zeros where there is
    no such cut."""
    from scipy.cluster import hierarchy
    from scipy.spatial.distance import pdist, squareform
    from sklearn.metrics import silhouette_score  # on demand, as it takes long to load

    apart = pdist(points)
    best, labels = -1.0, np.zeros(len(points), dtype=int)
    tree = hierarchy.linkage(apart, "average")
    for count in range(2, len(points) // LEAST + 1):
        cut = hierarchy.fcluster(tree, count, "maxclust")
        if len(np.unique(cut)) < 2 or np.bincount(cut)[1:].min() < LEAST:
            continue
        value = float(silhouette_score(squareform(apart), cut, metric="precomputed"))
        if value > best:
            first = {name: place for place, name in enumerate(dict.fromkeys(cut.tolist()))}
            best, labels = value, np.array([first[name] for name in cut.tolist()])
    return best, labels


def basins(values: np.ndarray, clusters: np.ndarray | None = None, seed: int = 0) -> Basins:
    """Returns whether seeds explain each sample in one way or in several (after EvoXplain, arXiv 2512.22240).

    Seeds of one sample are split by average linkage where the silhouette is largest. How large that is of one basin is
    simulated: R draws of a Gaussian with the covariance that the seeds of some sample have, which is that of what two
    basins would leave, too. About `FALSE` of samples of one Gaussian basin pass.

    Args:
        values: terms of B samples by R seeds, (R, B, T). clusters: of the samples, see `stability.counts`.

    Raises:
        InvalidInput: when there are fewer than four seeds, which have no two basins of two.
    """
    R = len(values)
    check(
        R >= 2 * LEAST,
        f"Basins of {LEAST} seeds or more need {2 * LEAST} seeds, but there are {R}. Measure more by "
        "scripts/stability.py.",
    )
    rng, off = np.random.default_rng(seed), (values - values.mean(0)).swapaxes(0, 1)
    drawn = rng.standard_normal((NULL, R, R)) @ off[rng.integers(len(off), size=NULL)]
    threshold = float(np.quantile([split(points)[0] for points in drawn], 1 - FALSE))
    best, labels = map(np.array, zip(*map(split, values.swapaxes(0, 1)), strict=True))
    several = best > threshold
    for b in np.flatnonzero(several):
        centres = np.stack([values[labels[b] == k, b].mean(0) for k in np.unique(labels[b])])
        gap = max(np.linalg.norm(x - y) for x, y in combinations(centres, 2))
        several[b] = gap > MATERIAL * np.linalg.norm(values[:, b], axis=-1).mean()
    share = stability.mean(several.astype(float), clusters=clusters)
    return Basins(np.where(several[:, None], labels, 0), threshold, share)


def basin_words(
    labels: np.ndarray, values: np.ndarray, terms: Sequence[str], seeds: Sequence[int]
) -> str:
    """Whether one sample has one explanation or several, and what each says in the term where they differ most.

    Args:
        labels: of its seeds, (R,). values: (R, T). terms: names. seeds: R numbers.
    """
    names = np.unique(labels)
    if len(names) == 1:
        return f"one explanation over {len(seeds)} seeds, as far as these tell"
    centres = np.stack([values[labels == k].mean(0) for k in names])
    term = int(np.argmax(np.ptp(centres, axis=0)))
    members = [
        ", ".join(str(one) for one, label in zip(seeds, labels, strict=True) if label == k)
        for k in names
    ]
    parts = [
        f"seeds {some} say {terms[term]} {centre[term]:+.2f}"
        for some, centre in zip(members, centres, strict=True)
    ]
    return f"{len(names)} explanations: {'; '.join(parts)}"


def basin_share(result: Basins) -> str:
    """How many samples have several explanations, in one sentence."""
    share = result.share
    if not share.known:
        return f"Too few samples to tell how many have several explanations (n = {share.n:,})"
    how = f"{share.value:.1%} ({share.level:.0%} interval {share.low:.1%} to {share.high:.1%}) of {share.n:,} samples"
    if share.low <= FALSE:
        return f"Not told that decisions have more than one explanation: {how} look so, and {FALSE:.0%} may by chance"
    return (
        f"Several explanations over seeds: {how}, where about {FALSE:.0%} would look so by chance"
    )
