"""docs/plugins/people.md: its programs and commands run in their order, but for those on files that are not here."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from qfusion import cli

PAGE = (
    (Path(__file__).resolve().parents[3] / "docs" / "plugins" / "people.md")
    .read_text()
    .partition("\n## `")[0]
)
STEPS = re.findall(
    r"```python\n# (\w+\.py)\n(.*?)```|^    python -m qfusion ([^\n]*)$",
    PAGE,
    re.DOTALL | re.MULTILINE,
)
ELSEWHERE = "cremad"  # of its recordings and ratings, which are fetched


def test_programs_and_commands_of_the_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("MODELS", "IMPORTED"):
        monkeypatch.setenv(f"QFUSION_{name}", str(tmp_path / name.lower()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    programs = []
    try:
        for name, code, command in STEPS:
            if code:
                Path(name).write_text(code)
                programs.append(Path(name).stem)
                __import__(programs[-1])
            elif ELSEWHERE not in command:
                with pytest.raises(SystemExit) as ended:
                    cli.main(shlex.split(command))
                assert not ended.value.code, command
    finally:
        for name in programs:
            sys.modules.pop(name, None)
    assert programs == ["votes", "crowd", "labels", "features", "beside"]
    printed = capsys.readouterr().out
    assert printed.count("Agreement of people and model") == 3
    assert "30 clips that mcgurk rated are samples of mcgurk-model, matched by file name" in printed
    assert "voice is the model's audio and face is the model's vision" in printed
    assert "clip-0288" in printed


def test_figures_of_the_page_are_those_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {}
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and re.match(r"[+−][0-9.]+$", cells[1]):
            rows[cells[0]] = [float(cell.replace("−", "-")) for cell in cells[1:]]
    names = {
        "decision, κ": ("agreement", "decision"),
        "verdict, κ": ("agreement", "verdict"),
        "leading modality, κ": ("agreement", "leading modality"),
        "sign of the joint terms, κ": ("agreement", "sign of joint terms"),
        "voice, ρ": ("terms", "voice"),
        "face, ρ": ("terms", "face"),
        "voice and face together, ρ": ("terms", "voice+face"),
    }

    for column, scale in enumerate(("log-odds", "probability")):
        with pytest.raises(SystemExit):
            cli.main(shlex.split(f"people --model crowd --beside qj-crowd --scale {scale} --json"))
        record = json.loads(capsys.readouterr().out)
        for name, (table, key) in names.items():
            [row] = [one for one in record[table] if key in (one.get("aspect"), one.get("term"))]
            value = row["kappa" if table == "agreement" else "rank"]
            assert rows[name][column] == pytest.approx(value, abs=0.005001), name
            assert rows[name][2] == pytest.approx(row["halves"], abs=0.005001), name
