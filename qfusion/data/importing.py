"""Import a data set: from files to a set that `load` finds by its name.

A set passes through one chain of modules. Each step takes the result of the one before and none calls back:

1. read: `import_formats.read_files` recognises the format and calls one reader (`tables`, `sequences`, `mmsa`,
   `multiview`), which writes the values to a folder and returns a `StagedSet`.
2. describe: `import_report.build_report` reads the values once and reports sizes and findings.
3. repair: `import_repairs.make_repairs` makes the repairs that the caller agreed to, and describes the result.
4. validate: `import_report.Report.require_no_errors` refuses a set with errors.
5. build: `store_examined` makes a `DataSet` of it.
6. keep: `store.writing.store_set` writes what the folder of the values lacks, and moves it to its place.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfusion import _read_only
from qfusion._checks import check, read_pairs, require_number
from qfusion.data import set_digest
from qfusion.data.clusters import video_clusters
from qfusion.data.data_set import DataSet
from qfusion.data.import_formats import read_files
from qfusion.data.import_repairs import check_repair_names, make_repairs
from qfusion.data.import_report import ExaminedSet, Report, build_report
from qfusion.data.modality_spec import Modality
from qfusion.data.progress import Progress, no_progress
from qfusion.data.staged_set import StagedSet
from qfusion.data.store.folders import staging_folder
from qfusion.data.store.manifest import Provenance
from qfusion.data.store.writing import check_set_name, check_texts, store_set

MAX_RATE = 100_000  # steps a second


def import_set(
    paths: Sequence[Path],
    name: str,
    *,
    repair: Sequence[str] = (),
    replace: bool = False,
    title: str = "",
    licence: str = "",
    rates: Mapping[str, float] | None = None,
    progress: Progress = no_progress,
    **options: Any,
) -> Report:
    """Import files as a data set, with the repairs that the caller agrees to.

    Args:
        paths, options: see `read_files`.
        name, replace, title, licence, rates: see `store_examined`.
        repair: names of repairs to make, see `REPAIRS`.
        progress: see `build_report`.

    Returns:
        the report on the set as it was stored.

    Raises:
        QFusionError: see `read_files` and `store_examined`; nothing is stored then.
    """
    check_set_name(name, replace)
    check_repair_names(repair)
    with staging_folder() as folder:
        examined = examine_files(paths, folder, progress, **options)
        return keep_set(
            examined,
            name,
            repair=repair,
            replace=replace,
            title=title,
            licence=licence,
            rates=rates,
            progress=progress,
        )


def examine_files(
    paths: Sequence[Path], folder: Path, progress: Progress = no_progress, **options: Any
) -> ExaminedSet:
    """Read files into a folder and return the set with the report on it; see `read_files` for the options."""
    progress(0, 1, "reading")
    staged = read_files(paths, folder, **options)
    return ExaminedSet(staged, build_report(staged, progress))


def keep_set(
    examined: ExaminedSet,
    name: str,
    *,
    repair: Sequence[str] = (),
    progress: Progress = no_progress,
    **options: Any,
) -> Report:
    """Repairs an examined set as agreed, stores it, and returns the report on it; see `store_examined` for the
    options."""
    check_set_name(name, options.get("replace", False))
    with staging_folder() as folder:
        repaired = make_repairs(examined, repair, folder, progress)
        store_examined(repaired, name, **options)
        return repaired.report


def store_examined(
    examined: ExaminedSet,
    name: str,
    *,
    title: str = "",
    licence: str = "",
    replace: bool = False,
    rates: Mapping[str, float] | None = None,
    extracted: Mapping[str, Any] | None = None,
) -> Path:
    """Store an examined set so that it can be loaded by name, and return its folder.

    The folder of the staged set is moved, not copied.

    Args:
        examined: the set and the report on it, without errors.
        name: the name to load it by.
        title: the name to show.
        licence: the terms of use.
        replace: whether to replace an imported set of that name.
        rates: steps a second of sequences, by modality.
        extracted: how features were extracted from recordings: `methods`, a record by modality, and more.

    Raises:
        InvalidInput: when the report holds errors, or the name is in use or malformed.
        DataUnavailable: when the disk refuses; nothing is stored then.
    """
    _read_only.check_allowed("import data")
    examined.report.require_no_errors()
    check_set_name(name, replace)
    check_texts(title, licence)
    staged = examined.staged
    check_rates(staged, rates or {})
    return store_set(
        _build_data_set(staged, name, title, licence, rates or {}),
        replace=replace,
        provenance=Provenance(
            files=staged.files,
            repairs=staged.done,
            report=examined.report.as_dict(),
            extracted=dict(extracted or {}),
        ),
        folder=staged.folder,
        files={part.name: part.path.name for part in staged.parts},
    )


def parse_rates(words: Iterable[str]) -> dict[str, float]:
    """Return rates by modality, in steps a second, that are written as "audio=100".

    Raises:
        InvalidInput: when something is written otherwise.
    """
    pairs = read_pairs(words, "A rate", "name=steps, a number a second", "audio=100")
    return {
        name: require_number(f"rate of {name}", text, 0, MAX_RATE) for name, text in pairs.items()
    }


def check_rates(staged: StagedSet, rates: Mapping[str, float]) -> None:
    """Raise InvalidInput when a modality that has a rate is no sequence, or its rate is out of range."""
    sequences = [part.name for part in staged.parts if part.lengths is not None]
    for modality, rate in rates.items():
        check(
            modality in sequences,
            f"Argument `--rate` must name modalities that are sequences, of {sequences}, but names "
            f"{modality[:40]!r}. Correct or drop it.",
        )
        check(
            isinstance(rate, (int, float)) and 0 < rate <= MAX_RATE,
            f"Argument `--rate` of '{modality}' must be steps a second, above 0 and at most {MAX_RATE:,}, but is "
            f"{rate}. Give --rate {modality}=25, say.",
        )


def _build_data_set(
    staged: StagedSet, name: str, title: str, licence: str, rates: Mapping[str, float]
) -> DataSet:
    """Return a staged set that was checked, its values memory-mapped."""
    index = pd.Index(staged.ids)
    table = pd.DataFrame(index=index)
    if not staged.columns.empty:
        table = staged.columns.set_axis(index)
    unimodal = pd.DataFrame(staged.unimodal, index=index) if staged.unimodal else None
    modalities = [
        Modality(
            part.name,
            np.load(part.path, mmap_mode="r", allow_pickle=False),
            part.lengths,
            part.feature_names,
            part.picture,
            rates.get(part.name),
            checked=True,
        )
        for part in staged.parts
    ]
    target = staged.build_target()
    digest = set_digest.digest(
        target,
        staged.ids,
        staged.split,
        staged.y,
        # read, not mapped, so that memory use stays small
        (
            (m.name, part.shape, m.feature_names, part.pieces(), m.lengths, m.shape)
            for m, part in zip(modalities, staged.parts, strict=True)
        ),
        unimodal,
    )
    return DataSet(
        name=name,
        title=title or name,
        description=_describe(staged),
        source=f"{staged.kind} {staged.title}",
        licence=licence or "as whoever made the files says",
        modalities=tuple(modalities),
        target=target,
        y=staged.y,
        ids=staged.ids,
        split=staged.split,
        table=table,
        unimodal=unimodal,
        clusters=video_clusters(staged.ids),
        recorded=digest,
    )


def _describe(staged: StagedSet) -> str:
    """Return the description that the page of the data set shows."""
    sizes = []
    for part in staged.parts:
        kind = ", sequences" if part.lengths is not None else ""
        sizes.append(f"{part.name} ({part.shape[-1]} features{kind})")
    repairs = "Nothing was repaired."
    if staged.done:
        repairs = f"Repaired, as asked for: {'; '.join(staged.done)}."
    return (
        f"{len(staged):,} samples, imported from {staged.kind} {staged.title}: {', '.join(sizes)}. "
        f"{repairs}"
    )
