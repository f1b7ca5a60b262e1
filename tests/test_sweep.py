"""Sweeps: search spaces, shared trials, killed processes, retraining of the best trial."""

from __future__ import annotations

import json
import multiprocessing
import os
import shlex
import signal
import time

import numpy as np
import optuna
import pytest

from qfusion import runs
from qfusion.cli import main
from qfusion.data import load
from qfusion.errors import IntegrityError, InvalidInput, NotFound, QFusionError
from qfusion.runs import quotas, search_space, sweep_slots, sweeps
from qfusion.training import Options, prepare

FORK = multiprocessing.get_context("fork")
FIXED = dict(epochs=3, batch=256)
RANGES, CHOICES = ["rate=1e-3:1e-1:log", "weight_decay=0:0.1"], ["input_dropout=0,0.3"]


@pytest.fixture(autouse=True)
def own_places(tmp_path, monkeypatch):
    """Runs, sweeps and models of the test's own."""
    monkeypatch.setenv("QFUSION_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("QFUSION_MODELS", str(tmp_path / "models"))


def search(**changed) -> search_space.Search:
    words = dict(data="digits", model="linear", assigned=FIXED, ranges=RANGES, choices=CHOICES)
    return search_space.read_search(**{**words, **changed})


def test_search_space_is_parsed():
    found = search(
        ranges=["rate=1e-4:1e-2:log", "rank=2:8"], choices=["dropout=0,0.2"], model="low-rank"
    )
    assert found.space == {
        "rate": {"low": 1e-4, "high": 1e-2, "log": True, "whole": False},
        "rank": {"low": 2, "high": 8, "log": False, "whole": True},
        "dropout": {"choices": [0, 0.2]},
    }
    assert found.direction == "minimize"
    assert search(metric="accuracy").direction == "maximize"
    lists = search_space.read_search(
        "planted", "quantum-jump", {}, [], ["dims=[2,2,2],[4,2,2],3", "evolution=jump,unitary"]
    )
    assert lists.space["dims"] == {"choices": [[2, 2, 2], [4, 2, 2], 3]}
    assert search_space.trial_settings(lists, {"dims": "[4, 2, 2]", "evolution": "jump"}) == {
        "dims": [4, 2, 2],
        "evolution": "jump",
    }


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (dict(ranges=["rte=1:2"]), NotFound, "Did you mean 'rate'"),
        (dict(ranges=["rate"]), InvalidInput, "form key=low:high"),
        (dict(ranges=["rate=1e-2:1e-4"]), InvalidInput, "must begin below its end"),
        (dict(ranges=["rate=0:1:log"]), InvalidInput, "above 0 with"),
        (dict(ranges=["rate=1e-4:many"]), InvalidInput, "between two numbers, but has 'many'"),
        (dict(ranges=["patience=1:2.5"]), InvalidInput, "two whole numbers"),
        (dict(ranges=["rate=1e-4:1e-2:lin"]), InvalidInput, "with :log or :int"),
        (dict(ranges=[f"patience=1:{'9' * 900}"]), InvalidInput, "two whole numbers"),
        (dict(ranges=["rate=1e-3:nan"]), InvalidInput, "begin below"),
        (dict(ranges=["loss=1:2"]), InvalidInput, "not a number: it has no range"),
        (dict(ranges=["rate=1e-3:99"]), InvalidInput, "`rate` must lie"),
        (dict(ranges=["rate=0.1:1", "rate=1:2"]), InvalidInput, "given twice"),
        (dict(ranges=["epochs=1:9"]), InvalidInput, "given twice"),
        (dict(choices=["input_dropout=0"]), InvalidInput, "from 2 to"),
        (dict(choices=["input_dropout=0,0"]), InvalidInput, "different values"),
        (dict(choices=["schedule=cosine,up"]), NotFound, "Schedule 'up'"),
        (dict(choices=["class_weights=none,balanced"]), InvalidInput, "metric"),
        (dict(choices=["refit=true,false"]), InvalidInput, "validation rows"),
        (dict(metric="mae"), NotFound, "Metric 'mae'"),
        (dict(ranges=[], choices=[]), InvalidInput, "from 1 to"),
        (dict(data="nothing"), NotFound, "nothing"),
        (dict(seed=-1), InvalidInput, "`seed`"),
    ],
)
def test_invalid_search_spaces_are_refused(changed, error, message):
    with pytest.raises(error, match=message):
        search(**changed)


def test_the_best_trial_can_be_trained_again_to_the_same_loss():
    found, seen = sweeps.begin("first", search(), 8), []
    sweeps.run_trials(found, lambda number, _: seen.append(number))
    attempts, best = found.attempts(), found.best()
    assert [a.number for a in attempts] == list(dict.fromkeys(seen)) == list(range(8))
    assert found.is_done
    assert {a.state for a in attempts} == {"finished", "pruned"}
    assert all(len(a.history) < 3 for a in attempts if a.state == "pruned")
    assert [a.seed for a in attempts] == list(range(8))
    assert best.value == min(a.value for a in attempts if a.state == "finished")
    settings = {key: value for key, value in found.settings(best).items() if key in Options.names()}
    fit = prepare(
        "linear",
        load("digits"),
        {k: v for k, v in found.settings(best).items() if k not in settings},
        Options(loss="cross_entropy", **settings),
        best.seed,
    )
    while not fit.done:
        fit.epoch()
    assert fit.best_loss == best.value
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(found.command(best))[3:])
    assert ended.value.code == 0
    assert (
        min(row["valid_loss"] for row in runs.find_run("first-best").record().history) == best.value
    )
    again = sweeps.begin("first", search(), 5)  # fewer than there are: nothing is lost
    sweeps.run_trials(again)
    assert [a.value for a in again.attempts()] == [a.value for a in attempts]


def test_metrics_are_maximised():
    found = sweeps.begin("accurate", search(metric="accuracy"), 3)
    sweeps.run_trials(found)
    assert found.best().value == max(a.value for a in found.attempts() if a.state == "finished")


def take_part(name: str, where: str = "") -> None:
    sweeps.run_trials(sweeps.find(name, where))


@pytest.mark.parametrize("where", ["", "shared.journal", "sqlite:///{}/shared.db"])
def test_two_processes_share_the_trials(where, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    where = where.format(tmp_path)
    sweeps.begin("both", search(), 8, where)
    members = [FORK.Process(target=take_part, args=("both", where)) for _ in range(2)]
    for member in members:
        member.start()
    for member in members:
        member.join(100)
    assert [member.exitcode for member in members] == [0, 0]
    found = sweeps.find("both", where)
    assert [a.number for a in found.attempts()] == list(range(8))
    assert found.is_done
    kept = [
        t.user_attrs["place"] for t in found.study.trials if t.state.name in ("COMPLETE", "PRUNED")
    ]
    assert sorted(kept) == list(range(8))  # none twice
    assert (
        len(
            {t.user_attrs["worker"]["lock"] for t in found.study.trials if "worker" in t.user_attrs}
        )
        == 2
    )
    assert not list(quotas.sweeps_folder().glob(".*.lock"))


def test_killed_trial_is_repeated(monkeypatch):
    wanted = search(
        assigned=dict(epochs=2000, batch=64, patience=0), ranges=["rate=1e-4:1e-3"], choices=[]
    )
    sweeps.begin("killed", wanted, 2)
    member = FORK.Process(target=take_part, args=("killed",))
    member.start()
    found, began = sweeps.find("killed"), time.time()
    while not any(len(a.history) > 2 for a in found.attempts()):
        assert time.time() - began < 60
        time.sleep(0.05)
    tried = found.attempts()[0].tried
    assert sweep_slots.is_alive(found.study.trials[0])
    os.kill(member.pid, signal.SIGKILL)
    member.join()
    assert not sweep_slots.is_alive(found.study.trials[0])
    sweep_slots.reassign_trials(found.study, 2)
    sweep_slots.reassign_trials(found.study, 2)  # once is enough
    states = [(t.user_attrs["place"], t.state.name) for t in found.study.trials]
    assert sorted(states) == [(0, "FAIL"), (0, "WAITING"), (1, "WAITING")]
    with monkeypatch.context() as quick:
        quick.setattr(
            sweeps,
            "train_trial",
            lambda sweep, trial, number, dataset, on_epoch: (
                trial.suggest_float("rate", 1e-4, 1e-3) + number,
                optuna.trial.TrialState.COMPLETE,
            ),
        )
        sweeps.run_trials(found)
    assert found.is_done
    assert found.attempts()[0].tried == tried
    assert found.attempts()[0].value == pytest.approx(tried["rate"])


def test_silent_trial_of_another_machine_is_abandoned(monkeypatch):
    found = sweeps.begin("far", search(), 1)
    sweep_slots.reassign_trials(found.study, 1)
    trial = found.study.ask()
    trial.set_user_attr("worker", {"host": "elsewhere", "lock": ""})
    assert sweep_slots.is_alive(found.study.trials[0])
    monkeypatch.setattr(sweep_slots, "SILENT", -1.0)
    assert not sweep_slots.is_alive(found.study.trials[0])
    trial.set_user_attr("beat", time.time() + 100)
    assert sweep_slots.is_alive(found.study.trials[0])
    for lock in ("../x", "/etc/passwd", ".a.lock"):
        trial.set_user_attr("worker", {"host": sweep_slots.machine_id(), "lock": lock})
        assert not sweep_slots.is_alive(found.study.trials[0])


def test_equal_trials_are_merged():
    found = sweeps.begin("twice", search(), 2)
    for _ in range(2):  # as when two processes settle at the same moment
        for number in (0, 1):
            found.study.enqueue_trial({}, user_attrs={"place": number})
    sweeps.run_trials(found)
    assert [t.state.name for t in found.study.trials] == ["COMPLETE", "COMPLETE", "FAIL", "FAIL"]
    assert len(found.attempts()) == 2


def test_failed_trial_is_reported_and_the_sweep_continues(monkeypatch):
    real = sweeps.train_trial

    def trained(sweep, trial, number, dataset, on_epoch):
        if number == 1:
            raise InvalidInput("Training diverged in epoch 1.")
        return real(sweep, trial, number, dataset, on_epoch)

    monkeypatch.setattr(sweeps, "train_trial", trained)
    found = sweeps.begin("some", search(), 3)
    sweeps.run_trials(found)
    assert [a.state for a in found.attempts()] == ["finished", "failed", "finished"]
    assert [a.message for a in found.attempts()] == ["", "Training diverged in epoch 1.", ""]
    assert found.is_done


def test_sweep_can_be_stopped_and_resumed():
    found = sweeps.begin("stopped", search(), 3)
    sweeps.run_trials(
        found, on_epoch=lambda number, progress: sweeps.stop(found) if number == 1 else None
    )
    assert [a.state for a in found.attempts()] == ["finished", "waiting"]
    assert not found.is_done
    sweeps.run_trials(found)
    assert [a.state for a in found.attempts()] == ["finished", "waiting"]
    sweeps.resume(found)
    sweeps.run_trials(found)
    assert found.is_done


@pytest.mark.parametrize(
    "changed",
    [
        dict(ranges=["rate=1e-3:1:log"]),
        dict(assigned=dict(epochs=4)),
        dict(seed=1),
        dict(metric="nll"),
        dict(model="late"),
        dict(data="planted", metric="loss"),
    ],
)
def test_another_search_under_the_same_name_is_refused(changed):
    sweeps.begin("taken", search(), 1)
    with pytest.raises(InvalidInput, match="Sweep taken was begun with another `"):
        sweeps.begin("taken", search(**changed), 1)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("http://host/x", "but begins with 'http'"),
        ("file:///etc/passwd", "begins with 'file'"),
        ("redis://:secret@host", "begins with 'redis'"),
        ("sqlite:///x.db?mode=memory", "without options"),
        ("x.txt", "ends in .journal"),
        ("/nowhere/at/all/x.journal", "cannot be written"),
        ("postgresql://me:secret@localhost:1/x", "cannot be used"),
        ("javascript:alert(1)//", "ends in .journal"),
    ],
)
def test_invalid_storage_is_refused_without_printing_passwords(where, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        sweeps.begin("x", search(), 1, where)
    assert "secret" not in str(caught.value)


def test_invalid_names_and_journals_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="`name` must be"):
        sweeps.find("../x")
    with pytest.raises(NotFound, match="does not exist"):
        sweeps.find("absent")
    assert quotas.sweep_names() == []
    quotas.sweeps_folder().mkdir(parents=True)
    for n, text in enumerate(
        [
            "{}\n",
            "no\nno\n",
            '{"op_code":0}\n' * 2,
            "[]\n[]\n",
            '{"op_code": 99, "worker_id": "x"}\n' * 2,
            "\0" * 99,
        ]
    ):
        (quotas.sweeps_folder() / f"bad{n}.journal").write_text(text)
        with pytest.raises(QFusionError):
            sweeps.find(f"bad{n}")
    found = sweeps.begin("odd", search(), 1)
    found.study.set_user_attr("search", {"data": 3})
    with pytest.raises(IntegrityError, match="cannot be read"):
        sweeps.find("odd")


def said(capsys, *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["sweep", *words])
    printed = capsys.readouterr()
    return ended.value.code, printed.out, printed.err


def test_command_searches_and_resumes(capsys):
    words = [
        "--name",
        "mine",
        "--data",
        "digits",
        "--model",
        "linear",
        "--trials",
        "3",
        "--set",
        "epochs=2",
        "--set",
        "batch=512",
        "--range",
        "rate=1e-3:1e-1:log",
        "--choice",
        "input_dropout=0,0.3",
    ]
    code, out, _ = said(capsys, *words, "--json")
    first = json.loads(out)
    assert code == 0
    assert first["trials"] == {"finished": 3, "pruned": 0, "failed": 0, "waiting": 0, "running": 0}
    assert first["command"].startswith(
        "python -m qfusion train --data digits --model linear --seed "
    )
    code, out, _ = said(capsys, "--name", "mine", "--trials", "4", "--json")
    assert (code, json.loads(out)["trials"]["finished"]) == (0, 4)
    code, out, err = said(capsys, *words)
    assert code == 0
    assert "mine: linear on digits, 4 trials" in out
    assert "4 finished" in err
    for more, message in (
        (["--set", "epochs"], "key=value"),
        (["--range", "hidden=1:2"], "does not exist"),
        (["--set", "clip=1"], "another"),
    ):
        code, out, err = said(capsys, *words, *more)
        assert (code, out) == (1, "")
        assert message in err
    assert said(capsys, "--name", "absent")[0] == 1
    assert "Without it" in said(capsys, "--name", "mine", "--set", "epochs=2")[2]


def test_draws_do_not_depend_on_the_process():
    found = [sweeps.begin(name, search(), 4) for name in ("a", "b")]
    for each in found:
        sweeps.run_trials(each)
    assert np.array_equal(
        [a.value for a in found[0].attempts()], [a.value for a in found[1].attempts()]
    )
