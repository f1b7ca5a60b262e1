"""One model on one data set, with everything that is computed once for all samples. Free of streamlit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion import explain
from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.quantum import lindblad, measures, states
from qfusion.training import checkpoint, metrics


@dataclass(frozen=True, eq=False)
class Workspace:
    """A checkpoint applied to a data set.

    Attributes:
        name: of the model; card: of its checkpoint; model: read-only, shared by all sessions.
        dataset: N samples.
        psi: product states (N, D) complex128. background: mean state of the training rows.
        explanation: of all N samples.
    """

    name: str
    card: Mapping[str, Any]
    model: Any
    dataset: DataSet
    psi: torch.Tensor
    background: Any
    explanation: Any

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names in the order of the tensor product."""
        return tuple(self.model.modalities)

    @property
    def terms(self) -> tuple[str, ...]:
        """Every coalition but the empty one."""
        return tuple(term for term in self.explanation.coalitions if term)

    @property
    def unit(self) -> str:
        """Axis name of the score."""
        name = self.dataset.target.name
        return name if name.endswith("score") else f"{name} score"

    @property
    def scale(self) -> tuple[float, float]:
        """Range of the target."""
        target = self.dataset.target
        return target.range or (float(self.dataset.y.min()), float(self.dataset.y.max()))

    @cached_property
    def entropies(self) -> np.ndarray:
        """Von Neumann entropies (N, M) of the reduced states at T, in nats; worked out when first asked for."""
        with torch.no_grad():
            return reduced_entropies(self.model, self.psi)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a sample (index id): split, truth, prediction, error, relation, entropies, dividends, words."""
        data, e = self.dataset, self.explanation
        columns: dict[str, Any] = {"split": data.split, "truth": data.y, "prediction": e.prediction[:, 0],
                                   "error": np.abs(e.prediction[:, 0] - data.y), "relation": explain.relation(e)}
        columns |= {entropy_column(name): self.entropies[:, m] for m, name in enumerate(self.modalities)}
        columns |= {dividend_column(term): e.dividends[:, i, 0] for i, term in enumerate(e.coalitions) if term}
        frame = pd.DataFrame(columns, index=pd.Index(data.ids, name="id"))
        return frame.join(data.table[[c for c in data.table.columns if c not in frame.columns]])

    def dividends(self, row: int) -> dict[str, float]:
        """Baseline and Harsanyi dividends of one sample, keyed by coalition."""
        return {term: float(self.explanation.dividends[row, i, 0])
                for i, term in enumerate(self.explanation.coalitions)}

    def shapley(self, row: int) -> tuple[dict[str, float], dict[str, float]]:
        """Shapley values and MM-SHAP shares of one sample, keyed by modality."""
        values = self.explanation.shapley[row, :, 0]
        shares = explain.shares(self.explanation)[row, :, 0]
        return ({name: float(v) for name, v in zip(self.modalities, values, strict=True)},
                {name: float(v) for name, v in zip(self.modalities, shares, strict=True)})


def entropy_column(name: str) -> str:
    """Column of the entropy of a modality's state at T."""
    return f"entropy[{name}]"


def negativity_column(name: str) -> str:
    """Column of the entanglement of a modality with the rest at T."""
    return f"negativity[{name}]"


def dividend_column(term: str) -> str:
    """Column of a coalition's dividend."""
    return f"dividend[{term}]"


def build(name: str, card: Mapping[str, Any], model: Any, dataset: DataSet) -> Workspace:
    """Applies a model to all samples of a data set.

    Raises:
        InvalidInput: when the model was made for other modalities or feature numbers than the data set has.
    """
    problem = misfit(card, dataset)
    check(not problem, f"Model '{name}' does not fit data set '{dataset.name}': {problem} "
                       f"Choose the data it was trained on, '{card['data']['name']}'.")
    with torch.no_grad():
        inputs = dataset.inputs(dtype=torch.float64)
        psi = model.product_state(model.encode(inputs))
        trained_on = dataset.inputs(dataset.rows(checkpoint.training_split(card)), dtype=torch.float64)
        background = explain.background(model, trained_on, kind="joint")
        explanation = explain.explain(model, inputs, background)
    return Workspace(name, card, model, dataset, psi, background, explanation)


def misfit(card: Mapping[str, Any], dataset: DataSet) -> str:
    """What keeps a model from taking a data set's inputs, or an empty string."""
    wanted, found = card["inputs"], dataset.input_specs
    for name, spec in wanted.items():
        if name not in found:
            return f"it needs the modality '{name}', and the data has {', '.join(found)}."
        if int(spec["size"]) != int(found[name]["size"]):
            return f"it needs {spec['size']} features of '{name}', and the data has {found[name]['size']}."
    return ""


def reduced_entropies(model: Any, psi: torch.Tensor) -> np.ndarray:
    """Von Neumann entropy of every modality's state at T for many samples, (N, M) in nats.

    The d^2 matrix units of a modality are evolved once in the Heisenberg picture; then Tr[E_ji(T) rho_0] is the element
    (i, j) of each sample's reduced state, whatever the number of samples.
    """
    system = model.system()
    kets = torch.as_tensor(psi, dtype=torch.complex128)
    end = torch.tensor([float(system.duration)], dtype=torch.float64)
    columns = []
    for place, size in enumerate(system.dims):
        units = _matrix_units(system.dims, place)
        evolved = lindblad.evolve_observables(system.H, system.jumps, units, end)[-1]
        values = torch.einsum("bi,cij,bj->bc", kets.conj(), evolved, kets).real
        rho = _from_expectations(values.reshape(-1, size, size))
        columns.append(measures.von_neumann_entropy(rho))
    return torch.stack(columns, -1).numpy()


def negativities(work: Workspace, rows: np.ndarray) -> np.ndarray:
    """Logarithmic negativity of each modality against the rest at T, (len(rows), M) in bits.

    Entanglement is not linear in the state, so every sample is evolved on its own: about 15 ms each at D = 64.
    """
    parts = []
    with torch.no_grad():
        for start in range(0, len(rows), 64):
            psi = work.psi[torch.as_tensor(rows[start:start + 64])].to(torch.complex128)
            rho = work.model.evolve_states(states.density(psi), [float(work.model.duration)])[0]
            parts.append(torch.stack([measures.logarithmic_negativity(rho, work.model.dims, (m,))
                                      for m in range(len(work.modalities))], -1).numpy())
    return np.concatenate(parts) if parts else np.zeros((0, len(work.modalities)))


def _matrix_units(dims: tuple[int, ...], place: int) -> torch.Tensor:
    """Hermitian basis of one modality's operators, embedded: (E_ij + E_ji)/2 for i <= j, (E_ij - E_ji)/2i for i > j."""
    size = dims[place]
    before, after = int(np.prod(dims[:place])), int(np.prod(dims[place + 1:]))
    basis = torch.zeros(size * size, size, size, dtype=torch.complex128)
    for i in range(size):
        for j in range(size):
            if i <= j:
                basis[i * size + j, i, j] += 0.5
                basis[i * size + j, j, i] += 0.5
            else:
                basis[i * size + j, i, j] += -0.5j
                basis[i * size + j, j, i] += 0.5j
    one, other = torch.eye(before, dtype=basis.dtype), torch.eye(after, dtype=basis.dtype)
    return torch.stack([torch.kron(torch.kron(one, unit), other) for unit in basis])


def _from_expectations(values: torch.Tensor) -> torch.Tensor:
    """Reduced states (N, d, d) from the expectation values (N, d, d) of `_matrix_units`.

    As Tr[E_ij rho] = rho_ji: <(E_ij + E_ji)/2> = Re rho_ij for i <= j, and <(E_ij - E_ji)/2i> = Im rho_ji for i > j.
    """
    real = torch.triu(values) + torch.triu(values, 1).mT
    imaginary = torch.tril(values, -1)
    return torch.complex(real, imaginary.mT - imaginary)


def test_metrics(work: Workspace, observables: torch.Tensor, bias: torch.Tensor, split: str = "test") -> dict[str, float]:
    """Metrics of a split for given observables (C, D, D) at T: one product with the states, no new evolution."""
    rows = work.dataset.rows(split)
    return metrics.regression(predict(work, rows, observables, bias)[:, 0], work.dataset.y[rows])


def predict(work: Workspace, rows: np.ndarray, observables: torch.Tensor, bias: torch.Tensor) -> np.ndarray:
    """Scores (B, C) of rows: <psi| O_c(T) |psi> + b_c."""
    psi = work.psi[torch.as_tensor(rows)].to(observables.dtype)
    scores = torch.einsum("bi,cij,bj->bc", psi.conj(), observables, psi).real
    return (scores + bias.detach()).numpy()
