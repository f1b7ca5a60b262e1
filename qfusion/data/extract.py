"""Extract features: from a folder of recordings and a table of labels to a data set, saved like an imported one.

Files are read in processes of their own (`extract_worker.serve`), several at once: one that is broken, hangs, or takes
too much memory costs that file and is listed. What is finished lies beside the sets until the set is kept, so that what
was killed goes on where it was.
"""

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from qfusion import _limits
from qfusion._checks import check, require_number, require_whole
from qfusion._sentences import Pace, count
from qfusion.data import (
    array_cache,
    clips,
    extract_worker,
    extractors,
    files,
    import_repairs,
    import_store,
    imported_sets,
    media,
    registry,
    tables,
)
from qfusion.data.array_files import scatter_array
from qfusion.data.import_conventions import set_convention
from qfusion.data.import_report import ExaminedSet, build_report
from qfusion.data.progress import Progress, no_progress
from qfusion.data.staged_set import StagedSet
from qfusion.errors import DataUnavailable, QFusionError, translate_errors

DEFAULTS = {"text": "ngrams", "audio": "spectrum", "vision": "hog"}
FILES = ("file", "path", "recording", "clip")  # what the table calls the column of files
START, END = ("start", "begin", "onset"), ("end", "stop", "offset")
LONGEST, PATIENCE = 60.0, 300.0  # seconds of a sample, and that its features may take
MEMORY = 3 << 29  # bytes that a process may take beyond its start
CHILD = "from qfusion.data.extract_worker import serve; serve()"  # what such a process runs
SHOWN = 8  # samples left out that the report tells of


class Failure(NamedTuple):
    """A sample that is not in the set: its id, its file where there is one, and why."""

    id: str
    file: str
    why: str


@dataclass(eq=False)
class Extracted(ExaminedSet):
    """What came of a folder: the set, repaired, and the report on it; where that holds errors, nothing is kept.

    Attributes:
        failures: samples that are left out.
        resumed: how many samples had been finished before.
        place: the set's folder; None where it was not kept.
        remarks: what is to be known besides.
    """

    failures: list[Failure]
    resumed: int
    place: Path | None = None
    remarks: list[str] = field(default_factory=list)


def extract(
    folder: Path,
    name: str,
    *,
    labels: Path | None = None,
    methods: Mapping[str, str] | None = None,
    target: str = "auto",
    convention: str = "auto",
    repair: Sequence[str] = (),
    replace: bool = False,
    title: str = "",
    licence: str = "",
    processes: int = 0,
    longest: float = LONGEST,
    patience: float = PATIENCE,
    resume: bool = True,
    progress: Progress = no_progress,
) -> Extracted:
    """Makes a set of the recordings in a folder and keeps it under a name.

    Args:
        folder: of the recordings, in it or in folders below.
        name, replace, title, licence, repair: as of `importing.keep_set`.
        labels: the table; `labels.csv` in the folder, or the only table there, unless told. Its columns are those of an
            imported table of labels, and `file` (below the folder), `start` and `end` (seconds) where files are not
            called like the ids.
        methods: by modality ("text", "audio", "vision") an extractor with its settings, or "none"; see
            `extractors.choose_method`. The default is DEFAULTS.
        target, convention: as of `import_formats.read_files`.
        processes: at once; as many as there are processors unless told.
        longest: seconds that a sample may last. patience: seconds after which a process is ended that reads one.
        resume: goes on with what was finished before, where that was stopped; else begins anew.
        progress: called with samples done, samples in all, and words.

    Raises:
        NotFound: when folder, table, extractor or setting do not exist.
        InvalidInput: when the table lacks what is needed, or no recording can be read.
        DataUnavailable: when a package is missing, or the disk refuses.
    """
    _limits.refuse("extract features")
    import_store.check_set_name(name, replace)
    import_repairs.check_repair_names(repair)
    require_whole("processes", processes, 0, 256)
    longest = require_number("longest", longest, 0.1, media.MAX_SECONDS)
    patience = require_number("patience", patience, 0.1, 1e6)
    root, recordings, beside = clips.open_folder(folder, [])
    chosen = {key: (methods or {}).get(key, words) for key, words in DEFAULTS.items()}
    records = {
        key: extractors.choose_method(key, words)
        for key, words in chosen.items()
        if words != extractors.NONE
    }
    check(bool(records), "Every extractor is left out. Choose one for a modality at least.")
    with ExitStack() as stack:
        first, second = (stack.enter_context(import_store.staging_folder()) for _ in range(2))
        header = tables.open_table(labels or _table_of(root))
        reader = tables.Reader(first, header, tuple(records), (*tables.IDS, *FILES), FILES)
        takes, failures = _takes(root, recordings, beside, reader)
        draft = imported_sets.imported_root() / f".extract-{name}"
        with (
            imported_sets.translate_disk_errors("The features"),
            translate_errors(
                f"Another process extracts a set called '{name}' right now",
                "Wait for it, or choose another name.",
                Timeout,
                why="it holds the lock",
            ),
        ):
            draft.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(draft / "lock", is_singleton=False).acquire(timeout=0))
        if not resume:
            _remove_finished(draft)
        done = _finished(root, takes, records, longest, draft)
        todo = [row for row in takes if array_cache.read_arrays(done[row]) is None]
        resumed = len(takes) - len(todo)
        how = {"methods": records, "longest": longest}
        names, why = _run(
            how | {"memory": MEMORY}, takes, todo, done, processes, patience, progress
        )
        for row, words in why.items():
            failures.append(
                Failure(str(reader.ids[row]), os.path.relpath(takes.pop(row).path, root), words)
            )
        check(bool(takes), f"No recording can be read. {failures[0].why if failures else ''}")
        if failures:
            first_ones = "; ".join(f"{one.id[:60]}: {one.why[:200]}" for one in failures[:SHOWN])
            reader.add_finding(
                "left-out", f"{count(len(failures), 'sample')} left out. {first_ones}", "warning"
            )
        staged = _staged(reader, takes, done, names, target, root.name)
        set_convention(staged, convention)
        repairs = [
            *repair,
            *([] if "zero-incomplete" in repair else ["drop-incomplete"]),
            *([] if header.column(tables.SPLIT) else ["make-split"]),
        ]
        examined = ExaminedSet(staged, build_report(staged, progress))
        ready = import_repairs.make_repairs(examined, repairs, second, progress)
        outcome = Extracted(ready.staged, ready.report, failures, resumed)
        outcome.remarks += filter(
            None,
            (
                extractors.find_method(key, record["method"]).terms
                for key, record in records.items()
            ),
        )
        if not outcome.report.errors:
            outcome.place = import_store.store_set(
                outcome,
                name,
                title=title,
                licence=licence,
                replace=replace,
                rates={
                    part.name: records[part.name]["settings"]["rate"]
                    for part in outcome.staged.parts
                    if part.lengths is not None and "rate" in records[part.name]["settings"]
                },
                extracted=how | {"left_out": [one._asdict() for one in failures]},
            )
            outcome.remarks += _joined(name, root, takes, reader.ids.tolist(), draft, progress)
            shutil.rmtree(draft, ignore_errors=True)
    return outcome


def _joined(
    name: str,
    root: Path,
    takes: Mapping[int, extract_worker.Take],
    ids: Sequence[str],
    draft: Path,
    progress: Progress,
) -> list[str]:
    """Joins the recordings to the set that was made of them; returns what went wrong, which costs no more than that."""
    rows = [
        {"id": id_, "path": os.path.relpath(take.path, root), "start": take.start, "end": take.end}
        for id_, (_, take) in zip(ids, sorted(takes.items()), strict=True)
    ]
    try:
        pd.DataFrame(rows).to_csv(draft / "clips.csv", index=False)
        joined = clips.join(registry.load(name), root, draft / "clips.csv", progress)
    except (QFusionError, OSError) as error:
        return [f"The set is kept, but its recordings cannot be joined to it: {error}"]
    return [line for line in joined.problems if "there is no sample" not in line]


# Which file is of which sample.


def _table_of(root: Path) -> Path:
    """The table of labels in a folder."""
    there = sorted(
        path for path in root.iterdir() if path.suffix.lower() in (".csv", ".tsv", ".parquet")
    )
    named = [path for path in there if path.stem.lower() in ("labels", "label")] or there
    check(
        len(named) == 1,
        f"Folder {root} must hold one table of labels (a .csv with columns id and label), but holds "
        f"{[path.name for path in named[:4]] or 'none'}. Add it, or name it by --labels.",
    )
    return named[0]


def _plain(text: str) -> str:
    """A name as it is compared: letters with marks are one or two characters, as systems like."""
    return unicodedata.normalize("NFC", text)


def _takes(
    root: Path, recordings: Mapping[str, Path], beside: Mapping[str, Path], reader: tables.Reader
) -> tuple[dict[int, extract_worker.Take], list[Failure]]:
    """Which part of which file every row of the table is, see `clips.open_folder`; and the rows without a file."""
    names = clips.match_names(recordings) | {name: [name] for name in recordings}
    called = {_plain(name): files for name, files in names.items()}
    rows, blank = len(reader.ids), [""] * len(reader.ids)
    unread = clips.list_unread(root)
    named, starts, ends, texts = (
        reader.words(known) or blank for known in (FILES, START, END, tables.TEXT)
    )
    takes, failures = dict[int, extract_worker.Take](), list[Failure]()
    for row in range(rows):
        key = _plain(
            named[row].strip().replace("\\", "/").removeprefix("./") or str(reader.ids[row])
        )
        try:
            candidates = called.get(key, [])
            check(
                bool(candidates),
                clips.describe_unread(unread, key)
                or f"There is no recording '{key[:80]}' below the folder.",
            )
            check(
                len(candidates) == 1,
                f"Several recordings are of it: {', '.join(candidates[:3])[:200]}. Leave one, or name it in a column "
                "`file`.",
            )
            start, end = (
                require_number(what, words, 0, 1e7) if words.strip() else None
                for what, words in (("start", starts[row]), ("end", ends[row]))
            )
            words = str(beside.get(candidates[0].rpartition(".")[0], ""))
            takes[row] = extract_worker.Take(
                str(recordings[candidates[0]]), start or 0.0, end, words, texts[row]
            )
        except QFusionError as error:
            failures.append(Failure(str(reader.ids[row]), named[row][:200], str(error)))
    check(
        bool(takes),
        f"None of the {count(rows, 'sample')} of `{reader.file}` has a recording below {root}: "
        f"{failures[0].why if failures else ''} Name files by the ids, or in a column `file`.",
    )
    return takes, failures


# What is finished, and what is still to be done.


def _finished(
    root: Path,
    takes: Mapping[int, extract_worker.Take],
    records: Mapping[str, Any],
    longest: float,
    draft: Path,
) -> dict[int, Path]:
    """Where the features of each row are or will be: named by what they are made from."""
    made = json.dumps([records, longest], sort_keys=True)

    def key(take: extract_worker.Take) -> str:
        state = [clips.state_of(Path(path)) for path in (take.path, take.subtitles) if path]
        where = os.path.relpath(take.path, root), take.start, take.end, take.text
        return array_cache.key_of([made, repr(where), repr(state)])

    return {row: draft / f"{key(take)}.npz" for row, take in takes.items()}


def _remove_finished(draft: Path) -> None:
    """Removes what was finished before."""
    with imported_sets.translate_disk_errors("The features"):
        for path in draft.glob("*.npz"):
            path.unlink()


def _started(
    begin: Mapping[str, Any], running: list[subprocess.Popen[str]]
) -> tuple[subprocess.Popen[str], dict[str, list[str]]]:
    """A process that measures sample after sample, see `extract_worker.serve`, and names of features by modality.

    Args:
        begin: what it is told first. running: takes it, whatever it answers.

    Raises:
        DataUnavailable: when an extractor cannot be had.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", CHILD],
        env=_limits.environment(HF_HUB_OFFLINE="1"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is for the one that started it
    )
    running.append(process)
    answer = _answer(process, begin, PATIENCE)
    check("names" in answer, str(answer.get("why"))[:1000], DataUnavailable)
    return process, answer["names"]


def _answer(
    process: subprocess.Popen[str], message: Mapping[str, Any], patience: float
) -> dict[str, Any]:
    """What a process says to a message. One that says nothing in time is ended, and `why` tells it."""
    began, clock = time.monotonic(), threading.Timer(patience, process.kill)
    clock.daemon = True
    clock.start()
    try:
        print(json.dumps(message), file=process.stdin, flush=True)
        return dict(json.loads(cast(Any, process.stdout).readline()))
    except (OSError, ValueError):
        late = time.monotonic() - began >= patience
        with suppress(subprocess.TimeoutExpired):
            process.wait(2)  # it says by its status why it ends
        _end(process)
        how = f"takes more than {patience:g} s" if late else f"ends (status {process.returncode})"
        return {"why": f"The process that reads it {how}."}
    finally:
        clock.cancel()


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    with suppress(OSError, ValueError):  # what it was sent last never arrived
        process.communicate()


def _run(
    begin: Mapping[str, Any],
    takes: Mapping[int, extract_worker.Take],
    todo: Sequence[int],
    done: Mapping[int, Path],
    processes: int,
    patience: float,
    progress: Progress,
) -> tuple[dict[str, list[str]], dict[int, str]]:
    """Measures rows; returns the names of features by modality, and why what could not be measured could not.

    Raises:
        DataUnavailable: when an extractor cannot be had, or features cannot be written.
    """
    number = min(processes or os.cpu_count() or 1, max(1, len(todo)))
    running, free = list[subprocess.Popen[str]](), queue.SimpleQueue[subprocess.Popen[str] | None]()

    def measured(row: int) -> str:
        """Why a row could not be measured; empty where it could."""
        process = free.get()
        try:
            if process is None or process.poll() is not None:
                process, _ = _started(begin, running)
            order = {"take": takes[row], "out": str(done[row])}
            answer = _answer(process, order, patience)
            check(
                not answer.get("disk"),
                f"Features cannot be written, and none are left out for that: {str(answer.get('disk'))[:300]} Give the "
                "same command again when that is mended: it goes on with what is finished.",
                DataUnavailable,
            )
            return str(answer["why"])
        finally:
            free.put(process)

    why, pace, pool = dict[int, str](), Pace(), ThreadPoolExecutor(number)
    progress(0, len(todo), "starting")
    try:
        first, names = _started(begin, running)  # what is missing is said before anything is read
        for process in [first, *[None] * (number - 1)]:
            free.put(process)
        for at, (row, words) in enumerate(zip(todo, pool.map(measured, todo), strict=True), 1):
            if words:
                why[row] = words
            progress(at, len(todo), pace.words(at, len(todo), "recordings"))
        return names, why
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in running:
            _end(process)


# From what is finished to a set.


def _staged(
    reader: tables.Reader,
    takes: Mapping[int, extract_worker.Take],
    done: Mapping[int, Path],
    names: Mapping[str, Sequence[str]],
    target: str,
    title: str,
) -> StagedSet:
    """The set of all rows that are finished, its arrays written to the reader's folder."""
    rows = sorted(takes)
    reader.keep(rows)
    counts, texts = [], []
    for row in rows:
        arrays, take = _arrays(done[row]), takes[row]
        counts.append([len(arrays.get(name, ())) for name in names])
        texts.append(" ".join(arrays.get("words", ())) if take.subtitles else take.text)
    still = all(
        media.TYPES[Path(take.path).suffix.lower()].startswith("image/") for take in takes.values()
    )
    parts = []
    for name, real in zip(names, np.array(counts).T, strict=True):
        if not real.any():
            reader.add_finding(
                "left-out",
                f"No recording has what `{extractors.OPTIONS[name]}` looks at: there is no {name}.",
            )
            continue
        absent = np.flatnonzero(real == 0)
        if len(absent):
            reader.add_finding(
                "incomplete",
                f"{len(absent):,} of {count(len(rows), 'sample')} {'has' if len(absent) == 1 else 'have'} no {name} (a "
                f"recording without it, or no words), the first '{reader.ids[absent[0]][:60]}'.",
                "error",
                where=name,
                repairs=("drop-incomplete", "zero-incomplete"),
                rows=absent,
            )
        steps, size = int(real.max()), len(names[name])
        shape = (len(rows), size) if still and name == "vision" else (len(rows), steps, size)
        pieces = _pieces(name, rows, done, sequence=len(shape) == 3)
        own = np.maximum(real, 1) if len(shape) == 3 else None
        parts.append(
            reader.write_part(
                name, shape, pieces, tuple(names[name]), own, padded=True, write=scatter_array
            )
        )
        if own is not None:
            reader.note_sequences(name, real, steps)
    staged = reader.staged(parts, target, title, "recordings")
    if "text" in names:
        staged.columns["text"] = texts
    path = reader.header.path
    staged.files = [{"name": path.name, "bytes": path.stat().st_size, "sha256": files.sha256(path)}]
    return staged


def _pieces(
    name: str, rows: Sequence[int], done: Mapping[int, Path], *, sequence: bool
) -> Iterator[tuple[Any, np.ndarray]]:
    for at, row in enumerate(rows):
        values = _arrays(done[row]).get(name)
        if values is not None:
            where = (np.full(len(values), at), np.arange(len(values))) if sequence else [at]
            yield where, values if sequence else values[:1]


def _arrays(path: Path) -> dict[str, np.ndarray]:
    arrays = array_cache.read_arrays(path)
    check(
        arrays is not None,
        f"{path} is gone or damaged meanwhile. Extract once more: it is made again.",
        DataUnavailable,
    )
    return arrays or {}
