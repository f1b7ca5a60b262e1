"""A sample beside others: two decisions side by side, the samples nearest to one, those worth opening first, and how to
find them.

sides = beside(open_sample("qj-planted", "p0031"), "qj-planted", "p0007", tweak="H.text=0.5")"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy
import torch

from qfusion._checks import check, choose
from qfusion._sentences import share
from qfusion.analysis import cohort_measures, text
from qfusion.analysis.memo import memo
from qfusion.analysis.sample import Sample, open_study, with_background
from qfusion.analysis.study import Study, dividend_column, negativities, negativity_column
from qfusion.data.unimodal_labels import LABEL_PREFIX
from qfusion.explain import cohorts
from qfusion.training import checkpoint


@dataclass(frozen=True, eq=False)
class Sides:
    """Two decisions, A and B, each on a sample with what is tweaked and the output that is explained."""

    a: Sample
    b: Sample

    @property
    def by_letter(self) -> dict[str, Sample]:
        """Both by what they are called."""
        return {"A": self.a, "B": self.b}

    @property
    def same_target(self) -> bool:
        """Whether both explain the same output in the same unit."""
        mine, other = self.a.dataset.target, self.b.dataset.target
        return self.a.unit == self.b.unit and mine.kind == other.kind


def beside(
    b: Sample, model: str, sample: str, data: str = "", *, tweak: str = "", members: str = ""
) -> Sides:
    """Returns a decision, given by names, as A beside one as B: with the background of B, as far as A's data have it.

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
        rows = cohort_measures.members(
            open_study(b.study.name, b.study.dataset.name), cohorts.parse_saved(members).parts
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
        study, output = study.rather_than(b.study.reference), b.output
    else:
        output = int(study.predicted[row])
    return Sides(Sample(study, row, output, tweak), b)


COUNT = 8  # samples of a list

# The test samples on which two models differ most, and the term that parts them. Free of streamlit.


@dataclass(frozen=True, eq=False)
class Apart:
    """Where two models on the same data differ, both as learned.

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


def apart(sides: Sides, count: int = COUNT) -> Apart:
    """Returns the test samples on which two models differ most; see `two_models`."""
    return _apart(sides.b.study, sides.a.study, count)


@memo(16, says="Comparing both models on the test samples …")
def _apart(b: Study, a: Study, count: int) -> Apart:
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
        mine, other = a.dividends(row, output), b.dividends(row, output)
        terms.append({term: value - mine[term] for term, value in other.items()})
    return Apart(
        rows[order],
        differences[order],
        tuple(terms),
        float(np.median(np.abs(differences))) if len(rows) else float("nan"),
        int(opposed.sum()),
        len(rows),
    )


# The test samples nearest to one: by its contributions, by its final state, by the states of its modalities. Free of
# streamlit.

TITLES = {
    cohort_measures.DIVIDENDS: "distance of the contributions",
    cohort_measures.FINAL: "Hilbert-Schmidt distance of the final states",
    cohort_measures.STATES: "1 − fidelity of the modality states",
    cohort_measures.FEATURES: "distance of the encoded features",
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
    """Returns by what samples of a model are near to each other: contributions first."""
    return tuple(
        sorted(
            cohort_measures.coordinate_kinds(study),
            key=lambda kind: kind != cohort_measures.DIVIDENDS,
        )
    )


def nearest(sample: Sample, by: str = cohort_measures.DIVIDENDS, count: int = COUNT) -> Nearest:
    """Returns the explained test samples nearest to one, without itself.

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
    rows = np.intersect1d(study.dataset.rows("test"), study.bulk)
    rows = cohort_measures.thinned(rows, cohort_measures.most_samples(study, by))
    others = rows[rows != row]
    distances = _distances(study, others, row, by, sample.output, rows)
    order = np.argsort(distances, kind="stable")[:count]
    return Nearest(
        others[order],
        distances[order],
        len(others),
        float(np.median(distances)) if len(distances) else float("nan"),
    )


@memo(64, says="Comparing this sample with the others …")
def _distances(
    study: Any, others: np.ndarray, row: int, by: str, output: int, rows: np.ndarray
) -> np.ndarray:
    """Distances (n,) of a row from others; `rows` are these and perhaps itself, as their coordinates are kept."""
    if not len(others):
        return np.zeros(0)
    if by == cohort_measures.STATES:
        return 1 - _fidelities(study, others, row)
    if by == cohort_measures.DIVIDENDS:
        dividends = study.dividends(row, output)
        own = np.array([dividends[term] for term in study.terms])
    else:
        own = cohort_measures.coordinates_of(study, by, np.array([row]), output)
    away = cohort_measures.coordinates_of(study, by, rows, output)[rows != row] - own
    return np.asarray(np.linalg.norm(away, axis=1))


def _fidelities(study: Any, others: np.ndarray, row: int) -> np.ndarray:
    if study.can("kets"):
        kets = study.kets(others).to(torch.complex128)
        return np.asarray((kets.conj() @ study.ket(row).to(torch.complex128)).abs().pow(2).numpy())
    # Coordinates are cos and sin of all angles over the square root of 2.
    every, own = (
        np.sqrt(2) * cohort_measures.coordinates_of(study, cohort_measures.STATES, some)
        for some in (others, np.array([row]))
    )
    n = every.shape[1] // 2
    cosines = every[:, :n] * own[:, :n] + every[:, n:] * own[:, n:]
    return np.asarray(((1 + cosines) / 2).prod(1))


# Samples worth opening first, chosen by their verdicts. Free of streamlit.


@dataclass(frozen=True)
class Example:
    """A sample and why it is shown: `kind` is a key of `WHY`."""

    kind: str
    sample: str
    why: str


WHY = {
    "agreement": "Every modality pulls the same way: the largest smallest single-modality term.",
    "conflict": "Two modalities pull against each other: the largest pair of opposite single-modality terms.",
    "synergy": "Joint terms sum to more than single modalities, in the direction of the decision: the largest sum.",
    "dominance": "One modality outweighs all other single modalities together: the largest own term.",
}
RELATION = {
    "agreement": "agreement",
    "conflict": "conflict",
    "synergy": "joint",
    "dominance": "dominance",
}
EXAMPLE_NAMES = RELATION | {"synergy": "joint decision"}  # as they are called
EXAMPLES = 3  # samples that are shown
CLEAR = np.log(3)  # log-odds from which a class is clearly decided: softmax .75
BEYOND = " No clear decision of the better-predicted half does, so this one is of all test samples."


@memo(8, says="Splitting the decisions on the test samples, once …")
def find_examples(study: Study, split: str = "test") -> list[Example]:
    """The best agreement, conflict and joint decision of a split, a dominance in place of one that it has not: each is
    what its verdict says. Of clear decisions of the better-predicted half, so that none misleads, where there is one.

    Of classes, the log-odds of the one decided for count.
    """
    rows = np.intersect1d(study.dataset.rows(split), study.bulk)
    sizes = np.array([len(term.split("+")) if term else 0 for term in study.coalitions])
    dividends = study.bulk_dividends()[np.isin(study.bulk, rows)]
    errors = study.errors[rows]
    relation = study.bulk_verdicts().relation[np.isin(study.bulk, rows)]
    good = (errors <= np.median(errors)) & is_clear(study, rows)
    examples: list[Example] = []
    for kind, score in _scores(dividends[:, sizes == 1], dividends[:, sizes > 1]).items():
        inside = (relation == RELATION[kind]) & (score > 0)
        if len(examples) == EXAMPLES or not inside.any():
            continue
        near = inside & good
        best = int(np.argmax(np.where(near if near.any() else inside, score, -np.inf)))
        examples.append(
            Example(
                kind, str(study.dataset.ids[rows[best]]), WHY[kind] + ("" if near.any() else BEYOND)
            )
        )
    return examples


def is_clear(study: Study, rows: np.ndarray) -> np.ndarray:
    """Whether samples are decided with a margin: a class by `CLEAR` against the next one, a regression by more than a
    quarter of all samples are, (n,)."""
    scores = study.logits(study.scores[rows])
    if study.classes:
        ordered = np.sort(scores, axis=1)
        return np.asarray(ordered[:, -1] - ordered[:, -2] >= CLEAR)
    distances = np.abs(scores[:, 0])
    return np.asarray(distances >= np.quantile(distances, 0.25))


def _scores(single: np.ndarray, joint: np.ndarray) -> dict[str, np.ndarray]:
    """How telling each row is of its kind; single (N, M), joint (N, 2^M - M - 1)."""
    same = (single > 0).all(1) | (single < 0).all(1)
    return {
        "agreement": np.where(same, np.abs(single).min(1), 0.0),
        "conflict": np.minimum(np.maximum(single.max(1), 0), np.maximum(-single.min(1), 0)),
        "synergy": np.abs(joint.sum(1)),
        "dominance": np.abs(single).max(1),
    }


# Finding samples of a model on its data: which pass the reader's filters, and what they can be drawn against.

VERDICTS = ("right", "wrong")
MAX_DRAWN = 20_000  # points of a figure
MAX_ENTANGLED = 800  # samples whose entanglement is worked out: each state is evolved for it


def passing(
    frame: pd.DataFrame,
    *,
    split: str = "test",
    search: str = "",
    relations: Sequence[str] = (),
    verdict: str = "",
    classes: Sequence[str] = (),
) -> pd.DataFrame:
    """Returns the rows of `Study.frame` that pass.

    Args:
        frame: one row a sample.
        split: "train", "valid", "test" or "all".
        search: part of an id, or of what any column of words says; in whatever letters.
        relations: of the single modalities; any unless told.
        verdict: "right" or "wrong"; either unless told.
        classes: true ones; any unless told.
    """
    keep = (
        np.ones(len(frame), dtype=bool) if split == "all" else (frame["split"] == split).to_numpy()
    )
    if verdict:
        keep = keep & (
            (frame["truth"] == frame["prediction"]).to_numpy() == (verdict == VERDICTS[0])
        )
    if classes:
        keep = keep & frame["truth"].isin(list(classes)).to_numpy()
    if relations:
        keep = keep & frame["relation"].isin(list(relations)).to_numpy()
    if search:
        texts = frame.select_dtypes(exclude=["number", "bool"]).astype(str).assign(id=frame.index)
        keep = keep & np.any(
            [
                texts[column].str.casefold().str.contains(search.casefold(), regex=False)
                for column in texts
            ],
            axis=0,
        )
    return frame[keep]


def axes(study: Study) -> dict[str, str]:
    """What samples can be drawn against: column -> axis title."""
    unit = "log-odds of the class (nats)" if study.classes else study.unit_of(0)
    answers = (
        {
            "rank": "rank by margin",
            "margin": "margin of the true class (log-odds, nats)",
            "certainty": "softmax of the predicted class",
        }
        if study.classes
        else {"truth": text.in_unit("truth", unit), "prediction": text.in_unit("prediction", unit)}
    )
    labels = (
        () if study.dataset.unimodal is None or study.classes else study.dataset.unimodal.columns
    )
    return {
        **answers,
        "error": study.unit_of_error,
        **study.fact_titles(),
        **{
            name: text.column(name)
            for label in labels
            if (name := f"{LABEL_PREFIX}{label}") in study.dataset.table.columns
        },
        **{
            dividend_column(term): text.in_unit(f"contribution of {term.replace('+', ' + ')}", unit)
            for term in study.terms
        },
    }


def default_axes(study: Study) -> tuple[str, str]:
    """Which axes are shown first: truth and prediction, or for classes margin against rank."""
    return ("rank", "margin") if study.classes else ("truth", "prediction")


def margins(study: Study, rows: np.ndarray) -> np.ndarray:
    """Log-odds of the true class against the best of the others in nats, (N,): below 0 where the decision is wrong;
    NaN where no truth is known."""
    truth, scores = study.dataset.y[rows], study.logits(study.scores[rows])
    true = np.arange(scores.shape[1]) == truth[:, None]
    ahead = scores.max(1, initial=-np.inf, where=true) - scores.max(1, initial=-np.inf, where=~true)
    return np.where(truth < 0, np.nan, ahead)


def asks_entanglement(study: Study, *columns: str) -> bool:
    """Whether one of some columns is an entanglement, which is worked out for the rows that are shown."""
    return bool(set(columns) & {negativity_column(name) for name in study.modalities})


def on_axes(study: Study, rows: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """The rows that have a number on both axes, with ranks among them; of entanglement, of the first `MAX_ENTANGLED`;
    of very many, some that are evenly spread."""
    if {x, y} & {"rank", "margin"}:
        margin = pd.Series(margins(study, study.dataset.rows_of(rows.index)), rows.index)
        rows = rows.assign(margin=margin, rank=margin.rank(method="first"))
    if asks_entanglement(study, x, y):
        rows = rows.head(MAX_ENTANGLED)
        values = negativities(study, study.dataset.rows_of(rows.index)).T
        rows = rows.assign(
            **dict(zip(map(negativity_column, study.modalities), values, strict=True))
        )
    rows = rows[np.isfinite(rows[[x, y]].to_numpy(dtype=float)).all(1)]
    return (
        rows
        if len(rows) <= MAX_DRAWN
        else rows.iloc[np.linspace(0, len(rows) - 1, MAX_DRAWN).astype(int)]
    )


# How far a sample lies from the training data, beside test samples. Free of streamlit.

BEHIND, AHEAD = 10_000, 2_000  # training and test samples at most, spread evenly


def away_words(sample: Sample) -> str:
    """Returns in a sentence how far a sample lies from the nearest training sample, beside the median of test samples
    and the share of these that lie nearer."""
    own = float(_from_training(sample.study, np.array([sample.row]))[0])
    rows = cohort_measures.thinned(sample.dataset.rows("test"), AHEAD)
    others = _from_training(sample.study, rows[rows != sample.row])
    return (
        "In what the encoders make of it, it lies further from the training data than "
        f"{share(float((others < own).mean()))} of the test samples ({own:.2g} from the nearest; their median is "
        f"{np.median(others):.2g})."
    )


@memo(16, background=False)
def _from_training(study: Study, rows: np.ndarray) -> np.ndarray:
    """Distances (n,) of rows from the nearest training sample that is none of them."""
    behind = study.dataset.rows(checkpoint.training_split(study.card))
    behind = cohort_measures.thinned(np.setdiff1d(behind, rows), BEHIND)
    return np.asarray(
        scipy.spatial.distance.cdist(_encoded(study, rows), _encoded(study, behind)).min(1)
    )


def _encoded(study: Any, rows: np.ndarray) -> np.ndarray:
    """What the encoders make of rows, (n, F): states and masses that are at hand, else worked out."""
    if study.can("kets"):
        return np.asarray(torch.view_as_real(study.kets(rows)).flatten(1).numpy())
    if study.can("masses"):
        return np.asarray(study.masses[torch.as_tensor(rows)].flatten(1).numpy())
    return cohort_measures.coordinates_of(study, cohort_measures.FEATURES, rows)
