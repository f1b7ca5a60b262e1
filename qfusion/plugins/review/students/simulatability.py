"""Whether explanations help a student to predict a model's decisions, and how many samples they save.

Students (see `students`) learn to predict the decisions of a model from n samples. They differ in what else they learn
from, never in what they are asked with, which is a sample's inputs alone:

    decisions alone          nothing else
    contributions            Harsanyi dividends of the explained score, as an auxiliary target
    scores                   this score, which contributions add up to: what they leak of the decision (distillation;
                             Hinton, Vinyals and Dean 2015)
    other attributions       as given, by their names
    shuffled contributions   contributions of other samples: a control that cannot help

The weight of an auxiliary target is chosen, for each student, by cross-validation within its own n samples, for the
control as for all; it is 0 unless another one is better by more than a standard error. The student then learns from
all n. The agreement with the model on unseen samples, as a function of n, gives the number of samples that an
explanation is worth: by what factor the curve is shifted along log n, in the mean over the agreements that both curves
reach. Intervals are of a bootstrap over draws of the n samples, with the student's first weights, and over unseen
samples.

Sources: Pruthi et al. 2022, Transactions of the ACL 10, 359 (explanations at training time only); Hase and Bansal
2020, ACL, 5540 (simulatability, and leakage where an explanation is there when the student is asked).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check, require_finite
from qfusion.explain import bootstrap
from qfusion.plugins.review.students import students

ALONE = "decisions alone"
CONTRIBUTIONS = "contributions"
SCORES = "scores"
SHUFFLED = "shuffled contributions"
WEIGHTS = (0.0, 10.0, 100.0)  # of an auxiliary target whose total variance is 1
DRAWS = FEWEST_DRAWS = 10  # of the samples to learn from
FIRST, LAST = 16, 512  # numbers of samples to learn from
WIDTH = 16  # principal components of an auxiliary target
FOLDS = 3  # of the cross-validation that chooses the weight
FEWEST = 60  # samples to learn from or unseen ones, at least
RESAMPLES = 1000
LEVELS = 50  # agreements at which curves are compared


@dataclass(frozen=True, eq=False)
class StudentData:
    """Samples to draw from, with what a teacher says of them, and unseen samples.

    Attributes:
        inputs: of the N samples to draw from, (N, F). decisions: of the model, class numbers (N,).
        targets: of auxiliary heads, (N, K) by arm; `CONTRIBUTIONS` must be there.
        unseen_inputs: (T, F). unseen_decisions: (T,).
        clusters: numbers of what unseen samples share, (T, k), see `bootstrap.counts`.
    """

    inputs: np.ndarray
    decisions: np.ndarray
    targets: Mapping[str, np.ndarray]
    unseen_inputs: np.ndarray
    unseen_decisions: np.ndarray
    clusters: np.ndarray | None = None


@dataclass(frozen=True)
class Factor:
    """How many times fewer samples a student needs.

    Attributes:
        interval: of the factor; above 1 fewer samples, below 1 more.
        is_bound: whether one curve lies above all of the other, so that the factor is the largest one that the numbers
            of samples can show, or the inverse of it.
    """

    interval: bootstrap.Interval
    is_bound: bool = False

    @property
    def helps(self) -> bool:
        """Whether the factor and its interval lie above 1."""
        return self.interval.known and min(self.interval.low, self.interval.value) > 1

    @property
    def hurts(self) -> bool:
        """Whether the factor and its interval lie below 1."""
        return self.interval.known and max(self.interval.high, self.interval.value) < 1


@dataclass(frozen=True)
class Arm:
    """Students that learn from one kind of target.

    Attributes:
        agreement: share of unseen samples on which the student predicts the model's decision, by number of samples.
        weight: mean of the chosen weights, by number of samples. unused: share of draws in which it is 0.
        factor: how many times fewer samples than decisions alone; None for decisions alone themselves, and for all arms
            where decisions alone teach nothing.
        beyond_scores: how many times fewer samples than scores; None for scores, where there are none, and likewise.
        beyond_control: how many times fewer samples than shuffled contributions; None for these, and likewise.
    """

    agreement: tuple[bootstrap.Interval, ...]
    weight: tuple[float, ...]
    unused: tuple[float, ...]
    factor: Factor | None = None
    beyond_scores: Factor | None = None
    beyond_control: Factor | None = None


@dataclass(frozen=True)
class Simulatability:
    """What explanations of a model are worth to a student.

    Attributes:
        sizes: numbers of samples to learn from, ascending.
        arms: by name, `ALONE` first.
        majority: share of the unseen samples with their most frequent decision.
        gain: agreement of students that learn from decisions alone, at the last size, less `majority`.
        drawn_from, unseen: numbers of samples. draws: of the samples to learn from. seed: of all draws.
        classes: number of different decisions.
    """

    sizes: tuple[int, ...]
    arms: Mapping[str, Arm]
    majority: float
    gain: bootstrap.Interval
    drawn_from: int
    unseen: int
    draws: int
    seed: int
    classes: int

    @property
    def learns(self) -> bool:
        """Whether students that learn from decisions alone agree with the model above the majority share."""
        return self.gain.known and self.gain.low > 0

    def frame(self) -> pd.DataFrame:
        """Return a row for each arm and number of samples."""
        rows = []
        for name, arm in self.arms.items():
            for n, agreement, weight, unused in zip(
                self.sizes, arm.agreement, arm.weight, arm.unused, strict=True
            ):
                row: dict[str, object] = {
                    "learns from": name,
                    "samples": n,
                    "agreement": agreement.value,
                    "agreement:low": agreement.low,
                    "agreement:high": agreement.high,
                    "mean weight": weight,
                    "weight 0": unused,
                }
                rows.append(row)
        return pd.DataFrame(rows)

    def factors(self) -> pd.DataFrame:
        """Return a row for each arm but the first: how many times fewer samples, with intervals."""
        rows = []
        for name, arm in self.arms.items():
            if name == ALONE:
                continue
            row: dict[str, object] = {"learns from": name}
            columns = {
                "factor": arm.factor,
                "beyond scores": arm.beyond_scores,
                "beyond control": arm.beyond_control,
            }
            for column, factor in columns.items():
                interval = None if factor is None else factor.interval
                row[column] = np.nan if interval is None else interval.value
                row[f"{column}:low"] = np.nan if interval is None else interval.low
                row[f"{column}:high"] = np.nan if interval is None else interval.high
            rows.append(row)
        return pd.DataFrame(rows)


def measure(
    data: StudentData, *, draws: int = DRAWS, last: int = LAST, seed: int = 0
) -> Simulatability:
    """Return what the targets are worth to a student.

    Args:
        data: samples and targets.
        draws: how many times the samples to learn from are drawn, with other first weights.
        last: largest number of samples to learn from; at most half of those to draw from are used, so that draws
            differ.
        seed: of the draws, the first weights, and the bootstrap.

    Raises:
        InvalidInput: when there are too few samples or clusters, a number is not finite, all decisions are equal, or
            shapes do not fit.
    """
    _check_data(data)
    check(
        draws >= FEWEST_DRAWS,
        f"Argument `draws` must be at least {FEWEST_DRAWS} for an interval, but is {draws}.",
    )
    sizes = sample_sizes(len(data.decisions), last)
    targets = _with_shuffled(data.targets, seed)
    scaled = {name: _scale_target(target) for name, target in targets.items()}
    names = (ALONE, *scaled)
    distillation = _Distillation(data, scaled, seed)
    hits = np.empty((len(names), len(sizes), draws, len(data.unseen_decisions)), dtype=bool)
    weights = np.empty(hits.shape[:3])
    for place, n in enumerate(sizes):
        weights[:, place], hits[:, place] = distillation.fit(n, draws)
    return _summarize(data, names, sizes, hits, weights, seed)


def sample_sizes(N: int, last: int = LAST) -> tuple[int, ...]:
    """Return the numbers of samples to learn from, each twice the one before, of N samples to draw from."""
    sizes = []
    n = FIRST
    while n <= min(last, N // 2):
        sizes.append(n)
        n *= 2
    return tuple(sizes)


def _check_data(data: StudentData) -> None:
    N = len(data.decisions)
    T = len(data.unseen_decisions)
    check(
        min(N, T) >= FEWEST,
        f"Students need at least {FEWEST} samples to learn from and as many unseen ones, but there are {N} and {T}. "
        "Use a larger data set.",
    )
    for name in ("decisions", "unseen_decisions"):
        _check_decisions(name, getattr(data, name))
    present = np.unique(data.decisions)
    check(
        len(present) > 1,
        "The model's decisions must differ, but are the same on all samples to learn from, so there is nothing to "
        "predict. Choose another model or data set.",
    )
    check(
        CONTRIBUTIONS in data.targets,
        f"Argument `data` must have the targets '{CONTRIBUTIONS}', but has {sorted(data.targets)}.",
    )
    reserved = {ALONE, SHUFFLED} & set(data.targets)
    check(
        not reserved,
        f"Targets must not be named {sorted(reserved)}: these are students without a target and the control. Rename "
        "them.",
    )
    check(
        bootstrap.has_enough(T, data.clusters),
        f"Unseen samples must come from at least {bootstrap.FEWEST} groups for an interval, but come from fewer. Use a "
        "data set with more groups.",
    )
    require_finite("inputs", data.inputs)
    require_finite("unseen_inputs", data.unseen_inputs)
    width = data.inputs.shape[1]
    check(
        data.unseen_inputs.shape == (T, width),
        f"Argument `unseen_inputs` must have shape ({T}, {width}), as `inputs` have {width} columns, but has shape "
        f"{data.unseen_inputs.shape}.",
    )
    for name, target in data.targets.items():
        check(
            target.ndim == 2 and len(target) == N,
            f"Target '{name}' must have shape ({N}, K), but has shape {target.shape}.",
        )
        require_finite(name, target)


def _check_decisions(name: str, decisions: np.ndarray) -> None:
    dtype = np.asarray(decisions).dtype
    is_numbers = np.issubdtype(dtype, np.integer)
    check(
        np.ndim(decisions) == 1 and is_numbers and np.min(decisions) >= 0,
        f"Argument `{name}` must be a row of class numbers, 0 or more, but is an array of {dtype} of shape "
        f"{np.shape(decisions)}. Number the classes from 0.",
    )


def _with_shuffled(targets: Mapping[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Return the targets with a control: contributions, each of another sample."""
    contributions = targets[CONTRIBUTIONS]
    order = np.random.default_rng([seed, 1]).permutation(len(contributions))
    shuffled = np.empty_like(contributions)
    shuffled[order] = contributions[np.roll(order, 1)]
    return {**targets, SHUFFLED: shuffled}


def _scale_target(target: np.ndarray) -> np.ndarray:
    """Return the leading principal components of a target with total variance 1; a constant one is zero.

    A linear head with a squared loss does as well in any rotated basis, so only the components left out matter.
    """
    centred = target - target.mean(0)
    width = min(WIDTH, *centred.shape)
    if centred.shape[1] > len(
        centred
    ):  # the eigenvectors of the smaller of the two products of the matrix
        variances, vectors = np.linalg.eigh(centred @ centred.T)
        parts = vectors[:, -width:] * np.sqrt(variances[-width:].clip(0))
    else:
        parts = centred @ np.linalg.eigh(centred.T @ centred)[1][:, -width:]
    total = float(np.sqrt(parts.var(0).sum()))
    return (
        parts / total
        if total > 1e-9 * max(float(np.abs(target).max(initial=0)), 1e-300)
        else 0 * parts
    )


class _Distillation:
    """Students of every arm on n samples."""

    def __init__(self, data: StudentData, targets: Mapping[str, np.ndarray], seed: int):
        self.inputs = torch.from_numpy(np.asarray(data.inputs, dtype=np.float32))
        self.unseen = torch.from_numpy(np.asarray(data.unseen_inputs, dtype=np.float32))
        self.unseen_decisions = torch.from_numpy(np.asarray(data.unseen_decisions, dtype=np.int64))
        self.decisions = torch.from_numpy(np.asarray(data.decisions, dtype=np.int64))
        highest = max(int(data.decisions.max()), int(data.unseen_decisions.max()))
        self.classes = highest + 1
        width = max(target.shape[1] for target in targets.values())
        padded = [
            np.pad(target, ((0, 0), (0, width - target.shape[1]))) for target in targets.values()
        ]
        self.targets = torch.from_numpy(np.stack(padded, 1).astype(np.float32))  # (N, arms, K)
        self.seed = seed

    def fit(self, n: int, draws: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the chosen weights (1 + arms, draws) and where students agree with the model, (1 + arms, draws, T)."""
        rows = self._draw_rows(n, draws)
        chosen = self._choose_weights(rows)
        everything = [None, *range(self.targets.shape[1])]
        weights = torch.cat([torch.zeros(draws, 1), chosen], 1)
        taught = self._train(rows, everything, weights)
        predicted = taught.logits(self.unseen).argmax(-1)
        hits = (predicted == self.unseen_decisions).transpose(0, 1)
        return weights.T.numpy(), hits.numpy()

    def _draw_rows(self, n: int, draws: int) -> torch.Tensor:
        """Return the rows of every draw, (draws, n); those of more samples contain those of fewer."""
        orders = [
            np.random.default_rng([self.seed, 2, draw]).permutation(len(self.decisions))[:n]
            for draw in range(draws)
        ]
        return torch.from_numpy(np.stack(orders))

    def _choose_weights(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the weights with the best agreement on held-out samples of every draw, (draws, arms).

        Of equal ones it is the smallest.
        """
        draws, n = rows.shape
        arms = self.targets.shape[1]
        fold = torch.arange(n) % FOLDS
        size = n - n // FOLDS - (n % FOLDS > 0)
        learnt = torch.cat([rows[:, fold != one][:, :size] for one in range(FOLDS)])
        positive = WEIGHTS[1:]
        columns = [None, *(arm for arm in range(arms) for _ in positive)]
        weights = torch.tensor([0.0, *positive * arms]).expand(len(learnt), -1)
        taught = self._train(learnt, columns, weights)
        logits = taught.logits(self.inputs[rows.repeat(FOLDS, 1)])
        hits = logits.argmax(-1) == self.decisions[rows.repeat(FOLDS, 1)][:, None]
        hits = hits.view(FOLDS, draws, len(columns), n)
        held_out = hits[fold, :, :, torch.arange(n)].permute(1, 2, 0)  # (draws, columns, n)
        with_target = held_out[:, 1:].view(draws, arms, len(positive), n)
        return torch.tensor(WEIGHTS)[_choose(held_out[:, None, :1], with_target)]

    def _train(
        self, rows: torch.Tensor, columns: Sequence[int | None], weights: torch.Tensor
    ) -> students.Students:
        """Return students of draws, one for each arm of `columns`; None is that without a target."""
        target = self.targets[rows]
        places = torch.tensor([0 if column is None else column for column in columns])
        lesson = students.Lesson(
            inputs=self.inputs[rows],
            decisions=self.decisions[rows],
            classes=self.classes,
            targets=target[:, :, places],
            weights=weights,
            seeds=[self.seed * 1000 + place for place in range(len(rows))],
        )
        return students.train_students(lesson)


def _choose(without: torch.Tensor, with_target: torch.Tensor) -> torch.Tensor:
    """Return the place of the best weight, 0 unless one is better than 0 by more than a standard error (Breiman et al.
    1984, section 3.4.3); of equal ones the smallest.

    Args:
        without: where students without target are right, (..., 1, n). with_target: with each weight, (..., W, n).
    """
    gain = with_target.sum(-1) - without.sum(-1)
    error = (with_target != without).sum(-1).double().sqrt()
    gain = torch.where(gain > error, gain, 0)
    is_best = gain == gain.amax(-1, keepdim=True)
    place = is_best.to(torch.uint8).argmax(-1) + 1
    return torch.where(gain.amax(-1) > 0, place, 0)


def _summarize(
    data: StudentData,
    names: Sequence[str],
    sizes: tuple[int, ...],
    hits: np.ndarray,
    weights: np.ndarray,
    seed: int,
) -> Simulatability:
    """Return the result from where students agree with the model, (arms, sizes, draws, T)."""
    counts = np.bincount(data.unseen_decisions)
    is_majority = data.unseen_decisions == int(counts.argmax())
    own = hits.mean((2, 3))
    curves, majorities = _resample(hits, is_majority, data.clusters, seed)
    n = hits.shape[-1]
    gain = _interval(float(own[0, -1] - is_majority.mean()), curves[:, 0, -1] - majorities, n)
    learns = gain.low > 0
    references = {name: names.index(name) for name in (ALONE, SCORES, SHUFFLED) if name in names}

    def against(name: str, reference: str) -> Factor | None:
        if not learns or name in (ALONE, reference) or reference not in references:
            return None
        return _factor(sizes, own, curves, names.index(name), references[reference], n)

    arms = {}
    for place, name in enumerate(names):
        agreement = tuple(
            _interval(float(own[place, at]), curves[:, place, at], n) for at in range(len(sizes))
        )
        arms[name] = Arm(
            agreement=agreement,
            weight=tuple(weights[place].mean(1).tolist()),
            unused=tuple((weights[place] == 0).mean(1).tolist()),
            factor=against(name, ALONE),
            beyond_scores=against(name, SCORES),
            beyond_control=against(name, SHUFFLED),
        )
    return Simulatability(
        sizes=sizes,
        arms=arms,
        majority=float(is_majority.mean()),
        gain=gain,
        drawn_from=len(data.decisions),
        unseen=n,
        draws=hits.shape[2],
        seed=seed,
        classes=len(np.unique(data.decisions)),
    )


def _resample(
    hits: np.ndarray, is_majority: np.ndarray, clusters: np.ndarray | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the agreement of resampled draws and unseen samples, (B, arms, sizes), and the majority shares, (B,)."""
    draws, T = hits.shape[2:]
    numbers = hits.astype(np.float32)
    curves, majorities = [], []
    of_rows = bootstrap.counts(T, RESAMPLES, seed, clusters)
    of_draws = np.concatenate(list(bootstrap.counts(draws, RESAMPLES, seed + 1))) / draws
    begin = 0
    for block in of_rows:
        weights = of_draws[begin : begin + len(block)]
        begin += len(block)
        totals = block.sum(1)
        shares = block[totals > 0] / totals[totals > 0, None]  # crossed clusters can leave none
        by_draw = numbers @ shares.T.astype(np.float32)  # (arms, sizes, draws, b)
        curves.append(np.einsum("asdb,bd->bas", by_draw, weights[totals > 0]))
        majorities.append(shares @ is_majority)
    return np.concatenate(curves), np.concatenate(majorities)


def _interval(value: float, drawn: np.ndarray, n: int) -> bootstrap.Interval:
    low, high = np.quantile(drawn, bootstrap.EDGES)
    return bootstrap.Interval(value, float(low), float(high), n, len(drawn))


def _factor(
    sizes: Sequence[int],
    own: np.ndarray,
    curves: np.ndarray,
    arm: int,
    against: int,
    n: int,
) -> Factor:
    value, is_bound = shift(sizes, own[against], own[arm])
    drawn = np.array([shift(sizes, curve[against], curve[arm])[0] for curve in curves])
    return Factor(_interval(value, drawn, n), is_bound)


def shift(sizes: Sequence[int], before: np.ndarray, after: np.ndarray) -> tuple[float, bool]:
    """Return how many times fewer samples the curve `after` needs than `before` for the same agreement.

    Both are made monotone (isotonic regression) and interpolated in log n; the factor is the geometric mean over the
    agreements that both reach. If one lies above all of the other, it is the ratio of the last to the first number of
    samples, or the inverse, which bounds it. Where they have a single agreement in common, as where one is flat, the
    middle of the numbers of samples counts at which a curve has it.

    Args:
        sizes: numbers of samples, ascending. before, after: agreements, (n,).

    Returns:
        The factor, and whether it is a bound.
    """
    logs = np.log(np.asarray(sizes, dtype=float))
    first = _make_monotone(before)
    second = _make_monotone(after)
    low = max(first[0], second[0])
    high = min(first[-1], second[-1])
    span = float(np.exp(logs[-1] - logs[0]))
    if high < low:
        return (span, True) if second[0] > first[-1] else (1 / span, True)
    if high == low:
        factor = float(np.exp(_middle_at(low, first, logs) - _middle_at(low, second, logs)))
        return factor, bool(np.isclose(abs(np.log(factor)), np.log(span)))
    levels = low + (np.arange(LEVELS) + 0.5) / LEVELS * (high - low)
    distance = _samples_at(levels, first, logs) - _samples_at(levels, second, logs)
    return float(np.exp(distance.mean())), False


def _middle_at(level: float, curve: np.ndarray, logs: np.ndarray) -> float:
    """Return log n in the middle of where a non-decreasing curve has a level."""
    if level in curve:
        return float(logs[curve == level].take([0, -1]).mean())
    return float(np.interp(level, curve, logs))


def _make_monotone(curve: np.ndarray) -> np.ndarray:
    """Return the least-squares non-decreasing curve (pool adjacent violators)."""
    blocks: list[tuple[float, int]] = []
    for value in curve.tolist():
        mean, size = value, 1
        while blocks and blocks[-1][0] >= mean:
            before, count = blocks.pop()
            mean = (before * count + mean * size) / (count + size)
            size += count
        blocks.append((mean, size))
    return np.concatenate([np.full(size, mean) for mean, size in blocks])


def _samples_at(levels: np.ndarray, curve: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Return log n at which a non-decreasing curve reaches levels between its ends: the first such place."""
    right = np.searchsorted(curve, levels, side="left").clip(1, len(curve) - 1)
    rise = curve[right] - curve[right - 1]
    part = np.divide(levels - curve[right - 1], rise, out=np.ones_like(levels), where=rise > 0)
    return logs[right - 1] + part.clip(0, 1) * (logs[right] - logs[right - 1])
