"""The Train page: form, table, curves of hand-written records, hostile names and links."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from qfusion import runs
from qfusion.data import load
from qfusion.errors import InvalidInput, NotFound
from qfusion.runs import Plan, Run, plans
from qfusion.study import trainings, trainings as run_curves
from qfusion.training import Options, checkpoint, checkpoint_cards, prepare
from qfusion.views import learning
from qfusion.views.pages import address
from tests.support.app import plain, said, visit
from tests.support.runs import JUMP, make, record_of

TRAIN = "Train"


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs, models and imported sets of the test's own."""
    for name in ("RUNS", "MODELS", "IMPORTED"):
        monkeypatch.setenv(f"QFUSION_{name}", str(tmp_path / name.lower()))


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """The runs that would have been launched, and whether with event files."""
    found: list[tuple[str, bool]] = []

    def launch(run: Run, events: bool = False) -> None:
        found.append((run.name, events))

    monkeypatch.setattr(plans, "launch_run", launch)
    monkeypatch.setattr(runs, "launch_run", launch)
    return found


def form_is_open(app: AppTest) -> bool:
    return next(box.proto.expanded for box in app.expander if box.label == "New run")


def test_page_without_runs() -> None:
    app = visit(TRAIN, words="full")
    assert not app.error
    assert "There is no run yet" in said(app)
    assert app.selectbox(key="new.data").value == "scenes"
    assert "Defaults are those of the shipped model `qj-scenes`" in said(app)
    assert "60 epochs of 5,760 training rows." in said(app)
    assert not app.checkbox(key="_new.events").value if run_curves.can_write_events() else True


@pytest.mark.parametrize("kind", ["entangled-qcnn", "mult", "linear", "product-qcnn"])
def test_every_kind_has_a_form(kind: str) -> None:
    app = visit(TRAIN, **{"new.kind": kind, "new.data": "digits"})
    assert not app.error
    words = said(app)
    assert ("convolutional network reads the result" in words) == (kind == "entangled-qcnn")
    assert app.button(key="_start").disabled is False


def test_start_creates_one_run_per_seed(launched: list[tuple[str, bool]]) -> None:
    app = visit(TRAIN, **{"new.data": "planted"})
    app.number_input(key="new.seeds").set_value(2).run()
    app.number_input(key="new.first").set_value(5).run()
    app.text_input(key="_new.name").set_value("mine").run()
    app.number_input(key="new.quantum-jump.planted.epochs").set_value(7).run()
    app.text_input(key="new.quantum-jump.planted.dims").set_value("2, 3, 2").run()
    app.button(key="_start").click().run()
    assert not app.exception
    assert not app.error
    assert launched == [("mine-5", False), ("mine-6", False)]
    found = runs.find_run("mine-6").plan
    assert (found.data, found.model, found.seed, found.digest) == (
        "planted",
        "quantum-jump",
        6,
        load("planted").digest,
    )
    assert found.settings["dims"] == [2, 3, 2]
    # of the shipped recipe
    assert (found.options["epochs"], found.options["rate"], found.options["coupling_decay"]) == (
        7,
        0.004,
        1.0,
    )
    assert app.multiselect(key="run").value == ["mine-5", "mine-6"]
    assert app.text_input(key="_new.name").value == ""
    # folded, so that the card of the new run is in view, until another one is prepared
    assert not form_is_open(app)
    assert not form_is_open(app.run())
    app.number_input(key="new.first").set_value(8).run()
    assert form_is_open(app)


@pytest.mark.parametrize("typed", ["", "mine"])
def test_both_systems_start_with_equal_settings(
    typed: str, launched: list[tuple[str, bool]]
) -> None:
    app = visit(TRAIN, **{"new.data": "planted", "new.both": "true"})
    app.number_input(key="new.seeds").set_value(2).run()
    app.text_input(key="_new.name").set_value(typed).run()
    app.number_input(key="new.quantum-jump.planted.epochs").set_value(7).run()
    app.number_input(key="new.quantum-jump.planted.hidden").set_value(24).run()
    assert "4 times" in said(app)
    app.button(key="_start").click().run()
    assert not [one.value for one in app.error]
    names = [
        f"{typed}-{kind}" if typed else f"{kind}-planted"
        for kind in ("quantum-jump", "entangled-qcnn")
    ]
    assert [name for name, _ in launched] == [f"{name}-{seed}" for name in names for seed in (0, 1)]
    first, second = (runs.find_run(f"{name}-1").plan for name in names)
    assert (first.model, second.model) == ("quantum-jump", "entangled-qcnn")
    assert first.options == second.options
    assert first.options["epochs"] == 7
    assert first.seed == second.seed == 1
    for key in first.settings.keys() & second.settings.keys():
        assert first.settings[key] == second.settings[key], key
    assert second.settings["hidden"] == 24
    pair = [f"{name}-0" for name in names]
    for name in pair:
        of_run = runs.find_run(name)
        of_run.write(record_of(7, of=7, state="finished"))
        dataset = load("planted")
        model = prepare(of_run.plan.model, dataset, of_run.plan.settings, Options(), 0).model
        card = checkpoint.make_checkpoint(model, dataset, name=name).card
        checkpoint.save(checkpoint_cards.folders()[-1] / name, model, card)
    app = visit(TRAIN, run=pair)
    link = next(one.proto for one in app.get("page_link") if "Compare" in one.proto.label)
    assert f"pin={pair[0]}%2Fplanted%2F" in link.query_string
    assert f"explore={pair[1]}" in link.query_string


def test_invalid_names_are_refused(launched: list[tuple[str, bool]]) -> None:
    make("there", record_of(1))
    app = visit(TRAIN, **{"new.data": "planted"})
    for name in (
        "../up",
        "a/b",
        ".hidden",
        "white space",
        "<script>",
        "ü",
        "x.json",
        "qj-planted",
        "there",
    ):
        app.text_input(key="_new.name").set_value(name).run()
        assert app.button(key="_start").disabled, name
        assert len(app.error) == 1, name
    assert not launched


@pytest.mark.parametrize(
    ("key", "value", "said_"),
    [
        ("dims", "2,2", "must hold 3 dimensions"),
        ("dims", "9" * 40, "joint dimension"),
        ("dims", "two", "must be a whole number"),
        ("dims", "[[[[", "must be a whole number"),
        ("dims", "", "must be a whole number"),
        ("dims", "-1", "must hold 3 dimensions"),
    ],
)
def test_impossible_settings_are_refused_without_leftovers(
    key: str, value: str, said_: str, launched: list[tuple[str, bool]]
) -> None:
    app = visit(TRAIN, **{"new.data": "planted"})
    app.text_input(key=f"new.quantum-jump.planted.{key}").set_value(value).run()
    if not app.error:
        app.button(key="_start").click().run()
    assert not app.exception
    assert any(said_ in plain(error.value) for error in app.error), [
        error.value for error in app.error
    ]
    assert not launched
    assert not runs.list_runs()


def test_a_training_on_validation_rows_that_would_stop_early_is_refused(
    launched: list[tuple[str, bool]],
) -> None:
    app = visit(TRAIN, **{"new.data": "planted"})
    app.checkbox(key="new.quantum-jump.planted.refit").check().run()
    app.button(key="_start").click().run()
    assert any("patience" in plain(error.value) for error in app.error)
    assert not launched
    assert not runs.list_runs()


def test_failed_start_leaves_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    def launch(run: Run, events: bool = False) -> None:
        if begun:
            raise OSError(28, "No space left on device")
        begun.append(run.name)

    monkeypatch.setattr(plans, "launch_run", launch)
    app = visit(TRAIN, **{"new.data": "planted"})
    app.number_input(key="new.seeds").set_value(3).run()
    app.text_input(key="_new.name").set_value("full").run()
    app.button(key="_start").click().run()
    assert any("No space left on device" in plain(error.value) for error in app.error)
    assert [run.name for run in runs.list_runs()] == begun == ["full-0"]
    with pytest.raises(InvalidInput, match="there already"):
        plans.start_runs({"new": Plan("planted", "linear"), "full-0": Plan("planted", "linear")})
    assert [run.name for run in runs.list_runs()] == ["full-0"]


def test_form_suggests_an_unused_name() -> None:
    assert plans.choose_free_name("linear-planted") == "linear-planted"
    make("linear-planted", model="linear")
    assert plans.choose_free_name("linear-planted") == "linear-planted.2"
    make("linear-planted.2-1", model="linear")
    assert plans.choose_free_name("linear-planted", seeds=(0, 1)) == "linear-planted.3"
    strange = plans.choose_free_name("linear-../<b>ü " + "x" * 80)
    plans.check_names([strange])


def test_form_of_a_link_stays_open_on_rerun() -> None:
    make("paused-one", record_of(3, best_epoch=2))

    assert not form_is_open(visit(TRAIN))
    app = visit(TRAIN, **{"new.data": "scenes"})
    assert form_is_open(app)
    assert form_is_open(app.run())


def test_table_shows_the_state_of_every_run() -> None:
    make("paused-one", record_of(3, best_epoch=2))
    make("stopped-one", record_of(10, state="stopped", best_epoch=10), seed=4)
    make("killed", record_of(2, state="running"))
    make("never")
    broken = make("broken", record_of(1))
    (broken.path / "record.json").write_text(json.dumps({**asdict(record_of(1)), "history": [7]}))
    app = visit(TRAIN, run="killed")
    table = app.dataframe[0].value.set_index("run")
    assert table["state"].to_dict() == {
        "paused-one": "paused",
        "stopped-one": "stopped, best model kept",
        "killed": "interrupted, can be resumed",
        "never": "interrupted, can be resumed",
        "broken": "cannot be read",
    }
    assert table.loc["paused-one", "validation"] == "MAE 0.450"
    assert table.loc["stopped-one", "epoch"] == "10 / 10"
    assert table.loc["stopped-one", "seed"] == 4
    assert "killed stopped unexpectedly" in plain(said(app))
    assert not app.button(key="_resume").disabled
    assert app.button(key="_pause").disabled
    assert app.button(key="_stop").disabled
    assert "cannot be read" not in said(app)
    app = visit(TRAIN, run="broken")
    assert "not the record of a training" in plain(app.error[0].value)


@pytest.mark.parametrize(
    ("state_", "can"),
    [("running", {"_pause", "_stop"}), ("paused", {"_resume"}), ("finished", set())],
)
def test_available_actions_depend_on_the_state(
    state_: str, can: set[str], launched: list[tuple[str, bool]]
) -> None:
    run = make("one", record_of(3, state=state_))
    lock = run.lock() if state_ == "running" else None
    if lock is not None:
        lock.__enter__()
    app = visit(TRAIN, run="one")
    assert {
        key for key in ("_pause", "_stop", "_resume") if not app.button(key=key).disabled
    } == can
    if state_ == "running":
        assert app.dataframe[0].value["time left"][0] == "14 s"  # seven epochs of two seconds
        app.button(key="_stop").click().run()
        assert run.pending_request() == "stop"
        assert app.dataframe[0].value["state"][0] == "stopping …"
        lock.__exit__(None, None, None)  # type: ignore[union-attr]
    if state_ == "paused":
        app.button(key="_resume").click().run()
        assert launched == [("one", False)]
    if state_ == "finished":
        app.button(key="_delete").click().run()
        assert not runs.list_runs()
        assert "There is no run yet" in said(app)
    assert not app.exception


def test_unavailable_actions_show_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    make("one", record_of(3))
    monkeypatch.setattr(
        plans,
        "launch_run",
        lambda *_: (_ for _ in ()).throw(InvalidInput("Run one is being trained already.")),
    )
    app = visit(TRAIN, run="one")
    app.button(key="_resume").click().run()
    assert "being trained already" in plain(app.error[0].value)


def test_failed_run_shows_error_and_output() -> None:
    from dataclasses import replace

    run = make(
        "bad",
        replace(record_of(0, state="failed"), message="Argument `dims` <b>must</b> be :smile:"),
    )
    (run.path / "log.txt").write_bytes(
        b"\x1b[31mTraining\rTraining 10%\rTraining 100%\x1b[0m\n\xff<script>"
    )
    app = visit(TRAIN, run="bad")
    assert "bad failed: Argument `dims`" in plain(app.error[0].value)
    assert ":smile:" not in app.error[0].value
    assert app.code[0].value == "Training 100%\n\ufffd<script>"


def test_curves_equal_the_records() -> None:
    make("a", record_of(4, watched=JUMP, best_epoch=4))
    make("b", record_of(6, watched=JUMP, best_epoch=5), seed=1, rate=0.01)
    app = visit(TRAIN, run=["a", "b"])
    words = plain(said(app))
    assert not app.error
    assert "Lowest validation loss so far: b" in words
    assert "planted: 2,100 rows trained on, 300 validation rows" in words
    app = visit(TRAIN, run=["a", "b"], **{"train.view": "Inside the model"})
    words = plain(said(app))
    # All terms add 0.1 n each after epoch n; a tenth of 7 times 0.4 is 0.28, and the four joint ones pass it at once.
    assert (
        "a reaches 10% of what all terms add by epoch 4: text at epoch 3, audio at epoch 3, vision at epoch 3, "
        "the joint terms together from the first measurement (epoch 1). Measured after 4 of 4 epochs."
        in words.replace("**", "")
    )
    assert "30 validation rows against 234 training rows" in words
    assert "mean over 8 validation rows" in words
    assert "Strength of Hamiltonian and dissipation" in words
    app = visit(TRAIN, run=["a", "b"], **{"train.view": "Settings and results"})
    assert "2 settings differ" in said(app)
    assert app.dataframe[1].value["setting"].tolist() == ["seed", "Learning rate"]
    assert app.dataframe[1].value["b"].tolist() == ["1", "0.01"]


def test_incomparable_runs_show_a_notice() -> None:
    make("a", record_of(3))
    run = runs.create_run(plans.make_plan("digits", "late", {}), name="classes")
    run.write(record_of(3, metric="accuracy"))
    app = visit(TRAIN, run=["a", "classes"])
    assert "their losses are not comparable" in said(app)
    app = visit(TRAIN, run="classes", **{"train.view": "Inside the model"})
    assert "Strength of" not in said(app)  # it has neither couplings nor states


def test_run_on_removed_data_is_shown(tmp_path: Path) -> None:
    run = runs.create_run(
        Plan("lost", "quantum-jump", {"dims": 2}, options={"epochs": 3}), name="orphan"
    )
    run.write(record_of(3, watched=JUMP))
    for view in ("Progress", "Inside the model", "Settings and results"):
        app = visit(TRAIN, run="orphan", **{"train.view": view})
        assert not app.error
    run = runs.create_run(Plan(str(tmp_path / "views.npz"), "quantum-jump"), name="by-path")
    run.write(record_of(3, watched=JUMP))
    assert not visit(TRAIN, run="by-path").error


def test_invalid_link_values_show_a_notice() -> None:
    make("a", record_of(3))
    app = visit(
        TRAIN,
        run=["a", "<b>gone"],
        **{"train.view": "Oath", "new.data": "smell", "new.kind": "beauty", "train.metric": "luck"},
    )
    told = " ".join(plain(warning.value) for warning in app.warning)
    assert all(
        f"`{key}`" in told for key in ("run", "train.view", "new.data", "new.kind", "train.metric")
    )
    assert "<b>gone" in told
    assert app.multiselect(key="run").value == ["a"]
    assert not app.error


def test_finished_run_is_listed_as_a_model() -> None:
    assert "fresh" not in address.models()
    run = make("fresh", dims=2, epochs=1, measurements=4)
    runs.train_run(run)
    app = visit(TRAIN, run="fresh", **{"train.view": "Settings and results"})
    mae = checkpoint.load("fresh").card["this_seed"]["test"]["mae"]
    table = app.dataframe[-1].value.set_index("metric")
    assert table.loc["test MAE", "fresh"] == pytest.approx(mae)
    assert "planted: 300 validation, 600 test rows" in plain(said(app))
    app = visit("Samples", whole=False, explore="fresh", on="planted")
    assert app.selectbox(key="model").value == "fresh"
    assert not app.error
    assert not app.warning
    assert "does not exist" in said(visit("Samples", whole=False, explore="<b>"))
    base = make("base", model="linear", epochs=1)
    runs.train_run(base)
    app = visit(TRAIN, run="base")
    assert not app.error
    assert {"fresh", "base"} <= set(address.models())


def test_event_files_are_offered_only_where_they_can_be_written(
    monkeypatch: pytest.MonkeyPatch, launched: list[tuple[str, bool]]
) -> None:
    monkeypatch.setattr(run_curves, "can_write_events", lambda: True)
    app = visit(TRAIN, **{"new.data": "planted"})
    app.checkbox(key="_new.events").check().run()
    app.button(key="_start").click().run()
    assert launched == [("quantum-jump-planted", True)]
    monkeypatch.setattr(run_curves, "can_write_events", lambda: False)
    assert "_new.events" not in [
        box.key for box in visit(TRAIN, **{"new.data": "planted"}).checkbox
    ]


def test_launched_run_is_starting_until_it_has_its_lock() -> None:
    run = make("soon")
    (run.path / "launched").write_text(f"{os.getpid()} {time.monotonic()}")
    assert runs.is_starting(run)
    assert run_curves.read_status(run).status == "starting"
    run.write(replace(record_of(1, state="paused"), pid=os.getpid()))
    assert not runs.is_starting(run)
    for strange in (
        "",
        "none",
        "9" * 30,
        "-1x",
        "0.5",
        f"{os.getpid()} soon",
        f"{'9' * 30} {time.monotonic()}",
    ):
        (run.path / "launched").write_text(strange)
        assert not runs.is_starting(run)


def test_card_tells_what_a_run_waits_for_until_its_first_batches_have_losses() -> None:
    run = make("begun", record_of(0, state="running", best_epoch=0))
    with run.lock():
        words = plain(said(visit(TRAIN, run="begun")))
        assert "begun loads the data" in words
        assert "Metric on the validation rows" in words
        losses = ((0.25, 2.0), (0.5, 1.5))
        running = record_of(0, state="running", best_epoch=0)
        run.write(replace(running, batch=2, batches=4, batch_losses=losses))
        app = visit(TRAIN, run="begun")
        assert not app.exception
        assert "begun loads" not in plain(said(app))
        picture = learning.train_loss(run_curves.open_runs(["begun"]))
    table = picture.numbers
    assert table["epoch"].tolist() == [0.25, 0.5]
    assert table["value"].tolist() == [2.0, 1.5]
    assert picture.figure.layout.xaxis.range[0] < 0.25


def test_losses_of_batches_are_left_out_once_a_run_has_ended() -> None:
    record = replace(record_of(2), batch_losses=((1.5, 0.7), (2.0, 0.6)))
    assert trainings.training_loss(record)[0].tolist() == [1, 2]
    positions, losses = trainings.training_loss(replace(record, state="running"))
    assert positions.tolist() == [1, 1.5, 2]
    assert losses.tolist() == [1, 0.7, 0.5]


def test_plans_are_checked_before_runs_are_created() -> None:
    for kind, chosen, error in (
        ("quantum-jump", {"dimz": 2}, NotFound),
        ("quantum-jump", {"loss": "cross_entropy"}, InvalidInput),
        ("quantum-jump", {"epochs": 0}, InvalidInput),
        ("nothing", {}, NotFound),
    ):
        with pytest.raises(error):
            plans.make_plan("planted", kind, chosen)
