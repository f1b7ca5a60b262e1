"""docs/bring-your-model.md: its programs run in their order, and the explained sample takes at most five lines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import page_programs

PROGRAMS = page_programs.programs_of("bring-your-model.md")


def test_programs_of_the_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page_programs.run_programs(PROGRAMS, tmp_path, monkeypatch)
    printed = capsys.readouterr().out
    assert printed.count("'text+audio'") == 2
    assert float(re.findall(r"'text\+audio': ([-\d.e]+)", printed)[-1]) == pytest.approx(
        0, abs=1e-12
    )


def test_from_a_file_to_an_explained_sample_it_takes_at_most_five_lines() -> None:
    code = PROGRAMS["explain"]
    assert len([line for line in code.splitlines() if line.strip()]) <= 5
