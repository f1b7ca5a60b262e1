"""Faults of the environment: full and read-only disks, damaged files, clock changes, missing packages, concurrent
processes. Stored files survive and a message is shown."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion import _disk_cache, _files, runs
from qfusion._files import atomic
from qfusion._user_folders import cache_root
from qfusion.commands import evaluate
from qfusion.data import importing, load
from qfusion.data.store import manifest, reading
from qfusion.errors import IntegrityError, QFusionError
from qfusion.runs import Plan, folder, plans, run_training
from qfusion.training import checkpoint, checkpoint_cards
from tests.support import importable
from tests.support.app import offered_ids, plain, visit
from tests.support.disks import fill_disk, small_disk

SMALL = dict(dims=2, measurements=4, hidden=8)
FORK = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs, models, imported sets and a cache of the test's own, in a folder."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("RUNS", "MODELS", "IMPORTED", "CACHE"):
        monkeypatch.setenv(f"QFUSION_{name}", str(home / name.lower()))
    return home


@pytest.fixture
def disk(places: Path) -> Iterator[Path]:
    """These on a disk of their own, of 2 MB."""
    with small_disk(places):
        yield places


def plan(epochs: int = 2) -> Plan:
    return Plan(
        "planted",
        "quantum-jump",
        SMALL,
        options=dict(epochs=epochs, patience=0, batch=512),
        digest=load("planted").digest,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> checkpoint.Checkpoint:
    """A small model."""
    run = runs.create_run(plan(1), tmp_path_factory.mktemp("trained") / "own")
    runs.train_run(run)
    return checkpoint.load(run.model_path)


def keep(found: checkpoint.Checkpoint, name: str = "mine") -> Path:
    checkpoint_cards.folders()[-1].mkdir(exist_ok=True)
    return checkpoint.save(checkpoint_cards.folders()[-1] / name, found.model, found.card)


def left(place: Path) -> list[str]:
    """What is half-written below a folder."""
    return [
        each.name
        for each in place.rglob(".*")
        if each.suffix == ".part" or each.name.startswith((".draft", ".old"))
    ]


def test_full_disk_keeps_stored_files_and_reports_a_reason(
    disk: Path, tmp_path: Path, trained: checkpoint.Checkpoint
) -> None:
    tables = importable.tables(tmp_path / "tables")
    importing.import_set([tables], "old")
    keep(trained)
    run = runs.create_run(plan(), name="run")
    (disk / "out.txt").write_text("old")
    filler = fill_disk(disk)
    digests = (
        reading.verify_imported("old").digest,
        checkpoint.load("mine").card["weights_sha256"],
    )

    def export() -> None:
        with atomic(disk / "out.txt") as part:
            part.write_bytes(bytes(100_000))

    writes: dict[str, Callable[[], Any]] = {
        "Free some space": lambda: importing.import_set([tables], "old", replace=True),
        "No space": lambda: keep(trained),
        "No space left": export,
        "No space left on device": lambda: runs.train_run(run),
    }
    for words, write in writes.items():
        with pytest.raises(QFusionError, match=words) as refused:
            write()
        assert "\n" not in str(refused.value)
    assert (
        _disk_cache.cached_arrays("a", "1", lambda: {"x": np.arange(100_000)})["x"][-1] == 99_999
    )  # made, and not kept
    assert left(disk) == []
    assert digests == (
        reading.verify_imported("old").digest,
        checkpoint.load("mine").card["weights_sha256"],
    )
    assert (disk / "out.txt").read_text() == "old"
    filler.unlink()
    importing.import_set([tables], "old", replace=True)
    export()
    runs.train_run(run)
    assert run.record().state == "finished"


def test_read_only_folders_are_shown(
    disk: Path, tmp_path: Path, trained: checkpoint.Checkpoint
) -> None:
    importing.import_set([importable.tables(tmp_path / "tables")], "own")
    keep(trained)
    run = runs.create_run(plan(), name="run")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    writes: tuple[Callable[[], Any], ...] = (
        lambda: runs.create_run(plan(), name="new"),
        run.delete,
        lambda: runs.train_run(run),
        lambda: keep(trained, "new"),
        lambda: checkpoint.remove("mine"),
        lambda: manifest.remove_imported("own"),
        lambda: importing.import_set([tmp_path / "tables"], "other"),
    )
    for write in writes:
        with pytest.raises(QFusionError, match="Read-only file system"):
            write()
    assert _disk_cache.cached_arrays("a", "1", lambda: {"x": np.arange(3)})["x"].tolist() == [
        0,
        1,
        2,
    ]
    assert reading.verify_imported("own").name == "own"
    assert checkpoint.load("mine").card["weights_sha256"]
    for page, key in (("Train", "_start"), ("Data", "_remove_set")):
        app = visit(page, **({"set": "own"} if page == "Data" else {}))
        assert not app.exception
        app.button(key=key).click().run()
        assert not app.exception
        assert "Read-only file system" in plain(
            " ".join(each.value for each in [*app.error, *app.warning])
        )


def test_damaged_files_are_reported_and_the_rest_works(trained: checkpoint.Checkpoint) -> None:
    for name in ("cut", "other", "whole"):
        keep(trained, name)
    place = checkpoint_cards.folders()[-1]
    (place / "cut.json").write_text((place / "cut.json").read_text()[:200])
    weights = (place / "other.safetensors").read_bytes()
    (place / "other.safetensors").write_bytes(weights[:-9] + bytes(9))
    for name in ("cut", "other"):
        with pytest.raises(IntegrityError, match=name):
            checkpoint.load(name)
        app = visit("Samples", model=name)
        assert not app.exception
        assert name in plain(app.error[0].value)
        assert "whole" in offered_ids(app, "model")
    (place / "note.json").write_text("[]")
    known, problems = evaluate.read_cards()
    assert [card["name"] for card in known][-2:] == ["own", "own"]
    assert [line.partition(":")[0] for line in problems] == [
        "Model 'cut' is left out",
        "Model 'note' is left out",
    ]
    for name in ("broken", "fine"):
        runs.create_run(plan(), name=name)
    (folder.runs_folder() / "broken" / "plan.json").write_text("{")
    app = visit("Train", **{"train.import": "true"})
    assert not app.exception
    assert set(app.dataframe[0].value["run"]) == {"broken", "fine"}
    made = _disk_cache.cached_arrays("a", "1", lambda: {"x": np.arange(1000)})
    file = next(cache_root().glob("a-*.npz"))
    for content in (file.read_bytes()[:500], b"", file.read_bytes().replace(b"\x01", b"\x02")):
        file.write_bytes(content)
        assert (
            _disk_cache.cached_arrays("a", "1", lambda: {"x": np.arange(1000)})["x"] == made["x"]
        ).all()
        assert _disk_cache.read_arrays(file) is not None


@pytest.mark.parametrize("years", [-10, 10])
def test_changes_of_the_clock_have_no_effect(
    years: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, now = runs.create_run(plan(3), name="first"), time.time
    monkeypatch.setattr(run_training, "PULSE", 0.0)

    def jump(_: object) -> None:
        monkeypatch.setattr(time, "time", lambda: now() + years * 3e7)
        run.send_request("stop")

    with manifest.staging_folder() as draft:
        assert runs.train_run(run, jump)  # it still hears what is asked, and keeps what it has
        assert (run.record().state, run.record().epoch) == ("stopped", 1)
        with manifest.staging_folder():
            assert draft.is_dir()
    (run.path / "launched").write_text(f"{os.getpid()} {time.monotonic()}")
    assert not plans.is_starting(run)  # it has begun
    (run.path / "record.json").unlink()
    assert plans.is_starting(run)
    os.utime(run.path / "plan.json", (now() + 3e7, now() + 3e7))
    assert [each.name for each in (runs.create_run(plan(), name="later"), *runs.list_runs())] == [
        "later",
        "later",
        "first",
    ]


def test_interrupted_replacement_restores_the_old_set(tmp_path: Path) -> None:
    importing.import_set([importable.tables(tmp_path / "tables")], "own")
    os.rename(manifest.imported_root() / "own", manifest.old_folder("own"))
    assert manifest.imported_names() == ("own",)
    assert reading.verify_imported("own").name == "own"
    shutil.copytree(manifest.imported_root() / "own", manifest.old_folder("own"))
    manifest.remove_imported("own")
    assert manifest.imported_names() == ()
    assert left(manifest.imported_root()) == []


def test_partial_files_of_killed_processes_are_removed(tmp_path: Path) -> None:
    gone = FORK.Process(target=int)
    gone.start()
    gone.join()
    mine, there = (f"{pid}-{_files.process_start(pid)}" for pid in (os.getpid(), os.getppid()))
    with atomic(tmp_path / "a") as part:
        for other in (
            f"{gone.pid}-",
            f"{os.getpid()}-",  # by a version that does not say when it began
            f"{os.getpid()}-7",  # as in a container that was begun again
            f"{os.getppid()}-7",
        ):
            (tmp_path / part.name.replace(mine, other)).write_text("half")
        for other in (there, f"{os.getppid()}-"):
            (tmp_path / part.name.replace(mine, other)).write_text("of one who is there")
        part.write_text("whole")
    (
        tmp_path / f".download-abcdefgh-{_files.process_suffix()}".replace(mine, f"{gone.pid}-")
    ).mkdir()
    with atomic(tmp_path / "b") as part:
        part.write_text("whole")
    assert {each.read_text() for each in tmp_path.glob(".*")} == {"of one who is there"}
    assert len(list(tmp_path.glob(".*"))) == 2


def test_concurrent_writers_leave_one_complete_file(
    tmp_path: Path, trained: checkpoint.Checkpoint
) -> None:
    tables, run = importable.tables(tmp_path / "tables"), runs.create_run(plan(), name="run")
    begin, ends = FORK.Barrier(2), FORK.Queue()

    def both(act: Callable[[], Any]) -> list[str]:
        def one() -> None:
            begin.wait()
            try:
                act()
                ends.put("")
            except QFusionError as error:
                ends.put(str(error))

        processes = [FORK.Process(target=one) for _ in range(2)]
        for each in processes:
            each.start()
        said = sorted(ends.get(timeout=60) for _ in processes)
        for each in processes:
            each.join()
        return said

    checkpoint_cards.folders()[-1].mkdir(exist_ok=True)
    for act, words in (
        (lambda: importing.import_set([tables], "own"), "must be new"),
        (
            lambda: checkpoint.save(
                checkpoint_cards.folders()[-1] / "mine", trained.model, trained.card, new=True
            ),
            "There is a model",
        ),
        (lambda: runs.create_run(plan(), name="another"), "is there already"),
    ):
        first, second = both(act)
        assert (first, words in second) == ("", True)
    first, second = both(lambda: runs.train_run(run))
    assert (first, "is being trained" in second or "is finished" in second) == ("", True)
    assert both(lambda: importing.import_set([tables], "own", replace=True)) == ["", ""]
    assert both(run.delete) == ["", ""]
    assert reading.verify_imported("own").name == "own"
    assert checkpoint.load("mine").card["weights_sha256"] == trained.card["weights_sha256"]
    assert [each.name for each in runs.list_runs()] == ["another"]
    assert left(tmp_path) == []


def test_missing_package_is_reported(tmp_path: Path) -> None:
    """Pages in a process in which nothing can be imported that is not needed to start."""
    lacking = [
        "onnx",
        "onnxruntime",
        "umap",
        "tensorboard",
        "captum",
        "typst",
        "pennylane",
        "qutip",
        "matplotlib",
    ]
    code = f"""
import importlib.machinery as machinery
find = machinery.PathFinder.find_spec
machinery.PathFinder.find_spec = classmethod(
    lambda cls, name, *more: None if name.partition('.')[0] in {lacking} else find(name, *more))
from tests.support import sharing
sharing.install()
from tests.support.disks import fill_disk, small_disk
from tests.support.app import visit
for page, choices in (("Dynamics", dict(view="Trajectories")), ("Circuit", dict())):
    app = visit(page, model="qj-parity", **choices)
    print("page", len(app.exception), *[each.value for each in app.error])
"""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=240
    )
    dynamics, circuit = (line for line in found.stdout.splitlines() if line.startswith("page"))
    assert "Evolution with QuTiP needs the extra `track`" in dynamics
    assert "A circuit in PennyLane needs the extra `track`" in circuit
    assert [line.split(" ")[1] for line in (dynamics, circuit)] == ["0"] * 2
