"""Chooses the tests of the first tier by their time: writes the slow ones to tests/slow.txt.

    QFUSION_TEST_TIMES=FOLDER pytest --all       measures: a file a process, a line of JSON a test
    python scripts/tiers.py FOLDER               writes tests/slow.txt

A test is slow if one of its cases takes more than 0.4 s of processor time, or all of them together more than
1.2 s; a test of a law of states, explanations or models may take 1 s and 4 s, as the first tier is to find mutants
there.
`pytest` alone leaves slow tests out, see `tests/conftest.py`; `pytest --all` runs all.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parents[1]
SLOW = ROOT / "tests" / "slow.txt"
LONGEST_CASE, LONGEST_SUM = 0.4, 1.2  # seconds of processor time
LONGEST_CASE_OF_LAWS, LONGEST_SUM_OF_LAWS = 1.0, 4.0
# Files of laws of `quantum`, `explain` and `models`.
LAWS = (
    "test_circuit_progress.py",
    "test_clustered_rows.py",
    "test_cohorts.py",
    "test_counterfactual.py",
    "test_evaluated_explanations.py",
    "test_exact_values.py",
    "test_fusion_circuit.py",
    "test_fusion_tests.py",
    "test_information.py",
    "test_light_cone.py",
    "test_many_modalities.py",
    "test_path_attribution.py",
    "test_sensitivity.py",
    "test_state_cuts.py",
    "test_track.py",
    "test_verdict.py",
)
# They stay in the first tier, whatever they take: a visit of every page, and tests that alone kill some mutants.
KEPT = (
    "tests/test_app_circuit.py::test_every_page_opens",
    "tests/test_cli.py::test_explain_writes_one_row_per_sample",
    "tests/test_golden_sentences.py::test_pages_say_the_same_of_a_sample",
    "tests/plugins/programs/test_imported_models.py::test_incompatible_cards_are_refused",
    "tests/plugins/why/test_information.py::test_parts_on_which_estimators_disagree_are_reported",
    "tests/plugins/operators/test_decision_operators.py::test_expectation_equals_the_coalition_value",
    "tests/test_runs.py::test_networks_are_watched",
    "tests/plugins/why/test_state_cuts.py::test_pages_reuse_computed_states",
)


def main(folder: Annotated[Path, typer.Argument(help="Times that a run has written.")]) -> None:
    """Write the names of slow tests, one per line, without their parameters."""
    seconds = read_times(folder)
    slow = sorted(name for name in seconds if is_slow(name, seconds[name]) and name not in KEPT)
    SLOW.write_text("".join(f"{name}\n" for name in slow), encoding="utf-8")
    fast = [value for name in seconds.keys() - set(slow) for value in seconds[name]]
    print(f"{len(slow)} slow tests of {len(seconds)}; the others take {sum(fast):.0f} s.")


def read_times(folder: Path) -> dict[str, list[float]]:
    """Return the seconds of all cases of each test."""
    cases: dict[str, float] = {}
    for file in sorted(folder.iterdir()):
        for line in file.read_text(encoding="utf-8").splitlines():
            name, value = json.loads(line)
            cases[name] = value
    seconds = defaultdict(list)
    for name, value in cases.items():
        seconds[name.split("[")[0]].append(value)
    return dict(seconds)


def is_slow(name: str, seconds: list[float]) -> bool:
    """Whether a test with cases of these seconds is slow."""
    if name.split("::")[0].endswith(LAWS):
        return max(seconds) > LONGEST_CASE_OF_LAWS or sum(seconds) > LONGEST_SUM_OF_LAWS
    return max(seconds) > LONGEST_CASE or sum(seconds) > LONGEST_SUM


if __name__ == "__main__":
    typer.run(main)
