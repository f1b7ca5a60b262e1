"""One model on one data set, with everything that is computed once for all samples. Free of streamlit.

`Workspace` is what every page can rely on; `ket_subject`, `jump_subject` and `network_subject` add what models of their
abilities have.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Self, TypeVar

import numpy as np
import pandas as pd

from qfusion import explain
from qfusion._checks import check
from qfusion.analysis.memo import memo
from qfusion.data import DataSet
from qfusion.explain import stability
from qfusion.explain.backgrounds import background_of
from qfusion.explain.coalitions import of_values
from qfusion.explain.stability import Stability
from qfusion.explain.verdicts import Doubt, Verdict, Verdicts, judge, verdict
from qfusion.models import Ability, can
from qfusion.quantum.measures import column
from qfusion.training import checkpoint, encoded, metrics

SAID = ("text", "transcript")
LARGE = 50_000  # samples of a data set beyond which not all are explained together
EXPLAINED = 10_000  # of a large one
BLOCK = 2**14  # samples whose states are held at a time
_KEPT = 64  # explanations of single samples that are kept


T = TypeVar("T")


class shared(Generic[T]):
    """What a workspace works out when it is first asked for, once for all its copies `against` other backgrounds."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.make, self.__doc__ = make, make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, work: Any, owner: type | None = None) -> T:
        if self.name not in work._shared:
            work._shared[self.name] = self.make(work)
        found: T = work._shared[self.name]
        return found


@dataclass(frozen=True, eq=False)
class Workspace:
    """A model on a data set; what concerns all samples is worked out when it is first asked for.

    Attributes:
        name: of the model; card: of its checkpoint; model: read-only, shared by all sessions.
        dataset: N samples.
    """

    name: str
    card: Mapping[str, Any]
    model: Any
    dataset: DataSet
    _background: Any = None
    _whole: bool = False
    _singles: dict[int, Any] = field(default_factory=dict, repr=False)
    _shared: dict[str, Any] = field(default_factory=dict, repr=False)

    opening = ""  # the sample shown first, where it can be told without explaining all of them

    def memo_key(self, background: bool = True) -> tuple[str, ...]:
        """What tells this subject from others: the model's name and its weights' digest, the data's, words and all,
        and, where it matters, the background's. What is kept by it is shown to whoever asks."""
        return (
            self.name,
            str(self.card.get("weights_sha256", "")),
            self.dataset.identity,
            *(
                (str(self.background.key), *(("all rows",) if self._whole else ()))
                if background
                else ()
            ),
        )

    def can(self, ability: Ability) -> bool:
        """Whether the model says that it can do something, see `models.explorable`."""
        return can(self.model, ability)

    @property
    def has_time(self) -> bool:
        """Whether the system evolves in time."""
        return self.can("time")

    @shared
    def _joint(self) -> Any:
        return background_of(
            self.model, self.dataset, self.dataset.rows(checkpoint.training_split(self.card))
        )

    @property
    def background(self) -> Any:
        """Of the explanations: the training samples, unless another is compared `against`."""
        return self._joint if self._background is None else self._background

    def against(self, background: Any) -> Self:
        """The same model on the same samples with another background; all else is shared.

        Args:
            background: of `explain.background`, made with this model.
        """
        return self._again("_background", background)

    def against_all_rows(self) -> Self:
        """The same model and samples against every row of the background where some would do; all else is shared."""
        return self._again("_whole", True)

    def _again(self, name: str, value: Any) -> Self:
        other = copy.copy(self)
        for kept in ("bulk", "explanation", "bulk_background", "sample_background"):
            other.__dict__.pop(kept, None)
        object.__setattr__(other, name, value)
        object.__setattr__(other, "_singles", {})
        return other

    @property
    def is_sampled(self) -> bool:
        """Whether some explanations are against a part of the background's rows, see `against_all_rows`."""
        return min(self.bulk_background.size, self.sample_background.size) < self.background.size

    def inputs(self, rows: Any = None) -> dict[str, Any]:
        """What the model takes for rows, all unless given: of a large set what its encoders made of them, kept."""
        return encoded.inputs(self.model, self.dataset, rows)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names in the model's order."""
        return tuple(self.model.modalities)

    @cached_property
    def coalitions(self) -> tuple[str, ...]:
        """Every coalition, the empty one first."""
        from qfusion.data.modality import coalitions

        return coalitions(self.modalities)

    @property
    def terms(self) -> tuple[str, ...]:
        """Every coalition but the empty one."""
        return tuple(term for term in self.coalitions if term)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; empty for a regression."""
        return self.dataset.target.classes if self.dataset.target.kind == "classification" else ()

    def unit_of(self, output: int) -> str:
        """Axis name of a score."""
        if self.classes:
            return f"score of ‘{self.classes[output]}’"
        name = self.dataset.target.name
        return name if name.endswith("score") else f"{name} score"

    @property
    def scale(self) -> tuple[float, float]:
        """Range of a regression target."""
        target = self.dataset.target
        return target.range or (float(self.dataset.y.min()), float(self.dataset.y.max()))

    @shared
    def scores(self) -> np.ndarray:
        """Of all samples, (N, C)."""
        raise NotImplementedError

    def applied(self) -> Self:
        """The same, once the model has been applied to every sample."""
        _ = self.scores, self.background
        return self

    @cached_property
    def probabilities(self) -> np.ndarray:
        """Softmax of the scores (N, C), which is not calibrated: see `calibration`."""
        return softmax(self.scores)

    @cached_property
    def calibration(self) -> str:
        """What a softmax of this model is worth, in words: the expected calibration error on the test split, or that it
        is not measured (of a large set, or without test samples)."""
        rows = self.dataset.rows("test")
        if self.is_large or not len(rows):
            return (
                "Softmax of the scores, not calibrated; its calibration error is not measured here."
            )
        sure = self.probabilities[rows, self.predicted[rows]]
        error = metrics.calibration(
            sure, (self.predicted[rows] == self.dataset.y[rows]).astype(float)
        )[-1]
        return (
            f"Softmax of the scores, not calibrated: expected calibration error {error:.3f} on "
            f"{len(rows):,} test samples."
        )

    @cached_property
    def predicted(self) -> np.ndarray:
        """The predicted class (N,), or zeros for a regression: the output that is explained unless told otherwise."""
        return self.scores.argmax(1) if self.classes else np.zeros(len(self.scores), dtype=int)

    @cached_property
    def errors(self) -> np.ndarray:
        """Absolute error (N,); for classes 1 - softmax of the true one."""
        if self.classes:
            return 1 - self.probabilities[np.arange(len(self.scores)), self.dataset.y]
        return np.abs(self.scores[:, 0] - self.dataset.y)

    @property
    def unit_of_error(self) -> str:
        """Axis name of `errors`."""
        return (
            "1 − softmax of the true class"
            if self.classes
            else f"absolute error ({self.unit_of(0)})"
        )

    @property
    def is_large(self) -> bool:
        """Whether what every sample has of its own is worked out for some of them, or when asked for."""
        return len(self.dataset) > LARGE

    def blocks(self) -> list[np.ndarray]:
        """All rows, in blocks whose states fit into memory."""
        return np.array_split(np.arange(len(self.dataset)), max(1, -(-len(self.dataset) // BLOCK)))

    @cached_property
    def bulk(self) -> np.ndarray:
        """The rows that are explained together: all, or the first ones for testing of a large set."""
        return self.dataset.rows() if not self.is_large else self.dataset.rows("test")[:EXPLAINED]

    @cached_property
    def explanation(self) -> Any:
        """Of the rows in `bulk`; worked out when first asked for, and of a large set kept."""
        behind = self.bulk_background
        if not encoded.is_kept(self.model, self.dataset) or behind.is_drawn:
            return explain.explain(self.model, self.inputs(self.bulk), behind)
        path = encoded.place(
            self.model, self.dataset, behind.key, hashlib.sha256(self.bulk.tobytes()).hexdigest()
        )
        numbers = encoded.arrays(
            path,
            lambda: {"values": explain.explain(self.model, self.inputs(self.bulk), behind).values},
        )
        return of_values(self.model, numbers["values"], behind)

    @property
    def bulk_background(self) -> Any:
        """What those are explained against: the background, or a stated part of its rows."""
        return self.background

    @property
    def sample_background(self) -> Any:
        """What one sample is explained against: the background, or a stated part of its rows."""
        return self.background

    def explained(self, row: int) -> Any:
        """The explanation of one sample.

        It is never a row of `explanation`, whose last digits differ: a sample's figures are the same bytes whatever was
        asked before.
        """
        if row not in self._singles:
            while len(self._singles) >= _KEPT:
                self._singles.pop(next(iter(self._singles)), None)
            self._singles[row] = explain.explain(
                self.model, self.inputs([row]), self.sample_background
            )
        return self._singles[row]

    def dividends(self, row: int, output: int | None = None) -> dict[str, float]:
        """Baseline and Harsanyi dividends of one sample, keyed by coalition.

        Args:
            output: whose score is split; default the predicted class.
        """
        found = self.explained(row)
        chosen = int(self.predicted[row]) if output is None else output
        return {
            term: float(found.dividends[0, i, chosen]) for i, term in enumerate(found.coalitions)
        }

    def shapley(
        self, row: int, output: int | None = None
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Shapley values and MM-SHAP shares of one sample, keyed by modality."""
        found = self.explained(row)
        chosen = int(self.predicted[row]) if output is None else output
        values, shares = found.shapley[0, :, chosen], explain.shares(found)[0, :, chosen]
        return (
            {name: float(v) for name, v in zip(self.modalities, values, strict=True)},
            {name: float(v) for name, v in zip(self.modalities, shares, strict=True)},
        )

    def bulk_dividends(self, output: int | None = None) -> np.ndarray:
        """Dividends (rows in `bulk`, 2^M) of one output, or of each sample's predicted class."""
        found = np.asarray(self.explanation.dividends)
        outputs = self.predicted[self.bulk] if output is None else np.full(len(self.bulk), output)
        return np.asarray(found[np.arange(len(found)), :, outputs])

    def bulk_verdicts(self, output: int | None = None) -> Verdicts:
        """The verdicts on the rows of `bulk`, of one output or of each sample's predicted class."""
        outputs = self.predicted[self.bulk] if output is None else np.full(len(self.bulk), output)
        return judge(self.explanation, outputs, self._doubt(self.bulk, outputs))

    def verdict(self, row: int, output: int | None = None) -> Verdict:
        """The verdict on one sample, of one output or of the predicted class."""
        chosen = int(self.predicted[row]) if output is None else output
        return self.verdict_of(self.explained(row), row, chosen)

    def verdict_of(self, explanation: Any, row: int, output: int) -> Verdict:
        """The verdict on an explanation of one sample, such as that under a tweak."""
        return verdict(explanation, 0, output, self._doubt(np.array([row]), np.array([output])))

    @shared
    def _stability(self) -> Stability | None:
        return stability.measured(self.name, self.card, self.dataset)

    def _doubt(self, rows: np.ndarray, outputs: np.ndarray) -> Doubt | None:
        return stability.doubt(self._stability, self.dataset, rows, outputs)

    def facts(self, rows: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """More columns that this system has of every sample (N,), or of some rows."""
        return {}

    def fact_titles(self) -> dict[str, str]:
        """Axis titles of `facts`, and of other columns that can be worked out for some rows."""
        return {}

    @memo(12, says="Splitting the decisions on the test samples, once …")
    def frame(self, output: int | None = None) -> pd.DataFrame:
        """One row a sample (index id): split, truth, prediction, error, verdict, facts, dividends, the data's columns.

        Verdict and dividends are empty in rows outside `bulk`; so are facts, of a large set.
        """
        data, everyone = self.dataset, len(self.dataset)
        columns: dict[str, Any] = {"split": data.split, **self._answers(), "error": self.errors}
        verdicts = self.bulk_verdicts(output)
        for name, values in (("relation", verdicts.relation), ("leader", verdicts.leaders)):
            columns[name] = np.full(everyone, "", dtype=object)
            columns[name][self.bulk] = values
        columns |= self._facts()
        dividends = np.full((everyone, len(self.coalitions)), np.nan)
        dividends[self.bulk] = self.bulk_dividends(output)
        columns |= {
            dividend_column(term): dividends[:, i] for i, term in enumerate(self.coalitions) if term
        }
        frame = pd.DataFrame(columns, index=pd.Index(data.ids, name="id"))
        return frame.join(data.table[[c for c in data.table.columns if c not in frame.columns]])

    def _facts(self) -> dict[str, np.ndarray]:
        if not self.is_large:
            return self.facts()
        found = {name: np.full(len(self.dataset), np.nan) for name in self.fact_titles()}
        some = self.facts(self.bulk)
        for name, values in some.items():
            found[name][self.bulk] = values
        return {name: found[name] for name in some}

    def _answers(self) -> dict[str, Any]:
        if not self.classes:
            return {"truth": self.dataset.y, "prediction": self.scores[:, 0]}
        names = np.array(self.classes, dtype=object)
        certain = self.probabilities[np.arange(len(self.scores)), self.predicted]
        return {
            "truth": names[self.dataset.y],
            "prediction": names[self.predicted],
            "certainty": certain,
        }

    def of_split(self, scores: np.ndarray, split: str = "test") -> dict[str, float]:
        """Metrics of scores (rows of the split, C)."""
        return metrics.of_rows(self.dataset, self.dataset.rows(split), scores)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Softmax (..., C) of scores."""
    shifted = np.exp(scores - scores.max(-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(-1, keepdims=True))


def entropy_column(name: str) -> str:
    """Column of the entropy of a modality's state at T, or of a fused qubit."""
    return column("entropy", (name,))


def dividend_column(term: str) -> str:
    """Column of a coalition's dividend."""
    return f"dividend[{term}]"


def said_columns(rows: pd.DataFrame) -> list[str]:
    """The columns of a table of samples that hold what was said."""
    return [column for column in SAID if column in rows.columns]


def require_fit(name: str, card: Mapping[str, Any], dataset: DataSet) -> None:
    """Checks that a model takes a data set.

    Raises:
        InvalidInput: when it was made for other modalities or feature numbers than the data set has.
    """
    problem = misfit(card, dataset)
    check(
        not problem,
        f"Model '{name}' does not fit data set '{dataset.name}': {problem} Choose the data it was "
        f"trained on, '{card['data']['name']}'.",
    )


def misfit(card: Mapping[str, Any], dataset: DataSet) -> str:
    """What keeps a model from taking a data set's inputs or answering its question, or an empty string."""
    wanted, found = card["inputs"], dataset.input_specs
    for name, spec in wanted.items():
        if name not in found:
            return f"it needs the modality '{name}', and the data has {', '.join(found)}."
        if int(spec["size"]) != int(found[name]["size"]):
            return f"it needs {spec['size']} features of '{name}', and the data has {found[name]['size']}."
    classes = dataset.target.classes if dataset.target.kind == "classification" else ()
    if classes and len(card["outputs"]) != len(classes):
        return f"it has {len(card['outputs'])} outputs, and the data has {len(classes)} classes."
    return ""
