"""Keeping a set that was imported: its folder appears whole or not at all; see `imported` for what is in it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

import qfusion
from qfusion import _limits, _read_only
from qfusion._checks import check
from qfusion._files import is_left, mark
from qfusion.data import _digest, registry
from qfusion.data import vocabulary as vocabularies
from qfusion.data.formats.staged_set import StagedSet
from qfusion.data.imported import FORMAT, MANIFEST, NAME, alone, disk, names, old_of, root
from qfusion.data.importing.report import Report
from qfusion.data.modality import Target
from qfusion.errors import InvalidInput

MAX_TITLE, MAX_LICENCE = 100, 200  # letters
MAX_RATE = 100_000  # steps a second


@contextlib.contextmanager
def staging(keep: bool = False) -> Iterator[Path]:
    """Yields a new folder beside the sets, for a set on its way in; removed when the block ends, or only when it fails.

    Raises:
        DataUnavailable: when the disk refuses, also inside the block.
    """
    place = root()
    with disk(place, "The data"):
        place.mkdir(parents=True, exist_ok=True)
        _clear(place)
        folder = place / f".draft-{mark()}"
        folder.mkdir()
        done = False
        try:
            yield folder
            done = True
        finally:
            if not (keep and done):
                shutil.rmtree(folder, ignore_errors=True)


def _clear(place: Path) -> None:
    """Removes what was never kept, or not removed to the end, by processes that are gone."""
    for entry in [*place.glob(".draft-*"), *place.glob(".gone-*")]:
        if is_left(entry):
            shutil.rmtree(entry, ignore_errors=True)


def check_name(name: str, replace: bool = False) -> None:
    """Checks that a set may be called so.

    Args:
        name: that it is loaded by.
        replace: whether an imported set of that name gives way.

    Raises:
        InvalidInput: when the name has other letters than can stand in a link and a folder's name, or is in use.
    """
    check(
        NAME.fullmatch(name) is not None,
        "Argument `name` must begin with a letter or digit and have at most 60 letters, digits, `-` and "
        f"`_`, but is {name[:80]!r}. Choose another.",
    )
    check(
        name.casefold() not in {other.casefold() for other in registry.sources()},
        f"Argument `name` must not be a built-in data set's, but is {name!r}. Choose another.",
    )
    known = name.casefold() in {other.casefold() for other in names()} or (root() / name).exists()
    check(
        replace or not known,
        f"Argument `name` must be new, but an imported set is called {name!r}. Choose another, or replace it "
        "(--replace).",
    )


def keep(
    staged: StagedSet,
    report: Report,
    name: str,
    *,
    title: str = "",
    licence: str = "",
    replace: bool = False,
    vocabulary: Path | None = None,
    rates: Mapping[str, float] | None = None,
) -> Path:
    """Makes an examined set one that can be loaded by name, and returns its folder, which takes over the staged set's.

    Args:
        staged: the set; report: on it, without errors.
        name: that it is loaded by; title: what a person calls it; licence: the terms it comes under.
        replace: whether a set of that name gives way; otherwise it is refused.
        vocabulary: folder of the tokenizer whose token numbers the set holds; what is used of it is kept with the set.
        rates: steps a second, by modality, of sequences whose rate is known.

    Raises:
        InvalidInput: when the report holds errors, or the name is taken or does not do.
        DataUnavailable: when the disk refuses; nothing is kept then.
    """
    _read_only.refuse("import data")
    _limits.check_disk("The data")
    report.require_fit()
    check_name(name, replace)
    for what, said, most in (("title", title, MAX_TITLE), ("licence", licence, MAX_LICENCE)):
        check(
            len(said) <= most,
            f"Argument `{what}` must have at most {most} letters, but has {len(said):,}. Shorten it.",
        )
    rates = _rates(staged, rates or {})
    known = {} if vocabulary is None else _used(staged, vocabulary)
    place = root() / name
    with disk(root(), f"Data set '{name}'"):
        _write(staged, report, name, title, licence, known, rates)
        with alone():
            _move(staged.folder, place, replace)
    return place


def _move(folder: Path, place: Path, replace: bool) -> None:
    if not replace or not place.exists():
        try:
            os.rename(folder, place)
        except OSError as error:
            check(
                error.errno not in (errno.ENOTEMPTY, errno.EEXIST),
                f"Argument `name` must be new, but an imported set has been called {place.name!r} meanwhile. Choose "
                "another.",
            )
            raise
    else:
        old = old_of(place.name)
        os.rename(place, old)
        try:
            os.rename(folder, place)
        except OSError:
            os.rename(old, place)
            raise
        shutil.rmtree(old, ignore_errors=True)
    _sync(place.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _used(staged: StagedSet, folder: Path) -> dict[int, str]:
    """What of a vocabulary the set's token numbers need."""
    check(
        staged.tokens is not None,
        "Argument `--vocabulary` is for sets with token numbers (`text_bert` of an MMSA pickle), but this one holds "
        "none. Leave it out.",
    )
    assert staged.tokens is not None
    whole = vocabularies.read(folder)
    numbers = [int(number) for number in np.unique(staged.tokens) if number >= 0]
    unknown = [number for number in numbers if number not in whole]
    check(
        not unknown,
        f"Argument `--vocabulary` must name the tokenizer that the features were made with, but its {len(whole):,} "
        f"tokens have no number {unknown[0] if unknown else 0}. Name another folder.",
    )
    return {number: whole[number] for number in numbers}


def read_rates(words: Iterable[str]) -> dict[str, float]:
    """Returns rates that are written as "audio=100", steps a second, by modality.

    Raises:
        InvalidInput: when something is written otherwise.
    """
    found: dict[str, float] = {}
    for word in words:
        name, _, number = word.partition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise InvalidInput(
                f"A rate must have the form name=steps, a number a second, but is {word[:80]!r}. Write "
                "audio=100, say."
            ) from None
    return found


def _rates(staged: StagedSet, rates: Mapping[str, float]) -> dict[str, float]:
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
    return {modality: float(rate) for modality, rate in rates.items()}


def _write(
    staged: StagedSet,
    report: Report,
    name: str,
    title: str,
    licence: str,
    known: dict[int, str],
    rates: dict[str, float],
) -> None:
    folder = staged.folder
    for key, values in (("ids", staged.ids), ("split", staged.split), ("y", staged.y)):
        np.save(folder / f"{key}.npy", np.ascontiguousarray(values))
    for part in staged.parts:
        if part.lengths is not None:
            np.save(folder / f"{part.name}.lengths.npy", part.lengths)
    if staged.tokens is not None:
        np.save(folder / "tokens.npy", staged.tokens)
    if staged.unimodal:
        np.save(folder / "unimodal.npy", np.stack(list(staged.unimodal.values()), 1))
    if not staged.columns.empty:
        table = pa.Table.from_pandas(staged.columns, preserve_index=False)
        with (
            pa.OSFile(str(folder / "table.arrow"), "wb") as sink,
            pa.ipc.new_file(sink, table.schema) as writer,
        ):
            writer.write_table(table, max_chunksize=_digest.ROWS)
    found = _record(staged, report, name, title, licence, known, rates)
    wanted = {
        MANIFEST,
        "ids.npy",
        "split.npy",
        "y.npy",
        "table.arrow",
        "unimodal.npy",
        "tokens.npy",
        *(part.path.name for part in staged.parts),
        *(f"{part.name}.lengths.npy" for part in staged.parts),
    }
    for entry in folder.iterdir():
        if entry.name not in wanted:
            entry.unlink()
    (folder / MANIFEST).write_text(json.dumps(found, indent=1), encoding="utf-8")
    for entry in folder.iterdir():
        _sync(entry)
    _sync(folder)


def _record(
    staged: StagedSet,
    report: Report,
    name: str,
    title: str,
    licence: str,
    known: dict[int, str],
    rates: dict[str, float],
) -> dict[str, Any]:
    """The manifest."""
    contents = (
        _digest.Contents(p.name, p.shape, p.feature_names, p.pieces(), p.lengths, p.picture)
        for p in staged.parts
    )
    unimodal = pd.DataFrame(staged.unimodal) if staged.unimodal else None
    target = Target(
        "classification" if staged.classes else "regression",
        staged.target,
        staged.bounds,
        staged.classes,
        staged.unit,
        staged.labels,
        staged.sets,
        "" if staged.classes else staged.convention,
    )
    told = report.as_dict()
    repaired = (
        f" Repaired, as asked for: {'; '.join(staged.done)}."
        if staged.done
        else " Nothing was repaired."
    )
    sizes = ", ".join(
        f"{part.name} ({part.shape[-1]} features{', sequences' if part.lengths is not None else ''})"
        for part in staged.parts
    )
    return {
        "format": FORMAT,
        "name": name,
        "title": title or name,
        "licence": licence or "as whoever made the files says",
        "description": f"{len(staged):,} samples, imported from {staged.kind} {staged.title}: {sizes}.{repaired}",
        "source": f"{staged.kind} {staged.title}",
        "files": staged.files,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": {
            "qfusion": qfusion.__version__,
            "numpy": np.__version__,
            "python": sys.version.split()[0],
        },
        "samples": len(staged),
        "splits": told["splits"],
        "target": vars(target),
        "modalities": [
            {
                "name": p.name,
                "file": p.path.name,
                "shape": list(p.shape),
                "sequence": p.lengths is not None,
                "feature_names": list(p.feature_names),
                "picture": p.picture,
            }
            for p in staged.parts
        ],
        "tokens": staged.tokens is not None,
        "vocabulary": {str(number): token for number, token in known.items()},
        "rates": rates,
        "unimodal": list(staged.unimodal),
        "table": not staged.columns.empty,
        "repairs": staged.done,
        "report": told,
        "digest": _digest.of(target, staged.ids, staged.split, staged.y, contents, unimodal),
    }
