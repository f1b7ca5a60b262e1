"""How far an explanation can be trusted: against planted truth, against deletion in random order, against other ways to
the same number.

Deletion takes what the explanation calls most important away first and asks how fast the score leaves its value;
insertion gives it back first and asks how fast the score returns (Samek et al. 2017; Petsiuk, Das, Saenko 2018). Both
are compared with the same number of players in random order, several times, because taking anything away moves a score.

A modality that is taken away is averaged over the background, so curves over modalities are read off the exact
coalition values. Inner features (values of a vector, steps of a sequence) are replaced by their mean over the training
rows, and the model is asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from qfusion._checks import check
from qfusion.explain.contributions.coalitions import Explanation
from qfusion.explain.trust.resampling import Interval
from qfusion.quantum.decomposition import subsets

ORDERS = 10  # random orders that curves are compared with


@dataclass(frozen=True, eq=False)
class Curves:
    """Mean change of the explained quantity along deletion and insertion.

    Attributes:
        shares: share of the players that are taken away (or given back), rising from 0 to 1, (K,).
        deletion: mean |change| from the full value, by our order, (K,): the sooner it rises the better.
        insertion: mean |distance| to the full value, (K,): the sooner it falls the better.
        random_deletion, random_insertion: the same in R random orders, (R, K).
        samples: how many the means are over.
        unit: of the changes.
        intervals: of samples that are drawn from more: how much larger the area is than that of random orders, at
            deletion and (how much smaller) at insertion, on average over orders and samples.
    """

    shares: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray
    random_deletion: np.ndarray
    random_insertion: np.ndarray
    samples: int
    unit: str
    intervals: tuple[Interval, Interval] | None = None

    @property
    def deletion_gain(self) -> np.ndarray:
        """Area between our deletion curve and each random one, (R,): positive where ours is better."""
        return np.trapezoid(self.deletion - self.random_deletion, self.shares, axis=-1)

    @property
    def insertion_gain(self) -> np.ndarray:
        """Area between each random insertion curve and ours, (R,): positive where ours is better."""
        return np.trapezoid(self.random_insertion - self.insertion, self.shares, axis=-1)

    @property
    def better(self) -> bool:
        """Whether ours beats every random order that was tried, at deletion and at insertion."""
        return bool((self.deletion_gain > 0).all() and (self.insertion_gain > 0).all())

    def frame(self) -> pd.DataFrame:
        """Returns one row a step: our curves, and mean, lowest and highest of the random ones."""
        columns: dict[str, np.ndarray] = {
            "share": self.shares,
            "deletion": self.deletion,
            "insertion": self.insertion,
        }
        for name, runs in (
            ("deletion", self.random_deletion),
            ("insertion", self.random_insertion),
        ):
            columns |= {
                f"random_{name}_{what}": getattr(runs, what)(0) for what in ("mean", "min", "max")
            }
        return pd.DataFrame(columns)


@dataclass(frozen=True, eq=False)
class AgainstTruth:
    """Exact against true dividends of some samples, term by term.

    Attributes:
        terms: names of the coalitions but the empty one.
        ours, true: dividends (B, terms).
        pearson, rank: correlations (terms,); not a number where a term is constant.
    """

    terms: tuple[str, ...]
    ours: np.ndarray
    true: np.ndarray
    pearson: np.ndarray
    rank: np.ndarray

    def frame(self) -> pd.DataFrame:
        """Returns one row a term."""
        return pd.DataFrame({"term": self.terms, "pearson": self.pearson, "rank": self.rank})


def against_truth(explanation: Explanation, truth: pd.DataFrame) -> AgainstTruth:
    """Compares an explanation with the true dividends of the same samples.

    Args:
        explanation: of B samples with one output.
        truth: B rows in the same order, a column for each coalition, as `DataSet.truth`.

    Raises:
        InvalidInput: when rows or coalitions do not fit.
    """
    terms = tuple(name for name in explanation.coalitions if name)
    missing = [name for name in terms if name not in truth]
    check(
        not missing,
        f"Argument `truth` must have a column for each coalition, but lacks {missing}. Use the truth of the model's "
        "data.",
    )
    ours = explanation.dividends[:, 1:, 0]
    check(
        len(truth) == len(ours),
        f"Argument `truth` must have {len(ours)} rows, but has {len(truth)}. Take the explained samples.",
    )
    true = truth[list(terms)].to_numpy(dtype=float)
    pairs = list(zip(ours.T, true.T, strict=True))
    return AgainstTruth(
        terms,
        ours,
        true,
        np.array([_correlation(scipy.stats.pearsonr, *pair) for pair in pairs]),
        np.array([_correlation(scipy.stats.spearmanr, *pair) for pair in pairs]),
    )


def _correlation(kind: object, a: np.ndarray, b: np.ndarray) -> float:
    constant = len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0
    return float("nan") if constant else float(kind(a, b).statistic)  # type: ignore[operator]


def modality_curves(
    explanation: Explanation,
    outputs: np.ndarray,
    *,
    probability: bool = False,
    orders: int = ORDERS,
    seed: int = 0,
) -> Curves:
    """Returns deletion and insertion of modalities in the order of their absolute Shapley values, most first.

    Args:
        explanation: of B samples.
        outputs: which output is explained for each sample, (B,).
        probability: measure the probability of that output (softmax over all) instead of its score.
        orders: how many random orders, each drawn anew for every sample.
        seed: of these.
    """
    values, M = explanation.values, len(explanation.modalities)
    B = len(values)
    pick = np.arange(B), outputs
    check(
        len(outputs) == B,
        f"Argument `outputs` must name one output for each of the {B} samples, but has {len(outputs)}.",
    )
    if probability:
        values = _softmax(values)
    table = values[np.arange(B)[:, None], np.arange(2**M), np.asarray(outputs)[:, None]]  # (B, 2^M)
    ours = np.argsort(-np.abs(explanation.shapley[pick[0], :, pick[1]]), 1, kind="stable")
    rng = np.random.default_rng(seed)
    drawn = [np.argsort(rng.random((B, M)), 1) for _ in range(orders)]
    place = {frozenset(S): i for i, S in enumerate(subsets(M))}
    of_mask = np.array(
        [place[frozenset(m for m in range(M) if mask >> m & 1)] for mask in range(2**M)]
    )

    def along(order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        taken = np.concatenate(
            [np.zeros((B, 1), int), np.cumsum(1 << order, 1)], 1
        )  # bit masks of the first k players
        full = table[:, -1:]
        without = np.take_along_axis(table, of_mask[(2**M - 1) ^ taken], 1)
        with_them = np.take_along_axis(table, of_mask[taken], 1)
        return np.abs(without - full).mean(0), np.abs(with_them - full).mean(0)

    return _curves(
        np.arange(M + 1) / M,
        along(ours),
        [along(order) for order in drawn],
        B,
        "probability" if probability else "score",
    )


def _curves(
    shares: np.ndarray,
    ours: tuple[np.ndarray, np.ndarray],
    random: list[tuple[np.ndarray, np.ndarray]],
    count: int,
    unit: str,
) -> Curves:
    return Curves(
        shares,
        *ours,
        np.array([run[0] for run in random]),
        np.array([run[1] for run in random]),
        count,
        unit,
    )


def _softmax(values: np.ndarray) -> np.ndarray:
    shifted = np.exp(values - values.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def sarcasm_share(explanation: Explanation, table: pd.DataFrame) -> tuple[float, int] | None:
    """Returns the share of sarcastic samples whose text+audio dividend is negative and how many there are; None for
    other data.

    Args:
        explanation: of B samples.
        table: their rows of `DataSet.table`; planted data name a `regime`.
    """
    if "regime" not in table or "text+audio" not in explanation.coalitions:
        return None
    sarcastic = (table["regime"] == "sarcasm").to_numpy()
    if not sarcastic.any():
        return None
    found: Mapping[str, int] = {name: i for i, name in enumerate(explanation.coalitions)}
    return float((explanation.dividends[sarcastic, found["text+audio"], 0] < 0).mean()), int(
        sarcastic.sum()
    )
