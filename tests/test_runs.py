"""Runs are trained in separate processes that can be paused, stopped and killed, and resume to the same weights."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from qfusion import runs
from qfusion.commands.train import describe_run_state
from qfusion.data import load
from qfusion.errors import IntegrityError, InvalidInput, NotFound
from qfusion.runs import Plan, Run, folder, run_training
from qfusion.runs.folder import Record
from qfusion.runs.run_training import Watch
from qfusion.study import trainings
from qfusion.training import checkpoint, checkpoint_cards, prepare
from qfusion.views.learning_inside import describe_order

SMALL = dict(dims=2, measurements=4, hidden=8, dropout=0.2)
FORK = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Runs and models of the test's own."""
    monkeypatch.setenv("QFUSION_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("QFUSION_MODELS", str(tmp_path / "models"))


def plan(epochs: int = 4, data: str = "digits", batch: int = 128) -> Plan:
    """A training of epochs of 9 batches: of digits, which are half as many as there are planted sentences."""
    return Plan(
        data,
        "quantum-jump",
        SMALL,
        options=dict(epochs=epochs, patience=0, batch=batch),
        digest=load(data).digest,
    )


def weights(run: Run) -> dict[str, torch.Tensor]:
    return checkpoint.load(run.model_path).model.state_dict()


def same(run: Run, whole: dict[str, torch.Tensor]) -> bool:
    return all(
        torch.equal(x, y) for x, y in zip(weights(run).values(), whole.values(), strict=True)
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, torch.Tensor], list[float]]:
    """Weights and losses of three epochs that nothing interrupts, trained once for all that are compared with them."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QFUSION_RUNS", str(folder / "runs"))
        patch.setenv("QFUSION_MODELS", str(folder / "models"))
        run = runs.create_run(plan(3), name="whole")
        runs.train_run(run)
        return weights(run), [row["valid_loss"] for row in run.record().history]


def test_a_finished_run_is_a_model_among_the_others():
    seen = []
    run = runs.create_run(plan(3), name="first")
    assert run.record().state == "interrupted"  # made, but nobody trains it yet
    measured = runs.train_run(run, seen.append)
    record = run.record()
    assert (record.state, record.epoch, record.epochs, [p.epoch for p in seen]) == (
        "finished",
        3,
        3,
        [1, 2, 3],
    )
    assert measured["test"]["accuracy"] == pytest.approx(
        checkpoint.load("first").card["this_seed"]["test"]["accuracy"]
    )
    assert [r.name for r in runs.list_runs()] == ["first"]
    assert runs.find_run("first") == run
    assert not (run.path / "state.pt").exists()
    assert record.seconds_left is None
    within = replace(
        record,
        state="running",
        history=(),
        batch=5,
        batches=20,
        began=100.0,
        changed=110.0,
        epochs=3,
    )
    assert within.seconds_left == pytest.approx(2.75 * 40)
    assert replace(within, batch=0).seconds_left is None
    with pytest.raises(InvalidInput, match="is finished"):
        runs.train_run(run)
    with pytest.raises(InvalidInput, match="nothing to stop"):
        run.send_request("stop")


def test_watched_terms_equal_the_model():
    run = runs.create_run(plan(1, "planted", 256), name="watched")
    runs.train_run(run)
    watched = run.record().history[0]["watched"]
    model = checkpoint.load("watched").model
    again = Watch(load("planted")).measure(model)
    assert watched.keys() == again.keys()
    assert all(watched[key] == pytest.approx(again[key], rel=1e-4, abs=1e-6) for key in again)
    assert {
        "norm.H",
        "norm.L",
        "entanglement.text",
        "dividend.text",
        "dividend.text+audio+vision",
        "fusing.joint",
        "fusing.joint_error",
        "fusing.entanglement",
    } <= watched.keys()
    sizes = {name: value for name, value in watched.items() if name.startswith("dividend.")}
    joint = sum(value for name, value in sizes.items() if "+" in name)
    assert watched["fusing.joint"] == pytest.approx(joint / sum(sizes.values()), rel=1e-6)
    entangled = [value for name, value in watched.items() if name.startswith("entanglement.")]
    assert watched["fusing.entanglement"] == pytest.approx(np.mean(entangled), rel=1e-6)


@pytest.mark.parametrize(
    ("joint", "entanglement", "error", "words"),
    [
        (
            [0, 0, 1, 1],
            [1, 1, 1, 1],
            0.01,
            "Entanglement rises first: the joint share reaches half",
        ),
        ([1, 1, 1, 1], [0, 0, 0, 1], 0.01, "The joint share rises first: the joint share reaches"),
        ([0, 0, 1, 1], [1, 1, 1, 1], 0.4, "The order of onset is not significant"),
        ([0, 1, 1, 1], [0, 1, 1, 1], 0.01, "The order of onset is not significant"),
        ([0, 0, 0, 0], [1, 1, 1, 1], 0.01, "The joint share is zero at the end of training"),
        ([1, 1, 1, 1], [0, 0, 0, 0], 0.01, "Entanglement is zero at the end of training"),
    ],
)
def test_onset_order_needs_evidence(
    joint: list[float], entanglement: list[float], error: float, words: str
) -> None:
    history = tuple(
        {
            "epoch": n,
            "watched": {
                "fusing.joint": a,
                "fusing.joint_error": error,
                "fusing.entanglement": b,
                "fusing.entanglement_error": error,
            },
        }
        for n, (a, b) in enumerate(zip(joint, entanglement, strict=True), 1)
    )
    known = trainings.onsets(Record(history=history))
    assert describe_order(known["joint"], known["entanglement"]).startswith(words)


def test_networks_are_watched():
    dataset = load("digits")
    found = Watch(dataset).measure(prepare("entangled-qcnn", dataset, dict(elements=4)).model)
    assert {"norm.tables", "norm.circuit", "entanglement.fused", "dividend.pixels"} <= found.keys()
    assert 0 < found["entanglement.fused"] < 0.7


def test_watching_has_bounded_cost():
    watch, model = Watch(load("planted")), prepare("quantum-jump", load("planted"), SMALL).model
    found = [bool(watch.measure_seldom(1e-4, lambda: model)) for _ in range(20)]
    assert found[0]
    assert sum(found) < 4


@pytest.mark.parametrize("word", ["pause", "stop"])
def test_stopped_run_resumes_to_the_same_weights(word, whole):
    run = runs.create_run(plan(3), name="parts")
    measured = runs.train_run(run, lambda p: run.send_request(word) if p.epoch == 2 else None)
    record = run.record()
    assert (record.state, record.epoch) == ({"pause": "paused", "stop": "stopped"}[word], 2)
    assert bool(measured) == (word == "stop") == (run.name in checkpoint_cards.available())
    runs.train_run(run)
    assert run.record().state == "finished"
    assert same(run, whole[0])
    assert [row["valid_loss"] for row in run.record().history] == whole[1]


def test_long_epoch_can_be_stopped(monkeypatch, whole):
    monkeypatch.setattr(run_training, "PULSE", 0.0)
    run = runs.create_run(plan(3), name="given-up")
    pulse, batches = run_training.RunRecorder.heartbeat, []

    def counted(book, batch, of):
        batches.append(batch)
        if len(batches) == 12:  # within the second epoch of 9 batches
            run.send_request("stop")
        return pulse(book, batch, of)

    monkeypatch.setattr(run_training.RunRecorder, "heartbeat", counted)
    runs.train_run(run)
    assert (run.record().state, run.record().epoch, len(batches)) == ("stopped", 1, 12)
    positions, losses = zip(*run.record().batch_losses, strict=True)
    assert positions == pytest.approx([batch / 9 for batch in range(1, 13)])
    assert np.mean(losses[:9]) == pytest.approx(run.record().history[0]["train_loss"])
    assert run.name in checkpoint_cards.available()
    runs.train_run(run)
    assert same(run, whole[0])


def test_run_interrupted_within_an_epoch_resumes_from_the_last_state(monkeypatch, whole):
    run = runs.create_run(plan(3), name="interrupted")
    pulse, batches = run_training.RunRecorder.heartbeat, []

    def interrupting(book, batch, of):
        batches.append(batch)
        if len(batches) == 21:  # within the third epoch of 9 batches
            raise KeyboardInterrupt
        return pulse(book, batch, of)

    monkeypatch.setattr(run_training.RunRecorder, "heartbeat", interrupting)
    with pytest.raises(KeyboardInterrupt):
        runs.train_run(run)
    assert run.record().state == "paused"
    monkeypatch.setattr(run_training.RunRecorder, "heartbeat", pulse)
    runs.train_run(run)
    assert same(run, whole[0])


def test_full_disk_ends_training_with_one_error(monkeypatch, whole):
    run = runs.create_run(plan(3), name="full")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with (
        monkeypatch.context() as patched,
        pytest.raises(InvalidInput, match="No space left on device"),
    ):
        runs.train_run(run, lambda p: patched.setattr(Path, "replace", full))
    assert run.record().state == "interrupted"
    readable(run)
    runs.train_run(run)
    assert same(run, whole[0])


def test_run_stopped_in_the_first_epoch(monkeypatch):
    monkeypatch.setattr(run_training, "PULSE", 0.0)
    run = runs.create_run(plan(3), name="early")
    monkeypatch.setattr(
        run_training.RunRecorder,
        "open",
        lambda book, *words, open=run_training.RunRecorder.open: (
            open(book, *words),
            run.send_request("stop"),
        ),
    )
    assert runs.train_run(run) == {}
    assert run.record().state == "stopped"
    assert "before the end of its first epoch" in describe_run_state(run.name, run.record())
    assert run.name not in checkpoint_cards.available()


def readable(run: Run) -> None:
    """Fails when a file of the run, or its model, is broken."""
    assert run.plan.data == "digits"
    run.load_state()
    assert run.record().state in runs.STATES
    if run.model_path.exists():
        checkpoint.load(run.model_path)


def test_repeatedly_killed_run_reaches_the_same_weights(monkeypatch):
    monkeypatch.setattr(run_training, "PULSE", 0.02)
    alone, run = (runs.create_run(plan(5), name=name) for name in ("whole", "killed"))
    began = time.perf_counter()
    runs.train_run(alone)
    whole = weights(alone)
    length, chance, kills, again = time.perf_counter() - began, random.Random(0), 0, 0
    while kills < 3:
        process = FORK.Process(target=runs.train_run, args=(run,))
        process.start()
        time.sleep(chance.uniform(0, length / 4))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        # it was over before, as the machine is faster now: another one is killed on
        if process.exitcode != -signal.SIGKILL:
            assert same(run, whole)
            again += 1
            run = runs.create_run(plan(5), name=f"killed-{again}")
            continue
        kills += 1
        readable(run)
        assert run.record().state == "interrupted"
    runs.train_run(run)
    assert run.record().state == "finished"
    assert same(run, whole)


def test_killed_while_the_model_is_written_leaves_the_old_one(monkeypatch):
    run = runs.create_run(plan(2), name="twice")
    runs.train_run(run, lambda p: run.send_request("stop") if p.epoch == 1 else None)
    before = weights(run)
    monkeypatch.setattr(
        checkpoint.json, "dumps", lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
    )
    process = FORK.Process(target=runs.train_run, args=(run,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    after = weights(run)
    assert all(torch.equal(before[key], after[key]) for key in before)
    monkeypatch.undo()


def test_replaced_weights_and_card_are_consistent():
    run = runs.create_run(plan(2), name="replaced")
    runs.train_run(run, lambda p: run.send_request("stop") if p.epoch == 1 else None)
    runs.train_run(run)
    assert len(list(run.model_path.parent.glob("replaced*.safetensors"))) == 1
    card = json.loads(run.model_path.read_text())
    run.model_path.write_text(json.dumps({**card, "weights": "../secret.safetensors"}))
    with pytest.raises(IntegrityError, match="not its own"):
        checkpoint.load(run.model_path)


def test_two_trainings_of_one_run_and_two_runs_of_one_name_are_refused(monkeypatch):
    run = runs.create_run(plan(), name="only")
    monkeypatch.setattr(folder, "PATIENCE", 0.1)
    with run.lock():
        with pytest.raises(InvalidInput, match="trained by another process"):
            runs.train_run(run)
        with pytest.raises(InvalidInput, match="being trained already"):
            runs.launch_run(run)
        with pytest.raises(InvalidInput, match="Stop it first"):
            run.delete()
    with pytest.raises(InvalidInput, match="there already"):
        runs.create_run(plan(), name="only")
    with pytest.raises(InvalidInput, match="there already"):
        runs.create_run(plan(), name="qj-planted")
    run.delete()
    assert runs.list_runs() == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../up",
        "a/b",
        ".hidden",
        "a" * 65,
        "white space",
        "-x",
        "ü",
        "model.json",
        "model.safetensors",
    ],
)
def test_invalid_names_are_refused(name):
    with pytest.raises(InvalidInput, match="Argument `name`"):
        runs.create_run(plan(), name=name)


@pytest.mark.parametrize("file", ["plan.json", "record.json", "state.pt"])
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\x80\x04cposix\nsystem\n.", b"[" * 100_000]
)
def test_damaged_files_are_reported(file, content):
    run = runs.create_run(plan(), name="damaged")
    (run.path / file).write_bytes(content)
    with pytest.raises(IntegrityError, match=file.replace(".", r"\.")):
        readable(run)
    with pytest.raises(IntegrityError):
        runs.train_run(run)


def test_error_of_a_run_is_stored():
    run = runs.create_run(Plan("planted", "quantum-jump", dict(dimz=3), options={}), name="wrong")
    with pytest.raises(NotFound, match="dimz"):
        runs.train_run(run)
    assert run.record().state == "failed"
    assert "dimz" in run.record().message


def test_changed_data_are_refused():
    run = runs.create_run(
        Plan("planted", "quantum-jump", SMALL, options={}, digest="0" * 64), name="changed"
    )
    with pytest.raises(InvalidInput, match="not the one"):
        runs.train_run(run)


def wait_for(run: Run, *states: str, seconds: float = 60) -> str:
    end = time.monotonic() + seconds
    while run.record().state not in states and time.monotonic() < end:
        time.sleep(0.1)
    return run.record().state


def test_launched_run_outlives_its_parent(tmp_path):
    run = runs.create_run(plan(300), name="alone")
    launcher = FORK.Process(target=lambda: runs.launch_run(runs.find_run("alone")))
    launcher.start()
    launcher.join(60)
    assert launcher.exitcode == 0
    assert wait_for(run, "running") == "running"
    end = time.monotonic() + 60
    while run.record().epoch < 2 and time.monotonic() < end:
        time.sleep(0.1)
    assert run.record().seconds_left > 0
    run.send_request("stop")
    assert wait_for(run, "stopped") == "stopped", (run.path / "log.txt").read_text()
    assert run.name in checkpoint_cards.available()


def test_event_files_equal_the_record():
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard"
    )
    run = runs.create_run(plan(3), name="events")
    runs.train_run(run, lambda p: run.send_request("pause") if p.epoch == 2 else None, events=True)
    runs.train_run(run, events=True)
    read = accumulator.EventAccumulator(str(run.path / "events")).Reload()
    history = run.record().history
    assert [(event.step, event.value) for event in read.Scalars("loss/valid")] == [
        (row["epoch"], pytest.approx(row["valid_loss"], rel=1e-6)) for row in history
    ]
    assert {
        "loss/train",
        "learning_rate",
        "gradient_norm",
        "valid/accuracy",
        "norm/H",
        "dividend/pixels",
    } <= set(read.Tags()["scalars"])


def test_without_tensorboard_event_files_are_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    run = runs.create_run(plan(1), name="refused")
    with pytest.raises(InvalidInput, match="package tensorboard"):
        runs.train_run(run, events=True)
