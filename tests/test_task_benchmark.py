"""The benchmark of tasks counts actions, and wrong numbers in sentences are noticed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "benchmarks")]

import tasks  # noqa: E402


def test_numbers_of_two_sentences_are_compared() -> None:
    assert tasks.numbers("‘a’: −0.25 → +1.5, 75% of 1200 (t = 0.18); p0031 says nothing") == [
        -0.25,
        1.5,
        75.0,
        1200.0,
        0.18,
    ]
    tasks.agree("score 1.20, 3 of 4", "1.20; 3; 4")
    with pytest.raises(AssertionError, match=r"The page says 'score 1\.20'"):
        tasks.agree("score 1.20", "score 1.21")
    tasks.agree("score 1.20", "score 1.21", within=0.02)


def test_table_marks_impossible_and_unanswered_tasks() -> None:
    found = {
        "why": [tasks.Done(1, [2.0, 1.0, 3.0], [0.0] * 3, "text | audio 40%"), tasks.Done()],
        "data": [
            tasks.Done(8, [9.0], [60.0], "left (+0.42)"),
            tasks.Done(12, [1.0], [0.0], "", "no answer: “Copied”"),
        ],
    }
    found["why"][1].problem = "not possible: no link"
    lines = tasks.table([tasks.row(name, both) for name, both in found.items()]).split("\n")
    assert lines[1] == "| --- | ---: | ---: | ---: | ---: | --- |"
    assert lines[2] == (
        r"| why this decision | 1 | 2.0 | not possible: no link | – | text \| audio 40% |"
    )
    assert lines[3].endswith(
        "| 8 | 9.0 + 60 of waiting for the trainings | 12, no answer | 1.0 | left (+0.42) |"
    )
