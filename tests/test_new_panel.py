"""A new panel is one function in one file: its page, links, `figure --link`, its table and its alternative text have
it. A copy of the package shows so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VIEW = '''

@on_page("Dynamics", tab="Decision", fits=TIMED)
def joint_over_time(
    sample: Sample, *, kind: Literal["signed", "size"] = "signed", t: Cursor = 1.0
) -> View:
    """The sum of the joint terms over time."""
    terms = [term for name, term in sample.path_dividends.items() if "+" in name]
    total = np.sum(terms, axis=0)
    values = np.abs(total) if kind == "size" else total
    figure = go.Figure(go.Scatter(x=sample.places, y=values, name=f"{kind} sum (nats)"))
    return View(figure, f"Joint terms until {t:.2f} T", "their sum.", "Does not show each term.")
'''
IMPORTS = """import plotly.graph_objects as go

from qfusion.views.pages.panel import on_page
"""
PROGRAM = """
import json
from streamlit.testing.v1 import AppTest
from qfusion import cli
from qfusion.views.pages import catalogue, rendering

address = {"model": "qj-planted", "data": "planted", "sample": "p0031"}
link = "http://localhost:8501/dynamics?model=qj-planted&data=planted&sample=p0031"
name = "joint-over-time"
picture = catalogue.build_panel("Dynamics", name, {**address, f"{name}.kind": "size", "t": "0.5"})
opened = catalogue.open_page("dynamics", {**address, f"{name}.kind": "size"}).view
elsewhere = catalogue.open_page("dynamics", {**address, "view": "State"}).view
try:
    catalogue.open_page("dynamics", {**address, f"{name}.kind": "large"})
    refused = ""
except Exception as error:
    refused = str(error)
try:
    cli.main(["figure", "--link", f"{link}&{name}.kind=size", "--panel", name, "--out", "joint.json"])
except SystemExit as end:
    assert not end.code
app = AppTest.from_file("app.py", default_timeout=150)
app.session_state["_near"] = ["*"]  # every panel is on the screen
app.switch_page("pages/dynamics.py")
for key, value in {**address, f"{name}.kind": "size"}.items():
    app.query_params[key] = value
app.run()
[control] = [button for button in app.button_group if button.key == f"{name}.kind"]
print(json.dumps({
    "shown": [name in catalogue.visible_panels(view) for view in (opened, elsewhere)],
    "title": picture.title,
    "columns": list(picture.numbers.columns),
    "alternative": picture.alt,
    "refused": refused,
    "program": rendering.program("Dynamics", name, {**address, f"{name}.kind": "size"}),
    "control": [control.label, control.value],
    "errors": [error.value for error in app.exception],
}))
"""


def test_a_panel_takes_one_function(tmp_path: Path) -> None:
    for name in ("qfusion", "plotly_live", "plotly_print", "pages"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", tmp_path)
    file = tmp_path / "qfusion/views/decision.py"
    text = file.read_text()
    assert text.count("import pandas as pd\n") == 1
    file.write_text(text.replace("import pandas as pd\n", f"import pandas as pd\n{IMPORTS}") + VIEW)
    made = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert made.returncode == 0, made.stderr[-3000:]
    found = json.loads(made.stdout.splitlines()[-1])
    assert found["shown"] == [True, False]
    assert found["title"] == "Joint terms until 0.50 T"
    assert found["columns"] == ["x", "size sum (nats)"]
    assert found["alternative"].startswith("Joint terms until 0.50 T. ")
    assert "size sum (nats)" in found["alternative"]
    assert "`joint-over-time.kind`" in found["refused"]
    assert "joint_over_time(sample, kind='size')" in found["program"]
    assert found["control"] == ["Kind", "size"]
    assert found["errors"] == []
    drawn = json.loads((tmp_path / "joint.json").read_text())
    assert drawn["data"][0]["name"] == "size sum (nats)"
