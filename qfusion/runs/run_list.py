"""Creation of runs, and the list of those in the folder of runs."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from qfusion import _files, _read_only
from qfusion._checks import check, choose
from qfusion.errors import translate_errors
from qfusion.runs.folder import Run, runs_folder
from qfusion.runs.run_names import check_free
from qfusion.runs.specifications import Plan
from qfusion.training import checkpoint_folders


def create_run(plan: Plan, path: str | Path | None = None, name: str = "") -> Run:
    """Create the folder of a new run and return the run. The training is not started.

    Args:
        plan: specification of the training, which is checked when the training starts.
        path: folder of the run; by default a folder called `name` in the folder of runs.
        name: name of the run, where `path` is not given.

    Raises:
        InvalidInput: if the name is invalid or taken, or the folder cannot be written to.
    """
    _read_only.check_allowed("train a model")
    if path is None:
        check_free(name)
    target = runs_folder() / name if path is None else Path(path)
    check(
        not (target / "plan.json").exists(),
        f"A run called {target.absolute().name!r} is there already. Choose another name, or go on with that one.",
    )
    with translate_errors(f"{target} cannot be made", "Choose a folder that you may write to."):
        if path is None:
            for parent in (target.parent, checkpoint_folders.folders()[-1]):
                parent.mkdir(parents=True, exist_ok=True)
        target.mkdir(exist_ok=True)
    run = Run(target)
    with run.lock():
        check(
            not (target / "plan.json").exists(),
            f"A run called {run.name!r} is there already. Choose another name.",
        )
        with _files.atomic(target / "plan.json") as part:
            part.write_text(json.dumps(asdict(plan), indent=1, allow_nan=False), encoding="utf-8")
            newest = max((created for _, created in _runs_with_times()), default=0)
            if path is None and newest >= part.stat().st_mtime_ns:
                # the clock was set back, but the new run must still be listed as the newest
                os.utime(part, ns=(newest + 1000, newest + 1000))
    return run


def list_runs() -> list[Run]:
    """Return all runs in the folder of runs, newest first."""
    return [run for run, _ in sorted(_runs_with_times(), key=lambda entry: -entry[1])]


def _runs_with_times() -> Iterator[tuple[Run, int]]:
    """Yield all runs with their creation times in nanoseconds. Runs that another process deletes meanwhile are left
    out.
    """
    for path in runs_folder().glob("[!.]*/plan.json"):
        with contextlib.suppress(OSError):
            yield Run(path.parent), path.stat().st_mtime_ns


def find_run(name: str) -> Run:
    """Return a run by its name.

    Raises:
        NotFound: when there is none.
    """
    known = {run.name: run for run in list_runs()}
    return known[choose("Run", name, known)]
