"""A cluster gives the results of one process bit for bit, also when a worker is killed; unsupported requests are
refused. Scheduler and workers are processes of this machine."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from qfusion.commands import explain
from qfusion.errors import DataUnavailable, InvalidInput
from qfusion.explain import backgrounds
from qfusion.runs import cluster
from tests.support import dask_clusters
from tests.support.dask_clusters import Servers, printed, refused


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Servers]]:
    """Two clusters of two workers, one whose worker has two threads, and one that loses three workers."""

    def prepare() -> None:
        dask_clusters.slow_down(explain, "contribution_rows")

    sizes = ((1, 1), (1, 1), (2,), (1, 1, 1))
    with dask_clusters.start_clusters(tmp_path_factory, sizes, prepare) as clusters:
        yield clusters


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dask_clusters.use_own_places(tmp_path, monkeypatch)


def test_killed_worker_does_not_change_results(
    several: list[Servers],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backgrounds, "CHUNK", 30)  # ten parts; workers are told their rows
    words = ["explain", "--model", "qj-planted", "--split", "valid", "--json"]
    words += ["--noise", "audio=0.5", "--swap", "vision"]
    alone = printed([*words, "--out", tmp_path / "alone.parquet"], capsys)
    there = ["--cluster", several[0].address]
    gone = dask_clusters.kill_at_work(monkeypatch)
    shared = printed([*words, "--out", tmp_path / "shared.parquet", *there], capsys)
    one, two = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("alone", "shared"))
    pd.testing.assert_frame_equal(one, two, rtol=0, atol=1e-12)
    assert len(one) == 300
    assert {**shared, "seconds": 0, "out": ""} == {**alone, "seconds": 0, "out": ""}
    assert shared["seconds"] > 0
    assert several[0].alive() == [False, True]
    assert len(gone) == 1
    for more in (["--missing", "text"], ["--method", "states"]):
        words = ["evaluate", "--model", "qj-planted", "--json", *more]
        alone, shared = printed(words, capsys), printed([*words, *there], capsys)
        assert shared.pop("metrics") == pytest.approx(alone.pop("metrics"), abs=1e-12)
        assert shared == alone


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


def test_a_cluster_of_one_sample_is_refused(capsys: Any) -> None:
    words = ["explain", "--model", "qj-planted", "--sample", "p0031"]
    line = refused([*words, "--cluster", "tcp://127.0.0.1:1"], capsys)
    assert "`--cluster`" in line
    assert "--split" in line
