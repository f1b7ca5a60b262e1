"""Samples as points: real coordinates in which plain distances between samples mean something.

    states      the reduced density matrix of every modality, in coordinates in which the plain distance is the
                Hilbert-Schmidt distance ||rho - sigma||_2 of all of them together; of masses, of the modality qubits
    final       the joint state rho(T), in the same coordinates; of a network what is read at its end: populations of
                the kept qubits and <Z> of the measured ones over the square root of 2
    dividends   every term of the explained score but the baseline
    features    what every modality's encoder gives, side by side

Free of streamlit.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from qfusion import _progress
from qfusion._checks import check, choose
from qfusion.analysis.memo import memo
from qfusion.analysis.subject import Workspace, dividend_column
from qfusion.models import expectations, nested
from qfusion.quantum import states

STATES, FINAL, DIVIDENDS, FEATURES = "states", "final", "dividends", "features"
TITLES = {
    STATES: "modality states",
    FINAL: "final state",
    DIVIDENDS: "contributions",
    FEATURES: "encoded features",
}
KEYS = {title: kind for kind, title in TITLES.items()}
ROWS = 2048  # samples that are encoded at once
SECONDS, EVOLVED = 20.0, 0.017  # that final states may take, and that one takes at D = 64
FEWER = 3  # times as few samples are drawn where there are more than these seconds allow
MAX_NUMBERS = 30_000_000  # coordinates that are held at once
_CHUNK = 64


def kinds(work: Workspace) -> dict[str, str]:
    """Returns what coordinates a model's samples have, with what they are called."""
    found = [DIVIDENDS]
    if work.can("states"):
        found = [STATES, *([FINAL] if work.can("time") or work.can("masses") else []), DIVIDENDS]
    return {kind: TITLES[kind] for kind in (*found, FEATURES)}


def most(work: Workspace, kind: str, part: float = 1.0) -> int:
    """Returns of how many samples they are worked out at most: of final states as many as take a part of `SECONDS`, and
    as can be held."""
    if kind != FINAL or not work.can("time"):
        return 10**9
    D = math.prod(work.model.dims)
    return max(
        16, int(min(part * SECONDS / (EVOLVED * max(1.0, D / 64) ** 2.5), MAX_NUMBERS / D**2))
    )


def thinned(rows: np.ndarray, count: int) -> np.ndarray:
    """Returns at most `count` of some rows, spread evenly over them, in their order."""
    return (
        rows
        if len(rows) <= count
        else rows[np.unique(np.linspace(0, len(rows) - 1, count).round().astype(int))]
    )


def of(work: Workspace, kind: str, rows: np.ndarray, output: int | None = None) -> np.ndarray:
    """Returns the coordinates of some samples, (n, F) in double precision.

    Args:
        work: a model on its data.
        kind: of `kinds`.
        rows: of the samples, whole numbers (n,); for contributions explained ones.
        output: whose score contributions split; of each sample its predicted one's unless told.

    Raises:
        NotFound: when the model has no such coordinates.
        InvalidInput: when contributions of a row are not worked out.
    """
    choose("Coordinates", kind, kinds(work))
    if kind == DIVIDENDS:
        columns = [dividend_column(term) for term in work.terms]
        found = work.frame(output)[columns].to_numpy(dtype=float)[rows]
        check(
            bool(np.isfinite(found).all()),
            "Contributions are worked out for explained samples only, and some of "
            "these are not. Choose test samples.",
        )
        return found
    return {STATES: _states, FINAL: _final, FEATURES: _features}[kind](work, rows)


@memo(6, background=False)
def _states(work: Any, rows: np.ndarray) -> np.ndarray:
    parts = []
    with torch.no_grad():
        for some in _blocks(rows):
            inputs = work.inputs(some)
            if work.can("kets"):
                kets = work.model.encode(inputs)
                parts.append(
                    np.concatenate(
                        [
                            real(states.density(kets[name].to(torch.complex128)))
                            for name in work.modalities
                        ],
                        1,
                    )
                )
            else:
                found = work.model.angles(inputs)
                theta = torch.cat([found[name].double() for name in work.modalities], 1)
                parts.append(
                    torch.cat([torch.cos(theta), torch.sin(theta)], 1).numpy() / math.sqrt(2)
                )
    return np.concatenate(parts)


@memo(6, background=False, says="Following these samples to their final states …")
def _final(work: Any, rows: np.ndarray) -> np.ndarray:
    parts = []
    with torch.no_grad():
        if not work.can("time"):
            network = work.model.network
            for some in _blocks(rows):
                read = expectations.features(
                    network, work.vectors[torch.as_tensor(some)].to(network.head.dtype)
                )
                kept = 2 ** len(network.kept)
                parts.append(
                    torch.cat([read[:, :kept], read[:, kept:] / math.sqrt(2)], 1).double().numpy()
                )
            return np.concatenate(parts)
        chunks = np.array_split(rows, range(_CHUNK, len(rows), _CHUNK))
        for chunk in _progress.over(chunks, "Evolving states", len(rows), len):
            psi = work.kets(chunk).to(torch.complex128)
            parts.append(
                real(work.model.evolve_states(states.density(psi), [float(work.model.duration)])[0])
            )
    return np.concatenate(parts)


@memo(6, background=False)
def _features(work: Any, rows: np.ndarray) -> np.ndarray:
    parts = []
    with torch.no_grad():
        for some in _blocks(rows):
            encoded = work.model.encode(work.inputs(some))
            parts.append(
                np.concatenate(
                    [
                        _flat(each, len(some))
                        for name in work.modalities
                        for each in nested.leaves(encoded[name])
                    ],
                    1,
                )
            )
    return np.concatenate(parts)


def _flat(found: torch.Tensor, count: int) -> np.ndarray:
    flat = found.reshape(count, -1)
    return (torch.view_as_real(flat).flatten(1) if flat.is_complex() else flat).double().numpy()


def _blocks(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, max(1, -(-len(rows) // ROWS)))


def real(rho: torch.Tensor) -> np.ndarray:
    """Returns density matrices (n, d, d) as d^2 real numbers each: the diagonal, then real and imaginary parts above it
    times the square root of 2, so that plain distances are Hilbert-Schmidt distances."""
    upper = torch.triu_indices(rho.shape[-1], rho.shape[-1], 1)
    above = math.sqrt(2) * rho[:, upper[0], upper[1]]
    return (
        torch.cat([torch.diagonal(rho, dim1=-2, dim2=-1).real, above.real, above.imag], 1)
        .double()
        .numpy()
    )
