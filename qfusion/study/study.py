"""A model on a data set, with everything that is computed once for all samples.

`Study` has what every page relies on. The spaces in `study.backends` add the quantities that only some models have."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import pandas as pd
from scipy.special import softmax

import qfusion
from qfusion import explain
from qfusion._memory_cache import file_stamp, memo
from qfusion.data import DataSet
from qfusion.data.coalition_terms import coalition_names
from qfusion.data.target_spec import SHARE_OF_VOTES
from qfusion.explain import backgrounds, stability, verdicts
from qfusion.models import base
from qfusion.study.backends import backend_class
from qfusion.study.backends.base import BaseBackend, dividend_column
from qfusion.study.cache import dataset_cache, per_model_cache, state_cache
from qfusion.study.jobs import Task
from qfusion.training import checkpoint_cards, encodings, metrics

LARGE = 50_000  # samples of a data set beyond which not all are explained together
BLOCK = 2**14  # samples whose states are held at a time


@dataclass(frozen=True, eq=False)
class Study:
    """A model on a data set. Values of all samples are computed when they are first needed.

    Attributes:
        name: name of the model.
        card: card of its checkpoint.
        dataset: data set of N samples.
        model: the explained model, read-only, shared by all sessions. The scores of a classifier are log-odds in nats,
            see `models.base`; its probabilities are those of `trained`.
        trained: model of the checkpoint, with the scores that it was trained with.
        uses_all_rows: whether explanations use every row of the background where a part would suffice.
        reference: number of the class that the others are compared with, or None if each class is compared with all
            others.
        card_path: path of the checkpoint's card, or None for a model that is in no file.
    """

    name: str
    card: Mapping[str, Any]
    model: Any
    dataset: DataSet
    trained: Any = None
    _background: Any = None
    uses_all_rows: bool = False
    _shared: object = field(default_factory=object, repr=False)
    _states: object = field(default_factory=object, repr=False)
    _base: Any = field(default=None, repr=False)
    _user_only: Any = field(default=None, repr=False)
    _own: object = field(default_factory=object, init=False, repr=False)
    reference: int | None = field(default=None, kw_only=True)
    card_path: Path | None = field(default=None, kw_only=True)

    @cached_property
    def backend(self) -> BaseBackend:
        """The samples as the family of the model represents them; see `study.backends`."""
        return backend_class(self.model)(self)

    @dataset_cache
    def opening_sample(self) -> str:
        """Id of the sample to show first; empty where it is chosen from the explanations of all."""
        return self.backend.opening_sample()

    def sample(self, sample_id: str, *, output: str | int | None = None, tweak: Any = "") -> Any:
        """Return the `Sample` of an id, with its contributions, verdict, states and entropies.

        Args:
            sample_id: its id.
            output: what is explained, as text of `outputs.parse` or number of a class; the predicted class by default.
            tweak: what to change in the model.

        Raises:
            NotFound: when there is no such sample or output. InvalidInput: when the tweak does not fit the model.
        """
        return qfusion.study.sample.build_sample(self, self.dataset.row(sample_id), output, tweak)

    def __repr__(self) -> str:
        return f"Study({self.name!r} on {self.dataset.name!r}, {len(self.dataset):,} samples)"

    def memo_key(self, background: bool = True) -> tuple[str, ...]:
        """Return a key that identifies this study: the model's name, the digest of its weights, the file of its other
        training seeds, the digest of the data including words, and, if it matters, that of the background. Results
        cached under this key are shown to whoever asks.
        """
        if self._base is not None:
            return (*self._base.memo_key(background), self._user_only.dataset.digest)
        key: tuple[str, ...] = (
            self.name,
            str(self.card.get("weights_sha256", "")),
            self._seeds_stamp,
            self.model.score_kind,
            self.dataset.identity,
        )
        if not background:
            return key
        key = (*key, str(self.background.key))
        return (*key, "all rows") if self.uses_all_rows else key

    @state_cache
    def _default_background(self) -> Any:
        rows = self.dataset.rows(checkpoint_cards.training_split(self.card))
        return backgrounds.make_background(self.model, self.dataset, rows, backgrounds.DEFAULT)

    @property
    def background(self) -> Any:
        """Background of the explanations: the training samples, unless another one is compared `with_background`."""
        return self._default_background if self._background is None else self._background

    def with_background(self, background: Any) -> Self:
        """Return the same model on the same samples with another background. Everything else is shared.

        Args:
            background: of `explain.background`, made with this model.
        """
        return self.with_same_user_samples(replace(self.base_study, _background=background))

    def with_all_rows(self) -> Self:
        """Return the same model and samples against every row of the background, where some would do. This study is
        shared: its explanation is that of the refinement, or is computed on request.
        """
        return self.with_same_user_samples(self._exact())

    def with_default_background(self) -> Self:
        """Return the same model and samples against the training samples, of which only some are used where all would
        take long: the study that pages open first.
        """
        is_default = self.background.kind == backgrounds.DEFAULT and not self.uses_all_rows
        return self if is_default else self.with_same_user_samples(self._default())

    @property
    def is_default(self) -> bool:
        """Whether it is the study that pages open first: of the data set alone, with the default background, rows of
        the background, and scores."""
        return (
            self._base is None
            and self._background is None
            and not self.uses_all_rows
            and self.reference is None
        )

    @memo(4)
    def _default(self) -> Self:
        return replace(self, _background=None, uses_all_rows=False)

    @memo(4)
    def _exact(self) -> Self:
        return replace(self, uses_all_rows=True)

    def with_reference(self, reference: int | None) -> Self:
        """Return the same model on the same samples, with scores that are the log-odds of each class against one class.

        Args:
            reference: number of that class; None for the log-odds against all other classes.
        """
        if reference == self.reference:
            return self
        return self.with_same_user_samples(self.base_study._with_reference(reference))

    @memo(12)
    def _with_reference(self, reference: int | None) -> Self:
        model = base.log_odds_against_others(self.trained)
        if reference is not None:
            model = base.log_odds_against_class(model, reference)
        model = backend_class(model).prepare_model(model)
        return replace(self, model=model, _shared=object(), reference=reference)

    @property
    def base_study(self) -> Self:
        """The study of the data set alone, without the samples of a visitor."""
        return self if self._base is None else self._base

    def with_same_user_samples(self, study: Self) -> Self:
        """Return another study of the same data set, with the visitor's samples of this one appended."""
        return study if self._base is None else study.with_user_samples(self.dataset)

    def with_user_samples(self, dataset: DataSet) -> Self:
        """Return the study of a set with a visitor's samples after those of the set. Everything else of the set is
        shared.

        Args:
            dataset: of `data.own_samples.append_samples`.
        """
        alone = self.base_study.with_data(cast("DataSet", dataset.own))
        return replace(alone.with_data(dataset), _base=self.base_study, _user_only=alone)

    def with_data(self, dataset: DataSet) -> Self:
        """Return the same model on another data set, with which nothing is shared."""
        return replace(self, dataset=dataset, _shared=object(), _states=object())

    @property
    def is_sampled(self) -> bool:
        """Whether some explanations are against a part of the background's rows, see `with_all_rows`."""
        return (
            min(self.explanation_background.size, self.sample_background.size)
            < self.background.size
        )

    @property
    def is_exact(self) -> bool:
        """Whether `explanation` is exact, see `Explanation.is_exact`, without computing it."""
        return bool(self.model.algebra.is_exact(self.explanation_background))

    def inputs(self, rows: Any = None) -> dict[str, Any]:
        """Return the model's inputs for some rows, by default all. For a large set, these are the outputs of the
        encoders, which are cached.
        """
        return encodings.encoded_inputs(self.model, self.dataset, rows)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities, in the model's order."""
        return tuple(self.model.modalities)

    @cached_property
    def coalitions(self) -> tuple[str, ...]:
        """Every coalition, the empty one first."""
        return coalition_names(self.modalities)

    @property
    def terms(self) -> tuple[str, ...]:
        """Every coalition except the empty one."""
        return tuple(term for term in self.coalitions if term)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, empty for a regression."""
        return self.dataset.target.classes if self.dataset.target.kind == "classification" else ()

    @property
    def reads_features(self) -> bool:
        """Whether scores depend on features; those of a measured game are in a table."""
        return bool(self.model.reads_features)

    @property
    def has_truth(self) -> bool:
        """Whether all targets are known, so that errors of the model can be measured."""
        return bool(self.dataset.is_annotated.all())

    @property
    def quantity(self) -> str:
        """Name of the explained quantity: the log-odds of a class, the score of a regression, people's share of
        votes, or a probability."""
        target = self.dataset.target
        if target.name.startswith(SHARE_OF_VOTES):
            return SHARE_OF_VOTES
        if target.unit == "probability":
            return target.unit
        return "log-odds" if self.classes else "score"

    def score_unit(self, output: int) -> str:
        """Axis name of a score: the log-odds of a class, or the target of a regression."""
        if self.reference is not None:
            other = self.classes[self.reference]
            return f"log-odds of ‘{self.classes[output]}’ against ‘{other}’ (nats)"
        if self.classes:
            return f"log-odds of ‘{self.classes[output]}’ (nats)"
        name = self.dataset.target.name
        if not self.dataset.target.known:
            return name
        is_named = name.endswith("score") or self.quantity != "score"
        return name if is_named else f"{name} score"

    @property
    def scale(self) -> tuple[float, float]:
        """Range of a regression target."""
        y = self.dataset.y
        known = y[np.isfinite(y)] if self.dataset.is_annotated.any() else self.scores
        return self.dataset.target.range or (float(known.min()), float(known.max()))

    @per_model_cache
    def scores(self) -> np.ndarray:
        """Scores of all samples, (N, C)."""
        return self.backend.scores()

    def precompute(self) -> Self:
        """Return the same study after applying the model to every sample."""
        _ = self.scores, self.background
        return self

    @per_model_cache
    def probabilities(self) -> np.ndarray:
        """Softmax of the scores (N, C), which is not calibrated: see `calibration_error`."""
        return self.softmax(self.scores)

    def logits(self, scores: np.ndarray) -> np.ndarray:
        """Scores (..., C) of the explained model in the units of a softmax; of a regression the scores themselves."""
        return np.asarray(self.model.logit_scale * scores)

    def softmax(self, scores: np.ndarray) -> np.ndarray:
        """Softmax of scores (..., C) of the explained model."""
        return np.asarray(softmax(self.logits(scores), axis=-1))

    @per_model_cache
    def calibration_error(self) -> float | None:
        """Expected calibration error of a classifier on the test split, or None for a large data set and for one
        without test samples.
        """
        rows = self.dataset.rows("test")
        if self.is_large or not len(rows):
            return None
        predicted = self.predicted[rows]
        certainty = self.probabilities[rows, predicted]
        is_right = (predicted == self.dataset.y[rows]).astype(float)
        return metrics.calibration(certainty, is_right)[-1]

    @per_model_cache
    def predicted(self) -> np.ndarray:
        """Predicted class (N,), or zeros for a regression. This is the output that is explained by default."""
        return self.scores.argmax(1) if self.classes else np.zeros(len(self.scores), dtype=int)

    @per_model_cache
    def errors(self) -> np.ndarray:
        """Absolute error (N,); for classes 1 - softmax of the true one; NaN where no truth is known."""
        if self.classes:
            y = self.dataset.y
            return np.where(y < 0, np.nan, 1 - self.probabilities[np.arange(len(y)), y])
        return np.abs(self.scores[:, 0] - self.dataset.y)

    @property
    def unit_of_error(self) -> str:
        """Axis name of `errors`."""
        return (
            "1 − softmax of the true class"
            if self.classes
            else f"absolute error ({self.score_unit(0)})"
        )

    @property
    def is_large(self) -> bool:
        """Whether quantities of individual samples are computed only for some samples, or on request."""
        return len(self.dataset) > LARGE

    def blocks(self) -> list[np.ndarray]:
        """Return all rows, in blocks whose states fit into memory."""
        return np.array_split(np.arange(len(self.dataset)), max(1, -(-len(self.dataset) // BLOCK)))

    @dataset_cache
    def explained_rows(self) -> np.ndarray:
        """Rows that are explained together: all, or some test rows where all would take long."""
        return self.backend.explained_rows()

    @dataset_cache
    def explanation(self) -> Any:
        """Explanation of the explained rows; computed when it is first needed, and stored for a large set."""
        return self.backend.explain_rows()

    @dataset_cache
    def explanation_background(self) -> Any:
        """Background of `explanation`: the study's, or some of its rows."""
        return self.backend.explanation_background()

    @dataset_cache
    def sample_background(self) -> Any:
        """Background of the explanation of one sample: the study's, or some of its rows."""
        return self.backend.sample_background()

    @memo(
        256,
        background=False,  # the stamp has the key and the size of the background of one sample
        stamp=lambda study, row: (study.sample_background.key, study.sample_background.size),
    )
    def explained(self, row: int) -> Any:
        """Return the explanation of one sample.

        It is never a row of `explanation`, whose last digits differ. So the figures of a sample have the same bytes
        whichever results were computed before.
        """
        return explain.explain(self.model, self.inputs([row]), self.sample_background)

    def dividends(self, row: int, output: int | None = None) -> dict[str, float]:
        """Baseline and Harsanyi dividends of one sample, keyed by coalition.

        Args:
            output: whose score is split; default the predicted class.
        """
        explanation = self.explained(row)
        number = int(self.predicted[row]) if output is None else output
        return dict(
            zip(explanation.coalitions, explanation.dividends[0, :, number].tolist(), strict=True)
        )

    def to_shapiq(self, sample: str, output: int | str | None = None) -> Any:
        """Return the contributions to one sample's score as `shapiq.InteractionValues`, see `explain.to_shapiq`.

        Args:
            sample: its id.
            output: number or name of the explained output; default the predicted class.

        Raises:
            NotFound: when there is no such sample or output. MissingPackage: when shapiq is not installed.
        """
        row = self.dataset.row(sample)
        chosen = int(self.predicted[row]) if output is None else output
        return explain.to_shapiq(self.explained(row), 0, chosen)

    def explained_dividends(self, output: int | None = None) -> np.ndarray:
        """Dividends (rows in `explained_rows`, 2^M) of one output, or of each sample's predicted class."""
        values = np.asarray(self.explanation.dividends)
        outputs = self._explained_outputs(output)
        return np.asarray(values[np.arange(len(values)), :, outputs])

    def explained_verdicts(self, output: int | None = None) -> verdicts.Verdicts:
        """The verdicts on the rows of `explained_rows`, of one output or of each sample's predicted class."""
        outputs = self._explained_outputs(output)
        doubt = self.seed_uncertainty(self.explained_rows, outputs)
        return verdicts.judge(self.explanation, outputs, doubt, self.boundary)

    def verdict(self, row: int) -> verdicts.Verdict:
        """Return the verdict on one sample, of its predicted class."""
        output = int(self.predicted[row])
        doubt = self.seed_uncertainty(np.array([row]), np.array([output]))
        return verdicts.verdict(self.explained(row), 0, output, doubt, self.boundary)

    def _explained_outputs(self, output: int | None) -> np.ndarray:
        """Return the explained output of each row of `explained_rows`: `output`, or by default the predicted class."""
        if output is None:
            return self.predicted[self.explained_rows]
        return np.full(len(self.explained_rows), output)

    @cached_property
    def boundary(self) -> float | None:
        """Explained score between two decisions, see `Target.boundary` and `Game.boundary`."""
        measured = getattr(self.model, "boundary", None)
        return self.dataset.target.boundary if measured is None else measured

    @property
    def decides_by_sign(self) -> bool:
        """Whether the sign of the explained score is the decision."""
        return self.boundary == 0

    @property
    def seeds_path(self) -> Path:
        """Path of the file with what was measured over training seeds, whether or not it exists."""
        return stability.find_file(self.name, self.card_path)

    @per_model_cache
    def _seeds_stamp(self) -> str:
        return " ".join(map(str, file_stamp(self.seeds_path)))

    @per_model_cache
    def _stability(self) -> stability.Stability | None:
        return stability.load_measured(self.name, self.card, self.dataset, self.card_path)

    @property
    def seeds_state(self) -> stability.SeedsState:
        """What is known of the spread over training seeds."""
        return stability.seeds_state(self._stability, self.card)

    def seed_uncertainty(self, rows: np.ndarray, outputs: np.ndarray) -> verdicts.Doubt | None:
        """Return the uncertainty of some samples over training seeds, see `stability.seed_doubt`, or None if the
        background is not the one that it was measured against.
        """
        as_measured = self.background.kind == backgrounds.DEFAULT and self.reference is None
        measured = self._stability if as_measured else None
        return stability.seed_doubt(measured, self.dataset, rows, outputs)

    @memo(12, task=Task.SPLIT_DECISIONS)
    def frame(self, output: int | None = None) -> pd.DataFrame:
        """Return a table with one row per sample (index id): split, truth, prediction, error, verdict, facts,
        dividends, the data's columns.

        Verdict and dividends are empty in rows outside `explained_rows`; so are facts, of a large set.
        """
        data, judged = self.dataset, self.explained_verdicts(output)
        answers: dict[str, Any] = {"truth": data.y, "prediction": self.scores[:, 0]}
        if self.classes:
            names = np.array(self.classes, dtype=object)
            answers = {
                "truth": np.where(data.y < 0, "", names[data.y]),
                "prediction": names[self.predicted],
                "certainty": self.probabilities[np.arange(len(data)), self.predicted],
            }
        if self.is_large:
            explained_facts = self.backend.facts(self.explained_rows)
            facts = {name: self.scatter(fact) for name, fact in explained_facts.items()}
        else:
            facts = self.backend.facts()
        dividends = self.explained_dividends(output)
        contributions = {
            dividend_column(term): self.scatter(dividends[:, i])
            for i, term in enumerate(self.coalitions)
            if term
        }
        columns = {
            "split": data.split,
            **answers,
            "error": self.errors,
            **{name: self.scatter(values) for name, values in verdict_columns(judged).items()},
            **facts,
            **contributions,
        }
        frame = pd.DataFrame(columns, index=pd.Index(data.ids, name="id"))
        others = [name for name in data.table.columns if name not in frame.columns]
        return frame.join(data.table[others])

    def show(self, view: str = "cohort-shares", **choices: Any) -> "qfusion.views.view.View":
        """Return a view of the model, or of its test samples; arguments and errors are those of `Sample.show`."""
        return qfusion.views.pages.catalogue.show(self, view, choices)

    def _repr_html_(self) -> str:
        """Return the HTML that a notebook displays, see `views.pages.notebook`."""
        return qfusion.views.pages.notebook.study_html(self)

    def scatter(self, values: np.ndarray) -> np.ndarray:
        """Return values of the rows in `explained_rows` for all samples, with NaN or empty strings elsewhere."""
        result = np.full(len(self.dataset), "" if values.dtype == object else np.nan, values.dtype)
        result[self.explained_rows] = values
        return result

    def row_metrics(self, rows: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """Metrics of scores (n, C) of the explained model on some rows (n,)."""
        return metrics.row_metrics(self.dataset, rows, self.logits(scores))

    def split_metrics(self, scores: np.ndarray, split: str = "test") -> dict[str, float]:
        """Metrics of scores (rows of the split, C) of the explained model; none where some truth is not known."""
        if self.dataset.target.known and not self.has_truth:
            return {}
        return self.row_metrics(self.dataset.rows(split), scores)


def verdict_columns(judged: verdicts.Verdicts) -> dict[str, np.ndarray]:
    """Return the columns of tables of samples on pages, (B,) each: whether own terms conflict is `opposed`, "yes" or
    "no", since networks with masses have a column `conflict`."""
    columns = judged.columns()
    opposed = np.where(columns.pop("conflict"), "yes", "no").astype(object)
    return columns | {"opposed": opposed}
