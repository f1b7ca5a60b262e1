"""Maps of many samples: two coordinates each, by principal components or UMAP, from points with plain distances.

Regions of a map become columns of the table of samples, by which cohorts are filtered."""

import math
import re
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._memory_cache import memo
from qfusion.data import compiled_code
from qfusion.errors import translate_import_errors
from qfusion.explain import cohort_filters
from qfusion.study.backends.base import dividend_column, encoder_outputs
from qfusion.study.jobs import SEED, Task, drawn_places, thin_rows
from qfusion.study.study import Study

METHODS = ("PCA", "UMAP")
MAX_FIT = 10_000  # samples whose variance principal components are found in
MAX_UMAP, FEW_UMAP = (
    2_000,
    1_000,
)  # samples that UMAP places: all, or so many drawn of more, which take minutes
NEIGHBOURS = 15
MAX_CORNERS = 10_000  # of a polygon that is drawn
MAX_VERTICES, STEPS = (
    28,
    1000,
)  # of a region: corners, and steps over the width of the map to which they are rounded
_ONE_AT_A_TIME = threading.Lock()  # what numba compiles for UMAP must not be entered by two threads
_COLUMN = re.compile(r"(pca|umap)(-all)?\[(\w+)\](\.[12])?")


@dataclass(frozen=True, eq=False)
class SampleMap:
    """Positions of samples on a map.

    Attributes:
        what: the coordinates that were reduced, of `coordinates.kinds`. method: of `METHODS`.
        rows: of the samples that are on it, (n,). xy: where, (n, 2). given: of so many samples.
        explained: parts of the variance that both axes hold, (2,); of PCA alone.
        trustworthiness: of the 15 nearest neighbours, 1 at best (Venna and Kaski 2001), NaN of too few samples.
        all_samples: whether all samples were asked for where some are drawn unless told.
    """

    what: str
    method: str
    rows: np.ndarray
    xy: np.ndarray
    given: int
    explained: np.ndarray | None
    trustworthiness: float
    all_samples: bool = False

    @property
    def column(self) -> str:
        """Name of the regions of the map in filters, such as "pca[states]". It is "pca-all[states]" for a map of
        `all_samples`, on which samples lie elsewhere than on a map of drawn ones.
        """
        return f"{self.method.lower()}{'-all' if self.all_samples else ''}[{self.what}]"


@memo(12, task=Task.PROJECT_SAMPLES)
def sample_map(
    study: Study,
    what: str,
    method: str,
    rows: np.ndarray,
    output: int | None = None,
    all_samples: bool = False,
) -> SampleMap:
    """Return a map of some samples.

    Args:
        study: a model on its data.
        what: the coordinates that are reduced, of `coordinates.kinds`.
        method: "PCA" or "UMAP".
        rows: of the samples, (n,); where these are too many for UMAP or final states, some of them, drawn at random.
        output: the class that contributions speak for; of each sample the one decided for unless told.
        all_samples: all of the samples, or as many as can be held, however long it takes.

    Raises:
        NotFound: when there are no such coordinates, or no such method.
        InvalidInput: when there are fewer than three samples.
    """
    choose("Method", method, METHODS)
    choose("Coordinates", what, coordinate_kinds(study))
    all_samples = all_samples and len(rows) > limits(study, what, method)[0]
    placed = rows[drawn_places(len(rows), *limits(study, what, method, all_samples))]
    check(
        len(placed) >= 3,
        f"A map needs three samples, but there are {len(placed)}. Loosen the filter's split.",
    )
    explained = None
    if method == "UMAP":
        xy = umap(compute_coordinates(study, what, placed, output))
    else:
        X = compute_coordinates(study, what, thin_rows(placed, MAX_FIT), output)
        mean, axes, explained = principal(thin_rows(X, most_samples(study, what)))
        parts = np.array_split(placed, -(-len(placed) // MAX_FIT))
        X = np.concatenate([compute_coordinates(study, what, part, output) for part in parts])
        xy = (X - mean) @ axes
    return SampleMap(
        what,
        method,
        placed,
        xy,
        len(rows),
        explained,
        _trustworthiness(study, what, placed, output, xy),
        all_samples,
    )


def limits(study: Study, what: str, method: str, all_samples: bool = False) -> tuple[int, int]:
    """Return up to how many samples all are placed, and how many are drawn where there are more."""
    held = most_samples(study, what, math.inf)
    if all_samples:
        return held, held
    most = most_samples(study, what)
    few = most_samples(study, what, 1 / FEWER)
    return (min(most, MAX_UMAP), min(few, FEW_UMAP)) if method == "UMAP" else (most, few)


def principal(X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean (F,), the first two principal axes (F, 2) and the parts of the variance that they hold (2,), of
    points (n, F); the largest entry of an axis is positive."""
    from sklearn.decomposition import PCA  # on demand: it takes as long to load as a page

    if not X.var(0).any():  # all points are one
        return X.mean(0), np.zeros((X.shape[1], 2)), np.zeros(2)
    solver = "covariance_eigh" if len(X) >= X.shape[1] else "arpack" if len(X) > 500 else "full"
    fitted = PCA(min(2, *X.shape), svd_solver=solver, random_state=SEED).fit(X)
    missing = 2 - len(fitted.components_)  # of a single coordinate the second axis is nothing
    return (
        fitted.mean_,
        np.pad(fitted.components_, ((0, missing), (0, 0))).T,
        np.pad(fitted.explained_variance_ratio_, (0, missing)),
    )


def umap(X: np.ndarray) -> np.ndarray:
    """Return where UMAP places points (n, F), (n, 2), by a fixed seed (McInnes, Healy, Melville 2018, arXiv
    1802.03426).

    Raises:
        MissingPackage: when umap-learn is not installed.
    """
    prepare_umap()
    with _ONE_AT_A_TIME:
        return _place_points(X)


@memo(1)
def prepare_umap() -> None:
    """Import UMAP and compile what it needs, or read what another process has compiled. That takes most of a minute in
    the first process, and seconds in others.

    Raises:
        MissingPackage: when umap-learn is not installed.
    """
    few = np.random.default_rng(SEED).normal(size=(4 * NEIGHBOURS, 4))
    with _ONE_AT_A_TIME, compiled_code.compiling():
        _place_points(few)


def _place_points(X: np.ndarray) -> np.ndarray:
    with translate_import_errors():
        from umap import UMAP
    reducer = UMAP(
        n_neighbors=min(NEIGHBOURS, len(X) - 1),
        random_state=SEED,
        n_jobs=1,
        init="random" if len(X) < 12 else "spectral",
    )
    # of few samples it says that it takes fewer neighbours
    with warnings.catch_warnings(action="ignore"):
        return np.asarray(reducer.fit_transform(X), dtype=float)


def _trustworthiness(
    study: Study, what: str, rows: np.ndarray, output: int | None, xy: np.ndarray
) -> float:
    from sklearn.manifold import trustworthiness

    at = thin_rows(np.arange(len(rows)), 1_000)
    if len(at) <= 2 * NEIGHBOURS + 1:
        return float("nan")
    return float(
        trustworthiness(
            compute_coordinates(study, what, rows[at], output), xy[at], n_neighbors=NEIGHBOURS
        )
    )


def explained_rows(
    study: Study, table: pd.DataFrame, parts: Sequence[cohort_filters.Condition]
) -> np.ndarray:
    """Return the row numbers of the explained samples of a filter's split, which are the samples on its maps."""
    return np.flatnonzero(
        cohort_filters.rows_in_split(parts, table) & table[dividend_column(study.terms[0])].notna()
    )


def region(result: SampleMap, x: Sequence[float], y: Sequence[float]) -> cohort_filters.Condition:
    """Return the condition of a filter that holds in a region of a map.

    Args:
        result: the map.
        x, y: of two opposite corners of a box, or of the corners of a polygon. Of a polygon at most `MAX_VERTICES`
            are kept, those that tell the same samples apart as nearly as can be.

    Raises:
        InvalidInput: when there are fewer than two corners or too many, or not as many `x` as `y`.
    """
    from skimage.measure import approximate_polygon  # on demand, as few select a region

    corners = np.array([x, y], dtype=float).T if len(x) == len(y) else np.zeros((0, 2))
    check(
        2 <= len(corners) <= MAX_CORNERS and bool(np.isfinite(corners).all()),
        f"Arguments `x` and `y` must hold a number each of 2 to {MAX_CORNERS:,} corners. Select a region again.",
    )
    span = max(float(np.ptp(result.xy, axis=0).max()), 1e-9)
    digits = max(0, -int(np.floor(np.log10(span / STEPS))))
    best = corners.round(digits)
    if len(corners) > 3:
        inside = cohort_filters.points_in_region(corners, result.xy)
        closed = np.vstack([corners, corners[:1]])
        shapes = [
            thin_rows(corners, MAX_VERTICES),
            # without corners near to the line between others (Douglas and Peucker 1973)
            *(approximate_polygon(closed, at * span)[:-1] for at in np.geomspace(3e-4, 0.1, 24)),
        ]

        def misplaced_and_corners(shape: np.ndarray) -> tuple[int, int]:
            differs = cohort_filters.points_in_region(shape, result.xy) != inside
            return int(differs.sum()), len(shape)

        candidates = [shape.round(digits) for shape in shapes if 3 <= len(shape) <= MAX_VERTICES]
        best = min(candidates, key=misplaced_and_corners)
    short = partial(np.format_float_positional, precision=digits, trim="-")
    return cohort_filters.Condition(
        result.column, cohort_filters.REGION, tuple(f"{short(a)},{short(b)}" for a, b in best + 0.0)
    )


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
    known = {*study.backend.coordinates(), DIVIDENDS}
    if study.reads_features:
        known.add(FEATURES)
    return {kind: title for kind, title in TITLES.items() if kind in known}


def most_samples(study: Study, kind: str, part: float = 1.0) -> int:
    """Return for how many samples coordinates are computed at most, in a part of the time that a page allows."""
    return study.backend.max_final_states(part) if kind == FINAL else 10**9


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
    return study.backend.coordinates()[kind](rows)
