"""What a fusion model does while it is trained: strength of its couplings, entanglement and contributions on validation
rows."""

from __future__ import annotations

import copy
import time
from typing import Any

import numpy as np
import torch
from torch import nn

from qfusion import explain
from qfusion.data import DataSet
from qfusion.explain.evidence import qubit_entropy
from qfusion.models import EntangledQCNN, QuantumJump, can
from qfusion.quantum import measures, states

EXPLAINED, ENTANGLED, BACKGROUND = 32, 8, 256  # validation rows, validation rows, training rows
EVALUATED = 64  # training rows where every coalition is evaluated
SHARE = 0.2  # of the training's time, at most


class Watch:
    """Measures a model after epochs, seldom enough to take little of the training's time.

    Args:
        dataset: whose validation rows are explained, against its training rows.
        split: the training rows.
    """

    def __init__(self, dataset: DataSet, split: str = "train"):
        self.dataset = dataset
        self.valid, self.background = (
            dataset.rows("valid"),
            _spread(dataset.rows(split), BACKGROUND),
        )
        self._trained = self._watched = 0.0

    def __call__(self, model: nn.Module, seconds: float) -> dict[str, float]:
        """Returns what is measured of a model after an epoch that took so many seconds; nothing when it is not yet time
        again.

        Keys are `norm.H`, `norm.L` (Frobenius norms over sqrt(D)) or `norm.tables`, `norm.circuit` (radians, root mean
        square), `entanglement.MODALITY` (mean logarithmic negativity of that modality with the others at T) or
        `entanglement.fused` (mean entropy of a fused qubit, nats), and `dividend.COALITION` (mean size over rows and
        outputs).
        """
        self._trained += seconds
        if self._watched > SHARE * self._trained:
            return {}
        start = time.perf_counter()
        found = self.measure(model)
        self._watched += time.perf_counter() - start
        return found

    @torch.no_grad()
    def measure(self, model: Any) -> dict[str, float]:
        """Returns all measures of a model now; see `__call__`."""
        model = copy.deepcopy(model).cpu().double().eval()
        behind = self.background if can(model, "states") else _spread(self.background, EVALUATED)
        background = explain.background(model, self.dataset.inputs(behind, torch.float64))
        inputs = self.dataset.inputs(_spread(self.valid, EXPLAINED), torch.float64)
        explanation = explain.explain(model, inputs, background)
        sizes = abs(explanation.dividends).mean((0, 2))
        contributions = {
            f"dividend.{name}": float(size)
            for name, size in zip(explanation.coalitions, sizes, strict=True)
            if name
        }
        physics = (
            self._jump(model)
            if can(model, "time")
            else self._network(model)
            if can(model, "rules")
            else {}
        )
        return {**physics, **contributions}

    def _jump(self, model: QuantumJump) -> dict[str, float]:
        system = model.system()
        size = len(system.H) ** 0.5
        psi = model.product_state(
            model.encode(self.dataset.inputs(_spread(self.valid, ENTANGLED), torch.float64))
        )
        rho = model.evolve_states(states.density(psi), [model.duration])[0]
        rho = (rho + rho.mH) / 2
        return {
            "norm.H": float(torch.linalg.matrix_norm(system.H)) / size,
            "norm.L": float(torch.linalg.vector_norm(torch.linalg.matrix_norm(system.jumps)))
            / size,
            **{
                f"entanglement.{name}": float(
                    measures.logarithmic_negativity(rho, model.dims, [m]).mean()
                )
                for m, name in enumerate(model.modalities)
            },
        }

    def _network(self, model: EntangledQCNN) -> dict[str, float]:
        vectors = model.fuse(
            model.encode(self.dataset.inputs(_spread(self.valid, EXPLAINED), torch.float64))
        )[0]
        angles = torch.cat([model.network.convolution.flatten(), model.network.pooling.flatten()])
        return {
            "norm.tables": float((model.phi - torch.pi / 2).square().mean().sqrt()),
            "norm.circuit": float(angles.square().mean().sqrt()),
            "entanglement.fused": float(qubit_entropy(vectors).mean()),
        }


def sizes(train: int, valid: int) -> tuple[int, int, int]:
    """Returns how many validation rows are explained, on how many entanglement is measured, and how many rows are the
    background."""
    explained, entangled, background = (
        len(_spread(np.arange(rows), count))
        for rows, count in ((valid, EXPLAINED), (valid, ENTANGLED), (train, BACKGROUND))
    )
    return explained, entangled, background


def _spread(rows: np.ndarray, count: int) -> np.ndarray:
    """At most `count` rows, evenly spaced."""
    return rows[:: max(1, -(-len(rows) // count))]
