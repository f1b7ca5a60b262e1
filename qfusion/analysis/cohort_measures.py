"""Many samples at once: those drawn at random where a measurement takes long on all of them, samples as points, maps of
them, and the table of a study with its groups, measures and findings.

`measured=all` in a link asks for all samples; pages then work them out behind the page, see `memo.begin_job`."""

import itertools
import math
import re
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check, choose
from qfusion._sentences import count
from qfusion.analysis import text
from qfusion.analysis.memo import memo
from qfusion.analysis.study import (
    MEAN_ENTROPY,
    Study,
    dividend_column,
    entropy_column,
    final_states,
)
from qfusion.data import DataSet
from qfusion.errors import translate_import_errors
from qfusion.explain import cohorts, stability
from qfusion.models import nested, qcnn
from qfusion.quantum import states

SAMPLES = DRAWN, ALL = ("drawn", "all")
SEED = 0


def drawn_places(n: int, most: int, few: int, everyone: bool = False) -> np.ndarray:
    """Returns which of n samples are measured, ascending: all, or `few` drawn at random where there are more than
    `most` and not `everyone` is asked for."""
    if everyone or n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(SEED).choice(n, min(few, n), replace=False))


def drawn_words(some: int, whole: int, what: str = "sample") -> str:
    """Returns of how many samples it is: "400 samples drawn at random of 4,659"; "600 samples" where these are all."""
    return count(some, what) + (f" drawn at random of {whole:,}" if some < whole else "")


# Samples as points: real coordinates in which plain distances between samples mean something.
#
#     states      the reduced density matrix of every modality, in coordinates in which the plain distance is the
#                 Hilbert-Schmidt distance ||rho - sigma||_2 of all of them together; of masses, of the modality qubits
#     final       the joint state rho(T), in the same coordinates; of a network what is read at its end: populations of
#                 the kept qubits and <Z> of the measured ones over the square root of 2
#     dividends   every term of the explained score but the baseline
#     features    what every modality's encoder gives, side by side
#
# Free of streamlit.

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


def thinned(rows: np.ndarray, count: int) -> np.ndarray:
    """Returns at most `count` of some rows, spread evenly over them, in their order."""
    return (
        rows
        if len(rows) <= count
        else rows[np.unique(np.linspace(0, len(rows) - 1, count).round().astype(int))]
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


# Maps of many samples: two coordinates each, by principal components or UMAP, and columns of them for filters.
#
#     result = sample_map(study, "states", "PCA", rows)
#     result.xy                                   # (n, 2)
#
# A filter such as `pca[states]@0.1,0.2|0.5,0.9` means a region of such a map; `table_for` gives a
# table the columns that it needs, `pca[states].1` and `pca[states].2`. Free of streamlit.

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
    """Where samples lie on a map.

    Attributes:
        what: the coordinates that were reduced, of `coordinates.kinds`. method: of `METHODS`.
        rows: of the samples that are on it, (n,). xy: where, (n, 2). given: of so many samples.
        explained: parts of the variance that both axes hold, (2,); of PCA alone.
        trustworthiness: of the 15 nearest neighbours, 1 at best (Venna and Kaski 2001), NaN of too few samples.
        everyone: whether all samples were asked for where some are drawn unless told.
    """

    what: str
    method: str
    rows: np.ndarray
    xy: np.ndarray
    given: int
    explained: np.ndarray | None
    trustworthiness: float
    everyone: bool = False

    @property
    def column(self) -> str:
        """What regions of the map are called in filters: "pca[states]"; "pca-all[states]" of `everyone`, who lies
        elsewhere than those drawn do."""
        return f"{self.method.lower()}{'-all' if self.everyone else ''}[{self.what}]"


@memo(12, says="Placing the samples on a map …")
def sample_map(
    study: Study,
    what: str,
    method: str,
    rows: np.ndarray,
    output: int | None = None,
    everyone: bool = False,
) -> SampleMap:
    """Returns a map of some samples.

    Args:
        study: a model on its data.
        what: the coordinates that are reduced, of `coordinates.kinds`.
        method: "PCA" or "UMAP".
        rows: of the samples, (n,); where these are too many for UMAP or final states, some of them, drawn at random.
        output: the class that contributions speak for; of each sample the one decided for unless told.
        everyone: all of the samples, or as many as can be held, however long it takes.

    Raises:
        NotFound: when there are no such coordinates, or no such method.
        InvalidInput: when there are fewer than three samples.
    """
    choose("Method", method, METHODS)
    choose("Coordinates", what, coordinate_kinds(study))
    everyone = everyone and len(rows) > limits(study, what, method)[0]
    placed = rows[drawn_places(len(rows), *limits(study, what, method, everyone))]
    check(
        len(placed) >= 3,
        f"A map needs three samples, but there are {len(placed)}. Loosen the filter's split.",
    )
    explained = None
    if method == "UMAP":
        xy = umap(coordinates_of(study, what, placed, output))
    else:
        X = coordinates_of(study, what, thinned(placed, MAX_FIT), output)
        mean, axes, explained = principal(thinned(X, most_samples(study, what)))
        parts = np.array_split(placed, -(-len(placed) // MAX_FIT))
        X = np.concatenate([coordinates_of(study, what, part, output) for part in parts])
        xy = (X - mean) @ axes
    return SampleMap(
        what,
        method,
        placed,
        xy,
        len(rows),
        explained,
        _trustworthiness(study, what, placed, output, xy),
        everyone,
    )


def limits(study: Study, what: str, method: str, everyone: bool = False) -> tuple[int, int]:
    """Returns up to how many samples all are placed, and how many are drawn where there are more."""
    held = most_samples(study, what, math.inf)
    if everyone:
        return held, held
    most, few = most_samples(study, what), most_samples(study, what, 1 / FEWER)
    return (min(most, MAX_UMAP), min(few, FEW_UMAP)) if method == "UMAP" else (most, few)


def principal(X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the mean (F,), the first two principal axes (F, 2) and the parts of the variance that they hold (2,), of
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
    """Returns where UMAP places points (n, F), (n, 2), by a fixed seed (McInnes, Healy, Melville 2018, arXiv
    1802.03426).

    Raises:
        MissingPackage: when umap-learn is not installed.
    """
    with translate_import_errors():
        from umap import UMAP  # here, as it compiles for seconds
    reducer = UMAP(
        n_neighbors=min(NEIGHBOURS, len(X) - 1),
        random_state=SEED,
        n_jobs=1,
        init="random" if len(X) < 12 else "spectral",
    )
    # of few samples it says that it takes fewer neighbours
    with _ONE_AT_A_TIME, warnings.catch_warnings(action="ignore"):
        return np.asarray(reducer.fit_transform(X), dtype=float)


def _trustworthiness(
    study: Study, what: str, rows: np.ndarray, output: int | None, xy: np.ndarray
) -> float:
    from sklearn.manifold import trustworthiness

    at = thinned(np.arange(len(rows)), 1_000)
    if len(at) <= 2 * NEIGHBOURS + 1:
        return float("nan")
    return float(
        trustworthiness(
            coordinates_of(study, what, rows[at], output), xy[at], n_neighbors=NEIGHBOURS
        )
    )


def explained_rows(study: Study, table: pd.DataFrame, parts: Sequence[cohorts.Part]) -> np.ndarray:
    """Returns the explained samples of a filter's split, by row: those that are on its maps."""
    return np.flatnonzero(
        cohorts.within_split(parts, table) & table[dividend_column(study.terms[0])].notna()
    )


def region(result: SampleMap, x: Sequence[float], y: Sequence[float]) -> cohorts.Part:
    """Returns the condition of a filter that holds in a region of a map.

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
        inside = cohorts.inside(corners, result.xy)
        closed = np.vstack([corners, corners[:1]])
        shapes = [
            thinned(corners, MAX_VERTICES),
            # without corners near to the line between others (Douglas and Peucker 1973)
            *(approximate_polygon(closed, at * span)[:-1] for at in np.geomspace(3e-4, 0.1, 24)),
        ]
        best = min(
            (shape.round(digits) for shape in shapes if 3 <= len(shape) <= MAX_VERTICES),
            key=lambda shape: (int((cohorts.inside(shape, result.xy) != inside).sum()), len(shape)),
        )
    short = partial(np.format_float_positional, precision=digits, trim="-")
    return cohorts.Part(
        result.column, cohorts.REGION, tuple(f"{short(a)},{short(b)}" for a, b in best + 0.0)
    )


# What the Cohorts page takes from a study: columns to filter by, groups, measures, findings. Free of streamlit.

JOINT, JOINT_SHARE, VERDICT, DOMINANT = "joint", "joint_share", "verdict", "dominant"
SIGN, WRONG = "sign", "wrong"
STRENGTHS = (JOINT, JOINT_SHARE)
ENTROPY, LARGEST = "entropy", "largest entropy"
MAX_SLOW, FEW_SLOW = (
    800,
    400,
)  # samples whose states are evolved, about 17 ms each: all, or so many drawn of more
NOT_GROUPED, QUARTERS = "nothing", " (quarters)"


def clusters_of(dataset: DataSet, rows: np.ndarray) -> np.ndarray | None:
    """Numbers of what some rows share, (n, k), see `spec.Clusters`; None where they are independent."""
    return None if dataset.clusters is None else dataset.clusters.numbers[rows]


def intervals(dataset: DataSet, rows: pd.DataFrame, resamples: int = stability.RESAMPLES) -> str:
    """How intervals over rows of a table (index id) are made: what is resampled."""
    what = (
        ""
        if dataset.clusters is None
        else f" of {dataset.clusters.describe_count(dataset.rows_of(rows.index))}, not of rows"
    )
    return f"{stability.LEVEL:.0%} percentile bootstrap, {resamples:,} resamples{what}, seed 0"


def share_column(name: str) -> str:
    """Column of a modality's MM-SHAP share."""
    return f"share[{name}]"


@memo(8)
def cohort_table(study: Study, output: int | None) -> pd.DataFrame:
    """The study's frame with what cohorts are made of besides: verdict, interaction strength, modalities' shares.

    `joint` is the sum of the sizes of all joint dividends, `joint_share` its part of the sizes of all dividends;
    `dominant` is the largest term in size. `verdict` says whether a class is right, `sign` whether the sign of a
    regression that spans zero is, empty where the truth is 0.
    """
    frame, judged = study.frame(output), study.bulk_verdicts(output)
    is_joint = ["+" in term for term in study.coalitions]
    columns: dict[str, Any] = {
        JOINT: study.spread(np.abs(study.bulk_dividends(output)[:, is_joint]).sum(1)),
        JOINT_SHARE: study.spread(judged.joint_share),
        **{
            share_column(name): study.spread(judged.shares[:, m])
            for m, name in enumerate(study.modalities)
        },
        DOMINANT: study.spread(judged.largest),
    }
    if study.classes:
        columns[VERDICT] = np.where(frame["truth"] == frame["prediction"], "right", WRONG)
    elif spans_zero(study):
        prediction, truth = (frame[name].to_numpy(dtype=float) for name in ("prediction", "truth"))
        columns[SIGN] = np.select(
            [truth == 0, wrong_sign(prediction, truth)], ["", WRONG], "right"
        ).astype(object)
    return frame.assign(
        **{name: values for name, values in columns.items() if name not in frame.columns}
    )


def spans_zero(study: Study) -> bool:
    """Whether a regression's targets have both signs."""
    return not study.classes and study.scale[0] < 0 < study.scale[1]


def wrong_sign(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Which predictions (N,) have another sign than the truth, bool (N,), as Acc-2 without zeros counts: above 0 or
    not, and none where the truth is 0."""
    return np.asarray((truth != 0) & ((prediction > 0) != (truth > 0)))


def wrong_part(study: Study, table: pd.DataFrame) -> cohorts.Part | None:
    """The condition of a filter that keeps the wrong classes, or the wrong signs; None where there is no such column:
    the target does not span zero, or the data's own column has its name."""
    column = VERDICT if study.classes else SIGN
    known = column in table.columns and set(table[column]) <= {"", "right", WRONG}
    return cohorts.Part(column, "=", (WRONG,)) if known else None


def table_for(study: Study, output: int | None, parts: Sequence[cohorts.Part]) -> pd.DataFrame:
    """`cohort_table` with the columns of the maps that a filter names; of samples that are on no map, they are empty.

    Args:
        study: a model on its data. output: the class that contributions speak for.
        parts: of the filter; its split says which samples the maps are of.

    Raises:
        NotFound: when the split does not exist.
    """
    table = cohort_table(study, output)
    maps = {
        (name[1].upper(), name[3], bool(name[2]))
        for name in filter(None, (_COLUMN.fullmatch(part.column) for part in parts))
        if name[3] in coordinate_kinds(study)
    }
    columns: dict[str, np.ndarray] = {}
    for method, what, everyone in sorted(maps):
        placed = sample_map(
            study, what, method, explained_rows(study, table, parts), output, everyone
        )
        xy = np.full((2, len(table)), np.nan)
        xy[:, placed.rows] = placed.xy.T
        # as the filter says it, where the map of everyone is that of those drawn
        name = replace(placed, everyone=everyone).column
        columns |= {f"{name}.1": xy[0], f"{name}.2": xy[1]}
    return table.assign(**columns) if columns else table


def members(study: Study, parts: tuple[cohorts.Part, ...]) -> np.ndarray:
    """The rows of a cohort, as the decisions of a study tell.

    Raises:
        NotFound, InvalidInput: when its filter speaks of what is not there.
    """
    return np.flatnonzero(cohorts.passing(parts, table_for(study, None, parts)))


def groupings(study: Study, rows: pd.DataFrame) -> tuple[str, ...]:
    """By what the rows can be split into groups, as readers say it: "nothing" first."""
    result = [
        NOT_GROUPED,
        "relation",
        *(["sign of truth"] if spans_zero(study) else []),
        *(["truth", VERDICT] if study.classes else ["truth" + QUARTERS]),
        "error" + QUARTERS,
    ]
    for name in map(str, study.dataset.table.columns):
        values = rows[name].astype(str) if name in rows.columns and name not in result else None
        if (
            values is not None
            and 2 <= values.nunique() <= 15
            and not (study.classes and (values == rows["truth"]).all())
        ):
            result.append(text.column(name))
    return tuple(dict.fromkeys(result))


def groups(study: Study, rows: pd.DataFrame, by: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The group of each row (N,) and the names of the groups in order; quarters are those of these rows.

    Raises:
        InvalidInput: when the rows have no such grouping.
    """
    known: tuple[str, ...] = ("negative", "zero", "positive")
    if by == "sign of truth":
        values = np.array(known, dtype=object)[
            np.sign(rows["truth"].to_numpy(dtype=float)).astype(int) + 1
        ]
    elif by.endswith(QUARTERS):
        return _quarters(rows[by.removesuffix(QUARTERS)].to_numpy(dtype=float))
    else:
        by = text.column_of(by, map(str, rows.columns))
        check(by in rows.columns, f"There is no grouping by {by[:60]!r} here. Choose another.")
        values = rows[by].astype(str).to_numpy(dtype=object)
        known = study.classes if by == "truth" else ()
    present = set(values)
    in_order = tuple(name for name in known if name in present)
    return values, in_order or tuple(sorted(present, key=_natural))


def _natural(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return float("inf"), value


def _quarters(values: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    edges = np.unique(np.quantile(values, [0, 0.25, 0.5, 0.75, 1])) if len(values) else np.zeros(1)
    if len(edges) < 2:
        return np.full(len(values), "all", dtype=object), ("all",)
    names = tuple(f"{low:.3g} to {high:.3g}" for low, high in itertools.pairwise(edges))
    place = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, len(names) - 1)
    return np.array(names, dtype=object)[place], names


def measure_titles(study: Study) -> dict[str, str]:
    """Axis titles of the measures of entanglement that this system has; none of one that entangles nothing."""
    if study.can("time"):
        return {
            name.replace("_", " "): about.cohort
            for name, about in states.KINDS.items()
            if about.cohort
        }
    if not study.can("rules"):
        return {}
    return {
        ENTROPY: "entropy of the fused qubits (mean, nats)",
        LARGEST: "entropy of the fused qubits (largest, nats)",
    }


def is_slow(measure: str) -> bool:
    """Whether every sample's state is evolved for a measure, about 17 ms each at D = 64; entropies stand in the columns
    already."""
    return measure not in (ENTROPY, LARGEST)


def strength_titles(study: Study) -> dict[str, str]:
    """Axis titles of the measures of interaction strength."""
    unit = "log-odds of the class (nats)" if study.classes else study.unit_of(0)
    return {
        JOINT: text.in_unit("sum of |joint contributions|", unit),
        JOINT_SHARE: "joint part of all |contributions| (0 to 1)",
    }


def entropies(study: Any, rows: pd.DataFrame, measure: str) -> np.ndarray:
    """A measure (N,) that stands in the columns already."""
    if study.can("time"):
        return rows[[entropy_column(name) for name in study.modalities]].to_numpy().mean(1)
    if measure == ENTROPY:
        return rows[MEAN_ENTROPY].to_numpy()
    return rows[[entropy_column(name) for name in study.elements]].to_numpy().max(1)


@memo(8, background=False, says="Working out the entanglement of these samples, about 17 ms each …")
def correlations(
    study: Any, rows: np.ndarray, measures: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """The slow measures of `measure_titles` (or those named) at T for some rows, each (len(rows),), in one go."""
    kinds = measures or tuple(filter(is_slow, measure_titles(study)))
    values = [
        [states.KINDS[name.replace(" ", "_")].mean(at_end).numpy() for name in kinds]
        for at_end in (states.States(rho, study.model.dims) for rho in final_states(study, rows))
    ]
    return dict(zip(kinds, map(np.concatenate, zip(*values, strict=True)), strict=True))


def finding(result: dict[str, stability.Interval], measure: str, strength: str) -> str:
    """What a correlation of a measure and a strength says about "entanglement explains fusion", in one sentence."""
    what, part = {
        JOINT: ("how large a sample's joint terms are", "joint terms"),
        JOINT_SHARE: ("how large the joint part of a decision is", "joint part"),
    }[strength]
    article = "" if strength == JOINT else "a "
    r, other = result["spearman"], result["pearson"]
    if not r.known:
        return f"Cannot be told: {r.n} samples are too few, or {measure} does not vary"
    how = f"rank correlation {r.value:+.2f}, {r.level:.0%} interval {r.low:+.2f} to {r.high:+.2f}, n = {r.n:,}"
    if not r.excludes_zero:
        return (
            f"Not shown that {measure} goes with {what}: a rank correlation of more than {max(-r.low, r.high):.2f} in "
            f"size can be excluded ({how})"
        )
    if r.value < 0:
        return f"The opposite: more {measure} goes with {article}smaller {part} ({how})"
    word = "Weakly" if abs(r.value) < 0.3 else "In part" if abs(r.value) < 0.7 else "Closely"
    doubt = "" if other.excludes_zero else "; the linear correlation cannot be told from zero"
    return f"{word}: more {measure} goes with {article}larger {part} ({how}; r² {r.value**2:.2f}{doubt})"


def ladder(
    study: Study, rows: pd.DataFrame, inside: np.ndarray, sample: pd.Series | None, whole: str
) -> pd.DataFrame:
    """The three levels as rows: all, which are called `whole`, the cohort (where it is not all of them), the sample
    (where it is explained)."""
    levels = {whole: rows} | ({} if inside.all() else {"cohort": rows[inside]})
    if sample is not None:
        levels[f"sample {sample.name}"] = sample.to_frame().T
    return pd.DataFrame([_level(study, name, part) for name, part in levels.items()])


def _level(study: Study, name: str, part: pd.DataFrame) -> dict[str, Any]:
    means = {
        "mean error": "error",
        JOINT: JOINT,
        "joint share": JOINT_SHARE,
        **{f"share of {name}": share_column(name) for name in study.modalities},
    }
    result: dict[str, Any] = {
        "level": name,
        "n": len(part),
        **({"accuracy": float((part[VERDICT] == "right").mean())} if study.classes else {}),
        **{title: float(part[column].astype(float).mean()) for title, column in means.items()},
    }
    if measure_titles(study):
        result["entropy"] = float(
            pd.Series(entropies(study, part.infer_objects(), ENTROPY), dtype=float).mean()
        )
    kinds = part["relation"].value_counts(normalize=True)
    most = f" ({kinds.iloc[0]:.0%})" if len(part) > 1 else ""
    return result | {"relation": f"{kinds.index[0]}{most}" if len(part) else "–"}
