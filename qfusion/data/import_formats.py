"""Recognise the format of a data set's files and call its reader."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from qfusion import _read_only
from qfusion._checks import check, choose
from qfusion.data import files, mmsa, mmsa_splits, multiview, sequences, single_table, tables
from qfusion.data.column_roles import ColumnChoice
from qfusion.data.file_words import RESERVED_NAMES, make_modality_name, shown_names
from qfusion.data.import_conventions import set_convention
from qfusion.data.staged_set import Finding, StagedSet
from qfusion.data.target_spec import CONVENTIONS
from qfusion.errors import DataUnavailable, InvalidInput, QFusionError, translate_errors

FORMATS = {
    "mmsa": "MMSA pickle (.pkl)",
    "multiview": "multi-view .mat or .npz",
    "tables": "a CSV, Parquet or .npy file a modality, and labels; or one table of both",
    "csd": "a computational sequence (.csd, .h5) of the CMU Multimodal SDK a modality, and labels",
}
TARGETS = ("auto", "regression", "classification", "labels")
_SHOWN = 6  # files in a sentence
_LABEL_FILES = ("labels", "label")
_DOCUMENT = re.compile(
    r"(readme|licen[cs]e|copying|citation|changelog)\b|.*\.(md|rst|pdf|html)$", re.I
)
SUFFIXES = (*mmsa.SUFFIXES, ".mat", ".npz", *tables.SUFFIXES, *sequences.SUFFIXES)


def read_files(
    paths: Sequence[Path],
    folder: Path,
    *,
    kind: str = "auto",
    modalities: Mapping[str, Path] | None = None,
    labels: Path | None = None,
    target: str = "auto",
    convention: str = "auto",
    columns: ColumnChoice | None = None,
) -> StagedSet:
    """Read files of any format and return the set, whose arrays are written to a folder.

    Args:
        paths: an MMSA pickle; or a multi-view file; or tables, or the folder that holds them.
        folder: that exists and takes the arrays.
        kind: one of FORMATS, or "auto" to recognise it by the files' endings.
        modalities: table of each modality, in place of the files' names.
        labels: table of labels, in place of the file called `labels`.
        target: one of TARGETS.
        convention: see `import_conventions.set_convention`.
        columns: roles of the columns of one table that has features and labels, or of the variables of a multi-view
            file; what it leaves open is found by names.

    Raises:
        NotFound: when a file or a format does not exist.
        InvalidInput: when a file cannot be read or holds something else.
        DataUnavailable: when a file may not be read.
    """
    _read_only.check_allowed("import data")
    choose("Format", kind, ("auto", *FORMATS))
    choose("Target", target, TARGETS)
    choose("Convention", convention, ("auto", *CONVENTIONS))
    modalities = dict(modalities or {})
    expanded = _expand_folders(paths)
    named = list(modalities.values())
    if labels is not None:
        named.append(labels)
    if kind == "auto":
        kind = _guess_format(expanded, named)
    shown = expanded[0].name if expanded else "The file"
    with (
        translate_errors(
            f"{shown}, or a file beside it, cannot be read",
            "Correct their permissions.",
            *(PermissionError, IsADirectoryError),
            error=DataUnavailable,
        ),
        translate_errors(
            "The files need more memory than there is",
            "Give them as .npy, Parquet or .npz files, which are read in pieces.",
            MemoryError,
        ),
        translate_errors(
            f"{shown} is not laid out as {FORMATS[kind]} should be",
            "See docs/data.md.",
            # Files that hold something else lead to any of these.
            *(ValueError, TypeError, LookupError, ArithmeticError, pa.ArrowException),
            why="{kind}: {words:.120}",
            passing=(QFusionError, MemoryError),
        ),
    ):
        table = find_single_table(expanded, named, kind)
        check(
            columns is None or table is not None or kind == "multiview",
            "Columns or variables of a label, an id, a split or a view are named for one table that has them all, or "
            f"for a multi-view file, but {shown_names([path.name for path in expanded]) or 'none'} is given. Leave "
            "them out, or give such a file.",
        )
        if table is not None:
            choice = columns or ColumnChoice()
            staged = single_table.read_single_table(table, choice, folder, target)
            files_read = [table]
        elif kind in ("tables", "csd"):
            staged, files_read = _read_tables(kind, expanded, modalities, labels, folder, target)
        else:
            _check_single_file(kind, expanded, named)
            staged = _read_single_file(kind, expanded[0], folder, target, columns)
            files_read = expanded
        for path in paths:
            if path.is_dir():
                staged.findings += _unread_findings(path)
        staged.files = [_describe_file(path) for path in files_read]
    _check_names(staged)
    set_convention(staged, convention)
    return staged


def find_single_table(
    paths: Sequence[Path], named: Sequence[Path] = (), kind: str = "auto"
) -> Path | None:
    """Return the one table that has features and labels, or None if other files make up the set.

    Args:
        paths: of the files; or of a folder that holds nothing else.
        named: files that are named as modalities or labels.
        kind: see `read_files`.
    """
    if named or kind not in ("auto", "tables"):
        return None
    expanded = _expand_folders(paths)
    is_table = len(expanded) == 1 and expanded[0].suffix.lower() in tables.COLUMN_SUFFIXES
    return expanded[0] if is_table else None


def _read_tables(
    kind: str,
    paths: list[Path],
    modalities: Mapping[str, Path],
    labels: Path | None,
    folder: Path,
    target: str,
) -> tuple[StagedSet, list[Path]]:
    """Read tables or computational sequences; return the set and the files that were read."""
    features, label_file = _assign_tables(paths, modalities, labels)
    files_read = [*features.values(), label_file]
    if kind == "tables":
        return tables.read_tables(features, label_file, folder, target), files_read
    check(
        target != "labels",
        "Several labels a sample are read from tables and from multi-view files, not from computational "
        "sequences. Write them as a table, with ; between the labels of a sample.",
    )
    return sequences.read(features, label_file, folder, target), files_read


def _check_single_file(kind: str, paths: list[Path], named: list[Path]) -> None:
    check(
        len(paths) == 1 and not named,
        f"Format `{kind}` takes one file, but {len(paths)} are given. Give one file, or tables.",
    )


def _read_single_file(
    kind: str, path: Path, folder: Path, target: str, choice: ColumnChoice | None
) -> StagedSet:
    """Read an MMSA pickle or a multi-view file."""
    if kind == "multiview":
        return multiview.read_multiview(path, folder, target, choice)
    check(
        target != "labels",
        "Several labels a sample are read from tables and from multi-view files, not from MMSA pickles. Write "
        "them as a table, with ; between the labels of a sample.",
    )
    return mmsa.read_mmsa(path, folder, target)


def _describe_file(path: Path) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": files.sha256(path)}


def _expand_folders(paths: Sequence[Path]) -> list[Path]:
    """Replace folders by the files in them."""
    expanded: list[Path] = []
    for path in paths:
        if path.is_dir():
            readable, unread = _list_folder(path)
            check(
                bool(readable),
                f"Folder {str(path)[:200]} must hold tables (.csv, .parquet, .npy), but holds "
                f"{', '.join(unread[:_SHOWN]) or 'none'}. Check the path, or convert them.",
            )
            expanded += readable
        else:
            files.file_size(path)
            expanded.append(path)
    return expanded


def _list_folder(folder: Path) -> tuple[list[Path], list[str]]:
    """The readable files of a folder, and names of other entries that may be data."""
    readable = []
    unread = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "~$", "__")):
            continue
        if path.is_file() and path.suffix.lower() in SUFFIXES:
            readable.append(path)
        elif not _DOCUMENT.match(path.name):
            unread.append(f"{path.name}/" if path.is_dir() else path.name)
    return readable, unread


def _unread_findings(folder: Path) -> list[Finding]:
    """A warning on entries of a folder that are not read, if there are any."""
    _, unread = _list_folder(folder)
    if not unread:
        return []
    shown = ", ".join(name[:60] for name in unread[:_SHOWN])
    more = f" and {len(unread) - _SHOWN:,} more" if len(unread) > _SHOWN else ""
    words = (
        f"Not read in folder `{folder.name[:60]}`: {shown}{more}. If one is a modality, save it in the folder as "
        ".csv, .tsv, .parquet or .npy."
    )
    return [Finding("unread-files", "warning", words)]


def _guess_format(paths: Sequence[Path], named: Sequence[Path]) -> str:
    """Return the format of files: of `paths`, and of those that are `named` as modalities or labels."""
    endings = {path.suffix.lower() for path in paths}
    all_endings = endings | {path.suffix.lower() for path in named}
    if all_endings and all_endings <= set(sequences.SUFFIXES):
        return "csd"
    if named or (endings and endings <= set(tables.SUFFIXES)):
        return "tables"
    if len(paths) == 1 and endings <= set(mmsa.SUFFIXES):
        return "mmsa"
    if len(paths) == 1 and endings <= {".mat", ".npz"}:
        return "multiview"
    shown = ", ".join(path.name[:40] for path in paths[:6]) or "nothing"
    remedy = "Convert it, or, if it is one of these under another ending, say which with --format."
    if endings <= set(SUFFIXES):
        remedy = "Give one set at a time."
    raise InvalidInput(
        "What is imported must be one MMSA pickle (.pkl), one .mat or .npz file, or tables (.csv, .tsv, .parquet, "
        f".npy, .csd), but is {shown}. {remedy}"
    )


def _assign_tables(
    paths: list[Path], modalities: Mapping[str, Path], labels: Path | None
) -> tuple[dict[str, Path], Path]:
    """The table of each modality, and the table of labels."""
    for path in [*modalities.values(), *([labels] if labels else [])]:
        files.file_size(path)
    if labels is None:
        labels = next((path for path in paths if path.stem.lower() in _LABEL_FILES), None)
    if labels is None:
        raise InvalidInput(
            "Tables of features need a table of labels, called `labels.csv` (or `labels.csd`) or named by --labels, "
            f"but {[path.name for path in paths][:6]} has none. Add it."
        )
    by_name = {make_modality_name(name): path for name, path in modalities.items()}
    for path in paths:
        if path == labels:
            continue
        name = make_modality_name(path.stem)
        check(
            name not in by_name,
            f"Modality '{name}' must have one table, but has two, such as {path.name}. Rename or leave out one.",
        )
        by_name[name] = path
    usual_first = dict.fromkeys([*mmsa_splits.MODALITIES, *by_name])
    return {name: by_name[name] for name in usual_first if name in by_name}, labels


def _check_names(staged: StagedSet) -> None:
    """Check that there are samples, and that names of modalities can be names of files of the set."""
    check(
        len(staged) > 0,
        f"{staged.title} must hold at least one sample, but holds none. Check the file.",
    )
    names = [part.name for part in staged.parts]
    check(
        len(set(names)) == len(names),
        f"Modalities must have distinct names, but are {names[:8]}. Rename the repeated ones.",
    )
    reserved = RESERVED_NAMES & set(names)
    check(not reserved, f"No modality may be called {sorted(reserved)}. Rename it.")
