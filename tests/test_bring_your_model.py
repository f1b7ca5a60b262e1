"""docs/bring-your-model.md: its programs run in their order, and the explained sample takes at most five lines."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "bring-your-model.md").read_text()
PROGRAMS = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL)
OF_QISKIT = ("qiskit_model.py", "explain_qiskit.py", "bare_circuit.py", "device.py")


def test_programs_of_the_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, code in PROGRAMS:
        Path(name).write_text(code)
    imported = [Path(name).stem for name, _ in PROGRAMS]
    try:
        for name in imported:
            if f"{name}.py" in OF_QISKIT:
                pytest.importorskip("qiskit_machine_learning")
                pytest.importorskip("qiskit_ibm_runtime")
            __import__(name)
    finally:
        for name in imported:
            sys.modules.pop(name, None)
    printed = capsys.readouterr().out
    assert printed.count("'text+audio'") == 4
    assert float(re.findall(r"'text\+audio': ([-\d.e]+)", printed)[-1]) == pytest.approx(
        0, abs=1e-12
    )


def test_from_a_file_to_an_explained_sample_it_takes_at_most_five_lines() -> None:
    code = dict(PROGRAMS)["explain.py"]
    assert len([line for line in code.splitlines() if line.strip()]) <= 5
