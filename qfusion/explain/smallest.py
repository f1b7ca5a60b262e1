"""The smallest generator: which couplings H_S and which dissipation of A a QiNN-QJ can do without.

Terms are those of `sensitivity`: a factor 0 on H_S, or on the parts L_k^A of all jump operators, takes one out, and
what is left is a Lindblad generator in every gauge. Beginning with all, the one without which the loss of the choosing
rows is least goes next, until nothing evolves (greedy backward elimination; every set is evaluated exactly, by one
evolution of the read-out). How good the sets are is shown on other rows, as the share

    (metric(k terms) - metric(none)) / (metric(all) - metric(none))

(of none, or of one answer for all where that is better: a read-out that was learned behind an evolution can be far off
without it), with bootstrap intervals in which all sets are resampled together, beside the same in random orders. A
greedy order need not hold the best set of each size. As the terms were learned together, one that can be missed says
that the others do without it now, and no more; `retrained` lets them adapt, with what was taken out held at zero.
"""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from scipy.special import logsumexp
from torch import Tensor

from qfusion._checks import check, choose
from qfusion._sentences import listed, progress_over, progress_shown, share
from qfusion.data import DataSet
from qfusion.explain import cuts, parameters, stability
from qfusion.models import Features, FusionModel, TimeModel, base, registry, require
from qfusion.models.quantum_jump import LEARNED, Tweak
from qfusion.quantum import decomposition
from qfusion.training import loop, metrics
from qfusion.training.options import default_options

PART = 0.95  # of what the generator adds, on the choosing rows, that the smallest one has
ORDERS = 20
Rows = tuple[Mapping[str, Features], np.ndarray]  # features of some rows, and their truth


@dataclass(frozen=True, eq=False)
class Pruning:
    """Sets of k = 0 ... G terms of a generator; whatever has an axis (G + 1,) is by how many are left.

    Attributes:
        terms: keys of all G, in the order in which they were taken out.
        base: tweak of the model before that. metric: of `cuts.METRICS`, more is better.
        chance: the metric of one answer for all rows that chose the order.
        chosen: metric on these, (G + 1,); of which there are `choosing`.
        shown: metric on the others, with intervals, (G + 1,); of which there are `showing`.
        shares: of what the generator adds to the metric, on these, (G + 1,). gain: what it adds, (1,).
        random: metric on these by random orders, (R, G + 1).
    """

    terms: tuple[str, ...]
    base: Tweak
    metric: str
    chance: float
    chosen: np.ndarray
    choosing: int
    shown: cuts.Estimates
    showing: int
    shares: cuts.Estimates
    gain: cuts.Estimates
    random: np.ndarray

    @property
    def size(self) -> int:
        """How many terms the smallest generator has: so few that it adds `PART` of what the best set does on the
        choosing rows; 0 where none adds anything."""
        gains = self.chosen - max(self.chosen[0], self.chance)
        return int(np.argmax(gains >= PART * gains.max())) if gains.max() > 0 else 0

    @property
    def is_told(self) -> bool:
        """Whether the generator adds something to the metric beyond chance."""
        return self.gain.low is not None and float(self.gain.low[0]) > 0

    def left(self, k: int) -> tuple[str, ...]:
        """Keys of the k terms that go last, the last one first."""
        return self.terms[::-1][:k]

    def tweak(self, k: int) -> Tweak:
        """Returns what leaves k terms."""
        return without(self.base, self.terms[: len(self.terms) - k])

    def frame(self) -> pd.DataFrame:
        """Returns one row a set: how many terms are left, which one goes next, and its numbers."""
        columns = {"terms": np.arange(len(self.chosen)), "next": ["", *self.terms[::-1]]}
        columns |= {
            "chosen": self.chosen,
            self.metric: self.shown.value,
            "share": self.shares.value,
        }
        if self.shares.low is not None:
            columns |= {"share_low": self.shares.low, "share_high": self.shares.high}
        return pd.DataFrame(columns | {"random_mean": self.random.mean(0)})


def without(tweak: Tweak, terms: Iterable[str]) -> Tweak:
    """Returns a tweak that takes terms out besides, by their keys, such as "H[text+audio]"."""
    gone: dict[str, dict[str, float]] = {"H": {}, "D": {}}
    for key in terms:
        gone[key[0]][key[2:-1]] = 0.0
    return replace(
        tweak,
        couplings={**tweak.couplings, **gone["H"]},
        dissipations={**tweak.dissipations, **gone["D"]},
    )


@torch.no_grad()
def prune(
    model: FusionModel,
    choosing: Rows,
    showing: Rows,
    kind: str,
    *,
    orders: int = ORDERS,
    seed: int = 0,
    clusters: np.ndarray | None = None,
) -> Pruning:
    """Returns a model's generator with fewer and fewer terms.

    Args:
        model: a trained QiNN-QJ in eval mode and double precision.
        choosing: features and truth of the rows that choose the order, such as those for validation.
        showing: of other rows, on which the sets are shown. kind: of their target, of `cuts.METRICS`.
        orders: random ones beside the greedy one. seed: of these and the bootstrap. clusters: what the rows that are
            shown share, see `stability.counts`.

    Raises:
        InvalidInput: when the model does not evolve, or truth does not fit the rows.
        NotFound: when there is no such kind of target.
    """
    moving = require(model, "time", "to take terms out of")
    choose("Kind of target", kind, cuts.METRICS)
    names = [
        f"{letter}[{decomposition.subset_name(subset, moving.modalities)}]"
        for letter, subsets in zip("HD", parameters.physics_terms(moving), strict=True)
        for subset in subsets
    ]
    check(
        len(names) > 0,
        f"Argument `model` must evolve, but its evolution is '{moving.settings['evolution']}': "
        "there is no term to take out.",
    )
    tweak, random = moving.tweak or LEARNED, np.random.default_rng(seed)
    kets = [_kets(moving, *rows) for rows in (choosing, showing)]
    G = len(names)
    with progress_shown("Taking terms out") as tell:
        done, total = 0, G * (G + 1) // 2 + (orders + 1) * (G + 1)

        def scores(gone: Iterable[str], place: int) -> np.ndarray:
            nonlocal done
            done += 1
            tell(done, total)
            observables = moving.tweaked(without(tweak, gone)).observables()
            return (base.expectation(observables, kets[place]) + moving.bias).numpy()

        order: list[str] = []
        first = [scores((), 0)]
        while len(order) < G:
            options = {key: scores([*order, key], 0) for key in names if key not in order}
            best = min(options, key=lambda key: _loss(options[key], choosing[1], kind))
            order.append(best)
            first.append(options[best])
        drawn = [order, *(random.permutation(names).tolist() for _ in range(orders))]
        second = [[scores(one[:gone], 1) for gone in range(G, -1, -1)] for one in drawn]
    metric = cuts.METRICS[kind][0]
    chosen, shown = (
        cuts.metric_columns(np.stack(some), truth, kind)
        for some, truth in (
            (first[::-1], choosing[1]),
            ([one for curve in second for one in curve], showing[1]),
        )
    )
    B = len(showing[1])
    enough = stability.enough(B, clusters)
    blocks = [
        np.ones((1, B)),
        *(stability.counts(B, cuts.RESAMPLES, seed, clusters) if enough else ()),
    ]
    values = np.concatenate(
        [cuts.resampled_metrics(shown, block[block.sum(1) > 0])[metric] for block in blocks]
    )
    curve, rest = values[:, : G + 1], values[0, G + 1 :]
    least = np.maximum(curve[:, :1], cuts.chance(np.asarray(showing[1]), kind)[metric])
    gain = curve[:, -1:] - least
    shares = (curve - least) / np.where(gain == 0, np.nan, gain)
    return Pruning(
        tuple(order),
        tweak,
        metric,
        cuts.chance(np.asarray(choosing[1]), kind)[metric],
        cuts.resampled_metrics(chosen, np.ones((1, len(choosing[1]))))[metric][0],
        len(choosing[1]),
        cuts.estimates(curve),
        B,
        cuts.estimates(shares),
        cuts.estimates(gain),
        rest.reshape(orders, G + 1),
    )


def _kets(model: TimeModel, inputs: Mapping[str, Features], truth: np.ndarray) -> Tensor:
    psi = model.product_state(model.encode(inputs)).to(torch.complex128)
    check(
        len(psi) == len(truth) > 0,
        f"Truth must have one value for each of {len(psi)} rows, one at least, but has {len(truth)}.",
    )
    return psi


def _loss(scores: np.ndarray, truth: np.ndarray, kind: str) -> float:
    """Cross-entropy of classes, mean squared error of numbers: what metrics of many rows hardly see, it does."""
    if kind == "classification":
        true = scores[np.arange(len(truth)), np.asarray(truth, dtype=int)]
        return float((logsumexp(scores, axis=1) - true).mean())
    return float(((scores[:, 0] - truth) ** 2).mean())


def retrained(
    model: FusionModel, dataset: DataSet, tweak: Tweak, epochs: int, seed: int = 0
) -> FusionModel:
    """Returns a model whose generator was trained on from where a tweak leaves it, the terms that it takes out at zero
    all the time, as a model of its own.

    Args:
        model: a trained QiNN-QJ; it stays as it is. dataset: that it was trained on; validation rows choose the epoch.
        tweak: of `Pruning.tweak`. epochs: at most so many, with the options of the data set. seed: of their order.
    """
    own = copy.deepcopy(model).double().requires_grad_(True)
    moving = require(own, "time", "to train").tweaked(tweak)
    options = replace(default_options(dataset), epochs=epochs, precision="double")
    trained = loop.fit(moving, dataset, options, seed).model
    with torch.no_grad():
        state, settings = trained.baked(
            dict(trained.state_dict()), dict(trained.settings), str(tweak)
        )
    specs = {name: vars(spec) for name, spec in trained.input_specs.items()}
    whole: FusionModel = registry.rebuild(trained.kind, specs, trained.outputs, settings, state)
    return whole.double().eval().requires_grad_(False)


def retrained_sets(
    model: FusionModel, dataset: DataSet, result: Pruning, epochs: int, seed: int = 0
) -> tuple[np.ndarray, FusionModel]:
    """Returns the metric of `result` on the test rows by how many terms were left to train on, (G + 1,), and the model
    with as many as the smallest generator has; arguments as of `retrained`."""
    G, values, smallest = len(result.terms), [], model
    for k in progress_over(range(G + 1), "Training on", G + 1, lambda _: 1):
        trained = retrained(model, dataset, result.tweak(k), epochs, seed)
        values.append(metrics.evaluate(trained, dataset, "test")[result.metric])
        smallest = trained if k == result.size else smallest
    return np.array(values), smallest


# What a pruning says, in a sentence.


def answer(result: Pruning, name: Callable[[str], str] = str) -> str:
    """How many terms carry how much of what the generator adds, as a title; how many was chosen on other rows.

    Args:
        name: how a key is written.
    """
    short = metrics.describe[result.metric].short
    where = f"on {result.showing:,} test samples"
    gain = float(result.gain.value[0])
    if not result.is_told or result.gain.low is None or result.gain.high is None:
        ends = ""
        if result.gain.low is not None and result.gain.high is not None:
            ends = f" [{result.gain.low[0]:+z.3f}, {result.gain.high[0]:+z.3f}]"
        return f"Not shown that the generator adds to {short}: {gain:+z.3f}{ends} {where}"
    k, G = result.size, len(result.terms)
    low, high = result.shares.low, result.shares.high
    assert low is not None
    assert high is not None
    return (
        f"{k} of {G} terms {'carries' if k == 1 else 'carry'} {share(float(result.shares.value[k]))} "
        f"[{share(float(low[k]))}, {share(float(high[k]))}] of what the generator adds to {short} "
        f"{where}: {listed([name(key) for key in result.left(k)])}"
    )
