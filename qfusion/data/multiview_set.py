"""A multi-view file as a data set in memory, without an import."""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data.data_set import DataSet
from qfusion.data.import_report import build_report
from qfusion.data.modality_spec import Modality
from qfusion.data.multiview import SUFFIXES, MultiviewReader
from qfusion.data.multiview_variables import describe_layout
from qfusion.data.picture_arrays import enlarge, grey_levels
from qfusion.data.random_split import draw_split
from qfusion.data.sample_content import Content, Image
from qfusion.data.staged_set import StagedSet
from qfusion.errors import InvalidInput

FEWEST = 3  # samples of a class: one in each part of the split


def load_multiview(path: Path) -> DataSet:
    """Return the data set in a .mat or .npz file, named by the file, as an import reads it.

    A file that says no split is split by a fixed seed, see `row_splits.stratified_split`.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it cannot be read, or views and labels do not fit together; names the view, row and column.
            Also when an import would ask for repairs.
    """
    check(
        path.suffix.lower() in SUFFIXES,
        f"File `{path.name}` must end in {' or '.join(SUFFIXES)}, but does not. {describe_layout(path)}",
    )
    with tempfile.TemporaryDirectory(prefix="qfusion-") as folder:
        staged = MultiviewReader(path, Path(folder), "auto", held=True).stage()
        _check_finite(staged)
        how = "split as the file says"
        if not (staged.split != "").any():
            _check_large_classes(staged)
            staged.split, how = draw_split(staged)
            how = f"split at random: {how}, with equal shares in every class"
        build_report(staged).require_no_errors(
            f"`{staged.title}` cannot be used as it is",
            "Import it with `data import` to see and repair everything.",
        )
        return _data_set(path, staged, how)


def _check_finite(staged: StagedSet) -> None:
    """Raise InvalidInput with the place of the first value of a view that is not finite, if there is one."""
    for part in staged.parts:
        values = np.load(part.path, mmap_mode="r", allow_pickle=False).reshape(len(staged), -1)
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            row, column = (int(place) + 1 for place in bad[0])
            raise InvalidInput(
                f"View '{part.name}' in `{staged.title}` must be finite, but holds {len(bad)} entries that are NaN, "
                f"infinite or beyond single precision, the first in row {row}, column {column} (a row is a sample). "
                "Clean or impute the data, or repair it with `data import`."
            )


def _check_large_classes(staged: StagedSet) -> None:
    """Check that every class has a sample for each part of a split."""
    if not staged.classes:
        return
    counts = np.bincount(staged.y[staged.y >= 0], minlength=len(staged.classes))
    few = np.flatnonzero(counts < FEWEST)
    check(
        len(few) == 0,
        f"Every class in `{staged.title}` must have at least {FEWEST} samples, to train, validate and test, but "
        f"{len(few)} of {len(counts)} have fewer, such as class '{staged.classes[few[0]] if len(few) else '':.60}'. "
        "Drop or merge rare classes.",
    )


def _data_set(path: Path, staged: StagedSet, how: str) -> DataSet:
    """The data set of a file; its arrays are held in memory.

    Args:
        how: it was split, in words.
    """
    values = {part.name: np.load(part.path, allow_pickle=False) for part in staged.parts}
    left_out = [
        finding.words for finding in staged.findings if finding.code in ("left-out", "precision")
    ]
    what = f"{len(staged.classes)} classes" if staged.classes else "scores"
    pictures = {
        part.name: values[part.name].reshape(-1, *part.picture)
        for part in staged.parts
        if part.picture is not None
        and (len(part.picture) == 2 or (len(part.picture) == 3 and part.picture[-1] == 3))
    }
    return DataSet(
        name=path.stem,
        title=path.name,
        source=f"the file {path.name}",
        licence="as whoever made the file says",
        description=" ".join(
            [
                f"{len(staged):,} samples of {what} in {len(staged.parts)} views, read from {path.name}, {how}.",
                *left_out,
            ]
        ),
        modalities=tuple(
            Modality(
                part.name,
                values[part.name],
                part.lengths,
                part.feature_names,
                part.picture,
            )
            for part in staged.parts
        ),
        target=staged.build_target(),
        y=staged.y,
        ids=staged.ids,
        split=staged.split,
        table=_table(staged),
        content_of=partial(_content, pictures),
    )


def _table(staged: StagedSet) -> pd.DataFrame:
    """Return the column to show of each sample: its class."""
    index = pd.Index(staged.ids)
    if not staged.classes:
        return pd.DataFrame(index=index)
    return pd.DataFrame({"class": [staged.classes[label] for label in staged.y]}, index=index)


def _content(pictures: dict[str, np.ndarray], row: int) -> dict[str, Content]:
    return {
        view: Image(enlarge(grey_levels(values[row], float(values.min()), float(values.max()))))
        for view, values in pictures.items()
        if values.max() > values.min()
    }
