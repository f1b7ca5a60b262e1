"""A sweep on a Dask cluster has the trials of one process, also when a worker is killed."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from qfusion.plugins.sweeps import sweep_storage, sweeps
from tests.support import dask_clusters
from tests.support.dask_clusters import Servers, printed, refused


def prepare() -> None:
    sweep_storage.BEAT, sweep_storage.SILENT = 1, 3
    dask_clusters.slow_down(sweeps, "_value")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A cluster of two workers, of which one is killed."""
    importlib.import_module("optuna")
    with dask_clusters.start_clusters(tmp_path_factory, [(1, 1)], prepare) as clusters:
        yield clusters[0]


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dask_clusters.use_own_places(tmp_path, monkeypatch)


def test_a_killed_worker_loses_no_trial(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the same values, as long as what is tried next does not depend on what has ended."""
    words = ["sweep", "--data", "digits", "--model", "linear", "--trials", "4", "--json"]
    words += ["--range", "rate=1e-3:1e-1:log", "--set", "epochs=2", "--set", "batch=256"]
    alone = printed([*words, "--name", "alone"], capsys)

    def begun(busy: int) -> bool:
        return len(sweeps.find("shared").study.get_trials(states=[TrialState.RUNNING])) == busy

    gone = dask_clusters.kill_at_work(monkeypatch, begun)
    shared = printed([*words, "--name", "shared", "--cluster", servers.address], capsys)
    assert shared["best"] == alone["best"]
    assert shared["trials"] == alone["trials"]
    one, two = (sweeps.find(name) for name in ("alone", "shared"))
    assert [a.history for a in one.attempts()] == [a.history for a in two.attempts()]
    assert servers.alive() == [False, True]
    assert len(gone) == 1
    # What it had begun is begun again, unless it had ended just before: then no trial is left unfinished.
    trials = two.study.get_trials()
    assert len(trials) > 4 or [one.state for one in trials] == [TrialState.COMPLETE] * 4


def test_processes_and_a_cluster_at_once_are_refused(capsys: Any) -> None:
    words = ["sweep", "--name", "first", "--jobs", "2", "--cluster", "tcp://127.0.0.1:1"]
    line = refused(words, capsys)
    assert "`--cluster`" in line
    assert "--jobs" in line
