"""Extract features: from a folder of recordings and a table of labels to a data set, saved like an imported one.

A recording that is broken costs its sample and is listed. What is finished lies beside the sets until the set is kept,
so that what was killed goes on where it was.
"""

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from qfusion import _disk_cache, _read_only
from qfusion._checks import check, require_number, require_whole
from qfusion._progress import Pace
from qfusion._sentences import count
from qfusion.data import importing, media_files, registry
from qfusion.data.examine import repairs as import_repairs
from qfusion.data.examine.report import ExaminedSet, Progress, build_report, no_progress
from qfusion.data.readers.formats import describe_file
from qfusion.data.readers.table_files import open_table
from qfusion.data.readers.tables import read_rows
from qfusion.data.staged_set import StagedSet, stage_set
from qfusion.data.store import manifest, writing
from qfusion.errors import QFusionError, translate_errors
from qfusion.plugins.recordings import clip_folder, clip_join, extractors
from qfusion.plugins.recordings.clips import Take
from qfusion.plugins.recordings.label_rows import (
    Failure,
    find_label_table,
    find_recorded_roles,
    match_takes,
)
from qfusion.plugins.recordings.staging import add_features, feature_paths, remove_features
from qfusion.plugins.recordings.take_features import write_features

DEFAULTS = {"text": "ngrams", "audio": "spectrum", "vision": "hog"}
LONGEST = 60.0  # seconds of a sample
SHOWN = 8  # samples left out that the report tells of


@dataclass(eq=False)
class Extracted(ExaminedSet):
    """The result of an extraction: the repaired set and its report; with errors, nothing is stored.

    Attributes:
        failures: samples that were left out.
        resumed: number of samples that had been finished before.
        place: the folder of the set; None if it was not stored.
        remarks: further information, a sentence each.
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
    processes: int = 1,
    longest: float = LONGEST,
    resume: bool = True,
    progress: Progress = no_progress,
) -> Extracted:
    """Extract features from the recordings in a folder and store them as a set.

    Args:
        folder: of the recordings, in it or in folders below.
        name, replace, title, licence, repair: as of `importing.keep_set`.
        labels: the table; `labels.csv` in the folder, or the only table there, by default. Its columns are those of an
            imported table of labels, and `file` (below the folder), `start` and `end` (seconds) where files are not
            called like the ids.
        methods: by modality ("text", "audio", "vision") an extractor with its settings, or "none"; see
            `extractors.choose_method`. The default is DEFAULTS.
        target, convention: as of `importing.examine_files`.
        processes: that read recordings; this one by default.
        longest: seconds that a sample may last.
        resume: goes on with what was finished before, where that was stopped; else begins anew.
        progress: called with samples done, samples in all, and words.

    Raises:
        NotFound: when folder, table, extractor or setting do not exist.
        InvalidInput: when the table lacks what is needed, or no recording can be read.
        DataUnavailable: when a package is missing, or the disk refuses.
    """
    _read_only.check_allowed("extract features")
    writing.check_set_name(name, replace)
    import_repairs.check_repair_names(repair)
    require_whole("processes", processes, 1, 256)
    longest = require_number("longest", longest, 0.1, media_files.MAX_SECONDS)
    root, recordings, beside = clip_folder.open_folder(folder, [])
    chosen = {key: (methods or {}).get(key, words) for key, words in DEFAULTS.items()}
    records = {
        key: extractors.choose_method(key, words)
        for key, words in chosen.items()
        if words != extractors.NONE
    }
    check(bool(records), "Every extractor is left out. Choose one for a modality at least.")
    with ExitStack() as stack:
        first, second = (stack.enter_context(manifest.staging_folder()) for _ in range(2))
        path = labels or find_label_table(root)
        table = open_table(path)
        raw = read_rows(table, find_recorded_roles(table), tuple(records))
        raw.title = root.name
        raw.kind = "recordings"
        raw.files = [describe_file(path)]
        takes, failures = match_takes(root, recordings, beside, table, raw)
        draft = manifest.imported_root() / f".extract-{name}"
        with (
            manifest.translate_disk_errors("The features"),
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
            remove_features(draft)
        done = feature_paths(root, takes, records, longest, draft)
        todo = [row for row in takes if _disk_cache.read_arrays(done[row]) is None]
        resumed = len(takes) - len(todo)
        how = {"methods": records, "longest": longest}
        names = {
            name: extractors.cached_extractor(name, record).names
            for name, record in records.items()
        }
        why = _write_features(
            partial(write_features, records, longest), takes, todo, done, processes, progress
        )
        for row, words in why.items():
            failures.append(
                Failure(str(raw.ids[row]), os.path.relpath(takes.pop(row).path, root), words)
            )
        check(bool(takes), f"No recording can be read. {failures[0].why if failures else ''}")
        if failures:
            first_ones = "; ".join(f"{one.id[:60]}: {one.why[:200]}" for one in failures[:SHOWN])
            raw.note(
                "left-out", f"{count(len(failures), 'sample')} left out. {first_ones}", "warning"
            )
        add_features(raw, takes, done, names)
        staged = stage_set(raw, first, target, convention)
        repairs = [
            *repair,
            *([] if "zero-incomplete" in repair else ["drop-incomplete"]),
            *([] if raw.split is not None else ["make-split"]),
        ]
        examined = ExaminedSet(staged, build_report(staged, progress))
        ready = import_repairs.make_repairs(examined, repairs, second, progress)
        outcome = Extracted(ready.staged, ready.report, failures, resumed)
        for key, record in records.items():
            terms = extractors.find_method(key, record["method"]).terms
            if terms:
                outcome.remarks.append(terms)
        if not outcome.report.errors:
            outcome.place = importing.store_examined(
                outcome,
                name,
                title=title,
                licence=licence,
                replace=replace,
                rates=_step_rates(outcome.staged, records),
                extracted=how | {"left_out": [one._asdict() for one in failures]},
            )
            outcome.remarks += _join_recordings(name, root, takes, raw.ids.tolist(), progress)
            shutil.rmtree(draft, ignore_errors=True)
    return outcome


def _write_features(
    write: Callable[[Take, Path], str],
    takes: Mapping[int, Take],
    todo: Sequence[int],
    done: Mapping[int, Path],
    processes: int,
    progress: Progress,
) -> dict[int, str]:
    """Write the features of rows to files; return the reasons for those whose recordings cannot be read.

    Several at a time are in processes of a pool of the standard library, which end with this one: extractors hold the
    interpreter, so that threads of the executor of long work would wait for each other.
    """
    why = {}
    pace = Pace()
    progress(0, len(todo), "starting")
    with ExitStack() as stack:
        stack.enter_context(manifest.translate_disk_errors("The features"))
        run: Callable[..., Iterator[str]] = map
        if processes > 1:
            pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"))
            run = stack.enter_context(pool).map
        reasons = run(write, [takes[row] for row in todo], [done[row] for row in todo])
        for at, (row, reason) in enumerate(zip(todo, reasons, strict=True), 1):
            if reason:
                why[row] = reason
            progress(at, len(todo), pace.words(at, len(todo), "recordings"))
    return why


def _step_rates(staged: StagedSet, records: Mapping[str, Any]) -> dict[str, float]:
    """Return the steps a second of the modalities that are sequences, by name."""
    rates = {}
    for part in staged.parts:
        settings = records[part.name]["settings"]
        if part.lengths is not None and "rate" in settings:
            rates[part.name] = settings["rate"]
    return rates


def _join_recordings(
    name: str,
    root: Path,
    takes: Mapping[int, Take],
    ids: Sequence[str],
    progress: Progress,
) -> list[str]:
    """Join the recordings to the set that was made of them, and return the problems. A failure affects nothing but
    the recordings.
    """
    parts = {
        id_: Take(Path(take.path).relative_to(root).as_posix(), take.start, take.end)
        for id_, (_, take) in zip(ids, sorted(takes.items()), strict=True)
    }
    try:
        return clip_join.join_recordings(registry.load(name), root, parts, progress).problems
    except (QFusionError, OSError) as error:
        return [f"The set is kept, but its recordings cannot be joined to it: {error}"]
