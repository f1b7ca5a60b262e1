"""Plans of trainings: settings read and checked before anything is created, and runs created and started.

Runs are processes that outlive the one that starts them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from pydantic.fields import FieldInfo

from qfusion import _files, _progress, _read_only, data as sources
from qfusion._checks import check, choose, require_whole
from qfusion.errors import QFusionError, translate_errors
from qfusion.models import build, registry
from qfusion.runs import folder
from qfusion.training import Options, checkpoint_cards, default_options
from qfusion.training.options import complete_options

MOST_KEPT = 100  # epochs after which a model is kept


def default_settings(data: str, model: str) -> dict[str, Any]:
    """Return every setting of a kind of model and of its training on a data set, with the defaults.

    Raises:
        NotFound: when there is no such model or data set.
    """
    return {**registry.settings(model), **default_options(sources.load(data)).model_dump()}


def counterpart(data: str, model: str, chosen: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the other one of the two systems and its settings on equal terms. Settings that both have are as in
    `chosen`, or as the defaults of the first; the rest are its own defaults.
    """
    other = next(kind for kind in registry.SYSTEMS if kind != model)
    first, own = {**default_settings(data, model), **chosen}, default_settings(data, other).items()
    if first["input_dropout"] < 0:  # in QiNN-QJ as the other dropout
        first["input_dropout"] = first["dropout"]
    return other, {key: first[key] for key, default in own if first.get(key, default) != default}


def setting_fields(model: str) -> dict[str, FieldInfo]:
    """Return the descriptions of every setting of a kind of model and of its training.

    Raises:
        NotFound: when there is no such model.
    """
    return {**registry.settings_type(model).model_fields, **Options.model_fields}


def read_settings(
    model: str, chosen: Mapping[str, Any], dataset: sources.DataSet
) -> tuple[dict[str, Any], Options]:
    """Return the chosen settings of a kind of model, and the options of its training on a data set. A text is read as a
    value of its setting.

    Args:
        model, chosen: see `make_plan`.
        dataset: what is trained on.

    Raises:
        InvalidInput, NotFound: when a setting does not exist or a value is impossible.
    """
    settings, options, known = {}, {}, setting_fields(model)
    for key, value in chosen.items():
        choose("Setting", key, known)
        if key in Options.model_fields:
            options[key] = value
        else:
            settings[key] = value
    checked = registry.settings_type(model)(**settings)
    return checked.model_dump(include=set(settings)), complete_options(dataset, options)


def make_plan(
    data: str,
    model: str,
    chosen: Mapping[str, Any],
    seed: int = 0,
    title: str = "",
    replay: int = 0,
) -> folder.Plan:
    """Return the plan of a training, checked as far as possible without training.

    Args:
        data: as `qfusion.data.load` takes it.
        model: kind of model.
        chosen: settings of the model and options of the training by name, as `setting_fields` lists them; a text is
            read as a value of its setting.
        seed, title, replay: see `Plan`.

    Raises:
        InvalidInput, NotFound: when a name does not exist or a value is impossible, also for this data set.
    """
    require_whole("replay", replay, 0, MOST_KEPT)
    dataset = sources.load(data)
    settings, options = read_settings(model, chosen, dataset)
    default, target = default_options(dataset), dataset.target
    with torch.device("meta"):  # is it a model that can be built? Its shapes say so
        planned = build(model, dataset.input_specs, target.classes or (target.name,), settings)
    planned.check_trainable()
    return folder.Plan(
        data,
        model,
        settings,
        seed,
        dataset.digest,
        options={
            key: result
            for key, result in options.model_dump().items()
            if result != getattr(default, key)
        },
        title=title,
        replay=replay,
    )


def seed_run_names(name: str, seeds: Sequence[int]) -> list[str]:
    """Return the names of the runs of some seeds: the name itself, or NAME-SEED for several."""
    return [name] if len(seeds) == 1 else [f"{name}-{seed}" for seed in seeds]


def check_names(names: Sequence[str]) -> None:
    """Raise InvalidInput when a name is not one, or is that of a run or of a model."""
    for name in names:
        folder.check_free(name)
        check(
            not (folder.runs_folder() / name / "plan.json").exists(),
            f"A run called {name!r} is there already. Choose another name.",
        )


def choose_free_name(stem: str, taken: Iterable[str] = (), seeds: Sequence[int] = (0,)) -> str:
    """Return a name that no run, no model and nothing else that is `taken` has: STEM, or STEM.2, ..., free with all of
    some seeds."""
    stem = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in stem)[:48]
    known = {
        *taken,
        *checkpoint_cards.available(),
        *(path.name for path in folder.runs_folder().glob("*")),
    }
    names = (stem, *(f"{stem}.{n}" for n in range(2, len(known) + 3)))
    return next(name for name in names if not known & {name, *seed_run_names(name, seeds)})


def start_runs(plans: Mapping[str, folder.Plan], events: bool = False) -> list[folder.Run]:
    """Create runs by name and start each in a separate process. A run that cannot be created or started is not left
    behind.

    Args:
        plans: of the runs by name, see `make_plan`.
        events: see `launch`.

    Raises:
        InvalidInput: when a name is not one or is taken, or nothing can be written.
    """
    check_names(list(plans))
    made: list[folder.Run] = []
    begun = 0
    with translate_errors(
        "The run could not be begun",
        "Free some disk space, or name another folder in QFUSION_RUNS.",
    ):
        try:
            for name, plan_of_run in plans.items():
                made.append(folder.create_run(plan_of_run, name=name))
            for run in made:
                launch_run(run, events)
                begun += 1
        except BaseException:
            for run in made[begun:]:
                run.delete()
            raise
    return made


ROOT = Path(__file__).resolve().parents[2]
COMMAND = ("-m", "qfusion")  # the arguments of Python before those of a command of qfusion
_LOOK = 0.05  # seconds between two looks at a process
_TAIL = 4096  # bytes at the end of what a process prints in which its progress is looked for


def launch_run(run: folder.Run, events: bool = False) -> None:
    """Start or resume the training of a run, and return at once. The output of the process goes to `log.txt`.

    Raises:
        InvalidInput: when it is being trained already.
    """
    check(not run.is_held(folder.PATIENCE), f"Run {run.name} is being trained already.")
    process = start_process(
        [*COMMAND, "train", "--resume", str(run.path), *(["--events"] if events else [])],
        run.path / "log.txt",
    )
    _files.write_file(run.path / "launched", f"{process.pid} {time.monotonic()}")


def run_in_process(work: Callable[..., None], words: Sequence[str], total: int, task: str) -> None:
    """Run a training in a separate process, which prints the amount done, one number per line, and wait for it. It goes
    on when this process ends, and is killed when progress is not wanted any more.

    Args:
        work: function of a module that the process runs.
        words: arguments of the function.
        total: total amount of work.
        task: name of the task for the display of progress.

    Raises:
        QFusionError: if the process fails, with the last line of its output.
    """
    code = f"import sys, {work.__module__} as made; made.{work.__name__}(*sys.argv[1:])"
    with (
        tempfile.TemporaryDirectory(prefix="qfusion-") as place,
        _progress.progress_shown(task) as tell,
    ):
        log = Path(place) / "log.txt"
        process = start_process(["-c", code, *words], log)
        done = 0
        try:
            while process.poll() is None:
                done = max(done, _read_amount(log))
                tell(done, total)
                time.sleep(_LOOK)
        except BaseException:
            process.kill()
            raise
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    if process.returncode:
        raise QFusionError(([line for line in lines if line] or ["the process was killed"])[-1])


def _read_amount(log: Path) -> int:
    """Return the last number that a process has printed on a line of its own, or 0 if it is not near the end."""
    with log.open("rb") as file:
        start = max(0, log.stat().st_size - _TAIL)
        file.seek(start)
        lines = file.read().decode("utf-8", errors="replace").split("\n")
    whole = lines[1:-1] if start else lines[:-1]
    return int(next((line for line in reversed(whole) if line.isdecimal()), 0))


def start_process(
    arguments: Sequence[str], log: Path, variables: Mapping[str, str] = MappingProxyType({})
) -> subprocess.Popen[bytes]:
    """Start Python in a process that outlives this one; return at once.

    Args:
        arguments: of Python. log: file to which what it prints is added. variables: of the environment, besides those
            of this process.
    """
    _read_only.check_allowed("start a process")
    paths = filter(None, (str(ROOT), os.environ.get("PYTHONPATH", "")))
    own = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # so that an interrupt of this process does not end it
            env={**os.environ, **own, **variables},
        )
    # it leaves no zombie behind; the executor of long work would wait for it at the end of this process
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def is_starting(run: folder.Run) -> bool:
    """Return whether a process was just launched for the run that does not hold its lock yet, as it loads its
    libraries first."""
    try:
        pid, began = (run.path / "launched").read_text(encoding="utf-8")[:60].split()
        # by then it has taken the lock, or never will; since the machine was started: no clock that is set
        soon = 0 <= time.monotonic() - float(began) < 120.0
        return soon and _files.is_running(int(pid)) and run.record().pid != int(pid)
    except (OSError, ValueError, QFusionError):
        return False
