"""Plain models of any modalities, trained on the training rows and read on the test rows beside the model in question.

Of the family of `label_leak` (linear, quadratic, trees, a small network), the member with the least loss on the
validation rows stands for a set of modalities: alone, all but one, or all. Late fusion adds the outputs of the best
models of single modalities with weights that are fitted on the validation rows. Where no member is better there than
the base rate, the base rate stands.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import log_softmax

from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.data.coalition_terms import coalition_names, split_term
from qfusion.plugins.why.information import label_leak
from qfusion.plugins.why.information.label_leak import (
    FAMILY,
    Outputs,
    draw_rows,
    pool_features,
    principal_components,
)

BASE = "base rate"
LATE = "late"  # key of late fusion among the scores
MOST_SETS = 4  # modalities of which every set is fitted; of more, single ones, all but one, and all
MOST_ROWS = 4000  # training rows
FEWEST_ROWS = 20  # validation rows by which a member is chosen
BETTER = 1e-6  # of a loss, by which a model must be better than the base rate


@dataclass(frozen=True, eq=False)
class PlainModels:
    """Scores of plain models on test rows.

    Attributes:
        rows: numbers of the test rows, (n,).
        scores: by set of modalities, written like "text+audio", and under `LATE`: log probabilities (n, C), or numbers
            (n, 1).
        members: the kind of model that stands for each of them.
        losses: on the validation rows, of each of them; of late fusion by weights that are fitted to the other half
            of these rows.
        constant: modalities whose features do not vary over the training rows; they are left out.
        learned: number of training rows.
    """

    rows: np.ndarray
    scores: Mapping[str, Outputs]
    members: Mapping[str, str]
    losses: Mapping[str, float]
    constant: tuple[str, ...]
    learned: int

    @property
    def best_single(self) -> str:
        """The modality whose model has the least validation loss."""
        singles = [name for name in self.sets if len(split_term(name)) == 1]
        return min(singles, key=lambda name: self.losses[name])

    @property
    def best_whole(self) -> str:
        """The model of all modalities, or late fusion, by validation loss."""
        return min((self.sets[-1], LATE), key=lambda name: self.losses[name])

    @property
    def sets(self) -> tuple[str, ...]:
        """The sets of modalities, single ones first."""
        return tuple(name for name in self.scores if name != LATE)


def fitted_sets(modalities: Sequence[str]) -> tuple[str, ...]:
    """Return the sets of modalities for which plain models are fitted, smaller ones first."""
    names = tuple(name for name in coalition_names(tuple(modalities)) if name)
    if len(modalities) <= MOST_SETS:
        return names
    sizes = (1, len(modalities) - 1, len(modalities))
    return tuple(name for name in names if len(split_term(name)) in sizes)


def fit_plain_models(
    dataset: DataSet,
    modalities: Sequence[str] = (),
    tell: Callable[[int], Any] = lambda done: None,
) -> PlainModels:
    """Return the scores of plain models of every set of modalities on the test rows.

    Args:
        dataset: with the truth of every row. modalities: that models may read; all unless given.
        tell: called with the number of finished fits.

    Raises:
        InvalidInput: when no modality varies, or there are too few validation rows.
    """
    modalities = tuple(modalities) or dataset.names
    learn, valid, test = (dataset.rows(part) for part in ("train", "valid", "test"))
    learn = draw_rows(learn, MOST_ROWS)
    check(
        len(valid) >= FEWEST_ROWS,
        f"Data set '{dataset.name}' has {len(valid)} validation rows, and {FEWEST_ROWS} are needed to choose a plain "
        "model. Import it with more.",
    )
    every = np.concatenate([learn, valid, test])
    parts = {name: pool_features(dataset, name, every) for name in modalities}
    constant = tuple(name for name, part in parts.items() if not _varies(part[: len(learn)]))
    check(
        len(constant) < len(parts),
        f"No modality of data set '{dataset.name}' varies over the training rows. Import other features.",
    )
    inputs = {
        name: principal_components(part) for name, part in parts.items() if name not in constant
    }
    is_classified = dataset.target.kind == "classification"
    places = np.arange(len(every))
    learn_places, valid_places, test_places = np.split(
        places, [len(learn), len(learn) + len(valid)]
    )
    contest = _Contest(
        inputs,
        dataset.y[every],
        len(dataset.target.classes) if is_classified else 0,
        learn_places,
        valid_places,
        test_places,
    )
    scores: dict[str, Outputs] = {}
    members: dict[str, str] = {}
    losses: dict[str, float] = {}
    alone: dict[str, Outputs] = {}
    done = 0
    for name in fitted_sets(modalities):
        varying = tuple(part for part in split_term(name) if part not in constant)
        members[name], outputs = contest.best(varying)
        scores[name] = outputs[contest.test]
        losses[name] = contest.loss(outputs)
        if name in modalities and varying:
            alone[name] = outputs
        done += len(FAMILY)
        tell(done)
    singles = list(alone.values())
    members[LATE], scores[LATE] = LATE, contest.add(singles, contest.valid, contest.test)
    losses[LATE] = contest.late_loss(singles)
    return PlainModels(test, scores, members, losses, constant, len(learn))


def _varies(values: np.ndarray) -> bool:
    spread = np.ptp(np.nan_to_num(values), axis=0)
    return bool((spread > 1e-9 * np.abs(np.nan_to_num(values)).max(initial=1e-300)).any())


@dataclass(frozen=True, eq=False)
class _Contest:
    """Fits on the training rows, and the choice among them by the validation rows.

    Attributes:
        inputs: uncorrelated features of all rows by modality, (N, k). y: targets (N,). classes: 0 for a number.
        learn, valid, test: positions of the rows.
    """

    inputs: Mapping[str, np.ndarray]
    y: np.ndarray
    classes: int
    learn: np.ndarray
    valid: np.ndarray
    test: np.ndarray

    def best(self, names: Sequence[str]) -> tuple[str, Outputs]:
        """Return the name and the outputs (N, C) of the best member for some modalities, or the base rate."""
        candidates = {BASE: self._base_rate()}
        if names:
            X = np.concatenate([self.inputs[name] for name in names], 1)
            for member in FAMILY:
                candidates[member] = self._fit(member, X)
        losses = {name: self.loss(outputs) for name, outputs in candidates.items()}
        losses[BASE] -= BETTER
        chosen = min(losses, key=lambda name: losses[name])
        return chosen, candidates[chosen]

    def add(self, parts: Sequence[Outputs], learn: np.ndarray, rows: np.ndarray) -> Outputs:
        """Return the sum of outputs (N, C) on some rows, with weights of 0 or more fitted to the rows of `learn`."""
        if self.classes:
            stacked = np.stack(parts)
            weights, intercepts = label_leak.fit_pool(stacked[:, learn], self.y[learn])
            added = np.tensordot(weights, stacked[:, rows], 1) + intercepts
            return label_leak.log_probabilities(np.exp(log_softmax(added, axis=1)))
        from sklearn.linear_model import Ridge

        columns = np.concatenate(parts, 1)
        model = Ridge(1.0, positive=True).fit(columns[learn], self.y[learn])
        return model.predict(columns[rows])[:, None]

    def late_loss(self, parts: Sequence[Outputs]) -> float:
        """Return the loss of the sum of outputs on each half of the validation rows by weights of the other half."""
        halves = self.valid[::2], self.valid[1::2]
        losses = [
            label_leak.row_losses(self.add(parts, learn, rows), self.y[rows])
            for learn, rows in (halves, halves[::-1])
        ]
        return float(np.concatenate(losses).mean())

    def _fit(self, member: str, X: np.ndarray) -> Outputs:
        model = label_leak.make_model(member, self.classes)
        with warnings.catch_warnings(action="ignore"):  # a network that stops early
            model.fit(X[self.learn], self.y[self.learn])
        return label_leak.predict_outputs(model, X, self.classes)

    def _base_rate(self) -> Outputs:
        known = self.y[self.learn]
        if self.classes:
            rates = np.bincount(known, minlength=self.classes) / len(known)
            return np.tile(label_leak.log_probabilities(rates), (len(self.y), 1))
        return np.full((len(self.y), 1), known.mean())

    def loss(self, outputs: Outputs) -> float:
        """Return the loss on the validation rows."""
        return label_leak.loss(outputs[self.valid], self.y[self.valid])
