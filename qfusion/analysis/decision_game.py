"""A game for people: guess the model's decision on ten samples, five of them with an explanation.

Samples and conditions are drawn with a seed, so that a study can give everybody the same ones. The explanation is the
size of every contribution to the score of the decision, as a share of all: without signs, total, baseline or the name
of the class, since contributions add up to the decision (Hase and Bansal 2020 on leakage).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from qfusion._checks import check
from qfusion.analysis import cohort_table, simulatability
from qfusion.analysis.memo import memo
from qfusion.analysis.study import Study
from qfusion.explain import bootstrap

SPLIT = "test"
EACH = 5  # samples of either condition
SIDES = ("not above 0", "above 0")  # of a regression whose sign decides
HALVES = ("not above the median", "above the median")
FEWEST = 60  # samples that tell whether sizes give decisions away, at least
NEIGHBOURS = 15  # samples with similar sizes that vote on a decision
FOLDS = 10


@dataclass(frozen=True)
class Question:
    """A sample whose decision is guessed.

    Attributes:
        sample: its id. explained: whether sizes of contributions are shown. decision: of the model.
    """

    sample: str
    explained: bool
    decision: str


@dataclass(frozen=True)
class Game:
    """Questions in their order.

    Attributes:
        questions: ten of them. options: all decisions, in the order of the classes.
        seed: of the draw. model, weights, data: name of the model, digest of its weights, digest of the data.
    """

    questions: tuple[Question, ...]
    options: tuple[str, ...]
    seed: int
    model: str
    weights: str
    data: str


@dataclass(frozen=True)
class Guess:
    """An answer.

    Attributes:
        answer: one of the options. seconds: from the question to the answer.
    """

    answer: str
    seconds: float


@dataclass(frozen=True)
class Rate:
    """Right guesses of one condition, with the exact 95% interval of their rate (Clopper and Pearson 1934)."""

    right: int
    count: int
    low: float
    high: float


@dataclass(frozen=True)
class Outcome:
    """Right guesses with and without explanations.

    Attributes:
        explained, plain: of either condition.
        odds_ratio: of being right with an explanation, conditional on the totals; may be 0 or infinite.
        low, high: its exact 95% interval. p: of Fisher's exact test, two-sided.
    """

    explained: Rate
    plain: Rate
    odds_ratio: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Giveaway:
    """How often the sizes that the game shows give decisions away, without any input.

    Attributes:
        rate: share of the samples whose decision nearest neighbours in these sizes tell, by cross-validation.
        majority: share of the most frequent decision.
        gain: the difference.
    """

    rate: bootstrap.Interval
    majority: float
    gain: bootstrap.Interval


def find_game_obstacle(study: Study) -> str:
    """Return why there is nothing to guess, as a sentence; empty where there is."""
    if not study.reads_features:
        return (
            f"'{study.name}' is a measured game: there are no inputs to guess its decisions from. Choose a model that "
            "reads features."
        )
    count = len(study.dataset.rows(SPLIT))
    if count < 2 * EACH:
        return (
            f"The game needs {2 * EACH} test samples, but there are {count}. Use a larger data set."
        )
    return ""


def draw_game(study: Study, seed: int = 0) -> Game:
    """Return ten questions about test samples.

    Raises:
        InvalidInput: when there are too few test samples, or the model reads no features.
    """
    obstacle = find_game_obstacle(study)
    check(not obstacle, obstacle)
    rng = np.random.default_rng(seed)
    rows = rng.choice(study.dataset.rows(SPLIT), 2 * EACH, replace=False)
    explained = rng.permutation(np.arange(2 * EACH) < EACH)
    options = decision_names(study)
    questions = tuple(
        Question(str(study.dataset.ids[row]), bool(shown), options[decided])
        for row, shown, decided in zip(rows, explained, _decisions(study, rows), strict=True)
    )
    weights = str(study.card.get("weights_sha256", ""))
    return Game(questions, options, seed, study.name, weights, study.dataset.digest)


def decision_names(study: Study) -> tuple[str, ...]:
    """Return the names of all decisions."""
    if study.classes:
        return study.classes
    return SIDES if study.decides_by_sign else HALVES


def _decisions(study: Study, rows: np.ndarray) -> list[int]:
    return [int(number) for number in simulatability.decisions(study)[rows]]


def contribution_sizes(study: Study, sample: str) -> dict[str, float]:
    """Return the sizes of the contributions to the score of a sample's decision, as shares of their sum."""
    dividends = study.dividends(study.dataset.row(sample))
    sizes = {term: abs(value) for term, value in dividends.items() if term}
    total = sum(sizes.values())
    return {term: size / total if total > 0 else 0.0 for term, size in sizes.items()}


@memo(8)
def measure_giveaway(study: Study) -> Giveaway | None:
    """Return how often sizes of contributions alone give a model's decisions away on explained test samples.

    None where there are too few samples, or all decisions are equal.
    """
    from sklearn.model_selection import KFold, cross_val_predict  # takes a second to import
    from sklearn.neighbors import KNeighborsClassifier

    is_asked = np.isin(study.explained_rows, study.dataset.rows(SPLIT))
    rows = study.explained_rows[is_asked]
    decided = simulatability.decisions(study)[rows]
    clusters = cohort_table.row_clusters(study.dataset, rows)
    has_samples = len(rows) >= FEWEST and bootstrap.has_enough(len(rows), clusters)
    if not has_samples or len(np.unique(decided)) < 2:
        return None
    sizes = np.abs(study.explained_dividends()[is_asked, 1:])
    shares = sizes / np.maximum(sizes.sum(1, keepdims=True), np.finfo(float).tiny)
    folds = KFold(FOLDS, shuffle=True, random_state=0)
    predicted = cross_val_predict(KNeighborsClassifier(NEIGHBOURS), shares, decided, cv=folds)
    hits = (predicted == decided).astype(float)
    is_majority = (decided == np.bincount(decided).argmax()).astype(float)
    means = bootstrap.means({"rate": hits, "gain": hits - is_majority}, clusters=clusters)
    return Giveaway(means["rate"], float(is_majority.mean()), means["gain"])


def summarize_guesses(game: Game, guesses: Sequence[Guess]) -> Outcome:
    """Return the right guesses of both conditions, with exact intervals and Fisher's exact test.

    Raises:
        InvalidInput: when not all questions are answered.
    """
    check(
        len(guesses) == len(game.questions),
        f"All {len(game.questions)} questions must be answered, but {len(guesses)} are.",
    )
    right = {True: 0, False: 0}
    for question, guess in zip(game.questions, guesses, strict=True):
        right[question.explained] += guess.answer == question.decision
    table = [[right[True], EACH - right[True]], [right[False], EACH - right[False]]]
    ratio = stats.contingency.odds_ratio(table, kind="conditional")
    interval = ratio.confidence_interval(bootstrap.LEVEL)
    return Outcome(
        explained=_rate(right[True], EACH),
        plain=_rate(right[False], EACH),
        odds_ratio=float(ratio.statistic),
        low=float(interval.low),
        high=float(interval.high),
        p=float(stats.fisher_exact(table).pvalue),
    )


def guess_table(game: Game, guesses: Sequence[Guess]) -> pd.DataFrame:
    """Return a row for each answered question: what a study keeps."""
    rows = []
    for place, (question, guess) in enumerate(zip(game.questions, guesses, strict=False)):
        rows.append(
            {
                "order": place + 1,
                "sample": question.sample,
                "condition": "with explanation" if question.explained else "without explanation",
                "guess": guess.answer,
                "decision": question.decision,
                "right": guess.answer == question.decision,
                "seconds": round(guess.seconds, 2),
                "seed": game.seed,
                "model": game.model,
                "weights_sha256": game.weights,
                "data_digest": game.data,
            }
        )
    return pd.DataFrame(rows)


def _rate(right: int, count: int) -> Rate:
    ends = stats.binomtest(right, count).proportion_ci(bootstrap.LEVEL, method="exact")
    return Rate(right, count, float(ends.low), float(ends.high))
