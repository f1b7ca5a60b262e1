"""Recognise the format of a data set's files and call its reader."""

import contextlib
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from qfusion._checks import check, choose
from qfusion.data import files, readers
from qfusion.data.column_roles import ColumnChoice
from qfusion.data.parsing import make_modality_name, shown_names
from qfusion.data.raw import Finding, Raw
from qfusion.data.readers import FileFormat, csd, mmsa, tables
from qfusion.data.targets import TARGETS
from qfusion.errors import DataUnavailable, InvalidInput, QFusionError, translate_errors

_MODULES = (
    importlib.import_module(f"{readers.__name__}.{module.name}")
    for module in pkgutil.iter_modules(readers.__path__)
    if module.name != "formats"
)
FILE_FORMATS: dict[str, FileFormat] = {
    module.__name__.rpartition(".")[2]: module.FORMAT
    for module in _MODULES
    if hasattr(module, "FORMAT")
}
FORMATS = {
    **{name: single.words for name, single in FILE_FORMATS.items()},
    "tables": "a CSV, Parquet or .npy file a modality, and labels; or one table of both",
    "csd": "a computational sequence (.csd, .h5) of the CMU Multimodal SDK a modality, and labels",
}
_SHOWN = 6  # files in a sentence
_LABEL_FILES = ("labels", "label")
_DOCUMENT = re.compile(
    r"(readme|licen[cs]e|copying|citation|changelog)\b|.*\.(md|rst|pdf|html)$", re.I
)
SUFFIXES = (
    *(suffix for single in FILE_FORMATS.values() for suffix in single.suffixes),
    *tables.SUFFIXES,
    *csd.SUFFIXES,
)


def read_files(
    paths: Sequence[Path],
    *,
    kind: str = "auto",
    modalities: Mapping[str, Path] | None = None,
    labels: Path | None = None,
    target: str = "auto",
    columns: ColumnChoice | None = None,
) -> Raw:
    """Return the samples in files of any format.

    Args:
        paths: an MMSA pickle; or a multi-view file; or tables, or the folder that holds them.
        kind: one of FORMATS, or "auto" to recognise it by the files' endings.
        modalities: table of each modality, in place of the files' names.
        labels: table of labels, in place of the file called `labels`.
        target: one of TARGETS.
        columns: roles of the columns of one table that has features and labels, or of the variables of a multi-view
            file; what it leaves open is found by names.

    Raises:
        NotFound: when a file or a format does not exist.
        InvalidInput: when a file cannot be read or holds something else.
    """
    choose("Format", kind, ("auto", *FORMATS))
    choose("Target", target, TARGETS)
    modalities = dict(modalities or {})
    expanded = _expand_folders(paths)
    named = [*modalities.values(), *([] if labels is None else [labels])]
    if kind == "auto":
        kind = _guess_format(expanded, named)
    table = find_single_table(expanded, named, kind)
    single = FILE_FORMATS.get(kind)
    check(
        columns is None or table is not None or (single is not None and single.has_columns),
        "Columns or variables of a label, an id, a split or a view are named for one table that has them all, or for "
        f"a multi-view file, but {shown_names([path.name for path in expanded]) or 'none'} is given. Leave them out, "
        "or give such a file.",
    )
    read = expanded
    if table is not None:
        raw = tables.read_single_table(table, columns or ColumnChoice())
    elif single is None:
        features, label_file = _assign_tables(expanded, modalities, labels)
        read = [*features.values(), label_file]
        if kind == "tables":
            raw = tables.read_tables(features, label_file)
        else:
            raw = csd.read_csd(features, label_file, target)
    else:
        check(
            len(expanded) == 1 and not named,
            f"Format `{kind}` takes one file, but {len(expanded)} are given. Give one file, or tables.",
        )
        raw = single.read(expanded[0], target, columns)
    for path in paths:
        if path.is_dir():
            raw.findings += _unread_findings(path)
    raw.files = list(map(describe_file, read))
    return raw


@contextlib.contextmanager
def translate_reading(paths: Sequence[Path]) -> Iterator[None]:
    """Context manager that turns what files of another layout lead to into one line that says what to do."""
    shown = paths[0].name if paths else "The file"
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
            f"{shown} is not laid out as its format should be",
            "See docs/data.md.",
            # Files that hold something else lead to any of these.
            *(ValueError, TypeError, LookupError, ArithmeticError, pa.ArrowException),
            why="{kind}: {words:.120}",
            passing=(QFusionError, MemoryError),
        ),
    ):
        yield


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


def describe_file(path: Path) -> dict[str, Any]:
    """Return the name, the bytes and the SHA-256 of a file, as a set remembers them."""
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
    endings = set(map(_ending, paths))
    all_endings = endings.union(map(_ending, named))
    if all_endings and all_endings <= set(csd.SUFFIXES):
        return "csd"
    if named or (endings and endings <= set(tables.SUFFIXES)):
        return "tables"
    for name, single in FILE_FORMATS.items():
        if len(paths) == 1 and endings <= set(single.suffixes):
            return name
    shown = ", ".join(path.name[:40] for path in paths[:6]) or "nothing"
    remedy = "Convert it, or, if it is one of these under another ending, say which with --format."
    if endings <= set(SUFFIXES):
        remedy = "Give one set at a time."
    raise InvalidInput(
        "What is imported must be one MMSA pickle (.pkl), one .mat or .npz file, or tables (.csv, .tsv, .parquet, "
        f".npy, .csd), but is {shown}. {remedy}"
    )


def _ending(path: Path) -> str:
    return path.suffix.lower()


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
    usual_first = dict.fromkeys([*mmsa.MODALITIES, *by_name])
    return {name: by_name[name] for name in usual_first if name in by_name}, labels
