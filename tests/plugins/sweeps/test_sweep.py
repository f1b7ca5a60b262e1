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
from qfusion.errors import IntegrityError, InvalidInput, NotFound
from qfusion.plugins.sweeps import search_space, sweep_storage, sweeps
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
        (dict(choices=["schedule=cosine,up"]), NotFound, "Value of `schedule` 'up'"),
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


def test_a_sweep_is_judged_by_the_loss_or_a_metric_of_the_data():
    assert search_space.metric_names(load("digits")) == ["loss", "accuracy", "f1", "nll"]


@pytest.mark.parametrize("option", [["--metric", "mae"], ["--seed", "3"]])
def test_options_of_a_new_sweep_need_data(option, capsys):
    with pytest.raises(SystemExit):
        main(["sweep", "--name", "begun", *option])
    assert "--data NAME" in capsys.readouterr().err


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
    settings = {
        key: value for key, value in found.settings(best).items() if key in Options.model_fields
    }
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


def take_part(name: str, where: str = "", pause: float = 0.0) -> None:
    sweeps.run_trials(sweeps.find(name, where), lambda number, progress: time.sleep(pause))


@pytest.mark.parametrize("where", ["", "sqlite:///{}/shared.db"])
def test_two_processes_share_the_trials(where, tmp_path):
    where = where.format(tmp_path)
    sweeps.begin("both", search(), 8, where)
    members = [FORK.Process(target=take_part, args=("both", where)) for _ in range(2)]
    for member in members:
        member.start()
    for member in members:
        member.join(100)
    assert [member.exitcode for member in members] == [0, 0]
    made = sweeps.find("both", where)
    assert [a.number for a in made.attempts()] == list(range(8))
    assert made.is_done
    states = [t.state.name for t in made.study.trials if "surplus" not in t.user_attrs]
    assert len(states) == 8
    assert set(states) <= {"COMPLETE", "PRUNED"}


def test_trials_beyond_the_number_are_left_out(monkeypatch):
    made = sweeps.begin("full", search(), 1)
    sweeps.run_trials(made)
    value = made.attempts()[0].value
    with monkeypatch.context() as both:  # as when two processes begin the last one at once
        both.setattr(sweeps.Sweep, "attempts", lambda self: [])
        sweeps.run_trials(made, once=True)
    assert len(made.study.trials) == 2
    assert [a.value for a in made.attempts()] == [value]
    more = sweeps.begin("full", search(), 2)
    sweeps.run_trials(more, once=True)
    assert [a.seed for a in more.attempts()] == [0, 1]


def test_killed_trial_is_repeated(monkeypatch):
    fixed = dict(epochs=2000, batch=64, patience=0)
    wanted = search(model="late", assigned=fixed, ranges=["rate=1e-4:1e-3"], choices=[])
    monkeypatch.setattr(sweep_storage, "BEAT", 1)
    monkeypatch.setattr(sweep_storage, "SILENT", 2)
    sweeps.begin("killed", wanted, 2)
    member = FORK.Process(target=take_part, args=("killed",), kwargs={"pause": 0.1})
    member.start()
    made, began = sweeps.find("killed"), time.time()
    while not any(len(a.history) > 2 for a in made.attempts()):
        assert time.time() - began < 60
        time.sleep(0.05)
    tried = made.attempts()[0].tried
    time.sleep(3)  # it is alive
    sweeps.release_lost_trials(made)
    assert [a.state for a in made.attempts()] == ["running"]
    os.kill(member.pid, signal.SIGKILL)
    member.join()
    time.sleep(4)
    sweeps.release_lost_trials(made)
    assert [(a.state, a.tried) for a in made.attempts()] == [("waiting", tried)]
    with monkeypatch.context() as quick:
        quick.setattr(
            sweeps,
            "train_trial",
            lambda sweep, trial, place, dataset, on_epoch: (
                trial.suggest_float("rate", 1e-4, 1e-3) + place
            ),
        )
        sweeps.run_trials(made)
    assert made.is_done
    assert made.attempts()[0].tried == tried
    assert made.attempts()[0].value == pytest.approx(tried["rate"])


def test_trial_that_others_have_given_up_ends_without_a_word():
    made = sweeps.begin("slept", search(), 2)

    def give_up(number, progress):
        if len(made.study.trials) == 1:
            made.study.tell(0, state=optuna.trial.TrialState.FAIL)
            sweeps.repeat_trial(made.study, made.study.trials[0])

    sweeps.run_trials(made, give_up)
    assert [a.state for a in made.attempts()] == ["finished", "finished"]
    assert [t.state.name for t in made.study.trials] == ["FAIL", "COMPLETE", "COMPLETE"]


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
        ("x.txt", "must be the address of a database"),
        ("sqlite:////nowhere/at/all/x.db", "cannot be used"),
        ("postgresql://me:secret@localhost:1/x", "cannot be used"),
        ("javascript:alert(1)//", "begins with 'javascript'"),
    ],
)
def test_invalid_storage_is_refused_without_printing_passwords(where, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        sweeps.begin("x", search(), 1, where)
    assert "secret" not in str(caught.value)


def test_invalid_names_and_damaged_sweeps_are_refused():
    with pytest.raises(InvalidInput, match="`name` must be"):
        sweeps.find("../x")
    with pytest.raises(NotFound, match="does not exist"):
        sweeps.find("absent")
    assert sweep_storage.sweep_names() == []
    odd = sweeps.begin("odd", search(), 1)
    odd.study.set_user_attr("search", {"data": 3})
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
