"""Drawn and complete backgrounds: progress, cancellation, links and exact numbers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from qfusion import explain
from qfusion._memory_cache import CACHE
from qfusion.data import DataSet
from qfusion.errors import NotFound
from qfusion.study import compare, jobs
from qfusion.study.backends import evaluated
from qfusion.study.jobs import State
from qfusion.study.opening import open_sample, open_study
from qfusion.study.study import Study
from qfusion.views import faithfulness
from qfusion.views.pages import catalogue, rendering
from qfusion.views.pages.address import default_sample
from tests.support.app import plain, said, visit
from tests.support.third_model import DATA, among_the_users

MODEL = (
    "some-rows"  # no other test opens one of that name, whose pictures would be kept for this one
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataSet]:
    """The data set; a model that is evaluated is among the user's."""
    with among_the_users(tmp_path_factory.mktemp("models"), {MODEL: ("mult", {})}) as dataset:
        yield dataset


@pytest.fixture
def slow(trained: DataSet, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The model on its data, as if it could not be run on all rows at once: 16 for the test set, 40 for a sample."""
    study = open_study(MODEL, DATA)
    cost = study.backend.cost
    monkeypatch.setattr(evaluated, "BUDGET", 16 * cost * len(study.explained_rows))
    monkeypatch.setattr(evaluated, "SAMPLE_BUDGET", 40 * cost)
    monkeypatch.setattr(
        evaluated, "STEP", 5 * cost * study.background.size
    )  # five samples at a time
    monkeypatch.setattr(evaluated, "FEWEST", 8)
    monkeypatch.setattr(jobs, "JOBS", type(jobs.JOBS)())
    monkeypatch.setattr(jobs, "AUTO", 1e30)
    _forget()
    yield study
    for job in list(jobs.JOBS.values()):
        job.stop()
    while jobs.RUNNING:  # what goes on would hold the values of the next test
        time.sleep(0.01)
    _forget()


def _forget() -> None:
    for value in (
        Study.sample_background,
        Study.explanation_background,
        Study.explanation,
        Study.opening_sample,
        Study.explained_rows,
    ):
        CACHE.clear(value)


def until(what: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_drawn_backgrounds_give_values_with_errors(slow: Any) -> None:
    row = int(slow.explained_rows[0])
    assert (slow.explanation_background.size, slow.sample_background.size) == (16, 40)
    assert slow.is_sampled
    assert not slow.with_all_rows().is_sampled
    one, exact = slow.explained(row), slow.with_all_rows().explained(row)
    assert one.background == f"product, 40 of {slow.background.size} rows"
    assert one.errors is not None
    assert exact.errors is not None  # of all combinations of rows, as many as there are rows
    assert exact.errors.max() < one.errors.max()
    inputs = slow.dataset.inputs([row], dtype=next(slow.model.parameters()).dtype)
    assert np.array_equal(exact.values, explain.explain(slow.model, inputs, slow.background).values)
    away = np.abs(one.dividends - exact.dividends)
    assert bool((away <= 6 * one.errors + 1e-12).all())


def test_test_set_panels_state_the_number_of_background_rows(slow: Any) -> None:
    assert (
        "Compared with 16 samples drawn at random from the"
        in faithfulness.modality_curves(slow).caption
    )


def test_slow_models_open_with_a_known_example_and_few_samples(
    slow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = str(slow.dataset.ids[slow.dataset.rows("test")[0]])
    monkeypatch.setattr(compare, "find_examples", None)  # explains all test rows
    assert slow.opening_sample == default_sample(slow) == first
    assert slow.with_all_rows().opening_sample == ""
    monkeypatch.setattr(evaluated, "BUDGET", 8 * slow.backend.cost * 5 / evaluated.SLOW)
    CACHE.clear(Study.explained_rows)
    assert slow.explained_rows.tolist() == slow.dataset.rows("test")[:8].tolist(), "the fewest"
    assert len(slow.with_all_rows().explained_rows) == len(slow.dataset.rows("test"))


def test_all_rows_are_computed_in_the_background_exactly(slow: Any) -> None:
    job = jobs.begin_refinement(slow, "me")
    assert jobs.begin_refinement(slow, "you") is job is jobs.find_job(slow.memo_key())
    until(lambda: job.state == State.DONE)
    assert job.done == job.total == len(slow.explained_rows)
    inputs = slow.dataset.inputs(slow.explained_rows, dtype=next(slow.model.parameters()).dtype)
    wanted = explain.explain(slow.model, inputs, slow.background)
    assert np.abs(job.result.explanation.values - wanted.values).max() < 1e-12
    assert slow.with_all_rows() is job.result
    assert job.result.memo_key() != slow.memo_key()
    assert job.result.memo_key(background=False) == slow.memo_key(background=False)
    assert not np.array_equal(job.result.frame()["dividend[fou]"], slow.frame()["dividend[fou]"])


def test_computation_stops_without_readers_and_restarts(
    slow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, parts = threading.Event(), evaluated.EvaluatedBackend.explain_steps

    def held(self: Any) -> Iterator[Any]:
        for part in parts(self):
            yield part
            go.wait(30)

    monkeypatch.setattr(evaluated.EvaluatedBackend, "explain_steps", held)
    job = jobs.begin_refinement(slow, "me")
    jobs.begin_refinement(slow, "you")
    until(lambda: job.done > 0)
    assert job.seconds_left is not None
    jobs.leave_job(slow.memo_key(), "me")
    assert jobs.find_job(slow.memo_key()) is job, "somebody else still waits"
    jobs.leave_job(slow.memo_key(), "you")
    assert jobs.find_job(slow.memo_key()) is None
    again = jobs.begin_refinement(slow, "me")
    assert again is not job
    go.set()
    until(lambda: job.state == State.STOPPED and again.state == State.DONE)


def test_computation_stops_when_the_session_ends(
    slow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.begin_refinement(slow, "me")
    assert job.is_wanted
    monkeypatch.setattr(jobs, "PATIENCE", 0.0)
    assert not job.is_wanted
    assert jobs.find_job(slow.memo_key()) is None or job.state == State.DONE


def test_slow_computations_start_on_request(slow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "AUTO", 0.0)
    app = visit("Cohorts", whole=False, model=MODEL, data=DATA)
    assert jobs.find_job(slow.memo_key()) is None
    app.button(key="_all_rows").click().run()
    assert jobs.find_job(slow.memo_key()) is not None


def test_failed_model_is_reported_and_can_be_retried(
    slow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(evaluated.EvaluatedBackend, "explain_steps", lambda self: iter([1 / 0]))
        job = jobs.begin_refinement(slow, "me")
        until(lambda: job.state == State.FAILED)
        assert job.problem == "division by zero"
    jobs.leave_job(slow.memo_key(), "me")
    until(lambda: jobs.begin_refinement(slow, "me").state == State.DONE)


def test_address_can_request_all_rows(slow: Any) -> None:
    address = {
        "model": MODEL,
        "data": DATA,
        "sample": str(slow.dataset.ids[slow.explained_rows[0]]),
    }
    some, every = (
        catalogue.build_panel("samples", "waterfall", address | more)
        for more in ({}, {"rows": ["all"]})
    )
    assert (
        f"the mean over 40 samples drawn at random from the {slow.background.size} training samples, each modality "
        "drawn" in plain(some.caption)
    )
    assert "Standard error of a term over draws of the background rows: at most 0." in plain(
        some.caption
    )
    assert f"the mean over the {slow.background.size} training samples, each" in plain(
        every.caption
    )
    joint = [
        plain(
            catalogue.build_panel(
                "samples", "waterfall", address | more | {"background": "training set"}
            ).caption
        )
        for more in ({}, {"rows": ["all"]})
    ]
    assert "Standard error" in joint[0]
    assert "Standard error" not in joint[1]
    text = rendering.program("samples", "waterfall", address | {"rows": ["all"]})
    assert "rows='all'" in text
    with pytest.raises(NotFound, match="Rows 'some' does not exist"):
        open_sample(MODEL, address["sample"], DATA, rows="some")


def test_page_offers_all_rows_with_progress_and_link(slow: Any) -> None:
    app = visit("Cohorts", whole=False, model=MODEL, data=DATA)
    assert f"16 rows (the open one with 40) of the background's {slow.background.size}" in plain(
        said(app)
    )
    until(lambda: (job := jobs.find_job(slow.memo_key())) is not None and job.state == State.DONE)
    app.run()
    assert f"use all {slow.background.size} rows" in plain(said(app))
    assert app.query_params["rows"] == "all"
    app.button(key="_some_rows").click().run()
    assert "rows" not in app.query_params
    assert "16 rows (the open one with 40)" in plain(said(app))
    app.button(key="_all_rows").click().run()
    assert f"use all {slow.background.size} rows" in plain(said(app)), "they are there already"


def test_link_with_all_rows_shows_finished_results(slow: Any) -> None:
    app = visit("Samples", whole=False, model=MODEL, data=DATA, rows="all")
    assert not app.exception
    until(lambda: (job := jobs.find_job(slow.memo_key())) is not None and job.state == State.DONE)
    app.run()
    assert app.query_params["rows"] == "all"
    assert f"use all {slow.background.size} rows" in plain(said(app))


def test_computation_can_be_cancelled_on_the_page(
    slow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, parts = threading.Event(), evaluated.EvaluatedBackend.explain_steps

    def held(self: Any) -> Iterator[Any]:
        if self.study.uses_all_rows:  # the page itself explains against drawn rows
            go.wait(60)
        yield from parts(self)

    monkeypatch.setattr(evaluated.EvaluatedBackend, "explain_steps", held)
    app = visit("Samples", whole=False, model=MODEL, data=DATA)
    assert "All rows: 0 of" in str([each.proto.text for each in app.get("progress")])
    app.button(key="_refine_cancel").click().run()
    go.set()
    assert jobs.find_job(slow.memo_key()) is None
    assert app.button(key="_all_rows")


def test_structured_models_are_exact_immediately() -> None:
    study = open_study("qj-parity")
    assert not study.is_sampled
    app = visit("Samples", whole=False, model="qj-parity", rows="all")
    assert "rows" not in plain(said(app)) or "use all" not in plain(said(app))
    assert not app.warning
