"""A new setting is one field in one file: checks, `--set`, TOML, the form, the table of the documentation and the card
of a trained model have it. A copy of the package shows so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.copied_package import copy_package, edit, run_program

FIELD = """    warmth: float = Field(
        0.5, ge=0, le=1, title="Warmth", description="Says how warm it is."
    )
"""
PLACES = {
    "of a training": ("qfusion/training/options.py", "    batch: int = Field("),
    "of a model": ("qfusion/models/jump/quantum_jump.py", "    dynamics: Literal["),
}
PROGRAM = """
import json
from streamlit.testing.v1 import AppTest
from qfusion import cli
from scripts import docs_reference

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
    "table": [line for line in docs_reference.settings().splitlines() if "warmth" in line],
}))
"""


@pytest.mark.parametrize("place", PLACES)
def test_a_setting_takes_one_field(place: str, tmp_path: Path) -> None:
    copy_package(tmp_path, "scripts")
    file, before = PLACES[place]
    edit(tmp_path / file, {before: FIELD + before})
    found, notes = run_program(tmp_path, PROGRAM)
    assert found["refused"] == 1
    assert any(
        "`warmth` must lie between 0 and 1, but is '2'" in line for line in notes.splitlines()
    )
    assert found["by option"] == [0, 0.25]
    assert found["by file"] == [0, 0.75]
    assert found["by default"] == [0, 0.5]
    assert found["form"] == [0.5, 0, 1, "Says how warm it is."]
    assert found["table"] == ["| `warmth` | `0.5` | lie between 0 and 1 | Says how warm it is. |"]
