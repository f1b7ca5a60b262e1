"""Maps of many samples: two coordinates each, by principal components or UMAP, and columns of them for filters.

    found = sample_map(work, "states", "PCA", rows)
    found.xy                                   # (n, 2)

A filter such as `pca[states]@0.1,0.2|0.5,0.9` means a region of such a map; `with_maps` gives a table the columns that
it needs, `pca[states].1` and `pca[states].2`. Free of streamlit.
"""

from __future__ import annotations

import math
import re
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion.analysis.cohort import coordinates, draws
from qfusion.analysis.cohort.coordinates import thinned
from qfusion.analysis.memo import memo
from qfusion.analysis.subject import Workspace, dividend_column
from qfusion.errors import InvalidInput
from qfusion.explain import cohorts
from qfusion.explain.cohorts import Part

METHODS = ("PCA", "UMAP")
MAX_FIT = 10_000  # samples whose variance principal components are found in
MAX_UMAP, FEW_UMAP = (
    2_000,
    1_000,
)  # samples that UMAP places: all, or so many drawn of more, which take minutes
MAX_JUDGED = 1_000  # samples on which it is measured how well neighbours are kept
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
    """Where samples lie on a map.

    Attributes:
        what: the coordinates that were reduced, of `coordinates.kinds`. method: of `METHODS`.
        rows: of the samples that are on it, (n,). xy: where, (n, 2). given: of so many samples.
        explained: parts of the variance that both axes hold, (2,); of PCA alone.
        kept: trustworthiness of the 15 nearest neighbours, 1 at best (Venna and Kaski 2001), NaN of too few samples.
        everyone: whether all samples were asked for where some are drawn unless told.
    """

    what: str
    method: str
    rows: np.ndarray
    xy: np.ndarray
    given: int
    explained: np.ndarray | None
    kept: float
    everyone: bool = False

    @property
    def column(self) -> str:
        """What regions of the map are called in filters: "pca[states]"; "pca-all[states]" of `everyone`, who lies
        elsewhere than those drawn do."""
        return f"{self.method.lower()}{'-all' if self.everyone else ''}[{self.what}]"


@memo(12, says="Placing the samples on a map …")
def sample_map(
    work: Workspace,
    what: str,
    method: str,
    rows: np.ndarray,
    output: int | None = None,
    everyone: bool = False,
) -> SampleMap:
    """Returns a map of some samples.

    Args:
        work: a model on its data.
        what: the coordinates that are reduced, of `coordinates.kinds`.
        method: "PCA" or "UMAP".
        rows: of the samples, (n,); where these are too many for UMAP or final states, some of them, drawn at random.
        output: whose score contributions split; of each sample its predicted one's unless told.
        everyone: all of the samples, or as many as can be held, however long it takes.

    Raises:
        NotFound: when there are no such coordinates, or no such method.
        InvalidInput: when there are fewer than three samples.
    """
    choose("Method", method, METHODS)
    choose("Coordinates", what, coordinates.kinds(work))
    everyone = everyone and len(rows) > limits(work, what, method)[0]
    placed = rows[draws.places(len(rows), *limits(work, what, method, everyone))]
    check(
        len(placed) >= 3,
        f"A map needs three samples, but there are {len(placed)}. Loosen the filter's split.",
    )
    if method == "UMAP":
        X = coordinates.of(work, what, placed, output)
        xy, explained = umap(X), None
    else:
        some = thinned(placed, MAX_FIT)
        X = coordinates.of(work, what, some, output)
        mean, axes, explained = principal(thinned(X, coordinates.most(work, what)))
        xy = (
            (X - mean) @ axes
            if len(some) == len(placed)
            else np.concatenate(
                [
                    (coordinates.of(work, what, part, output) - mean) @ axes
                    for part in np.array_split(placed, -(-len(placed) // MAX_FIT))
                ]
            )
        )
    return SampleMap(
        what,
        method,
        placed,
        xy,
        len(rows),
        explained,
        _kept(work, what, placed, output, xy),
        everyone,
    )


def limits(work: Workspace, what: str, method: str, everyone: bool = False) -> tuple[int, int]:
    """Returns up to how many samples all are placed, and how many are drawn where there are more."""
    held = coordinates.most(work, what, math.inf)
    if everyone:
        return held, held
    most, few = coordinates.most(work, what), coordinates.most(work, what, 1 / coordinates.FEWER)
    return (min(most, MAX_UMAP), min(few, FEW_UMAP)) if method == "UMAP" else (most, few)


def principal(X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the mean (F,), the first two principal axes (F, 2) and the parts of the variance that they hold (2,), of
    points (n, F); the largest entry of an axis is positive."""
    from sklearn.decomposition import PCA  # on demand: it takes as long to load as a page

    if not X.var(0).any():  # all points are one
        return X.mean(0), np.zeros((X.shape[1], 2)), np.zeros(2)
    solver = "covariance_eigh" if len(X) >= X.shape[1] else "arpack" if len(X) > 500 else "full"
    fitted = PCA(min(2, *X.shape), svd_solver=solver, random_state=draws.SEED).fit(X)
    missing = 2 - len(fitted.components_)  # of a single coordinate the second axis is nothing
    return (
        fitted.mean_,
        np.pad(fitted.components_, ((0, missing), (0, 0))).T,
        np.pad(fitted.explained_variance_ratio_, (0, missing)),
    )


def umap(X: np.ndarray) -> np.ndarray:
    """Returns where UMAP places points (n, F), (n, 2), by a fixed seed (McInnes, Healy, Melville 2018, arXiv
    1802.03426).

    Raises:
        InvalidInput: when umap-learn is not installed.
    """
    try:
        from umap import UMAP  # on demand: it compiles for seconds
    except ImportError as error:
        raise InvalidInput(
            "UMAP needs the package umap-learn, which is not installed. Install it, or look at PCA."
        ) from error
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few samples it says that it takes fewer neighbours
        found = UMAP(
            n_neighbors=min(NEIGHBOURS, len(X) - 1),
            random_state=draws.SEED,
            n_jobs=1,
            init="random" if len(X) < 12 else "spectral",
        ).fit_transform(X)
    return np.asarray(found, dtype=float)


def _kept(
    work: Workspace, what: str, rows: np.ndarray, output: int | None, xy: np.ndarray
) -> float:
    from sklearn.manifold import trustworthiness

    at = thinned(np.arange(len(rows)), MAX_JUDGED)
    if len(at) <= 2 * NEIGHBOURS + 1:
        return float("nan")
    return float(
        trustworthiness(
            coordinates.of(work, what, rows[at], output), xy[at], n_neighbors=NEIGHBOURS
        )
    )


def with_maps(
    work: Workspace, table: pd.DataFrame, parts: Sequence[Part], output: int | None = None
) -> pd.DataFrame:
    """Returns a table of samples with the columns of the maps that a filter names; of samples that are on no map, they
    are empty.

    Args:
        work: a model on its data. table: with a row a sample of all its data, as of `cohort_measures.cohort_table`.
        parts: of the filter; its split says which samples the maps are of.
        output: whose score contributions split.

    Raises:
        NotFound: when the split does not exist.
    """
    named = filter(None, (_COLUMN.fullmatch(part.column) for part in parts))
    wanted = {
        (name[1].upper(), name[3], bool(name[2]))
        for name in named
        if name[3] in coordinates.kinds(work)
    }
    if not wanted:
        return table
    rows = explained_rows(work, table, parts)
    columns: dict[str, np.ndarray] = {}
    for method, what, everyone in sorted(wanted):
        placed = sample_map(work, what, method, rows, output, everyone)
        xy = np.full((len(table), 2), np.nan)
        xy[placed.rows] = placed.xy
        name = replace(
            placed, everyone=everyone
        ).column  # as the filter says it, where the two are one
        columns |= {f"{name}.{i + 1}": xy[:, i] for i in range(2)}
    return table.assign(**columns)


def explained_rows(work: Workspace, table: pd.DataFrame, parts: Sequence[Part]) -> np.ndarray:
    """Returns the explained samples of a filter's split, by row: those that are on its maps."""
    explained = np.isfinite(table[dividend_column(work.terms[0])].to_numpy(dtype=float))
    return np.flatnonzero(cohorts.within_split(parts, table) & explained)


def region(found: SampleMap, x: Sequence[float], y: Sequence[float]) -> Part:
    """Returns the condition of a filter that holds in a region of a map.

    Args:
        found: the map.
        x, y: of two opposite corners of a box, or of the corners of a polygon. Of a polygon at most `MAX_VERTICES`
            are kept, those that tell the same samples apart as nearly as can be.

    Raises:
        InvalidInput: when there are fewer than two corners or too many, or not as many `x` as `y`.
    """
    points = (
        np.column_stack([np.asarray(x, dtype=float), np.asarray(y, dtype=float)])
        if len(x) == len(y)
        else np.zeros((0, 2))
    )
    check(
        2 <= len(points) <= MAX_CORNERS and bool(np.isfinite(points).all()),
        f"Arguments `x` and `y` must hold a number each of 2 to {MAX_CORNERS:,} corners. Select a region again.",
    )
    span = max(float(np.ptp(found.xy, axis=0).max()), 1e-9)
    digits = max(0, -int(np.floor(np.log10(span / STEPS))))
    best = points.round(digits)
    if len(points) > 3:
        wanted = cohorts.inside(points, found.xy)
        tried = [thinned(points, MAX_VERTICES).round(digits)] + [
            cohorts.simplified(points, share * span).round(digits)
            for share in np.geomspace(3e-4, 0.1, 24)
        ]
        best = min(
            (each for each in tried if 3 <= len(each) <= MAX_VERTICES),
            key=lambda each: (int((cohorts.inside(each, found.xy) != wanted).sum()), len(each)),
        )
    return Part(
        found.column,
        cohorts.REGION,
        tuple(f"{_short(a, digits)},{_short(b, digits)}" for a, b in best),
    )


def _short(value: float, digits: int) -> str:
    words = f"{float(value) + 0.0:.{digits}f}"
    return words.rstrip("0").rstrip(".") if digits else words
