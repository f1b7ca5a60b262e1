"""Importing a set of one's own: read into files, examined, repaired where that is asked for, and kept under a name."""

import contextlib
import errno
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

import qfusion
from qfusion import _files, _limits
from qfusion._checks import check, choose, read_pairs, require_number
from qfusion._sentences import count
from qfusion.data import (
    files,
    mmsa,
    multiview,
    registry,
    sequences,
    sharing,
    staged_set,
    tables,
)
from qfusion.data.clusters import video_clusters
from qfusion.data.target_spec import (
    CONVENTIONS,
    LARGEST_SCORE,
    MOSI_CONVENTION,
    check_convention,
    guess_convention,
)
from qfusion.errors import DataUnavailable, InvalidInput, QFusionError, translate_errors

# Repairs of a set that is being imported: each is made only when it is asked for by name, and is recorded.

REPAIRS = {
    "fill-median": "replace NaN and infinite values by the feature's median over the training samples",
    "fill-zero": "replace NaN and infinite values by zero, as MMSA does",
    "drop-not-finite": "leave out samples with NaN or infinite values",
    "drop-constant": "leave out features that never change, and a modality of nothing else",
    "drop-duplicates": "leave out samples that repeat one before them, by id or in every modality",
    "drop-leaking": "leave out training and validation samples that occur again in a later part of the split",
    "rename-ids": "number samples without an id or with one that occurred before",
    "drop-unlabelled": "leave out samples without a target",
    "drop-rare": "leave out classes of fewer than three samples",
    "drop-incomplete": "leave out samples that lack a modality",
    "zero-incomplete": "put zeros in the place of a modality that a sample lacks",
    "drop-outside": "leave out samples that are in no part of the split",
    "drop-leaks": "leave out features that are a copy or a code of the target or count the rows, and a modality of "
    "nothing else",
    "drop-near-leaks": "leave out features that nearly tell the target on their own, and a modality of nothing else",
    "keep-leaks": "keep features that are a copy or a code of the target, since they are known before it is",
    "make-split": "make the split, or the part of it that is empty, at random by a fixed seed with equal shares in "
    "every class",
}
_DROPS = {
    "drop-not-finite": ("not-finite",),
    "drop-duplicates": ("duplicate-id", "duplicate-sample"),
    "drop-leaking": ("leak-id", "leak-sample"),
    "drop-unlabelled": ("no-target",),
    "drop-rare": ("rare-class",),
    "drop-incomplete": ("incomplete",),
    "drop-outside": ("outside-split",),
}
_LEAKS = {"drop-leaks": ("target-leak", "row-number"), "drop-near-leaks": ("near-leak",)}
MAX_VALUES = 1 << 25  # values of one modality that a median is taken of


@dataclass(eq=False)
class Examined:
    """A set that was read and the report on it; its files lie in `staged.folder` until it is kept or discarded."""

    staged: staged_set.StagedSet
    report: staged_set.Report


def repaired(
    examined: Examined,
    names: Iterable[str],
    folder: Path,
    progress: staged_set.Progress = staged_set.quiet,
) -> Examined:
    """Returns the set with repairs made and examined again, its arrays in another folder; the given one is as it was.

    Args:
        examined: the set and the report on it.
        names: of the repairs, see REPAIRS; only what the report offers is done.
        folder: that exists and takes the arrays.
        progress: see `staged_set.examine`.

    Raises:
        NotFound: when there is no repair of that name.
        InvalidInput: when nothing would be left.
    """
    staged, report = examined.staged, examined.report
    agreed = {choose("Repair", name, REPAIRS) for name in names}
    chosen = [name for name in REPAIRS if name in agreed and name in report.repairs]
    done, keep = [], np.ones(len(staged), bool)
    for name in chosen:
        if rows := [
            f.rows for f in report.findings if f.code in _DROPS.get(name, ()) and f.rows is not None
        ]:
            gone = np.unique(np.concatenate(rows))
            keep[gone] = False
            done.append(f"{name}: {count(len(gone), 'sample')} left out")
    check(bool(keep.any()), "The repairs would leave out every sample. Choose others.")
    mended = _rows(staged, keep)
    if "rename-ids" in chosen:
        mended.ids, renamed = _renamed(mended.ids)
        done.append(f"rename-ids: {count(renamed, 'sample')} numbered")
    if "make-split" in chosen:
        mended.split, words = staged_set.made_split(mended, _sharing(mended, report, keep))
        done.append(f"make-split: {words}")
    if "keep-leaks" in chosen:
        mended.leaks_are_meant = True
        done.append("keep-leaks: features that give the target away are kept")
    if "zero-incomplete" in chosen:
        done.append("zero-incomplete: zeros where a sample lacks a modality")
    parts, training = [], keep.copy()
    training[keep] = mended.split == "train"
    how = next((name for name in ("fill-median", "fill-zero") if name in chosen), "")
    for part in staged.parts:
        scan, fill = report.scans[part.name], None
        bad = scan.nans + scan.infinite
        if how and bad.any():
            fill = np.zeros(part.shape[-1], np.float32)
            if how == "fill-median":
                fill[bad > 0] = _medians(part, training, np.flatnonzero(bad))
            done.append(f"{how}: {count(int(bad.sum()), 'value')} of {part.name}")
        gone = np.zeros(part.shape[-1], bool)
        for name, features in _dropped_features(part.name, report, chosen).items():
            done.append(f"{name}: {len(features):,} of {len(gone):,} features of {part.name}")
            gone[features] = True
        if not gone.all():
            parts.append(_rewritten(part, folder, keep, ~gone, fill))
    check(bool(parts), "The repairs would leave out every modality. Choose others.")
    mended.parts, mended.folder, mended.done = parts, folder, [*staged.done, *done]
    left = {part.name for part in parts}
    mended.unimodal = {name: y for name, y in mended.unimodal.items() if name in left}
    complete = bool({"drop-incomplete", "zero-incomplete"} & set(chosen))
    mended.findings = [
        *(f for f in staged.findings if not (complete and f.code == "incomplete")),
        *(
            staged_set.Finding("repaired", "note", f"Repaired, as asked for: {words}.")
            for words in done
        ),
    ]
    return Examined(mended, staged_set.examine(mended, progress) if done else report)


def _sharing(
    staged: staged_set.StagedSet, report: staged_set.Report, keep: np.ndarray
) -> np.ndarray:
    """Numbers of what the samples that are kept share, as far as it can stay in one part: content of any modality, or a
    video that their ids name; a number a sample where there are too few groups for a split into parts."""
    contents = {name: scan.contents[keep] for name, scan in report.scans.items()}
    contents = {name: np.unique(part, return_inverse=True)[1] for name, part in contents.items()}
    videos = video_clusters(staged.ids)
    groups = sharing.sharing(contents, None if videos is None else videos.numbers).together[:, 0]
    return groups if len(np.unique(groups)) >= sharing.FEW else np.arange(len(staged))


def _dropped_features(
    modality: str, report: staged_set.Report, chosen: Sequence[str]
) -> dict[str, np.ndarray]:
    """The numbers of the features that repairs leave out, by repair."""
    dropped = {}
    if "drop-constant" in chosen:
        dropped["drop-constant"] = np.flatnonzero(report.scans[modality].constant)
    for name in chosen:
        features = [
            finding.features
            for finding in report.findings
            if finding.code in _LEAKS.get(name, ())
            and finding.where == modality
            and finding.features is not None
        ]
        if features:
            dropped[name] = np.unique(np.concatenate(features))
    return {name: features for name, features in dropped.items() if len(features)}


def _rows(staged: staged_set.StagedSet, keep: np.ndarray) -> staged_set.StagedSet:
    """The set with some of its samples, arrays apart."""
    y, classes, sets = staged.y[keep], staged.classes, staged.sets
    if classes:  # classes that nobody has any more go
        known = np.unique(y[y >= 0])
        y = np.where(y >= 0, np.searchsorted(known, y), -1)
        classes = tuple(classes[i] for i in known)
        sets = tuple(sets[i] for i in known) if sets else ()
    return replace(
        staged,
        y=y,
        classes=classes,
        sets=sets,
        ids=staged.ids[keep],
        split=staged.split[keep],
        columns=staged.columns
        if staged.columns.empty
        else staged.columns[keep].reset_index(drop=True),
        unimodal={name: values[keep] for name, values in staged.unimodal.items()},
        tokens=None if staged.tokens is None else staged.tokens[keep],
    )


def _renamed(ids: np.ndarray) -> tuple[np.ndarray, int]:
    """Ids with new ones where there is none or one that occurred before; and how many are new."""
    names, taken = ids.tolist(), set(ids.tolist())
    rows = np.flatnonzero((ids == "") | pd.Series(ids).duplicated())
    for row in rows:
        base = names[row] or f"row-{row + 1}"
        tries = (f"{base}#{number}" if number > 1 else base for number in range(1, len(names) + 2))
        names[row] = next(name for name in tries if name not in taken)
        taken.add(names[row])
    return np.array(names, dtype=np.str_), len(rows)


def _medians(part: staged_set.Part, training: np.ndarray, columns: np.ndarray) -> list[float]:
    """The medians of some features over the finite values of training samples; 0 where there are none."""
    steps = training.sum() if part.lengths is None else part.lengths[training].sum()
    # of a very large set, every so manyth training sample
    every = max(1, -(-int(steps) * len(columns) // MAX_VALUES))
    inside = np.zeros(len(training), bool)
    inside[np.flatnonzero(training)[::every]] = True
    read = []
    for at, piece in files.placed(part.pieces()):
        rows = np.flatnonzero(inside[at : at + len(piece)])
        real = replace(part, lengths=None if part.lengths is None else part.lengths[at + rows])
        read.append(real.real(piece[rows], 0)[:, columns])
    finite = [column[np.isfinite(column)] for column in np.concatenate(read).T]
    return [float(np.median(column)) if len(column) else 0.0 for column in finite]


def _rewritten(
    part: staged_set.Part,
    folder: Path,
    keep: np.ndarray,
    features: np.ndarray,
    fill: np.ndarray | None,
) -> staged_set.Part:
    """Some samples and features of a modality, with what stands for values that are not finite, (F,), where given."""
    path = folder / part.path.name
    lengths = None if part.lengths is None else part.lengths[keep]
    if keep.all() and features.all() and fill is None:
        try:
            os.link(part.path, path)
        except OSError:  # another disk, or one without links
            shutil.copyfile(part.path, path)
        return replace(part, path=path, lengths=lengths)

    def pieces() -> Iterator[np.ndarray]:
        for at, piece in files.placed(part.pieces()):
            chosen = piece[keep[at : at + len(piece)]]
            if fill is not None:
                chosen = np.where(np.isfinite(chosen), chosen, fill)
            yield chosen if features.all() else chosen[..., features]

    shape = (int(keep.sum()), *part.shape[1:-1], int(features.sum()))
    staged_set.write(path, shape, pieces())
    return replace(
        part,
        path=path,
        shape=shape,
        lengths=lengths,
        feature_names=tuple(
            name for name, stored in zip(part.feature_names, features, strict=True) if stored
        ),
        picture=part.picture if features.all() else None,
    )


# Keeping a set that was imported: its folder appears whole or not at all; see `imported` for what is in it.

MAX_TITLE, MAX_LICENCE = 100, 200  # letters
MAX_RATE = 100_000  # steps a second


@contextlib.contextmanager
def staging(keep: bool = False) -> Iterator[Path]:
    """Yields a new folder beside the sets, for a set on its way in; removed when the block ends, or only when it fails.

    Raises:
        DataUnavailable: when the disk refuses, also inside the block.
    """
    place = registry.imported_root()
    with registry.disk("The data"):
        place.mkdir(parents=True, exist_ok=True)
        _files.clear(place)  # of what was never kept, or not removed to the end
        folder = place / f".draft-{_files.mark()}"
        folder.mkdir()
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            yield folder
            if keep:
                stack.pop_all()


def check_name(name: str, replace: bool = False, repair: Iterable[str] = ()) -> None:
    """Checks that a set may be called so, and that there are repairs of these names.

    Args:
        name: that it is loaded by.
        replace: whether an imported set of that name gives way.
        repair: names of repairs that are agreed to.

    Raises:
        InvalidInput: when the name has other letters than can stand in a link and a folder's name, or is in use.
        NotFound: when there is no repair of a name.
    """
    for agreed in repair:
        choose("Repair", agreed, REPAIRS)
    check(
        registry.NAME.fullmatch(name) is not None,
        "Argument `name` must begin with a letter or digit and have at most 60 letters, digits, `-` and "
        f"`_`, but is {name[:80]!r}. Choose another.",
    )
    check(
        name.casefold() not in {other.casefold() for other in registry.sources()},
        f"Argument `name` must not be a built-in data set's, but is {name!r}. Choose another.",
    )
    known = {other.casefold() for other in registry.imported_names()}
    check(
        replace or not (name.casefold() in known or (registry.imported_root() / name).exists()),
        f"Argument `name` must be new, but an imported set is called {name!r}. Choose another, or replace it "
        "(--replace).",
    )


def store(
    examined: Examined,
    name: str,
    *,
    title: str = "",
    licence: str = "",
    replace: bool = False,
    vocabulary: Path | None = None,
    rates: Mapping[str, float] | None = None,
    extracted: Mapping[str, Any] | None = None,
) -> Path:
    """Makes an examined set one that can be loaded by name, and returns its folder, which takes over the staged set's.

    Args:
        examined: the set and the report on it, without errors.
        name: that it is loaded by; title: what a person calls it; licence: the terms it comes under.
        replace: whether a set of that name gives way; otherwise it is refused.
        vocabulary: folder of the tokenizer whose token numbers the set holds; what is used of it is kept with the set.
        rates: steps a second, by modality, of sequences whose rate is known.
        extracted: of a set that was extracted from recordings, how, see `extractors.makers`.

    Raises:
        InvalidInput: when the report holds errors, or the name is taken or does not do.
        DataUnavailable: when the disk refuses; nothing is kept then.
    """
    _limits.refuse("import data")
    _limits.check_disk("The data")
    staged = examined.staged
    examined.report.require_fit()
    check_name(name, replace)
    for what, words, most in (("title", title, MAX_TITLE), ("licence", licence, MAX_LICENCE)):
        check(
            len(words) <= most,
            f"Argument `{what}` must have at most {most} letters, but has {len(words):,}. Shorten it.",
        )
    rates = _rates(staged, rates or {})
    known = {} if vocabulary is None else _used(staged, vocabulary)
    place = registry.imported_root() / name
    with registry.disk(f"Data set '{name}'"):
        _write(examined, name, title, licence, known, rates, dict(extracted or {}))
        with registry.alone():
            _move(staged.folder, place, replace)
    return place


def _move(folder: Path, place: Path, replace: bool) -> None:
    old = registry.old_folder(place.name)
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
    _sync(place.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _used(staged: staged_set.StagedSet, folder: Path) -> dict[int, str]:
    """What of a vocabulary the set's token numbers need."""
    check(
        staged.tokens is not None,
        "Argument `--vocabulary` is for sets with token numbers (`text_bert` of an MMSA pickle), but this one holds "
        "none. Leave it out.",
    )
    assert staged.tokens is not None
    whole = mmsa.read_vocabulary(folder)
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
    return {
        name: require_number(f"rate of {name}", text, 0, MAX_RATE)
        for name, text in read_pairs(
            words, "A rate", "name=steps, a number a second", "audio=100"
        ).items()
    }


def _rates(staged: staged_set.StagedSet, rates: Mapping[str, float]) -> dict[str, float]:
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
    examined: Examined,
    name: str,
    title: str,
    licence: str,
    known: dict[int, str],
    rates: dict[str, float],
    extracted: dict[str, Any],
) -> None:
    staged, folder = examined.staged, examined.staged.folder
    for key, values in {
        "ids": staged.ids,
        "split": staged.split,
        "y": staged.y,
        "tokens": staged.tokens,
        "unimodal": np.stack(list(staged.unimodal.values()), 1) if staged.unimodal else None,
        **{f"{part.name}.lengths": part.lengths for part in staged.parts},
    }.items():
        if values is not None:
            np.save(folder / f"{key}.npy", np.ascontiguousarray(values))
    if not staged.columns.empty:
        table = pa.Table.from_pandas(staged.columns, preserve_index=False)
        with (
            pa.OSFile(str(folder / "table.arrow"), "wb") as sink,
            pa.ipc.new_file(sink, table.schema) as writer,
        ):
            writer.write_table(table, max_chunksize=files.ROWS)
    target = staged.as_target()
    summary = examined.report.as_dict()
    repairs = (
        f"Repaired, as asked for: {'; '.join(staged.done)}."
        if staged.done
        else "Nothing was repaired."
    )
    sizes = ", ".join(
        f"{part.name} ({part.shape[-1]} features{', sequences' if part.lengths is not None else ''})"
        for part in staged.parts
    )
    record = {
        "format": registry.FORMAT,
        "name": name,
        "title": title or name,
        "licence": licence or "as whoever made the files says",
        "description": f"{len(staged):,} samples, imported from {staged.kind} {staged.title}: {sizes}. {repairs}",
        "source": f"{staged.kind} {staged.title}",
        "files": staged.files,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": {
            "qfusion": qfusion.__version__,
            "numpy": np.__version__,
            "python": sys.version.split()[0],
        },
        "samples": len(staged),
        "splits": summary["splits"],
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
        "extracted": extracted,
        "unimodal": list(staged.unimodal),
        "table": not staged.columns.empty,
        "repairs": staged.done,
        "report": summary,
        "digest": files.digest(
            target,
            staged.ids,
            staged.split,
            staged.y,
            (
                (p.name, p.shape, p.feature_names, p.pieces(), p.lengths, p.picture)
                for p in staged.parts
            ),
            pd.DataFrame(staged.unimodal) if staged.unimodal else None,
        ),
    }
    (folder / registry.MANIFEST).write_text(json.dumps(record, indent=1), encoding="utf-8")
    for entry in [*folder.iterdir(), folder]:
        _sync(entry)


FORMATS = {
    "mmsa": "MMSA pickle (.pkl)",
    "multiview": "multi-view .mat or .npz",
    "tables": "a CSV, Parquet or .npy file a modality, and labels",
    "csd": "a computational sequence (.csd, .h5) of the CMU Multimodal SDK a modality, and labels",
}
TARGETS = ("auto", "regression", "classification", "labels")
WORDS = {
    MOSI_CONVENTION: "MOSI and MOSEI (Acc-2, Acc-5, Acc-7, F1, MAE, correlation, R2)",
    "sims": "CH-SIMS (Acc-2, Acc-3, Acc-5, F1, MAE, correlation)",
    "plain": "any number (MAE, correlation, R2)",
}
_WHY = {
    MOSI_CONVENTION: "since scores lie in [-3, 3]",
    "sims": "since every modality has targets of its own and scores lie in [-1, 1]",
    "plain": "since nothing says that scores are sentiment as in MOSI or CH-SIMS",
}
_SHOWN = 6  # files in a sentence
_DOCUMENT = re.compile(
    r"(readme|licen[cs]e|copying|citation|changelog)\b|.*\.(md|rst|pdf|html)$", re.I
)
SUFFIXES = (*mmsa.SUFFIXES, ".mat", ".npz", *tables.SUFFIXES, *sequences.SUFFIXES)


def read(
    paths: Sequence[Path],
    folder: Path,
    *,
    kind: str = "auto",
    modalities: Mapping[str, Path] | None = None,
    labels: Path | None = None,
    target: str = "auto",
    convention: str = "auto",
) -> staged_set.StagedSet:
    """Returns what files hold, written to a folder, not yet examined.

    Args:
        paths: an MMSA pickle; or a multi-view file; or tables, or the folder that holds them.
        folder: that exists and takes the arrays.
        kind: one of FORMATS, or "auto": by the files' endings.
        modalities: the table of each, instead of by the files' names.
        labels: the table of labels, instead of the one called `labels`.
        target: one of TARGETS.
        convention: of the metrics of scores, one of `target_spec.CONVENTIONS`, or "auto": `guess_convention`.

    Raises:
        NotFound: when a file or a format does not exist.
        InvalidInput: when a file cannot be read or holds something else.
        DataUnavailable: when a file may not be read.
    """
    _limits.refuse("import data")
    choose("Format", kind, ("auto", *FORMATS))
    choose("Target", target, TARGETS)
    choose("Convention", convention, ("auto", *CONVENTIONS))
    paths_read = _expanded(paths)
    if kind == "auto":
        kind = _kind(paths_read, [*(modalities or {}).values(), *([labels] if labels else [])])
    shown = paths_read[0].name if paths_read else "The file"
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
            # what a file holds that is no set leads to any of these
            *(ValueError, TypeError, LookupError, ArithmeticError, pa.ArrowException),
            why="{kind}: {words:.120}",
            passing=(QFusionError, MemoryError),
        ),
    ):
        if kind == "tables":
            features, label = _tables(paths_read, dict(modalities or {}), labels)
            paths_read = [*features.values(), label]
            made = tables.read_tables(features, label, folder, target)
        elif kind == "csd":
            features, label = _tables(paths_read, dict(modalities or {}), labels)
            paths_read = [*features.values(), label]
            check(
                target != "labels",
                "Several labels a sample are read from tables and from multi-view files, not from computational "
                "sequences. Write them as a table, with ; between the labels of a sample.",
            )
            made = sequences.read(features, label, folder, target)
        else:
            check(
                len(paths_read) == 1 and not modalities and not labels,
                f"Format `{kind}` takes one file, but {len(paths_read)} are given. Give one file, or tables.",
            )
            check(
                target != "labels" or kind == "multiview",
                "Several labels a sample are read from tables and from multi-view files, not from MMSA pickles. Write "
                "them as a table, with ; between the labels of a sample.",
            )
            made = (mmsa if kind == "mmsa" else multiview).read(paths_read[0], folder, target)
        made.findings += [
            finding for path in paths if path.is_dir() for finding in _of_unread(path)
        ]
        made.files = [
            {"name": path.name, "bytes": path.stat().st_size, "sha256": files.sha256(path)}
            for path in paths_read
        ]
    _check(made)
    take_convention(made, convention)
    return made


def take_convention(staged: staged_set.StagedSet, words: str) -> None:
    """Says by which convention the scores are measured: the one that was asked for, else what the files look like.

    Raises:
        NotFound, InvalidInput: see `read`.
    """
    if staged.classes:
        check(
            words == "auto",
            f"Argument `convention` is of scores, and has to be left out for classes, but is {words}. Leave it out, "
            "or import the set with --target regression.",
        )
        return
    fits = guess_convention(
        staged.y,
        annotated={part.name for part in staged.parts} == set(staged.unimodal),
        pickled=staged.kind == mmsa.KIND,
    )
    staged.convention = fits if words == "auto" else words
    check_convention(staged.convention, staged.y)
    if words in LARGEST_SCORE:
        staged.bounds = -LARGEST_SCORE[words], LARGEST_SCORE[words]
    if words != "auto" or fits != "plain" or staged.kind == mmsa.KIND:
        staged.findings.append(
            staged_set.Finding(
                "convention",
                "note",
                f"Metrics are those of {WORDS[staged.convention]}, "
                f"{'as asked for' if words != 'auto' else _WHY[fits]}. "
                f"Another is one of {', '.join(CONVENTIONS)} (--convention).",
            )
        )


def _expanded(paths: Sequence[Path]) -> list[Path]:
    """The files, those of folders in their place."""
    expanded: list[Path] = []
    for path in paths:
        inside = [path]
        if path.is_dir():
            inside, unread = _listing(path)
            check(
                bool(inside),
                f"Folder {str(path)[:200]} must hold tables (.csv, .parquet, .npy), but holds "
                f"{', '.join(unread[:_SHOWN]) or 'none'}. Check the path, or convert them.",
            )
        else:
            files.size_of(path)
        expanded += inside
    return expanded


def _listing(folder: Path) -> tuple[list[Path], list[str]]:
    """The files of a folder that are read, and the names of what else may be data: other files, and folders."""
    read = []
    unread = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "~$", "__")):
            continue
        if path.is_file() and path.suffix.lower() in SUFFIXES:
            read.append(path)
        elif not _DOCUMENT.match(path.name):
            unread.append(f"{path.name}/" if path.is_dir() else path.name)
    return read, unread


def _of_unread(folder: Path) -> Iterator[staged_set.Finding]:
    """Says what a folder holds that is not read."""
    _, unread = _listing(folder)
    if unread:
        shown = ", ".join(name[:60] for name in unread[:_SHOWN])
        more = f" and {len(unread) - _SHOWN:,} more" if len(unread) > _SHOWN else ""
        yield staged_set.Finding(
            "unread-files",
            "warning",
            f"Not read in folder `{folder.name[:60]}`: {shown}{more}. If one is a modality, save it in the folder as "
            ".csv, .tsv, .parquet or .npy.",
        )


def _kind(paths: Sequence[Path], named: Sequence[Path]) -> str:
    """The format of files: `paths`, and those that are `named` as modalities or labels."""
    endings = {path.suffix.lower() for path in paths}
    of_all = {path.suffix.lower() for path in (*paths, *named)}
    if of_all and of_all <= set(sequences.SUFFIXES):
        return "csd"
    if named or (endings and endings <= set(tables.SUFFIXES)):
        return "tables"
    if len(paths) == 1 and endings <= set(mmsa.SUFFIXES):
        return "mmsa"
    if len(paths) == 1 and endings <= {".mat", ".npz"}:
        return "multiview"
    shown = ", ".join(path.name[:40] for path in paths[:6]) or "nothing"
    remedy = (
        "Give one set at a time."
        if endings <= set(SUFFIXES)
        else "Convert it, or, if it is one of these under another ending, say which with --format."
    )
    raise InvalidInput(
        "What is imported must be one MMSA pickle (.pkl), one .mat or .npz file, or tables (.csv, .tsv, .parquet, "
        f".npy, .csd), but is {shown}. {remedy}"
    )


def _tables(
    paths: list[Path], modalities: dict[str, Path], labels: Path | None
) -> tuple[dict[str, Path], Path]:
    """The table of each modality, and that of labels."""
    for path in [*modalities.values(), *([labels] if labels else [])]:
        files.size_of(path)
    labels = labels or next((p for p in paths if p.stem.lower() in ("labels", "label")), None)
    if labels is None:
        raise InvalidInput(
            "Tables and files of features must come with one of labels, called `labels.csv` (or `labels.csd`) or named "
            f"by --labels, but {[p.name for p in paths][:6]} has none. Add it."
        )
    by_name = {staged_set.modality_name(name): path for name, path in modalities.items()}
    for path in (path for path in paths if path != labels):
        name = staged_set.modality_name(path.stem)
        check(
            name not in by_name,
            f"Modality '{name}' must have one table, but has two, such as {path.name}. Rename or leave out one.",
        )
        by_name[name] = path
    return {
        name: by_name[name]
        for name in dict.fromkeys([*mmsa.MODALITIES, *by_name])
        if name in by_name
    }, labels


def _check(staged: staged_set.StagedSet) -> None:
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


def examine(
    paths: Sequence[Path],
    folder: Path,
    progress: staged_set.Progress = staged_set.quiet,
    **options: Any,
) -> Examined:
    """Reads files into a folder and reports on them; see `read` for the options."""
    progress(0, 1, "reading")
    staged = read(paths, folder, **options)
    return Examined(staged, staged_set.examine(staged, progress))


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
    progress: staged_set.Progress = staged_set.quiet,
    **options: Any,
) -> staged_set.Report:
    """Reads, examines, repairs as asked and keeps a set under a name; returns the report on what was kept.

    Args:
        paths, options: see `read`.
        name, replace, title, licence, vocabulary, rates: see `store`.
        repair: names of repairs that are agreed to.

    Raises:
        QFusionError: see `read` and `store`; nothing is kept then.
    """
    check_name(name, replace, repair)
    with staging() as first:
        return keep(
            examine(paths, first, progress, **options),
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
    examined: Examined,
    name: str,
    *,
    repair: Sequence[str] = (),
    progress: staged_set.Progress = staged_set.quiet,
    **options: Any,
) -> staged_set.Report:
    """Keeps an examined set under a name, after the repairs that are agreed to; see `store` for the options."""
    check_name(name, options.get("replace", False))
    with staging() as folder:
        ready = repaired(examined, repair, folder, progress)
        store(ready, name, **options)
        return ready.report
