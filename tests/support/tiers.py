"""Which tests are slow, and left out of the first tier that `pytest` runs."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
# Slow tests by their time, without parameters; `scripts/tiers.py` writes them.
SLOW_TESTS = frozenset((TESTS / "slow.txt").read_text(encoding="utf-8").split())
# Files that run from one end to the other, in processes, servers and environments of their own, by the beginnings of
# their names. They begin when all other tests have been handed out.
SLOW_FILES = (
    "test_browser_data",
    "test_browser_hostile",
    "test_browser_navigation",
    "test_browser_training",
    "test_foreign_model_pages",
    "test_page_figures_as_files",
    "test_programs",
    "test_memory_at_mosei_size",
    "test_isolation",
    "test_model_upload",
    "test_model_export",
    "test_distributed",
    "test_dask_cluster.py",
    "test_faults",
    "test_people_recordings",
    "test_refinement",  # its tests share what a slow one computes
)


def is_slow(test: str) -> bool:
    """Whether a test, given as pytest names it, is slow by its time or by its file."""
    return test.split("[")[0] in SLOW_TESTS or is_slow_file(test.split("::")[0])


def is_slow_file(path: str | Path) -> bool:
    """Whether all tests of a file are slow."""
    return Path(path).name.startswith(SLOW_FILES)
