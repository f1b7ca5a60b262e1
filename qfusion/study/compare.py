"""Two decisions side by side, two models side by side, and the samples nearest to one.

Examples are samples to open first, chosen by their verdicts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from qfusion._checks import check, choose
from qfusion._memory_cache import memo
from qfusion.explain import cohort_filters
from qfusion.study import cohorts, jobs, maps
from qfusion.study.cache import shipped
from qfusion.study.jobs import Task
from qfusion.study.opening import open_study, with_background
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.training import checkpoint_cards


@dataclass(frozen=True, eq=False)
class Sides:
    """Two decisions, A and B, each on a sample with its tweak and the explained output."""

    a: Sample
    b: Sample

    @property
    def labelled(self) -> dict[str, Sample]:
        """Both decisions, keyed by the letters "A" and "B"."""
        return {"A": self.a, "B": self.b}

    @property
    def same_target(self) -> bool:
        """Whether both explain the same output in the same unit."""
        mine, other = self.a.dataset.target, self.b.dataset.target
        return self.a.unit == self.b.unit and mine.kind == other.kind


def compare_samples(
    b: Sample, model: str, sample: str, data: str = "", *, tweak: str = "", members: str = ""
) -> Sides:
    """Return a decision, given by names, as A beside a decision B. A has the background of B, as far as A's data have
    it.

    The same output is explained where both models have the same classes, else A's own predicted class.

    Args:
        b: the other decision.
        model, sample, data, tweak: of A, as for `open_sample`.
        members: the cohort that B is compared with, where it is one, as for `open_sample`.

    Raises:
        NotFound, InvalidInput: when one of them does not exist or does not fit.
    """
    rows = None
    if members:
        rows = cohorts.members(
            open_study(b.study.name, b.study.dataset.name),
            cohort_filters.parse_saved(members).parts,
        )
    study, behind = open_study(model, data), b.study.background
    fits = {
        "contrast": behind.label in study.dataset.ids,
        "cohort": rows is not None and study.dataset.digest == b.dataset.digest,
    }
    if fits.get(behind.kind, True):
        study = with_background(study, behind.kind, behind.label, rows)
    row = study.dataset.row(sample)
    if study.classes == b.study.classes:
        study, output = study.with_reference(b.study.reference), b.output
    else:
        output = int(study.predicted[row])
    return Sides(Sample(study, row, output, tweak), b)


COUNT = 8  # samples of a list


# The test samples nearest to one: by its contributions, by its final state, by the states of its modalities. Free of
# streamlit.

TITLES = {
    maps.DIVIDENDS: "distance of the contributions",
    maps.FINAL: "Hilbert-Schmidt distance of the final states",
    maps.STATES: "1 − fidelity of the modality states",
    maps.FEATURES: "distance of the encoded features",
}


@dataclass(frozen=True, eq=False)
class Nearest:
    """Samples near to one.

    Attributes:
        rows: of the samples, the nearest first, (n,). distances: (n,).
        among: of so many samples. median: of the distances of all of these.
    """

    rows: np.ndarray
    distances: np.ndarray
    among: int
    median: float


def ways(study: Study) -> tuple[str, ...]:
    """Return the kinds of coordinates by which samples of a model can be compared, contributions first."""
    return tuple(
        sorted(
            maps.coordinate_kinds(study),
            key=lambda kind: kind != maps.DIVIDENDS,
        )
    )


def nearest(sample: Sample, by: str = maps.DIVIDENDS, count: int = COUNT) -> Nearest:
    """Return the explained test samples nearest to one, without itself.

    Contributions are those to the sample's explained score, distances of them and of features are Euclidean, of final
    states Hilbert-Schmidt; of modality states it is 1 - |<psi|phi>|^2 of the products of kets, or of modality qubits.

    Args:
        sample: of any model; from any split.
        by: of `ways`. count: so many at most.

    Raises:
        NotFound: when the model has no such coordinates.
        InvalidInput: when `count` is not positive.
    """
    check(count >= 1, f"Argument `count` must be at least 1, but is {count}.")
    study, row = sample.study, sample.row
    choose("Similarity", by, ways(study))
    rows = np.intersect1d(study.dataset.rows("test"), study.explained_rows)
    rows = jobs.thin_rows(rows, maps.most_samples(study, by))
    others = rows[rows != row]
    distances = _distances(study, others, row, by, sample.output, rows)
    order = np.argsort(distances, kind="stable")[:count]
    return Nearest(
        others[order],
        distances[order],
        len(others),
        float(np.median(distances)) if len(distances) else float("nan"),
    )


@memo(64, task=Task.COMPARE_SAMPLES)
def _distances(
    study: Any, others: np.ndarray, row: int, by: str, output: int, rows: np.ndarray
) -> np.ndarray:
    """Return the distances (n,) of a row from others. `rows` are these and perhaps the row itself, because
    coordinates are cached for them.
    """
    if not len(others):
        return np.zeros(0)
    if by == maps.STATES:
        return study.backend.infidelities(others, row)
    if by == maps.DIVIDENDS:
        dividends = study.dividends(row, output)
        own = np.array([dividends[term] for term in study.terms])
    else:
        own = maps.compute_coordinates(study, by, np.array([row]), output)
    away = maps.compute_coordinates(study, by, rows, output)[rows != row] - own
    return np.asarray(np.linalg.norm(away, axis=1))


@dataclass(frozen=True, eq=False)
class ModelDisagreement:
    """Differences between two models on the same data, both as learned.

    Attributes:
        rows: of the samples, those that differ most first, (n,). differences: (n,), of a regression B less A, of
            classes the total variation of the softmaxes, 0 to 1.
        terms: of each, by how much B's terms are larger than A's: those of the output that is explained, of classes of
            the one that B predicts; none where the models split other terms.
        median: of the sizes of all differences. opposed: on so many of `among` test samples they decide differently,
            by class or by sign.
    """

    rows: np.ndarray
    differences: np.ndarray
    terms: tuple[dict[str, float], ...]
    median: float
    opposed: int
    among: int


def comparable(sides: Sides) -> bool:
    """Whether both decisions are sums of the same terms of a score that means the same."""
    return sides.a.study.coalitions == sides.b.study.coalitions and sides.same_target


def two_models(sides: Sides) -> bool:
    """Whether two models answer the same question on the same data."""
    a, b = sides.a.study, sides.b.study
    return sides.same_target and a.name != b.name and a.dataset.digest == b.dataset.digest


def disagreement(sides: Sides, count: int = COUNT) -> ModelDisagreement:
    """Return the test samples on which two models differ most; see `two_models`."""
    return _disagreement(sides.b.study, sides.a.study, count)


@memo(16, task=Task.COMPARE_MODELS)
def _disagreement(b: Study, a: Study, count: int) -> ModelDisagreement:
    rows = b.dataset.rows("test")
    if b.classes:
        differences = np.abs(b.probabilities[rows] - a.probabilities[rows]).sum(1) / 2
        opposed = a.predicted[rows] != b.predicted[rows]
    else:
        differences = b.scores[rows, 0] - a.scores[rows, 0]
        opposed = np.sign(a.scores[rows, 0]) != np.sign(b.scores[rows, 0])
    order = np.argsort(-np.abs(differences), kind="stable")[:count]
    terms = []
    for row in rows[order] if a.coalitions == b.coalitions else ():
        output = int(b.predicted[row]) if b.classes else 0
        mine = a.dividends(row, output)
        other = b.dividends(row, output)
        terms.append({term: value - mine[term] for term, value in other.items()})
    median = float("nan")
    if len(rows):
        median = float(np.median(np.abs(differences)))
    return ModelDisagreement(
        rows[order],
        differences[order],
        tuple(terms),
        median,
        int(opposed.sum()),
        len(rows),
    )


BEHIND, AHEAD = 10_000, 2_000  # training and test samples at most, spread evenly


@dataclass(frozen=True)
class TrainingDistance:
    """Distance of a sample's encodings from the nearest training sample.

    Attributes:
        own: of the sample. median: of the test samples. nearer: share of the test samples that are nearer.
    """

    own: float
    median: float
    nearer: float


def measure_distance(sample: Sample) -> TrainingDistance:
    """Return how far a sample is from the training data, beside at most `AHEAD` test samples."""
    own = float(_training_distances(sample.study, np.array([sample.row]))[0])
    rows = jobs.thin_rows(sample.dataset.rows("test"), AHEAD)
    others = _training_distances(sample.study, rows[rows != sample.row])
    return TrainingDistance(own, float(np.median(others)), float((others < own).mean()))


@memo(16, background=False)
def _training_distances(study: Study, rows: np.ndarray) -> np.ndarray:
    """Distances (n,) of rows from the nearest training sample that is none of them."""
    behind = study.dataset.rows(checkpoint_cards.training_split(study.card))
    behind = jobs.thin_rows(np.setdiff1d(behind, rows), BEHIND)
    return np.asarray(
        scipy.spatial.distance.cdist(
            study.backend.encodings(rows), study.backend.encodings(behind)
        ).min(1)
    )


@dataclass(frozen=True)
class Example:
    """A sample that shows a relation between modalities.

    Attributes:
        kind: a key of `RELATION`. sample: its id.
        is_clear: whether it is a clear decision of the better-predicted half.
    """

    kind: str
    sample: str
    is_clear: bool


RELATION = {
    "agreement": "agreement",
    "conflict": "conflict",
    "synergy": "joint",
    "dominance": "dominance",
}
EXAMPLE_NAMES = RELATION | {"synergy": "joint decision"}  # as they are called
EXAMPLES = 3  # samples that are shown
CLEAR = np.log(3)  # log-odds from which a class is clearly decided: softmax .75


@memo(8, task=Task.SPLIT_DECISIONS, ready=shipped(list[Example]))
def find_examples(study: Study, split: str = "test") -> list[Example]:
    """Return the best agreement, conflict and joint decision of a split, with a dominance in place of one that the
    split lacks. Each sample has the corresponding verdict, and training seeds do not leave open what leads. If
    possible, it is a clear decision of the better-predicted half, so that no example misleads.

    Of classes, the log-odds of the one decided for count.
    """
    rows = np.intersect1d(study.dataset.rows(split), study.explained_rows)
    sizes = np.array([len(term.split("+")) if term else 0 for term in study.coalitions])
    inside_split = np.isin(study.explained_rows, rows)
    dividends = study.explained_dividends()[inside_split]
    errors = study.errors[rows]
    judged = study.explained_verdicts()
    relation, is_open = judged.relation[inside_split], judged.is_open[inside_split]
    good = decides_clearly(study, rows)
    if study.has_truth:
        good &= errors <= np.median(errors)
    examples: list[Example] = []
    for kind, score in _scores(dividends[:, sizes == 1], dividends[:, sizes > 1]).items():
        inside = (relation == RELATION[kind]) & ~is_open & (score > 0)
        if len(examples) == EXAMPLES or not inside.any():
            continue
        clear = inside & good
        is_clear = bool(clear.any())
        candidates = clear if is_clear else inside
        best = int(np.argmax(np.where(candidates, score, -np.inf)))
        examples.append(Example(kind, str(study.dataset.ids[rows[best]]), is_clear))
    return examples


def decides_clearly(study: Study, rows: np.ndarray) -> np.ndarray:
    """Whether samples are decided with a margin: a class by `CLEAR` against the next one, a regression by more than a
    quarter of all samples are, (n,)."""
    scores = study.logits(study.scores[rows])
    if study.classes:
        ordered = np.sort(scores, axis=1)
        return np.asarray(ordered[:, -1] - ordered[:, -2] >= CLEAR)
    distances = np.abs(scores[:, 0])
    return np.asarray(distances >= np.quantile(distances, 0.25))


def _scores(single: np.ndarray, joint: np.ndarray) -> dict[str, np.ndarray]:
    """Return how typical each row is of each kind of example, for single terms (N, M) and joint terms (N, 2^M - M -
    1).
    """
    same = (single > 0).all(1) | (single < 0).all(1)
    strongest_for = np.maximum(single.max(1), 0)
    strongest_against = np.maximum(-single.min(1), 0)
    return {
        "agreement": np.where(same, np.abs(single).min(1), 0.0),
        "conflict": np.minimum(strongest_for, strongest_against),
        "synergy": np.abs(joint.sum(1)),
        "dominance": np.abs(single).max(1),
    }
