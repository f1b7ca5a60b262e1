"""Importing a set of one's own: read into files, examined, repaired where that is asked for, and kept under a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qfusion import _read_only
from qfusion._checks import check, choose
from qfusion.data import files
from qfusion.data.formats import joined, mmsa, staged_set, tables, viewfile
from qfusion.data.formats.staged_set import Finding, StagedSet
from qfusion.data.importing import repairs, report, storing
from qfusion.data.importing.report import Progress, Report
from qfusion.data.modality import CONVENTIONS, LARGEST, MOSI, check_convention, likely_convention
from qfusion.errors import DataUnavailable, InvalidInput, QFusionError

FORMATS = {
    "mmsa": "MMSA pickle (.pkl)",
    "multiview": "multi-view .mat or .npz",
    "tables": "a CSV, Parquet or .npy file a modality, and labels",
}
TARGETS = ("auto", "regression", "classification", "labels")
WORDS = {
    MOSI: "MOSI and MOSEI (Acc-2, Acc-5, Acc-7, F1, MAE, correlation, R2)",
    "sims": "CH-SIMS (Acc-2, Acc-3, Acc-5, F1, MAE, correlation)",
    "plain": "any number (MAE, correlation, R2)",
}
_WHY = {
    MOSI: "since scores lie in [-3, 3]",
    "sims": "since every modality has targets of its own and scores lie in [-1, 1]",
    "plain": "since nothing says that scores are sentiment as in MOSI or CH-SIMS",
}
LABEL_FILE = "labels"
SUFFIXES = (*mmsa.SUFFIXES, ".mat", ".npz", *tables.SUFFIXES)


@dataclass(eq=False)
class Examined:
    """A set that was read and the report on it; its files lie in `staged.folder` until it is kept or discarded."""

    staged: StagedSet
    report: Report


def read(
    paths: Sequence[Path],
    folder: Path,
    *,
    kind: str = "auto",
    modalities: Mapping[str, Path] | None = None,
    labels: Path | None = None,
    target: str = "auto",
    convention: str = "auto",
) -> StagedSet:
    """Returns what files hold, written to a folder, not yet examined.

    Args:
        paths: an MMSA pickle; or a multi-view file; or tables, or the folder that holds them.
        folder: that exists and takes the arrays.
        kind: one of FORMATS, or "auto": by the files' endings.
        modalities: the table of each, instead of by the files' names.
        labels: the table of labels, instead of the one called `labels`.
        target: one of TARGETS.
        convention: of the metrics of scores, one of `modality.CONVENTIONS`, or "auto": `likely_convention`.

    Raises:
        NotFound: when a file or a format does not exist.
        InvalidInput: when a file cannot be read or holds something else.
        DataUnavailable: when a file may not be read.
    """
    _read_only.refuse("import data")
    choose("Format", kind, ("auto", *FORMATS))
    choose("Target", target, TARGETS)
    choose("Convention", convention, ("auto", *CONVENTIONS))
    found = _files(paths)
    if kind == "auto":
        kind = _kind(found, bool(modalities or labels))
    try:
        if kind == "tables":
            wanted, label = _tables(found, dict(modalities or {}), labels)
            used = [*wanted.values(), label]
            made = joined.read(wanted, label, folder, target)
        else:
            check(
                len(found) == 1 and not modalities and not labels,
                f"Format `{kind}` takes one file, but {len(found)} are given. Give one file, or tables.",
            )
            used = found
            check(
                target != "labels" or kind == "multiview",
                "Several labels a sample are read from tables and from .npz files, not from MMSA pickles. Write them "
                "as a table, with ; between the labels of a sample.",
            )
            made = (mmsa if kind == "mmsa" else viewfile).read(found[0], folder, target)
        made.files = [
            {"name": path.name, "bytes": path.stat().st_size, "sha256": files.sha256(path)}
            for path in used
        ]
    except (PermissionError, IsADirectoryError) as error:
        raise DataUnavailable(
            f"File {str(error.filename)[:200]} cannot be read ({error.strerror}). Correct its permissions."
        ) from error
    except QFusionError:
        raise
    # what a file holds that is no set leads to any of these
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise InvalidInput(
            f"{found[0].name if found else 'The file'} is not laid out as {FORMATS[kind]} should be "
            f"({type(error).__name__}: {str(error)[:120]}). See docs/data.md."
        ) from error
    except MemoryError as error:
        raise InvalidInput(
            "The files need more memory than there is. Give them as .npy, Parquet or .npz files, which are read in "
            "pieces."
        ) from error
    _check(made)
    _take_convention(made, convention)
    return made


def _take_convention(staged: StagedSet, asked: str) -> None:
    """Says by which convention the scores are measured: the one that was asked for, else what the files look like."""
    if staged.classes:
        check(
            asked == "auto",
            f"Argument `convention` is of scores, and has to be left out for classes, but is {asked}. Leave it out, "
            "or import the set with --target regression.",
        )
        return
    fits = likely_convention(
        staged.y,
        annotated={part.name for part in staged.parts} == set(staged.unimodal),
        pickled=staged.kind == mmsa.KIND,
    )
    staged.convention = fits if asked == "auto" else asked
    check_convention(staged.convention, staged.y)
    if asked in LARGEST:
        staged.bounds = -LARGEST[asked], LARGEST[asked]
    if asked == "auto" and fits == "plain" and staged.kind != mmsa.KIND:
        return
    why = "as asked for" if asked != "auto" else _WHY[fits]
    staged.findings.append(
        Finding(
            "convention",
            "note",
            f"Metrics are those of {WORDS[staged.convention]}, {why}. "
            f"Another is one of {', '.join(CONVENTIONS)} (--convention).",
        )
    )


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(
                each
                for each in path.iterdir()
                if each.suffix.lower() in SUFFIXES and not each.name.startswith(".")
            )
            check(
                bool(inside),
                f"Folder {str(path)[:200]} must hold tables (.csv, .parquet, .npy), but holds none. Check the path.",
            )
            found += inside
        else:
            files.size_of(path)
            found.append(path)
    return found


def _kind(found: Sequence[Path], tabular: bool) -> str:
    endings = {path.suffix.lower() for path in found}
    if tabular or (endings and endings <= set(tables.SUFFIXES)):
        return "tables"
    if len(found) == 1 and endings <= set(mmsa.SUFFIXES):
        return "mmsa"
    if len(found) == 1 and endings <= {".mat", ".npz"}:
        return "multiview"
    shown = ", ".join(path.name[:40] for path in found[:6]) or "nothing"
    raise InvalidInput(
        "What is imported must be one MMSA pickle (.pkl), one .mat or .npz file, or tables (.csv, .tsv, .parquet, "
        f".npy), but is {shown}. Say which with --format."
    )


def _tables(
    found: list[Path], modalities: dict[str, Path], labels: Path | None
) -> tuple[dict[str, Path], Path]:
    """The table of each modality, and that of labels."""
    for path in [*modalities.values(), *([labels] if labels else [])]:
        files.size_of(path)
    rest = []
    for path in found:
        if labels is None and path.stem.lower() in (LABEL_FILE, "label"):
            labels = path
        else:
            rest.append(path)
    if labels is None:
        raise InvalidInput(
            f"Tables must come with one of labels, called `labels.csv` or named by --labels, but "
            f"{[p.name for p in found][:6]} has none. Add it."
        )
    wanted = {staged_set.modality_name(name): path for name, path in modalities.items()}
    for path in rest:
        name = staged_set.modality_name(path.stem)
        check(
            name not in wanted,
            f"Modality '{name}' must have one table, but has two, such as {path.name}. Rename or leave out one.",
        )
        wanted[name] = path
    known = [name for name in mmsa.MODALITIES if name in wanted]
    return {
        name: wanted[name] for name in [*known, *(name for name in wanted if name not in known)]
    }, labels


def _check(staged: StagedSet) -> None:
    """What no report can be made of."""
    check(
        len(staged) > 0,
        f"{staged.title} must hold at least one sample, but holds none. Check the file.",
    )
    names = [part.name for part in staged.parts]
    check(
        len(set(names)) == len(names),
        f"Modalities must have distinct names, but are {names[:8]}. Rename the repeated ones.",
    )
    reserved = {"ids", "split", "y", "unimodal", "table", "manifest"} & set(names)
    check(not reserved, f"No modality may be called {sorted(reserved)}. Rename it.")
    for part in staged.parts:
        check(
            part.shape[0] == len(staged),
            f"Modality '{part.name}' must have {len(staged)} samples like the labels, but has {part.shape[0]}. Drop "
            "or add samples.",
        )


def examine(
    paths: Sequence[Path], folder: Path, progress: Progress | None = None, **options: Any
) -> Examined:
    """Reads files into a folder and reports on them; see `read` for the options."""
    if progress is not None:
        progress(0, 1, "reading")
    staged = read(paths, folder, **options)
    return Examined(staged, report.examine(staged, progress))


def repaired(
    found: Examined, names: Iterable[str], folder: Path, progress: Progress | None = None
) -> Examined:
    """Returns the set with repairs made (see `repairs.REPAIRS`) and examined again, its arrays in another folder."""
    staged = repairs.apply(found.staged, found.report, names, folder)
    if staged.done == found.staged.done:
        return Examined(staged, found.report)
    return Examined(staged, report.examine(staged, progress))


def import_set(
    paths: Sequence[Path],
    name: str,
    *,
    repair: Sequence[str] = (),
    replace: bool = False,
    title: str = "",
    licence: str = "",
    vocabulary: Path | None = None,
    rates: Mapping[str, float] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Report:
    """Reads, examines, repairs as asked and keeps a set under a name; returns the report on what was kept.

    Args:
        paths, options: see `read`.
        name, replace, title, licence, vocabulary, rates: see `storing.keep`.
        repair: names of repairs that are agreed to.

    Raises:
        QFusionError: see `read` and `storing.keep`; nothing is kept then.
    """
    storing.check_name(name, replace)
    for each in repair:
        choose("Repair", each, repairs.REPAIRS)
    with storing.staging() as first:
        found = examine(paths, first, progress, **options)
        return keep(
            found,
            name,
            repair=repair,
            replace=replace,
            title=title,
            licence=licence,
            vocabulary=vocabulary,
            rates=rates,
            progress=progress,
        )


def keep(
    found: Examined,
    name: str,
    *,
    repair: Sequence[str] = (),
    progress: Progress | None = None,
    **options: Any,
) -> Report:
    """Keeps an examined set under a name, after the repairs that are agreed to; see `storing.keep` for the options."""
    storing.check_name(name, options.get("replace", False))
    with storing.staging() as folder:
        ready = repaired(found, repair, folder, progress)
        storing.keep(ready.staged, ready.report, name, **options)
        return ready.report
