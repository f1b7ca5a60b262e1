"""What one process of the tests has worked out, the others read: results of models on data sets, in a folder of this
run of the tests.

    python -m tests.support.sharing run app.py ...      the app, as `python -m streamlit`, with results shared

A result is kept under what decides it, as `qfusion._memory_cache` keys it within a process: digests of weights, data
and background, and the arguments. The folder begins empty with every run, so that nothing of other code is found. What
checks that two processes come to the same (`tests.support.exporting`, the wheel, commands of their own) does not
import this module.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import inspect
import io
import os
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from qfusion.data import DataSet

# a server that shares; what it is asked first, it need not work out
APP = (sys.executable, "-m", "tests.support.sharing", "run", "app.py")
FOLDER = "QFUSION_TESTS_SHARED"
WORTH = 0.15  # seconds: what is worked out faster is not written
MAX_BYTES = 64_000_000  # bytes


def on_disk(
    function: Callable[..., Any], key: Callable[[Any, bool], Any], background: bool = True
) -> Callable[..., Any]:
    """A function of a subject that looks first whether another process has its result."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def found(*args: Any, **kwargs: Any) -> Any:
        asked = signature.bind(*args, **kwargs)
        asked.apply_defaults()
        subject, *others = [*asked.arguments.values()] or [None]
        if isinstance(subject, DataSet):  # a visitor's samples behind a set are not in its digest
            whole: Any = None if subject.own is not None else subject.digest
        elif hasattr(subject, "memo_key") and isinstance(subject.model, torch.nn.Module):
            whole = key(subject, background), _exact(subject.model)
        else:
            whole = None
        if not os.environ.get(FOLDER) or whole is None:  # an empty name: nothing is shared
            return function(*args, **kwargs)
        keys = [key(each, background) for each in others]
        said = repr((function.__module__, function.__qualname__, whole, keys))
        if " at 0x" in said:  # what differs from process to process
            return function(*args, **kwargs)
        place = Path(os.environ[FOLDER]) / hashlib.sha256(said.encode()).hexdigest()
        with place.with_suffix(".lock").open(
            "w"
        ) as lock:  # two that need the same work it out once
            fcntl.flock(lock, fcntl.LOCK_EX)
            if place.exists():
                return pickle.loads(place.read_bytes())
            began = time.thread_time()
            result = function(*args, **kwargs)
            if time.thread_time() - began > WORTH:
                _write(place, result)
        return result

    return found


def _exact(model: Any) -> Any:
    """What tells a model from another even where a test has changed its weights under the same card."""
    weights = hashlib.sha256()
    for name, each in model.state_dict().items():
        weights.update(name.encode() + each.detach().cpu().numpy().tobytes())
    return type(model).__name__, model.settings, getattr(model, "tweak", None), weights.hexdigest()


class _Pickler(pickle.Pickler):
    """Refuses what is shared by identity within a process: subjects and models."""

    def reducer_override(self, found: Any) -> Any:
        if isinstance(found, torch.nn.Module) or hasattr(type(found), "memo_key"):
            raise pickle.PicklingError(type(found).__name__)
        return NotImplemented


def _write(place: Path, result: Any) -> None:
    content = io.BytesIO()
    try:
        _Pickler(content).dump(result)
    except (
        TypeError,
        AttributeError,
        pickle.PicklingError,
    ):  # it holds what belongs to this process
        return
    if content.tell() < MAX_BYTES:
        place.with_suffix(".part").write_bytes(content.getvalue())
        place.with_suffix(".part").rename(place)


def install(times: int = 1) -> None:
    """Has everything that is kept by key, and what subjects work out once, read from the folder; to be called before
    pages are imported.

    Args:
        times: how many times as many results a process keeps as the app does.
    """
    from qfusion import _memory_cache as memory

    bounded = memory.memo

    def memo(size: int, *, background: bool = True, **others: Any) -> Any:
        def decorate(function: Callable[..., Any]) -> Any:
            inner = (
                on_disk(function, memory.argument_key, background)
                if function.__module__.startswith("qfusion.")
                and "stamp" not in others  # it changes
                else function
            )
            return bounded(times * size, background=background, **others)(inner)

        return decorate

    memory.memo = memo  # type: ignore[assignment]
    from qfusion.study import jobs

    jobs.AUTO = 0.0  # nothing is worked out behind the tests that they do not ask for
    from qfusion.study import study as studies
    from qfusion.study.cache import dataset_cache

    def unless_evaluated(
        compute: Callable[..., Any], from_disk: Callable[..., Any]
    ) -> Callable[..., Any]:
        """Tests follow how studies of evaluated models compute, so these are not read from the disk."""

        def value(study: Any) -> Any:
            is_evaluated = study.model.family == "evaluated"
            return compute(study) if is_evaluated else from_disk(study)

        return value

    for owner in vars(studies).values():
        if (
            inspect.isclass(owner)
            and owner.__module__ == studies.__name__
            and hasattr(owner, "memo_key")
        ):
            for each in vars(owner).values():
                # what copies of a study share decides their keys
                if isinstance(each, dataset_cache):
                    each.func = unless_evaluated(each.func, on_disk(each.func, memory.argument_key))


if __name__ == "__main__":
    install()
    from streamlit.web import cli

    sys.argv[0] = "streamlit"
    cli.main()
