"""Save an imported set under a name; its folder appears whole or not at all."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from qfusion import _files, _read_only
from qfusion._checks import check
from qfusion.data import imported_sets, registry
from qfusion.data.import_record import check_rates, flush_to_disk, write_record
from qfusion.data.import_report import ExaminedSet

MAX_TITLE = 100  # characters
MAX_LICENCE = 200  # characters


def store_set(
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
    _check_length("title", title, MAX_TITLE)
    _check_length("licence", licence, MAX_LICENCE)
    staged = examined.staged
    rates = check_rates(staged, rates or {})
    place = imported_sets.imported_root() / name
    with imported_sets.translate_disk_errors(f"Data set '{name}'"):
        write_record(examined, name, title, licence, rates, dict(extracted or {}))
        with imported_sets.lock_sets():
            move_folder(staged.folder, place, replace)
    return place


@contextlib.contextmanager
def staging_folder(keep: bool = False) -> Iterator[Path]:
    """Yield a new folder beside the stored sets for a set on its way in.

    It is removed when the block ends; with `keep`, only when the block fails.

    Raises:
        DataUnavailable: when the disk refuses, also inside the block.
    """
    place = imported_sets.imported_root()
    with imported_sets.translate_disk_errors("The data"):
        place.mkdir(parents=True, exist_ok=True)
        _files.clear(place)  # removes what interrupted imports and removals have left
        folder = place / f".draft-{_files.process_suffix()}"
        folder.mkdir()
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            yield folder
            if keep:
                stack.pop_all()


def check_set_name(name: str, replace: bool = False) -> None:
    """Check that a set may be stored under a name.

    Args:
        name: the name to load it by.
        replace: whether an imported set of that name may be replaced.

    Raises:
        InvalidInput: when the name has characters that links or folders do not allow, or is in use.
    """
    check(
        imported_sets.NAME.fullmatch(name) is not None,
        "Argument `name` must begin with a letter or digit and have at most 60 letters, digits, `-` and "
        f"`_`, but is {name[:80]!r}. Choose another.",
    )
    built_in = {other.casefold() for other in registry.sources()}
    check(
        name.casefold() not in built_in,
        f"Argument `name` must not be a built-in data set's, but is {name!r}. Choose another.",
    )
    imported = {other.casefold() for other in imported_sets.imported_names()}
    is_used = name.casefold() in imported or (imported_sets.imported_root() / name).exists()
    check(
        replace or not is_used,
        f"Argument `name` must be new, but an imported set is called {name!r}. Choose another, or replace it "
        "(--replace).",
    )


def _check_length(argument: str, text: str, most: int) -> None:
    check(
        len(text) <= most,
        f"Argument `{argument}` must have at most {most} characters, but has {len(text):,}. Shorten it.",
    )


def move_folder(folder: Path, place: Path, replace: bool) -> None:
    """Move a folder to its place; a folder that is replaced comes back if that fails."""
    old = imported_sets.old_folder(place.name)
    if replace and place.exists():
        os.rename(place, old)
    try:
        os.rename(folder, place)
    except OSError as error:
        if old.exists():
            os.rename(old, place)
        check(
            error.errno not in (errno.ENOTEMPTY, errno.EEXIST),
            f"Argument `name` must be new, but an imported set has been called {place.name!r} meanwhile. Choose "
            "another.",
        )
        raise
    shutil.rmtree(old, ignore_errors=True)
    flush_to_disk(place.parent)
