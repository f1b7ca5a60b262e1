"""docs/plugins/qiskit.md: its programs run in their order, after those of the page that they go on from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import page_programs


def test_programs_of_the_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("qiskit_machine_learning", reason="needs the extra `qiskit`")
    pytest.importorskip("qiskit_ibm_runtime", reason="needs the extra `devices`")
    before = page_programs.programs_of("bring-your-model.md")
    programs = {name: before[name] for name in ("model", "trained")}
    programs |= page_programs.programs_of("plugins/qiskit.md")
    page_programs.run_programs(programs, tmp_path, monkeypatch)
    assert capsys.readouterr().out.count("'text+audio'") == 2
