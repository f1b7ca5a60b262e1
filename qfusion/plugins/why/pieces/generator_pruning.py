"""The smallest generator: the couplings H_S and the dissipation of A that a QiNN-QJ needs.

Terms are those of `sensitivity`: a factor 0 on H_S, or on the parts L_k^A of all jump operators, removes one, and the
rest is a Lindblad generator in every gauge. Beginning with all, the term without which the loss of the choosing rows is
least is removed next, until nothing evolves (greedy backward elimination; every set is evaluated exactly, by one
evolution of the read-out). The quality of the sets is shown on other rows, as the share

    (metric(k terms) - metric(none)) / (metric(all) - metric(none))

(of none, or of one answer for all where that is better: a read-out that was learned after an evolution can be far off
without it), with bootstrap intervals in which all sets are resampled together, beside the same in random orders. A
greedy order need not hold the best set of each size. As the terms were learned together, a redundant one shows only
that the others suffice now; `generator_retraining` lets them adapt, with removed terms held at zero.

A second order considers all terms at once: a gate on each, drawn anew at every step from a hard concrete distribution
(Louizos, Welling, Kingma 2018, arXiv 1712.01312), is learned against loss + lambda E[terms left], and lambda rises
until all have closed. The one that was open last stays longest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion._progress import progress_shown
from qfusion.explain import bootstrap
from qfusion.models import Features, FusionModel
from qfusion.models.protocols import Evolution
from qfusion.models.tweak import LEARNED, Tweak
from qfusion.plugins.why.cuts import cut_losses
from qfusion.plugins.why.fusion import loss_attribution
from qfusion.quantum import decomposition
from qfusion.quantum.lindblad import evolve
from qfusion.quantum.states import expectation

PART = 0.95  # of what the generator adds, on the choosing rows, that the smallest one has
ORDERS = 20
# of the gates' training: steps, rate of Adam, log alpha at first
GATE_STEPS, GATE_RATE, OPENED = 200, 0.2, 2.0
PRICES = (1e-3, 10.0)  # lambda, first and last, of the loss that the generator takes off
TEMPERATURE, STRETCHED = 2 / 3, (-0.1, 1.1)  # of the distribution, as in the paper
Rows = tuple[Mapping[str, Features], np.ndarray]  # features of some rows, and their truth


class PruningOutcome(StrEnum):
    """Whether few terms of a generator suffice."""

    NO_GAIN = "no significant gain"  # of the whole generator on the rows that show it
    NO_TERMS = "no term helps"  # on the rows that choose
    KEEPS = "keeps part of the gain"


@dataclass(frozen=True, eq=False)
class Pruning:
    """Sets of k = 0 ... G terms of a generator; whatever has an axis (G + 1,) is by how many are left.

    Attributes:
        terms: keys of all G, in the order in which they were taken out.
        base: tweak of the model before that. metric: of `cut_losses.METRICS`, more is better.
        chance: the metric of one answer for all rows that chose the order.
        chosen: metric on these, (G + 1,); of which there are `choosing`.
        shown: metric on the others, with intervals, (G + 1,); of which there are `showing`.
        shares: of what the generator adds to the metric, on these, (G + 1,). gain: what it adds, (1,).
        random: metric on these by random orders, (R, G + 1).
        gated: keys in the order in which L0 gates closed. by_gates: metric on these by that order, (G + 1,).
    """

    terms: tuple[str, ...]
    base: Tweak
    metric: str
    chance: float
    chosen: np.ndarray
    choosing: int
    shown: cut_losses.Estimates
    showing: int
    shares: cut_losses.Estimates
    gain: cut_losses.Estimates
    random: np.ndarray
    gated: tuple[str, ...]
    by_gates: np.ndarray

    @property
    def size(self) -> int:
        """Number of terms of the smallest generator whose gain on the choosing rows is at least `PART` of the gain
        of the best set. It is 0 if no set has a gain.
        """
        gains = self.chosen - max(self.chosen[0], self.chance)
        return int(np.argmax(gains >= PART * gains.max())) if gains.max() > 0 else 0

    @property
    def outcome(self) -> PruningOutcome:
        """Whether the generator improves the metric, and whether `size` terms keep part of the gain."""
        ends = (self.shares.low, self.shares.high, self.gain.low)
        if any(end is None for end in ends) or self.gain.low is None or self.gain.low[0] <= 0:
            return PruningOutcome.NO_GAIN
        return PruningOutcome.KEEPS if self.size else PruningOutcome.NO_TERMS

    def left(self, k: int) -> tuple[str, ...]:
        """Keys of the k terms that go last, the last one first."""
        return self.terms[::-1][:k]

    def tweak(self, k: int) -> Tweak:
        """Return the tweak that leaves k terms."""
        return remove_terms(self.base, self.terms[: len(self.terms) - k])

    def frame(self) -> pd.DataFrame:
        """Return one row per set: how many terms are left, which term is removed next, and the numbers of the set."""
        columns = {
            "terms": np.arange(len(self.chosen)),
            "next": ["", *self.terms[::-1]],
            "next_by_gates": ["", *self.gated[::-1]],
            "chosen": self.chosen,
            self.metric: self.shown.value,
            "share": self.shares.value,
        }
        if self.shares.low is not None:
            columns |= {"share_low": self.shares.low, "share_high": self.shares.high}
        return pd.DataFrame(
            columns | {"by_gates": self.by_gates, "random_mean": self.random.mean(0)}
        )


def remove_terms(tweak: Tweak, terms: Iterable[str]) -> Tweak:
    """Return the tweak with further terms removed, given by their keys, such as "H[text+audio]"."""
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
    """Return a model's generator with fewer and fewer terms.

    Args:
        model: a trained QiNN-QJ in eval mode and double precision.
        choosing: features and truth of the rows that choose the order, such as those for validation.
        showing: of other rows, on which the sets are shown. kind: of their target, of `cut_losses.METRICS`.
        orders: random ones beside the greedy one. seed: of these and the bootstrap. clusters: what the rows that are
            shown share, see `bootstrap.counts`.

    Raises:
        InvalidInput: when the model does not evolve, or truth does not fit the rows.
        NotFound: when there is no such kind of target.
    """
    moving = model.require(Evolution, "to take terms out of")
    choose("Kind of target", kind, cut_losses.METRICS)
    names = [
        f"{letter}[{decomposition.subset_name(subset, moving.modalities)}]"
        for letter, subsets in zip("HD", moving.term_subsets(), strict=True)
        for subset in subsets
    ]
    check(
        len(names) > 0,
        f"Argument `model` must evolve, but its evolution is '{moving.settings['evolution']}': "
        "there is no term to take out.",
    )
    tweak, random = moving.tweak or LEARNED, np.random.default_rng(seed)
    kets = [product_kets(moving, *rows) for rows in (choosing, showing)]
    G = len(names)
    with progress_shown("Taking terms out") as tell:
        done, total = 0, 1 + G * (G + 1) // 2 + (orders + 2) * (G + 1) + 2 * GATE_STEPS

        def step(cost: int = 1) -> None:
            nonlocal done
            done += cost
            tell(done, total)

        def scores(gone: Iterable[str], place: int) -> np.ndarray:
            step()
            observables = moving.tweaked(remove_terms(tweak, gone)).observables()
            return (expectation(observables, kets[place]) + moving.bias).numpy()

        order: list[str] = []
        first = [scores((), 0)]
        while len(order) < G:
            options = {key: scores([*order, key], 0) for key in names if key not in order}
            best = min(options, key=lambda key: prediction_loss(options[key], choosing[1], kind))
            order.append(best)
            first.append(options[best])
        scale = abs(
            prediction_loss(first[-1], choosing[1], kind)
            - prediction_loss(first[0], choosing[1], kind)
        )
        gated = _closing(moving, kets[0], choosing[1], kind, scale, seed, lambda: step(2))
        drawn = [
            order,
            [names[place] for place in gated],
            *(random.permutation(names).tolist() for _ in range(orders)),
        ]
        second = [[scores(one[:gone], 1) for gone in range(G, -1, -1)] for one in drawn]
    metric = cut_losses.METRICS[kind][0]
    chosen, shown = (
        cut_losses.metric_columns(np.stack(some), truth, kind)
        for some, truth in (
            (first[::-1], choosing[1]),
            ([one for curve in second for one in curve], showing[1]),
        )
    )
    B = len(showing[1])
    units = bootstrap.independent_units(B, clusters)
    lowest = cut_losses.chance(np.asarray(showing[1]), kind)[metric]

    def curve_shares_gain(weights: np.ndarray) -> np.ndarray:
        curve = cut_losses.resampled_metrics(shown, weights)[metric][:, : G + 1]
        least = np.maximum(curve[:, :1], lowest)
        gain = curve[:, -1:] - least
        shares = (curve - least) / np.where(gain == 0, np.nan, gain)
        return np.concatenate([curve, shares, gain], 1)

    values = bootstrap.resample(curve_shares_gain, B, cut_losses.RESAMPLES, seed, clusters)
    curve, shares, gain = np.split(values, [G + 1, 2 * (G + 1)], 1)
    rest = cut_losses.resampled_metrics(shown, np.ones((1, B)))[metric][0, G + 1 :]
    rest = rest.reshape(orders + 1, G + 1)
    chance = cut_losses.chance(np.asarray(choosing[1]), kind)[metric]
    every_row = np.ones((1, len(choosing[1])))
    on_choosing = cut_losses.resampled_metrics(chosen, every_row)[metric][0]
    return Pruning(
        tuple(order),
        tweak,
        metric,
        chance,
        on_choosing,
        len(choosing[1]),
        cut_losses.estimates(curve, units),
        B,
        cut_losses.estimates(shares, units),
        cut_losses.estimates(gain, units),
        rest[1:],
        tuple(drawn[1]),
        rest[0],
    )


@torch.enable_grad()
def _closing(
    model: Evolution,
    kets: Tensor,
    truth: np.ndarray,
    kind: str,
    scale: float,
    seed: int,
    on_step: Callable[[], None],
) -> list[int]:
    """Places of the terms, of H before D, in the order in which L0 gates on them close, where the generator takes
    `scale` off the loss."""
    couplings, dissipations = model.term_subsets()
    n = len(couplings)
    G = len(couplings) + len(dissipations)
    with torch.no_grad():
        generator = decomposition.traceless(model.generator())
        O = model.readout()
    target = torch.as_tensor(truth, dtype=torch.long if kind == "classification" else torch.float64)
    random = torch.Generator().manual_seed(seed)
    opened = torch.zeros(G, dtype=torch.float64)
    log_alpha = torch.full((G,), OPENED, dtype=torch.float64, requires_grad=True)
    optimiser, (low, high) = torch.optim.Adam([log_alpha], GATE_RATE), STRETCHED
    for step, price in enumerate(np.geomspace(*PRICES, GATE_STEPS) * scale):
        on_step()
        u = torch.rand(G, generator=random, dtype=torch.float64)
        drawn = ((u.logit() + log_alpha) / TEMPERATURE).sigmoid() * (high - low) + low
        gates = drawn.clamp(0, 1)
        acting = decomposition.scale_generator(
            generator,
            dict(zip(couplings, gates[:n], strict=True)),
            dict(zip(dissipations, gates[n:], strict=True)),
        )
        evolved = evolve(acting, O, [model.duration], "observables")[0]
        scores = expectation(evolved, kets) + model.bias
        loss = (
            torch.nn.functional.cross_entropy(scores, target)
            if kind == "classification"
            else torch.nn.functional.mse_loss(scores[:, 0], target)
        )
        is_open = (log_alpha - TEMPERATURE * math.log(-low / high)).sigmoid()
        optimiser.zero_grad()
        (loss + price * is_open.sum()).backward()
        optimiser.step()
        opened[(log_alpha.detach().sigmoid() * (high - low) + low) > 0.5] = step + 1.0
    return [int(place) for place in (opened + log_alpha.detach().sigmoid()).argsort(stable=True)]


def product_kets(model: Evolution, inputs: Mapping[str, Features], truth: np.ndarray) -> Tensor:
    """Return the product states of the samples, (B, D).

    Raises:
        InvalidInput: when there are no samples, or `truth` has another number of values.
    """
    psi = model.product_state(model.encode(inputs)).to(torch.complex128)
    check(
        len(psi) == len(truth) > 0,
        f"Truth must have one value for each of {len(psi)} rows, one at least, but has {len(truth)}.",
    )
    return psi


def prediction_loss(scores: np.ndarray, truth: np.ndarray, kind: str) -> float:
    """Return the cross-entropy of classes or the mean squared error of numbers. The loss is sensitive to changes
    that metrics of many rows hardly show.
    """
    loss = "cross_entropy" if kind == "classification" else "mse"
    return float(loss_attribution.losses(scores[:, None], np.asarray(truth), loss).mean())
