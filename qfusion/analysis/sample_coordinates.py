"""Samples as points: real coordinates in which plain distances between samples have a meaning.

states      the reduced density matrix of every modality, in coordinates in which the plain distance is the
            Hilbert-Schmidt distance ||rho - sigma||_2 of all of them together; of masses, of the modality qubits
final       the joint state rho(T), in the same coordinates; of a network its read-out: populations of the kept
            qubits and <Z> of the measured ones over the square root of 2
dividends   every term of the explained score but the baseline
features    the output of every modality's encoder, side by side
"""

import numpy as np

from qfusion._checks import check, choose
from qfusion.analysis.columns import dividend_column
from qfusion.analysis.spaces.base import encoder_outputs
from qfusion.analysis.study import Study

STATES, FINAL, DIVIDENDS, FEATURES = "states", "final", "dividends", "features"
TITLES = {
    STATES: "modality states",
    FINAL: "final state",
    DIVIDENDS: "contributions",
    FEATURES: "encoded features",
}
KEYS = {title: kind for kind, title in TITLES.items()}
FEWER = 3  # times as few samples are drawn where there are more than these seconds allow


def coordinate_kinds(study: Study) -> dict[str, str]:
    """Return the coordinates that a model's samples have, with their titles."""
    known = {*study.space.coordinates(), DIVIDENDS}
    if study.reads_features:
        known.add(FEATURES)
    return {kind: title for kind, title in TITLES.items() if kind in known}


def most_samples(study: Study, kind: str, part: float = 1.0) -> int:
    """Return for how many samples coordinates are computed at most, in a part of the time that a page allows."""
    return study.space.max_final_states(part) if kind == FINAL else 10**9


def compute_coordinates(
    study: Study, kind: str, rows: np.ndarray, output: int | None = None
) -> np.ndarray:
    """Return the coordinates of some samples, (n, F) in double precision.

    Args:
        study: a model on its data.
        kind: of `kinds`.
        rows: of the samples, whole numbers (n,); for contributions explained ones.
        output: the class that contributions speak for; of each sample the one decided for unless told.

    Raises:
        NotFound: when the model has no such coordinates.
        InvalidInput: if contributions of a row are not computed.
    """
    choose("Coordinates", kind, coordinate_kinds(study))
    if kind == DIVIDENDS:
        table = study.frame(output)[[dividend_column(term) for term in study.terms]]
        values = table.to_numpy(dtype=float)[rows]
        check(
            bool(np.isfinite(values).all()),
            "Contributions are computed for explained samples only, and some of "
            "these are not. Choose test samples.",
        )
        return values
    if kind == FEATURES:
        return encoder_outputs(study, rows)
    return study.space.coordinates()[kind](rows)
