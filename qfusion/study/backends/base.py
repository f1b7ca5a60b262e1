"""What a study asks of the family of its model, as a protocol, with defaults for fast and exact explanations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch

from qfusion import _disk_cache, explain
from qfusion._memory_cache import memo
from qfusion.data.coalition_terms import MANY_MODALITIES
from qfusion.explain import Explanation, coalitions
from qfusion.models import evaluation
from qfusion.models.inputs import COHORT
from qfusion.models.protocols import GateCircuit
from qfusion.quantum import measure_kinds
from qfusion.study import cache
from qfusion.training import checkpoint_cards, encodings

Coordinates = Callable[[np.ndarray], np.ndarray]  # rows (n,) -> points (n, F)


class Backend(Protocol):
    """The samples of a data set as a family of models represents them.

    A family registers its backend by `FusionModel.family`, see `study.backends.BACKENDS`.

    Attributes:
        study: the model on its data, an `study.study.Study`.
    """

    study: Any

    @classmethod
    def prepare_model(cls, model: Any) -> Any:
        """Return a model to explain, with its parts that do not change for a study computed once."""

    def scores(self) -> np.ndarray:
        """Return the scores of all samples, (N, C)."""

    def tweaked_scores(self, rows: np.ndarray, tweak: Any) -> np.ndarray:
        """Return the scores of rows under a tweak, (n, C)."""

    def facts(self, rows: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Return columns that only this family has of every sample (N,), or of some rows (n,)."""

    def fact_columns(self) -> tuple[str, ...]:
        """Return the names of `facts`, and of further columns that can be computed for some rows."""

    def explained_rows(self) -> np.ndarray:
        """Return the rows that are explained together."""

    def explain_rows(self) -> Explanation:
        """Return the explanation of the explained rows."""

    def opening_sample(self) -> str:
        """Return the id of the sample to show first; empty where it is chosen from the explanations of all."""

    def explanation_background(self) -> Any:
        """Return the background of `explain_rows`: the study's, or some of its rows."""

    def sample_background(self) -> Any:
        """Return the background of the explanation of one sample: the study's, or some of its rows."""

    def encodings(self, rows: np.ndarray) -> np.ndarray:
        """Return the encodings of rows as points, (n, F)."""

    def fixed_model(self) -> Any:
        """Return the study's model, sharing its weights, with its observables computed once."""

    def coordinates(self) -> Mapping[str, Coordinates]:
        """Return the coordinates that samples of this family have in addition to dividends and features, by kind."""

    def max_final_states(self, part: float) -> int:
        """Return how many final states may be computed in a part of the time that a page allows."""

    def infidelities(self, others: np.ndarray, row: int) -> np.ndarray:
        """Return 1 - fidelity of the modality states of other rows with those of a row, (n,)."""

    def sample_entropies(self, row: int, tweak: Any) -> dict[str, float]:
        """Return entropies in nats of a sample under a tweak, by modality (at T) or by fused qubit."""

    def entanglement_measures(self) -> tuple[str, ...]:
        """Return the names of the measures of entanglement of a sample; none of models that entangle nothing."""

    def entropy_values(self, columns: Mapping[str, np.ndarray], measure: str) -> np.ndarray:
        """Return an entropy measure of samples from their `facts`, (n,)."""

    def circuit(self, row: int, words: str = "") -> Any:
        """Return the circuit of one sample in PennyLane, with edits of the truth tables if there are any.

        Raises:
            InvalidInput: when the model has no circuit of gates.
        """

    def readouts(self) -> dict[str, tuple[str, ...]]:
        """Return the readouts of a circuit of gates, as products of Z: their names, and the qubits of each.

        Empty for a model whose gates are those of one step of an evolution.
        """

    def parameter_table(self) -> Any:
        """Return the table that the search for parameter changes reuses for every sample, or None."""

    def generator_dimension(self) -> int:
        """Return the dimension D of the states that a generator evolves, or 0."""

    def can_attribute_terms(self) -> bool:
        """Return whether dividends can be attributed to the features of a modality in less than minutes."""

    def entropy_part(self, part: str) -> str:
        """Return the name of the part of the system whose entropy is measured."""

    def max_measure(self, kind: str, part: str) -> float:
        """Return the largest value of a state measure, such as "entropy", of a part of the system."""


EXPLAINED = 10_000  # rows of a large set that are explained together
# coalitions of all samples that are explained together, of many modalities: some ten seconds of a core
MAX_COALITIONS = 2**18
FEWEST = 16  # rows of the background, and samples, at least


class BaseBackend(Backend):
    """Samples of a study whose coalitions have exact values. The other families of models override what differs."""

    def __init__(self, study: Any):
        self.study = study

    @classmethod
    def prepare_model(cls, model: Any) -> Any:
        """Return the model itself."""
        return model

    @torch.no_grad()
    def scores(self) -> np.ndarray:
        """Return the scores of all samples, (N, C), a block at a time."""
        study = self.study
        parts = []
        for rows in study.dataset.blocks(study.dataset.rows(), most=2048):
            parts.append(study.model(study.inputs(rows)).double().numpy())
        return np.concatenate(parts)

    def tweaked_scores(self, rows: np.ndarray, tweak: Any) -> np.ndarray:
        """Return the scores of rows, (n, C). A model without a tweak has no others."""
        self.study.model.tweaked(tweak)
        return np.asarray(self.study.scores[rows])

    def facts(self, rows: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Return no columns."""
        return {}

    def fact_columns(self) -> tuple[str, ...]:
        """Return no names."""
        return ()

    def explained_rows(self) -> np.ndarray:
        """Return all rows, or the first test rows of a large set or of one with so many modalities that the coalitions
        of all samples would keep a page waiting."""
        study = self.study
        most = EXPLAINED
        M = len(study.modalities)
        if M >= MANY_MODALITIES:
            most = min(most, max(FEWEST, MAX_COALITIONS // 2**M))
        if study.is_large or (most < EXPLAINED and most < len(study.dataset)):
            return study.dataset.rows("test")[:most]
        return study.dataset.rows()

    def explain_rows(self) -> Explanation:
        """Return the explanation of the explained rows. That of a large set is stored, except against a cohort, of
        which only the name is known, and that of some shipped models comes with the package.
        """
        study = self.study
        background = study.explanation_background
        if not background.is_exact:
            return self.compute_explanation()
        values = cache.find_values(study)
        is_stored = encodings.is_kept(study.model, study.dataset) and background.kind != COHORT
        if values is None and not is_stored:
            return self.compute_explanation()
        if values is None:
            values = _disk_cache.cached_arrays(
                "explanation",
                self._explanation_key(),
                lambda: {"values": self.compute_explanation().values},
            )["values"]
        return coalitions.explanation_of_values(study.model, values, background)

    def compute_explanation(self) -> Explanation:
        """Return the explanation of the explained rows, not a stored or shipped one."""
        study = self.study
        inputs = study.inputs(study.explained_rows)
        return explain.explain(study.model, inputs, study.explanation_background)

    def _explanation_key(self) -> str:
        """Return the key of the stored explanation of the explained rows: of model and data, and of what is computed
        from them, such as the background, how it is made."""
        study = self.study
        return encodings.encoding_key(
            study.model,
            study.dataset,
            study.explanation_background.name,
            checkpoint_cards.training_split(study.card),
            study.model.score_kind,
            hashlib.sha256(study.explained_rows.tobytes()).hexdigest(),
        )

    def opening_sample(self) -> str:
        """Return an empty string: the sample is chosen from the explanations of all."""
        return ""

    def explanation_background(self) -> Any:
        """Return the study's background."""
        return self.study.background

    def sample_background(self) -> Any:
        """Return the study's background."""
        return self.study.background

    def encodings(self, rows: np.ndarray) -> np.ndarray:
        """Return the output of every modality's encoder, side by side, (n, F)."""
        return encoder_outputs(self.study, rows)

    def fixed_model(self) -> Any:
        """Return the study's model itself."""
        return self.study.model

    def coordinates(self) -> Mapping[str, Coordinates]:
        """Return no coordinates."""
        return {}

    def max_final_states(self, part: float) -> int:
        """Return a number above that of any data set: there are no final states to compute."""
        return 10**9

    def infidelities(self, others: np.ndarray, row: int) -> np.ndarray:
        """Raise NotImplementedError: there are no modality states."""
        raise NotImplementedError

    def sample_entropies(self, row: int, tweak: Any) -> dict[str, float]:
        """Return no entropies."""
        return {}

    def entanglement_measures(self) -> tuple[str, ...]:
        """Return no names."""
        return ()

    def entropy_values(self, columns: Mapping[str, np.ndarray], measure: str) -> np.ndarray:
        """Raise NotImplementedError: there are no entropies."""
        raise NotImplementedError

    def circuit(self, row: int, words: str = "") -> Any:
        """Raise InvalidInput, as there is no circuit of gates."""
        return self.study.model.require(GateCircuit)

    def readouts(self) -> dict[str, tuple[str, ...]]:
        """Return no names."""
        return {}

    def parameter_table(self) -> Any:
        """Return None: parameters are changed sample by sample."""
        return None

    def generator_dimension(self) -> int:
        """Return 0, as there is no generator."""
        return 0

    def can_attribute_terms(self) -> bool:
        """Return True."""
        return True

    def entropy_part(self, part: str) -> str:
        """Return the name of a part itself."""
        return part

    def max_measure(self, kind: str, part: str) -> float:
        """Return the largest value of a state measure of a qubit."""
        return float(np.log(2)) if kind == "entropy" else 1.0


@memo(6, background=False)
def encoder_outputs(study: Any, rows: np.ndarray) -> np.ndarray:
    """Return the output of every modality's encoder, side by side, (n, F) in double precision."""

    def encode_block(some: np.ndarray) -> torch.Tensor:
        parts = study.model.encode(study.inputs(some))
        leaves = []
        for name in study.modalities:
            for leaf in evaluation.nested_leaves(parts[name]):
                flat = leaf.reshape(len(some), -1)
                leaves.append(torch.view_as_real(flat).flatten(1) if flat.is_complex() else flat)
        return torch.cat(leaves, 1)

    return compute_in_blocks(rows, encode_block)


@torch.no_grad()
def compute_in_blocks(rows: np.ndarray, compute: Any) -> np.ndarray:
    """Return numbers (n, F) of rows in double precision, computed a block at a time."""
    parts = np.array_split(rows, max(1, -(-len(rows) // 2048)))
    return torch.cat([compute(part) for part in parts]).double().numpy()


def name_readouts(
    wires: Sequence[str], words: Sequence[tuple[int, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return products of Z on wires by name, such as "fused[0] · fused[1]", with their wires."""
    named = {}
    for word in words:
        qubits = tuple(wires[q] for q in word)
        named[" · ".join(qubits)] = qubits
    return named


def entropy_column(name: str) -> str:
    """Return the column of the entropy of a modality's state at T, or of a fused qubit.

    Example:
        >>> from qfusion.study.backends.base import entropy_column
        >>> entropy_column("text")
        'entropy[text]'
    """
    return measure_kinds.column_name("entropy", (name,))


def negativity_column(name: str) -> str:
    """Return the name of the column with the entanglement of a modality with the rest at T."""
    return measure_kinds.column_name("negativity", (name,))


def dividend_column(term: str) -> str:
    """Return the column of a coalition's dividend.

    Example:
        >>> from qfusion.study.backends.base import dividend_column
        >>> dividend_column("text+audio")
        'dividend[text+audio]'
    """
    return f"dividend[{term}]"
