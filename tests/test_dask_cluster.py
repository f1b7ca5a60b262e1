"""A cluster gives the results of one process bit for bit, also when a worker is killed; unsupported requests are
refused. Scheduler and workers are processes of this machine."""

from __future__ import annotations

import asyncio
import importlib
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
from optuna.trial import TrialState

from qfusion.cli import main
from qfusion.commands import explain, opened_model
from qfusion.data import load
from qfusion.errors import DataUnavailable, InvalidInput
from qfusion.explain import backgrounds
from qfusion.runs import cluster, sweep_storage, sweeps
from scripts.serving import free_port

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import leaderboard  # noqa: E402
import leaderboard_terms as terms  # noqa: E402

FORK = multiprocessing.get_context("fork")
OWN = ("RUNS", "MODELS", "IMPORTED", "CACHE")


class Servers(NamedTuple):
    """A scheduler and its workers."""

    address: str
    scheduler: Any
    workers: tuple[Any, ...]


def slowly(module: Any, name: str) -> None:
    """Lets a function take a while, so that something can happen meanwhile."""
    whole = getattr(module, name)

    def slow(*words: Any) -> Any:
        time.sleep(0.15)
        return whole(*words)

    setattr(module, name, slow)


def _serve(kind: str, home: Path, *words: Any, **named: Any) -> None:
    """A scheduler or a worker, in a process whose files are its own; a kill is a kill: nobody starts it again."""
    os.environ.update({f"QFUSION_{name}": str(home / name.lower()) for name in OWN})
    sweep_storage.BEAT, sweep_storage.SILENT = 1, 3
    os.environ["QFUSION_RUNS"] = str(home.parent / "runs")
    os.chdir(home)
    slowly(explain, "contribution_rows"), slowly(sweeps, "_value")
    sink = os.open(home / f"{kind}.log", os.O_WRONLY | os.O_CREAT)
    os.dup2(sink, 1), os.dup2(sink, 2)

    async def go() -> None:
        async with getattr(importlib.import_module("distributed"), kind)(*words, **named) as server:
            await server.finished()

    asyncio.run(go())


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Servers]]:
    """Two clusters of two workers, of which each loses one, one whose worker has two threads, and one that loses three
    workers: all begun before the first client, whose threads no fork would have."""
    for name in ("distributed", "optuna", "torch._dynamo"):  # here once, not in every member
        importlib.import_module(name)
    opened_model.open_model("qj-planted", None).background  # noqa: B018
    load("digits")
    recipe = terms.PLACES["digits"].recipe
    quick = replace(recipe, options=recipe.options | dict(epochs=1))
    before = terms.PLACES["digits"]
    terms.PLACES["digits"] = replace(before, recipe=quick)
    clusters: list[Servers] = []

    def begin(kind: str, *words: Any, **named: Any) -> Any:
        home = tmp_path_factory.mktemp(kind.lower())
        process = FORK.Process(target=_serve, args=(kind, home, *words), kwargs=named)
        process.start()
        return process

    for threads in ((1, 1), (1, 1), (2,), (1, 1, 1)):
        port = free_port()
        address = f"tcp://127.0.0.1:{port}"
        scheduler = begin("Scheduler", host="127.0.0.1", port=port, dashboard=False)
        workers = [begin("Worker", address, nthreads=n, dashboard=False) for n in threads]
        clusters.append(Servers(address, scheduler, tuple(workers)))
    yield clusters
    for each in clusters:
        for process in (*each.workers, each.scheduler):
            process.kill()
            process.join()
    terms.PLACES["digits"] = before


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OWN:
        monkeypatch.setenv(f"QFUSION_{name}", str(tmp_path / name.lower()))
    monkeypatch.setattr(cluster, "WAIT", 60.0)  # a busy machine is no failure


def at_work(dask_worker: Any) -> int:
    """How many parts a worker is at."""
    return len(dask_worker.state.executing)


@pytest.fixture
def killing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Kills a worker that is at work once the first part has come, and so many that are at work are `ready`; the list
    then holds its process."""

    def begin(ready: Callable[[int], bool] = lambda busy: True) -> list[int]:
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

    return begin


def alive(servers: Servers) -> list[bool]:
    """Which workers are, those that are not first."""
    return sorted(worker.is_alive() for worker in servers.workers)


def said(words: list[object], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
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


def test_killed_worker_does_not_change_results(
    several: list[Servers],
    killing: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backgrounds, "CHUNK", 30)  # ten parts; workers are told their rows
    words = ["explain", "--model", "qj-planted", "--split", "valid", "--json"]
    words += ["--noise", "audio=0.5", "--swap", "vision"]
    alone = said([*words, "--out", tmp_path / "alone.parquet"], capsys)
    there = ["--cluster", several[0].address]
    gone = killing()
    shared = said([*words, "--out", tmp_path / "shared.parquet", *there], capsys)
    one, two = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("alone", "shared"))
    pd.testing.assert_frame_equal(one, two, rtol=0, atol=1e-12)
    assert len(one) == 300
    assert {**shared, "seconds": 0, "out": ""} == {**alone, "seconds": 0, "out": ""}
    assert shared["seconds"] > 0
    assert alive(several[0]) == [False, True]
    assert len(gone) == 1
    for more in (["--missing", "text"], ["--way", "states"]):
        words = ["evaluate", "--model", "qj-planted", "--json", *more]
        alone, shared = said(words, capsys), said([*words, *there], capsys)
        assert shared.pop("metrics") == pytest.approx(alone.pop("metrics"), abs=1e-12)
        assert shared == alone


def test_a_killed_worker_loses_no_trial(
    several: list[Servers], killing: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the same values, as long as what is tried next does not depend on what has ended."""
    words = ["sweep", "--data", "digits", "--model", "linear", "--trials", "4", "--json"]
    words += ["--range", "rate=1e-3:1e-1:log", "--set", "epochs=2", "--set", "batch=256"]
    alone = said([*words, "--name", "alone"], capsys)

    def begun(busy: int) -> bool:
        return len(sweeps.find("shared").study.get_trials(states=[TrialState.RUNNING])) == busy

    gone = killing(begun)
    shared = said([*words, "--name", "shared", "--cluster", several[1].address], capsys)
    assert shared["best"] == alone["best"]
    assert shared["trials"] == alone["trials"]
    one, two = (sweeps.find(name) for name in ("alone", "shared"))
    assert [a.history for a in one.attempts()] == [a.history for a in two.attempts()]
    assert alive(several[1]) == [False, True]
    assert len(gone) == 1
    # What it had begun is begun again, unless it had ended just before: then no trial is left unfinished.
    trials = two.study.get_trials()
    assert len(trials) > 4 or [one.state for one in trials] == [TrialState.COMPLETE] * 4


def test_board_records_equal_those_of_one_process(several: list[Servers], tmp_path: Path) -> None:
    wanted = [leaderboard.Run("digits", "late", seed) for seed in (0, 1)]
    one, two = (
        leaderboard.collect(wanted, tmp_path / f"{name}.jsonl", folder, address=address)
        for name, folder, address in (
            ("alone", tmp_path / "alone", ""),
            ("shared", tmp_path / "shared", several[0].address),
        )
    )
    for alone, shared in zip(one, two, strict=True):
        assert shared["test"] == pytest.approx(alone["test"], abs=1e-9)
        assert shared["key"] == alone["key"]
        assert shared["epochs"] == 1
    assert set(leaderboard.read(tmp_path / "shared.jsonl")) == {run.key for run in wanted}
    robust = leaderboard.robust(one, tmp_path / "alone")["digits"]["late"]
    assert (tmp_path / "shared" / f"robustness-{wanted[0].key}.json").is_file()
    shared = leaderboard.robust(two, tmp_path / "shared")["digits"]["late"]
    assert [row["accuracy"] for row in shared] == pytest.approx(
        [row["accuracy"] for row in robust], abs=1e-9
    )


def test_cluster_without_workers_times_out(
    several: list[Servers], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    out, there = tmp_path / "table.csv", several[1].address
    words = ["explain", "--model", "qj-planted", "--split", "test", "--cluster", there]
    with cluster.connect(there) as client:
        parts = cluster.map_parts(client, time.sleep, [(0.1,)] * 9)
        assert next(parts)[0] == 0
        monkeypatch.setattr(cluster, "WAIT", 3.0)
        monkeypatch.setattr(cluster, "BEAT", 0.2)
        for worker in several[1].workers:
            worker.kill()
        with pytest.raises(DataUnavailable, match=r"cut off.*Only 0/1 workers"):
            list(parts)
    line = refused([*words, "--out", out], capsys)
    assert there in line
    assert "has none that load this qfusion (Only 0/1 workers" in line
    assert "dask worker" in line
    assert not out.exists()


def test_a_worker_may_die_while_a_command_connects(
    several: list[Servers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as another lives: two of three die one after the other, then the last."""
    engine: Any = importlib.import_module("distributed")
    there, run = several[3], engine.Client.run
    left = list(there.workers)

    def dies(client: Any, *words: Any, **named: Any) -> Any:
        monkeypatch.setattr(engine.Client, "run", run)
        last = left.pop()
        os.kill(last.pid, signal.SIGSTOP)  # it is asked, and does not answer
        killer = threading.Timer(0.5, last.kill)
        killer.start()
        try:
            return run(client, *words, **named)
        finally:
            killer.join()

    for wanted in (2, 1):
        monkeypatch.setattr(engine.Client, "run", dies)
        with cluster.connect(there.address) as client:
            assert [part for _, part in cluster.map_parts(client, abs, [(-1,), (2,)])] == [1, 2]
        assert len(left) == wanted
    monkeypatch.setattr(cluster, "WAIT", 2.0)
    monkeypatch.setattr(engine.Client, "run", dies)
    with (
        pytest.raises(InvalidInput, match="has none that load this qfusion"),
        cluster.connect(there.address),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tcp://127.0.0.1:1", "Timed out"),
        ("nonsense", "missing port"),
        ("tls://127.0.0.1:1", "TLS"),
        ("http://127.0.0.1:8786", "unknown address scheme"),
    ],
)
def test_unreachable_cluster_is_reported(
    address: str, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr(cluster, "WAIT", 1.0)
    begin = time.monotonic()
    line = refused(["evaluate", "--model", "qj-planted", "--cluster", address], capsys)
    for part in ("`--cluster`", repr(address), words, "dask scheduler"):
        assert part in line
    assert time.monotonic() - begin < 20


def test_workers_with_different_versions_are_refused(
    several: list[Servers], monkeypatch: Any
) -> None:
    def why(place: Servers) -> str:
        with pytest.raises(InvalidInput) as error, cluster.connect(place.address):
            pass
        return str(error.value)

    assert "one thread each" in why(several[2])
    ours = cluster.versions()
    assert "torch" in ours
    with cluster.connect(several[0].address) as client:
        assert [part for _, part in cluster.map_parts(client, cluster.versions, [()])] == [ours]
        monkeypatch.setattr(cluster, "versions", lambda: ours.replace("torch 2.", "torch 1."))
        with pytest.raises(InvalidInput, match=r"has .*torch 2\..*but the command .*torch 1\."):
            list(cluster.map_parts(client, time.sleep, [(0,)]))  # also one that comes later
    assert "Install the same on both" in why(several[0])


def test_missing_package_is_reported(capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    line = refused(["evaluate", "--model", "qj-planted", "--cluster", "tcp://127.0.0.1:1"], capsys)
    assert "Sharing work with a cluster needs the extra `cluster`" in line


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["explain", "--model", "qj-planted", "--sample", "p0031"], "--split"),
        (["sweep", "--name", "first", "--jobs", "2"], "--jobs"),
    ],
)
def test_unsupported_cluster_commands_are_refused(
    words: list[object], why: str, capsys: Any
) -> None:
    line = refused([*words, "--cluster", "tcp://127.0.0.1:1"], capsys)
    assert "`--cluster`" in line
    assert why in line
