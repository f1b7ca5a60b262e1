"""A new setting is one field in one file: checks, `--set`, TOML, the form, the table of the documentation and the card
of a trained model have it. A copy of the package shows so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FIELD = """    warmth: float = Field(
        0.5, ge=0, le=1, title="Warmth", description="Says how warm it is."
    )
"""
PLACES = {
    "of a training": ("qfusion/training/options.py", "    batch: int = Field("),
    "of a model": ("qfusion/models/jump/quantum_jump.py", "    dynamics: Literal["),
}
PROGRAM = """
import json, sys
from streamlit.testing.v1 import AppTest
from qfusion import cli
from scripts import docs_site

def run(*words):
    try:
        cli.main(["train", "--data", "digits", "--model", "quantum-jump", *words])
    except SystemExit as end:
        return end.code or 0

def card(name):
    with open(f"{name}/model.json") as file:
        record = json.load(file)
    return {**record["settings"], **record["training"]}

app = AppTest.from_file("app.py", default_timeout=90)
app.switch_page("pages/train.py")
for key, value in {"new.data": "digits", "new.kind": "quantum-jump"}.items():
    app.query_params[key] = value
app.run()
(box,) = [box for box in app.number_input if box.label == "Warmth"]
with open("plan.toml", "w") as file:
    file.write("[set]\\nepochs = 1\\nwarmth = 0.75\\n")
print(json.dumps({
    "refused": run("--set", "warmth=2", "--out", "none"),
    "by option": (run("--set", "epochs=1", "--set", "warmth=0.25", "--out", "one"), card("one")["warmth"]),
    "by file": (run("--config", "plan.toml", "--out", "two"), card("two")["warmth"]),
    "by default": (run("--set", "epochs=1", "--out", "three"), card("three")["warmth"]),
    "form": (box.value, box.min, box.max, box.help),
    "table": [line for line in docs_site.setting_tables().splitlines() if "warmth" in line],
}), file=sys.stderr)
"""


@pytest.mark.parametrize("place", PLACES)
def test_a_setting_takes_one_field(place: str, tmp_path: Path) -> None:
    for name in ("qfusion", "plotly_live", "plotly_print", "pages", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", tmp_path)
    file, before = PLACES[place]
    text = (tmp_path / file).read_text()
    assert text.count(before) == 1
    (tmp_path / file).write_text(text.replace(before, FIELD + before))
    made = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert made.returncode == 0, made.stderr[-3000:]
    *notes, last = made.stderr.strip().splitlines()
    found = json.loads(last)
    assert found["refused"] == 1
    assert any("`warmth` must lie between 0 and 1, but is '2'" in line for line in notes)
    assert found["by option"] == [0, 0.25]
    assert found["by file"] == [0, 0.75]
    assert found["by default"] == [0, 0.5]
    assert found["form"] == [0.5, 0, 1, "Says how warm it is."]
    assert found["table"] == ["| `warmth` | `0.5` | lie between 0 and 1 | Says how warm it is. |"]
