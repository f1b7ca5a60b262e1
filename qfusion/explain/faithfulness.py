"""How far explanations can be trusted: planted truth, deletion, other estimators of the same values, and shapiq."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion._lazy import load, require
from qfusion.explain.bootstrap import Interval, pearson as correlation
from qfusion.explain.coalitions import Explanation
from qfusion.models import Features, FusionModel
from qfusion.models.coalition_algebra import dividends, shapley
from qfusion.models.evaluation import nested_length, nested_part, nested_tiled
from qfusion.quantum import decomposition
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
        """Return one row a step: our curves, and mean, lowest and highest of the random ones."""
        columns = {"share": self.shares, "deletion": self.deletion, "insertion": self.insertion}
        for name, runs in (
            ("deletion", self.random_deletion),
            ("insertion", self.random_insertion),
        ):
            columns[f"random_{name}_mean"] = np.mean(runs, 0)
            columns[f"random_{name}_min"] = np.min(runs, 0)
            columns[f"random_{name}_max"] = np.max(runs, 0)
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
        """Return one row a term."""
        return pd.DataFrame({"term": self.terms, "pearson": self.pearson, "rank": self.rank})


def compare_with_truth(explanation: Explanation, truth: pd.DataFrame) -> AgainstTruth:
    """Compare an explanation with the true dividends of the same samples.

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
    one = np.ones(ours.T.shape)
    pearson, rank = (
        correlation(a.T, b.T, one)
        for a, b in (
            (ours, true),
            (scipy.stats.rankdata(ours, axis=0), scipy.stats.rankdata(true, axis=0)),
        )
    )
    return AgainstTruth(terms, ours, true, pearson, rank)


def modality_curves(
    explanation: Explanation,
    outputs: np.ndarray,
    *,
    probability: bool = False,
    orders: int = ORDERS,
    seed: int = 0,
    quantity: str = "score",
) -> Curves:
    """Return deletion and insertion of modalities in the order of their absolute Shapley values, most first.

    Args:
        explanation: of B samples.
        outputs: which output is explained for each sample, (B,).
        probability: measure the probability of that output (softmax over all) instead of its score.
        orders: how many random orders, each drawn anew for every sample.
        seed: of these.
        quantity: what is explained, "log-odds" or "score".
    """
    values, M = explanation.values, len(explanation.modalities)
    B = len(values)
    pick = np.arange(B), outputs
    check(
        len(outputs) == B,
        f"Argument `outputs` must name one output for each of the {B} samples, but has {len(outputs)}.",
    )
    if probability:
        values = scipy.special.softmax(explanation.logits, -1)
    masks = [sum(1 << m for m in S) for S in subsets(M)]
    changes = np.abs(values - values[:, -1:])[pick[0], :, pick[1]][:, np.argsort(masks)]
    ours = np.argsort(-np.abs(explanation.shapley[pick[0], :, pick[1]]), 1, kind="stable")

    def along(order: np.ndarray) -> np.ndarray:
        # bit masks of the first k players
        taken = np.concatenate([np.zeros((B, 1), int), np.cumsum(1 << order, 1)], 1)
        return np.stack(
            [
                np.take_along_axis(changes, players, 1).mean(0)
                for players in ((2**M - 1) ^ taken, taken)
            ]
        )

    rng = np.random.default_rng(seed)
    random = np.array([along(np.argsort(rng.random((B, M)), 1)) for _ in range(orders)])
    deletion, insertion = along(ours)
    return Curves(
        np.arange(M + 1) / M,
        deletion,
        insertion,
        random[:, 0],
        random[:, 1],
        B,
        "probability" if probability else quantity,
    )


def sarcasm_share(explanation: Explanation, table: pd.DataFrame) -> tuple[float, int] | None:
    """Return the share of sarcastic samples whose text+audio dividend is negative, and the number of sarcastic samples.
    Return None for other data.

    Args:
        explanation: of B samples.
        table: their rows of `DataSet.table`; planted data name a `regime`.
    """
    if "regime" not in table or "text+audio" not in explanation.coalitions:
        return None
    sarcastic = (table["regime"] == "sarcasm").to_numpy()
    if not sarcastic.any():
        return None
    together = explanation.dividends[sarcastic, explanation.coalitions.index("text+audio"), 0]
    return float((together < 0).mean()), len(together)


# The same Shapley values by other ways: brute force over the background, and captum's sampling estimators, with error
# and time.
#
# The game is the one that `explain` solves: v(S) is the mean score when the modalities outside S come from a row of the
# background. Here it is played as anyone without the structure of the model would: the features of the sample and of
# every row are put together and the model is run. A coalition is run once and remembered; an estimator that asks for it
# again is charged its time again.

METHODS = EXACT, BRUTE, SAMPLING, KERNEL = (
    "exact (this project)",
    "brute force",
    "captum ShapleyValueSampling",
    "captum KernelShap",
)
CHUNK = 512  # background rows at a time: images and sequences of thousands would fill the memory


@dataclass(frozen=True, eq=False)
class Estimate:
    """Shapley values of one sample by one method.

    Attributes:
        method: its name. shapley: (M,). error: largest absolute difference from the exact ones.
        evaluations: how often a coalition was asked for; 0 where none is run.
        seconds: what that takes, a coalition that was remembered counted each time.
    """

    method: str
    shapley: np.ndarray
    error: float
    evaluations: int
    seconds: float


class Game:
    """v(S) of one sample by running the model on every row of the background.

    Args:
        model: in double precision.
        inputs: features of one sample.
        background: features of the background rows.
        output: number of the score.
    """

    def __init__(
        self,
        model: FusionModel,
        inputs: Mapping[str, Features],
        background: Mapping[str, Features],
        output: int,
    ):
        check(
            nested_length(dict(inputs)) == 1,
            "Argument `inputs` must hold one sample. Take one row.",
        )
        self.model, self.output, self.names = model, output, model.modalities
        self.sample = dict(inputs)
        self.rows = dict(background)
        self.known: dict[frozenset[int], tuple[float, float]] = {}  # values and their seconds
        self.charged: list[float] = []  # seconds of every coalition that was asked for

    def value(self, present: frozenset[int]) -> float:
        """Return v(S) with the bias, and charges its time."""
        if present not in self.known:
            start = time.perf_counter()
            self.known[present] = self._run(present), time.perf_counter() - start
        value, seconds = self.known[present]
        self.charged.append(seconds)
        return value

    @torch.no_grad()
    def _run(self, present: frozenset[int]) -> float:
        if len(present) == len(self.names):
            return float(self.model(self.sample)[0, self.output])
        total, count = 0.0, nested_length(self.rows)
        for start in range(0, count, CHUNK):
            rows = nested_part(self.rows, slice(start, start + CHUNK))
            own = nested_tiled(self.sample, nested_length(rows))
            mixed = {
                name: (own if m in present else rows)[name] for m, name in enumerate(self.names)
            }
            total += float(self.model(mixed)[:, self.output].sum())
        return total / count

    def forward(self, masks: Tensor) -> Tensor:
        """Return v of the masks (B, M), where 1 means present. Captum calls this method."""
        return torch.tensor(
            [self.value(frozenset(torch.nonzero(mask > 0.5).flatten().tolist())) for mask in masks],
            dtype=torch.float64,
        )


def compare(game: Game, exact: Explanation, exact_seconds: float, seed: int = 0) -> list[Estimate]:
    """Return the exact values, brute force, and captum's ShapleyValueSampling and KernelShap at their defaults.

    Args:
        game: of the sample.
        exact: of the same sample against the same background, and the seconds it took.
        seed: of the estimators; the global random state is left as it was.
    """
    from captum.attr import KernelShap, ShapleyValueSampling

    M = len(game.names)
    reference = exact.shapley[0, :, game.output]
    estimates = [Estimate(EXACT, reference, 0.0, 0, exact_seconds)]
    game.charged.clear()
    values = np.array([game.value(frozenset(S)) for S in subsets(M)])
    brute = shapley(dividends(values[:, None], M), M)[:, 0]
    estimates.append(_estimate(BRUTE, brute, reference, game))
    ones = torch.ones(1, M, dtype=torch.float64)
    zeros = torch.zeros(1, M, dtype=torch.float64)
    for method, kind in ((SAMPLING, ShapleyValueSampling), (KERNEL, KernelShap)):
        game.charged.clear()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            state = np.random.get_state()  # noqa: NPY002 - KernelShap draws from the global generator
            np.random.seed(seed)  # noqa: NPY002
            explainer: Any = kind(game.forward)
            values = explainer.attribute(ones, baselines=zeros)[0].numpy()
            np.random.set_state(state)  # noqa: NPY002
        estimates.append(_estimate(method, values, reference, game))
    return estimates


def _estimate(method: str, values: np.ndarray, reference: np.ndarray, game: Game) -> Estimate:
    return Estimate(
        method,
        np.asarray(values, dtype=float),
        float(np.abs(values - reference).max()),
        len(game.charged),
        sum(game.charged),
    )


def frame(estimates: list[Estimate], names: tuple[str, ...]) -> pd.DataFrame:
    """Return one row a method."""
    records = []
    for estimate in estimates:
        record: dict[str, Any] = {"method": estimate.method}
        for m, name in enumerate(names):
            record[f"shapley[{name}]"] = estimate.shapley[m]
        record["largest_error"] = estimate.error
        record["coalitions_run"] = estimate.evaluations
        record["seconds"] = estimate.seconds
        records.append(record)
    return pd.DataFrame(records)


def to_shapiq(explanation: Explanation, row: int = 0, output: int | str = 0) -> Any:
    """Return the contributions to one sample's score as `shapiq.InteractionValues`.

    The index is "Moebius", with all orders up to the number of modalities M, the players: what qfusion calls
    contributions are the Moebius transform of the coalition values. The baseline is v("").

    Args:
        explanation: of B samples.
        row: number of the sample, from 0.
        output: number or name of the explained output.

    Raises:
        MissingPackage: when shapiq is not installed.
        InvalidInput, NotFound: when there is no such sample or output, or the explanation has a leading axis.
    """
    require("shapiq")
    check(
        explanation.dividends.ndim == 3,
        "An explanation through time or layers has a leading axis. Take one moment of it with `at`.",
    )
    count = len(explanation.dividends)
    check(
        0 <= row < count,
        f"Argument `row` must number one of the {count} samples from 0, but is {row}.",
    )
    names = explanation.outputs
    if isinstance(output, str):
        output = names.index(choose("Output", output, names))
    check(
        0 <= output < len(names),
        f"Argument `output` must number one of the {len(names)} outputs from 0, but is {output}.",
    )
    M = len(explanation.modalities)
    dividends = explanation.dividends[row, :, output].tolist()
    return load("shapiq").InteractionValues(
        values=dict(zip(decomposition.subsets(M), dividends, strict=True)),
        index="Moebius",
        max_order=M,
        min_order=0,
        n_players=M,
        baseline_value=dividends[0],
        estimated=explanation.errors is not None,
    )
