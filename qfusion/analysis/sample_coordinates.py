"""Samples as points: real coordinates in which plain distances between samples have a meaning.

states      the reduced density matrix of every modality, in coordinates in which the plain distance is the
            Hilbert-Schmidt distance ||rho - sigma||_2 of all of them together; of masses, of the modality qubits
final       the joint state rho(T), in the same coordinates; of a network its read-out: populations of the kept
            qubits and <Z> of the measured ones over the square root of 2
dividends   every term of the explained score but the baseline
features    the output of every modality's encoder, side by side
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from qfusion._checks import check, choose
from qfusion.analysis.memo import memo
from qfusion.analysis.study import Study, dividend_column, final_states
from qfusion.models import nested, qcnn
from qfusion.quantum import states

STATES, FINAL, DIVIDENDS, FEATURES = "states", "final", "dividends", "features"
TITLES = {
    STATES: "modality states",
    FINAL: "final state",
    DIVIDENDS: "contributions",
    FEATURES: "encoded features",
}
KEYS = {title: kind for kind, title in TITLES.items()}
SECONDS, EVOLVED = 20.0, 0.017  # that final states may take, and that one takes at D = 64
FEWER = 3  # times as few samples are drawn where there are more than these seconds allow
MAX_NUMBERS = 30_000_000  # coordinates that are held at once


def coordinate_kinds(study: Study) -> dict[str, str]:
    """Returns what coordinates a model's samples have, with what they are called."""
    has = {
        STATES: study.can("states"),
        FINAL: study.can("states") and (study.can("time") or study.can("masses")),
        DIVIDENDS: True,
        FEATURES: True,
    }
    return {kind: title for kind, title in TITLES.items() if has[kind]}


def most_samples(study: Study, kind: str, part: float = 1.0) -> int:
    """Returns of how many samples they are worked out at most: of final states as many as take a part of `SECONDS`, and
    as can be held."""
    if kind != FINAL or not study.can("time"):
        return 10**9
    D = math.prod(study.model.dims)
    return max(
        16, int(min(part * SECONDS / (EVOLVED * max(1.0, D / 64) ** 2.5), MAX_NUMBERS / D**2))
    )


def coordinates_of(
    study: Study, kind: str, rows: np.ndarray, output: int | None = None
) -> np.ndarray:
    """Returns the coordinates of some samples, (n, F) in double precision.

    Args:
        study: a model on its data.
        kind: of `kinds`.
        rows: of the samples, whole numbers (n,); for contributions explained ones.
        output: the class that contributions speak for; of each sample the one decided for unless told.

    Raises:
        NotFound: when the model has no such coordinates.
        InvalidInput: when contributions of a row are not worked out.
    """
    choose("Coordinates", kind, coordinate_kinds(study))
    if kind == DIVIDENDS:
        table = study.frame(output)[[dividend_column(term) for term in study.terms]]
        values = table.to_numpy(dtype=float)[rows]
        check(
            bool(np.isfinite(values).all()),
            "Contributions are worked out for explained samples only, and some of "
            "these are not. Choose test samples.",
        )
        return values
    return {STATES: _states, FINAL: _final, FEATURES: _features}[kind](study, rows)


@memo(6, background=False)
def _states(study: Any, rows: np.ndarray) -> np.ndarray:
    def encoded(some: np.ndarray) -> torch.Tensor:
        inputs = study.inputs(some)
        if study.can("kets"):
            kets = study.model.encode(inputs)
            return torch.cat(
                [
                    real_coordinates(states.density(kets[name].to(torch.complex128)))
                    for name in study.modalities
                ],
                1,
            )
        angles = study.model.angles(inputs)
        theta = torch.cat([angles[name].double() for name in study.modalities], 1)
        return torch.cat([torch.cos(theta), torch.sin(theta)], 1) / math.sqrt(2)

    return _in_blocks(rows, encoded)


@memo(6, background=False, says="Following these samples to their final states …")
def _final(study: Any, rows: np.ndarray) -> np.ndarray:
    if study.can("time"):
        return torch.cat([real_coordinates(rho) for rho in final_states(study, rows)]).numpy()
    network = study.model.network
    stored = 2 ** len(network.retained)

    def read_out(some: np.ndarray) -> torch.Tensor:
        read = qcnn.network_features(
            network, study.vectors[torch.as_tensor(some)].to(network.head.dtype)
        )
        return torch.cat([read[:, :stored], read[:, stored:] / math.sqrt(2)], 1)

    return _in_blocks(rows, read_out)


@memo(6, background=False)
def _features(study: Any, rows: np.ndarray) -> np.ndarray:
    def encoded(some: np.ndarray) -> torch.Tensor:
        parts = study.model.encode(study.inputs(some))
        flat = [
            leaf.reshape(len(some), -1)
            for name in study.modalities
            for leaf in nested.nested_leaves(parts[name])
        ]
        return torch.cat(
            [torch.view_as_real(leaf).flatten(1) if leaf.is_complex() else leaf for leaf in flat], 1
        )

    return _in_blocks(rows, encoded)


@torch.no_grad()
def _in_blocks(rows: np.ndarray, make: Callable[[np.ndarray], torch.Tensor]) -> np.ndarray:
    """Numbers (n, F) of some rows, made a block at a time."""
    parts = np.array_split(rows, max(1, -(-len(rows) // 2048)))
    return torch.cat([make(part) for part in parts]).double().numpy()


def real_coordinates(rho: torch.Tensor) -> torch.Tensor:
    """Returns density matrices (n, d, d) as d^2 real numbers each: the diagonal, then real and imaginary parts above it
    times the square root of 2, so that plain distances are Hilbert-Schmidt distances."""
    upper = torch.triu_indices(rho.shape[-1], rho.shape[-1], 1)
    above = math.sqrt(2) * rho[:, upper[0], upper[1]]
    return torch.cat(
        [torch.diagonal(rho, dim1=-2, dim2=-1).real, above.real, above.imag], 1
    ).double()
