"""Work that the workers of a cluster share: a Dask scheduler and processes beside it, on one machine or many.

What is sent is small: names, settings and numbers of rows. Workers open model and data themselves, and only where they
run what this process runs. Dask gives to others what a worker had that has gone.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import os
import platform
import socket
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from qfusion import __version__, _files
from qfusion._checks import check
from qfusion.errors import DataUnavailable, QFusionError, provided, refused

WAIT = (
    10.0  # seconds in which a scheduler answers and has a worker, also once its last one has gone
)
BEAT = 2.0  # seconds after which is looked whether there are workers still
AHEAD = 4  # parts for each worker that are sent before their turn
START = (
    "Start `dask scheduler` and, with the same Python and packages, `dask worker ADDRESS --nthreads 1 --nworkers N`; "
    "see docs/scale-out.md."
)


@cache
def versions() -> str:
    """Returns what decides numbers in this process: versions, of qfusion also a digest of its files."""
    digest, root = hashlib.sha256(), Path(_files.__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(path.read_bytes())
    packages = (f"{name} {metadata.version(name)}" for name in ("torch", "numpy", "distributed"))
    return (
        f"Python {platform.python_version()}, {', '.join(packages)}, qfusion {__version__} "
        f"({digest.hexdigest()[:8]})"
    )


def _at_worker(theirs: str, threads: int, work: Callable[..., Any], *arguments: Any) -> Any:
    """Does a part, on a worker, whose errors say where it was done.

    Args:
        theirs: `versions` of who sends it. threads: of torch there, on whose number the last digits depend.
    """
    where = f"The worker of `--cluster` on {socket.gethostname()} (process {os.getpid()})"
    check(
        theirs == versions(),
        f"{where} has {versions()}, but the command {theirs}. Install the same on both, and start the worker again.",
    )
    torch.set_num_threads(threads)
    with (
        refused(
            f"{where} cannot do its part",
            "Start it with the same models, data and runs (QFUSION_MODELS, QFUSION_DATA, QFUSION_IMPORTED, "
            "QFUSION_RUNS) where it can read them.",
            QFusionError,
            why="{words}",
        ),
        provided(),
    ):
        return work(*arguments)


@dataclass(frozen=True)
class Cluster:
    """A scheduler that answers: its address, Dask's client that talks to it, and Dask."""

    address: str
    client: Any
    engine: Any

    def map(
        self,
        work: Callable[..., Any],
        arguments: Iterable[tuple[Any, ...]],
        ordered: bool = True,
    ) -> Iterator[tuple[int, Any]]:
        """Yields number and result of every part, in their order or as they end.

        Args:
            work: a function of a module that workers import, too. arguments: its arguments, a part each.

        Raises:
            InvalidInput: what a worker refuses. DataUnavailable: when workers or scheduler are gone.
        """
        waiting: dict[Any, int] = {}
        left, most = enumerate(arguments), AHEAD * max(1, len(self.client.nthreads()))
        start = versions(), torch.get_num_threads(), work
        while True:
            for number, words in itertools.islice(left, most - len(waiting)):
                waiting[self.client.submit(_at_worker, *start, *words, pure=False)] = number
            if not waiting:
                return
            with refused(
                f"What the cluster {self.address[:80]!r} was to do was cut off: it has lost its scheduler, all of its "
                "workers, or several in the same part",
                f"{START} Then give the command again.",
                *(OSError, ImportError, CancelledError, self.engine.KilledWorker),
                error=DataUnavailable,
                why="{kind}: {words}",
            ):
                ended = [
                    (waiting.pop(future), future.result())
                    for future in self._ended(list(waiting)[: 1 if ordered else None])
                ]
            yield from ended

    def _ended(self, parts: list[Any]) -> Any:
        """Those of some parts that have ended, as soon as there are any."""
        while True:
            with suppress(TimeoutError):
                return self.engine.wait(parts, BEAT, "FIRST_COMPLETED").done
            if not self.client.nthreads():  # the last one may be started anew
                self.client.wait_for_workers(1, WAIT)


@contextmanager
def connected(address: str) -> Iterator[Cluster | None]:
    """Yields the cluster of a scheduler, whose workers are as this process; None without an address.

    Raises:
        InvalidInput: when it does not answer, has no workers, or others than are needed.
        ModuleNotFoundError: without the package.
    """
    if not address:
        yield None
        return
    engine: Any = importlib.import_module("distributed")  # on demand: it is optional
    with ExitStack() as stack:
        with refused(
            f"Argument `--cluster` must be the address of a Dask scheduler that has workers, but {address[:80]!r} is "
            f"none, or none that answers and has one within {WAIT:.0f} seconds",
            START,
            *(OSError, ValueError, TypeError),
            why="{words}",
        ):
            client = stack.enter_context(engine.Client(address, timeout=WAIT))
            client.wait_for_workers(1, WAIT)
        seen = client.get_versions()
        theirs, ours = (
            [seen[who]["packages"][name] for name in ("python", "distributed")]
            for who in ("scheduler", "client")
        )
        check(
            theirs == ours,
            f"The scheduler of `--cluster` has Python {theirs[0]} and distributed {theirs[1]}, but the command "
            f"{ours[0]} and {ours[1]}. Install the same on both, and start it again.",
        )
        several = [place for place, threads in client.nthreads().items() if threads != 1]
        check(
            not several,
            f"Workers of `--cluster` must have one thread each, since all threads of a process draw from the same "
            f"random numbers, but {', '.join(several[:3])} has more. {START}",
        )
        with refused(
            "The workers of `--cluster` cannot load this qfusion",
            "Install it where they run, or start them with PYTHONPATH=FOLDER of its checkout.",
            *(ImportError, AttributeError),
            why="{words}",
        ):
            client.run(_at_worker, versions(), torch.get_num_threads(), versions)
        yield Cluster(address, client, engine)
