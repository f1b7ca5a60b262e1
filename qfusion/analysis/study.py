"""One model on one data set, with everything that is computed once for all samples.

`Study` is what every page can rely on; the spaces after it add what models of their abilities have, and
`build_study` gives a model its own."""

import copy
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self, TypeVar, cast

import numpy as np
import pandas as pd
import torch
from scipy.special import softmax
from torch.utils.flop_counter import FlopCounterMode

import qfusion
from qfusion import _sentences, explain
from qfusion._checks import check
from qfusion.analysis.memo import memo
from qfusion.data import DataSet
from qfusion.data.coalition_terms import MANY_MODALITIES, coalition_names
from qfusion.explain import Explanation, backgrounds, coalitions, evidence, stability, verdicts
from qfusion.models import Ability, can, evaluation, log_odds, nested, qcnn, require, truth_tables
from qfusion.quantum import decomposition, lindblad, measure_kinds, measures, states
from qfusion.quantum.states import expectation
from qfusion.training import checkpoint, encodings, metrics

SAID = ("text", "transcript")
LARGE = 50_000  # samples of a data set beyond which not all are explained together
EXPLAINED = 10_000  # of a large one
TOGETHER = (
    2**18
)  # coalitions of all samples that are explained together, of many modalities: some ten seconds of a core
BLOCK = 2**14  # samples whose states are held at a time
EVOLVED_AT_ONCE = 64  # samples whose states are evolved together


# What a study keeps of its samples' states, whatever is read from them.
OF_STATES = ("_all_kets", "entropies", "masses", "vectors", "disagreement")

T = TypeVar("T")


class shared(cached_property[T]):
    """What a study works out when it is first asked for, once for all its copies `against` other backgrounds."""

    def __get__(self, study: Any, owner: type | None = None) -> Any:
        name = str(self.attrname)
        if name not in study._shared:
            study._shared[name] = (
                self.func(study) if study._set is None else self._joined(study, name)
            )
        return study._shared[name]

    def _joined(self, study: Any, name: str) -> Any:
        """Of a study with a visitor's samples: what there is of the set, followed by theirs where each has its own."""
        whole = getattr(study._set, name)
        if not isinstance(whole, np.ndarray | torch.Tensor) or len(whole) != len(study.dataset):
            return whole
        own = getattr(study._alone, name)
        return (
            np.append(whole, own, 0) if isinstance(whole, np.ndarray) else torch.cat([whole, own])
        )


class whole(cached_property[T]):
    """What a study works out of the samples of its set, which a visitor's samples do not change."""

    def __get__(self, study: Any, owner: type | None = None) -> Any:
        return super().__get__(None if study is None else study.of_set, owner)


@dataclass(frozen=True, eq=False)
class Study:
    """A model on a data set; what concerns all samples is worked out when it is first asked for.

    Attributes:
        name: of the model; card: of its checkpoint; dataset: N samples.
        model: the one that is explained, read-only, shared by all sessions. The scores of a classifier are log-odds in
            nats, see `models.log_odds`; its probabilities are those of `trained`.
        trained: the model of the checkpoint, with the scores that it was trained with.
        reference: number of the class that the others are compared with; None where each is compared with all others.
    """

    name: str
    card: Mapping[str, Any]
    model: Any
    dataset: DataSet
    trained: Any = None
    _background: Any = None
    _whole: bool = False
    _shared: dict[str, Any] = field(default_factory=dict, repr=False)
    _set: Any = field(default=None, repr=False)
    _alone: Any = field(default=None, repr=False)
    reference: int | None = field(default=None, kw_only=True)

    opening = ""  # the sample shown first, where it can be told without explaining all of them

    def memo_key(self, background: bool = True) -> tuple[str, ...]:
        """What tells this study from others: the model's name and its weights' digest, the data's, words and all,
        and, where it matters, the background's. What is kept by it is shown to whoever asks."""
        if self._set is not None:
            return (*self._set.memo_key(background), self._alone.dataset.digest)
        return (
            self.name,
            str(self.card.get("weights_sha256", "")),
            self.model.score_kind,
            self.dataset.identity,
            *(
                (str(self.background.key), *(("all rows",) if self._whole else ()))
                if background
                else ()
            ),
        )

    def can(self, ability: Ability) -> bool:
        """Whether the model says that it can do something, see `models.registry.can`."""
        return can(self.model, ability)

    @shared
    def _default_background(self) -> Any:
        rows = self.dataset.rows(checkpoint.training_split(self.card))
        return backgrounds.background_of(self.model, self.dataset, rows, backgrounds.DEFAULT)

    @property
    def background(self) -> Any:
        """Of the explanations: the training samples, unless another is compared `against`."""
        return self._default_background if self._background is None else self._background

    def against(self, background: Any) -> Self:
        """The same model on the same samples with another background; all else is shared.

        Args:
            background: of `explain.background`, made with this model.
        """
        return self.on(replace(self.of_set, _background=background))

    def against_all_rows(self) -> Self:
        """The same model and samples against every row of the background where some would do, shared: its explanation
        is that of the refinement, or worked out when it is asked for."""
        return self.on(self._exact())

    @memo(4)
    def _exact(self) -> Self:
        return replace(self, _whole=True)

    def rather_than(self, reference: int | None) -> Self:
        """The same model on the same samples, with scores that are the log-odds of each class against one class.

        Args:
            reference: number of that class; None for the log-odds against all other classes.
        """
        if reference == self.reference:
            return self
        return self.on(self.of_set._rather_than(reference))

    @memo(12)
    def _rather_than(self, reference: int | None) -> Self:
        model = log_odds.against_others(self.trained)
        if reference is not None:
            model = log_odds.against_class(model, reference)
        shared_states = {name: self._shared[name] for name in OF_STATES if name in self._shared}
        shared_states["_default_background"] = self._default_background
        return self._with_model(model, _shared=shared_states, reference=reference)

    def _with_model(self, model: Any, **changes: Any) -> Self:
        """The study of another model with the same states."""
        return replace(self, model=model, **changes)

    @property
    def of_set(self) -> Self:
        """The study of the set alone, without a visitor's samples behind it."""
        return self if self._set is None else self._set

    def on(self, study: Self) -> Self:
        """Another study of the same set, with the visitor's samples of this one behind it, if there are any."""
        return study if self._set is None else study.with_own(self.dataset)

    def with_own(self, dataset: DataSet) -> Self:
        """The study of a set with a visitor's samples behind those of the set, whatever else is of it shared.

        Args:
            dataset: of `own.append_samples`.
        """
        alone = replace(self.of_set, dataset=cast("DataSet", dataset.own), _shared={})
        return replace(alone, dataset=dataset, _shared={}, _set=self.of_set, _alone=alone)

    @property
    def is_sampled(self) -> bool:
        """Whether some explanations are against a part of the background's rows, see `against_all_rows`."""
        return min(self.bulk_background.size, self.sample_background.size) < self.background.size

    def inputs(self, rows: Any = None) -> dict[str, Any]:
        """What the model takes for rows, all unless given: of a large set what its encoders made of them, kept."""
        return encodings.encoded_inputs(self.model, self.dataset, rows)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names in the model's order."""
        return tuple(self.model.modalities)

    @cached_property
    def coalitions(self) -> tuple[str, ...]:
        """Every coalition, the empty one first."""
        return coalition_names(self.modalities)

    @property
    def terms(self) -> tuple[str, ...]:
        """Every coalition but the empty one."""
        return tuple(term for term in self.coalitions if term)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; empty for a regression."""
        return self.dataset.target.classes if self.dataset.target.kind == "classification" else ()

    @property
    def quantity(self) -> str:
        """What is explained, in words: the log-odds of a class, or the score of a regression."""
        return "log-odds" if self.classes else "score"

    def unit_of(self, output: int) -> str:
        """Axis name of a score: the log-odds of a class, or the target of a regression."""
        if self.reference is not None:
            other = self.classes[self.reference]
            return f"log-odds of ‘{self.classes[output]}’ against ‘{other}’ (nats)"
        if self.classes:
            mean = "" if len(self.classes) == 2 else "mean "
            return f"{mean}log-odds of ‘{self.classes[output]}’ (nats)"
        name = self.dataset.target.name
        return name if name.endswith("score") else f"{name} score"

    @property
    def scale(self) -> tuple[float, float]:
        """Range of a regression target."""
        y = self.dataset.y
        return self.dataset.target.range or (float(np.nanmin(y)), float(np.nanmax(y)))

    @shared
    def scores(self) -> np.ndarray:
        """Of all samples, (N, C)."""
        raise NotImplementedError

    def applied(self) -> Self:
        """The same, once the model has been applied to every sample."""
        _ = self.scores, self.background
        return self

    @shared
    def probabilities(self) -> np.ndarray:
        """Softmax of the scores (N, C), which is not calibrated: see `calibration`."""
        return self.softmax(self.scores)

    def logits(self, scores: np.ndarray) -> np.ndarray:
        """Scores (..., C) of the explained model in the units of a softmax; of a regression the scores themselves."""
        return np.asarray(self.model.logit_scale * scores)

    def softmax(self, scores: np.ndarray) -> np.ndarray:
        """Softmax of scores (..., C) of the explained model."""
        return np.asarray(softmax(self.logits(scores), axis=-1))

    @shared
    def calibration(self) -> str:
        """What a softmax of this model is worth, in words: the expected calibration error on the test split, or that it
        is not measured (of a large set, or without test samples)."""
        rows = self.dataset.rows("test")
        if self.is_large or not len(rows):
            return "Softmax, not calibrated; its calibration error is not measured here."
        predicted = self.predicted[rows]
        error = metrics.calibration(
            self.probabilities[rows, predicted], (predicted == self.dataset.y[rows]).astype(float)
        )[-1]
        return (
            f"Softmax, not calibrated: expected calibration error {error:.3f} on "
            f"{len(rows):,} test samples."
        )

    @shared
    def predicted(self) -> np.ndarray:
        """The predicted class (N,), or zeros for a regression: the output that is explained unless told otherwise."""
        return self.scores.argmax(1) if self.classes else np.zeros(len(self.scores), dtype=int)

    @shared
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
            else f"absolute error ({self.unit_of(0)})"
        )

    @property
    def is_large(self) -> bool:
        """Whether what every sample has of its own is worked out for some of them, or when asked for."""
        return len(self.dataset) > LARGE

    def blocks(self) -> list[np.ndarray]:
        """All rows, in blocks whose states fit into memory."""
        return np.array_split(np.arange(len(self.dataset)), max(1, -(-len(self.dataset) // BLOCK)))

    @whole
    def bulk(self) -> np.ndarray:
        """The rows that are explained together: all, or the first ones for testing of a large set, or of one with so
        many modalities that the coalitions of all samples would keep a page waiting."""
        most = EXPLAINED
        if len(self.modalities) >= MANY_MODALITIES:
            most = min(most, max(FEWEST, TOGETHER // 2 ** len(self.modalities)))
        if self.is_large or (most < EXPLAINED and most < len(self.dataset)):
            return self.dataset.rows("test")[:most]
        return self.dataset.rows()

    @whole
    def explanation(self) -> Any:
        """Of the rows in `bulk`; worked out when first asked for, and of a large set kept."""
        behind = self.bulk_background
        if not encodings.is_kept(self.model, self.dataset) or not behind.is_exact:
            return explain.explain(self.model, self.inputs(self.bulk), behind)
        numbers = encodings.encoded_arrays(
            encodings.encoded_place(
                self.model,
                self.dataset,
                behind.key,
                self.model.score_kind,
                hashlib.sha256(self.bulk.tobytes()).hexdigest(),
            ),
            lambda: {"values": explain.explain(self.model, self.inputs(self.bulk), behind).values},
        )
        return coalitions.explanation_of_values(self.model, numbers["values"], behind)

    @property
    def bulk_background(self) -> Any:
        """What those are explained against: the background, or a stated part of its rows."""
        return self.background

    @property
    def sample_background(self) -> Any:
        """What one sample is explained against: the background, or a stated part of its rows."""
        return self.background

    @memo(
        256,
        background=False,  # the stamp tells it, and by what part of it one sample is explained
        stamp=lambda study, row: (study.sample_background.key, study.sample_background.size),
    )
    def explained(self, row: int) -> Any:
        """The explanation of one sample.

        It is never a row of `explanation`, whose last digits differ: a sample's figures are the same bytes whatever was
        asked before.
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

    def bulk_dividends(self, output: int | None = None) -> np.ndarray:
        """Dividends (rows in `bulk`, 2^M) of one output, or of each sample's predicted class."""
        values = np.asarray(self.explanation.dividends)
        outputs = self.predicted[self.bulk] if output is None else np.full(len(self.bulk), output)
        return np.asarray(values[np.arange(len(values)), :, outputs])

    def bulk_verdicts(self, output: int | None = None) -> verdicts.Verdicts:
        """The verdicts on the rows of `bulk`, of one output or of each sample's predicted class."""
        outputs = self.predicted[self.bulk] if output is None else np.full(len(self.bulk), output)
        doubt = self.doubt(self.bulk, outputs)
        return verdicts.judge(self.explanation, outputs, doubt, self.decides_by_sign)

    @property
    def decides_by_sign(self) -> bool:
        """Whether the sign of the explained score is the decision, see `decides_by_sign`."""
        return decides_by_sign(self.dataset)

    @shared
    def _stability(self) -> stability.Stability | None:
        return stability.measured(self.name, self.card, self.dataset)

    def doubt(self, rows: np.ndarray, outputs: np.ndarray) -> verdicts.Doubt | None:
        """What training seeds leave open of some samples, see `stability.doubt`; None against another background than
        the one that it was measured against."""
        as_measured = self.background.kind == backgrounds.DEFAULT and self.reference is None
        measured = self._stability if as_measured else None
        return stability.doubt(measured, self.dataset, rows, outputs)

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
        data, judged = self.dataset, self.bulk_verdicts(output)
        answers: dict[str, Any] = {"truth": data.y, "prediction": self.scores[:, 0]}
        if self.classes:
            names = np.array(self.classes, dtype=object)
            answers = {
                "truth": names[data.y],
                "prediction": names[self.predicted],
                "certainty": self.probabilities[np.arange(len(data)), self.predicted],
            }
        dividends = self.bulk_dividends(output)
        frame = pd.DataFrame(
            {
                "split": data.split,
                **answers,
                "error": self.errors,
                "relation": self.spread(judged.relation),
                "leader": self.spread(judged.leaders),
                **(
                    {name: self.spread(fact) for name, fact in self.facts(self.bulk).items()}
                    if self.is_large
                    else self.facts()
                ),
                **{
                    dividend_column(term): self.spread(dividends[:, i])
                    for i, term in enumerate(self.coalitions)
                    if term
                },
            },
            index=pd.Index(data.ids, name="id"),
        )
        return frame.join(data.table[[c for c in data.table.columns if c not in frame.columns]])

    def _repr_html_(self) -> str:
        """How a notebook shows it: drawn above, by `panels.notebook`."""
        return qfusion.panels.notebook.study_html(self)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """The values of the rows in `bulk`, on all samples: elsewhere NaN, or empty words."""
        result = np.full(len(self.dataset), "" if values.dtype == object else np.nan, values.dtype)
        result[self.bulk] = values
        return result

    def of_split(self, scores: np.ndarray, split: str = "test") -> dict[str, float]:
        """Metrics of scores (rows of the split, C) of the explained model."""
        return metrics.of_rows(self.dataset, self.dataset.rows(split), self.logits(scores))


def entropy_column(name: str) -> str:
    """Column of the entropy of a modality's state at T, or of a fused qubit."""
    return measure_kinds.column_name("entropy", (name,))


def dividend_column(term: str) -> str:
    """Column of a coalition's dividend."""
    return f"dividend[{term}]"


def said_columns(rows: pd.DataFrame) -> list[str]:
    """The columns of a table of samples that hold what was said."""
    return [name for name in SAID if name in rows.columns]


def misfit(card: Mapping[str, Any], dataset: DataSet) -> str:
    """What keeps a model from taking a data set's inputs or answering its question, or an empty string."""
    available = dataset.input_specs
    for name, wanted in card["inputs"].items():
        if name not in available:
            return f"it needs the modality '{name}', and the data has {', '.join(available)}."
        if int(wanted["size"]) != int(available[name]["size"]):
            return f"it needs {wanted['size']} features of '{name}', and the data has {available[name]['size']}."
    classes = dataset.target.classes if dataset.target.kind == "classification" else ()
    if classes and len(card["outputs"]) != len(classes):
        return f"it has {len(card['outputs'])} outputs, and the data has {len(classes)} classes."
    return ""


# A model whose modality states are kets on a data set: product states and the scores that observables make of them.
# Free of streamlit.


@dataclass(frozen=True, eq=False)
class KetSpace(Study):
    """A study whose samples are product states."""

    @shared
    def _all_kets(self) -> torch.Tensor:
        return self._encoded(None)

    @torch.no_grad()
    def _encoded(self, rows: np.ndarray | None) -> Any:
        return self.model.product_state(self.model.encode(self.inputs(rows)))

    def kets(self, rows: np.ndarray | Sequence[int]) -> torch.Tensor:
        """Product states (len(rows), D) of some samples, complex128; those of a large set are made when asked for."""
        if self.is_large:
            return self._encoded(np.asarray(rows))
        return self._all_kets[torch.as_tensor(np.asarray(rows, dtype=np.int64))]

    def ket(self, row: int) -> torch.Tensor:
        """The product state (D,) of one sample, complex128."""
        return self.kets([row])[0]

    @shared
    @torch.no_grad()
    def scores(self) -> np.ndarray:
        """Of all samples, (N, C)."""
        return predict(self, self.dataset.rows(), self.model.observables(), self.model.bias)


@torch.no_grad()
def predict(
    study: KetSpace, rows: np.ndarray, observables: torch.Tensor, bias: torch.Tensor
) -> np.ndarray:
    """Scores (B, C) of rows for given observables (C, D, D): one product and no evolution."""
    values = [
        expectation(observables, study.kets(part).to(observables.dtype))
        for part in np.array_split(rows, max(1, -(-len(rows) // BLOCK)))
    ]
    return (torch.cat(values) + bias).numpy()


# A QiNN-QJ on a data set: product states, entropies and entanglement at T. Free of streamlit.


@dataclass(frozen=True, eq=False)
class JumpSpace(KetSpace):
    """A study whose samples are product states that evolve."""

    @shared
    def entropies(self) -> np.ndarray:
        """Von Neumann entropies (N, M) of the reduced states at T, in nats; worked out when first asked for."""
        return reduced_entropies(self.model, self.kets(self.dataset.rows()))

    def facts(self, rows: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Entropies of the modalities' states."""
        entropies = (
            self.entropies if rows is None else reduced_entropies(self.model, self.kets(rows))
        )
        return {entropy_column(name): entropies[:, m] for m, name in enumerate(self.modalities)}

    def fact_titles(self) -> dict[str, str]:
        """Axis titles of the entropies, and of the entanglement, which is worked out for the rows that are shown."""
        return {
            entropy_column(name): f"entropy of {name} at T (nats)" for name in self.modalities
        } | {
            negativity_column(name): f"entanglement of {name} at T (log. negativity, bits)"
            for name in self.modalities
        }


def negativity_column(name: str) -> str:
    """Column of the entanglement of a modality with the rest at T."""
    return measure_kinds.column_name("negativity", (name,))


@torch.no_grad()
def reduced_entropies(model: Any, psi: torch.Tensor) -> np.ndarray:
    """Von Neumann entropy of every modality's state at T for many samples, (N, M) in nats.

    The d^2 letters B_k of a modality's basis are evolved once in the Heisenberg picture; each sample's reduced state is
    then sum_k Tr[B_k(T) rho_0] B_k / d, whatever the number of samples.
    """
    system, kets = model.system(), torch.as_tensor(psi, dtype=torch.complex128)
    columns = []
    for place, size in enumerate(system.dims):
        letters = decomposition.basis(size)[1]
        evolved = lindblad.evolve_observables(
            system.H,
            system.jumps,
            states.embed(letters, system.dims, (place,)),
            [float(system.duration)],
        )[-1]
        weights = expectation(evolved, kets).to(letters.dtype) / size
        columns.append(measures.von_neumann_entropy(torch.tensordot(weights, letters, 1)))
    return torch.stack(columns, -1).numpy()


@memo(8, background=False, says="Working out the entanglement of these samples, about 15 ms each …")
def negativities(study: Any, rows: np.ndarray) -> np.ndarray:
    """Logarithmic negativity of each modality against the rest at T, (len(rows), M) in bits.

    Entanglement is not linear in the state, so every sample is evolved on its own: about 15 ms each at D = 64.
    """
    dims = study.model.dims
    parts = [
        torch.stack(
            [measures.logarithmic_negativity(rho, dims, (m,)) for m in range(len(dims))], -1
        )
        for rho in (final_states(study, rows) if len(rows) else [])
    ]
    return torch.cat(parts).numpy() if parts else np.zeros((0, len(dims)))


@torch.no_grad()
def final_states(study: Any, rows: np.ndarray) -> Iterator[torch.Tensor]:
    """Yields the states at T of some samples, (n, D, D), a few at a time."""
    for chunk in in_chunks(rows, EVOLVED_AT_ONCE, "Evolving states"):
        rho = states.density(study.kets(chunk).to(torch.complex128))
        yield study.model.evolve_states(rho, [float(study.model.duration)])[0]


def in_chunks(rows: np.ndarray, most: int, task: str) -> Iterator[np.ndarray]:
    """Yields rows, at most so many at a time, and says how far the task is, see `progress_over`."""
    return _sentences.progress_over(
        np.array_split(rows, range(most, len(rows), most)), task, len(rows), len
    )


# An entangled-fusion network on a data set: masses, fused qubits, observables. Free of streamlit.

COALITIONS = 1500  # that are worked out sample by sample before the pages show them
DISAGREEMENT, MEAN_ENTROPY, CONFLICT = "disagreement", "entropy[mean]", "conflict"


@dataclass(frozen=True, eq=False)
class CircuitSpace(Study):
    """A study whose samples are masses.

    Attributes:
        observables: of the fused qubits, (C, 3, ..., 3) double.
    """

    observables: torch.Tensor = None  # type: ignore[assignment]

    def _with_model(self, model: Any, **changes: Any) -> Self:
        observables = model.observables().double()
        fixed = with_observables(model, observables)
        return replace(self, model=fixed, observables=observables, **changes)

    @shared
    @torch.no_grad()
    def masses(self) -> torch.Tensor:
        """Of all samples, per element and modality, (N, n, M) double."""
        parts = [self.model.encode(self.inputs(rows)) for rows in self.blocks()]
        return torch.stack(
            [torch.cat([part[name].double() for part in parts]) for name in self.modalities], -1
        )

    @shared
    @torch.no_grad()
    def scores(self) -> np.ndarray:
        """Of all samples, (N, C)."""
        return torch.cat(
            [
                qcnn.evaluate(self.observables, self.model.fuse(self.by_name(rows))[0])
                + self.model.bias
                for rows in self.blocks()
            ]
        ).numpy()

    @whole
    def bulk(self) -> np.ndarray:
        """The test rows: against every row of the background, all samples would take several seconds.

        With more than three modalities each coalition is worked out sample by sample, and only the first test rows are
        taken.
        """
        rows, M = (
            self.dataset.rows("test")[: EXPLAINED if self.is_large else None],
            len(self.modalities),
        )
        return rows if M <= 3 else rows[: max(12, COALITIONS // 2**M)]

    @whole
    def opening(self) -> str:
        """The sample shown first: of those predicted right, the test sample on which the modalities disagree most."""
        rows = self.dataset.rows("test")
        worth = np.where(self.errors[rows] < 0.5, self.disagreement[rows], -1.0)
        return str(self.dataset.ids[rows[int(np.argmax(worth))]])

    @property
    def elements(self) -> tuple[str, ...]:
        """Names of the elements: the classes where they are classes."""
        if self.model.elements_are_classes:
            return tuple(self.model.outputs)
        return tuple(f"element {i}" for i in range(self.model.elements))

    @shared
    @torch.no_grad()
    def vectors(self) -> torch.Tensor:
        """Fused qubits (1, <X>, <Z>) of all samples, (N, n, 3)."""
        return self.model.fuse(self.by_name(slice(None)))[0]

    def by_name(self, rows: Any) -> dict[str, torch.Tensor]:
        """Masses of some rows as the model takes them, (B, n) each; (n,) for one row number."""
        return {name: self.masses[rows, ..., m] for m, name in enumerate(self.modalities)}

    def reading(self, row: int, model: Any = None) -> evidence.Reading:
        """What the fusion read from one sample, by the model as learned or by an edited one."""
        return evidence.read(model or self.model, self.by_name(row))

    @torch.no_grad()
    def theta(self, row: int) -> dict[str, torch.Tensor]:
        """Angles of one sample's modality qubits, (n,) radians each."""
        return {name: angles[0] for name, angles in self.model.angles(self.inputs([row])).items()}

    @shared
    def disagreement(self) -> np.ndarray:
        """Mean over the elements of Dempster's K between the modalities on each, (N,)."""
        return evidence.disagreement(self.masses).mean(-1).numpy()

    def facts(self, rows: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Disagreement, conflict where elements are classes, and entropies of the fused qubits."""
        some = slice(None) if rows is None else rows
        entropies = truth_tables.fused_entropy(self.vectors[some]).numpy()
        return {
            DISAGREEMENT: self.disagreement[some],
            **(
                {CONFLICT: evidence.conflict(self.masses[some]).numpy()}
                if self.model.elements_are_classes
                else {}
            ),
            MEAN_ENTROPY: entropies.mean(1),
            **{entropy_column(name): entropies[:, i] for i, name in enumerate(self.elements)},
        }

    def fact_titles(self) -> dict[str, str]:
        """Axis titles of `facts`."""
        return {
            DISAGREEMENT: "disagreement of the modalities (mean over elements)",
            **({CONFLICT: "conflict (Dempster's K)"} if self.model.elements_are_classes else {}),
            MEAN_ENTROPY: "entropy of the fused qubits (mean, nats)",
            **{
                entropy_column(name): f"entropy of fused qubit ‘{name}’ (nats)"
                for name in self.elements
            },
        }


def with_observables(model: Any, observables: torch.Tensor) -> Any:
    """A copy of a model, sharing its weights, whose observables are these, at whatever time: they are not worked out
    again."""
    other = copy.copy(model)
    other.observables = lambda times=None: observables
    return other


@torch.no_grad()
def recompute_observables(model: Any) -> torch.Tensor:
    """Return the observables of a model, also where it is a copy with fixed observables, see `with_observables`."""
    return type(model).observables(model).double()


# A model that nothing is known of but how it fuses, on a data set: all is asked by evaluation. Free of streamlit.

# Floating-point operations for the explanation of a test set, of one sample, and of samples that are explained at once:
# some two seconds of one core, one, and a fifth of one.
BUDGET, SAMPLE_BUDGET, STEP = 1e10, 4e9, 8e8
OVERHEAD = 20_000  # operations a row besides those of products
FEWEST = 16  # rows of the background, and samples, at least
SLOW = (
    3  # budgets that a page may take with the fewest rows; beyond, it begins with the first samples
)


@dataclass(frozen=True, eq=False)
class EvaluatedSpace(Study):
    """A study whose coalitions are evaluated, row by row of the background; only test samples are explained
    together."""

    @shared
    @torch.no_grad()
    def scores(self) -> np.ndarray:
        """Of all samples, (N, C)."""
        return np.concatenate(
            [
                self.model(self.inputs(rows)).double().numpy()
                for rows in self.dataset.blocks(self.dataset.rows(), most=2048)
            ]
        )

    @whole
    def bulk(self) -> np.ndarray:
        """The rows that are explained together: those for testing; the first of them, where even the fewest rows of the
        background would keep a page waiting."""
        rows = self.dataset.rows("test")
        return (
            rows if self._whole else rows[: max(FEWEST, int(SLOW * BUDGET / (FEWEST * self._cost)))]
        )

    @property
    def opening(self) -> str:  # type: ignore[override]
        """The first test sample where the most telling one is not known at once."""
        return str(self.dataset.ids[self.bulk[0]]) if self.is_sampled else ""

    @whole
    def explanation(self) -> Explanation:
        """Of the rows in `bulk`; worked out when first asked for."""
        parts = list(
            _sentences.progress_over(
                self.parts(), "Explaining", len(self.bulk), lambda part: len(part.values)
            )
        )
        errors = [part.errors for part in parts if part.errors is not None]
        return replace(
            parts[0],
            values=np.concatenate([part.values for part in parts]),
            dividends=np.concatenate([part.dividends for part in parts]),
            shapley=np.concatenate([part.shapley for part in parts]),
            errors=np.concatenate(errors) if errors else None,
        )

    def parts(self) -> Iterator[Explanation]:
        """The explanations of the rows in `bulk`, a few at a time, in their order."""
        background = self.bulk_background
        step = max(1, int(STEP / (background.size * self._cost)))
        for rows in np.array_split(self.bulk, range(step, len(self.bulk), step)):
            yield explain.explain(self.model, self.inputs(rows), background)

    @shared
    def _cost(self) -> float:
        """Floating-point operations of all coalitions of a sample with one row."""
        with FlopCounterMode(display=False) as counter, torch.no_grad():  # of fusing one row
            self.model.scores(
                {
                    name: nested.nested_part(entry, slice(0, 1))
                    for name, entry in self.background.states.items()
                }
            )
        # those of elementwise functions are guessed
        row = float(counter.get_total_flops() + OVERHEAD + self.model.unseen_operations)
        return 2 ** len(self.modalities) * row

    @property
    def operations(self) -> float:
        """Floating-point operations of the explanation of the rows in `bulk`."""
        return len(self.bulk) * self.bulk_background.size * self._cost

    @whole
    def bulk_background(self) -> evaluation.SampleBackground:
        """Some rows of the background where all would take long for a test set; how many depends on the model and the
        data alone."""
        return self._some(BUDGET / len(self.bulk))

    @whole
    def sample_background(self) -> evaluation.SampleBackground:
        """Some rows of the background where all would take more than a second for one sample."""
        return self._some(SAMPLE_BUDGET)

    def _some(self, budget: float) -> evaluation.SampleBackground:
        rows: evaluation.SampleBackground = self.background
        return rows if self._whole else rows.subsample(max(FEWEST, int(budget / self._cost)))


# Which study a model gets.


def decides_by_sign(dataset: DataSet) -> bool:
    """Returns whether the sign of the explained score is the decision: of classes, and of a target with two sides."""
    target = dataset.target
    return target.kind == "classification" or target.convention != "plain"


def explained_model(model: Any, dataset: DataSet) -> Any:
    """Returns the model whose scores are explained: of a classifier one whose scores are log-odds, see
    `models.log_odds`."""
    classifies = dataset.target.kind == "classification"
    return log_odds.against_others(model) if classifies else model


@torch.no_grad()
def build_study(name: str, card: Mapping[str, Any], model: Any, dataset: DataSet) -> Study:
    """Returns a model on a data set.

    Raises:
        InvalidInput: when the model was made for other modalities or feature numbers than the data set has.
    """
    problem = misfit(card, dataset)
    check(
        not problem,
        f"Model '{name}' does not fit data set '{dataset.name}': {problem} Choose the data it was "
        f"trained on, '{card['data']['name']}'.",
    )
    explained = explained_model(model, dataset)
    if can(model, "masses"):
        return CircuitSpace(name, card, explained, dataset, model)._with_model(explained)
    if not can(model, "states"):
        return EvaluatedSpace(name, card, explained, dataset, model)
    space = JumpSpace if can(model, "time") else KetSpace
    return space(name, card, require(explained, "kets"), dataset, model)
