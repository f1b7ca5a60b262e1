"""Import a data set: from files to a set that `load` finds by its name.

A set passes through one chain of modules. Each step takes the result of the one before and none calls back:

1. read: `readers.formats.read_files` recognises the format and calls one reader (`tables`, `csd`, `mmsa`,
   `multiview`), which returns what the files hold as `Raw`.
2. stage: `staged_set.stage_set` turns labels into targets, and writes the features in single precision to a folder.
3. describe: `import_report.build_report` reads the values once and reports sizes and findings.
4. repair: `import_repairs.make_repairs` makes the repairs that the caller agreed to, and describes the result.
5. validate: `import_report.Report.require_no_errors` refuses a set with errors.
6. build: `build.make_data_set` makes a `DataSet` of it.
7. store: `store.writing.store_set` writes what the folder of the values lacks, and moves it to its place.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from qfusion import _read_only
from qfusion._checks import check, choose, read_pairs, require_number
from qfusion.data import array_chunks
from qfusion.data.build import describe_samples, make_data_set
from qfusion.data.examine.repairs import check_repair_names, make_repairs
from qfusion.data.examine.report import ExaminedSet, Progress, Report, build_report, no_progress
from qfusion.data.readers.formats import read_files, translate_reading
from qfusion.data.staged_set import StagedSet, stage_set
from qfusion.data.store.manifest import Provenance, staging_folder
from qfusion.data.store.writing import check_set_name, check_texts, store_set
from qfusion.data.target_spec import CONVENTIONS

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
        # What was read is not named here, so that it is freed before the report is made.
        staged = stage_set(read_files(paths, target=target, **options), folder, target, convention)
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
    repairs = "Nothing was repaired."
    if staged.done:
        repairs = f"Repaired, as asked for: {'; '.join(staged.done)}."
    dataset = make_data_set(
        staged,
        name,
        rates=rates,
        title=title or name,
        description=f"{describe_samples(staged)} {repairs}",
        source=f"{staged.kind} {staged.title}",
        licence=licence or "as whoever made the files says",
        recorded=_digest(staged),
    )
    return store_set(
        dataset,
        replace=replace,
        provenance=Provenance(
            files=staged.files,
            repairs=staged.done,
            report=examined.report.as_dict(),
            extracted=dict(extracted or {}),
        ),
        folder=staged.folder,
        files={part.name: part.path.name for part in staged.parts if part.path is not None},
    )


def parse_rates(words: Iterable[str]) -> dict[str, float]:
    """Return rates by modality, in steps a second, that are written as "audio=100".

    Raises:
        InvalidInput: when something is written otherwise.

    Example:
        >>> from qfusion.data.importing import parse_rates
        >>> parse_rates(["audio=100", "vision=25"])
        {'audio': 100.0, 'vision': 25.0}
    """
    pairs = read_pairs(words, "A rate", "name=steps, a number a second", "audio=100")
    return {
        name: require_number(f"rate of {name}", text, 0, MAX_RATE) for name, text in pairs.items()
    }


def check_rates(staged: StagedSet, rates: Mapping[str, float]) -> None:
    """Raise InvalidInput when a modality that has a rate is no sequence, or its rate is out of range."""
    for modality, rate in rates.items():
        sequences = [part.name for part in staged.parts if part.lengths is not None]
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


def _digest(staged: StagedSet) -> str:
    """Return the digest of the data, equal to that of the loaded `DataSet`; files are read, not mapped, so that memory
    use stays small.
    """
    modalities = (
        (part.name, part.shape, part.feature_names, part.chunks(), part.lengths, part.picture)
        for part in staged.parts
    )
    unimodal = pd.DataFrame(staged.unimodal) if staged.unimodal else None
    return array_chunks.digest(
        staged.build_target(), staged.ids, staged.split, staged.y, modalities, unimodal
    )
