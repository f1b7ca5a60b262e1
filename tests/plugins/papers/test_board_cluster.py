"""The records of a leaderboard from a Dask cluster equal those of one process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import dask_clusters
from tests.support.dask_clusters import Servers

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "benchmarks"))

import leaderboard  # noqa: E402
import leaderboard_terms as terms  # noqa: E402


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A cluster of two workers, which train for one epoch."""
    before = terms.PLACES["digits"]
    recipe = replace(before.recipe, options=before.recipe.options | dict(epochs=1))
    terms.PLACES["digits"] = replace(before, recipe=recipe)
    with dask_clusters.start_clusters(tmp_path_factory, [(1, 1)], lambda: None) as clusters:
        yield clusters[0]
    terms.PLACES["digits"] = before


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dask_clusters.use_own_places(tmp_path, monkeypatch)


def test_board_records_equal_those_of_one_process(servers: Servers, tmp_path: Path) -> None:
    wanted = [leaderboard.Run("digits", "late", seed) for seed in (0, 1)]
    one, two = (
        leaderboard.collect(wanted, tmp_path / f"{name}.jsonl", folder, address=address)
        for name, folder, address in (
            ("alone", tmp_path / "alone", ""),
            ("shared", tmp_path / "shared", servers.address),
        )
    )
    for alone, shared in zip(one, two, strict=True):
        assert shared["test"] == pytest.approx(alone["test"], abs=1e-9)
        assert shared["key"] == alone["key"]
        assert shared["epochs"] == 1
    assert set(leaderboard.read(tmp_path / "shared.jsonl")) == {run.key for run in wanted}
    robust = leaderboard.robust(one, tmp_path / "alone")["digits"]["late"]
    assert (tmp_path / "shared" / f"robustness-{wanted[0].key}.json").is_file()
    shared = leaderboard.robust(two, tmp_path / "shared")["digits"]["late"]
    assert [row["accuracy"] for row in shared] == pytest.approx(
        [row["accuracy"] for row in robust], abs=1e-9
    )
