"""Work that the workers of a cluster share: a Dask scheduler and processes beside it, on one machine or many.

What is sent is small: names, settings and numbers of rows. Workers open model and data themselves, and only where they
run what this process runs. Dask gives to others what a worker had that has gone.
"""

import gc
import hashlib
import importlib.metadata
import itertools
import logging
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from qfusion import __version__
from qfusion._checks import check
from qfusion._lazy import load
from qfusion._memory_cache import memo
from qfusion.errors import DataUnavailable, QFusionError, translate_errors, translate_system_errors

# seconds in which a scheduler answers and has a worker, also once its last one has gone; seconds between two looks at
# what has ended; parts for each worker that are sent before their turn
WAIT, BEAT, AHEAD = 10.0, 2.0, 4
START = (
    "Start `dask scheduler` and, with this Python, these packages and this qfusion, `dask worker ADDRESS --nthreads 1 "
    "--nworkers N`; see docs/scale-out.md."
)


@memo(1)
def versions() -> str:
    """Return the versions that determine numbers in this process. For qfusion they include a digest of its files."""
    digest = hashlib.sha256(
        b"".join(path.read_bytes() for path in sorted(Path(__file__).parents[1].rglob("*.py")))
    ).hexdigest()
    packages = (
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "numpy", "distributed")
    )
    return f"Python {platform.python_version()}, {', '.join(packages)}, qfusion {__version__} ({digest[:8]})"


def _run_part(theirs: str, threads: int, work: Callable[..., Any], *arguments: Any) -> Any:
    """Run one part of the work on a worker. Errors say where it was run.

    Args:
        theirs: `versions` of who sends it. threads: of torch there, on whose number the last digits depend.
    """
    where = f"The worker of `--cluster` on {platform.node()}"
    check(
        theirs == versions(),
        f"{where} has {versions()}, but the command {theirs}. Install the same on both, and start the worker again.",
    )
    torch.set_num_threads(threads)
    with (
        translate_errors(
            f"{where} cannot do its part",
            "Start it with the same models, data and runs (QFUSION_MODELS, QFUSION_DATA, QFUSION_IMPORTED, "
            "QFUSION_RUNS) where it can read them.",
            *(QFusionError, TimeoutError),
            why="{words}",
        ),
        translate_system_errors(),
    ):
        return work(*arguments)


def map_parts(
    client: Any,
    work: Callable[..., Any],
    arguments: Iterable[tuple[Any, ...]],
    ordered: bool = True,
) -> Iterator[tuple[int, Any]]:
    """Yield number and result of every part, in their order or as they end.

    Args:
        client: see `connect`. work: a function of a module that workers import, too.
        arguments: of it, a part each.

    Raises:
        InvalidInput: what a worker refuses. DataUnavailable: when workers or scheduler are gone.
    """
    engine = load("distributed")
    waiting: dict[Any, int] = {}
    left, most = enumerate(arguments), AHEAD * len(client.nthreads())
    while True:
        for number, words in itertools.islice(left, most - len(waiting)):
            waiting[
                client.submit(
                    _run_part, versions(), torch.get_num_threads(), work, *words, pure=False
                )
            ] = number
        if not waiting:
            return
        with translate_errors(
            "What the workers of `--cluster` were to do was cut off: the scheduler has gone, or all of them, or one "
            "after the other with the same part",
            f"{START} Then give the command again.",
            *(OSError, ImportError, CancelledError, engine.KilledWorker),
            error=DataUnavailable,
            why="{kind}: {words}",
        ):
            client.wait_for_workers(1, WAIT)  # the last one may be started anew
            with suppress(TimeoutError):  # also where a worker goes with what it had done
                ended, *_ = engine.wait(
                    list(waiting)[: 1 if ordered else None], BEAT, "FIRST_COMPLETED"
                ).done
                result = ended.result(WAIT)
                yield waiting.pop(ended), result


def _ask_all(client: Any) -> None:
    """Check that all workers have the same versions and settings as this process. Workers that leave meanwhile are
    ignored, as long as one answers.

    Raises:
        OSError: when none is there, or answers, in time. Exception: what a worker says.
    """
    until = time.monotonic() + WAIT
    while True:
        client.wait_for_workers(1, WAIT)
        words = (versions(), torch.get_num_threads(), versions)
        answers = client.run(_run_part, *words, on_error="return").values()
        errors = [answer for answer in answers if isinstance(answer, Exception)]
        for error in errors:
            if not isinstance(error, OSError):  # which is how one that has gone answers
                raise error
        if len(errors) < len(answers):
            return
        if time.monotonic() > until:
            raise OSError("None of its workers answers.")


@contextmanager
def connect(address: str) -> Iterator[Any]:
    """Context manager that yields Dask's client of a scheduler whose workers match this process. Without an address it
    yields None.

    Raises:
        InvalidInput: when it does not answer, has no workers, or others than are needed.
        MissingPackage: when Dask is not installed.
    """
    if not address:
        yield None
        return
    engine = load("distributed")
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # errors say it
    what = f"Argument `--cluster` must be the address of a Dask scheduler that has workers, but {address[:80]!r}"
    with translate_errors(
        f"{what} does not answer in {WAIT:.0f} seconds, or is none",
        START,
        *(OSError, ValueError, TypeError),
        why="{words}",
    ):
        gc.collect()  # one that could not connect waits, as it goes, for a lock that the next one's start holds
        client = engine.Client(address, timeout=WAIT)
    with client:
        theirs, _, ours = (part.get("packages") for part in client.get_versions().values())
        check(
            all(theirs[name] == ours[name] for name in ("python", "distributed")),
            f"The scheduler of `--cluster` has Python {theirs['python']} and distributed {theirs['distributed']}, but "
            f"the command {ours['python']} and {ours['distributed']}. Install the same on both, and start it again.",
        )
        with translate_errors(
            f"{what} has none that load this qfusion",
            f"{START} From a checkout, they need PYTHONPATH=FOLDER of it.",
            *(OSError, ImportError, AttributeError),
            why="{words}",
        ):
            _ask_all(client)
        check(
            set(client.nthreads().values()) <= {1},
            "Workers of `--cluster` must have one thread each, since all threads of a process draw the same random "
            f"numbers, but some have more. {START}",
        )
        yield client
