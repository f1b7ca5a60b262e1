"""Groups of the samples of a cohort: by a column of the table, by its quarters, or by the sign of the truth."""

import itertools

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.analysis import text
from qfusion.analysis.cohort_table import VERDICT, spans_zero
from qfusion.analysis.study import Study

NOT_GROUPED, QUARTERS = "nothing", " (quarters)"


def groupings(study: Study, rows: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the columns by which the rows can be split into groups, as shown to readers. The first is
    "nothing".
    """
    result = [NOT_GROUPED, "relation"]
    if spans_zero(study):
        result.append("sign of truth")
    if study.has_truth:
        result += ["truth", VERDICT] if study.classes else ["truth" + QUARTERS]
        result.append("error" + QUARTERS)
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
        by = text.find_column(by, map(str, rows.columns))
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
