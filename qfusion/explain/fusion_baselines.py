"""What fusion is worth on data, before any model of ours is trained: small models of a fixed family predict the target
from every modality alone, late (each modality's part added up) and jointly, each row by models that did not see it.

    single    the best modality by itself
    late      parts of single modalities add up: log-odds of classes, or numbers; a linear model of all features too
    joint     all features together: trees, a network, and these stacked on the late one

Rows that share content are held out together, so that no model predicts a picture that it saw: by declared groups
(videos, pictures) and by equal content of any modality, see `data.shared_content.find_shared_rows`. Weights by which
outputs are added are 0 or more, and no output counts that predicts held-out rows worse than their base rate does: what
is learned of one row of a balanced pair is false of the other, and a negative weight would call that information. Rows
are training and validation rows. Where features were made with these rows' labels, as by a network trained on them,
held-out rows of them are predicted far better than test rows are, and then test rows alone are taken
(`find_label_leak`).
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from qfusion._checks import check
from qfusion.data import DataSet, shared_content
from qfusion.explain import bootstrap

ROWS = 4000  # rows of a task, at most
FEWEST = 60  # rows of a task, at least
WIDTH = 40  # components of a modality, at most
LEARNT = "train+valid"  # rows of a task
UNSEEN = (
    "test"  # rows of a task where features seem to have been made with the labels of training rows
)
LEAK = 0.15  # of the target's spread, by which test rows are predicted worse where features were made with labels
FAMILY = LINEAR, TREES, NETWORK = ("linear", "trees", "network")
BASE = "base rate"  # no model: the shares of the classes, or the mean
KINDS = SINGLE, LATE, JOINT = ("single", "late", "joint")
ACCURACY = "accuracy"
SIGN = "accuracy of the sign"
R2 = "R²"
TINY = 1e-4  # of a probability: what is less is taken as this
ROUNDING = 1e-6  # of a loss, by which a model must be better than the base rate
Outputs = np.ndarray  # (n, C) log probabilities of classes, (n, 1) of a number


@dataclass(frozen=True)
class LabelLeak:
    """Features of a modality that seem to have been made with the labels of training rows.

    Attributes:
        modality: name. outside, inside: losses of test rows and of training rows that were held out.
        rows: number of test rows.
    """

    modality: str
    outside: float
    inside: float
    rows: int


@dataclass(frozen=True, eq=False)
class Task:
    """Rows of a data set, ready to be predicted.

    Attributes:
        features: of every modality, (N, k), uncorrelated and of one scale; k of at most `WIDTH`.
        y: targets (N,): class numbers from 0 without gaps, or numbers.
        classes: how many; 0 of a number.
        groups: of every row and way of grouping, the fold of what it shares, (N, k).
        folds: how many.
        shared: numbers of what rows share, (N, k), see `bootstrap.counts`; None where rows are independent.
        apart: numbers of contents, (N, j): models do not learn from rows that share one with a row that they predict.
        different: how many different contents a modality has, where some rows share one.
        rows: of the data set, (N,). whole: how many these are drawn from. split: of these.
        leak: why test rows were taken, where training rows were not.
    """

    features: Mapping[str, np.ndarray]
    y: np.ndarray
    classes: int
    groups: np.ndarray
    folds: int
    shared: np.ndarray | None
    apart: np.ndarray
    different: Mapping[str, int]
    rows: np.ndarray
    whole: int
    split: str = ""
    leak: LabelLeak | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities."""
        return tuple(self.features)

    @cached_property
    def predicted(self) -> np.ndarray:
        """Positions of the rows that are predicted: those in the same fold in every grouping."""
        return np.flatnonzero((self.groups == self.groups[:, :1]).all(1))

    @cached_property
    def truth(self) -> np.ndarray:
        """Targets of the rows that are predicted."""
        return self.y[self.predicted]

    @property
    def clusters(self) -> np.ndarray | None:
        """Numbers of what the predicted rows share, or None if rows are independent."""
        return None if self.shared is None else self.shared[self.predicted]

    @property
    def metric(self) -> str:
        """Name of the metric for predictions."""
        if self.classes:
            return ACCURACY
        return SIGN if self.y.min() < 0 < self.y.max() else R2

    def parts(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield of every fold the rows to learn from, those to predict, and the latter's places among `predicted`."""
        own = self.groups[self.predicted, 0]
        for fold in range(self.folds):
            places = np.flatnonzero(own == fold)
            if len(places):
                ask = self.predicted[places]
                learn = (self.groups != fold).all(1)
                for column in self.apart.T:
                    learn &= ~np.isin(column, column[ask])
                yield np.flatnonzero(learn), ask, places

    def inputs(self, names: Sequence[str]) -> np.ndarray:
        """Features of some modalities side by side, (N, ...)."""
        return np.concatenate([self.features[name] for name in names], 1)


def pooled(dataset: DataSet, name: str, rows: np.ndarray) -> np.ndarray:
    """Return features of a modality (N, F); of sequences mean and deviation over their steps, (N, 2 F)."""
    parts = []
    for block in dataset.blocks(rows):
        values, lengths = dataset.features(name, block)
        values = np.asarray(values, dtype=np.float64)
        if lengths is not None:
            steps = np.maximum(lengths, 1)[:, None]
            real = (np.arange(values.shape[1]) < steps)[..., None]
            mean = (values * real).sum(1) / steps
            spread = np.sqrt((((values - mean[:, None]) * real) ** 2).sum(1) / steps)
            values = np.concatenate([mean, spread], 1)
        parts.append(values.reshape(len(block), -1))
    return np.concatenate(parts)


def components(values: np.ndarray, width: int = WIDTH) -> np.ndarray:
    """Return the leading principal components of standardised features, scaled by one number to unit mean variance."""
    from sklearn.decomposition import PCA

    centred = values - values.mean(0)
    spread = centred.std(0)
    varying = spread > 1e-9 * max(float(spread.max(initial=0)), 1e-300)
    check(bool(varying.any()), "A modality has the same features in all rows. Leave it out.")
    scaled = np.clip(centred[:, varying] / spread[varying], -8, 8)  # a few outliers set no axis
    size = min(width, *scaled.shape)
    parts = PCA(size, svd_solver="randomized", random_state=0).fit_transform(scaled)
    return parts / parts.std(0).mean()


def task(dataset: DataSet, rows: int = ROWS, width: int = WIDTH) -> Task:
    """Return the task of predicting rows of a data set, which are drawn at random if there are more than `rows`. Twice
    as many are drawn if rows share two things or more, because only rows that are held out by all of these are
    predicted.

    Raises:
        InvalidInput: when there is one modality, a target of one value, or too few rows.
    """
    leak = find_label_leak(dataset, rows)
    split = UNSEEN if leak else LEARNT
    every = dataset.rows(split)
    several = dataset.clusters is not None and dataset.clusters.numbers.shape[1] > 1
    chosen = drawn(every, 2 * rows if several else rows)
    shared = None if dataset.clusters is None else dataset.clusters.numbers[chosen]
    features = {name: pooled(dataset, name, chosen) for name in dataset.names}
    result = of_features(features, dataset.y[chosen], bool(dataset.target.classes), shared, width)
    return replace(result, rows=chosen, whole=len(every), split=split, leak=leak)


def drawn(rows: np.ndarray, most: int) -> np.ndarray:
    """Return at most so many of some rows, ascending, drawn at random with seed 0."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:most])


def find_label_leak(dataset: DataSet, rows: int = ROWS) -> LabelLeak | None:
    """Return the modality whose features seem to have been made with the labels of training rows, or None if there is
    none.

    A linear model of each modality predicts training rows that it did not see, and test rows. Where it predicts the
    test rows much worse, held-out training rows overstate what the modality tells of the target.
    """
    parts = [drawn(dataset.rows(split), rows) for split in (LEARNT, UNSEEN)]
    if len(np.unique(dataset.y[parts[0][::2]])) < 2 or len(parts[1]) < FEWEST:
        return None
    both, first = np.concatenate(parts), len(parts[0])
    learn = np.arange(0, first, 2)
    classes = len(dataset.target.classes)
    for name in dataset.names:
        values = pooled(dataset, name, both)
        X, y = components(values), dataset.y[both]
        contents = shared_content.number_contents(values)
        new = ~np.isin(contents, contents[learn])
        held, asked_of = np.arange(1, first, 2), np.arange(first, len(both))
        if min(new[held].sum(), new[asked_of].sum()) >= FEWEST:  # of few values all rows are alike
            held, asked_of = held[new[held]], asked_of[new[asked_of]]
        outputs = _outputs(_model(LINEAR, classes).fit(X[learn], y[learn]), X, classes)
        inside, outside = (loss(outputs[at], y[at]) for at in (held, asked_of))
        spread = (
            loss(np.log(np.bincount(y, minlength=classes) / len(y) + TINY)[None], y)
            if classes
            else y.var()
        )
        if outside - inside > LEAK * spread:
            return LabelLeak(name, outside, inside, len(parts[1]))
    return None


def loss(outputs: Outputs, truth: np.ndarray) -> float:
    """Mean negative log probability (nats) of the true class, or mean squared error of a number."""
    if truth.dtype.kind in "iu":
        whole = np.broadcast_to(outputs, (len(truth), outputs.shape[1]))
        return float(-whole[np.arange(len(truth)), truth].mean())
    return float(((outputs[:, 0] - truth) ** 2).mean())


def of_features(
    features: Mapping[str, np.ndarray],
    y: np.ndarray,
    classes: bool = True,
    clusters: np.ndarray | None = None,
    width: int = WIDTH,
) -> Task:
    """Return rows to be predicted.

    Args:
        features: of every modality, (N, F). y: targets (N,). classes: whether these are classes.
        clusters: numbers of what rows share, (N, k), see `bootstrap.counts`.
        width: components of a modality, at most.

    Raises:
        InvalidInput: when there is one modality, a target of one value, or too few rows.
    """
    check(
        len(features) >= 2,
        f"Whether to fuse is a question about two modalities or more, but there is {len(features)}. Choose data with "
        "more.",
    )
    values = np.unique(y)
    check(
        len(values) >= 2,
        f"The target has one value, {values[0] if len(values) else 'none'}, in all rows: nothing can tell of it. "
        "Choose another target.",
    )
    check(
        len(y) >= FEWEST,
        f"There are {len(y)} rows to learn from, and at least {FEWEST} are needed. Bring more.",
    )
    features = {name: np.asarray(part, float) for name, part in features.items()}
    alike = shared_content.find_shared_rows(
        {name: shared_content.number_contents(part) for name, part in features.items()}, clusters
    )
    known, places = np.unique(alike.together, return_inverse=True)
    count = (
        5 if alike.together.shape[1] <= 2 else 3
    )  # with more ways of sharing, fewer rows are asked
    check(
        len(known) >= count,
        f"All rows share what {len(known)} groups have, and {count} are needed to hold some out.",
    )
    dealt = np.random.default_rng(0).permutation(len(known)) % count
    result = Task(
        {name: components(part, width) for name, part in features.items()},
        np.unique(y, return_inverse=True)[1] if classes else np.asarray(y, float),
        len(values) if classes else 0,
        dealt[places].reshape(alike.together.shape),
        count,
        alike.columns,
        alike.apart,
        alike.different,
        np.arange(len(y)),
        len(y),
    )
    left = [result.truth]
    for learn, _, places in result.parts():
        left += [y[learn], np.delete(result.truth, places)]
    check(
        min(len(np.unique(targets)) for targets in left) >= 2,
        "Rows that share something are held out together, and where some are, all others have one value of the "
        "target, of which nothing is learnt. Bring rows that share less, or more of every value.",
    )
    return result


# The family, and what it predicts of rows that it did not see.


def _model(member: str, classes: int) -> Any:
    from sklearn import ensemble, linear_model, neural_network

    if member == LINEAR:
        return (
            linear_model.LogisticRegression(C=0.1, max_iter=500)
            if classes
            else linear_model.RidgeCV(np.logspace(-1, 4, 11))
        )
    if member == TREES:
        of = ensemble.ExtraTreesClassifier if classes else ensemble.ExtraTreesRegressor
        return of(150, min_samples_leaf=3, max_features="sqrt" if classes else 0.3, random_state=0)
    of = neural_network.MLPClassifier if classes else neural_network.MLPRegressor
    return of(
        hidden_layer_sizes=(128, 64),
        alpha=1e-3,
        learning_rate_init=1e-3,
        batch_size=64,
        early_stopping=True,
        n_iter_no_change=15,
        max_iter=100,
        random_state=0,
    )


def _outputs(model: Any, X: np.ndarray, classes: int) -> Outputs:
    """Return the outputs of a fitted model for rows. Classes that it never saw get a tiny probability."""
    if not classes:
        return model.predict(X)[:, None]
    result = np.zeros((len(X), classes))
    result[:, model.classes_] = model.predict_proba(X)
    return _logs(result)


def _logs(probabilities: np.ndarray) -> Outputs:
    """Return the logarithms of probabilities, clipped from below at `TINY`."""
    result = np.maximum(probabilities, TINY)
    return np.log(result / result.sum(-1, keepdims=True))


def _pool(parts: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (P,), 0 or more, and a number a class (C,), by which log probabilities are added.

    It is the logarithmic pool of least loss, with the penalty of a logistic regression of C = 1.

    Args:
        parts: log probabilities (P, n, C). truth: classes (n,).
    """
    from scipy.optimize import minimize

    P, n, C = parts.shape
    centred = parts - parts.mean(2, keepdims=True)
    scale = np.maximum(centred.std((1, 2)), 1e-9)
    centred = centred / scale[:, None, None]
    one_hot = np.eye(C)[truth]
    rates = np.log(np.maximum(one_hot.mean(0), TINY))

    def loss_and_slope(at: np.ndarray) -> tuple[float, np.ndarray]:
        weights, numbers = at[:P], at[P:]
        logs = log_softmax(np.tensordot(weights, centred, 1) + numbers, axis=1)
        off = (np.exp(logs) - one_hot) / n
        slope = np.concatenate([np.tensordot(centred, off, 2) + weights / n, off.sum(0)])
        return float(-(logs * one_hot).sum() / n + weights @ weights / (2 * n)), slope

    start = np.concatenate([scale / P, rates])
    bounds = [(0, None)] * P + [(None, None)] * C
    best = minimize(loss_and_slope, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return best[:P] / scale, best[P:]


@dataclass(eq=False)
class Predictions:
    """Predictions of the family for the predicted rows of a task, from any modalities. They are computed on first use.

    Attributes:
        task: the rows. tell: is told how many fits are done. family: members that predict, of `FAMILY`.
        unfinished: fits that were stopped before they converged.
    """

    task: Task
    tell: Callable[[int], Any] = lambda done: None
    family: Sequence[str] = FAMILY
    done: int = 0
    unfinished: int = 0
    _known: dict[tuple[tuple[str, ...], str], Outputs] = field(default_factory=dict)

    def of(self, names: Sequence[str], member: str) -> Outputs:
        """Outputs of a member of the family on some modalities, (n, C)."""
        key = tuple(names), member
        if key not in self._known:
            task, X = self.task, self.task.inputs(names)
            result = np.zeros((len(task.predicted), max(1, task.classes)))
            for learn, ask, places in task.parts():
                model = _model(member, task.classes)
                with warnings.catch_warnings(action="ignore"):  # stopping early, which is counted
                    model.fit(X[learn], task.y[learn])
                self.unfinished += int(member == NETWORK and model.n_iter_ >= model.max_iter)
                result[places] = _outputs(model, X[ask], task.classes)
                self.done += 1
                self.tell(self.done)
            self._known[key] = result
        return self._known[key]

    def late(self, parts: Sequence[Outputs]) -> Outputs:
        """Return outputs that add up several predictions, each with a weight of 0 or more. The weights are fitted on
        the other folds.
        """
        from sklearn.linear_model import Ridge

        task, result = self.task, np.zeros_like(parts[0])
        stacked = np.stack(parts)
        columns = np.concatenate(parts, 1)
        columns = (columns - columns.mean(0)) / np.maximum(columns.std(0), 1e-9)
        for _, _, places in task.parts():
            others = np.setdiff1d(np.arange(len(result)), places)
            if task.classes:
                weights, numbers = _pool(stacked[:, others], task.truth[others])
                scores = np.tensordot(weights, stacked[:, places], 1) + numbers
                result[places] = _logs(np.exp(log_softmax(scores, axis=1)))
            else:
                model = Ridge(1.0, positive=True).fit(columns[others], task.truth[others])
                result[places] = model.predict(columns[places])[:, None]
        return result

    @cached_property
    def base(self) -> Outputs:
        """Outputs of no model: the shares of the classes among the rows that are predicted, or their mean."""
        truth, classes = self.task.truth, self.task.classes
        one = _logs(np.bincount(truth, minlength=classes) / len(truth)) if classes else truth.mean()
        return np.broadcast_to(one, (len(truth), max(1, classes))).copy()

    def agreement(self, outputs: Outputs) -> bootstrap.Interval:
        """Return by how much outputs go with the truth, on average over rows: 0 by chance, below 0 where they go
        against it.

        It is the covariance of output and truth within folds, summed over classes, whose outputs are log probabilities:
        the slope at 0 of what a weight of these outputs takes off the loss. Means of folds are taken off, since a fold
        with more of a class leaves less of it to learn from.
        """
        truth = self.task.truth
        wanted = np.eye(self.task.classes)[truth] if self.task.classes else truth[:, None]
        values = np.zeros(len(truth))
        for _, _, places in self.task.parts():
            off = outputs[places] - outputs[places].mean(0)
            values[places] = (off * (wanted[places] - wanted[places].mean(0))).sum(1)
        return bootstrap.mean(values, clusters=self.task.clusters)

    @cached_property
    def below_chance(self) -> list[tuple[str, str]]:
        """Pairs of a modality and a member of the family whose predictions of held-out rows go against the truth by
        more than chance explains. The threshold is three standard errors, since many pairs are examined.
        """
        result = []
        for name in self.task.names:
            for member in self.family:
                one = self.agreement(self.of([name], member))
                if one.value + (one.high - one.value) * 3 / 1.96 < 0:
                    result.append((name, member))
        return result

    def loss(self, outputs: Outputs) -> float:
        """Mean negative log probability of the true class, or squared error, of held-out rows."""
        return loss(outputs, self.task.truth)

    def best(self, candidates: Mapping[str, Outputs]) -> tuple[str, Outputs]:
        """Return the name and outputs of the candidate with the smallest loss, or the base rate if the others
        improve on it by less than rounding.
        """
        losses = {name: self.loss(outputs) for name, outputs in candidates.items()}
        if BASE in losses:
            losses[BASE] -= ROUNDING
        name = min(losses, key=lambda one: losses[one])
        return name, candidates[name]

    def whole(self, names: Sequence[str]) -> tuple[str, Outputs]:
        """The best that is known from some modalities: a member of the family, all of them stacked, or the base rate
        where none does better."""
        members = {member: self.of(names, member) for member in self.family}
        stacked = self.late(list(members.values()))
        return self.best(members | {"stacked": stacked, BASE: self.base})

    @cached_property
    def contest(self) -> dict[str, tuple[str, Outputs]]:
        """Name and outputs of the best model of each of `KINDS`, or `BASE` if no model does better."""
        names = self.task.names
        alone = {name: self.whole([name]) for name in names}
        single = self.best(
            {
                BASE if kind == BASE else f"{kind} on {name}": part
                for name, (kind, part) in alone.items()
            }
        )
        parts = [part for _, part in alone.values()]
        late = {
            **{
                f"{member} on each, added": self.late([self.of([name], member) for name in names])
                for member in self.family
            },
            "best on each, added": self.late(parts),
            "linear on all": self.of(names, LINEAR),
            BASE: self.base,
        }
        joint = {
            f"{member} on all": self.of(names, member) for member in self.family if member != LINEAR
        }
        joint["all stacked"] = self.late([*parts, self.of(names, LINEAR), *joint.values()])
        joint[BASE] = self.base
        return dict(zip(KINDS, (single, self.best(late), self.best(joint)), strict=True))


# What they reach, and by how much: the plain test.


MORE = "late - single"
GAIN = "joint - late"


@dataclass(frozen=True)
class Evaluation:
    """Rows on which the family was evaluated, and the outcome of its fits.

    Attributes:
        leak: why test rows were taken, where training rows were not.
        rows, whole: rows that were taken, and of how many. predicted: of them those that were predicted.
        different: how many different contents a modality has, where some rows share one.
        below_chance: modalities, and members of the family that predict held-out rows of these worse than chance.
        fits, unfinished: fits in all, and those that stopped before they converged.
    """

    leak: LabelLeak | None
    rows: int
    whole: int
    predicted: int
    different: Mapping[str, int]
    below_chance: tuple[tuple[str, str], ...]
    fits: int
    unfinished: int


class JointGain(StrEnum):
    """Finding on what joint models gain over late ones."""

    UNKNOWN = "too few rows"
    GAIN = "gain"
    LOSS = "loss"
    NOT_SHOWN = "no significant gain"


@dataclass(frozen=True, eq=False)
class BaselineComparison:
    """Metrics of the best single, late and joint models on held-out rows.

    Attributes:
        metric: that is measured. scores: by kind, and under `MORE` and `GAIN` their differences.
        models: the best of every kind.
        n: rows. unfinished: fits that were stopped before they converged.
        evaluation: rows and fits; None where they are not known.
    """

    metric: str
    scores: Mapping[str, bootstrap.Interval]
    models: Mapping[str, str]
    n: int
    unfinished: int
    evaluation: Evaluation | None = None

    @property
    def joint_gain(self) -> JointGain:
        """Finding on what joint models gain over late ones."""
        gain = self.scores[GAIN]
        if not gain.known:
            return JointGain.UNKNOWN
        if gain.low > 0:
            return JointGain.GAIN
        return JointGain.LOSS if gain.high < 0 else JointGain.NOT_SHOWN

    @property
    def late_gains(self) -> bool:
        """Whether late models do better than the best modality."""
        late = self.scores[MORE]
        return late.known and late.low > 0

    def frame(self) -> pd.DataFrame:
        """Return one row per kind and one row per improvement of a kind over the one before it."""
        return pd.DataFrame(
            [
                {
                    "what": what,
                    "model": self.models.get(what, ""),
                    self.metric: one.value,
                    "low": one.low,
                    "high": one.high,
                }
                for what, one in self.scores.items()
            ]
        )


def compare_baselines(predictions: Predictions) -> BaselineComparison:
    """Return the metrics of the best models of every kind, with intervals over groups of rows that share something."""
    contest, task = predictions.contest, predictions.task
    of = {kind: _measure(task, outputs) for kind, (_, outputs) in contest.items()}
    of |= {
        MORE: lambda weights: of[LATE](weights) - of[SINGLE](weights),
        GAIN: lambda weights: of[JOINT](weights) - of[LATE](weights),
    }
    return BaselineComparison(
        task.metric,
        bootstrap.intervals(of, len(task.predicted), bootstrap.RESAMPLES, 0, task.clusters),
        {kind: name for kind, (name, _) in contest.items()},
        len(task.predicted),
        predictions.unfinished,
        evaluation(predictions),
    )


def evaluation(predictions: Predictions) -> Evaluation:
    """Return which rows were predicted, and how the fits went."""
    task = predictions.task
    return Evaluation(
        task.leak,
        len(task.rows),
        task.whole,
        len(task.predicted),
        task.different,
        tuple(predictions.below_chance),
        predictions.done,
        predictions.unfinished,
    )


def _measure(task: Task, outputs: Outputs) -> Callable[[np.ndarray], np.ndarray]:
    """The task's metric of outputs, from counts (r, n) to (r,)."""
    truth = task.truth
    if task.metric != R2:
        hits = outputs.argmax(1) == truth if task.classes else (outputs[:, 0] > 0) == (truth > 0)
        counted = np.ones(len(truth)) if task.classes else (truth != 0).astype(float)
        return lambda weights: weights @ (hits * counted) / (weights @ counted)
    return explained(outputs, truth)


def explained(outputs: Outputs, truth: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """R2 of predictions of a number, from counts (r, n) to (r,)."""
    centred = truth - truth.mean()
    error = (outputs[:, 0] - truth) ** 2

    def share(weights: np.ndarray) -> np.ndarray:
        varies = weights @ centred**2 - (weights @ centred) ** 2 / weights.sum(-1)
        return 1 - (weights @ error) / np.maximum(varies, 1e-300)

    return share
