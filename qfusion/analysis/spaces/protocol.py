"""Properties of a study that depend on the family of its model, as a protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from qfusion.explain import Explanation

Coordinates = Callable[[np.ndarray], np.ndarray]  # rows (n,) -> points (n, F)


class SampleSpace(Protocol):
    """The samples of a data set as a family of models represents them.

    A family registers its space by `FusionModel.family`, see `analysis.spaces.SPACES`.

    Attributes:
        study: the model on its data, an `analysis.study.Study`; samples are `analysis.sample.Sample`.
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

    def sample_entropies(self, sample: Any) -> dict[str, float]:
        """Return entropies in nats of a sample under its tweak, by modality (at T) or by fused qubit."""

    def explain_sample(self, sample: Any) -> Explanation:
        """Return the explanation of a sample under its tweak."""

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
