"""The audit of quantum resources on other data: twins are trained on the model's terms, stored and shown."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qfusion import cli, data
from qfusion.errors import NotFound
from qfusion.explain import backgrounds
from qfusion.plugins.why import summary as fusion_summary
from qfusion.plugins.why.audit import (
    audit,
    dephasing,
    quantum_resources,
    resource_cuts,
    twin_runs,
    twin_training,
    twins,
)
from qfusion.plugins.why.audit.audit_plan import RESOURCES, VARIANTS, Resource
from qfusion.plugins.why.information import information_estimate
from qfusion.plugins.why.summary import Part
from qfusion.plugins.why.summary_words import describe_missing, summarise_fusion
from qfusion.quantum import decomposition
from qfusion.study import jobs
from qfusion.study.opening import open_study
from qfusion.study.sample import Sample
from qfusion.training import checkpoint, metrics, train
from tests.support import importable
from tests.support.app import plain, said, visit

SETTINGS: dict[str, dict[str, Any]] = {
    "quantum-jump": dict(dims=2, hidden=4, jumps=2, measurements=4),
    "entangled-qcnn": dict(elements=2, hidden=4),
    "late": dict(hidden=4),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Folders of this module's own with a set whose class is the XOR of two sensors, and a model of each system."""
    root = tmp_path_factory.mktemp("audit")
    with pytest.MonkeyPatch.context() as patch:
        importable.import_sensors(root, patch)
        (root / "models").mkdir()
        dataset = data.load("sensors")
        for kind, settings in SETTINGS.items():
            model = train(kind, dataset, settings, {"epochs": 1}, 0).model
            kept = checkpoint.make_checkpoint(
                model, dataset, name=f"own-{kind}", training={"epochs": 1}
            )
            checkpoint.save(root / "models" / f"own-{kind}.json", kept.fusion, kept.card)
        yield root


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is lost, where nobody asks how sure it is; only for models of this module, as others share results."""
    monkeypatch.setitem(backgrounds.gains.__kwdefaults__, "resamples", 20)


def own(kind: str) -> Any:
    return open_study(f"own-{kind}", "sensors")


def test_twins_are_trained_on_the_models_own_terms(place: Any) -> None:
    wanted = twin_training.plan_twin_runs(own("quantum-jump"), range(2))
    assert [run.seed for run in wanted] == [0] * 8 + [1] * 8
    assert [run.variant for run in wanted[:8]] == [*list(VARIANTS)[:8]]
    assert len({run.key for run in wanted}) == 16
    for run in wanted:
        assert run.terms.options.epochs == 1
        assert run.terms.options.loss == "cross_entropy"
        assert run.settings["hidden"] == 4
        assert "steps" not in run.settings  # of trajectories in the model, of the channel in a twin
    full, bilinear = wanted[0], wanted[7]
    behind = [run.measure()["after_encoders"] for run in (full, bilinear)]
    per_product = twin_runs.variant_settings(full.terms, "bilinear")["rank"]
    assert abs(behind[0] - behind[1]) <= behind[1] / per_product  # as near as whole products come


def test_model_without_jumps_has_no_jump_twin(place: Any) -> None:
    study = own("quantum-jump")
    for evolution, without in (("unitary", ""), ("none", ""), ("dissipative", "none")):
        still = study.card["settings"] | {"evolution": evolution}
        wanted = twin_training.plan_twin_runs(
            replace(study, card=study.card | {"settings": still}), range(1)
        )
        twin = twin_runs.variant_settings(wanted[0].terms, "qj-unitary")["evolution"]
        assert twin == (without or evolution)  # none has an H that the model has not
        assert ("qj-unitary" in {run.variant for run in wanted}) == bool(without)


@pytest.mark.parametrize("kind", ["quantum-jump", "entangled-qcnn"])
def test_command_trains_missing_twins(kind: str, place: Any, capsys: Any, monkeypatch: Any) -> None:
    with pytest.raises(NotFound, match="--twins 5"):
        audit.measure_audit(own(kind))
    words = ["why", "--model", f"own-{kind}", "--data", "sensors", "--twins", "2", "--json"]
    with pytest.raises(SystemExit, match="0"):
        cli.main(words)
    first = json.loads(capsys.readouterr().out)["twins"]
    monkeypatch.setattr(twin_runs.Run, "measure", None)  # nothing is trained again
    with pytest.raises(SystemExit, match="0"):
        cli.main(words)
    assert json.loads(capsys.readouterr().out)["twins"] == first == audit.measure_audit(own(kind))
    assert first["seeds"] == 2
    assert [row["resource"] for row in first["rows"]] == [row.title for row in _resources(kind)]
    records = twin_training.load_finished(twin_training.plan_twin_runs(own(kind), range(2)))
    of = {(record["variant"], record["seed"]): record["test"]["accuracy"] for record in records}
    for row, resource in zip(first["rows"], _resources(kind), strict=True):
        worth = np.mean([of[resource.full, seed] - of[resource.twin, seed] for seed in range(2)])
        assert row["worth"] == pytest.approx(worth), resource
        assert row["twin"] == resource.twin  # whatever others reach
        assert row["verdict"] == "undecided (2 seeds)"
        assert not row["failed"]


def _resources(kind: str) -> list[Resource]:
    return [row for row in RESOURCES if VARIANTS[row.full].system == kind]


@pytest.mark.usefixtures("few_resamples")
@pytest.mark.parametrize("kind", ["quantum-jump", "entangled-qcnn"])
def test_resource_loss_is_the_difference_of_metrics(kind: str, place: Any) -> None:
    study, frame = own(kind), resource_cuts.cut_resources(own(kind))
    whole = metrics.evaluate(study.model, study.dataset, "test")["accuracy"]
    names = {resource_cuts.CUT_NAMES.get(name, name): name for name in twins.CUTS[kind]}
    dephases = kind == "quantum-jump"
    assert frame["resource"].tolist() == [*names, *[resource_cuts.ENTANGLEMENT] * dephases]
    assert "entanglement" not in names  # in the product basis it is local coherence that goes
    for row in frame.itertuples():
        if row.resource == resource_cuts.ENTANGLEMENT:
            inputs = study.inputs(study.dataset.rows("test"))
            scores = study.logits(dephasing.scores(study.model, inputs))
            cut = metrics.row_metrics(study.dataset, study.dataset.rows("test"), scores)
        else:
            twin = twins.cut_resource(study.model, names[row.resource])
            cut = metrics.evaluate(twin, study.dataset, "test")
        assert row.loses == pytest.approx(whole - cut["accuracy"], abs=1e-12)
        assert frame.loc[row.Index, "loses:low"] <= row.loses <= frame.loc[row.Index, "loses:high"]


def test_model_without_twins_shows_a_notice(place: Any) -> None:
    study = own("late")
    assert not twin_training.has_twins(study)
    assert not resource_cuts.can_cut(study)
    assert not audit.is_audited(study)
    with pytest.raises(NotFound, match="no twins without a quantum resource"):
        twin_training.train_twins(study)
    page = visit("Why fuse", model="own-late", data="sensors", why="The quantum part")
    assert "has no twins without a quantum resource" in said(page)


@pytest.mark.usefixtures("few_resamples")
def test_page_trains_twins_and_shows_the_verdict(place: Any, monkeypatch: Any) -> None:
    """Here, and not in a process of their own, which is asked in the next test."""
    go = threading.Event()

    def here(work: Callable[..., None], words: list[str], *_: object) -> None:
        go.wait(60)
        work(*words)

    monkeypatch.setattr(twin_training, "run_in_process", here)
    monkeypatch.setattr(twin_training, "SEEDS", 1)
    study = own("entangled-qcnn")
    seeds = audit.count_trained_seeds(study) + 1
    address = {"model": study.name, "data": "sensors", "why": "The quantum part"}
    page = visit("Why fuse", whole=False, **address)
    page.button(key="_twins_train").click().run()
    assert not page.exception
    assert page.button(key="_twins_cancel")
    go.set()
    job = jobs.find_job(twin_training.twins_key(study))
    while job.is_active:
        time.sleep(0.1)
    assert job.state == jobs.State.DONE, job.problem
    assert audit.count_trained_seeds(study) == seeds
    page.run()
    assert "Add seeds" in page.button(key="_twins_train").label
    noun = "difference" if seeds == 1 else "differences"
    assert f"{seeds} paired {noun}" in said(page)


def test_cancelled_audit_keeps_finished_twins(place: Any, monkeypatch: Any) -> None:
    study = own("quantum-jump")
    before = len(twin_training.load_finished(twin_training.plan_twin_runs(study, range(10))))
    job = twin_training.begin_twins(study, 10)
    while job.done <= before and job.is_active:
        time.sleep(0.05)
    job.stop()
    assert len(twin_training.load_finished(twin_training.plan_twin_runs(study, range(10)))) > before
    assert job.state == jobs.State.CANCELLED


@pytest.mark.parametrize("kind", ["quantum-jump", "entangled-qcnn"])
def test_conclusion_of_why_fuse_grows_until_every_part_is_computed(
    kind: str, place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(dataset: Any) -> None:
        raise NotFound("There are no small models.")

    monkeypatch.setattr(information_estimate, "estimate_information", fail)
    study = own(kind)
    sample = Sample(study, 0, 0)
    pieces = Part.TERMS if kind == "quantum-jump" else Part.GATES
    before = fusion_summary.find_summary(study, sample)
    assert set(before.missing) <= {Part.JOINT, Part.DATA, Part.RESOURCES, pieces}
    assert {Part.DATA, pieces} <= set(before.missing)
    assert "Being computed: " in describe_missing(before, True)
    fusion_summary.begin_missing(study, sample, before.missing, "reader")
    for _ in range(600):
        summary = fusion_summary.find_summary(study, sample)
        if not summary.missing:
            break
        time.sleep(0.2)
    assert summary.failed == (Part.DATA,)
    assert (
        describe_missing(summary, False) == "Could not be computed: whether the data need fusion."
    )
    words = summarise_fusion(summary)
    assert summary.joint is not None
    gain = summary.joint[1]["gain"]["accuracy"]
    assert (
        f"{gain.value:+.3f} (95% CI {gain.low:+.3f}" in words or "too few samples" in words.lower()
    )
    assert ("generator" in words) == (kind == "quantum-jump")
    assert ("gate group" in words or "lowers the loss" in words) == (kind == "entangled-qcnn")
    choices = {"why": "The data", "why.need": "false"}
    page = visit("Why fuse", model=study.name, data="sensors", whole=False, **choices)
    assert plain(words.partition(";")[0]) in plain(said(page))


def test_pruned_generator_can_be_saved_as_a_model(place: Any) -> None:
    page = visit("Why fuse", model="qj-parity", why="Which piece", whole=False)
    page.button(key="_later-smallest").click().run()  # as it comes near the screen
    page.button(key="_smallest_keep").click().run()
    assert not page.exception
    assert page.selectbox(key="model").value == "qj-parity-smallest"
    system = checkpoint.load("qj-parity-smallest").fusion.system()
    left = decomposition.strengths(system.H, system.dims)
    assert {subset for subset, size in left.items() if size > 1e-6} - {()} == {(0, 1)}
    assert system.jumps.abs().max() < 1e-9  # of the six terms one is left


def test_twin_that_failed_with_some_seeds_is_reported() -> None:
    drawn = {
        name: quantum_resources.resource_comparison(
            "board-audit", entry, [row["resource"] for row in entry["rows"]]
        )
        for name in ("avparity", "parity")
        if (entry := audit.load_shipped_audit(name))
    }
    picture = drawn["avparity"]
    assert "Coherence (local basis): the twin learns with 7 of 10 seeds" in picture.caption
    assert "learns with" not in drawn["parity"].caption
    assert "the wider interval is a bound" in picture.caption
    # what matters stands first, what is true by construction last
    assert picture.title.startswith("Split: coherence (local basis); undecided: ")
    assert picture.title.endswith("true by construction: any evolution")
    places = {y for trace in picture.figure.data for y in trace.y if y is not None}
    names = [row["resource"] for row in audit.load_shipped_audit("avparity")["rows"]]
    left = [name for at, name in enumerate(names) if not any(abs(y - at) < 0.5 for y in places)]
    assert left == ["coherence (local basis)", "any evolution"]  # neither has a mean to draw


@pytest.mark.parametrize("model", ["qj-parity", "qcnn-parity"])
def test_conclusion_knows_what_the_quantum_part_has_measured(model: str) -> None:
    app = visit("Why fuse", model=model, why="The quantum part")
    assert not app.error
    study = open_study(model)
    assert Part.RESOURCES not in fusion_summary.find_summary(study, Sample(study, 0, 0)).missing
