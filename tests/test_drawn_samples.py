"""Slow measures use samples drawn at random by default, and all samples in the background on request."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from qfusion.data import compiled_code
from qfusion.data.row_splits import Clusters
from qfusion.explain import cohort_filters
from qfusion.study import cohorts, jobs, maps, opening, performance, trust
from qfusion.study.jobs import State
from qfusion.study.opening import open_sample
from qfusion.study.performance import compare_cohort
from qfusion.views import cohort_points, faithfulness
from qfusion.views.pages import catalogue, rendering
from tests.support.app import plain, said, visit
from tests.support.encoded_models import dataset as dataset, model_of

FILTER = "split=valid; truth>0"  # few samples, each some milliseconds


ADDRESS = {
    "model": "qj-planted",
    "data": "planted",
    "sample": "p0031",
    "filter": FILTER,
    "measure": "negativity",
}


def until(what: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The levels of a cohort, where more than 40 samples are slow and 20 are drawn."""
    monkeypatch.setattr(performance, "MAX_SLOW", 40)
    monkeypatch.setattr(performance, "FEW_SLOW", 20)
    monkeypatch.setattr(jobs, "JOBS", type(jobs.JOBS)())
    return compare_cohort(open_sample("qj-planted", "p0031"), FILTER)


def test_samples_are_drawn_once_and_keep_their_order() -> None:
    first = jobs.drawn_places(500, 100, 40)
    assert first.tolist() == jobs.drawn_places(500, 100, 40).tolist() == sorted(set(first.tolist()))
    assert len(first) == 40
    assert first.max() > 400 > 100 > first.min()
    assert jobs.drawn_places(100, 100, 40).tolist() == list(range(100))
    assert jobs.drawn_places(500, 100, 40, all_samples=True).tolist() == list(range(500))


def test_slow_measures_use_drawn_samples_by_default(few: Any) -> None:
    whole, inside = len(few.rows), int(few.inside.sum())
    assert min(whole, inside) > 40
    some, every = (
        performance.correlate_measures(few, "negativity", "joint", all_samples)
        for all_samples in (False, True)
    )
    assert (len(some.x), len(every.x)) == (20, whole)
    at = jobs.drawn_places(whole, 40, 20)
    np.testing.assert_allclose(some.x, every.x[at], atol=1e-9)
    assert some.correlations["all"]["spearman"].n == 20
    drawn, exact = (
        cohort_points.entanglement(few, measure="negativity", all_samples=all_samples)
        for all_samples in (False, True)
    )
    assert (
        f"one point per sample: 20 samples drawn at random from {whole:,}; intervals: 95%"
        in drawn.caption
    )
    assert f"one point per sample: {whole} samples; intervals" in exact.caption
    assert len(drawn.numbers) == 20
    assert "n = 20" in drawn.title
    assert some.inside.sum() < inside
    assert f"cohort (n = {some.inside.sum()})" in str(drawn.figure)
    quick = performance.correlate_measures(few, "entropy", "joint")
    assert len(quick.x) == whole


@pytest.fixture(scope="module")
def umap_compiles() -> Iterator[None]:
    """UMAP, of which numba compiles what moves the points, as for readers. Its search for neighbours by trees is not
    called of fewer than 4,096 samples, and what is called once runs as Python: numba takes ten times as long for these
    as for all the rest."""
    numba = pytest.importorskip("numba")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numba.config, "DISABLE_JIT", 1)
        pytest.importorskip("pynndescent")
    found = pytest.importorskip("umap").umap_
    with pytest.MonkeyPatch.context() as patch:
        for name in ("fast_knn_indices", "smooth_knn_dist", "compute_membership_strengths"):
            patch.setattr(found, name, getattr(found, name).py_func)
        yield


@pytest.mark.usefixtures("umap_compiles")
def test_map_of_all_samples_has_its_own_name(few: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maps, "MAX_UMAP", 40)
    monkeypatch.setattr(maps, "FEW_UMAP", 20)
    some, every = (
        cohort_points.map_positions(few, "states", "UMAP", all_samples)
        for all_samples in (False, True)
    )
    assert (some.column, every.column) == ("umap[states]", "umap-all[states]")
    assert (len(some.rows), len(every.rows)) == (20, len(few.rows))
    assert (
        "20 of them placed (drawn at random)"
        in cohort_points.sample_map(few, of="states", method="UMAP").caption
    )
    same = cohort_points.map_positions(few, "states", "PCA", True)
    assert same.column == "pca[states]", "all are placed anyway"
    box = maps.region(every, *zip(every.xy.min(0) - 1, every.xy.mean(0), strict=True))
    parts = cohort_filters.parse(f"{box}; split=valid")
    chosen = cohort_filters.select_rows(
        parts, cohorts.cohort_table_with_maps(few.study, None, parts)
    )
    wanted = every.rows[(every.xy <= every.xy.mean(0)).all(1)]
    assert len(wanted) > 10
    assert len(np.setxor1d(np.flatnonzero(chosen), wanted)) <= 2, (
        "all but those at the rounded edge"
    )


COMPILED = """
from qfusion.data import compiled_code

with compiled_code.compiling():
    import numba

    import doubling

print(numba.njit(cache=True)(doubling.double)(21))
"""


def test_compiled_code_is_kept_in_the_cache_folder(tmp_path: Path) -> None:
    """By another process, which reads the variable before it imports Numba."""
    (tmp_path / "doubling.py").write_text("def double(x):\n    return 2 * x\n")
    environment = {name: value for name, value in os.environ.items() if name != compiled_code.CACHE}
    environment |= {
        "QFUSION_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)]),
    }
    done = subprocess.run(
        [sys.executable, "-c", COMPILED], env=environment, capture_output=True, text=True
    )
    assert done.stdout.split() == ["42"], done.stderr
    assert list((tmp_path / "cache" / "numba").rglob("*.nbi"))


@pytest.mark.usefixtures("umap_compiles")
def test_umap_is_reproducible_by_seed() -> None:
    """Beside the other test that has numba compile UMAP, which takes longer than all else here."""
    X = np.r_[
        np.random.default_rng(0).normal(size=(30, 6)),
        np.random.default_rng(1).normal(size=(30, 6)) + 12,
    ]
    first = maps.umap(X)
    assert np.array_equal(first, maps.umap(X))
    assert trustworthiness(X, first, n_neighbors=5) > 0.8
    middle = first[:30].mean(0), first[30:].mean(0)
    assert (
        np.linalg.norm(first[:30] - middle[0], axis=1).max()
        < np.linalg.norm(first[:30] - middle[1], axis=1).min()
    )


def test_feature_deletion_of_large_sets_uses_drawn_samples_with_an_interval(
    dataset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust, "INSIDE", 12)
    split = np.array([*dataset.split[:54], *(["train"] * (len(dataset) - 54))])  # 18 for tests
    clusters = Clusters(np.arange(len(dataset)).astype(str), "videos")
    dataset = replace(dataset, split=split, clusters=clusters)
    card = {
        "data": {"name": "drawn"},
        "inputs": dataset.input_specs,
        "outputs": ["score"],
        "training": {},
        "weights_sha256": "drawn",
    }
    study = opening.build_study("drawn", card, model_of("concatenation", dataset), dataset)
    some, every = (
        trust.feature_curves(study, "text", all_samples=all_samples)
        for all_samples in (False, True)
    )
    whole = len(dataset.rows("test"))
    assert (some.samples, every.samples) == (12, whole)
    assert every.intervals is None
    assert some.intervals is not None
    monkeypatch.setattr(trust, "INSIDE", 1000)  # in one go
    again = trust.feature_curves(study, "text", "integrated gradients")
    monkeypatch.setattr(trust, "INSIDE", 12)
    parts = trust.feature_curves(study, "text", "integrated gradients", all_samples=True)
    np.testing.assert_allclose(parts.deletion, again.deletion, atol=1e-6)
    picture = faithfulness.feature_curves(study, modality="text")
    assert (
        f"The 12 were drawn at random from {whole}; the interval of the area: 95% bootstrap"
        in picture.caption
    )
    assert "videos, not of rows" in picture.caption
    assert (
        "drawn at random from"
        not in faithfulness.feature_curves(study, modality="text", all_samples=True).caption
    )


def test_address_can_request_all_samples(few: Any) -> None:
    some, every = (
        catalogue.build_panel("cohorts", "entanglement", ADDRESS | more)
        for more in ({}, {"measured": "all"})
    )
    assert len(some.numbers) == 20
    assert len(every.numbers) == len(few.rows)
    assert "all_samples=True" in rendering.program(
        "cohorts", "entanglement", ADDRESS | {"measured": "all"}
    )
    with pytest.raises(Exception, match="Samples in slow figures 'most' does not exist"):
        rendering.figure_names(
            "cohorts", {name: [value] for name, value in ADDRESS.items()} | {"measured": ["most"]}
        )


def test_page_computes_all_samples_in_the_background_with_progress(few: Any) -> None:
    app = visit("Cohorts", **ADDRESS)
    assert f"20 samples drawn at random from {len(few.rows)}" in plain(said(app))
    assert not jobs.JOBS
    app.segmented_control(key="measured").set_value("all").run()
    until(lambda: bool(jobs.JOBS) and all(job.state == State.DONE for job in jobs.JOBS.values()))
    app.run()
    assert f"one point per sample: {len(few.rows)} samples; intervals" in plain(said(app))


def test_background_computation_can_be_cancelled(few: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performance, "correlate_measures", _slowly(performance.correlate_measures))
    app = visit("Cohorts", **ADDRESS, measured="all")
    assert "All samples: " in str([element.proto.text for element in app.get("progress")])
    app.button(key="_all-entanglement_cancel").click().run()
    app.run()
    assert "measured" not in app.query_params or app.query_params["measured"] in (
        "drawn",
        ["drawn"],
    )
    (job,) = (job for key, job in jobs.JOBS.items() if key[0] == "entanglement")  # type: ignore[index]
    until(lambda: job.state == State.STOPPED)


def _slowly(related: Callable[..., Any]) -> Callable[..., Any]:
    """Of all_samples as slow as a large set is."""
    from qfusion import _progress

    def slow(levels: Any, measure: str, strength: str, all_samples: bool = False) -> Any:
        if all_samples:
            for _ in _progress.progress_over(range(600), "Waiting", 600):
                time.sleep(0.1)
        return related(levels, measure, strength, all_samples)

    return slow


def test_choice_is_hidden_where_measures_are_fast(tmp_path: Path) -> None:
    app = visit("Cohorts", model="qj-planted")
    assert not [
        group for group in app.get("button_group") if getattr(group, "key", "") == "measured"
    ]
    assert "drawn at random from" not in plain(said(app))
