"""Dask clusters of processes of this machine, and workers that are killed."""

from __future__ import annotations

import asyncio
import importlib
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from qfusion.cli import main
from qfusion.commands import common
from qfusion.data import load
from qfusion.runs import cluster
from scripts.serving import free_port

FORK = multiprocessing.get_context("fork")
OWN = ("RUNS", "MODELS", "IMPORTED", "CACHE")


class Servers(NamedTuple):
    """A scheduler and its workers."""

    address: str
    scheduler: Any
    workers: tuple[Any, ...]

    def alive(self) -> list[bool]:
        """Which workers are, those that are not first."""
        return sorted(worker.is_alive() for worker in self.workers)


def slow_down(module: Any, name: str) -> None:
    """Lets a function take a while, so that something can happen meanwhile."""
    whole = getattr(module, name)

    def slow(*words: Any) -> Any:
        time.sleep(0.15)
        return whole(*words)

    setattr(module, name, slow)


def _serve(kind: str, home: Path, prepare: Callable[[], None], *words: Any, **named: Any) -> None:
    """A scheduler or a worker, in a process whose files are its own; a kill is a kill: nobody starts it again."""
    os.environ.update({f"QFUSION_{name}": str(home / name.lower()) for name in OWN})
    os.environ["QFUSION_RUNS"] = str(home.parent / "runs")
    os.chdir(home)
    prepare()
    sink = os.open(home / f"{kind}.log", os.O_WRONLY | os.O_CREAT)
    os.dup2(sink, 1), os.dup2(sink, 2)

    async def go() -> None:
        async with getattr(importlib.import_module("distributed"), kind)(*words, **named) as server:
            await server.finished()

    asyncio.run(go())


@contextmanager
def start_clusters(
    folders: pytest.TempPathFactory,
    sizes: Iterable[tuple[int, ...]],
    prepare: Callable[[], None],
) -> Iterator[list[Servers]]:
    """Clusters of this machine. All begin before the first client, whose threads no fork would have.

    Args:
        sizes: of a cluster, the threads of each worker.
        prepare: called in each process first.
    """
    for name in ("distributed", "torch._dynamo"):  # here once, not in every member
        importlib.import_module(name)
    common.open_model("qj-planted", None).background  # noqa: B018
    load("digits")
    clusters: list[Servers] = []

    def begin(kind: str, *words: Any, **named: Any) -> Any:
        home = folders.mktemp(kind.lower())
        process = FORK.Process(target=_serve, args=(kind, home, prepare, *words), kwargs=named)
        process.start()
        return process

    for threads in sizes:
        port = free_port()
        address = f"tcp://127.0.0.1:{port}"
        scheduler = begin("Scheduler", host="127.0.0.1", port=port, dashboard=False)
        workers = [begin("Worker", address, nthreads=n, dashboard=False) for n in threads]
        clusters.append(Servers(address, scheduler, tuple(workers)))
    yield clusters
    for servers in clusters:
        for process in (*servers.workers, servers.scheduler):
            process.kill()
            process.join()


def use_own_places(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps what the tests make in a folder, and waits longer: a busy machine is no failure."""
    for name in OWN:
        monkeypatch.setenv(f"QFUSION_{name}", str(folder / name.lower()))
    monkeypatch.setattr(cluster, "WAIT", 60.0)


def at_work(dask_worker: Any) -> int:
    """How many parts a worker is at."""
    return len(dask_worker.state.executing)


def kill_at_work(
    monkeypatch: pytest.MonkeyPatch, ready: Callable[[int], bool] = lambda busy: True
) -> list[int]:
    """Kills a worker that is at work once the first part has come, and so many that are at work are `ready`; the list
    then holds its process."""
    gone: list[int] = []
    whole = cluster.map_parts

    def over(client: Any, *words: Any, **named: Any) -> Iterator[tuple[int, Any]]:
        for part in whole(client, *words, **named):
            while not gone:
                busy = [place for place, keys in client.processing().items() if keys]
                assert busy, "all parts were done before one could be killed"
                if not client.run(at_work, workers=busy[:1])[busy[0]] or not ready(len(busy)):
                    time.sleep(0.01)  # it has a part, and has not begun
                    continue
                gone.append(client.run(os.getpid, workers=busy[:1])[busy[0]])
                os.kill(gone[0], signal.SIGKILL)
            yield part

    monkeypatch.setattr(cluster, "map_parts", over)
    return gone


def printed(words: list[object], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What a command prints as JSON."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    out, err = capsys.readouterr()
    assert ended.value.code == 0, err
    return json.loads(out)


def refused(words: list[object], capsys: pytest.CaptureFixture[str]) -> str:
    """The line with which a command ends that cannot work."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (1, "")
    (line,) = (line for line in err.splitlines() if line.startswith("qfusion: error: "))
    return line
