"""Import a data set: from files to a set that `load` finds by its name.

A set passes through one chain of modules. Each step takes the result of the one before and none calls back:

1. read: `readers.formats.read_files` recognises the format and calls one reader (`tables`, `csd`, `mmsa`,
   `multiview`), which returns what the files hold as `Raw`.
2. stage: `staged_set.stage_set` turns labels into targets, and writes the features in single precision to a folder.
3. describe: `import_report.build_report` reads the values once and reports sizes and findings.
4. repair: `import_repairs.make_repairs` makes the repairs that the caller agreed to, and describes the result.
5. validate: `import_report.Report.require_no_errors` refuses a set with errors.
6. store: `import_store.store_set` writes ids, split, targets and the manifest, and moves the folder to its place.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qfusion import _read_only
from qfusion._checks import choose
from qfusion.data.import_repairs import check_repair_names, make_repairs
from qfusion.data.import_report import ExaminedSet, Report, build_report
from qfusion.data.import_store import check_set_name, staging_folder, store_set
from qfusion.data.progress import Progress, no_progress
from qfusion.data.readers.formats import read_files, translate_reading
from qfusion.data.staged_set import stage_set
from qfusion.data.target_spec import CONVENTIONS


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
        name, replace, title, licence, rates: see `store_set`.
        repair: names of repairs to make, see `REPAIRS`.
        progress: see `build_report`.

    Returns:
        the report on the set as it was stored.

    Raises:
        QFusionError: see `read_files` and `store_set`; nothing is stored then.
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
    paths: Sequence[Path],
    folder: Path,
    progress: Progress = no_progress,
    *,
    target: str = "auto",
    convention: str = "auto",
    **options: Any,
) -> ExaminedSet:
    """Read files into a folder and return the set with the report on it.

    Args:
        paths, options: see `read_files`.
        folder: that exists and takes the arrays.
        progress: see `build_report`.
        target, convention: see `stage_set`.

    Raises:
        DataUnavailable: when a file may not be read.
        QFusionError: see `read_files` and `stage_set`.
    """
    _read_only.check_allowed("import data")
    choose("Convention", convention, ("auto", *CONVENTIONS))
    progress(0, 1, "reading")
    with translate_reading(paths):
        raw = read_files(paths, target=target, **options)
        staged = stage_set(raw, folder, target, convention)
    return ExaminedSet(staged, build_report(staged, progress))


def keep_set(
    examined: ExaminedSet,
    name: str,
    *,
    repair: Sequence[str] = (),
    progress: Progress = no_progress,
    **options: Any,
) -> Report:
    """Repairs an examined set as agreed, stores it, and returns the report on it; see `store_set` for the options."""
    check_set_name(name, options.get("replace", False))
    with staging_folder() as folder:
        repaired = make_repairs(examined, repair, folder, progress)
        store_set(repaired, name, **options)
        return repaired.report
